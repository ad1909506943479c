"""The sandbox's GitHub: accounts, Git objects, refs and reading, through the real PyGithub."""

import pytest
import requests
from github import InputGitTreeElement

from sandbox.github.limits import Limits
from tests.sandbox.test_github_bench import (
    ALICE,
    BOT,
    BRANCH,
    Hub,
    commit_on,
    gone,
    proposed,
    ref_of,
    refusal,
    text,
)


@pytest.fixture
def hub(tmp_path):
    with Hub(tmp_path).served() as found:
        yield found


# -- who is calling ------------------------------------------------------------------------------


def test_a_token_says_who_is_calling(hub):
    hub.repository()

    assert hub.clients[0].get_user().login == "leadline"


def test_an_unknown_token_has_bad_credentials(hub):
    found = refusal(lambda: ref_of(hub.repository("ghp_nobody"), "heads/main"))

    assert (found.status, found.data["message"]) == (401, "Bad credentials")


def test_another_repository_is_not_found(hub):
    found = refusal(hub.repository(name="acme/secret").complete)

    assert (found.status, found.data["message"]) == (404, "Not Found")


def test_every_answer_says_how_much_is_left_of_the_hour(hub):
    repository = hub.repository()
    repository.complete()

    assert hub.clients[0].rate_limiting == (4999, 5000)
    assert hub.clients[0].get_rate_limit().rate.remaining == 4999
    assert hub.clients[0].rate_limiting_resettime == 1795550400 + 3600


def test_an_account_that_spent_its_hour_waits_for_the_next_one(tmp_path):
    with Hub(tmp_path, Limits(hourly=2)).served() as hub:
        repository = hub.repository()
        repository.get_branch("main")
        repository.get_branch("main")
        found = refusal(lambda: repository.get_branch("main"))
        hub.time.advance(3600)

        assert found.status == 403
        assert found.data["message"].startswith("API rate limit exceeded")
        assert repository.get_branch("main").commit.sha == hub.first


def test_an_enterprise_address_works_too(hub):
    answer = requests.get(
        f"{hub.url}/api/v3/repos/acme/gitops/git/ref/heads/main",
        headers={"Authorization": f"Bearer {BOT}"},
        timeout=5,
    )

    assert answer.json()["url"] == f"{hub.url}/api/v3/repos/acme/gitops/git/refs/heads/main"


# -- the Git database ----------------------------------------------------------------------------


def test_the_objects_are_those_of_real_git(hub):
    commit = commit_on(hub.repository(), text("overlays/prod/qwen/llm.yaml", "name: qwen\n"))

    assert hub.git("rev-parse", BRANCH) == commit.sha
    assert hub.git("show", f"{BRANCH}:overlays/prod/qwen/llm.yaml") == "name: qwen"
    assert hub.git("show", f"{BRANCH}:README.md") == "# gitops"
    assert hub.git("log", "-1", "--format=%an <%ae> %cI %s", BRANCH) == (
        "leadline <leadline@users.noreply.github.com> 2026-11-24T20:00:00+00:00 Deploy qwen."
    )
    assert hub.git("fsck", "--strict") == ""


def test_a_null_sha_takes_a_file_or_a_folder_out(hub):
    commit_on(hub.repository(), text("a.txt", "a"), gone("overlays/prod/old"))

    assert hub.git("ls-tree", "-r", "--name-only", BRANCH).split() == ["README.md", "a.txt"]


def test_a_tree_reads_back_recursively(hub):
    repository = hub.repository()
    tree = repository.get_git_tree("main", recursive=True)
    blob = repository.get_git_blob(tree.tree[-1].sha)

    assert [(e.path, e.type) for e in tree.tree] == [
        ("README.md", "blob"),
        ("overlays", "tree"),
        ("overlays/prod", "tree"),
        ("overlays/prod/old", "tree"),
        ("overlays/prod/old/llm.yaml", "blob"),
    ]
    assert blob.content == "bmFtZTogb2xkCg==\n"


def test_binary_content_goes_through_a_blob(hub):
    repository = hub.repository()
    blob = repository.create_git_blob("AAEC/w==", "base64")
    commit_on(repository, InputGitTreeElement("x.bin", "100644", "blob", sha=blob.sha))

    assert hub.github.read(BRANCH, "x.bin") == b"\x00\x01\x02\xff"


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (("/etc/passwd", "100644", "x"), "tree.path cannot start with a slash"),
        (("a/../b", "100644", "x"), "tree.path contains a malformed path component"),
        ((".git/config", "100644", "x"), "tree.path contains a malformed path component"),
        (("a", "100777", "x"), "Must supply a valid tree.mode"),
    ],
)
def test_a_tree_that_git_would_not_hold_is_refused(hub, element, message):
    path, mode, content = element
    bad = InputGitTreeElement(path, mode, "blob", content=content)
    found = refusal(lambda: hub.repository().create_git_tree([bad]))

    assert (found.status, found.data["message"]) == (422, message)


def test_taking_out_a_file_that_is_not_there_is_refused(hub):
    repository = hub.repository()
    base = repository.get_git_tree("main")
    found = refusal(lambda: repository.create_git_tree([gone("nope")], base))

    assert (found.status, found.data["message"]) == (422, "GitRPC::BadObjectState")


