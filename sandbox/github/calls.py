"""One call of the REST API and its reply."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.github.errors import invalid_field
from sandbox.github.shapes import Shapes
from sandbox.github.site import Account


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
        return value


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back; lists marked `paged` are cut into pages."""

    status: int
    body: Any
    paged: bool = False


Handler = Callable[..., Reply]
Routes = tuple[tuple[str, str, Handler], ...]
