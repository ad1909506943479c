"""The sandbox's GitHub: protected branches, code owners, reviews, checks and ways to merge."""

import pytest

from sandbox.github.protection import Protection, owners_of, read_owners
from tests.sandbox.test_github_bench import (
    ALICE,
    BOB,
    BRANCH,
    Hub,
    commit_on,
    open_pull,
    proposed,
    refusal,
    text,
)

OWNERS = "* @alice\n/overlays/prod/ @bob\ndocs/* @acme/writers\n"


@pytest.fixture
def hub(tmp_path):
    with Hub(tmp_path, methods=("merge", "squash", "rebase")).served() as found:
        yield found


def state_of(pull):
    pull.update()
    return pull.mergeable_state


def merging(pull):
    found = refusal(pull.merge)
    return found.status, found.data["message"]


def test_a_merge_waits_for_enough_approvals(hub):
    hub.github.protect(Protection(approvals=2))
    pull = proposed(hub)
    hub.github.review(1, "alice")
    assert state_of(pull) == "blocked"
    assert merging(pull) == (
        405,
        "At least 2 approving reviews are required by reviewers with write access.",
    )

    hub.github.review(1, "bob")
    assert state_of(pull) == "clean"
    pull.merge()


def test_a_comment_does_not_change_a_verdict_and_a_later_verdict_does(hub):
    hub.github.protect(Protection(approvals=1))
    pull = proposed(hub)
    hub.github.review(1, "alice")
    hub.github.review(1, "alice", "COMMENT", "by the way")
    assert state_of(pull) == "clean"

    hub.github.review(1, "bob", "REQUEST_CHANGES", "no")
    assert (state_of(pull), merging(pull)) == ("blocked", (405, "Changes have been requested."))
    hub.github.review(1, "bob")
    assert state_of(pull) == "clean"


@pytest.mark.parametrize(("dismiss", "state"), [(True, "blocked"), (False, "clean")])
def test_approvals_lapse_with_the_next_commit_if_the_rules_say_so(hub, dismiss, state):
    hub.github.protect(Protection(approvals=1, dismiss_stale=dismiss))
    pull = proposed(hub)
    hub.github.review(1, "alice")
    approved = pull.head.sha
    hub.github.push(BRANCH, {"b.txt": "b"}, "More.", "bob")

    assert state_of(pull) == state
    (review,) = pull.get_reviews()
    assert review.state == ("DISMISSED" if dismiss else "APPROVED")
    assert review.commit_id == approved


def test_a_merge_waits_for_its_checks(hub):
    hub.github.protect(Protection(contexts=("llm/two-person", "ci")))
    pull = proposed(hub)
    head = hub.repository().get_commit(pull.head.sha)
    assert merging(pull) == (405, 'Required status check "llm/two-person" is expected.')
    head.create_status("pending", context="llm/two-person")
    assert merging(pull) == (405, 'Required status check "llm/two-person" is pending.')
    head.create_status("failure", context="llm/two-person")
    assert merging(pull) == (405, 'Required status check "llm/two-person" is failing.')
    head.create_status("success", context="llm/two-person")
    assert state_of(pull) == "blocked"

    hub.github.check(pull.head.sha, "ci")
    assert state_of(pull) == "clean"
    assert [(run.name, run.conclusion) for run in head.get_check_runs()] == [("ci", "success")]


def test_a_check_that_nobody_requires_makes_it_unstable_and_no_more(hub):
    pull = proposed(hub)
    hub.github.check(BRANCH, "lint", "failure")

    assert state_of(pull) == "unstable"
    pull.merge()


def test_a_new_commit_starts_its_checks_anew(hub):
    hub.github.protect(Protection(contexts=("ci",)))
    pull = proposed(hub)
    hub.github.check(BRANCH, "ci")
    hub.github.push(BRANCH, {"b.txt": "b"}, "More.", "bob")

    assert state_of(pull) == "blocked"


def test_a_branch_that_must_be_up_to_date_is_behind(hub):
    hub.github.protect(Protection(strict=True))
    pull = proposed(hub)
    assert state_of(pull) == "clean"
    hub.github.push("main", {"README.md": "# new\n"}, "Reword.", "alice")

    assert state_of(pull) == "behind"
    assert merging(pull)[0] == 405


def test_code_owners_are_asked_and_waited_for(hub):
    hub.github.push("main", {".github/CODEOWNERS": OWNERS}, "Own.", "alice")
    hub.github.protect(Protection(code_owners=True))
    pull = proposed(hub)
    assert [user.login for user in pull.get_review_requests()[0]] == ["bob"]
    hub.github.review(1, "alice")
    assert merging(pull) == (405, "Waiting on code owner review from bob.")

    hub.repository(BOB).get_pull(1).create_review(event="APPROVE")
    assert (state_of(pull), pull.requested_reviewers) == ("clean", [])


