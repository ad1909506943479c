"""The sandbox's GitHub: ETags, the primary and the secondary limits, and troubles on demand."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from sandbox.github.limits import Limits
from sandbox.github.troubles import Trouble
from tests.sandbox.test_github_bench import (
    ALICE,
    BOT,
    BRANCH,
    Hub,
    commit_on,
    open_pull,
    proposed,
    ref_of,
    refusal,
    text,
)

MAIN = "git/ref/heads/main"


def call(hub, path, method="GET", token=BOT, sent=None, **headers):
    return requests.request(
        method,
        f"{hub.url}/repos/acme/gitops/{path}",
        headers={"Authorization": f"Bearer {token}", **headers},
        json=sent,
        timeout=5,
    )


def at_once(count, act):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))


def comment(hub, token=BOT):
    return call(hub, "issues/1/comments", "POST", token, {"body": "hello"})


# -- conditional requests ------------------------------------------------------------------------


def test_what_has_not_changed_is_a_304_that_costs_nothing(tmp_path):
    with Hub(tmp_path).served() as hub:
        first = call(hub, MAIN)
        again = call(hub, MAIN, **{"If-None-Match": first.headers["ETag"]})
        hub.github.push("main", {"a.txt": "a"}, "More.", "alice")
        changed = call(hub, MAIN, **{"If-None-Match": first.headers["ETag"]})

        assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)
        assert (again.content, again.headers["ETag"]) == (b"", first.headers["ETag"])
        used = [answer.headers["X-RateLimit-Used"] for answer in (first, again, changed)]
        assert used == ["1", "1", "2"]
        assert changed.json()["object"]["sha"] == hub.github.state()["branches"]["main"]


@pytest.mark.parametrize("form", ["{tag}", 'W/"x", {tag}', "strong", "*"])
def test_an_etag_is_known_in_every_form_that_http_allows(tmp_path, form):
    with Hub(tmp_path).served() as hub:
        tag = call(hub, MAIN).headers["ETag"]
        said = tag.removeprefix("W/") if form == "strong" else form.format(tag=tag)

        assert call(hub, MAIN, **{"If-None-Match": said}).status_code == 304
        assert call(hub, MAIN, **{"If-None-Match": 'W/"other"'}).status_code == 200


def test_pygithub_asks_so_and_keeps_what_it_has(tmp_path):
    with Hub(tmp_path).served() as hub:
        pull = hub.repository(ALICE).get_pull(proposed(hub).number)
        pull.complete()

        assert pull.update() is False
        hub.github.push(BRANCH, {"b.txt": "b"}, "More.", "alice")
        assert pull.update() is True


# -- limits --------------------------------------------------------------------------------------


def test_without_limits_there_are_no_headers_of_them(tmp_path):
    with Hub(tmp_path, Limits.none()).served() as hub:
        answer = call(hub, MAIN)
        standing = requests.get(
            f"{hub.url}/rate_limit", headers={"Authorization": f"Bearer {BOT}"}, timeout=5
        )

    assert [name for name in answer.headers if name.startswith("X-RateLimit")] == []
    assert (standing.status_code, standing.json()["message"]) == (
        404,
        "Rate limiting is not enabled.",
    )


@pytest.mark.parametrize(
    ("limits", "asked", "wait"),
    [
        (Limits(content_a_minute=3), 4, 60),
        (Limits(content_an_hour=3), 4, 3600),
        (Limits(points_a_minute=15), 4, 60),
    ],
)
def test_too_many_writes_are_refused_with_the_time_to_wait(tmp_path, limits, asked, wait):
    with Hub(tmp_path).served() as unlimited:
        proposed(unlimited)
        limited = Hub(tmp_path / "limited", limits)
        with limited.served() as hub:
            hub.github.push(BRANCH, {"a.txt": "a"}, "More.", "alice")
            open_pull(hub.repository(ALICE))
            answers = [comment(hub) for _ in range(asked)]
            other = comment(hub, ALICE)
            hub.time.advance(wait)
            later = comment(hub)

    assert [answer.status_code for answer in answers] == [201] * (asked - 1) + [403]
    assert answers[-1].headers["Retry-After"] == str(wait)
    assert answers[-1].json()["message"].startswith("You have exceeded a secondary rate limit.")
    assert (other.status_code, later.status_code) == (201, 201)  # another account, another minute


def test_reads_cost_one_point_and_are_counted_by_endpoint(tmp_path):
    with Hub(tmp_path, Limits(points_a_minute=3)).served() as hub:
        answers = [call(hub, MAIN).status_code for _ in range(4)]

        assert answers == [200, 200, 200, 403]
        assert call(hub, "commits/main").status_code == 200


def test_too_many_requests_at_once_are_refused(tmp_path):
    with Hub(tmp_path, Limits(at_once=2)).served() as hub:
        statuses, lock = [], threading.Lock()

        def ask():
            status = call(hub, MAIN).status_code
            with lock:
                statuses.append(status)

        with hub.github._site.lock:  # requests wait inside until this is let go
            asking = [threading.Thread(target=ask) for _ in range(3)]
            for thread in asking:
                thread.start()
            refused = hub.journal.wait(lambda entry: entry.call == f"GET {MAIN}")
        for thread in asking:
            thread.join()

    assert refused.detail["status"] == 403
    assert sorted(statuses) == [200, 200, 403]


def test_the_documented_limits_are_those_of_the_documentation(tmp_path):
    limits = Limits.documented()
    assert (limits.hourly, limits.content_a_minute, limits.content_an_hour) == (5000, 80, 500)
    assert (limits.points_a_minute, limits.at_once) == (900, 100)

    with Hub(tmp_path, limits).served() as hub:
        hub.github.push(BRANCH, {"a.txt": "a"}, "More.", "alice")
        open_pull(hub.repository(ALICE))
        statuses = [comment(hub).status_code for _ in range(81)]

    assert statuses == [201] * 80 + [403]


def test_a_limit_can_be_a_429_without_a_time(tmp_path):
    limits = Limits(content_a_minute=0, status=429, retry_after=False)
    with Hub(tmp_path, limits).served() as hub:
        answer = call(hub, "git/blobs", "POST", sent={"content": "x"})

    assert (answer.status_code, "Retry-After" in answer.headers) == (429, False)


# -- troubles ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "status", "message"),
    [
        (Trouble("POST pulls", "bare_422"), 422, "Validation Failed"),
        (Trouble("POST git/trees", "tree_missing"), 422, "Tree SHA does not exist"),
        (Trouble("POST git/refs", "reference_update_failed"), 422, "Reference update failed"),
        (Trouble("POST git/.*", "secondary"), 403, "You have exceeded a secondary rate limit."),
        (Trouble("POST pulls", "secondary_429"), 429, "You have exceeded a secondary rate limit."),
        (Trouble("POST pulls", "bad_gateway"), 502, "Server Error"),
    ],
)
def test_a_trouble_befalls_one_call_and_leaves_nothing_behind(tmp_path, trouble, status, message):
    with Hub(tmp_path).served() as hub:
        hub.github.arm(trouble)
        found = refusal(lambda: proposed(hub))
        pulls = hub.github.state()["pulls"]

        assert found.status == status
        assert found.data["message"].startswith(message)
        assert "errors" not in found.data
        assert pulls == []
        proposed(hub, branch="llm/prod/again")  # the next one goes through


def test_a_trouble_waits_for_the_call_it_is_for(tmp_path):
    with Hub(tmp_path).served() as hub:
        hub.github.arm(Trouble("PUT pulls/1/merge", "base_modified", nth=2))
        pull = proposed(hub)
        hub.github.protect(hub.github._site.protection)
        pull.create_issue_comment("x")
        first = refusal(lambda: pull.merge(sha=hub.first))
        second = refusal(pull.merge)
        pull.merge()

    assert (first.status, second.status) == (409, 405)
    assert second.data["message"] == ("Base branch was modified. Review and try the merge again.")


def test_of_many_that_open_the_same_pull_request_one_succeeds(tmp_path):
    with Hub(tmp_path).served() as hub:
        commit_on(hub.repository(), text("a.txt", "a"))
        sent = {"title": "Deploy", "head": BRANCH, "base": "main"}
        statuses = at_once(8, lambda _: call(hub, "pulls", "POST", sent=sent).status_code)

        assert sorted(statuses) == [201, *[422] * 7]
        assert len(hub.github.state()["pulls"]) == 1


def test_of_many_that_replace_the_same_file_one_succeeds(tmp_path):
    with Hub(tmp_path).served() as hub:
        proposed(hub, "a.txt")
        sha = call(hub, f"contents/a.txt?ref={BRANCH}").json()["sha"]

        def replace(number):
            content = base64.b64encode(b"%d" % number).decode()
            sent = {"message": "x", "branch": BRANCH, "sha": sha, "content": content}
            return call(hub, "contents/a.txt", "PUT", sent=sent).status_code

        assert sorted(at_once(6, replace)) == [200, *[409] * 5]


def test_an_unknown_trouble_is_named_at_once():
    with pytest.raises(ValueError, match="no trouble bad_luck; there are bad_credentials"):
        Trouble("POST pulls", "bad_luck")


def test_two_that_move_one_ref_do_not_overwrite_each_other(tmp_path):
    with Hub(tmp_path).served() as hub:
        repository = hub.repository()
        base = commit_on(repository, text("a", "a"))
        new = [repository.create_git_commit(f"{n}.", base.tree, [base]).sha for n in range(6)]
        ref_of(repository, f"heads/{BRANCH}")
        statuses, lock = [], threading.Lock()

        def move(sha):
            sent = {"sha": sha, "force": False}
            status = call(hub, f"git/refs/heads/{BRANCH}", "PATCH", sent=sent).status_code
            with lock:
                statuses.append(status)

        movers = [threading.Thread(target=move, args=(sha,)) for sha in new]
        for thread in movers:
            thread.start()
        for thread in movers:
            thread.join()

    assert sorted(statuses) == [200] + [422] * 5
