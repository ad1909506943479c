"""Revisions: what changed, what stood there before, and no revision is ever read as an option."""

import subprocess

import pytest

from gitops.errors import InvalidRequestError
from gitops.history import changed_paths, check_out, read_at, touched_overlays

OVERLAYS = ("overlays/dev/a", "overlays/dev/b", "overlays/prod/c", "overlays/prod/broken")


def git(root, *words):
    author = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    return subprocess.run(
        ["git", "-C", str(root), *author, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def write(root, files):
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def commit(root, message="change"):
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "repository"
    base = "resources: [../../../kustomize/base]\n"
    write(
        root,
        {
            "policy.yaml": "rules: []\n",
            "kustomize/base/kustomization.yaml": "resources: [x.yaml]\n",
            "kustomize/base/x.yaml": "a: 1\n",
            "kustomize/component/kustomization.yaml": "kind: Component\n",
            "overlays/dev/a/kustomization.yaml": base,
            "overlays/dev/b/kustomization.yaml": base
            + "components: [../../../kustomize/component]\n",
            "overlays/prod/c/kustomization.yaml": "resources: [own.yaml]\n",
            "overlays/prod/c/own.yaml": "",
            "overlays/prod/broken/kustomization.yaml": "resources: []\n",
        },
    )
    git(root, "init", "-q", "-b", "main")
    commit(root, "first")
    git(root, "checkout", "-qb", "work")
    return root


def touched(root, *changed):
    overlays = [root / overlay for overlay in OVERLAYS]
    return [str(o.relative_to(root)) for o in touched_overlays(root, changed, overlays)]


def test_changes_are_those_since_the_branch_left(root):
    write(root, {"overlays/dev/a/patch.yaml": "", "new folder/ü.yaml": ""})
    git(root, "mv", "policy.yaml", "renamed.yaml")
    commit(root)
    (root / "overlays/prod/c/own.yaml").write_text("changed: 1\n")
    write(root, {"not/added.yaml": "", ".gitignore": "ignored\n", "ignored": ""})
    git(root, "checkout", "-q", "main")
    write(root, {"main.yaml": ""})
    git(root, "add", "main.yaml")
    git(root, "commit", "-qm", "on main")
    git(root, "checkout", "-q", "work")

    assert changed_paths(root, "main") == [
        ".gitignore",
        "new folder/ü.yaml",
        "not/added.yaml",
        "overlays/dev/a/patch.yaml",
        "overlays/prod/c/own.yaml",
        "policy.yaml",
        "renamed.yaml",
    ]


def test_a_file_is_read_as_it_stood(root):
    (root / "policy.yaml").write_text("rules: [changed]\n")
    commit(root)

    assert read_at(root, "main", "policy.yaml") == "rules: []\n"
    assert read_at(root, "HEAD", "policy.yaml") == "rules: [changed]\n"
    assert read_at(root, "main", "absent.yaml") is None


@pytest.mark.parametrize("path", ["kustomize", "link", "binary"])
def test_only_files_of_text_are_read(root, path):
    (root / "link").symlink_to("/etc/passwd")
    (root / "binary").write_bytes(b"\xff")
    commit(root)

    with pytest.raises(InvalidRequestError, match=path):
        read_at(root, "HEAD", path)


def test_a_revision_is_written_out_byte_for_byte(root, tmp_path):
    write(
        root,
        {
            ".gitattributes": "overlays/prod/** export-ignore\n*.yaml text eol=crlf\n",
            "empty.yaml": "",
            "two\nlines.yaml": "x",
        },
    )
    commit(root)
    into = tmp_path / "out"

    check_out(root, "HEAD", into)

    files = {f.relative_to(into): f.read_bytes() for f in into.rglob("*") if f.is_file()}
    names = git(root, "ls-files", "-z").split("\0")
    assert {str(name) for name in files} == {name for name in names if name}
    assert all(b"\r" not in content for content in files.values())
    assert (into / "overlays/prod/c/own.yaml").is_file()


def test_a_revision_with_a_link_is_refused(root, tmp_path):
    (root / "overlays/dev/link").symlink_to("/etc")
    commit(root)

    with pytest.raises(InvalidRequestError, match="overlays/dev/link at HEAD"):
        check_out(root, "HEAD", tmp_path / "out")

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "revision",
    ["--upload-pack=x", "-n", "--output=x", "", "main..work", "main...work", "a b", "x\ny", ":/a"],
)
def test_what_is_no_revision_is_refused(root, revision):
    with pytest.raises(InvalidRequestError, match="expected a branch, tag or commit"):
        changed_paths(root, revision)


def test_an_unknown_revision_says_what_to_do(root):
    with pytest.raises(InvalidRequestError, match="absent: not in repository; fetch it"):
        read_at(root, "absent", "policy.yaml")


def test_a_revision_without_common_history_says_what_to_do(root):
    git(root, "checkout", "-q", "--orphan", "island")
    git(root, "commit", "-qm", "island")

    with pytest.raises(InvalidRequestError, match="no common history with HEAD; fetch"):
        changed_paths(root, "main")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("overlays/dev/a/llm.yaml", ["overlays/dev/a"]),
        ("overlays/dev/a/deleted.yaml", ["overlays/dev/a"]),
        ("kustomize/base/x.yaml", ["overlays/dev/a", "overlays/dev/b"]),
        ("kustomize/component/x.yaml", ["overlays/dev/b"]),
        ("overlays/dev/environment.yaml", []),
        ("policy.yaml", []),
        ("README.md", []),
    ],
)
def test_a_change_touches_those_that_reach_it(root, changed, expected):
    assert touched(root, changed) == expected


def test_an_overlay_that_cannot_be_followed_is_touched(root):
    broken = root / "overlays/prod/broken/kustomization.yaml"
    broken.write_text("resources: [../../../gone]\n")

    assert touched(root, "README.md") == ["overlays/prod/broken"]


def test_nothing_changed_touches_nothing(root):
    assert touched(root) == []
