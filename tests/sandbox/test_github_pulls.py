"""The sandbox's GitHub: pull requests, merges, faults and the journal, through PyGithub."""

import json
import subprocess

import pytest
import requests

from sandbox.faults import Fault
from tests.sandbox.test_github_bench import (
    ALICE,
    BRANCH,
    Hub,
    commit_on,
    open_pull,
    proposed,
    ref_of,
    refusal,
    text,
)


@pytest.fixture
def hub(tmp_path):
    with Hub(tmp_path).served() as found:
        yield found


# -- pull requests -------------------------------------------------------------------------------


def test_a_pull_request_is_found_by_the_branch_it_comes_from(hub):
    proposed(hub)
    proposed(hub, branch="llm/prod/other")
    repository = hub.repository()

    assert [p.number for p in repository.get_pulls(head=f"acme:{BRANCH}", base="main")] == [1]
    assert [p.number for p in repository.get_pulls(head=f"else:{BRANCH}")] == []
    assert [p.number for p in repository.get_pulls(head=BRANCH)] == [2, 1]  # no owner, no filter


def test_a_pull_request_follows_its_branch(hub):
    pull = proposed(hub)
    sha = hub.github.push(BRANCH, {"b.txt": "b\n"}, "More.", "alice")
    pull.update()

    assert pull.head.sha == sha
    assert [f.filename for f in pull.get_files()] == ["b.txt", "overlays/prod/qwen/llm.yaml"]
    assert [c.commit.message for c in pull.get_commits()] == ["Deploy qwen.", "More."]
    assert (pull.changed_files, pull.mergeable, pull.mergeable_state) == (2, True, "clean")


@pytest.mark.parametrize(
    ("more", "error"),
    [
        (
            {},
            {
                "resource": "PullRequest",
                "code": "custom",
                "message": f"A pull request already exists for acme:{BRANCH}.",
            },
        ),
        (
            {"head": "empty"},
            {
                "resource": "PullRequest",
                "code": "custom",
                "message": "No commits between main and empty",
            },
        ),
        ({"head": "nope"}, {"resource": "PullRequest", "code": "invalid", "field": "head"}),
        ({"base": "nope"}, {"resource": "PullRequest", "code": "invalid", "field": "base"}),
        ({"title": ""}, {"resource": "PullRequest", "code": "missing_field", "field": "title"}),
        (
            {"body": "x" * 65_537},
            {
                "resource": "PullRequest",
                "code": "custom",
                "field": "body",
                "message": "body is too long (maximum is 65536 characters)",
            },
        ),
    ],
)
def test_a_pull_request_that_github_would_refuse_is_refused(hub, more, error):
    proposed(hub)
    hub.repository().create_git_ref("refs/heads/empty", hub.first)
    found = refusal(lambda: open_pull(hub.repository(), **more))

    assert (found.status, found.data["message"]) == (422, "Validation Failed")
    assert found.data["errors"] == [error]
    assert len(hub.github.state()["pulls"]) == 1


def test_a_pull_request_can_be_changed_closed_and_opened_again(hub):
    pull = proposed(hub)
    pull.edit(title="New title", body="New body", state="closed")
    state = hub.github.state()["pulls"][0]
    assert (state["title"], state["body"], state["state"]) == ("New title", "New body", "closed")

    pull.edit(state="open")
    assert hub.github.state()["pulls"][0]["state"] == "open"


def test_a_closed_pull_request_does_not_follow_its_branch(hub):
    pull = proposed(hub)
    pull.edit(state="closed")
    hub.github.push(BRANCH, {"b.txt": "b\n"}, "More.", "alice")

    assert hub.github.state()["pulls"][0]["head_sha"] == pull.head.sha


def test_a_branch_that_was_made_anew_does_not_open_its_closed_pull_request_again(hub):
    pull = proposed(hub)
    pull.edit(state="closed")
    ref_of(hub.repository(), f"heads/{BRANCH}").delete()
    commit_on(hub.repository(), text("other.txt", "a"))
    found = refusal(lambda: pull.edit(state="open"))

    assert found.status == 422
    assert found.data["errors"][0]["message"] == (
        f"state cannot be changed. The {BRANCH} branch was force-pushed or recreated."
    )


def test_nobody_approves_their_own_pull_request(hub):
    pull = proposed(hub)
    found = refusal(lambda: pull.create_review(event="APPROVE"))
    assert (found.status, found.data["errors"]) == (422, ["Can not approve your own pull request"])

    hub.repository(ALICE).get_pull(1).create_review(event="APPROVE", body="ship it")
    (review,) = pull.get_reviews()
    assert (review.user.login, review.state, review.commit_id) == (
        "alice",
        "APPROVED",
        pull.head.sha,
    )


def test_labels_comments_and_statuses_are_kept(hub):
    pull = proposed(hub)
    pull.add_to_labels("llm", "prod")
    pull.add_to_labels("llm")
    comment = pull.create_issue_comment("first")
    comment.edit("second")
    commit = hub.repository().get_commit(pull.head.sha)
    commit.create_status("pending", context="leadline/approval")
    commit.create_status("success", context="leadline/approval", description="bob approved")

    assert [label.name for label in pull.get_labels()] == ["llm", "prod"]
    assert [c.body for c in pull.get_issue_comments()] == ["second"]
    assert (commit.get_combined_status().state, commit.get_statuses().totalCount) == ("success", 2)
    state = hub.github.state()["pulls"][0]
    assert (state["labels"], state["comments"][0]["body"]) == (["llm", "prod"], "second")


