"""The sandbox's Slack: streams and rate limits, through the real slack_sdk."""

import pytest

from sandbox.slack.limits import Limits
from tests.sandbox.test_slack_bench import OPS, TEAM, Slack, refusal, section, stream_to


@pytest.fixture
def slack():
    with Slack().served() as found:
        yield found


# -- streams -------------------------------------------------------------------------------------


def test_a_streamed_answer_grows_until_it_is_stopped(slack):
    ts = stream_to(slack.client, markdown_text="Hel")
    slack.client.chat_appendStream(channel=OPS, ts=ts, markdown_text="lo")
    assert slack.workspace.messages(OPS)[1]["streaming"]

    slack.client.chat_stopStream(channel=OPS, ts=ts, markdown_text="!", blocks=[section("end")])
    found = slack.workspace.messages(OPS)[1]
    assert (found["text"], found["streaming"], found["blocks"]) == (
        "Hello!",
        False,
        [section("end")],
    )


def test_the_sdks_own_streamer_is_understood(slack):
    root = slack.client.chat_postMessage(channel=OPS, text="question")["ts"]
    streamer = slack.client.chat_stream(
        channel=OPS,
        thread_ts=root,
        recipient_user_id="U0ALICE",
        recipient_team_id=TEAM.id,
        buffer_size=4,
    )
    for piece in ("The answer", " is", " 42"):
        streamer.append(markdown_text=piece)
    streamer.stop()

    found = slack.workspace.messages(OPS)[1]
    assert (found["text"], found["streaming"], found["ts"]) == (
        "The answer is 42",
        False,
        streamer.ts,
    )


TASK = {"type": "task_update", "id": "t1", "title": "read", "status": "complete"}
DIVIDER = {"type": "divider"}


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"recipient_user_id": None}, "missing_recipient_user_id"),
        ({"recipient_team_id": None}, "missing_recipient_team_id"),
        ({"recipient_user_id": "U0NOBODY"}, "user_not_found"),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"chunks": [{"type": "song"}]}, "invalid_chunks"),
        ({"chunks": [{"type": "plan_update"}]}, "invalid_chunks"),
        ({"chunks": [TASK | {"status": "asleep"}]}, "invalid_chunks"),
        ({"chunks": [{"type": "blocks", "blocks": [DIVIDER] * 51}]}, "invalid_blocks"),
        ({"chunks": [{"type": "blocks", "blocks": [DIVIDER] * 30}] * 2}, "msg_blocks_too_many"),
        (
            {"markdown_text": "x", "chunks": [{"type": "markdown_text", "text": "y"}]},
            "cannot_provide_both_markdown_text_and_chunks",
        ),
    ],
)
def test_a_stream_that_slack_would_refuse_does_not_start(slack, more, error):
    assert refusal(lambda: stream_to(slack.client, **more))["error"] == error
    assert [m["text"] for m in slack.workspace.messages(OPS)] == ["question"]


def test_a_stream_may_end_with_fifty_blocks_beside_those_of_its_chunks(slack):
    chunks = [TASK, {"type": "blocks", "blocks": [DIVIDER] * 50}]
    ts = stream_to(slack.client, chunks=chunks)
    stop = slack.client.chat_stopStream
    too_many = refusal(lambda: stop(channel=OPS, ts=ts, blocks=[DIVIDER] * 51))

    assert too_many["error"] == "msg_blocks_too_many"
    assert stop(channel=OPS, ts=ts, blocks=[DIVIDER] * 50)["ok"]


def test_a_stream_in_a_direct_message_needs_no_recipient(slack):
    found = slack.client.chat_postMessage(channel="U0ALICE", text="root")
    started = slack.client.chat_startStream(channel=found["channel"], thread_ts=found["ts"])

    assert started["ok"]


def test_nothing_is_appended_to_a_stream_that_ended(slack):
    ts = stream_to(slack.client)
    slack.client.chat_stopStream(channel=OPS, ts=ts)
    append = slack.client.chat_appendStream

    found = refusal(lambda: append(channel=OPS, ts=ts, markdown_text="x"))
    assert found["error"] == "message_not_in_streaming_state"


def test_a_stream_keeps_the_mode_it_began_with(slack):
    ts = stream_to(slack.client, markdown_text="x")
    chunks = [{"type": "markdown_text", "text": "y"}]
    append = slack.client.chat_appendStream

    found = refusal(lambda: append(channel=OPS, ts=ts, chunks=chunks))
    assert found["error"] == "streaming_mode_mismatch"


def test_a_person_can_stop_a_stream(slack):
    ts = stream_to(slack.client)
    slack.workspace.stop_stream("U0ALICE", OPS, ts)
    append = slack.client.chat_appendStream

    found = refusal(lambda: append(channel=OPS, ts=ts, markdown_text="x"))
    assert found["error"] == "stopped_by_user"


def test_a_stream_expires_when_appends_pause_for_minutes():
    with Slack(Limits.documented()).served() as slack:
        ts = stream_to(slack.client)
        slack.time.advance(301)
        append = slack.client.chat_appendStream

        found = refusal(lambda: append(channel=OPS, ts=ts, markdown_text="x"))
        assert found["error"] == "message_not_in_streaming_state"


# -- limits --------------------------------------------------------------------------------------


def test_the_fifty_first_update_in_a_minute_is_told_to_wait():
    with Slack(Limits.documented()).served() as slack:
        ts = slack.client.chat_postMessage(channel=OPS, text="x")["ts"]
        for number in range(50):
            slack.client.chat_update(channel=OPS, ts=ts, text=str(number))
        slack.time.advance(20)
        found = refusal(lambda: slack.client.chat_update(channel=OPS, ts=ts, text="too much"))

        assert (found.status_code, found["error"]) == (429, "ratelimited")
        assert found.headers["retry-after"] == "40"
        slack.time.advance(40)
        assert slack.client.chat_update(channel=OPS, ts=ts, text="later")["ok"]


def test_a_channel_takes_a_short_burst_and_then_one_post_a_second():
    with Slack(Limits.documented()).served() as slack:
        for _ in range(5):
            slack.client.chat_postMessage(channel=OPS, text="x")
        found = refusal(lambda: slack.client.chat_postMessage(channel=OPS, text="x"))

        assert (found.status_code, found.headers["retry-after"]) == (429, "1")
        assert slack.client.chat_postMessage(channel="U0BOB", text="elsewhere")["ok"]
        slack.time.advance(1)
        assert slack.client.chat_postMessage(channel=OPS, text="x")["ok"]


def test_without_limits_nobody_waits(slack):
    for _ in range(60):
        slack.client.conversations_info(channel=OPS)

    assert len(slack.heard("conversations.info")) == 60
