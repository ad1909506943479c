"""Adapter: the Audit port: JSON lines to standard output, and a Redis stream.

Key: `leadline:audit` (stream of JSON). Standard output comes first: it needs nothing but a pipe.
"""

import logging
import sys

import msgspec
import redis

from bot.audit import Entry
from bot.errors import StoreUnavailableError
from bot.store.connection import said

KEPT = 10_000
"""Entries that Redis keeps at least; whoever needs all of them keeps the lines."""

_STREAM = "leadline:audit"
_log = logging.getLogger(__name__)


class RedisAudit:
    """The log of one process."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def record(self, entry: Entry) -> None:
        """Write a line, then add it to the stream; see the port."""
        line = msgspec.json.encode(entry).decode()
        sys.stdout.write(f'{{"audit":{line}}}\n')
        sys.stdout.flush()
        try:
            with said("keeping an audit entry"):
                self._redis.xadd(_STREAM, {"entry": line}, maxlen=KEPT, approximate=True)
        except StoreUnavailableError as error:
            _log.warning("audit entry only on standard output ref=%s error=%s", entry.ref, error)
