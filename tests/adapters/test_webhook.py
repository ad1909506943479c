"""GitHub's webhook over a real socket and a real Redis protocol: what wakes the watcher."""

import contextlib
import http.client
import json
import threading
from dataclasses import dataclass

import pytest

from bot.store import Proposal
from bot.store.connection import EDGE, connect
from bot.store.redis import RedisStore
from bot.store.shared import RedisShared
from bot.web import by_path, serve
from bot.webhook import LIMIT, MOST, webhook
from sandbox.github.hooks import signature
from sandbox.redis import serving_redis

SECRET = "s3cret"
OURS = {"full_name": "Acme/GitOps"}
PULL = {"action": "opened", "pull_request": {"number": 7}, "repository": OURS}
PROPOSAL = Proposal(
    "example", "m1", "default", "m", "m", "sglang 1", "s", "tp2", 2, "st", 12, "u", "C1", "1.1", "U"
)


@dataclass
class Answer:
    status: int
    line: str


class Receiver:
    """The webhook behind a real server."""

    def __init__(self, redis, port):
        self.redis, self.port = redis, port
        self.number = 0

    def send(self, body=PULL, event="pull_request", secret=SECRET, delivery=None, **headers):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.number += 1
        wanted = {
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": delivery or f"d-{self.number}",
            "X-Hub-Signature-256": signature(secret, raw),
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(raw, {name: value for name, value in wanted.items() if value is not None})

    def ask(self, raw, headers, method="POST", path="/github/webhook"):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, 5)) as asking:
            asking.request(method, path, raw, headers)
            answer = asking.getresponse()
            return Answer(answer.status, answer.read().decode().strip())

    def woken(self):
        """Return the numbers that wait for the watcher, and forget them."""
        return [int(number) for number in self.redis.lpop("leadline:wakes", 100) or []]


@contextlib.contextmanager
def receiving(url, repository="acme/gitops"):
    redis, stop, opened = connect(url, EDGE), threading.Event(), threading.Event()
    store = RedisStore(redis)
    app = webhook(SECRET, repository, RedisShared(redis), store.proposals)
    made = Receiver(redis, 0)

    def ready(port):
        made.port = port
        opened.set()

    args = (by_path({"/github/webhook": app}), "127.0.0.1", 0, ready, stop)
    server = threading.Thread(target=serve, args=args)
    server.start()
    assert opened.wait(5)
    try:
        yield made
    finally:
        stop.set()
        server.join()


@pytest.fixture(scope="module")
def receiver():
    with serving_redis() as url, receiving(url) as made:
        RedisStore(made.redis).propose(PROPOSAL)
        yield made


@pytest.fixture(autouse=True)
def _none_wait(receiver):
    receiver.woken()


RUN = {"pull_requests": [{"number": 7}, {"number": 8}], "check_suite": {"head_branch": "x"}}
OF_BRANCH = {"pull_requests": [], "check_suite": {"head_branch": "llm/example/m1"}}


@pytest.mark.parametrize(
    ("event", "body", "woken"),
    [
        ("pull_request", {"pull_request": {"number": 7}}, [7]),
        ("pull_request_review", {"pull_request": {"number": 7}, "review": {"body": "x"}}, [7]),
        ("check_run", {"check_run": RUN}, [7, 8]),
        ("check_run", {"check_run": OF_BRANCH}, [12]),
        ("check_run", {"check_run": {"pull_requests": [], "check_suite": None}}, []),
        ("check_suite", {"check_suite": RUN}, [7, 8]),
        ("check_suite", {"check_suite": {"head_branch": "llm/example/m1"}}, [12]),
        ("check_suite", {"check_suite": {"head_branch": None}}, []),
        ("check_run", {"check_run": {**RUN, "status": "completed"}}, [7, 8]),
        ("check_run", {"check_run": {**RUN, "status": "queued"}}, []),
        ("check_run", {"check_run": {**OF_BRANCH, "status": "in_progress"}}, []),
        ("check_suite", {"check_suite": {**RUN, "status": "completed"}}, [7, 8]),
        ("check_suite", {"check_suite": {**RUN, "status": "requested"}}, []),
        ("status", {"state": "pending", "branches": [{"name": "llm/example/m1"}]}, []),
        ("status", {"state": "failure", "branches": [{"name": "llm/example/m1"}]}, [12]),
        ("status", {"branches": [{"name": "main"}, {"name": "llm/example/m1"}]}, [12]),
        ("status", {"branches": [{"name": "main"}]}, []),
        ("status", {"branches": [{"name": "llm/example/other"}]}, []),
        ("status", {"branches": []}, []),
        ("ping", {"zen": "Keep it logically awesome.", "hook_id": 1}, []),
        ("push", {"ref": "refs/heads/llm/example/m1"}, []),
        ("issue_comment", {"issue": {"number": 7}, "pull_request": {"number": 7}}, []),
        ("pull_request", {"pull_request": None}, []),
        ("pull_request", {"pull_request": {"number": 0}}, []),
        ("pull_request", {"pull_request": {"number": -7}}, []),
        ("pull_request", {"pull_request": {"number": 2**70}}, []),
    ],
)
def test_only_what_says_something_of_a_pull_request_wakes_it(receiver, event, body, woken):
    answer = receiver.send({**body, "repository": OURS}, event)

    assert (answer.status, receiver.woken()) == (202, woken)


def test_one_event_wakes_a_bounded_number_of_pull_requests(receiver):
    many = [{"number": number} for number in range(1, 500)]
    body = {"check_run": {"pull_requests": many}, "repository": OURS}

    assert receiver.send(body, "check_run").status == 202
    assert receiver.woken() == list(range(1, MOST + 1))