def test_a_draft_asks_its_owners_once_it_is_ready(hub):
    hub.github.push("main", {"CODEOWNERS": OWNERS}, "Own.", "alice")
    commit_on(hub.repository(), text("overlays/prod/x.yaml", "x"))
    pull = open_pull(hub.repository(), draft=True)
    assert (state_of(pull), pull.requested_reviewers) == ("draft", [])

    hub.github.ready(1, "alice")
    assert state_of(pull) == "clean"
    assert [user.login for user in pull.requested_reviewers] == ["bob"]


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("README.md", ("alice",)),
        ("overlays/prod/a/b.yaml", ("bob",)),
        ("other/overlays/prod/x", ("alice",)),
        ("docs/a.md", ("acme/writers",)),
        ("docs/deep/a.md", ("alice",)),
    ],
)
def test_the_last_line_that_matches_owns_a_file(path, owners):
    assert owners_of(read_owners(OWNERS), [path]) == {owners}


@pytest.mark.parametrize(
    ("pattern", "path", "owned"),
    [
        ("*.yaml", "a/b/c.yaml", True),
        ("*.yaml", "a/b/c.yml", False),
        ("apps/", "x/apps/y/z", True),
        ("/apps/", "x/apps/y/z", False),
        ("**/logs", "a/b/logs/c", True),
        ("/a/**/z", "a/b/c/z", True),
        ("/a", "ab", False),
    ],
)
def test_patterns_of_code_owners_are_those_of_gitignore(pattern, path, owned):
    assert bool(owners_of(read_owners(f"{pattern} @alice  # why\n\n# note\n"), [path])) is owned


def test_a_team_is_its_people(hub):
    hub.github.push("main", {"CODEOWNERS": "* @acme/ops\n"}, "Own.", "alice")
    teams = {"acme/ops": frozenset({"alice", "bob"})}
    hub.github.protect(Protection(code_owners=True, teams=teams))
    pull = proposed(hub)
    assert merging(pull)[1] == "Waiting on code owner review from alice and/or bob."

    hub.github.review(1, "alice")
    assert state_of(pull) == "clean"


def test_reviewers_are_asked_for_by_name(hub):
    pull = proposed(hub)
    pull.create_review_request(reviewers=["alice", "bob"])
    pull.delete_review_request(reviewers=["bob"])
    assert [user.login for user in pull.get_review_requests()[0]] == ["alice"]

    own = refusal(lambda: pull.create_review_request(reviewers=["leadline"]))
    assert own.data["message"] == "Review cannot be requested from pull request author."
    assert refusal(lambda: pull.create_review_request(reviewers=["eve"])).status == 422


def test_a_squash_is_one_commit_of_the_author(hub):
    pull = proposed(hub)
    hub.github.push(BRANCH, {"b.txt": "b"}, "More.", "alice")
    hub.github.push("main", {"README.md": "# new\n"}, "Reword.", "alice")
    base = hub.github.state()["branches"]["main"]
    sha = hub.repository(ALICE).get_pull(pull.number).merge(merge_method="squash").sha

    assert hub.git("log", "-1", "--format=%P", sha) == base
    assert hub.git("log", "-1", "--format=%s|%an|%cn", sha) == "Deploy qwen (#1)|leadline|alice"
    assert hub.github.read("main", "b.txt") == b"b"
    assert hub.github.read("main", "README.md") == b"# new\n"


def test_a_rebase_replays_every_commit(hub):
    pull = proposed(hub)
    hub.github.push(BRANCH, {"b.txt": "b"}, "More.", "alice")
    hub.github.push("main", {"README.md": "# new\n"}, "Reword.", "alice")
    hub.repository(ALICE).get_pull(pull.number).merge(merge_method="rebase")

    shown = hub.git("log", "-3", "--format=%s|%an|%cn", "main").splitlines()
    assert shown == ["More.|alice|alice", "Deploy qwen.|leadline|alice", "Reword.|alice|alice"]
    assert hub.github.read("main", "README.md") == b"# new\n"
    assert hub.git("fsck", "--strict", "--no-dangling") == ""


def test_a_way_of_merging_that_is_switched_off_is_refused(tmp_path):
    with Hub(tmp_path, methods=("squash",)).served() as hub:
        pull = proposed(hub)
        repository = hub.repository()

        assert merging(pull) == (405, "Merge commits are not allowed on this repository.")
        assert (repository.allow_merge_commit, repository.allow_squash_merge) == (False, True)


