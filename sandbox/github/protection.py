"""Pure: what a protected branch asks for, and what CODEOWNERS says (gitignore's patterns).

Sources: docs.github.com, "About protected branches" and "About code owners".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, in this order; the first that is there counts."""


@dataclass(frozen=True, slots=True)
class Protection:
    """The rules of the default branch.

    `direct` names who may push without a pull request (None: every person, but no bot), as
    `bypass_pull_request_allowances` does; nobody may force or delete. `strict` asks that the head
    is up to date with the base. `teams` maps `acme/ops` to logins, for CODEOWNERS.
    """

    approvals: int = 0
    contexts: tuple[str, ...] = ()
    strict: bool = False
    code_owners: bool = False
    dismiss_stale: bool = False
    direct: frozenset[str] | None = None
    teams: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def lets_push(self, login: str, *, is_bot: bool) -> bool:
        """Say whether somebody may push without a pull request."""
        return not is_bot if self.direct is None else login in self.direct


@dataclass(frozen=True, slots=True)
class Owned:
    """One line of CODEOWNERS."""

    pattern: re.Pattern[str]
    owners: tuple[str, ...]


def read_owners(text: str) -> list[Owned]:
    """Read CODEOWNERS; lines that name no pattern are left out."""
    found = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words:
            owners = tuple(word.removeprefix("@") for word in words[1:])
            found.append(Owned(_pattern(words[0]), owners))
    return found


def owners_of(lines: Iterable[Owned], paths: Iterable[str]) -> set[tuple[str, ...]]:
    """Return the groups of owners of some files: of each file, those of its last match."""
    lines = list(lines)
    groups = {_last(lines, path) for path in paths}
    return groups - {()}


def _last(lines: list[Owned], path: str) -> tuple[str, ...]:
    return next((line.owners for line in reversed(lines) if line.pattern.match(path)), ())


def _pattern(glob: str) -> re.Pattern[str]:
    anchored = "/" in glob.rstrip("/")
    body = glob.strip("/")
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", body)
    said = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    inner = "".join(said.get(part, re.escape(part)) for part in parts)
    # "docs/*" owns the files of docs and none below; "docs/" and "docs" own all of it.
    tail = "/" if glob.endswith("/") else ("$" if body.endswith("/*") else "(?:/|$)")
    return re.compile(f"{'' if anchored else '(?:.*/)?'}{inner}{tail}")
