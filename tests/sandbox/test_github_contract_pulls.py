"""What GitHub documents of pull requests, asked of our server and, unchanged, of two emulators."""

import re

from tests.sandbox.test_github_contract_bench import (
    NUMBERS,
    blob_id,
    branched,
    committed,
    new_name,
    opened,
    refusal,
    said,
)


def test_a_pull_request_says_what_it_is(host):
    name = branched(host)
    pull = opened(host, name)

    assert (pull.state, pull.merged, pull.draft) == ("open", False, False)
    assert (pull.head.ref, pull.base.ref, pull.title) == (name, "main", "Deploy")
    assert pull.head.sha == host.repo().get_branch(name).commit.sha
    assert pull.user.login == "octobot"


def test_a_pull_request_is_found_by_its_branch(host):
    pull = opened(host)
    found = host.repo().get_pulls("open", head=f"octobot:{pull.head.ref}", base="main")

    assert [one.number for one in found] == [pull.number]


def test_one_branch_has_one_open_pull_request(host):
    name = branched(host)
    opened(host, name)
    status, text = said(refusal(lambda: opened(host, name)))

    assert status == 422
    assert "A pull request already exists for octobot:" in text


def test_a_pull_request_needs_commits(host):
    repository, name = host.repo(), new_name()
    repository.create_git_ref(f"refs/heads/{name}", repository.get_branch("main").commit.sha)
    status, text = said(refusal(lambda: opened(host, name)))

    assert status == 422
    assert "No commits between main and" in text


def test_a_pull_request_needs_its_branch(host):
    found = refusal(lambda: opened(host, "nope"))

    assert (found.status, found.data["message"]) == (422, "Validation Failed")


def test_a_pull_request_knows_its_files(host):
    name = branched(host)
    pull = opened(host, name)

    assert [file.filename for file in pull.get_files()] == [f"overlays/{name}.yaml"]


def test_a_pull_request_of_git_data_knows_its_files(host):
    pull = opened(host, committed(host, **{f"x/{next(NUMBERS)}.txt": "a"}))

    assert [file.status for file in pull.get_files()] == ["added"]


def test_a_pull_request_knows_its_commits(host):
    pull = opened(host)

    assert [commit.commit.message for commit in pull.get_commits()] == ["Deploy."]


def test_a_pull_request_follows_its_branch(host):
    name = branched(host, "one\n")
    pull = opened(host, name)
    path = f"overlays/{name}.yaml"
    host.repo().update_file(path, "Change.", "two\n", blob_id("one\n"), branch=name)

    assert host.repo().get_pull(pull.number).head.sha == host.repo().get_branch(name).commit.sha


def test_a_pull_request_is_edited_closed_and_reopened(host):
    pull = opened(host)
    pull.edit(title="New", body="text")
    pull.edit(state="closed")
    closed = host.repo().get_pull(pull.number)
    assert (closed.title, closed.body, closed.state) == ("New", "text", "closed")
    assert closed.closed_at

    pull.edit(state="open")
    assert host.repo().get_pull(pull.number).state == "open"


def test_labels_are_added_and_taken_off(host):
    pull = opened(host)
    pull.add_to_labels("llm", "prod")
    pull.remove_from_labels("prod")

    assert [label.name for label in host.repo().get_pull(pull.number).labels] == ["llm"]


def test_a_label_with_a_slash_is_taken_off(host):
    pull = opened(host)
    pull.add_to_labels("env/prod")
    pull.remove_from_labels("env/prod")

    assert list(pull.get_labels()) == []


def test_comments_are_kept(host):
    pull = opened(host)
    comment = pull.create_issue_comment("first")

    assert [(one.id, one.body) for one in pull.get_issue_comments()] == [(comment.id, "first")]


def test_comments_are_changed(host):
    pull = opened(host)
    pull.create_issue_comment("first").edit("second")

    assert [one.body for one in pull.get_issue_comments()] == ["second"]


def test_reviewers_are_asked(host):
    pull = opened(host)
    pull.create_review_request(reviewers=[host.reviewer_login])

    asked = host.repo().get_pull(pull.number).raw_data.get("requested_reviewers", [])
    assert [user["login"] for user in asked] == [host.reviewer_login]


