"""Pure: what a story wants of a value, how it finds values, and how it fills names in.

A text is a regular expression over the whole value, a mapping asks for its own keys only, and
everything else must be equal. `${name}` stands for a value: alone it keeps its type.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
PATTERNS = frozenset({"journal", "where", "is", "refused"})
"""Keys whose texts are regular expressions: values are filled in there as plain text."""

Values = Mapping[str, object]


def matches(value: object, wanted: object) -> bool:
    """Say whether a value is as wanted."""
    if isinstance(wanted, dict) and isinstance(value, dict):
        return all(matches(value.get(key), inner) for key, inner in wanted.items())
    if isinstance(wanted, str) and isinstance(value, str):
        return bool(re.fullmatch(wanted, value, re.DOTALL))
    if isinstance(wanted, bool) or isinstance(value, bool):
        return value is wanted
    return value == wanted


def found(value: object, path: list[str]) -> Iterator[Any]:
    """Yield what stands at a path of keys and list positions; `*` is every one."""
    if not path:
        yield value
        return
    for inner in _inside(value, path[0]):
        yield from found(inner, path[1:])


def _inside(value: object, key: str) -> list[Any]:
    if isinstance(value, dict):
        return [*value.values()] if key == "*" else [value[key]] if key in value else []
    if isinstance(value, list):
        if key == "*":
            return value
        at = int(key) if re.fullmatch(r"-?\d+", key) else len(value)
        return [value[at]] if -len(value) <= at < len(value) else []
    return []


def names(value: object) -> Iterator[str]:
    """Yield the names that stand in a value as `${name}`."""
    if isinstance(value, str):
        yield from _NAME.findall(value)
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from names(inner)


def filled(value: Any, values: Values, *, pattern: bool = False) -> Any:  # noqa: ANN401 - YAML
    """Return a value with its names filled in; names without a value stay as they are."""
    if isinstance(value, dict):
        return {
            key: filled(inner, values, pattern=pattern or key in PATTERNS)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [filled(inner, values, pattern=pattern) for inner in value]
    return _filled_text(value, values, pattern=pattern) if isinstance(value, str) else value


def _filled_text(text: str, values: Values, *, pattern: bool) -> object:
    whole = _NAME.fullmatch(text)
    if whole and not isinstance(values.get(whole[1], ""), str):
        return values[whole[1]]

    def value(name: re.Match[str]) -> str:
        if name[1] not in values:
            return name[0]
        plain = str(values[name[1]])
        return re.escape(plain) if pattern else plain

    return _NAME.sub(value, text)
