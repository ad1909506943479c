"""What GitHub documents, asked of our server and, unchanged, of independent emulators.

`tests/sandbox/test_github_hosts.py` starts them and lists where each is known to differ.
"""

import hashlib
import hmac
import itertools
import json
import queue
import re

import pytest
from github import GithubException, InputGitTreeElement
from werkzeug.wrappers import Response

from sandbox.faults import Faults
from sandbox.serving import World, serving
from tests.sandbox.test_github_hosts import HOSTS

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module", params=HOSTS)
def started(request, tmp_path_factory):
    with HOSTS[request.param](tmp_path_factory.mktemp(request.param)) as host:
        yield host
        for client in host.clients:
            client.close()


@pytest.fixture
def host(started, request):
    name = request.node.originalname
    if name in started.lacks:
        pytest.skip(f"not there: {started.lacks[name]}")
    if name in started.differs:
        request.applymarker(pytest.mark.xfail(reason=started.differs[name], strict=True))
    return started


def refusal(act):
    with pytest.raises(GithubException) as caught:
        act()
    return caught.value


def said(error):
    """Return status, message and the texts of the errors."""
    errors = error.data.get("errors") or []
    texts = [one if isinstance(one, str) else one.get("message", "") for one in errors]
    return error.status, " ".join([error.data["message"], *texts])


def new_name():
    return f"llm/prod/m{next(NUMBERS)}"


def blob_id(content):
    data = content.encode()
    return hashlib.sha1(b"blob %d\0%b" % (len(data), data)).hexdigest()  # noqa: S324 - git's own


def branched(host, content="name: x\n"):
    """Make a branch with one more file, through the contents API; return its name."""
    repository, name = host.repo(), new_name()
    repository.create_git_ref(f"refs/heads/{name}", repository.get_branch("main").commit.sha)
    path = f"overlays/{name}.yaml"
    repository.create_file(path, "Deploy.", content, branch=name)
    return name


def opened(host, branch=None, **more):
    branch = branch or branched(host)
    return host.repo().create_pull("main", branch, title="Deploy", body="by alice", **more)


def committed(host, **files):
    """Make a branch as the product does: one tree, one commit, one ref."""
    repository, name = host.repo(), new_name()
    base = repository.get_commit("main")
    lines = [InputGitTreeElement(p, "100644", "blob", content=c) for p, c in files.items()]
    tree = repository.create_git_tree(lines, base.commit.tree)
    commit = repository.create_git_commit("Deploy.", tree, [base.commit])
    repository.create_git_ref(f"refs/heads/{name}", commit.sha)
    return name


def ref_of(repository, name):
    found = repository.get_git_ref(f"heads/{name}")
    found.complete()
    return found


# -- who is calling, and how often ---------------------------------------------------------------


def test_an_unknown_token_is_a_401(host):
    assert said(refusal(host.repo("nobody").complete)) == (401, "Bad credentials")


def test_a_repository_that_is_not_there_is_a_404(host):
    assert said(refusal(host.repo(name="octobot/other").complete)) == (404, "Not Found")


def test_every_answer_counts_against_the_hour(host):
    headers = host.call("git/ref/heads/main").headers

    assert headers["X-RateLimit-Limit"] == "5000"
    assert int(headers["X-RateLimit-Remaining"]) < 5000
    assert headers["X-RateLimit-Resource"] == "core"
    assert int(headers["X-RateLimit-Reset"])


