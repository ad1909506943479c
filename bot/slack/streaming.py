"""Adapter: the Stream port: an answer that grows in a thread while it arrives.

Text is gathered and sent from a thread of its own, so an engine is read at its own speed; what
waits for room in Slack's tiers goes as one. The chat streaming methods are used where Slack offers
them; where it does not, or no longer (a stream that pauses for minutes expires), one message is
edited instead. Sources: docs.slack.dev, chat.startStream, appendStream, stopStream and update.
"""

import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Iterator

import tenacity
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.chat import Person, Place
from bot.errors import ChatUnavailableError
from bot.notice import Footer
from bot.slack.blocks import Block, blocks
from bot.slack.escaping import inert
from bot.slack.faults import FAULTS, is_odd, reason_of
from bot.slack.pacing import APPEND, START, STOP, UPDATE, Pacing
from bot.slack.portions import portion
from bot.slack.replies import GONE, LIMITED, STOPPED, AnswerThread
from bot.slack.retrying import LATE, wait_of
from gitops.clock import Clock

BEAT = 1.0
"""Seconds between two sends of one answer."""

END_WAIT = 70.0
"""Longest wait for room to end a message, in seconds: a whole window of Slack's. Then it is sent
all the same, and Slack's 429 says how long to wait."""

MOST_LIMITED = 10
"""Refusals for haste in a row after which an answer is not waited for any more at its end."""

TRIES = 5
"""Tries to end an answer while Slack does not answer; the pauses are 1, 2, 4 and 8 s."""

_log = logging.getLogger(__name__)


