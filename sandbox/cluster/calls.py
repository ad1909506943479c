"""Pure: a request to the API server as verb, kind and place. Source: the API concepts page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from werkzeug.wrappers import Request

from gitops.documents import load_all
from gitops.errors import InvalidRequestError
from sandbox.cluster.kinds import Kind, by_path
from sandbox.cluster.objects import Key, Object
from sandbox.cluster.refusals import bad_request, method_not_allowed, no_such_path, unsupported

Verb = Literal[
    "get", "list", "watch", "log", "proxy", "create", "apply", "patch", "update", "delete"
]

APPLY = "application/apply-patch+yaml"
_JSON_PATCH = "application/json-patch+json"
_PATCHES = (
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    _JSON_PATCH,
)
_NAMED: Mapping[str, Verb] = {"PUT": "update", "DELETE": "delete"}
_UNNAMED: Mapping[str, Verb] = {"POST": "create"}
_TITLES = {"list": "GET", "log": "GET"}
_READING = ("get", "list", "watch", "log", "proxy")


@dataclass(frozen=True, slots=True)
class Call:
    """One request for a resource; `request` has the query and the body.

    `rest` is the path behind a proxy.
    """

    verb: Verb
    kind: Kind
    namespace: str
    name: str
    request: Request
    subresource: str = ""
    rest: str = ""

    @property
    def key(self) -> Key:
        """Return the address of the object that is meant."""
        return Key(self.kind.plural, self.namespace, self.name)

    @property
    def title(self) -> str:
        """Return the name that journal and faults use, such as `WATCH pods`."""
        sub = f"/{self.subresource}" if self.subresource else ""
        return f"{_TITLES.get(self.verb, self.verb.upper())} {self.kind.plural}{sub}"

    @property
    def writes(self) -> bool:
        """Say whether the call may change something."""
        return self.verb not in _READING

    @property
    def dry(self) -> bool:
        """Say whether the caller only wants to know what would happen."""
        return self.request.args.get("dryRun") == "All"

    @property
    def is_json_patch(self) -> bool:
        """Say whether the body is a list of operations."""
        return bool(self.request.mimetype == _JSON_PATCH)

    def steps(self) -> list[Object]:
        """Return the operations of a JSON patch."""
        steps = self.request.get_json(force=True, silent=True)
        if not isinstance(steps, list) or not all(isinstance(each, dict) for each in steps):
            raise bad_request("a JSON patch is a list of operations")
        return steps

    def flag(self, name: str) -> bool:
        """Say whether a query parameter is true."""
        return self.request.args.get(name, "") in ("true", "True", "1")

    def number(self, name: str) -> int | None:
        """Return a query parameter that is a number."""
        text = self.request.args.get(name, "")
        if text and not text.isdecimal():
            raise bad_request(f"invalid {name} {text!r}")
        return int(text) if text else None

    def body(self) -> Object:
        """Return the body, JSON or YAML; {} when there is none."""
        text = self.request.get_data(as_text=True)
        if not text.strip():
            return {}
        try:
            documents = [json.loads(text)] if text.lstrip()[0] == "{" else load_all(text)
        except (InvalidRequestError, ValueError) as error:
            raise bad_request(f"error decoding the body: {error}") from error
        if len(documents) != 1 or not isinstance(documents[0], dict):
            raise bad_request("the body must be one object")
        return cast("dict[str, Any]", documents[0])


def parse(request: Request) -> Call:
    """Read the request's method and path; 404 for a path that no API serves."""
    kind, namespace, rest = _place(request.path)
    name = rest[0] if rest else ""
    sub = rest[1] if len(rest) > 1 else ""
    behind = "/".join(rest[2:])
    return Call(_verb(request, kind, name, sub), kind, namespace, name, request, sub, behind)


def _place(path: str) -> tuple[Kind, str, list[str]]:
    parts = path.removeprefix("/").split("/")
    parts = parts if "proxy" in parts else [part for part in parts if part]
    length = 2 if parts[0] == "api" else 3
    root, rest = "/" + "/".join(parts[:length]), parts[length:]
    if len(rest) > 2 and rest[0] == "namespaces":  # noqa: PLR2004 - namespaces/NAME/PLURAL
        kind = by_path(root, rest[2])
        return kind, rest[1], rest[3:]
    if not rest:
        raise no_such_path()
    return by_path(root, rest[0]), "", rest[1:]


def _verb(request: Request, kind: Kind, name: str, sub: str) -> Verb:
    if sub == "proxy" and kind.plural in ("services", "pods"):
        return "proxy"
    if (kind.plural, sub, request.method) == ("pods", "log", "GET"):
        return "log"
    if sub not in ("", "status") or (sub and request.method in ("POST", "DELETE")):
        raise no_such_path()
    if request.method == "GET":
        return _read(request, name)
    if request.method == "PATCH" and name:
        return _patch(request)
    if (verb := _NAMED.get(request.method) if name else _UNNAMED.get(request.method)) is None:
        raise method_not_allowed()
    return verb


def _read(request: Request, name: str) -> Verb:
    if request.args.get("watch") in ("true", "True", "1"):
        return "watch"
    return "get" if name else "list"


def _patch(request: Request) -> Verb:
    if request.mimetype == APPLY:
        return "apply"
    if request.mimetype in _PATCHES:
        return "patch"
    raise unsupported(request.mimetype)
