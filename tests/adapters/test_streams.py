"""The Stream port over the sandbox's Slack: how an answer grows, and what if it cannot."""

import contextlib
import threading

import pytest

from bot.chat import Person, Place
from bot.errors import ChatUnavailableError
from bot.notice import Footer
from bot.slack.client import SlackChat
from bot.slack.portions import MESSAGE
from sandbox.slack.limits import Limits
from tests.engine.raw import until
from tests.sandbox.test_slack_bench import OPS, TEAM, Slack

ALICE = Person("U0ALICE", TEAM.id)
FOOTER = Footer("qwen3-32b", 0.2, 30, 12.5, "stop", 5)
STREAMED = {"chat.startStream", "chat.appendStream", "chat.stopStream"}
HEARD = STREAMED | {"chat.update", "chat.postMessage"}


class Talk:
    """A question's thread, and an answer that streams into it."""

    def __init__(self, slack):
        self.slack = slack
        self.chat = SlackChat(slack.client, slack.time)
        self.root = slack.client.chat_postMessage(channel=OPS, text="question")["ts"]

    @contextlib.contextmanager
    def stream(self):
        with self.chat.stream(Place(OPS, self.root), ALICE) as stream:
            yield stream

    def heard(self, call):
        """Wait for one more call of this kind, moving the time on."""
        seen = len(self.slack.heard(call))
        self.slack.time.await_sleepers(1)
        self.slack.time.advance(1.5)
        found = self.slack.journal.wait(lambda e: len(self.slack.heard(call)) > seen)
        assert found, call

    def calls(self):
        entries = self.slack.journal.entries()
        return [e.call.removeprefix("chat.") for e in entries if e.call in HEARD][1:]

    def answers(self):
        return [m for m in self.slack.workspace.messages(OPS) if m["ts"] != self.root]

    def shown(self):
        """Return the whole answer as people see it, from text or from blocks."""
        return "".join(_shown(message) for message in self.answers())

    def trouble(self, call, error, **more):
        self.slack.workspace.trouble(call, error, **more)


def _shown(message):
    parts = [b["text"] for b in message["blocks"] if b["type"] == "markdown"]
    return "".join(parts) or message["text"]


@contextlib.contextmanager
def moving(clock):
    """Move the time on whenever somebody sleeps."""
    over = threading.Event()

    def move():
        while not over.is_set():
            if clock.await_sleepers(1, 0.05):
                clock.advance(1.0)

    thread = threading.Thread(target=move)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def eventually(wanted):
    return until(wanted, 5) is not None


def footers(message):
    return [b["text"]["text"] for b in message["blocks"] if b["type"] == "section"]


@pytest.fixture
def talk():
    with Slack().served() as slack:
        yield Talk(slack)


def begin(talk, stream, text="Hel"):
    stream.append(text)
    assert talk.slack.journal.wait(
        lambda e: e.call in {"chat.startStream", "chat.postMessage"} and talk.answers()
    )


def test_an_answer_grows_and_ends_with_its_footer(talk):
    with talk.stream() as stream:
        begin(talk, stream)
        for bit in ("lo", ", ", "you"):
            stream.append(bit)
        talk.heard("chat.appendStream")
        stream.append("!")
        stream.end(FOOTER)
    [message] = talk.answers()

    assert talk.calls() == ["startStream", "appendStream", "stopStream"]
    assert (message["text"], message["streaming"]) == ("Hello, you!", False)
    assert "5 + 30 tokens" in footers(message)[0]


def test_nothing_is_posted_before_there_is_text(talk):
    with talk.stream() as stream:
        stream.append("\n\n")
        assert talk.answers() == []
        stream.append("Hello")
        stream.end(FOOTER)

    assert talk.shown() == "Hello"


def test_an_answer_without_text_is_its_footer(talk):
    with talk.stream() as stream:
        stream.end(FOOTER)
    [message] = talk.answers()

    assert "qwen3" in footers(message)[0]
    assert talk.calls() == ["postMessage"]


def test_a_stream_that_nobody_ends_is_closed_all_the_same(talk):
    with talk.stream() as stream:
        begin(talk, stream, "Hello")
    [message] = talk.answers()

    assert (message["text"], message["streaming"]) == ("Hello", False)


def test_a_model_mentions_nobody(talk):
    with talk.stream() as stream:
        stream.append("<!here> <@U0BOB> & <https://evil|bank>")
        stream.end(FOOTER)

    assert "<" not in talk.shown()
    assert "&lt;!here&gt;" in talk.shown()


@pytest.mark.parametrize(
    "error", ["unknown_method", "not_allowed_token_type", "missing_scope", "fatal_error"]
)
def test_where_slack_streams_nothing_a_message_is_edited(talk, error):
    talk.trouble("chat.startStream", error, times=99)
    with talk.stream() as stream:
        begin(talk, stream)
        stream.append("lo")
        talk.heard("chat.update")
        stream.append("!")
        stream.end(FOOTER)
    [message] = talk.answers()

    assert talk.shown() == "Hello!"
    assert "tokens" in footers(message)[0]
    assert talk.calls() == ["startStream", "postMessage", "update", "update"]