def test_a_ref_is_found_by_its_exact_name_and_by_its_beginning(hub):
    repository = hub.repository()
    commit_on(repository, text("a", "a"))
    commit_on(repository, text("b", "b"), branch="llm/prod/qwen-2")

    assert ref_of(repository, f"heads/{BRANCH}").ref == f"refs/heads/{BRANCH}"
    assert refusal(lambda: ref_of(repository, "heads/llm/prod")).status == 404
    matching = repository.get_git_matching_refs("heads/llm/prod/")
    assert [r.ref for r in matching] == [f"refs/heads/{BRANCH}", f"refs/heads/{BRANCH}-2"]


def test_a_ref_is_created_once(hub):
    repository = hub.repository()
    commit = commit_on(repository, text("a", "a"))
    found = refusal(lambda: repository.create_git_ref(f"refs/heads/{BRANCH}", commit.sha))

    assert (found.status, found.data["message"]) == (422, "Reference already exists")


@pytest.mark.parametrize(
    ("name", "sha", "message"),
    [
        ("refs/heads/x", "1" * 40, "Object does not exist"),
        ("refs/heads/x..y", None, "refs/heads/x..y is not a valid ref name."),
        ("refs/x", None, "refs/x is not a valid ref name."),
        ("refs/heads/main/x", None, "Reference update failed"),
    ],
)
def test_a_ref_that_cannot_be_is_refused(hub, name, sha, message):
    found = refusal(lambda: hub.repository().create_git_ref(name, sha or hub.first))

    assert (found.status, found.data["message"]) == (422, message)


def test_a_ref_moves_forward_but_backward_only_by_force(hub):
    repository = hub.repository()
    first = commit_on(repository, text("a", "a"))
    second = repository.create_git_commit("More.", first.tree, [first])
    ref = ref_of(repository, f"heads/{BRANCH}")
    ref.edit(second.sha)
    found = refusal(lambda: ref.edit(first.sha))
    assert (found.status, found.data["message"]) == (422, "Update is not a fast forward")

    ref.edit(first.sha, force=True)
    assert hub.github.state()["branches"][BRANCH] == first.sha


def test_a_deleted_ref_is_gone_and_its_pull_request_closed(hub):
    pull = proposed(hub)
    ref = ref_of(hub.repository(), f"heads/{BRANCH}")
    ref.delete()

    assert list(hub.github.state()["branches"]) == ["main"]
    (state,) = hub.github.state()["pulls"]
    assert (state["state"], state["merged"], state["head_sha"]) == ("closed", False, pull.head.sha)
    assert refusal(ref.delete).data["message"] == "Reference does not exist"


def test_the_bot_cannot_move_the_default_branch_but_a_person_can(hub):
    commit = commit_on(hub.repository(), text("a", "a"))
    found = refusal(lambda: ref_of(hub.repository(), "heads/main").edit(commit.sha))
    assert found.status == 422
    assert found.data["message"].startswith("Protected branch update failed for refs/heads/main")
    assert hub.github.state()["branches"]["main"] == hub.first

    ref_of(hub.repository(ALICE), "heads/main").edit(commit.sha)
    assert hub.github.state()["branches"]["main"] == commit.sha


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"message": "x", "tree": "1" * 40}, "Tree SHA does not exist"),
        (
            {"message": "x", "tree": "TREE", "parents": ["1" * 40]},
            "Parent SHA does not exist or is not a commit object",
        ),
    ],
)
def test_a_commit_of_things_that_are_not_there_is_refused(hub, body, message):
    repository = hub.repository()
    tree = repository.get_commit("main").commit.tree.sha
    body = {k: tree if v == "TREE" else v for k, v in body.items()}
    post = repository.requester.requestJsonAndCheck
    url = f"{repository.url}/git/commits"
    found = refusal(lambda: post("POST", url, input=body))

    assert (found.status, found.data["message"]) == (422, message)


# -- reading -------------------------------------------------------------------------------------


def test_a_commit_is_found_by_a_branch_with_slashes(hub):
    commit_on(hub.repository(), text("a.txt", "one\ntwo\n"))
    found = hub.repository().get_commit(BRANCH)

    assert (found.commit.message, found.author.login) == ("Deploy qwen.", "leadline")
    assert [(f.filename, f.status, f.additions, f.patch) for f in found.files] == [
        ("a.txt", "added", 2, "@@ -0,0 +1,2 @@\n+one\n+two")
    ]


def test_contents_are_a_file_or_a_folder(hub):
    repository = hub.repository()
    file = repository.get_contents("overlays/prod/old/llm.yaml", ref="main")
    folder = repository.get_contents("overlays/prod")

    assert (file.decoded_content, file.encoding) == (b"name: old\n", "base64")
    assert [(e.path, e.type) for e in folder] == [("overlays/prod/old", "dir")]
    assert [e.name for e in repository.get_contents("")] == ["README.md", "overlays"]
    assert refusal(lambda: repository.get_contents("nope")).status == 404
    assert refusal(lambda: repository.get_contents("README.md", ref="nope")).status == 404


def test_two_branches_compare(hub):
    proposed(hub)
    hub.github.push("main", {"README.md": "# new\n"}, "Reword.", "alice")
    found = hub.repository().compare("main", BRANCH)

    assert (found.status, found.ahead_by, found.behind_by) == ("diverged", 1, 1)
    assert found.merge_base_commit.sha == hub.first
    assert [f.filename for f in found.files] == ["overlays/prod/qwen/llm.yaml"]


def test_lists_come_in_pages(hub):
    for number in range(5):
        proposed(hub, branch=f"llm/prod/m{number}")
    repository = hub.repository()
    repository.requester.per_page = 2

    assert [p.number for p in repository.get_pulls()] == [5, 4, 3, 2, 1]
    assert len(hub.heard("GET pulls")) == 3
