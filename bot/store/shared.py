"""Adapter: what processes tell each other through Redis: cards, wake-up calls, main's files.

Keys: `leadline:cards` (hash of JSON), `leadline:wakes` (list of numbers), `leadline:main` (hash:
`head` is JSON of the revision and its time, `files` the texts in zlib-compressed JSON, base64).
"""

import base64
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import cast

import msgspec
import redis

from bot.desired import Main
from bot.notice import Card
from bot.store.connection import said
from gitops.forge import Revision

WAIT = 1
"""Longest wait for a wake-up call before asking again, in seconds."""

MOST_WAKES = 1_000
"""Wake-up calls that are kept; more are worth no more than the next poll."""

SEEN = 24 * 3600
"""How long a webhook's delivery is remembered, in seconds; GitHub redelivers for three days, on
request, and a second wake-up call is one look more."""

_CARDS, _WAKES, _MAIN = "leadline:cards", "leadline:wakes", "leadline:main"


class _Head(msgspec.Struct):
    commit: str
    tree: str
    at: datetime


class RedisShared:
    """Cards, Wakes and Snapshots."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def show(self, key: str, card: Card) -> None:
        """Keep a card; see the port."""
        with said("keeping a card"):
            self._redis.hset(_CARDS, key, msgspec.json.encode(card).decode())

    def cards(self) -> Mapping[str, Card]:
        """Return every card; see the port."""
        with said("reading cards"):
            found = cast("dict[str, str]", self._redis.hgetall(_CARDS))
        return {key: msgspec.json.decode(text, type=Card) for key, text in found.items()}

    def wake(self, number: int, delivery: str) -> bool:
        """Say that a pull request has changed; see the port."""
        seen = f"leadline:delivery:{delivery}:{number}"
        with said("waking the watcher"):
            if not self._redis.set(seen, "1", nx=True, ex=SEEN):
                return False
            self._redis.rpush(_WAKES, number)
            self._redis.ltrim(_WAKES, -MOST_WAKES, -1)
        return True

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of pull requests that have changed; see the port."""
        while True:
            with said("waiting for wake-up calls"):
                found = cast("tuple[str, str] | None", self._redis.blpop([_WAKES], WAIT))
            if found:
                yield int(found[1])

    def publish(self, main: Main) -> bool:
        """Keep a reading of main; see the port."""
        stands = main.revision
        head = msgspec.json.encode(_Head(stands.commit, stands.tree, main.at)).decode()
        with said("publishing main"):
            if main.files:
                packed = base64.b64encode(zlib.compress(msgspec.json.encode(main.files))).decode()
                self._redis.hset(_MAIN, mapping={"head": head, "files": packed})
                return True
            if self._kept() == stands.commit:
                self._redis.hset(_MAIN, "head", head)
                return True
        return False

    def published(self, known: str = "") -> Main | None:
        """Return the last reading of main; see the port."""
        with said("reading main"):
            text = cast("str | None", self._redis.hget(_MAIN, "head"))
            if text is None:
                return None
            head = msgspec.json.decode(text, type=_Head)
            revision = Revision(head.commit, head.tree)
            if head.commit == known:
                return Main(revision, head.at)
            packed = cast("str | None", self._redis.hget(_MAIN, "files"))
        texts = zlib.decompress(base64.b64decode(packed or ""))
        return Main(revision, head.at, msgspec.json.decode(texts, type=dict[str, str]))

    def _kept(self) -> str:
        text = cast("str | None", self._redis.hget(_MAIN, "head"))
        return msgspec.json.decode(text, type=_Head).commit if text else ""
