"""Pure: the first lines of a rendered file, which tell a hand edit from an older renderer."""

import hashlib
import re
from enum import StrEnum

from gitops.versions import release

RENDERER = "0.1.0"
"""The version of this renderer: Leadline's own."""

_STAMP = re.compile(
    r"# Rendered by Leadline (?P<version>[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}(?:rc[0-9]{1,3})?)"
    r" \(digest sha256:(?P<digest>[0-9a-f]{64})\)"
    r" from llm\.yaml \(state (?P<state>[0-9a-f]{16})\)\.\n"
    r"(?:#[^\n]*\n)*"
)
_ADVICE = "# Do not edit: change llm.yaml and render again, or put what is yours into custom/.\n"


class Verdict(StrEnum):
    """What a file of an overlay is, beside what its llm.yaml renders to now.

    `OK`: what it should be. `MISSING`: not there. `EDITED`: changed by hand. `STALE`: untouched,
    but not what llm.yaml renders to. `OLDER` and `NEWER`: untouched, by another renderer.
    """

    OK = "ok"
    MISSING = "missing"
    EDITED = "edited"
    STALE = "stale"
    OLDER = "older renderer"
    NEWER = "newer renderer"

    @property
    def refuses(self) -> bool:
        """Whether a check must fail; another renderer is only worth a warning."""
        return self in {Verdict.MISSING, Verdict.EDITED, Verdict.STALE}


SAYS = {
    Verdict.MISSING: "is missing; run leadline render --write",
    Verdict.EDITED: "was edited by hand; change llm.yaml, or put what is yours into custom/,"
    " and run leadline render --write",
    Verdict.STALE: "is not what llm.yaml renders to now; run leadline render --write",
    Verdict.OLDER: "was rendered by an older Leadline; run leadline render --write",
    Verdict.NEWER: f"was rendered by a newer Leadline than this one, {RENDERER}; update this one",
}
"""Each verdict but OK in words, to stand after the file's path."""


def stamped(body: str, state: str, version: str = RENDERER) -> str:
    """Return a rendered file: its first lines, then its body."""
    stamp = f"# Rendered by Leadline {version} (digest sha256:{_digest(body)}) from llm.yaml"
    return f"{stamp} (state {state}).\n{_ADVICE}{body}"


def state_in(text: str) -> str | None:
    """Return the desired state that a rendered file says it is of; None where it says none."""
    stamp = _STAMP.match(text)
    return stamp["state"] if stamp else None


def judge_text(text: str, expected: str, state: str) -> Verdict:
    """Return what `text` is, where rendering now gives `expected` for an llm.yaml of `state`."""
    if text == expected:
        return Verdict.OK
    stamp = _STAMP.match(text)
    if not stamp or _digest(body := text[stamp.end() :]) != stamp["digest"]:
        return Verdict.EDITED
    written, now = release(stamp["version"]), release(RENDERER)
    if stamp["state"] != state or written == now:
        return Verdict.STALE
    if body == _body(expected):
        return Verdict.OK
    return Verdict.OLDER if written < now else Verdict.NEWER


def _body(text: str) -> str:
    stamp = _STAMP.match(text)
    return text[stamp.end() :] if stamp else text


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