def test_an_author_is_not_asked_for_a_review(host):
    pull = opened(host)

    assert refusal(lambda: pull.create_review_request(reviewers=["octobot"])).status == 422


def test_nobody_approves_their_own(host):
    pull = opened(host)
    status, text = said(refusal(lambda: pull.create_review(event="APPROVE")))

    assert status == 422
    assert re.search("(?i)can ?not approve your own pull request", text)


def test_somebody_else_approves_a_commit(host):
    pull = opened(host)
    host.repo(host.reviewer).get_pull(pull.number).create_review(event="APPROVE", body="good")

    (review,) = pull.get_reviews()
    assert (review.user.login, review.state) == (host.reviewer_login, "APPROVED")
    assert review.commit_id == pull.head.sha


def test_a_status_is_shown_with_its_commit(host):
    sha = opened(host).head.sha
    commit = host.repo().get_commit(sha)
    commit.create_status("pending", context="ci")
    commit.create_status("success", context="ci")
    combined = commit.get_combined_status()

    assert combined.state == "success"
    assert [(one.context, one.state) for one in combined.statuses] == [("ci", "success")]


def test_a_status_is_one_of_four(host):
    sha = host.repo().get_branch("main").commit.sha

    assert host.call(f"statuses/{sha}", "POST", sent={"state": "good"}).status_code == 422


# -- merging ---------------------------------------------------------------------------------------


def test_a_merge_is_a_commit_of_both(host):
    pull = opened(host)
    before = host.repo().get_branch("main").commit.sha
    merged = host.repo(host.reviewer).get_pull(pull.number).merge(sha=pull.head.sha)
    commit = host.repo().get_commit(merged.sha)

    assert merged.merged
    assert [parent.sha for parent in commit.parents] == [before, pull.head.sha]
    assert host.repo().get_branch("main").commit.sha == merged.sha
    now = host.repo().get_pull(pull.number)
    assert (now.state, now.merged, now.merged_by.login) == ("closed", True, host.reviewer_login)
    assert now.merge_commit_sha == merged.sha


def test_whether_it_is_merged_can_be_asked(host):
    pull = opened(host)
    assert not pull.is_merged()
    pull.merge()

    assert pull.is_merged()


def test_a_squash_is_one_commit(host):
    pull = opened(host)
    before = host.repo().get_branch("main").commit.sha
    merged = pull.merge(merge_method="squash")

    assert [p.sha for p in host.repo().get_commit(merged.sha).parents] == [before]


def test_a_merge_names_the_head_it_means(host):
    pull = opened(host)
    found = refusal(lambda: pull.merge(sha="1" * 40))

    assert said(found) == (409, "Head branch was modified. Review and try the merge again.")


def test_nothing_merges_twice(host):
    pull = opened(host)
    pull.merge()

    assert said(refusal(pull.merge)) == (405, "Pull Request is not mergeable")


def test_what_was_merged_does_not_open_again(host):
    pull = opened(host)
    pull.merge()

    assert refusal(lambda: pull.edit(state="open")).status == 422


def test_a_conflict_does_not_merge(host):
    content = host.repo().get_contents("README.md", ref="main")
    name = branched(host)
    host.repo().update_file("README.md", "Mine.", "mine\n", content.sha, branch=name)
    pull = opened(host, name)
    other = branched(host)
    host.repo().update_file("README.md", "Theirs.", f"{other}\n", content.sha, branch=other)
    opened(host, other).merge()
    found = host.repo().get_pull(pull.number)

    assert (found.mergeable, found.mergeable_state) == (False, "dirty")
    assert said(refusal(found.merge)) == (405, "Pull Request is not mergeable")


def test_a_draft_does_not_merge(host):
    pull = opened(host, draft=True)

    assert (pull.draft, pull.mergeable_state) == (True, "draft")
    assert refusal(pull.merge).status == 405


def test_a_deleted_branch_closes_its_pull_request(host):
    pull = opened(host)
    assert host.call(f"git/refs/heads/{pull.head.ref}", "DELETE").status_code == 204

    assert host.repo().get_pull(pull.number).state == "closed"
