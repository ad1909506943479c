"""Pure: manifests against schemas of ours, with words for what is wrong.

The validator is jsonschema-rs: every error at once, with its path, at 5 µs a LeaderWorkerSet where
the Python one needs 1,000. The schemas are data in this package, one LeaderWorkerSet schema a
version, so that a field which the cluster's version does not have is told from a misspelled one.
"""

import difflib
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
from jsonschema_rs import ValidationErrorKind as Kind

from gitops.names import printable
from gitops.schemas.kinds import KINDS
from gitops.schemas.lws import VERSIONS, lws
from gitops.schemas.vocabulary import Schema

NEWEST = VERSIONS[-1]
"""The newest LeaderWorkerSet whose fields we know."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that a schema refuses: where it stands, what is wrong.

    `since` is the LeaderWorkerSet version that has the field, where the cluster's is older.
    """

    path: str
    text: str
    since: str = ""


def schema(kind: str, version: str = NEWEST) -> Schema | None:
    """Return the schema of a kind; None for a kind that overlays do not hold.

    `version` is the cluster's LeaderWorkerSet.
    """
    return lws(version) if kind == "LeaderWorkerSet" else KINDS.get(kind)


def complaints(manifest: dict[str, Any], version: str = NEWEST) -> Iterator[Complaint]:
    """Yield everything that the schema of the manifest's kind refuses.

    A kind without a schema yields nothing: ask `schema` first.
    """
    kind = str(manifest.get("kind"))
    validator = _validator(kind, version)
    if validator is None or validator.is_valid(manifest):
        return
    for error in validator.iter_errors(manifest):
        yield from _told(error, kind, version)


@functools.cache
def _validator(kind: str, version: str) -> jsonschema_rs.Draft202012Validator | None:
    known = schema(kind, version)
    return None if known is None else jsonschema_rs.Draft202012Validator(known)


def _told(error: jsonschema_rs.ValidationError, kind: str, version: str) -> Iterator[Complaint]:
    where = error.instance_path
    match error.kind:
        case Kind.AdditionalProperties(unexpected):
            for name in unexpected:
                yield _unknown(
                    [*where, name], [*error.schema_path[:-1], "properties"], kind, version
                )
        case Kind.Enum(options):
            words = ", ".join(str(option) for option in options)
            newer = _first_with(error.instance, error.schema_path, kind)
            yield Complaint(_path(where), f"expected one of {words}", newer)
        case Kind.Required(name):
            yield Complaint(_path(where), f"{name} is missing")
        case Kind.Type(types):
            yield Complaint(_path(where), f"expected {' or '.join(types)}")
        case Kind.Pattern():
            text = f"{printable(str(error.instance))} is not of the expected form"
            yield Complaint(_path(where), text)
        case _:
            yield Complaint(_path(where), printable(error.message))


def _unknown(
    where: list[str | int], properties: list[str | int], kind: str, version: str
) -> Complaint:
    name = where[-1]
    if newer := _first_with(name, properties, kind):
        return Complaint(_path(where), f"LeaderWorkerSet has this field from {newer} on", newer)
    known = _walk(schema(kind, version), properties) or ()
    near = difflib.get_close_matches(str(name), [str(field) for field in known], 1)
    hint = f"did you mean {near[0]}?" if near else "remove it"
    return Complaint(_path(where), f"unknown field; {hint}")


def _first_with(value: object, place: list[str | int], kind: str) -> str:
    """Return the first LeaderWorkerSet version whose schema has a value at a place, or nothing."""
    if kind != "LeaderWorkerSet":
        return ""
    holding = (version for version in VERSIONS if value in (_walk(lws(version), place) or ()))
    return next(holding, "")


def _walk(within: Any, place: list[str | int]) -> Any:  # noqa: ANN401 - any JSON
    for step in place:
        within = within.get(step) if isinstance(within, dict) else None
    return within


def _path(steps: list[str | int]) -> str:
    named = [f"[{s}]" if isinstance(s, int) else f".{printable(s)}" for s in steps]
    return "".join(named).removeprefix(".") or "the object"
