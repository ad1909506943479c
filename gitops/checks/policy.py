"""Pure: the policy file, which raises, lowers or waives lints, each time with a reason.

The caller reads it from the base revision: a pull request cannot waive its own findings.

    rules:
      - lint: image-pinned
        severity: waived              # error, warning or waived
        overlays: [overlays/dev/*]    # all of them where this is missing
        reason: The registry of dev keeps one tag.
        until: 2027-03-31             # the last day; for ever where this is missing
    engine-flags:
      - flag: --trust-remote-code     # a flag that is off the list of `leadline` for its risk
        reason: The bucket is written by us alone.
"""

import dataclasses
import datetime as dt
import difflib
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

import msgspec

from gitops.checks.finding import Finding, Severity
from gitops.documents import load_mapping
from gitops.errors import InvalidRequestError
from gitops.names import check_text, printable


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule of a policy: what a lint means, where, why and until when."""

    lint: str
    severity: Severity
    reason: str
    overlays: tuple[str, ...] = ("*",)
    until: dt.date | None = None

    def covers(self, finding: Finding, overlay: str, today: dt.date) -> bool:
        """Say whether this entry is about a finding in an overlay, today."""
        return (
            self.lint == finding.rule
            and (self.until is None or today <= self.until)
            and any(fnmatchcase(overlay, pattern) for pattern in self.overlays)
        )


class AllowedFlag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An engine flag that is off the list for its risk, and that this policy allows."""

    flag: str
    reason: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    rules: tuple[Entry, ...] = ()
    engine_flags: tuple[AllowedFlag, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a policy; a later one wins over an earlier one."""

    entries: tuple[Entry, ...] = ()
    flags: frozenset[str] = frozenset()

    @classmethod
    def load(cls, text: str, source: str, known: Collection[str]) -> "Policy":
        """Read a policy; `source` names the file in errors, `known` are the ids of all lints.

        Raises:
            InvalidRequestError: not a policy, an unknown lint, or a rule without a reason.
        """
        try:
            file = msgspec.convert(load_mapping(text, source), _File)
        except msgspec.ValidationError as error:
            raise InvalidRequestError(f"{source}: {printable(str(error))}") from error
        for number, entry in enumerate(file.rules, 1):
            _check(entry, f"{source}: rule {number}", known)
        for allowed in file.engine_flags:
            if not allowed.reason.strip():
                raise InvalidRequestError(f"{source}: {allowed.flag} has no reason; say why")
        return cls(file.rules, frozenset(allowed.flag for allowed in file.engine_flags))

    def apply(self, finding: Finding, overlay: str, today: dt.date) -> Finding:
        """Return a finding as this policy has it; a waived one says why."""
        covering = [entry for entry in self.entries if entry.covers(finding, overlay, today)]
        if not covering:
            return finding
        entry = covering[-1]
        note = f" (waived: {entry.reason})" if entry.severity is Severity.WAIVED else ""
        return dataclasses.replace(finding, severity=entry.severity, text=finding.text + note)


def _check(entry: Entry, where: str, known: Collection[str]) -> None:
    if entry.lint not in known:
        near = difflib.get_close_matches(entry.lint, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"lints are {', '.join(sorted(known))}"
        raise InvalidRequestError(f"{where}: unknown lint {printable(entry.lint)}; {hint}")
    if not entry.reason.strip():
        raise InvalidRequestError(f"{where}: {entry.lint} has no reason; say why")
    check_text(f"{where}: reason", entry.reason)
    if not entry.overlays:
        raise InvalidRequestError(f"{where}: overlays is empty; name some or leave it out")
