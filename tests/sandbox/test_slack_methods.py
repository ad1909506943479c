"""The sandbox's Slack: people, groups, permalinks, direct messages, files and tokens."""

import urllib.error
import urllib.request
from io import BytesIO

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import stream_encode_multipart

from sandbox.slack.limits import Limits
from tests.sandbox.test_slack_bench import OPS, Slack, refusal, section


@pytest.fixture
def slack():
    with Slack().served() as found:
        yield found


# -- people --------------------------------------------------------------------------------------


def test_a_person_is_known_by_name_and_a_closed_account_is_marked(slack):
    alice = slack.client.users_info(user="U0ALICE")["user"]
    gone = slack.client.users_info(user="U0GONE")["user"]

    assert (alice["name"], alice["real_name"], alice["deleted"]) == ("alice", "Alice", False)
    assert gone["deleted"]


def test_a_user_group_lists_who_is_still_there(slack):
    assert slack.client.usergroups_users_list(usergroup="S0OPS")["users"] == ["U0ALICE"]


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("users.info", {"user": "U0NOBODY"}, "user_not_found"),
        ("users.info", {}, "invalid_arguments"),
        ("usergroups.users.list", {"usergroup": "S0NONE"}, "no_such_subteam"),
        ("chat.getPermalink", {"channel": OPS, "message_ts": "1.1"}, "message_not_found"),
        ("chat.getPermalink", {"channel": "C0NONE", "message_ts": "1.1"}, "channel_not_found"),
        ("chat.delete", {"channel": OPS, "ts": "1.1"}, "message_not_found"),
        ("conversations.open", {}, "users_list_not_supplied"),
        ("conversations.open", {"users": "U0NOBODY"}, "user_not_found"),
        ("conversations.open", {"users": "U0GONE"}, "user_disabled"),
        ("conversations.open", {"users": ",".join(["U0ALICE"] * 9)}, "too_many_users"),
        ("conversations.open", {"channel": OPS}, "method_not_supported_for_channel_type"),
        ("files.getUploadURLExternal", {"filename": "a", "length": "0"}, "missing_argument"),
        ("files.getUploadURLExternal", {"filename": "a", "length": "x"}, "invalid_arguments"),
        (
            "files.getUploadURLExternal",
            {"filename": "a", "length": str(2**20 + 1), "snippet_type": "text"},
            "snippet_too_large",
        ),
        (
            "files.getUploadURLExternal",
            {"filename": "a", "length": "1", "alt_txt": "x" * 1001},
            "alt_txt_too_large",
        ),
        ("files.completeUploadExternal", {"files": '[{"id": "F0NONE"}]'}, "file_not_found"),
        ("files.completeUploadExternal", {"files": "[]"}, "invalid_arguments"),
        ("apps.connections.open", {}, "not_allowed_token_type"),
    ],
)
def test_a_call_that_slack_would_refuse_is_refused(slack, method, arguments, error):
    assert refusal(lambda: slack.client.api_call(method, params=arguments))["error"] == error


def test_each_token_opens_its_own_methods_only(slack):
    app_level = slack.client_of("xapp-leadline")
    wrong = refusal(lambda: app_level.chat_postMessage(channel=OPS, text="x"))
    url = app_level.apps_connections_open(app_token="xapp-leadline")["url"]

    assert wrong["error"] == "not_allowed_token_type"
    assert url.startswith("ws://127.0.0.1:")


@pytest.mark.parametrize(
    ("method", "arguments", "needed"),
    [
        ("users.info", {"user": "U0BOB"}, "users:read"),
        ("usergroups.users.list", {"usergroup": "S0OPS"}, "usergroups:read"),
        ("conversations.open", {"users": "U0BOB"}, "im:write"),
        ("files.getUploadURLExternal", {"filename": "a", "length": "1"}, "files:write"),
    ],
)
def test_a_missing_scope_is_named(slack, method, arguments, needed):
    mute = slack.client_of("xoxb-mute")
    found = refusal(lambda: mute.api_call(method, params=arguments))

    assert (found["error"], found["needed"]) == ("missing_scope", needed)


# -- links, broadcasts, deletions, direct messages -----------------------------------------------


def test_a_permalink_leads_to_the_message_and_names_its_thread(slack):
    root = slack.client.chat_postMessage(channel=OPS, text="root")["ts"]
    reply = slack.client.chat_postMessage(channel=OPS, text="1", thread_ts=root)["ts"]
    link = slack.client.chat_getPermalink

    assert link(channel=OPS, message_ts=root)["permalink"] == (
        "https://acme.slack.com/archives/C0OPS/p1795550400000000"
    )
    assert link(channel=OPS, message_ts=reply)["permalink"].endswith(
        f"/p1795550400000001?thread_ts={root}&cid=C0OPS"
    )


