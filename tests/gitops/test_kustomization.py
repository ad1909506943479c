"""Kustomizations: what reaches outside or would run something is refused, each in one line."""

import os

import pytest

from gitops.errors import BuildError
from gitops.kustomization import MAX_CHAIN, Reader, refuse_unsafe

SAFE = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: default
resources: [../../../kustomize/base, own.yaml]
components: [../../../kustomize/component]
images: [{name: vllm, newName: registry.example/vllm, newTag: v1}]
labels: [{pairs: {a: b}}]
patches: [{path: patch.yaml, target: {kind: Service}}, {patch: "- {op: remove, path: /x}"}]
replacements: [{path: replacement.yaml}]
configurations: [names.yaml]
openapi: {path: schema.json}
configMapGenerator: [{name: a, files: [key=file.txt, other.txt], envs: [a.env], literals: [a=b]}]
transformers: [transformer.yaml]
"""
BUILTIN = "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: x}\n"
FILES = {
    "own.yaml": "",
    "patch.yaml": "",
    "replacement.yaml": "",
    "names.yaml": "",
    "schema.json": "{}",
    "file.txt": "",
    "other.txt": "",
    "a.env": "",
    "transformer.yaml": BUILTIN,
}
OVERLAY = "overlays/prod/a"


def write(root, files):
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "repository"
    write(
        root,
        {
            f"{OVERLAY}/kustomization.yaml": "resources: [own.yaml]\n",
            f"{OVERLAY}/own.yaml": "",
            "kustomize/base/kustomization.yaml": "resources: [base.yaml]\n",
            "kustomize/base/base.yaml": "",
            "kustomize/component/kustomization.yaml": "kind: Component\n",
        },
    )
    write(tmp_path, {"outside/kustomization.yaml": "resources: []\n", "outside/x.yaml": ""})
    return root


def refused(root, folder=OVERLAY):
    with pytest.raises(BuildError) as refusal:
        refuse_unsafe(root, root / folder)
    return str(refusal.value)


def test_what_overlays_do_is_allowed_and_followed(root):
    write(root, {f"{OVERLAY}/{name}": text for name, text in FILES.items()})
    write(root, {f"{OVERLAY}/kustomization.yaml": SAFE})

    refuse_unsafe(root, root / OVERLAY)
    survey = Reader(root).survey(root / OVERLAY)

    assert survey.folders == {OVERLAY, "kustomize/base", "kustomize/component"}
    assert survey.files >= {f"{OVERLAY}/{name}" for name in FILES} | {"kustomize/base/base.yaml"}
    assert survey.fields >= {"namespace", "patches", "openapi"}


REMOTE = "a remote address"
UNSAFE = {
    "http": ("resources: ['http://example.invalid/x.yaml']", REMOTE),
    "https": ("resources: ['https://example.invalid/x.yaml']", REMOTE),
    "git over https": ("resources: ['git::https://example.invalid/x']", REMOTE),
    "ssh": ("resources: ['ssh://git@example.invalid/x']", REMOTE),
    "scp": ("resources: ['git@example.invalid:x/y']", REMOTE),
    "github": ("resources: [github.com/example/x]", "not in the repository"),
    "ref": ("resources: ['../base?ref=main']", REMOTE),
    "remote base": ("bases: ['https://example.invalid/x']", REMOTE),
    "remote component": ("components: ['https://example.invalid/x']", REMOTE),
    "remote patch": ("patches: [{path: 'https://example.invalid/x'}]", REMOTE),
    "remote old patch": ("patchesJson6902: [{path: 'https://example.invalid/x'}]", REMOTE),
    "remote merge": ("patchesStrategicMerge: ['https://example.invalid/x']", REMOTE),
    "remote replacement": ("replacements: [{path: 'https://example.invalid/x'}]", REMOTE),
    "remote configuration": ("configurations: ['https://example.invalid/x']", REMOTE),
    "remote crd": ("crds: ['https://example.invalid/x']", REMOTE),
    "remote schema": ("openapi: {path: 'https://example.invalid/x'}", REMOTE),
    "remote file": ("configMapGenerator: [{files: ['a=https://example.invalid/x']}]", REMOTE),
    "remote envs": ("configMapGenerator: [{envs: ['https://example.invalid/x']}]", REMOTE),
    "remote env": ("configMapGenerator: [{env: 'https://example.invalid/x'}]", REMOTE),
    "remote generator": ("generators: ['https://example.invalid/x']", REMOTE),
    "capital path": ("patches: [{Path: 'https://example.invalid/x'}]", "did you mean path?"),
    "capital schema": ("openapi: {PATH: 'https://example.invalid/x'}", "did you mean path?"),
    "absolute": ("resources: [/etc/passwd]", "an absolute path"),
    "outside": ("resources: [../../../../outside]", "outside the repository"),
    "outside file": ("patches: [{path: ../../../../outside/x.yaml}]", "outside the repository"),
    "in and out": ("resources: [../../../../repository/../outside]", "outside the repository"),
    "blank": ("resources: ['a b.yaml']", "other characters"),
    "backslash": ("resources: ['..\\..\\x']", "other characters"),
    "missing": ("resources: [missing.yaml]", "not in the repository"),
    "Helm": ("helmCharts: [{name: x}]", "helmCharts is refused: Helm"),
    "Helm globals": ("helmGlobals: {chartHome: x}", "helmGlobals is refused"),
    "old Helm": ("helmChartInflationGenerator: [{chartName: x}]", "is refused: Helm"),
    "secret literals": ("secretGenerator: [{literals: [a=b]}]", "would be in Git"),
    "unknown field": ("resource: [own.yaml]", "unknown field resource; did you mean resources?"),
    "capital field": ("Resources: ['https://example.invalid']", "did you mean resources?"),
    "nonsense": ("zzzzzz: 1", "unknown field zzzzzz; remove it"),
    "inline plugin": ('generators: ["kind: X\\napiVersion: v1\\n"]', "would run a program"),
    "inline Helm": (
        'generators: ["apiVersion: builtin\\nkind: HelmChartInflationGenerator\\n"]',
        "HelmChartInflationGenerator is refused",
    ),
    "inline container": (
        r'transformers: ["{apiVersion: builtin, metadata: {annotations: {a/function: x}}}\n"]',
        "would run a container",
    ),
    "inline nonsense": (r'validators: ["a: [\n"]', "holds a plugin"),
    "folder of plugins": ("transformers: [../../../kustomize/base]", "a folder; name a file"),
    "file as component": ("components: [own.yaml]", "a file; name a folder"),
    "itself": ("resources: [.]", "includes itself"),
    "anchor": ("namespace: &a x\nnamePrefix: *a", "anchors and aliases are refused"),
    "twice": ("namespace: a\nnamespace: b", "stands twice"),
    "no mapping": ("- a", "expected a mapping"),
}


@pytest.mark.parametrize(("text", "reason"), UNSAFE.values(), ids=UNSAFE)
def test_an_unsafe_construct_is_refused_in_one_line(root, text, reason):
    write(root, {f"{OVERLAY}/kustomization.yaml": text})

    line = refused(root)

    assert reason in line
    assert OVERLAY in line
    assert "\n" not in line


def test_everything_wrong_is_told_at_once(root):
    write(root, {f"{OVERLAY}/kustomization.yaml": "resources: [/a, 'http://b']\nhelmCharts: []\n"})

    assert len(refused(root).splitlines()) == 3


def test_what_a_base_does_is_refused_too(root):
    write(
        root,
        {
            f"{OVERLAY}/kustomization.yaml": "resources: [../../../kustomize/base]\n",
            "kustomize/base/kustomization.yaml": "helmCharts: []\n",
        },
    )

    assert refused(root).startswith("kustomize/base/kustomization.yaml: helmCharts is refused")


def link_file(root):
    (root / OVERLAY / "own.yaml").unlink()
    (root / OVERLAY / "own.yaml").symlink_to("/etc/passwd")


def link_folder(root):
    (root / "kustomize" / "linked").symlink_to(root / "kustomize" / "base")
    write(root, {f"{OVERLAY}/kustomization.yaml": "resources: [../../../kustomize/linked]\n"})


def link_on_the_way(root):
    (root / "link").symlink_to(root / "kustomize")
    write(root, {f"{OVERLAY}/kustomization.yaml": "resources: [../../../link/base]\n"})


def link_kustomization(root):
    (root / OVERLAY / "kustomization.yaml").unlink()
    (root / OVERLAY / "kustomization.yaml").symlink_to("/etc/passwd")


def link_overlay(root):
    (root / OVERLAY).rename(root / "elsewhere")
    (root / OVERLAY).symlink_to(root / "elsewhere")


@pytest.mark.parametrize(
    "change", [link_file, link_folder, link_on_the_way, link_kustomization, link_overlay]
)
def test_a_symbolic_link_is_refused(root, change):
    change(root)

    assert "is a symbolic link" in refused(root)


def test_a_pipe_is_refused_and_not_read(root):
    (root / OVERLAY / "own.yaml").unlink()
    os.mkfifo(root / OVERLAY / "own.yaml")

    assert "neither a file nor a folder" in refused(root)


def test_a_large_file_is_refused(root):
    write(root, {f"{OVERLAY}/own.yaml": "#" * 1_000_001})

    assert "larger than 1000000 bytes" in refused(root)


def test_a_file_that_is_not_utf_8_is_refused(root):
    (root / OVERLAY / "own.yaml").write_bytes(b"\xff\xfe")

    assert "not UTF-8" in refused(root)


def test_a_plugin_in_a_file_is_refused(root):
    write(
        root,
        {
            f"{OVERLAY}/kustomization.yaml": "generators: [plugin.yaml]\n",
            f"{OVERLAY}/plugin.yaml": "apiVersion: example.invalid/v1\nkind: Exec\n",
        },
    )

    assert "would run a program" in refused(root)


def test_two_kustomizations_in_a_folder_are_refused(root):
    write(root, {f"{OVERLAY}/Kustomization": ""})

    assert "keep exactly one" in refused(root)


def test_a_folder_without_kustomization_is_refused(root):
    write(root, {f"{OVERLAY}/kustomization.yaml": "resources: [../../../overlays]\n"})

    assert "overlays: holds no kustomization.yaml" in refused(root)


def test_a_cycle_is_refused(root):
    write(
        root,
        {
            "a/kustomization.yaml": "resources: [../b]\n",
            "b/kustomization.yaml": "resources: [../c]\n",
            "c/kustomization.yaml": "resources: [../a]\n",
        },
    )

    assert refused(root, "a") == "a: includes itself through c; break the cycle"


def test_a_long_chain_is_refused(root):
    last = MAX_CHAIN
    links = {f"c{n}/kustomization.yaml": f"resources: [../c{n + 1}]\n" for n in range(last)}
    write(root, links | {f"c{last}/kustomization.yaml": "resources: []\n"})

    assert f"more than {MAX_CHAIN} kustomizations deep" in refused(root, "c0")
    refuse_unsafe(root, root / "c1")


def test_a_base_that_two_overlays_share_is_read_once(root):
    write(
        root,
        {
            f"overlays/prod/{n}/kustomization.yaml": "resources: [../../../kustomize/base]\n"
            for n in "bc"
        },
    )
    reader = Reader(root)
    reader.survey(root / "overlays/prod/b")
    (root / "kustomize/base/kustomization.yaml").unlink()

    assert reader.survey(root / "overlays/prod/c").problems == ()


def test_a_folder_outside_is_refused(root):
    assert "outside repository" in refused(root, "../outside")