# -- one file at a time --------------------------------------------------------------------------


def test_a_file_is_made_changed_and_removed_by_commits(hub):
    hub.repository().create_git_ref(f"refs/heads/{BRANCH}", hub.first)
    repository = hub.repository()
    made = repository.create_file("a.txt", "Make.", "one\n", branch=BRANCH)
    changed = repository.update_file("a.txt", "Change.", "2\n", made["content"].sha, branch=BRANCH)
    assert hub.github.read(BRANCH, "a.txt") == b"2\n"

    stale = refusal(
        lambda: repository.update_file("a.txt", "x", "3", made["content"].sha, branch=BRANCH)
    )
    assert stale.status == 409
    assert stale.data["message"] == f"a.txt does not match {made['content'].sha}"
    repository.delete_file("a.txt", "Remove.", changed["content"].sha, branch=BRANCH)
    assert hub.github.read(BRANCH, "a.txt") is None
    messages = [c.commit.message for c in repository.get_commits(sha=BRANCH, path="a.txt")]
    assert messages == ["Remove.", "Change.", "Make."]
    assert [c.commit.message for c in repository.get_commits(sha=BRANCH)][-1] == "Begin."


def test_a_file_of_the_protected_branch_is_not_the_bots_to_write(hub):
    found = refusal(lambda: hub.repository().create_file("a.txt", "Make.", "one"))
    assert found.status == 409

    hub.repository(ALICE).create_file("a.txt", "Make.", "one")
    assert hub.github.read("main", "a.txt") == b"one"


def test_a_file_that_is_there_is_not_replaced_blindly(hub):
    found = refusal(lambda: hub.repository(ALICE).create_file("README.md", "Make.", "one"))

    assert (found.status, found.data["message"]) == (
        422,
        'Invalid request.\n\n"sha" wasn\'t supplied.',
    )


def test_a_check_run_begins_goes_on_and_ends(hub):
    pull = proposed(hub)
    head = hub.repository().get_commit(pull.head.sha)
    seen = []
    for words in ({"status": "queued"}, {"status": "in_progress"}, {"conclusion": "timed_out"}):
        hub.github.check(BRANCH, "ci", **words)
        [run] = head.get_check_runs()
        seen.append((run.id, run.status, run.conclusion, run.completed_at is not None))
    hub.github.check(BRANCH, "ci")

    (number,) = {each[0] for each in seen}
    assert [each[1:] for each in seen] == [
        ("queued", None, False), ("in_progress", None, False), ("completed", "timed_out", True),
    ]  # fmt: skip
    [again] = head.get_check_runs()
    assert (again.conclusion, again.id == number) == ("success", False)
    assert [p.number for p in again.pull_requests] == [pull.number]
    assert [run.conclusion for run in head.get_check_runs(filter="all")] == ["success", "timed_out"]


@pytest.mark.parametrize(
    ("words", "names"),
    [({"check_name": "a"}, ["a"]), ({"status": "queued"}, ["b"]), ({}, ["a", "b"])],
)
def test_check_runs_are_found_by_name_and_status(hub, words, names):
    pull = proposed(hub)
    hub.github.check(BRANCH, "a")
    hub.github.check(BRANCH, "b", status="queued")

    head = hub.repository().get_commit(pull.head.sha)
    assert [run.name for run in head.get_check_runs(**words)] == names


def test_check_runs_and_statuses_come_in_pages_with_their_whole_number(hub):
    pull = proposed(hub)
    head = hub.repository().get_commit(pull.head.sha)
    for number in range(35):
        hub.github.check(BRANCH, f"run{number}")
        head.create_status("success", context=f"status{number}")

    assert len(list(head.get_check_runs())) == head.get_check_runs().totalCount == 35
    status = head.get_combined_status()
    assert (len(status.statuses), status.total_count, status.state) == (30, 35, "success")


@pytest.mark.parametrize(
    ("status", "conclusion"), [("completed", "fine"), ("done", "success"), ("completed", "")]
)
def test_a_check_run_that_github_does_not_have_is_refused(hub, status, conclusion):
    proposed(hub)
    with pytest.raises(ValueError, match="no check run is"):
        hub.github.check(BRANCH, "ci", conclusion, status)


def test_a_required_check_that_runs_holds_a_merge_up(hub):
    hub.github.protect(Protection(contexts=("ci",)))
    pull = proposed(hub)
    hub.github.check(BRANCH, "ci", status="in_progress")

    assert merging(pull) == (405, 'Required status check "ci" is pending.')
