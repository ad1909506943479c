"""What arrives at the open port: signatures, sizes and shapes, each refused before it is read."""

import contextlib
import http.client
import logging
import urllib.parse

import pytest

from tests.adapters.edge_bench import ALICE, OPS, TEAM, bench

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
CANARY = "canary-7f3a"
FIELDS = {
    "command": "/llm", "text": f"deploy {CANARY} sglang", "user_id": ALICE, "channel_id": OPS,
    "team_id": TEAM.id, "api_app_id": TEAM.app_id, "trigger_id": "1.2.3",
}  # fmt: skip
BODY = urllib.parse.urlencode(FIELDS).encode()


@pytest.fixture(scope="module")
def running():
    with bench("http") as made:
        yield made


@pytest.fixture
def edge(running):
    running.forget_jobs()
    return running


def post(edge, body, headers, method="POST", path="/slack/events"):
    """Send a request as it is; return its status and body."""
    port = urllib.parse.urlsplit(edge.slack.settings.request_url).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        raw = {k: v.encode() for k, v in headers.items() if v is not None}
        connection.request(method, path, body, raw)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def signed(edge, body, content_type=FORM):
    return edge.slack.courier.signed_headers(body, content_type)


def at(edge, seconds):
    """Return headers that were signed so many seconds from now."""
    edge.time.advance(seconds)
    headers = signed(edge, BODY)
    edge.time.advance(-seconds)
    return headers


@pytest.mark.parametrize(
    "change",
    [
        {"X-Slack-Signature": None},
        {"X-Slack-Request-Timestamp": None},
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": "v0=é"},
        {"X-Slack-Signature": ""},
        {"X-Slack-Request-Timestamp": "abc"},
        {"X-Slack-Request-Timestamp": "1e9"},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "١٢٣"},
        {"X-Slack-Request-Timestamp": "9" * 5000},
        {"X-Slack-Request-Timestamp": "-1"},
        {"X-Slack-Request-Timestamp": "1"},
    ],
    ids=str,
)
def test_what_slack_did_not_sign_is_refused_and_not_logged(edge, caplog, change):
    caplog.set_level(logging.DEBUG)

    answer = post(edge, BODY, signed(edge, BODY) | change)

    assert answer == (401, "not signed by Slack, or too old\n")
    assert CANARY not in caplog.text
    assert edge.jobs() == []


@pytest.mark.parametrize(
    "scheme",
    [
        lambda right: right.replace("v0", "v1"),
        lambda right: right.upper(),
        lambda right: f"v0={right[3:].upper()}",
        lambda right: f"{right} x",
    ],
)
def test_only_the_signature_as_slack_writes_it_counts(edge, scheme):
    headers = signed(edge, BODY)

    right = headers["X-Slack-Signature"]

    assert post(edge, BODY, headers | {"X-Slack-Signature": scheme(right)})[0] == 401


@pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (301, 401), (-200, 200), (200, 200)])
def test_a_signature_counts_for_five_minutes(edge, seconds, status):
    assert post(edge, BODY, at(edge, seconds))[0] == status


def test_blanks_in_a_timestamp_are_refused_though_they_were_signed(edge):
    headers = signed(edge, BODY)

    blank = headers | {"X-Slack-Request-Timestamp": headers["X-Slack-Request-Timestamp"] + " 1"}

    assert post(edge, BODY, blank)[0] == 401


def test_an_exact_replay_is_answered_and_has_no_effect(edge):
    body = BODY.replace(b"1.2.3", b"replayed")
    headers = signed(edge, body)

    first, *replays = [post(edge, body, headers) for _ in range(3)]

    assert "ref " in first[1]
    assert replays == [(200, "")] * 2
    assert len(edge.jobs()) == 1


def test_a_body_that_is_no_text_is_refused(edge):
    assert post(edge, b"\xff\xfe", signed(edge, b"\xff\xfe"))[0] == 401


@pytest.mark.parametrize("size", [65 * 1024, 900 * 1024])
def test_a_body_that_is_too_large_is_refused_also_when_signed(edge, size):
    body = b"a=" + b"x" * size

    assert post(edge, body, signed(edge, body))[0] == 413


def test_a_large_body_in_chunks_without_a_length_is_refused(edge):
    chunks = (b"x" * 60_000 for _ in range(5))
    headers = {"Transfer-Encoding": "chunked", "Content-Type": FORM}
    port = urllib.parse.urlsplit(edge.slack.settings.request_url).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("POST", "/slack/events", chunks, headers, encode_chunked=True)
        assert connection.getresponse().status == 413


def form(**fields):
    return urllib.parse.urlencode(FIELDS | fields).encode()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, BODY),
        (JSON, b'{"command": "/llm", "text": "list", "team_id": "T", "user_id": "U"}'),
        (JSON, b'["event_callback"]'),
        (JSON, b"{"),
        (JSON, b"[" * 50_000),
        (JSON, b""),
        (JSON, b'{"type": "event_callback"}'),
        (JSON, b'{"type": "event_callback", "team_id": 7, "event_id": "E", "event": {}}'),
        ("text/plain", BODY),
        ("", BODY),
        ("multipart/form-data; boundary=x", b"--x--"),
        (FORM, BODY + b"&command=%2Fother"),
        (FORM, BODY + b"&text=other"),
        (FORM, b"command"),
        (FORM, b""),
        (FORM, b"payload=%7B"),
        (FORM, b"payload=%5B%5D"),
        (FORM, b"payload=%7B%22type%22%3A%22block_actions%22%7D"),
        (FORM, b"payload=%7B%22type%22%3A%22view_submission%22%2C%22view%22%3A1%7D"),
        (FORM, b"a=1&b=2"),
        (FORM, b"command=%2Fllm&text=list"),
        (FORM, b"&".join(b"k%d=v" % number for number in range(200))),
        ("application/gzip", b"\x1f\x8b" + b"0" * 100),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_slack_would_not_send_is_refused_with_400_and_not_logged(
    edge, caplog, content_type, body
):
    caplog.set_level(logging.DEBUG)

    if not body.isascii():
        assert post(edge, body, signed(edge, body, content_type))[0] in {400, 401}
        return
    status, said = post(edge, body, signed(edge, body, content_type))

    assert (status, edge.jobs()) == (400, [])
    assert CANARY not in caplog.text + said


def test_a_check_of_the_certificate_is_answered_if_it_is_signed(edge):
    body = b"ssl_check=1&token=x"

    assert post(edge, body, signed(edge, body)) == (200, "")
    assert post(edge, body, {"Content-Type": FORM})[0] == 401


def test_the_request_url_is_verified_if_that_is_signed(edge):
    assert edge.slack.verify_request_url()
    body = b'{"type": "url_verification", "challenge": "c"}'
    assert post(edge, body, {"Content-Type": JSON})[0] == 401


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/slack/events", 405), ("PUT", "/slack/events", 405),
    ("POST", "/", 404), ("POST", "/slack/events/x", 404), ("POST", "/../etc", 404),
])  # fmt: skip
def test_other_methods_and_paths_lead_nowhere(edge, method, path, status):
    assert post(edge, BODY, signed(edge, BODY), method, path)[0] == status
