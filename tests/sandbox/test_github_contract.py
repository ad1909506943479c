"""What GitHub documents of repositories, asked of our server and, unchanged, of two emulators.

`tests/sandbox/test_github_differences.py` lists where the emulators are known to differ; pull
requests, webhooks and Apps have modules of their own beside this one.
"""

import base64
import json

import requests
from github import InputGitTreeElement

from tests.sandbox.test_github_contract_bench import (
    blob_id,
    branched,
    committed,
    new_name,
    ref_of,
    refusal,
    said,
)

# -- who is calling, and how often -----------------------------------------------------------------


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
    again = host.call("branches/main", **{"If-None-Match": first.headers.get("ETag")})

    assert (again.status_code, again.content) == (304, b"")


def test_the_hour_can_be_asked_without_using_it_up(host):
    first, second = (host.repo().requester.requestJson("GET", "/rate_limit") for _ in range(2))
    core = [json.loads(body)["resources"]["core"] for _, _, body in (first, second)]

    assert [one["limit"] for one in core] == [5000, 5000]
    assert core[0]["remaining"] == core[1]["remaining"]


def test_a_list_comes_in_pages(host):
    branched(host)
    first = host.call("branches?per_page=1")
    (rest,) = requests.utils.parse_header_links(first.headers["Link"])[:1]
    second = requests.get(rest["url"], headers=first.request.headers, timeout=10)

    assert rest["rel"] in ("next", "last")
    assert len(first.json()) == len(second.json()) == 1
    assert first.json() != second.json()


# -- refs ------------------------------------------------------------------------------------------


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


# -- the Git database ------------------------------------------------------------------------------


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


def test_a_blob_keeps_its_bytes(host):
    made = host.repo().create_git_blob(base64.b64encode(b"\0\xff").decode(), "base64")
    found = host.repo().get_git_blob(made.sha)

    assert base64.b64decode(found.content) == b"\0\xff"
    assert (found.encoding, found.size) == ("base64", 2)


def test_a_path_that_git_does_not_take_is_refused(host):
    tree = [{"path": "../a", "mode": "100644", "type": "blob", "content": "a"}]

    assert host.call("git/trees", "POST", sent={"tree": tree}).status_code == 422


# -- files -----------------------------------------------------------------------------------------


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