class SlackStream:
    """One answer, in one message or several; see the port."""

    def __init__(
        self, client: WebClient, place: Place, person: Person, clock: Clock, pacing: Pacing
    ) -> None:
        self._thread = AnswerThread(client, place, person)
        self._clock = clock
        self._pacing = pacing
        self._news = threading.Condition()  # guards what waits
        self._sending = threading.RLock()  # guards what stands in Slack
        self._waiting: list[str] = []
        self._ended = False
        self._sender: threading.Thread | None = None
        self._message = ""  # time stamp of the message that grows; empty before it is posted
        self._earlier: list[str] = []  # those that are full
        self._shown = ""  # what the message holds
        self._full = False  # what comes belongs into another message
        self._streams = True  # False: it is edited
        self._closed = False
        self._limited = 0  # refusals for haste in a row
        self._lost = ""  # why nothing more can be shown, or that the reader wants no more

    def append(self, text: str) -> None:
        """Gather text; it is shown within about a second, later while Slack has no room."""
        with self._news:
            self._waiting.append(inert(text))
            if self._sender is None:
                self._sender = threading.Thread(target=self._send, name="answer", daemon=True)
                self._sender.start()
            self._news.notify()

    def fold(self) -> None:
        """Take back what was shown; see the port."""
        with self._sending:
            with self._news:
                self._waiting.clear()
            if self._message:
                self._edit_from_now_on()
                self._shown, self._full = "", False
            for message in self._earlier:
                with contextlib.suppress(*FAULTS):  # then it stays; nothing depends on it
                    self._thread.delete(message)
            self._earlier.clear()

    def wanted(self) -> bool:
        """Say whether somebody still reads; see the port."""
        return not self._lost

    def end(self, footer: Footer) -> None:
        """Send what is left and close with the footer; see the port."""
        self._stop_sending()
        with self._sending, _told("ending an answer"):
            for attempt in self._tries():
                with attempt:
                    self._end(blocks(footer))

    def close(self) -> None:
        """Close the message if `end` did not: a stream left open would look alive."""
        if self._ended:
            return
        self._stop_sending()
        with self._sending, _told("ending an answer"):
            if self._message or self._text().strip():
                self._end([])

    def _stop_sending(self) -> None:
        with self._news:
            self._ended = True
            self._news.notify()

    def _send(self) -> None:
        """Send what has gathered, a beat apart. In the thread of this answer."""
        while self._has_news():
            pause = BEAT
            with self._sending:
                if not self._ended and not self._lost:
                    pause = max(BEAT, self._patiently(self._show))
            self._clock.sleep(pause)

    def _has_news(self) -> bool:
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._ended)
            return not self._ended

    def _patiently(self, act: Callable[[], float]) -> float:
        """Return the seconds to wait; what Slack refuses is tried in another way, or later."""
        try:
            return self._anyhow(act)
        except FAULTS as error:
            reason = reason_of(error)
            if reason == STOPPED or reason in GONE:
                self._lost = reason
            bug = error if is_odd(error) else None
            _log.info("unshown message=%s error=%s", self._message, error, exc_info=bug)
        return 0.0

    def _anyhow(self, act: Callable[[], float]) -> float:
        """Return the seconds to wait; where a stream is refused, go on by editing."""
        try:
            wait = act()
        except SlackApiError as error:
            if reason_of(error) == LIMITED:
                return self._pause(error)
            if not self._streams or reason_of(error) == STOPPED:
                raise
            self._edit_from_now_on()
        except FAULTS:
            if not self._streams:
                raise
            self._edit_from_now_on()
        else:
            self._limited = 0
            return wait
        return 0.0

    def _pause(self, error: SlackApiError) -> float:
        """Return how long to wait after a 429; at the end of an answer, raise where it is no use.

        The sender goes on for as long as there is an answer; the end holds up a worker's thread.
        """
        self._limited += 1
        wait = wait_of(error.response.headers)
        if self._ended and (wait > LATE or self._limited > MOST_LIMITED):
            raise error
        return max(BEAT, min(wait, LATE))

    def _show(self) -> float:
        """Show more; return the seconds until there is room for that."""
        if self._full and (wait := self._turn_the_page()):
            return wait
        text = self._text()
        if not text.strip() and not self._message:
            return 0.0  # blank lines before an answer
        if not self._message and not self._earlier:
            text = text.lstrip("\n")  # the same, where words came before they were looked at
        head, rest = portion(self._shown, text)
        if head and (wait := self._grow(head)):
            return wait
        self._keep(rest)
        self._full = bool(rest)
        return 0.0

    def _grow(self, head: str) -> float:
        """Add to the message, or begin it; return the seconds until there is room for that."""
        if not self._message:
            return self._begin(head)
        if wait := self._pacing.take(APPEND if self._streams else UPDATE):
            return wait
        if self._streams:
            self._thread.append(self._message, head)
        else:
            self._thread.edit(self._message, self._shown + head)
        self._shown += head
        return 0.0

    def _begin(self, head: str) -> float:
        """Post the message: as a stream while Slack lets us start one, else to be edited."""
        self._shown = ""
        self._streams = self._streams and self._pacing.take(START) == 0
        if self._streams:
            try:
                self._message = self._thread.start(head)
            except FAULTS as error:
                if reason_of(error) in GONE:
                    raise
                self._streams = False
        if not self._message:
            self._message = self._thread.post(head)
        self._shown = head
        return 0.0

    def _turn_the_page(self) -> float:
        """End a message that is full; the next text begins another."""
        if self._streams:
            if wait := self._pacing.take(STOP):
                return wait
            self._thread.stop(self._message)
        self._earlier.append(self._message)
        self._message, self._shown, self._full = "", "", False
        return 0.0

    def _edit_from_now_on(self) -> None:
        """Go on by editing; a message that still streams cannot be edited, so that ends."""
        if self._streams and self._message:
            with contextlib.suppress(*FAULTS):  # it has ended already
                self._thread.stop(self._message)
        self._streams = False

    def _end(self, footer: list[Block]) -> None:
        """Show all that is left, and the footer; whatever is refused is tried by editing."""
        if self._lost == STOPPED:
            self._edit_from_now_on()
        while self._full or portion(self._shown, self._text())[1]:
            if wait := self._anyhow(self._show):
                self._clock.sleep(wait)
        finish = functools.partial(self._finish, footer)
        while not self._closed:
            if wait := self._anyhow(finish):
                self._clock.sleep(wait)

    def _finish(self, footer: list[Block]) -> float:
        """Close the last message; return the seconds until that may be tried again."""
        rest = self._text()
        if not self._message:
            self._message = self._thread.post(rest.lstrip(), footer)
        elif self._streams:
            self._pacing.wait(STOP, END_WAIT)
            self._thread.stop(self._message, rest, footer)
        else:
            self._pacing.wait(UPDATE, END_WAIT)
            self._thread.edit(self._message, self._shown + rest, footer)
        self._shown += rest
        self._keep("")
        self._closed = True
        return 0.0

    def _text(self) -> str:
        """Return what waits."""
        with self._news:
            text = "".join(self._waiting)
            self._waiting = [text] if text else []
            return text

    def _keep(self, rest: str) -> None:
        """Let only `rest`, and what has come since, wait."""
        with self._news:
            self._waiting = [rest, *self._waiting[1:]] if rest else self._waiting[1:]

    def _tries(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_exponential(max=8),
            retry=tenacity.retry_if_exception(_may_pass),
            sleep=self._clock.sleep,
            reraise=True,
        )


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, FAULTS) and reason_of(error) not in GONE


@contextlib.contextmanager
def _told(act: str) -> Iterator[None]:
    try:
        yield
    except FAULTS as error:
        reason = reason_of(error) or "no answer; try again in a minute"
        raise ChatUnavailableError(f"{act} in Slack: {reason}") from error
