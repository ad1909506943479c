"""Adapter: connections to Redis, and its errors in our words."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from bot.errors import StoreUnavailableError, StoreUncertainError


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
    """Return a client for a redis:// address; no call is made yet."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=patience.answer,
        socket_connect_timeout=patience.connect,
        retry=Retry(
            ExponentialWithJitterBackoff(base=FIRST_PAUSE, cap=LONGEST_PAUSE), patience.again
        ),
    )


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
    except redis.RedisError as error:
        raise StoreUnavailableError(
            f"{act} in Redis: refused, {error}; check the server and its memory"
        ) from error


def lost_group(error: redis.ResponseError) -> bool:
    """Say whether Redis knows nothing of our consumer group: its data are gone."""
    return str(error).startswith("NOGROUP")