def test_a_delivery_that_comes_twice_has_one_effect(receiver):
    answers = [receiver.send(delivery="same-guid") for _ in range(3)]

    assert [answer.status for answer in answers] == [202, 202, 202]
    assert receiver.woken() == [7]


@pytest.mark.parametrize(
    "repository", [{"full_name": "acme/other"}, {"full_name": "evil/gitops"}, {}, None]
)
def test_another_repositorys_event_is_left_alone(receiver, repository):
    answer = receiver.send(PULL | {"repository": repository})

    assert (answer.status, answer.line) == (202, "not our repository")
    assert receiver.woken() == []


def test_where_the_repository_is_not_known_the_signature_decides():
    with serving_redis() as url, receiving(url, repository="") as made:
        assert made.send().status == 202
        assert made.woken() == [7]


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Hub_Signature_256": None},
        {"X_Hub_Signature_256": None, "X_Hub_Signature": "sha1=" + "0" * 40},
        {"X_Hub_Signature_256": "sha1=" + "0" * 40},
        {"X_Hub_Signature_256": "sha256=" + "0" * 64},
        {"X_Hub_Signature_256": "sha256="},
        {"X_Hub_Signature_256": "sha256=" + "é" * 64},
        {"X_Hub_Signature_256": "x" * 5000},
        {"secret": "guessed"},
        {"secret": ""},
    ],
)
def test_what_is_not_signed_with_the_secret_is_a_401_and_is_not_read(receiver, headers):
    answer = receiver.send(**headers)

    assert (answer.status, receiver.woken()) == (401, [])


def test_a_signature_of_another_body_is_a_401(receiver):
    other = signature(SECRET, b"{}")

    assert receiver.send(X_Hub_Signature_256=other).status == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b"{",
        b"\xff\xfe",
        b'{"pull_request": 7}',
        b'{"pull_request": {"number": "7"}}',
        b'{"pull_request": {"number": true}}',
        b'{"pull_request": {"number": 7.5}}',
        b'{"pull_request": [1]}',
        b'{"repository": "acme/gitops"}',
        b'{"repository": {"full_name": 7}}',
        b'{"branches": "main"}',
        b'{"branches": [null]}',
        b'{"check_run": {"pull_requests": null}}',
        b'{"repository": {"full_name": "\xff"}}',
        b"payload=%7B%22pull_request%22%3A1%7D",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"pullrequest": {"id": 7}, "actor": ',
    ],
)
def test_a_signed_body_that_makes_no_sense_is_a_400(receiver, body):
    answer = receiver.send(body)

    assert (answer.status, receiver.woken()) == (400, [])


@pytest.mark.parametrize(
    "headers",
    [
        {"X_GitHub_Event": None},
        {"X_GitHub_Event": ""},
        {"X_GitHub_Event": "pull_request\tx"},
        {"X_GitHub_Event": "x" * 100},
        {"X_GitHub_Delivery": None},
        {"X_GitHub_Delivery": "a:b*"},
        {"X_GitHub_Delivery": "x" * 101},
        {"X_GitHub_Delivery": "é"},
    ],
)
def test_a_signed_request_that_is_no_delivery_of_githubs_is_a_400(receiver, headers):
    answer = receiver.send(**headers)

    assert (answer.status, receiver.woken()) == (400, [])


def test_a_body_of_another_host_is_not_taken_for_githubs(receiver):
    gogs = {"secret": SECRET, "pull_request": {"number": 7}, "repository": OURS}
    raw = json.dumps(gogs).encode()

    unsigned = receiver.ask(raw, {"X-Gogs-Event": "pull_request", "X-Gogs-Delivery": "d"})
    bitbucket = receiver.ask(raw, {"X-Event-Key": "pr:opened", "X-Hub-Signature": "sha256=0"})

    assert (unsigned.status, bitbucket.status, receiver.woken()) == (401, 401, [])


def test_a_large_body_is_refused_before_it_is_read(receiver):
    just = PULL | {"pad": "x" * (LIMIT - 200)}
    assert receiver.send(just).status == 202
    assert receiver.woken() == [7]

    declared = {"Content-Length": str(30 * 1024 * 1024)}
    assert receiver.ask(b"", declared).status == 413
    assert receiver.woken() == []


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "9" * 30, "0x10"])
def test_a_length_that_is_none_is_no_500(receiver, length):
    answer = receiver.ask(b"", {"Content-Length": length})

    assert 400 <= answer.status < 500


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/github/webhook", 405), ("POST", "/github/webhook/", 404), ("POST", "/", 404)],
)
def test_other_methods_and_paths_are_not_there(receiver, method, path, status):
    assert receiver.ask(b"", {}, method, path).status == status


def test_while_redis_is_away_github_is_told_so():
    with contextlib.ExitStack() as stack:
        redis = contextlib.ExitStack()
        url = redis.enter_context(serving_redis())
        made = stack.enter_context(receiving(url))
        assert made.send().status == 202
        redis.close()

        answer = made.send()

        assert (answer.status, answer.line) == (503, "Redis does not answer")


def test_no_line_in_the_log_carries_what_was_sent(receiver, caplog):
    caplog.set_level("DEBUG")
    receiver.send(PULL | {"review": {"body": "confidential"}})
    receiver.send(b"confidential{")
    receiver.send(secret="confidential")

    assert "delivery=" in caplog.text
    assert "confidential" not in caplog.text
    assert SECRET not in caplog.text
