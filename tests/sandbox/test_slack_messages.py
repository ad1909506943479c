"""The sandbox's Slack: tokens, posting, updating and reading, through the real slack_sdk."""

import json

import pytest

from tests.sandbox.test_slack_bench import OPS, TEAM, Slack, refusal, section, stream_to


@pytest.fixture
def slack():
    with Slack().served() as found:
        yield found


# -- who is calling ------------------------------------------------------------------------------


def test_the_token_says_who_is_calling(slack):
    found = slack.client.auth_test()

    assert (found["user_id"], found["team_id"]) == (TEAM.bot_user, TEAM.id)
    assert "chat:write" in {k.lower(): v for k, v in found.headers.items()}["x-oauth-scopes"]


@pytest.mark.parametrize(("token", "error"), [("", "not_authed"), ("xoxb-no", "invalid_auth")])
def test_a_call_without_a_good_token_is_refused(slack, token, error):
    assert refusal(slack.client_of(token).auth_test)["error"] == error


def test_a_token_without_the_scope_is_told_which_one_it_needs(slack):
    mute = slack.client_of("xoxb-mute")
    found = refusal(lambda: mute.chat_postMessage(channel=OPS, text="x"))

    assert (found["error"], found["needed"], found["provided"]) == (
        "missing_scope",
        "chat:write",
        "commands",
    )


def test_an_unknown_method_is_named(slack):
    assert refusal(lambda: slack.client.api_call("chat.shout"))["error"] == "unknown_method"


# -- posting and updating ------------------------------------------------------------------------


def test_a_posted_message_is_kept_as_it_was_given(slack):
    metadata = {"event_type": "llm", "event_payload": {"key": "prod/qwen"}}
    found = slack.client.chat_postMessage(
        channel=OPS, text="a < b & *c*", blocks=[section("hello")], metadata=metadata
    )

    assert slack.workspace.messages(OPS) == [
        {
            "ts": found["ts"],
            "thread_ts": None,
            "user": TEAM.bot_user,
            "text": "a < b & *c*",
            "blocks": [section("hello")],
            "metadata": metadata,
            "broadcast": False,
            "edited": 0,
            "chunks": [],
            "streaming": False,
            "files": [],
        }
    ]


def test_blocks_may_come_as_json_text_in_a_form(slack):
    slack.client.api_call(
        "chat.postMessage", data={"channel": OPS, "blocks": json.dumps([section("x")])}
    )

    assert slack.workspace.messages(OPS)[0]["blocks"] == [section("x")]


def test_time_stamps_grow_even_when_the_time_stands_still(slack):
    stamps = [slack.client.chat_postMessage(channel=OPS, text="x")["ts"] for _ in range(3)]

    assert stamps == ["1795550400.000000", "1795550400.000001", "1795550400.000002"]


def test_a_reply_to_a_reply_lands_in_the_thread_of_the_parent(slack):
    root = slack.client.chat_postMessage(channel=OPS, text="root")["ts"]
    reply = slack.client.chat_postMessage(channel=OPS, text="1", thread_ts=root)["ts"]
    slack.client.chat_postMessage(channel=OPS, text="2", thread_ts=reply)

    assert [m["thread_ts"] for m in slack.workspace.messages(OPS)] == [None, root, root]


def test_posting_to_a_person_opens_a_direct_message(slack):
    found = slack.client.chat_postMessage(channel="U0ALICE", text="psst")

    assert found["channel"] == "D0ALICE"
    assert slack.client.conversations_info(channel="D0ALICE")["channel"]["is_im"]


def test_a_long_text_is_cut_at_forty_thousand_characters(slack):
    slack.client.chat_postMessage(channel=OPS, text="x" * 40_001)

    assert len(slack.workspace.messages(OPS)[0]["text"]) == 40_000


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C0NONE", "text": "x"}, "channel_not_found"),
        ({"channel": "G0SECRET", "text": "x"}, "channel_not_found"),
        ({"channel": "C0OTHER", "text": "x"}, "not_in_channel"),
        ({"channel": "C0OLD", "text": "x"}, "is_archived"),
        ({"channel": OPS, "text": ""}, "no_text"),
        ({"channel": OPS, "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"channel": OPS, "text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
        ({"channel": OPS, "markdown_text": "y" * 12_001}, "msg_too_long"),
        ({"channel": OPS, "blocks": "[{"}, "invalid_blocks_format"),
        ({"channel": OPS, "blocks": '{"a": 1}'}, "invalid_blocks_format"),
        ({"channel": OPS, "text": "x", "metadata": "nope"}, "invalid_metadata_format"),
        ({"channel": OPS, "text": "x", "metadata": '{"a": 1}'}, "invalid_metadata_schema"),
        ({"text": "x"}, "invalid_arguments"),
    ],
)
def test_a_post_that_slack_would_refuse_is_refused(slack, arguments, error):
    found = refusal(lambda: slack.client.api_call("chat.postMessage", json=arguments))

    assert found["error"] == error
    assert slack.workspace.messages(OPS) == []
    assert [e["error"] for e in slack.heard("chat.postMessage")] == [error]


def test_an_update_replaces_text_and_metadata_and_drops_the_blocks(slack):
    ts = slack.client.chat_postMessage(channel=OPS, text="old", blocks=[section("b")])["ts"]
    metadata = {"event_type": "llm", "event_payload": {}}
    slack.client.chat_update(channel=OPS, ts=ts, text="new", metadata=metadata)

    found = slack.workspace.messages(OPS)[0]
    assert (found["text"], found["blocks"], found["edited"]) == ("new", [], 1)
    assert found["metadata"] == metadata


