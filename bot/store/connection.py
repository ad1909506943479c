"""Adapter: connections to Redis, and its errors in our words."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry

from bot.errors import StoreUnavailableError, StoreUncertainError
from gitops.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call may take: seconds to connect and for an answer, and tries after the first."""

    connect: float
    answer: float
    again: int


EDGE = Patience(connect=0.3, answer=0.6, again=0)
"""Where a person waits: Slack gives three seconds, and hears of a Redis that is away within one."""

WORKER = Patience(connect=3, answer=5, again=2)
"""Where nobody waits; longer than any blocking read."""

FIRST_PAUSE = 0.05
"""Seconds before the second try of a call; doubled, with jitter, up to LONGEST_PAUSE."""

LONGEST_PAUSE = 0.5


def connect(url: str, patience: Patience) -> redis.Redis:
    """Return a client for a redis:// address; no call is made yet.

    Raises:
        UsageError: an option in the address is none, or has a value that cannot be one.
    """
    pauses = ExponentialWithJitterBackoff(base=FIRST_PAUSE, cap=LONGEST_PAUSE)
    with _options():
        client = _client(url, patience, _Retry(pauses, patience.again, _AWAY))
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # which alone looks at all of them
    return client


class Own(threading.local):
    """A client of its own for each thread that asks, whose one connection stays open.

    A pool takes a connection out for each call, looks whether it still stands, and puts it back,
    which is a third of the call's CPU. Here a connection that is gone is found by the call, which
    is then made once more, at once: so a call must be harmless when it is made twice. One that is
    not answered in time is not made again.
    """

    def __init__(self, url: str, patience: Patience) -> None:
        self._url, self._patience = url, patience
        self._redis: redis.Redis | None = None

    def client(self) -> redis.Redis:
        """Return this thread's client; the first time it connects, and raises redis-py's errors."""
        if self._redis is None:
            again = _Retry(NoBackoff(), 1, (redis.ConnectionError, redis.ReadOnlyError))
            self._redis = _client(
                self._url,
                self._patience,
                again,
                single_connection_client=True,
                protocol=2,  # this and the next spare a thread's first call four more round trips
                driver_info=None,
            )
        return self._redis


_AWAY = (redis.ConnectionError, redis.TimeoutError, TimeoutError, redis.ReadOnlyError)
"""What another connection may cure. A Redis that has become a replica refuses what is written, and
keeps its connections: a new one finds the one that leads now, where the address does."""


class _Retry(Retry):
    """Knows a refusal of a replica also by the words of Redis 6, which puts some before them."""

    def call_with_retry(self, do: Callable[[], T], *args: Any, **more: Any) -> T:  # noqa: ANN401 - redis-py's
        """Call, and again with a new connection where that may help."""

        def asked() -> T:
            try:
                return do()
            except redis.ResponseError as error:
                if "-READONLY " in str(error):
                    raise redis.ReadOnlyError(str(error)) from error
                raise

        return super().call_with_retry(asked, *args, **more)


def _client(url: str, patience: Patience, retry: Retry, **more: object) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=patience.answer,
        socket_connect_timeout=patience.connect,
        retry=retry,
        **more,
    )


@contextlib.contextmanager
def _options() -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError, redis.RedisError) as error:
        raise UsageError(
            "REDIS_URL has options that redis-py does not take; leave out what follows its ?"
        ) from error


@contextlib.contextmanager
def said(act: str) -> Iterator[None]:
    """Turn what Redis or its client raises into ours, with the act that it was for."""
    try:
        yield
    except redis.TimeoutError as error:
        raise StoreUncertainError(
            f"{act} in Redis: no answer in time; check REDIS_URL and its load"
        ) from error
    except redis.ConnectionError as error:
        raise StoreUnavailableError(f"{act} in Redis: no answer; check REDIS_URL") from error
    except redis.ReadOnlyError as error:
        raise StoreUnavailableError(
            f"{act} in Redis: refused by a replica; point REDIS_URL at the one that leads"
        ) from error
    except redis.RedisError as error:
        raise StoreUnavailableError(
            f"{act} in Redis: refused, {error}; check the server and its memory"
        ) from error


def lost_group(error: redis.ResponseError) -> bool:
    """Say whether Redis knows nothing of our consumer group: its data are gone.

    Redis 6 puts words of its own before what a script met. Where the stream is gone too, XINFO
    CONSUMERS says "no such key", and fakeredis' XREADGROUP that it "requires the key to exist".
    """
    told = ("NOGROUP", "no such key", "requires the key to exist")
    return any(words in str(error) for words in told)
