"""Pure: a Hugging Face config.json as plain values, with what could hide or explode refused."""

import json
from typing import Any

from gitops.errors import InvalidRequestError

MAX_BYTES = 1_000_000
"""Largest config.json we read, in bytes; published ones have under 20,000."""


def read_config(content: bytes, source: str) -> dict[str, Any]:
    """Return the fields of a config.json; `source` names the file in errors.

    Raises:
        InvalidRequestError: too large, not UTF-8, not JSON, a key twice, or no object at the top.
    """
    if len(content) > MAX_BYTES:
        raise InvalidRequestError(f"{source}: larger than {MAX_BYTES} bytes")
    try:
        values = json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{source}: is not a JSON object in UTF-8: {error}") from error
    if not isinstance(values, dict):
        raise InvalidRequestError(f"{source}: expected an object at the top")
    return values


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands twice")
        found[key] = value
    return found


def _no(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")
