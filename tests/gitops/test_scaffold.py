"""A new GitOps repository: what it holds builds, and an upgrade never changes what is built on."""

import fnmatch

import pytest

from gitops import assets
from gitops.build import kustomize
from gitops.checks import load_policy
from gitops.documents import load, load_all
from gitops.environment import Controller, read_environment
from gitops.errors import ConflictError, InvalidRequestError
from gitops.scaffold import Blueprint, read_bases, read_folder, scaffold, upgrade, write

SOURCE = "git+https://github.com/your-org/leadline@v0.2.0"
KUSTOMIZE = read_bases(assets.root())
BASE = "kustomize/engines/sglang/v1"


def made(controller=Controller.ARGOCD, source=SOURCE, **words):
    return scaffold(Blueprint("llm-gitops", controller, source, **words), KUSTOMIZE)


@pytest.mark.parametrize("controller", Controller)
def test_a_new_repository_has_these_files_and_all_bases(controller):
    files = made(controller)

    assert {path for path in files if not path.startswith("kustomize/")} == {
        "README.md",
        "policy.yaml",
        "roles.yaml",
        ".github/CODEOWNERS",
        ".github/workflows/leadline.yaml",
        "overlays/README.md",
        "overlays/staging/environment.yaml",
        f"{controller}/staging.yaml",
    } | ({".sourceignore"} if controller is Controller.FLUX else set())
    assert {p: t for p, t in files.items() if p.startswith("kustomize/")} == KUSTOMIZE


@pytest.mark.parametrize("controller", Controller)
@pytest.mark.parametrize("environment", ["staging", "on", "null", "n"])
def test_its_environment_and_policy_are_read(controller, environment):
    files = made(controller, environment=environment)
    path = f"overlays/{environment}/environment.yaml"

    read = read_environment(files[path], path)
    assert (read.name, read.controller) == (environment, controller)
    assert load_policy(files["policy.yaml"]).entries == ()
    assert load_all(files["roles.yaml"]) == []


def test_every_engine_base_builds_in_it(tmp_path):
    write(tmp_path, made(), new=True)
    folders = sorted((tmp_path / "kustomize" / "engines").glob("*/v*"))

    assert folders
    for folder in folders:
        kinds = [manifest["kind"] for manifest in kustomize(folder)]
        assert sorted(kinds) == ["LeaderWorkerSet", "Service"]


def test_an_overlay_and_a_storage_unit_build_in_it_alone_and_as_flux_lists_them(tmp_path):
    example = read_folder(assets.root(), "overlays/example")
    files = {path.replace("/example/", "/staging/"): text for path, text in example.items()}
    write(tmp_path, {**made(Controller.FLUX), **files})
    root = tmp_path / "overlays" / "staging"
    found = [file.parent for file in root.rglob("kustomization.yaml")]
    folders = sorted(folder for folder in found if not set(found) & set(folder.parents))
    alone = [manifest for folder in folders for manifest in kustomize(folder)]

    # Flux lists the folders that have a kustomization, and every other YAML file it finds.
    ignored = made(Controller.FLUX)[".sourceignore"].splitlines()[-1]
    stray = [
        file
        for file in root.rglob("*.yaml")
        if not any(folder in file.parents for folder in folders)
    ]
    assert [fnmatch.fnmatch(f"/{f.relative_to(tmp_path)}", ignored) for f in stray] == [True]
    (root / "kustomization.yaml").write_text(
        "resources:\n" + "".join(f"- ./{folder.relative_to(root)}\n" for folder in folders)
    )
    together = kustomize(root)

    assert sorted(map(str, together)) == sorted(map(str, alone))
    assert len(folders) == 3


def test_argo_cd_deletes_in_the_background_and_keeps_storage():
    deployments, storage = load_all(made()["argocd/staging.yaml"])

    for applications in (deployments, storage):
        policy = applications["spec"]["template"]["spec"]["syncPolicy"]
        assert policy == {
            "automated": {"prune": True, "selfHeal": True},
            "syncOptions": ["PrunePropagationPolicy=background", "ServerSideApply=true"],
        }
    metadata = deployments["spec"]["template"]["metadata"]
    assert metadata["finalizers"] == ["resources-finalizer.argocd.argoproj.io/background"]
    assert "finalizers" not in storage["spec"]["template"]["metadata"]
    assert storage["spec"]["syncPolicy"] == {"preserveResourcesOnDeletion": True}
    assert [a["spec"]["generators"][0]["git"]["directories"] for a in (deployments, storage)] == [
        [{"path": "overlays/staging/*"}, {"path": "overlays/staging/storage", "exclude": True}],
        [{"path": "overlays/staging/storage/*"}],
    ]


