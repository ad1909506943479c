"""Adapter: the Audit port: JSON lines to standard output, and a Redis stream.

Keys: `leadline:audit` (stream of JSON) and `leadline:audited:REF`. Standard output comes first: it
needs nothing but a pipe. The stream has each command once. Standard output has it at least once:
again if a process dies between the two, or if Redis is away while a command that ended is closed.
"""

import logging
import sys

import msgspec
import redis

from bot.audit import Entry
from bot.errors import StoreUnavailableError
from bot.store import scripts as lua
from bot.store.connection import said

KEPT = 10_000
"""Entries that Redis keeps at least; whoever needs all of them keeps the lines."""

AUDITED = 24 * 3600
"""How long it is remembered that a command has its entry, in seconds; as long as its delivery."""

_STREAM = "leadline:audit"
_log = logging.getLogger(__name__)


class RedisAudit:
    """The log of one process."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def record(self, entry: Entry) -> None:
        """Write a line, then add it to the stream, unless it stands there; see the port."""
        line = msgspec.json.encode(entry).decode()
        key, written = f"leadline:audited:{entry.ref}", False
        try:
            with said("keeping an audit entry"):
                if self._redis.exists(key):
                    return
                _write(line)
                written = True
                words = (line, str(AUDITED), str(KEPT))
                self._redis.eval(lua.KEEP_ENTRY, 2, _STREAM, key, *words)
        except StoreUnavailableError as error:
            if not written:
                _write(line)
            _log.warning("audit entry only on standard output ref=%s error=%s", entry.ref, error)


def _write(line: str) -> None:
    sys.stdout.write(f'{{"audit":{line}}}\n')
    sys.stdout.flush()