def test_what_has_not_changed_is_a_304(host):
    first = host.call("branches/main")
    again = host.call("branches/main", **{"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.content) == (304, b"")


# -- refs ----------------------------------------------------------------------------------------


def test_a_ref_is_made_once(host):
    repository, name = host.repo(), new_name()
    sha = repository.get_branch("main").commit.sha
    made = repository.create_git_ref(f"refs/heads/{name}", sha)
    again = refusal(lambda: repository.create_git_ref(f"refs/heads/{name}", sha))

    assert (made.ref, made.object.sha) == (f"refs/heads/{name}", sha)
    assert said(again) == (422, "Reference already exists")


def test_a_ref_needs_an_object(host):
    found = refusal(lambda: host.repo().create_git_ref(f"refs/heads/{new_name()}", "1" * 40))

    assert found.status == 422


def test_a_ref_moves_only_forward_without_force(host):
    name = branched(host)
    main = host.repo().get_branch("main").commit.sha
    path = f"git/refs/heads/{name}"
    back = host.call(path, "PATCH", sent={"sha": main})
    forced = host.call(path, "PATCH", sent={"sha": main, "force": True})

    assert back.status_code == 422
    assert (forced.status_code, forced.json()["object"]["sha"]) == (200, main)


def test_a_ref_is_changed_and_deleted_through_its_own_url(host):
    name = branched(host)
    ref = ref_of(host.repo(), name)
    ref.edit(ref.object.sha)
    ref.delete()

    assert refusal(lambda: ref_of(host.repo(), name)).status == 404


def test_a_ref_that_is_not_there_cannot_be_deleted(host):
    assert host.call(f"git/refs/heads/{new_name()}", "DELETE").status_code == 422


def test_refs_are_found_by_their_beginning(host):
    name = branched(host)
    found = host.repo().get_git_matching_refs(f"heads/{name}")

    assert f"refs/heads/{name}" in [ref.ref for ref in found]


# -- the Git database ----------------------------------------------------------------------------


def test_objects_have_the_ids_of_git(host):
    name = committed(host, **{"a/b.txt": "hello\n"})
    repository = host.repo()
    tree = repository.get_git_tree(name, recursive=True)
    found = {entry.path: entry for entry in tree.tree}

    assert found["a/b.txt"].sha == blob_id("hello\n")
    assert (found["a/b.txt"].mode, found["a"].type) == ("100644", "tree")
    assert repository.get_contents("a/b.txt", ref=name).decoded_content == b"hello\n"


def test_a_null_sha_takes_a_file_out(host):
    name = committed(host, **{"a.txt": "a", "b.txt": "b"})
    repository = host.repo()
    base = repository.get_branch(name).commit
    tree = repository.create_git_tree(
        [InputGitTreeElement("a.txt", "100644", "blob", sha=None)], base.commit.tree
    )

    assert "b.txt" in [entry.path for entry in tree.tree]
    assert "a.txt" not in [entry.path for entry in tree.tree]


def test_a_commit_needs_its_tree(host):
    sent = {"message": "x", "tree": "1" * 40, "parents": []}
    answer = host.call("git/commits", "POST", sent=sent)

    assert (answer.status_code, answer.json()["message"]) == (422, "Tree SHA does not exist")


def test_a_commit_needs_no_parents(host):
    tree = host.repo().get_branch("main").commit.commit.tree.sha

    assert host.call("git/commits", "POST", sent={"message": "x", "tree": tree}).status_code == 201


def test_a_commit_keeps_message_tree_and_parent(host):
    name = committed(host, **{"a.txt": "a"})
    commit = host.repo().get_commit(name)

    assert commit.commit.message == "Deploy."
    assert [parent.sha for parent in commit.parents] == [host.repo().get_branch("main").commit.sha]
    assert [(file.filename, file.status) for file in commit.files] == [("a.txt", "added")]


# -- files ---------------------------------------------------------------------------------------


def test_a_file_is_read_with_the_id_of_its_blob(host):
    name = branched(host, "name: y\n")
    file = host.repo().get_contents(f"overlays/{name}.yaml", ref=name)

    assert (file.decoded_content, file.sha) == (b"name: y\n", blob_id("name: y\n"))
    assert refusal(lambda: host.repo().get_contents("nope", ref=name)).status == 404


def test_a_file_is_replaced_only_with_the_sha_it_has(host):
    name = branched(host, "one\n")
    path, repository = f"overlays/{name}.yaml", host.repo()
    repository.update_file(path, "Change.", "two\n", blob_id("one\n"), branch=name)
    stale = refusal(
        lambda: repository.update_file(path, "Change.", "3\n", blob_id("one\n"), branch=name)
    )

    assert stale.status == 409
    assert repository.get_contents(path, ref=name).decoded_content == b"two\n"


def test_a_file_that_is_there_needs_its_sha(host):
    name = branched(host)
    again = refusal(
        lambda: host.repo().create_file(f"overlays/{name}.yaml", "x", "new", branch=name)
    )

    assert again.status == 422


def test_a_file_is_removed(host):
    name = branched(host, "one\n")
    path = f"overlays/{name}.yaml"
    host.repo().delete_file(path, "Remove.", blob_id("one\n"), branch=name)

    assert refusal(lambda: host.repo().get_contents(path, ref=name)).status == 404


def test_commits_are_listed_by_path_newest_first(host):
    name = branched(host, "one\n")
    path, repository = f"overlays/{name}.yaml", host.repo()
    repository.update_file(path, "Change.", "two\n", blob_id("one\n"), branch=name)
    found = repository.get_commits(sha=name, path=path)

    assert [commit.commit.message for commit in found] == ["Change.", "Deploy."]


def test_branches_compare(host):
    name = branched(host)
    found = host.repo().compare("main", name)

    assert (found.status, found.ahead_by, found.behind_by) == ("ahead", 1, 0)
    assert [file.filename for file in found.files] == [f"overlays/{name}.yaml"]


# -- pull requests -------------------------------------------------------------------------------


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

    asked = host.repo().get_pull(pull.number).requested_reviewers
    assert [user.login for user in asked] == [host.reviewer_login]


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


# -- merging -------------------------------------------------------------------------------------


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


# -- webhooks ------------------------------------------------------------------------------------


@pytest.fixture
def hooked(host):
    got = queue.Queue()

    def take(request):
        got.put((request.headers, request.get_data()))
        return Response("", 202)

    with serving(World("receiver", lambda request: request.path, take), Faults()) as server:
        config = {"url": f"{server.url}/", "content_type": "json", "secret": "s3cret"}
        sent = {"name": "web", "active": True, "events": ["*"], "config": config}
        made = host.call("hooks", "POST", sent=sent)
        assert made.status_code == 201
        yield got
        host.call(f"hooks/{made.json()['id']}", "DELETE")


def until(got, event):
    while True:
        headers, body = got.get(timeout=5)
        if headers["X-GitHub-Event"] == event:
            return headers, body


def test_a_webhook_is_signed(host, hooked):
    opened(host)
    headers, body = until(hooked, "pull_request")
    digest = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()

    assert headers["X-Hub-Signature-256"] == f"sha256={digest}"


def test_a_webhook_says_what_happened(host, hooked):
    pull = opened(host)
    told = json.loads(until(hooked, "pull_request")[1])

    assert (told["action"], told["number"]) == ("opened", pull.number)
    assert told["repository"]["full_name"] == host.repository
    assert told["sender"]["login"] == "octobot"


def test_a_webhook_has_a_guid(host, hooked):
    opened(host)
    headers, _ = until(hooked, "pull_request")

    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", headers["X-GitHub-Delivery"])


def test_a_push_through_the_api_is_told(host, hooked):
    name = branched(host)
    _, body = until(hooked, "push")

    assert json.loads(body)["ref"] == f"refs/heads/{name}"