def test_flux_prunes_and_leaves_what_runs_when_its_own_object_goes():
    repository, kustomization = load_all(made(Controller.FLUX)["flux/staging.yaml"])
    spec = kustomization["spec"]

    assert repository["spec"]["url"] == "https://github.com/your-org/llm-gitops.git"
    assert spec["sourceRef"] == {"kind": "GitRepository", "name": repository["metadata"]["name"]}
    assert spec["path"] == "./overlays/staging"
    assert (spec["prune"], spec["force"], spec["deletionPolicy"]) == (True, False, "Orphan")


def test_the_workflow_checks_with_the_given_source_and_may_only_read():
    workflow = load(made()[".github/workflows/leadline.yaml"], "workflow")
    steps = workflow["jobs"]["check"]["steps"]

    assert workflow["on"] == {"pull_request": None}
    assert workflow["permissions"] == {"contents": "read"}
    assert steps[0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert steps[2]["env"] == {"LEADLINE_SOURCE": SOURCE}
    assert steps[3]["run"] == 'leadline check --changed-since "$BASE" --format github'
    assert steps[4]["run"] == 'leadline diff "$BASE" --markdown >> "$GITHUB_STEP_SUMMARY"'
    assert all("${{" not in step.get("run", "") for step in steps)
    assert [step["uses"].count(".") for step in steps if "uses" in step] == [2, 2]


@pytest.mark.parametrize("controller", Controller)
def test_code_owners_cover_the_rules(controller):
    lines = [
        line.split()
        for line in made(controller, owners="@acme/ml @jo")[".github/CODEOWNERS"].splitlines()
        if not line.startswith("#")
    ]

    assert [line[0] for line in lines] == [
        "/.github/",
        "/policy.yaml",
        "/roles.yaml",
        "/overlays/*/environment.yaml",
        "/kustomize/",
        "/kustomize/catalog/",
        "/catalog/",
        f"/{controller}/",
    ]
    assert all(line[1:] == ["@acme/ml", "@jo"] for line in lines)


@pytest.mark.parametrize("controller", Controller)
def test_the_readme_says_what_to_protect(controller):
    readme = made(controller)["README.md"]

    assert "`llm/two-person`" in readme
    assert "review from Code Owners" in readme
    assert "background" in readme
    assert "[[" not in "".join(t for p, t in made(controller).items() if p not in KUSTOMIZE)


@pytest.mark.parametrize(
    "source",
    [
        SOURCE,
        "git+ssh://git@git.example/team/leadline.git@0123abc#subdirectory=python",
        "https://files.example/leadline-0.2.0-py3-none-any.whl#sha256=" + "a" * 64,
        "./wheels/leadline-0.2.0-py3-none-any.whl",
        "/opt/leadline",
        "../leadline",
    ],
)
def test_a_source_that_pip_takes_is_taken(source):
    assert f'"{source}"' in made(source=source)[".github/workflows/leadline.yaml"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"source": "git+https://github.com/your-org/leadline"}, "expected git+https://HOST/PATH@"),
        ({"source": "leadline"}, "expected git+https://HOST/PATH@TAG"),
        ({"source": "--index-url=https://x/y.whl"}, "expected git+https://HOST/PATH@TAG"),
        ({"source": "./a b.whl"}, "expected git+https://HOST/PATH@TAG"),
        ({"source": './a"; id; ".whl'}, "expected git+https://HOST/PATH@TAG"),
        ({"source": "./$(id)"}, "expected git+https://HOST/PATH@TAG"),
        ({"source": "./a\nb"}, "is not allowed"),
        ({"source": "git+https://me:canary@x.example/a@v1"}, "holds a credential"),
        ({"environment": "../x"}, "environment ../x"),
        ({"branch": "--x"}, "branch --x: expected a branch"),
        ({"branch": "a..b"}, "branch a..b: expected a branch"),
        ({"url": "http://x.example/a"}, "repository URL http://x.example/a: expected https"),
        ({"url": "https://me:canary@x.example/a"}, "holds a credential"),
        ({"url": 'https://x.example/a"'}, "expected https://"),
        ({"owners": "everybody"}, "owners everybody: expected teams or people"),
        ({"owners": "@a\n* @b"}, "expected teams or people"),
    ],
)
def test_what_a_new_repository_refuses_is_said_with_the_next_step(words, said):
    with pytest.raises(InvalidRequestError) as refusal:
        made(**words)

    assert said in str(refusal.value)
    assert "canary" not in str(refusal.value)


