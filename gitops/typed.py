"""Pure: the fields of a YAML file as a typed value, with its faults in our words."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from gitops.errors import InvalidRequestError
from gitops.names import printable


def typed(fields: Mapping[str, Any], kind: Any, source: str, known: tuple[str, ...]) -> Any:  # noqa: ANN401 - a class or a union of classes, and what it makes
    """Return the value of a kind; `known` are the fields to suggest, `source` names the file.

    Raises:
        InvalidRequestError: unknown, missing or wrong fields, or a rule of the kind is broken.
    """
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"{source}: {_in_words(error, known)}") from error
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{source}: {error}") from error


def _in_words(error: msgspec.ValidationError, known: tuple[str, ...]) -> str:
    """Return msgspec's message in one line, with the nearest known field where one is unknown."""
    text = str(error)
    if found := re.match(r"Object contains unknown field `(.+?)`(?: - at `\$\.(.+)`)?", text):
        near = difflib.get_close_matches(found[1], known, 1)
        where = f" in {found[2]}" if found[2] else ""
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"unknown field {printable(found[1])}{where}{hint}"
    return printable(text.replace("`", "").replace("$.", ""))
