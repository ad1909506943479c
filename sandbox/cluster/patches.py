"""Pure: merge patches and JSON patches. Sources: RFC 7386, RFC 6902, RFC 6901 (pointers)."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.cluster.objects import Object, copied
from sandbox.cluster.refusals import bad_request, unprocessable

Json = Any


def merge(live: Object, patch: Object) -> Object:
    """Return the object with a merge patch laid over it; null removes."""
    merged = copied(live)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[key] = value
    return dict(merged)


def json_patch(live: Object, steps: list[Object]) -> Object:
    """Return the object after the operations of a JSON patch, one after the other."""
    item: Json = copied(live)
    for step in steps:
        act = _ACTS.get(str(step.get("op")))
        if act is None or "path" not in step:
            raise bad_request(f"a JSON patch has op and path: {step}")
        try:
            act(item, step)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise unprocessable(f"{step['op']} operation does not apply: {error!r}") from error
    return dict(item)


def _parts(pointer: str) -> list[str]:
    if not pointer.startswith("/"):
        raise ValueError(pointer)
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]


def _find(item: Json, parts: list[str]) -> Json:
    for part in parts:
        item = item[int(part)] if isinstance(item, list) else item[part]
    return item


def _add(item: Json, step: Object) -> None:
    *above, last = _parts(step["path"])
    place = _find(item, above)
    if isinstance(place, list):
        place.insert(len(place) if last == "-" else int(last), copied(step["value"]))
    else:
        place[last] = copied(step["value"])


def _remove(item: Json, step: Object) -> None:
    *above, last = _parts(step["path"])
    place = _find(item, above)
    del place[int(last) if isinstance(place, list) else last]


def _replace(item: Json, step: Object) -> None:
    _find(item, _parts(step["path"]))  # it must be there
    _remove(item, step)
    _add(item, step)


def _test(item: Json, step: Object) -> None:
    if _find(item, _parts(step["path"])) != step["value"]:
        raise ValueError(f"{step['path']} is not {step['value']!r}")


def _copy(item: Json, step: Object) -> None:
    _add(item, {**step, "value": _find(item, _parts(step["from"]))})


def _move(item: Json, step: Object) -> None:
    value = _find(item, _parts(step["from"]))
    _remove(item, {"path": step["from"]})
    _add(item, {**step, "value": value})


_ACTS: Mapping[str, Callable[[Json, Object], None]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "test": _test,
    "copy": _copy,
    "move": _move,
}