def test_an_upgrade_adds_a_new_version_beside_the_old_one():
    new = {path.replace("/v1/", "/v2/"): text + "# 2\n" for path, text in KUSTOMIZE.items()
           if path.startswith(BASE)}  # fmt: skip

    found = upgrade(KUSTOMIZE, {**KUSTOMIZE, **new})

    assert found.files == new
    assert found.notes == ("kustomize/engines/sglang/v2: added; deployments adopt it by update",)


def test_an_upgrade_never_changes_a_released_folder_and_says_so():
    theirs = {**KUSTOMIZE, f"{BASE}/service.yaml": "# mine\n"}
    more = {f"{BASE}/more.yaml": "x"}

    assert upgrade(theirs, {**KUSTOMIZE, **more}).files == {}
    assert upgrade(theirs, KUSTOMIZE).notes == (
        (
            f"{BASE}: differs from the released one, and was left as it is, since overlays build"
            " on it; copy yours to a name of its own, then restore it"
        ),
    )


def test_an_upgrade_brings_the_catalogue_and_keeps_what_only_the_repository_has():
    model, mine = "kustomize/catalog/models/qwen3-8b.yaml", "kustomize/catalog/models/mine.yaml"
    theirs = {path: text for path, text in KUSTOMIZE.items() if path != model} | {mine: "id: mine"}
    gpus = "kustomize/catalog/gpus.yaml"

    found = upgrade({**theirs, gpus: "old"}, KUSTOMIZE)

    assert found.files == {model: KUSTOMIZE[model], gpus: KUSTOMIZE[gpus]}
    assert found.notes == (
        f"{model}: added; deployments adopt it by update",
        f"{gpus}: changed; see that no line of yours is lost",
    )


def test_an_upgrade_of_the_newest_repository_is_nothing():
    assert upgrade(KUSTOMIZE, KUSTOMIZE) == upgrade(KUSTOMIZE, {})


def test_files_are_written_into_an_empty_folder_with_git_in_it(tmp_path):
    (tmp_path / ".git").mkdir()
    write(tmp_path, made(), new=True)

    assert read_folder(tmp_path, "kustomize") == KUSTOMIZE
    assert (tmp_path / ".github" / "CODEOWNERS").is_file()


def test_what_runs_leadline_itself_does_not_go_into_a_repository_of_deployments():
    everything = read_folder(assets.root(), "kustomize")

    left_out = {"/".join(path.split("/")[:2]) for path in everything.keys() - KUSTOMIZE.keys()}
    assert left_out == {"kustomize/leadline"}


def test_a_folder_that_holds_files_is_refused(tmp_path):
    (tmp_path / "README.md").write_text("mine")

    with pytest.raises(ConflictError, match="holds files already"):
        write(tmp_path, made(), new=True)
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("../x", InvalidRequestError),
        ("/etc/x", InvalidRequestError),
        ("a//b", InvalidRequestError),
        ("a/./b", InvalidRequestError),
        (".git/config", InvalidRequestError),
        ("a/.GIT/config", InvalidRequestError),
        ("link/x", ConflictError),
        ("file/x", ConflictError),
        ("link", ConflictError),
        ("folder", ConflictError),
    ],
)
def test_one_path_at_fault_and_nothing_is_written(tmp_path, path, error):
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root, outside, root / "folder"):
        folder.mkdir()
    (root / "link").symlink_to(outside)
    (root / "file").write_text("x")

    with pytest.raises(error):
        write(root, {"good": "x", path: "x"})

    assert not (root / "good").exists()
    assert list(outside.iterdir()) == []


def test_a_folder_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(ConflictError, match="not a folder"):
        write(tmp_path / "link", {"a": "x"})


def test_a_link_among_files_is_not_read(tmp_path):
    (tmp_path / "kustomize").mkdir()
    (tmp_path / "kustomize" / "x").symlink_to("/etc/hostname")

    with pytest.raises(InvalidRequestError, match="kustomize/x: not a plain file"):
        read_folder(tmp_path, "kustomize")
