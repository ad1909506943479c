"""One call of the Web API: who calls, which method, with what.

Source: docs.slack.dev/apis/web-api (arguments come as query, form or JSON; lists and objects may
come as JSON text inside a form).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request

from sandbox.slack.errors import RefusedError, invalid_arguments

_AS_JSON_TEXT = {
    "blocks": "invalid_blocks_format",
    "metadata": "invalid_metadata_format",
    "chunks": "invalid_chunks",
    "attachments": "invalid_attachments",
    "files": "invalid_arguments",
    "view": "invalid_arguments",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call, its arguments decoded."""

    method: str
    arguments: Mapping[str, Any]

    def text(self, name: str, otherwise: str = "") -> str:
        """Return an argument as a string."""
        return str(self.arguments.get(name, otherwise))

    def maybe(self, name: str) -> str | None:
        """Return an argument as a string; None if it is not given or empty."""
        return self.text(name) or None

    def flag(self, name: str) -> bool:
        """Return an argument as a truth value."""
        return self.arguments.get(name) in (True, 1, "1", "true", "True")

    def number(self, name: str, otherwise: int, most: int) -> int:
        """Return an argument as a number from 1 to `most`."""
        try:
            return max(1, min(most, int(self.arguments.get(name, otherwise))))
        except ValueError as error:
            raise invalid_arguments(f"must be an integer [json-pointer:/{name}]") from error

    def require(self, *names: str) -> None:
        """Refuse the call unless all these arguments are given."""
        for name in names:
            if self.arguments.get(name) in (None, ""):
                raise invalid_arguments(f"missing required field: {name}")


def read_arguments(request: Request) -> dict[str, Any]:
    """Return the decoded arguments of a request."""
    found: dict[str, Any] = {**request.args.to_dict(), **request.form.to_dict()}
    if request.mimetype == "application/json":
        found |= _json_body(request.get_data())
    for name, code in _AS_JSON_TEXT.items():
        if isinstance(found.get(name), str):
            found[name] = _decoded(found[name], code)
    return found


def _json_body(body: bytes) -> dict[str, Any]:
    found = _decoded(body or b"{}", "invalid_json")
    if not isinstance(found, dict):
        raise RefusedError("json_not_object")
    return found


def _decoded(text: str | bytes, code: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except ValueError as error:
        raise RefusedError(code) from error