def test_an_update_keeps_the_metadata_it_does_not_mention(slack):
    metadata = {"event_type": "llm", "event_payload": {"k": 1}}
    ts = slack.client.chat_postMessage(channel=OPS, text="old", metadata=metadata)["ts"]
    slack.client.chat_update(channel=OPS, ts=ts, text="new")
    assert slack.workspace.messages(OPS)[0]["metadata"] == metadata

    slack.client.chat_update(channel=OPS, ts=ts, text="new", metadata={})
    assert slack.workspace.messages(OPS)[0]["metadata"] is None


def test_an_update_that_slack_would_refuse_is_refused(slack):
    said = slack.workspace.say("U0ALICE", OPS, "mine")["ts"]
    own = slack.client.chat_postMessage(channel=OPS, text="own")["ts"]
    streaming = stream_to(slack.client)

    def update(ts, text="x", channel=OPS):
        arguments = {"channel": channel, "ts": ts, "text": text}
        return refusal(lambda: slack.client.api_call("chat.update", json=arguments))["error"]

    assert update("1.000001") == "message_not_found"
    assert update(said) == "cant_update_message"
    assert update(own, "x" * 4001) == "msg_too_long"
    assert update(own, "") == "no_text"
    assert update(own, channel="C0OLD") == "is_inactive"
    assert update(streaming) == "streaming_state_conflict"


def test_an_ephemeral_message_is_seen_by_one_person(slack):
    slack.client.chat_postEphemeral(channel=OPS, user="U0BOB", text="only you")

    (note,) = slack.workspace.state()["ephemerals"]
    assert (note["user"], note["text"], note["source"]) == (
        "U0BOB",
        "only you",
        "chat.postEphemeral",
    )
    assert slack.workspace.messages(OPS) == []


def test_an_ephemeral_message_to_a_stranger_is_refused(slack):
    act = slack.client.chat_postEphemeral
    found = refusal(lambda: act(channel=OPS, user="U0NOBODY", text="x"))

    assert found["error"] == "user_not_in_channel"


# -- reading back --------------------------------------------------------------------------------


def test_history_shows_the_newest_first_and_leaves_replies_out(slack):
    root = slack.client.chat_postMessage(channel=OPS, text="root")["ts"]
    slack.client.chat_postMessage(channel=OPS, text="quiet", thread_ts=root)
    slack.client.chat_postMessage(channel=OPS, text="loud", thread_ts=root, reply_broadcast=True)

    found = slack.client.conversations_history(channel=OPS)["messages"]
    assert [m["text"] for m in found] == ["loud", "root"]
    assert (found[0]["subtype"], found[1]["reply_count"]) == ("thread_broadcast", 2)


def test_history_goes_on_where_the_cursor_points(slack):
    for number in range(5):
        slack.client.chat_postMessage(channel=OPS, text=str(number))
    pages = [
        [m["text"] for m in p["messages"]]
        for p in slack.client.conversations_history(channel=OPS, limit=2)
    ]

    assert pages == [["4", "3"], ["2", "1"], ["0"]]


def test_history_can_begin_after_a_message(slack):
    stamps = [slack.client.chat_postMessage(channel=OPS, text=str(n))["ts"] for n in range(3)]
    history = slack.client.conversations_history
    after = history(channel=OPS, oldest=stamps[1])["messages"]
    since = history(channel=OPS, oldest=stamps[1], inclusive=True)["messages"]

    assert [m["text"] for m in after] == ["2"]
    assert [m["text"] for m in since] == ["2", "1"]


def test_metadata_is_shown_only_when_asked_for(slack):
    metadata = {"event_type": "llm", "event_payload": {"key": "prod/qwen"}}
    ts = slack.client.chat_postMessage(channel=OPS, text="x", metadata=metadata)["ts"]
    replies = slack.client.conversations_replies

    assert "metadata" not in replies(channel=OPS, ts=ts)["messages"][0]
    shown = replies(channel=OPS, ts=ts, include_all_metadata=True)["messages"][0]
    assert shown["metadata"] == metadata


def test_replies_begin_with_the_parent_and_keep_their_order(slack):
    root = slack.workspace.say("U0ALICE", OPS, "root")["ts"]
    for word in "ab":
        slack.client.chat_postMessage(channel=OPS, text=word, thread_ts=root)

    found = slack.client.conversations_replies(channel=OPS, ts=root)["messages"]
    assert [m["text"] for m in found] == ["root", "a", "b"]
    assert found[1]["parent_user_id"] == "U0ALICE"


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("conversations.replies", {"channel": OPS, "ts": "1.000001"}, "thread_not_found"),
        ("conversations.history", {"channel": "C0OTHER"}, "not_in_channel"),
        ("conversations.history", {"channel": OPS, "cursor": "?"}, "invalid_cursor"),
        ("conversations.history", {"channel": OPS, "oldest": "x"}, "invalid_ts_oldest"),
        ("conversations.history", {"channel": OPS, "limit": "x"}, "invalid_arguments"),
        ("conversations.info", {"channel": "C0NONE"}, "channel_not_found"),
    ],
)
def test_a_reading_call_that_slack_would_refuse_is_refused(slack, method, arguments, error):
    assert refusal(lambda: slack.client.api_call(method, params=arguments))["error"] == error
