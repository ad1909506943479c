"""Faults of engines: frozen values, armed for hosts that begin with a prefix, until healed.

Source: what callers of engines met: dead proxies and engines, cut and endless streams, foreign
bodies in front of an engine (the relay's failure modes in hazards of such bots).
"""

import threading
from dataclasses import dataclass
from typing import Literal

Trouble = Literal[
    "refuse", "hang", "stall", "reset", "slow", "trickle", "endless", "invalid_utf8", "html",
    "broken_json", "huge_line", "cut", "no_finish", "no_done", "error", "comments",
    "unavailable", "redirect", "big_headers", "dead_worker",
]  # fmt: skip
"""What may be wrong, by when the caller sees it:

at once
  refuse       the connection closes without an answer, for every call
  hang         silence before the first byte, until healed or the caller goes
  unavailable  503 with a text, as from a proxy before the engine
  redirect     307 to the cloud's metadata service
  html         200 with a page instead of JSON or events
  big_headers  a cookie and 100 KiB of headers before a good answer
after `after_tokens` tokens
  stall        silence in the stream, until healed or the caller goes
  reset        the connection is reset
  cut          the stream ends well-formed, without reason and [DONE]
  error        an error object in the stream, then [DONE]; a whole answer is a 500
  invalid_utf8 bytes that are no UTF-8 inside of a text
  broken_json  an event that ends in the middle of its JSON
  huge_line    one event of 100 MB without an end of line
  endless      the same token for ever (100,000 times)
throughout
  slow         a second between tokens
  trickle      one byte a second
  comments     comment lines between the events, which are harmless
  no_finish    no finish reason, but [DONE]
  no_done      no [DONE], but a finish reason
of the group
  dead_worker  a worker is gone: vLLM's idle leader looks healthy until the next question,
               which fails after a while, and ends then; SGLang's ends by itself within 3 s
"""


@dataclass(frozen=True, slots=True)
class EngineFault:
    """One fault. `times` is how many calls it strikes, None for all until it is healed."""

    host_prefix: str
    kind: Trouble
    after_tokens: int = 3
    times: int | None = None

    def strikes(self, host: str, call: str) -> bool:
        """Say whether it is a call of this fault: questions, or any for `refuse`."""
        wanted = self.kind == "refuse" or call == "POST chat/completions"
        return wanted and host.startswith(self.host_prefix)


class EngineFaults:
    """The faults in force; the one armed last strikes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[EngineFault, int | None] = {}

    def arm(self, fault: EngineFault) -> None:
        """Put a fault in force, or count it anew."""
        with self._lock:
            self._left.pop(fault, None)
            self._left[fault] = fault.times

    def heal(self, host_prefix: str | None = None) -> None:
        """Take the faults of a prefix back; all of them without one."""
        with self._lock:
            for fault in list(self._left):
                if host_prefix in (None, fault.host_prefix):
                    del self._left[fault]

    def take(self, host: str, call: str) -> EngineFault | None:
        """Return the fault that strikes this call, if any, and count it."""
        with self._lock:
            for fault in reversed(self._left):
                left = self._left[fault]
                if left != 0 and fault.strikes(host, call):
                    self._left[fault] = None if left is None else left - 1
                    return fault
        return None

    def healed(self, fault: EngineFault) -> bool:
        """Say whether a fault is no longer in force."""
        with self._lock:
            return fault not in self._left

    def state(self) -> list[dict[str, object]]:
        """Return the faults in force; `times` is what is left of them."""
        with self._lock:
            return [
                {
                    "host_prefix": fault.host_prefix,
                    "kind": fault.kind,
                    "after_tokens": fault.after_tokens,
                    "times": left,
                }
                for fault, left in self._left.items()
                if left != 0
            ]
