"""Adapter: the Endpoint port through the openai client.

The client gives configuration, credentials and the connection; the events of a stream are read by
`bot.relay.events` and decoded as typed structs, at a seventh of the client's CPU for each token.
"""

import contextlib
import ssl
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import msgspec
import openai

from bot import metrics
from bot.errors import (
    EngineAbsentError,
    EngineBrokenError,
    EngineShutError,
    EngineUnavailableError,
)
from bot.relay import CANCELLED, OPEN, Call, Piece, Question, Route
from bot.relay.completions import DONE, Reading, body_of
from bot.relay.events import events
from bot.relay.guard import PATIENCE, Guard, Patience
from bot.relay.names import Names
from bot.relay.refusals import MOST, is_shut, message_of, refusal
from bot.relay.routes import ApiServer, InCluster, ThroughApiServer

LOADING = "it may still be loading, see the deployment's thread"

BROKEN = "the answer broke off; ask again"

MOST_CONNECTIONS = 200
"""Calls of a process at once: its questions, and the proofs of its groups."""

HEADERS = 64 * 1024
"""Most bytes of an answer's headers; an engine's have some hundred."""

_LIMITS = httpx2.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=0)
"""A connection a question: a Service picks the group of each connection, not of each request."""

_EVENTS = "text/event-stream"


class _RefusedError(Exception):
    """An answer that is none: its status, and the beginning of its body."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


class OpenAIEndpoint:
    """Engines behind one HTTP client; redirects are not followed and nothing is retried."""

    def __init__(
        self,
        route: Route,
        *,
        patience: Patience = PATIENCE,
        proxy: str | None = None,
        tls: ssl.SSLContext | bool = True,
    ) -> None:
        self._route = route
        self._patience = patience
        self._watchers = ThreadPoolExecutor(MOST_CONNECTIONS, "engine guard")
        self._current = threading.local()  # the guard of the call that a thread makes
        self._http = openai.DefaultHttpxClient(
            proxy=proxy,
            verify=tls,
            trust_env=False,
            follow_redirects=False,
            limits=_LIMITS,
            timeout=self._timeout(),
            event_hooks={"request": [self._traced], "response": [self._accepted]},
        )

    @classmethod
    def connect(cls, proxy: str | None, patience: Patience = PATIENCE) -> "OpenAIEndpoint":
        """Return engines by in-cluster DNS; `proxy` leads there from outside of the cluster."""
        route = InCluster(None if proxy else Names(patience.connect))
        return cls(route, patience=patience, proxy=proxy)

    @classmethod
    def through(cls, server: ApiServer, patience: Patience = PATIENCE) -> "OpenAIEndpoint":
        """Return engines through an API server's service proxy."""
        return cls(ThroughApiServer(server), patience=patience, tls=server.tls())

    def model(self, host: str, api_key: str = "", wanted: str = "") -> str:
        """Return the wanted model id of the engine, else its first; see the port."""
        call = Call(api_key)
        with self._guard(call) as guard, self._said(host, guard, call):
            models = self._client(host, call, guard).models
            with models.with_streaming_response.list() as answer:
                body = _first_bytes(answer.http_response)
        try:
            ids = [model.id for model in msgspec.json.decode(body, type=_Models).data]
        except ValueError as error:
            raise EngineUnavailableError(
                f"asking {host}: its list of models is none that we can read"
            ) from error
        if not ids:
            raise EngineUnavailableError(f"asking {host}: it serves no model")
        return wanted if wanted in ids else ids[0]

    def stream(
        self, host: str, model: str, question: Question, call: Call = OPEN
    ) -> Generator[Piece, None, None]:
        """Ask and yield the answer; see the port."""
        reading = Reading()
        with self._guard(call) as guard:
            with self._said(host, guard, call), self._open(host, model, question, call) as answer:
                yield from self._read(answer, reading, guard)
            if guard.cancelled:
                yield reading.end(CANCELLED)
                return
        if guard.verdict:
            raise EngineUnavailableError(f"asking {host}: {guard.verdict}")
        if not reading.finished:
            raise EngineBrokenError(f"asking {host}: {BROKEN}")
        yield reading.end()

    def _guard(self, call: Call) -> Guard:
        return Guard(self._patience, call, self._watchers)

    def _read(self, answer: httpx2.Response, reading: Reading, guard: Guard) -> Iterator[Piece]:
        room = self._patience.characters
        for data in events(answer.iter_raw()):
            if data == DONE:
                break
            for piece in reading.pieces(data):
                guard.piece()
                room -= len(piece.text)
                if room < 0:
                    raise ValueError(f"longer than {self._patience.characters:,} characters")
                yield piece
        yield from reading.rest()

    @contextlib.contextmanager
    def _open(
        self, host: str, model: str, question: Question, call: Call
    ) -> Iterator[httpx2.Response]:
        guard: Guard = self._current.guard
        body = body_of(model, question)
        more = {key: body.pop(key) for key in ("chat_template_kwargs",) if key in body}
        chat = self._client(host, call, guard).chat.completions.with_streaming_response
        with chat.create(**body, extra_body=more) as answer:
            kind = answer.headers.get("content-type", "")
            if not kind.startswith(_EVENTS):
                said = message_of(_first_bytes(answer.http_response))
                raise ValueError(said or f"it answered with {kind[:40] or 'nothing'}, no stream")
            yield answer.http_response

    def _client(self, host: str, call: Call, guard: Guard) -> openai.OpenAI:
        """Return a client for one call of this thread."""
        self._current.guard = guard
        address = self._route.address(host, call.api_key)
        return openai.OpenAI(
            base_url=address.url,
            api_key=call.api_key or "none",
            default_headers={"Accept-Encoding": "identity", **address.headers},
            max_retries=0,
            timeout=self._timeout(),
            http_client=self._http,
        )

    def _timeout(self) -> openai.Timeout:
        """Return the time-outs of the client; the guard's own come before them."""
        return openai.Timeout(self._patience.first + 10, connect=self._patience.connect)

    def _traced(self, request: httpx2.Request) -> None:
        request.extensions["trace"] = self._current.guard.trace

    def _accepted(self, answer: httpx2.Response) -> None:
        if answer.status_code != httpx2.codes.OK:
            raise _RefusedError(answer.status_code, _first_bytes(answer))
        if sum(len(name) + len(value) for name, value in answer.headers.raw) > HEADERS:
            raise ValueError(f"its headers are larger than {HEADERS // 1024} KiB")

    @contextlib.contextmanager
    def _said(self, host: str, guard: Guard, call: Call) -> Iterator[None]:
        """Say what went wrong in our words; a call that was cancelled just ends."""
        self._current.guard = guard
        try:
            yield
        except (openai.APIError, httpx2.HTTPError, _RefusedError, ValueError) as error:
            if guard.cancelled:
                return
            cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
            metrics.answered("engines", up=not guard.verdict and _is_answer(cause))
            if guard.verdict:
                raise EngineUnavailableError(f"asking {host}: {guard.verdict}") from error
            if _nobody(cause):
                line = f"asking {host}: no answer"
                if isinstance(cause, _RefusedError):  # by whoever stands before it
                    line = refusal(host, cause.status, cause.body, keyed=False)
                raise EngineAbsentError(f"{line}; {LOADING}") from error
            words = self._words(host, error, cause, keyed=bool(call.api_key))
            raise _kind(cause)(words) from error
        else:
            metrics.answered("engines", up=True)

    def _words(
        self, host: str, error: Exception, cause: BaseException | None, *, keyed: bool
    ) -> str:
        match cause:
            case _RefusedError():
                return refusal(host, cause.status, cause.body, keyed=keyed)
            case httpx2.ConnectTimeout():
                return f"asking {host}: no connection within {self._patience.connect:g} s"
            case httpx2.RemoteProtocolError() if isinstance(error, openai.APIConnectionError):
                return f"asking {host}: what answers is no HTTP that we accept: {cause}"[:300]
            case httpx2.HTTPError():
                return f"asking {host}: {BROKEN}"
            case _:
                return f"asking {host}: {cause}"[:400]


