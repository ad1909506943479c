"""`--pull-request`: all five verbs against a GitHub on real sockets, from a working copy."""

import pytest

from tests.adapters.test_forge_bench import Stage

NAME = "qwen3-32b-sglang"
FOLDER = f"overlays/staging/{NAME}"
BRANCH = f"llm/staging/{NAME}"
DEPLOY = ("deploy", "qwen3-32b", "sglang")


@pytest.fixture
def hub(repository, tmp_path, monkeypatch):
    """Return a GitHub whose main is the working copy, and the settings that lead to it."""
    (tmp_path / "hub").mkdir()
    with Stage(tmp_path / "hub").served() as stage:
        stage.github.push("main", repository.snapshot(), "Begin.", "bob")
        monkeypatch.setenv("GITHUB_TOKEN", "bot")
        monkeypatch.setenv("LEADLINE_GITOPS_REPOSITORY", "acme/gitops")
        monkeypatch.setenv("GITHUB_API_URL", stage.url)
        yield stage


@pytest.fixture
def deployed(hub, repository):
    """Bring a deployment onto main, and the working copy up to date with it."""
    repository(*DEPLOY, "--pull-request")
    hub.github.merge(1, "bob")
    repository(*DEPLOY)
    return hub


def pull_of(hub, number):
    return hub.pulls()[number - 1]


def test_deploy_opens_a_pull_request_and_writes_nothing_here(hub, repository):
    before = repository.snapshot()

    said = repository(*DEPLOY, "--reason", "try it", "--pull-request")

    assert said.err == f"pull request #1 opened: {hub.url}/acme/gitops/pull/1\n"
    assert repository.snapshot() == before
    pull = pull_of(hub, 1)
    assert pull["title"].startswith(f"deploy(staging/{NAME}): sglang ")
    assert "asked: “try it”" in pull["body"]
    assert '"requester": "terminal:' in pull["body"]
    assert {"llm", "action/deploy", "env/staging"} <= set(pull["labels"])
    written = hub.folder(BRANCH, FOLDER)
    repository(*DEPLOY, "--reason", "try it")
    snapshot = repository.snapshot()
    assert written == {path: snapshot[path].decode() for path in written}
    assert f"{FOLDER}/llm.yaml" in written


@pytest.mark.parametrize(
    ("words", "title"),
    [
        (("scale", NAME, "2"), f"scale(staging/{NAME}): 1 → 2 groups"),
        (
            ("update", NAME, "--context", "8192"),
            f"update(staging/{NAME}): context the model's → 8192",
        ),
        (("restart", NAME), f"restart(staging/{NAME}): all groups · sglang "),
        (("undeploy", NAME), f"undeploy(staging/{NAME}): 2 GPUs released, storage stays"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_the_other_verbs_open_one_too(deployed, repository, words, title):
    before = repository.snapshot()

    said = repository(*words, "--pull-request")

    assert said.err == f"pull request #2 opened: {deployed.url}/acme/gitops/pull/2\n"
    assert pull_of(deployed, 2)["title"].startswith(title)
    assert repository.snapshot() == before
    deployed.github.merge(2, "bob")
    main = deployed.folder("main", FOLDER)
    assert (main == {}) is (words[0] == "undeploy")


def test_the_same_again_attaches_and_another_wish_amends(hub, repository):
    repository(*DEPLOY, "--pull-request")

    again = repository(*DEPLOY, "--pull-request")
    more = repository(*DEPLOY, "--replicas", "2", "--pull-request")

    link = f": {hub.url}/acme/gitops/pull/1\n"
    attached = "pull request #1 open already, with just what you ask; nothing was written"
    assert again.err == attached + link
    assert more.err == "pull request #1 amended; approvals given before it lapse" + link
    assert len(hub.pulls()) == 1


def test_what_main_has_already_opens_nothing(deployed, repository):
    said = repository(*DEPLOY, "--pull-request")

    assert said.out == f"{FOLDER} is already as you ask; nothing changes\n"
    assert len(deployed.pulls()) == 1


def test_what_only_the_working_copy_has_does_not_slip_in(deployed, repository):
    repository("scale", NAME, "4")

    said = repository("update", NAME, "--context", "8192", "--pull-request")

    assert "replicas: 1" in deployed.folder(BRANCH, FOLDER)[f"{FOLDER}/llm.yaml"]
    assert "replicas: 4" in repository.snapshot()[f"{FOLDER}/llm.yaml"].decode()
    assert said.err.startswith("pull request #2 opened")


def test_a_deployment_that_nobody_pushed_cannot_be_scaled_there(hub, repository):
    repository(*DEPLOY)

    said = repository.attempt("scale", NAME, "2", "--pull-request")

    assert (said.code, said.out) == (1, "")
    assert said.err == (
        f"leadline: deployment {NAME}: {FOLDER}/llm.yaml is not on main; deploy it first\n"
    )


@pytest.mark.parametrize("words", [DEPLOY, ("undeploy", NAME)], ids=["deploy", "undeploy"])
def test_a_secret_in_the_reason_never_leaves(deployed, repository, words):
    since = len(deployed.calls())

    said = repository.attempt(*words, "--reason", "ghp_" + "a" * 36, "--pull-request")

    assert said.code == 1
    assert "holds what looks like a GitHub token" in said.err
    assert deployed.writes(since) == []


def test_json_stays_clean(hub, repository):
    said = repository(*DEPLOY, "--json", "--pull-request")

    assert said.out.startswith("{")
    assert said.err.startswith("pull request #1 opened")


def test_settings_that_are_missing_are_named_at_once(repository, monkeypatch):
    for name in ("GITHUB_TOKEN", "GITHUB_APP_ID", "LEADLINE_GITOPS_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)

    said = repository.attempt(*DEPLOY, "--pull-request")

    assert said.code == 2
    assert "settings missing: GITHUB_TOKEN, LEADLINE_GITOPS_REPOSITORY" in said.err


def test_a_github_that_refuses_ends_with_its_own_exit_code(hub, repository, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "nobody")

    said = repository.attempt(*DEPLOY, "--pull-request")

    assert said.code == 3
    assert said.err.endswith("401 Bad credentials; check GITHUB_TOKEN\n")


def test_somebody_elses_pull_request_is_refused_with_its_link(hub, repository, monkeypatch):
    repository(*DEPLOY, "--pull-request")
    for name in ("LOGNAME", "USER"):
        monkeypatch.setenv(name, "carol")

    said = repository.attempt(*DEPLOY, "--replicas", "2", "--pull-request")

    assert said.code == 1
    assert f"{hub.url}/acme/gitops/pull/1) is still open and terminal:" in said.err
