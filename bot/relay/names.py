"""Adapter: names of the cluster's DNS as addresses, in bounded time.

A Service of type ExternalName is an alias of any host there is: DNS then names that host as the
canonical name, and it is not asked. Source: the API's page on Services; getaddrinfo(3).
"""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bot.errors import EngineShutError, EngineUnavailableError, EngineUnknownError
from bot.relay import PORT

AT_ONCE = 16
"""Names that are looked up at once; a resolver that hangs holds its thread for half a minute.

None waits behind them in a queue: who finds no free thread in time is told so."""

_NO_NAME = (socket.EAI_NONAME, socket.EAI_NODATA)

Lookup = Callable[..., list[Any]]


class Names:
    """Looks names up within so many seconds; `lookup` is the system's own."""

    def __init__(self, seconds: float, lookup: Lookup = socket.getaddrinfo) -> None:
        self._seconds = seconds
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(AT_ONCE, "engine name")
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def find(self, host: str) -> str:
        """Return the address of an in-cluster host, as it stands in a URL.

        Raises:
            EngineUnknownError: there is no such name.
            EngineShutError: it is an alias of a host elsewhere.
            EngineUnavailableError: DNS does not answer.
        """
        try:
            _, _, _, canonical, place = self._found(host)[0]
        except TimeoutError as error:
            raise EngineUnavailableError(
                f"asking {host}: no address within {self._seconds:g} s; look at the cluster's DNS"
            ) from error
        except socket.gaierror as error:
            raise _said(host, error) from error
        if canonical and not f"{canonical}.".startswith(f"{host}."):
            raise EngineShutError(
                f"asking {host}: its Service is an alias of {canonical}; only pods of the cluster"
                " are asked, so make it a ClusterIP"
            )
        address = str(place[0])
        return f"[{address}]" if ":" in address else address

    def _found(self, host: str) -> list[Any]:
        """Look a name up in a thread that is free within the time.

        Raises:
            TimeoutError: the time is over; the thread goes on until the resolver gives up.
        """
        until = time.monotonic() + self._seconds
        if not self._free.acquire(timeout=self._seconds):
            raise TimeoutError
        kind, flags = socket.SOCK_STREAM, socket.AI_CANONNAME
        asked = self._threads.submit(self._lookup, host, PORT, type=kind, flags=flags)
        asked.add_done_callback(lambda _: self._free.release())
        return asked.result(max(until - time.monotonic(), 0.0))


def _said(host: str, error: socket.gaierror) -> EngineUnavailableError:
    if error.errno in _NO_NAME:
        return EngineUnknownError(
            f"asking {host}: there is no such name here; it is not in the cluster yet, or Leadline"
            " is outside of it and needs LEADLINE_ASK_THROUGH=api-server"
        )
    return EngineUnavailableError(f"asking {host}: its name cannot be looked up: {error.strerror}")