# -- merging -------------------------------------------------------------------------------------


def test_a_merge_is_a_real_commit_that_a_clone_sees(hub, tmp_path):
    pull = proposed(hub)
    told = []
    hub.github.on_push.append(lambda branch, sha: told.append((branch, sha)))
    hub.github.push("main", {"README.md": "# new\n"}, "Reword.", "alice")
    merged = hub.repository(ALICE).get_pull(pull.number).merge(sha=pull.head.sha)

    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(hub.path), str(clone)], check=True)
    assert (clone / "overlays/prod/qwen/llm.yaml").read_text() == "name: qwen\n"
    assert (clone / "README.md").read_text() == "# new\n"
    assert hub.git("log", "-1", "--format=%s", "main") == (
        f"Merge pull request #1 from acme/{BRANCH}"
    )
    assert hub.git("log", "-1", "--format=%P", "main").split()[1] == pull.head.sha
    assert told[-1] == ("main", merged.sha)
    assert len(told) == 2


def test_a_merged_pull_request_says_so_and_keeps_its_branch(hub):
    pull = proposed(hub)
    sha = hub.github.merge(pull.number, "alice")
    pull.update()

    assert (pull.merged, pull.state, pull.merged_by.login) == (True, "closed", "alice")
    assert (pull.merge_commit_sha, pull.is_merged()) == (sha, True)
    assert [f.filename for f in pull.get_files()] == ["overlays/prod/qwen/llm.yaml"]
    assert BRANCH in hub.github.state()["branches"]
    assert refusal(lambda: pull.edit(state="open")).status == 422


def test_a_merge_that_github_would_refuse_is_refused(hub):
    pull = proposed(hub)
    mine = hub.repository(ALICE).get_pull(pull.number)

    moved = refusal(lambda: mine.merge(sha=hub.first))
    assert (moved.status, moved.data["message"]) == (
        409,
        "Head branch was modified. Review and try the merge again.",
    )
    squash = refusal(lambda: mine.merge(merge_method="squash"))
    assert squash.data["message"] == "Squash merges are not allowed on this repository."
    mine.merge()
    again = refusal(mine.merge)
    assert (again.status, again.data["message"]) == (405, "Pull Request is not mergeable")


def test_a_conflict_or_a_draft_does_not_merge(hub):
    commit_on(hub.repository(), text("README.md", "# theirs\n"))
    pull = open_pull(hub.repository(), draft=True)
    assert refusal(pull.merge).data["message"] == "Pull Request is still a draft"

    pull.edit(state="closed")
    pull = open_pull(hub.repository())
    hub.github.push("main", {"README.md": "# ours\n"}, "Reword.", "alice")
    pull.update()
    assert (pull.mergeable, pull.mergeable_state) == (False, "dirty")
    assert refusal(pull.merge).status == 405


def test_a_merge_when_main_stands_still_tells_the_listeners_once(hub):
    told = []
    hub.github.on_push.append(lambda *move: told.append(move))
    proposed(hub)
    sha = hub.github.merge(1, "bob")

    assert told == [("main", sha)]


# -- faults and journal --------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["hold", "drop"])
@pytest.mark.parametrize(("moment", "left"), [("before", ["main"]), ("after", [BRANCH, "main"])])
def test_a_broken_call_leaves_the_ref_only_after_the_server_acted(hub, act, moment, left):
    fault = Fault("github", "POST git/refs", moment, act)
    hub.faults.arm(fault)
    fault.released.set()  # a held call is let go at once, and then hangs up
    with pytest.raises(requests.exceptions.ConnectionError):
        commit_on(hub.repository(), text("a", "a"))

    assert fault.reached.is_set()
    assert list(hub.github.state()["branches"]) == left


def test_the_product_way_takes_six_calls(hub):
    proposed(hub)
    base = hub.git("rev-parse", "main")

    assert [e.call for e in hub.journal.entries()] == [
        "GET commits/main",
        "POST git/trees",
        f"GET git/commits/{base}",
        "POST git/commits",
        "POST git/refs",
        "POST pulls",
    ]


def test_the_journal_says_who_did_what_and_what_was_refused(hub):
    proposed(hub)
    refusal(lambda: open_pull(hub.repository()))
    taken, refused = hub.heard("POST pulls")

    assert (taken["ok"], taken["by"], taken["status"], taken["number"]) == (
        True,
        "leadline",
        201,
        1,
    )
    assert taken["sent"]["head"] == BRANCH
    assert (refused["ok"], refused["status"], refused["error"]) == (False, 422, "Validation Failed")
    assert json.dumps(hub.journal.entries()[0].as_json())


def test_the_state_can_be_written_as_json(hub):
    proposed(hub)
    state = json.loads(json.dumps(hub.github.state()))

    assert set(state) == {"branches", "pulls"}
    assert state["pulls"][0]["head_sha"] == state["branches"][BRANCH]
