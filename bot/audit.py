"""Port: the audit log: every command and what became of it, without the words of a question."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the log.

    `outcome` is one of `Outcome`; `detail` is the reason, or of a question its class. Of a question
    only the length in characters and a hash are kept.
    """

    at: datetime
    ref: str
    act: str
    person: str
    team: str
    channel: str
    outcome: str
    environment: str = ""
    name: str = ""
    detail: str = ""
    question_length: int = 0
    question_sha256: str = ""


class Outcome(StrEnum):
    """How a command ended: `denied` by roles, `late` and `lost` without being run.

    An `interrupted` question had begun when its worker ended; a `parked` command broke too often.
    What is put off has not ended.
    """

    DONE = "done"
    DENIED = "denied"
    REFUSED = "refused"
    LATE = "late"
    INTERRUPTED = "interrupted"
    PARKED = "parked"
    LOST = "lost"


class Audit(Protocol):
    """Where entries go. An entry that could not be kept everywhere does not stop a command."""

    def record(self, entry: Entry) -> None:
        """Keep one entry; of several with one `ref` the first, so that a step may be repeated."""
        ...


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A question as the log may know it."""

    length: int
    sha256: str


def fingerprint(question: str) -> Fingerprint:
    """Return length and hash of a question."""
    return Fingerprint(len(question), hashlib.sha256(question.encode()).hexdigest())