def test_a_broadcast_reply_stands_in_the_thread_and_in_the_channel(slack):
    root = slack.client.chat_postMessage(channel=OPS, text="root")["ts"]
    for loud in (False, True):
        slack.client.chat_postMessage(
            channel=OPS, text=f"loud {loud}", thread_ts=root, reply_broadcast=loud
        )

    history = slack.client.conversations_history(channel=OPS)["messages"]
    assert [m["text"] for m in history] == ["loud True", "root"]
    assert history[0]["subtype"] == "thread_broadcast"


def test_a_bot_deletes_what_it_wrote_and_nothing_else(slack):
    own = slack.client.chat_postMessage(channel=OPS, text="x")["ts"]
    slack.client.chat_delete(channel=OPS, ts=own)
    said = slack.workspace.say("U0ALICE", OPS, "mine")["ts"]
    found = refusal(lambda: slack.client.chat_delete(channel=OPS, ts=said))

    assert found["error"] == "cant_delete_message"
    assert [m["ts"] for m in slack.workspace.messages(OPS)] == [said]


def test_a_deleted_message_with_replies_leaves_a_tombstone(slack):
    root = slack.client.chat_postMessage(channel=OPS, text="x", blocks=[section("x")])["ts"]
    slack.client.chat_postMessage(channel=OPS, text="1", thread_ts=root)
    slack.client.chat_delete(channel=OPS, ts=root)

    parent, reply = slack.client.conversations_replies(channel=OPS, ts=root)["messages"]
    assert (parent["subtype"], parent["user"]) == ("tombstone", "USLACKBOT")
    assert reply["parent_user_id"] == "USLACKBOT"


def test_a_direct_message_is_opened_once_and_resumed(slack):
    first = slack.client.conversations_open(users="U0BOB")["channel"]
    again = slack.client.conversations_open(channel=first["id"], return_im=True)["channel"]
    slack.client.chat_postMessage(channel=first["id"], text="psst")

    assert (again["id"], again["is_im"]) == (first["id"], True)
    assert [m["text"] for m in slack.workspace.messages("D0BOB")] == ["psst"]


# -- files ---------------------------------------------------------------------------------------


def test_the_sdks_upload_lands_in_the_thread(slack):
    root = slack.client.chat_postMessage(channel=OPS, text="root")["ts"]
    done = slack.client.files_upload_v2(
        filename="pod.log",
        content="line one\nline two",
        title="logs",
        channel=OPS,
        thread_ts=root,
        initial_comment="here",
    )

    reply = slack.client.conversations_replies(channel=OPS, ts=root)["messages"][1]
    assert (reply["text"], reply["files"][0]["title"]) == ("here", "logs")
    assert slack.workspace.state()["files"] == [
        {
            "id": done["file"]["id"],
            "name": "pod.log",
            "title": "logs",
            "size": 17,
            "channels": [OPS],
            "content": "line one\nline two",
        }
    ]


def upload(url, body):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_an_upload_address_takes_the_announced_bytes_once(slack):
    url = slack.client.files_getUploadURLExternal(filename="a", length=3)["upload_url"]

    assert [upload(url, body) for body in (b"four", b"abc", b"abc")] == [400, 200, 404]


def test_a_file_may_come_as_a_form(slack):
    given = slack.client.files_getUploadURLExternal(filename="a.txt", length=3)
    form = {"file": FileStorage(BytesIO(b"abc"), "a.txt")}
    stream, _, boundary = stream_encode_multipart(form)
    with stream:
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        request = urllib.request.Request(given["upload_url"], stream.read(), headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        said = answer.read()
    slack.client.files_completeUploadExternal(files=[{"id": given["file_id"]}], channels=["U0BOB"])

    assert said == b"OK - 3"
    assert slack.workspace.state()["files"][0]["content"] == "abc"
    assert slack.workspace.messages("D0BOB")[0]["files"] == [given["file_id"]]


def test_a_file_is_not_shared_where_the_bot_is_not(slack):
    arguments = {"filename": "a", "content": "x", "channel": "C0OTHER"}

    assert refusal(lambda: slack.client.files_upload_v2(**arguments))["error"] == "not_in_channel"


# -- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "arguments", "allowed"),
    [
        ("usergroups.users.list", {"usergroup": "S0OPS"}, 20),
        ("conversations.open", {"users": "U0BOB"}, 50),
        ("users.info", {"user": "U0BOB"}, 100),
    ],
)
def test_each_tier_has_its_own_number_of_calls_a_minute(method, arguments, allowed):
    with Slack(Limits.documented()).served() as slack:
        for _ in range(allowed):
            slack.client.api_call(method, params=arguments)
        found = refusal(lambda: slack.client.api_call(method, params=arguments))

        assert (found.status_code, found.headers["retry-after"]) == (429, "60")
