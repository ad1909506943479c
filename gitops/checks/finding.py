"""Pure: what a lint is, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from gitops.checks.subject import Subject


class Found(NamedTuple):
    """An object, as `Kind name` or `set template container`, and the sentence on it."""

    object: str
    text: str


class Severity(StrEnum):
    """What a finding does to a pull request, after the policy.

    An error refuses it, a warning is shown, a waived one is listed with the policy's reason.
    """

    ERROR = "error"
    WARNING = "warning"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a lint found; `text` names the object, what is wrong and the next step."""

    rule: str
    severity: Severity
    object: str
    text: str


@dataclass(frozen=True, slots=True)
class Lint:
    """A rule on the manifests of one overlay; `id` is stable, policies name it."""

    id: str
    severity: Severity
    look: Callable[[Subject], Iterator[Found]]

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """Yield what this lint finds, at its own severity."""
        for thing, text in self.look(subject):
            yield Finding(self.id, self.severity, thing, text)
