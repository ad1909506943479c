"""One call of the REST API and its reply."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.github.errors import invalid_field, too_long
from sandbox.github.shapes import Shapes
from sandbox.github.site import Account

TITLE, BODY = 256, 65_536
"""Characters of a title and of the text below it or of a comment, from general knowledge."""


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, with which query and body, and the shapes for the reply."""

    account: Account
    query: Mapping[str, str]
    body: Mapping[str, Any]
    shapes: Shapes

    def words(self, name: str, resource: str) -> str:
        """Return a required string of the body."""
        value = self.body.get(name)
        if value in (None, ""):
            raise invalid_field(resource, name, "missing_field")
        if not isinstance(value, str):
            raise invalid_field(resource, name)
        return self._short(value, name, resource)

    def text(self, name: str, resource: str) -> str | None:
        """Return a string of the body that may be left out."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, str):
            raise invalid_field(resource, name)
        return value and self._short(value, name, resource)

    def _short(self, value: str, name: str, resource: str) -> str:
        most = {"title": TITLE, "body": BODY}.get(name, len(value))
        if len(value) > most:
            raise too_long(resource, name, most)
        return value


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back; a list marked `paged` is cut into pages, or that list of an object."""

    status: int
    body: Any
    paged: bool | str = False


class Pages:
    """A long list of which only the page asked for is worked out."""

    def __init__(self, names: Sequence[str], shape: Callable[[str], Mapping[str, Any]]) -> None:
        self._names, self._shape = names, shape

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, part: slice) -> list[Mapping[str, Any]]:
        return [self._shape(name) for name in self._names[part]]


Handler = Callable[..., Reply]
Routes = tuple[tuple[str, str, Handler], ...]
