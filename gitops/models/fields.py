"""Pure: values out of a parsed YAML or JSON mapping, typed or refused in words."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from gitops.errors import InvalidRequestError

MAX_WHOLE = 10**16
"""Largest whole number we read; the largest model on offer has 2·10^12 bytes."""

MAX_NUMBER = 1_000_000
"""Largest number with a fraction that we read; a YaRN factor is below 100."""


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping and the words that name it in errors; every reader raises InvalidRequestError."""

    values: Mapping[str, object]
    where: str

    def only(self, *known: str) -> "Fields":
        """Refuse a key that is not among `known`, naming the nearest one."""
        for key in self.values:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
                raise InvalidRequestError(f"{self.where}: unknown key {key:.60}; {hint}")
        return self

    def has(self, key: str) -> bool:
        """Tell whether the key is there with a value other than null."""
        return self.values.get(key) is not None

    def text(self, key: str) -> str:
        """Return a text that is not empty."""
        value = self._required(key)
        if not isinstance(value, str) or not value:
            raise self._wrong(key, "a text", value)
        return value

    def whole(self, key: str, low: int = 1, high: int = MAX_WHOLE) -> int:
        """Return a whole number between `low` and `high`."""
        value = self._required(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise self._wrong(key, f"a whole number of at least {low}", value)
        if value > high:
            raise self._wrong(key, f"at most {high}", value)
        return value

    def number(self, key: str) -> float:
        """Return a number above 0 and up to a million."""
        value = self._required(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._wrong(key, "a number", value)
        if not 0 < value <= MAX_NUMBER:
            raise self._wrong(key, f"above 0 and at most {MAX_NUMBER}", value)
        return float(value)

    def flag(self, key: str) -> bool:
        """Return true or false; false when the key is missing."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return bool(value)

    def inner(self, key: str) -> "Fields":
        """Return the mapping under a key."""
        value = self._required(key)
        if not isinstance(value, Mapping):
            raise self._wrong(key, "a mapping", value)
        return Fields(cast("Mapping[str, object]", value), f"{self.where}: {key}")

    def items(self, key: str) -> list[object]:
        """Return the list under a key; empty when the key is missing."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, list):
            raise self._wrong(key, "a list", value)
        return list(value or [])

    def text_or_none(self, key: str) -> str | None:
        """Return a text, None when the key is missing."""
        return self.text(key) if self.has(key) else None

    def whole_or_none(self, key: str) -> int | None:
        """Return a whole number of at least 1, None when the key is missing."""
        return self.whole(key) if self.has(key) else None

    def _required(self, key: str) -> object:
        if not self.has(key):
            raise InvalidRequestError(f"{self.where}: {key} is missing; add it")
        return self.values[key]

    def _wrong(self, key: str, wanted: str, value: object) -> InvalidRequestError:
        return InvalidRequestError(f"{self.where}: {key} must be {wanted}, not {value!r:.60}")
