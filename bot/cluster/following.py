"""Follows one kind of object of one namespace: a list, then watches, for as long as it is wanted.

The API's rules (kubernetes.io, API concepts): a watch goes on from the version of the last object
it brought; 410, as an answer or as a line, means that the server has forgotten that version, and
only a new list helps. Versions are opaque. A line that is cut off comes again.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec
import tenacity
import urllib3

from bot.cluster.lines import lines
from bot.cluster.objects import ListMeta
from bot.cluster.server import (
    TRANSIENT,
    BrokenError,
    EndedError,
    ExpiredError,
    I,
    Kind,
    RefusedError,
    Server,
)
from gitops.clock import Clock

SERVER_TIMEOUT = 25
"""How long the API server keeps one watch open, in seconds."""

BACKOFF_LIMIT = 30.0
"""Longest wait between two tries, in seconds; it starts at 1 and doubles, with jitter."""

REFUSED_WAIT = 300.0
"""Seconds until something that is optional and may not be read is tried again."""

BRIEF = 1.0
"""A round shorter than so many seconds counts as a failure: something ends our calls at once."""

PAGE = 500
"""Objects a list page."""

_GONE = 410
_SLICE = 1.0  # seconds of a wait after which we look whether to end
_log = logging.getLogger(__name__)

T = TypeVar("T")


class _Page(msgspec.Struct):
    metadata: ListMeta
    items: list[msgspec.Raw] = []


class _Any(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Line(msgspec.Struct, Generic[T]):
    type: str
    object: T


class _Status(msgspec.Struct):
    code: int = 0
    message: str = ""


class Follower(Generic[I]):
    """Follows one kind. `take` gets LISTING, every INITIAL and LISTED, then the lines' types.

    `touch` is told whether the API server answers.
    """

    def __init__(
        self,
        server: Server,
        kind: Kind[I],
        take: Callable[[str, I | None], None],
        touch: Callable[[bool], None],
        clock: Clock,
    ) -> None:
        self._server = server
        self._kind = kind
        self._take = take
        self._touch = touch
        self._clock = clock
        self._stop = threading.Event()
        self._open: urllib3.BaseHTTPResponse | None = None
        self._opened = False
        self._version = ""
        self._said = ""
        self._item = msgspec.json.Decoder(kind.type)
        self._line = msgspec.json.Decoder(_Line[kind.type])  # type: ignore[name-defined] # at run time it is a type

    def run(self) -> None:
        """Follow until `end` is called. Whatever goes wrong is logged and tried again."""
        with contextlib.suppress(EndedError):
            while True:
                for attempt in self._tries():
                    with attempt:
                        self._round()

    def end(self) -> None:
        """Stop soon, also in the middle of a silent watch; for other threads."""
        self._stop.set()
        answer = self._open
        if answer is not None:
            with contextlib.suppress(ValueError, RuntimeError, OSError):  # it has ended by itself
                answer.shutdown()

    def _tries(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            wait=self._wait,
            retry=tenacity.retry_if_not_exception_type(EndedError),
            sleep=self._pause,
            before_sleep=lambda tried: self._failed(_error(tried)),
        )

    def _wait(self, tried: tenacity.RetryCallState) -> float:
        if self._kind.optional and isinstance(_error(tried), RefusedError):
            return REFUSED_WAIT
        return _BACKOFF(tried)

    def _pause(self, seconds: float) -> None:
        left = seconds
        while left > 0:
            self._go_on()
            self._clock.sleep(min(left, _SLICE))
            left -= _SLICE

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise EndedError

    def _failed(self, error: BaseException | None) -> None:
        """Log a failure, the same one once until the server answers again."""
        if self._stop.is_set():
            return
        self._touch(False)  # noqa: FBT003 - a callback's
        said = f"{type(error).__name__}: {error}"
        if said != self._said:
            bug = None if isinstance(error, TRANSIENT) else error
            _log.warning("watch broken path=%s error=%s", self._kind.path, said, exc_info=bug)
        self._said = said

    def _round(self) -> None:
        """Watch until the server ends it, after a list where there is no version to go on from.

        A watch that breaks later than BRIEF after the start is taken up at once; anything else
        waits.
        """
        self._go_on()
        self._opened = False
        began, listed = self._clock.monotonic(), not self._version
        try:
            if listed:
                self._version = self._list()
            self._watch()
        except ExpiredError as error:
            self._version = ""
            if listed:
                raise BrokenError("its version expires at once") from error
            return
        except TRANSIENT as error:
            self._go_on()
            if not self._opened or self._clock.monotonic() - began < BRIEF:
                raise
            self._failed(error)
            return
        self._go_on()
        if self._clock.monotonic() - began < BRIEF:
            raise BrokenError("the watch was ended at once")

    def _list(self) -> str:
        self._take("LISTING", None)
        token = ""
        while True:
            query = {"limit": str(PAGE), "continue": token} | dict(self._kind.selectors)
            page = msgspec.json.decode(self._get(query).data, type=_Page)
            for raw in page.items:
                self._pass_on("INITIAL", raw)
            token = page.metadata.continue_
            if not token:
                self._take("LISTED", None)
                return page.metadata.resource_version

    def _watch(self) -> None:
        query = {
            "watch": "true",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(SERVER_TIMEOUT),
        } | dict(self._kind.selectors)
        self._open = answer = self._get(query)
        self._opened = True
        try:
            self._go_on()  # `end` may have come before it could see the answer
            for text in lines(answer):
                self._go_on()
                self._read(text)
        finally:
            self._open = None
            answer.close()

    def _read(self, text: bytes) -> None:
        try:
            line = self._line.decode(text)
        except msgspec.ValidationError:
            self._read_odd(text)
            return
        if line.type == "BOOKMARK":
            self._version = line.object.metadata.resource_version or self._version
        elif line.type == "ERROR":
            self._read_odd(text)
        else:
            self._take(line.type, line.object)
            self._version = line.object.metadata.resource_version

    def _read_odd(self, text: bytes) -> None:
        """Read a line that is an error, or an object that is not as the API says."""
        line = msgspec.json.decode(text, type=_Any)
        if line.type != "ERROR":
            self._pass_on(line.type, line.object)
            return
        status = msgspec.json.decode(line.object, type=_Status)
        if status.code == _GONE:
            raise ExpiredError
        raise BrokenError(f"{status.code} {status.message}"[:200])

    def _pass_on(self, what: str, raw: msgspec.Raw) -> None:
        try:
            item = self._item.decode(raw)
        except msgspec.ValidationError as error:
            _log.warning("object left out path=%s error=%s", self._kind.path, error)
            return
        self._take(what, item)

    def _get(self, query: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        answer = self._server.get(self._kind.path, {k: v for k, v in query.items() if v})
        self._said = ""
        self._touch(True)  # noqa: FBT003 - a callback's
        return answer


def _error(tried: tenacity.RetryCallState) -> BaseException | None:
    return tried.outcome.exception() if tried.outcome else None


_BACKOFF = tenacity.wait_exponential_jitter(initial=1, max=BACKOFF_LIMIT)