@pytest.mark.parametrize(
    "error", ["message_not_in_streaming_state", "streaming_state_conflict", "internal_error"]
)
@pytest.mark.parametrize("acted", [False, True])
def test_a_stream_that_is_refused_midway_goes_on_as_an_edited_message(talk, error, acted):
    talk.trouble("chat.appendStream", error, has_acted=acted)
    with talk.stream() as stream:
        begin(talk, stream)
        stream.append("lo")
        talk.heard("chat.appendStream")
        talk.heard("chat.update")
        stream.append("!")
        stream.end(FOOTER)
    [message] = talk.answers()

    assert talk.shown() == "Hello!"
    assert message["streaming"] is False
    assert len(footers(message)) == 1


@pytest.mark.parametrize("acted", [False, True])
def test_an_end_that_is_refused_is_shown_by_editing(talk, acted):
    talk.trouble("chat.stopStream", "internal_error", has_acted=acted)
    with talk.stream() as stream:
        begin(talk, stream)
        stream.append("lo")
        stream.end(FOOTER)
    [message] = talk.answers()

    assert talk.shown() == "Hello"
    assert (message["streaming"], len(footers(message))) == (False, 1)


def test_a_stream_that_expired_is_ended_by_editing():
    with Slack(Limits.documented()).served() as slack:
        talk = Talk(slack)
        with talk.stream() as stream:
            begin(talk, stream)
            slack.time.await_sleepers(1)
            slack.time.advance(400)
            stream.append("lo")
            stream.end(FOOTER)

        assert talk.shown() == "Hello"
        assert len(footers(talk.answers()[0])) == 1


def test_the_end_is_tried_again_while_slack_is_away(talk):
    talk.trouble("chat.(update|stopStream)", "internal_error", times=3)
    with talk.stream() as stream:
        begin(talk, stream)
        talk.slack.time.await_sleepers(1)
        with moving(talk.slack.time):
            stream.end(FOOTER)

    assert talk.shown() == "Hel"


def test_a_slack_that_stays_away_is_said(talk):
    with talk.stream() as stream:
        begin(talk, stream)
        talk.trouble("chat.(update|stopStream)", "internal_error", times=99)
        with (
            moving(talk.slack.time),
            pytest.raises(ChatUnavailableError, match="ending an answer in Slack: internal_error"),
        ):
            stream.end(FOOTER)


def test_a_channel_that_is_gone_ends_the_question(talk):
    with talk.stream() as stream:
        begin(talk, stream)
        assert stream.wanted()
        talk.trouble("chat.(appendStream|update|stopStream)", "is_archived", times=99)
        stream.append("lo")
        talk.heard("chat.appendStream")
        talk.heard("chat.update")
        assert eventually(lambda: not stream.wanted())
        with pytest.raises(ChatUnavailableError, match="is_archived"):
            stream.end(FOOTER)


def test_the_reader_stops_a_stream(talk):
    with talk.stream() as stream:
        begin(talk, stream)
        [message] = talk.answers()
        talk.slack.workspace.stop_stream("U0ALICE", OPS, message["ts"])
        stream.append("lo")
        talk.heard("chat.appendStream")
        assert eventually(lambda: not stream.wanted())
        stream.end(FOOTER)
    [message] = talk.answers()

    assert talk.shown() == "Hello"
    assert len(footers(message)) == 1


def test_what_turned_out_to_be_thought_is_taken_back(talk):
    with talk.stream() as stream:
        begin(talk, stream, "hm, so ")
        stream.append("maybe")
        stream.fold()
        stream.append("Hello")
        stream.end(FOOTER)

    assert talk.shown() == "Hello"


def test_thought_that_was_not_shown_yet_leaves_no_trace(talk):
    with talk.stream() as stream:
        stream.append("")
        stream.fold()
        stream.end(FOOTER)

    assert len(talk.answers()) == 1


def test_a_long_thought_that_is_taken_back_leaves_one_message(talk):
    with talk.stream() as stream, moving(talk.slack.time):
        stream.append("hm " * MESSAGE)
        assert eventually(lambda: len(talk.answers()) > 2)
        stream.fold()
        stream.append("Hello")
        stream.end(FOOTER)

    assert talk.shown() == "Hello"
    assert len(talk.answers()) == 1


@pytest.mark.parametrize("streams", [True, False])
def test_a_long_answer_goes_on_in_further_messages(talk, streams):
    if not streams:
        talk.trouble("chat.startStream", "unknown_method", times=99)
    words = " ".join(str(number) for number in range(8_000))
    with talk.stream() as stream, moving(talk.slack.time):
        for at in range(0, len(words), 700):
            stream.append(words[at : at + 700])
        stream.end(FOOTER)
    messages = talk.answers()

    assert talk.shown() == words
    assert [len(_shown(m)) <= 12_000 for m in messages] == [True] * len(messages)
    assert [len(footers(m)) for m in messages] == [*[0] * (len(messages) - 1), 1]
    assert [m["streaming"] for m in messages] == [False] * len(messages)