def _kind(cause: BaseException | None) -> type[EngineUnavailableError]:
    """Return what kind of an error it is: whether another try, or a person, can help."""
    match cause:
        case _RefusedError() if is_shut(cause.status):
            return EngineShutError
        case httpx2.ReadError() | httpx2.WriteError() | httpx2.RemoteProtocolError():
            return EngineBrokenError
        case _:
            return EngineUnavailableError


def _is_answer(error: BaseException | None) -> bool:
    """Say whether an engine refused a question: it is there all the same."""
    return isinstance(error, _RefusedError) and error.status < httpx2.codes.INTERNAL_SERVER_ERROR


def _nobody(error: BaseException | None) -> bool:
    """Say whether nobody listens; a proxy says that by 503, or closes without an answer."""
    if isinstance(error, _RefusedError):
        return error.status == httpx2.codes.SERVICE_UNAVAILABLE
    gone = isinstance(error, httpx2.RemoteProtocolError) and "disconnected" in str(error)
    return gone or isinstance(error, httpx2.ConnectError)


def _first_bytes(answer: httpx2.Response) -> bytes:
    """Return the beginning of a body; the rest is not read."""
    body = b""
    for chunk in answer.iter_raw():
        body += chunk
        if len(body) >= MOST:
            break
    return body[:MOST]
