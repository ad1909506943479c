"""What GitHub documents of a protected branch, asked of our server and, unchanged, of emulators."""

from tests.sandbox.test_github_contract_bench import blob_id, branched, opened, refusal


def approve(host, pull):
    host.repo(host.reviewer).get_pull(pull.number).create_review(event="APPROVE")


def merge(host, pull):
    return host.repo(host.reviewer).get_pull(pull.number).merge()


def test_a_protected_branch_says_so(reviewed):
    assert reviewed.repo().get_branch("main").protected


def test_a_protected_branch_takes_no_file_without_a_pull_request(reviewed):
    found = refusal(lambda: reviewed.repo().create_file("a.txt", "Add.", "a", branch="main"))

    assert found.status == 409


def test_a_protected_branch_is_neither_moved_nor_deleted(reviewed):
    before = reviewed.repo().get_branch("main").commit.sha
    sent = {"sha": reviewed.repo().get_branch(branched(reviewed)).commit.sha}
    moved = reviewed.call("git/refs/heads/main", "PATCH", sent=sent)
    deleted = reviewed.call("git/refs/heads/main", "DELETE")

    # The page of both calls (rest/git/refs) names both statuses without saying which is for what.
    assert {moved.status_code, deleted.status_code} <= {409, 422}
    assert reviewed.repo().get_branch("main").commit.sha == before


def test_a_merge_waits_for_an_approval(reviewed):
    pull = opened(reviewed)
    assert refusal(lambda: merge(reviewed, pull)).status == 405

    approve(reviewed, pull)
    assert merge(reviewed, pull).merged


def test_a_change_that_waits_for_an_approval_is_blocked(reviewed):
    pull = opened(reviewed)
    assert reviewed.repo().get_pull(pull.number).mergeable_state == "blocked"

    approve(reviewed, pull)
    assert reviewed.repo().get_pull(pull.number).mergeable_state == "clean"


def test_a_refused_change_does_not_merge(reviewed):
    pull = opened(reviewed)
    approve(reviewed, pull)
    theirs = reviewed.repo(reviewed.reviewer).get_pull(pull.number)
    theirs.create_review(event="REQUEST_CHANGES", body="no")

    assert refusal(lambda: merge(reviewed, pull)).status == 405


def test_an_approval_lapses_with_the_next_commit(reviewed):
    name = branched(reviewed, "one\n")
    pull = opened(reviewed, name)
    approve(reviewed, pull)
    path = f"overlays/{name}.yaml"
    reviewed.repo().update_file(path, "Change.", "two\n", blob_id("one\n"), branch=name)

    assert refusal(lambda: merge(reviewed, pull)).status == 405
    assert [review.state for review in pull.get_reviews()] == ["DISMISSED"]


def test_a_merge_waits_for_its_checks(checked):
    pull = opened(checked)
    assert refusal(lambda: merge(checked, pull)).status == 405

    checked.repo().get_commit(pull.head.sha).create_status("failure", context="ci")
    assert refusal(lambda: merge(checked, pull)).status == 405

    checked.repo().get_commit(pull.head.sha).create_status("success", context="ci")
    assert merge(checked, pull).merged


def test_a_commit_that_nobody_checked_has_no_check_runs(host):
    sha = host.repo().get_branch("main").commit.sha

    assert host.call(f"commits/{sha}/check-runs").json() == {"total_count": 0, "check_runs": []}
