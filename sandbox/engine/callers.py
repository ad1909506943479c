"""The caller's end of one connection: has it hung up, and how to cut it off.

Source: both engines end a request when its connection closes; RFC 9293 (a reset by SO_LINGER).
"""

import os
import select
import socket
import struct
from collections.abc import Callable

from werkzeug.wrappers import Request

from sandbox.clock import Time
from sandbox.faults import HungUp

_LOOK = 0.1  # real seconds between two looks at a caller who may have gone
_LONGEST = 600.0  # real seconds that a hanging answer keeps its thread


class Caller:
    """Waits for its time, and notices meanwhile when the other end closes."""

    def __init__(self, request: Request, time: Time) -> None:
        self._socket: socket.socket | None = request.environ.get("werkzeug.socket")
        self._time = time

    def gone(self) -> bool:
        """Say whether the caller has closed the connection."""
        if self._socket is None:
            return False
        try:
            if not select.select([self._socket], [], [], 0)[0]:
                return False
            return not self._socket.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):  # reset, or closed on our side
            return True

    def stay(self) -> None:
        """Raise HungUp if the caller has gone."""
        if self.gone():
            raise HungUp("the caller went")

    def wait(self, seconds: float) -> None:
        """Wait sandbox seconds; HungUp if the caller goes meanwhile."""
        left = seconds
        while left > 0:
            left = self._time.wait(left, _LOOK)
            self.stay()

    def hang(self, until: Callable[[], bool]) -> None:
        """Say nothing until `until` holds or the caller goes, then hang up."""
        looks = int(_LONGEST / _LOOK)
        while looks and not until():
            looks -= 1
            self._time.wait(float("inf"), _LOOK)
            self.stay()
        raise HungUp("hung to the end")

    def reset(self) -> None:
        """Cut the connection off with a reset, and raise HungUp."""
        if self._socket is not None:
            linger = struct.pack("ii", 1, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            os.close(self._socket.detach())  # the handler's own shutdown would say goodbye
        raise HungUp("reset")
