"""Pure: the few words our schemas are written in, and how a version narrows them.

A schema is JSON Schema 2020-12. Every object is closed: Kubernetes prunes an unknown field in
silence, so a misspelled one would have no effect and no error. `since` marks what came later.
Source of the quantity: apimachinery, pkg/api/resource/quantity.go.
"""

from typing import Any

from gitops.versions import release

Schema = dict[str, Any]

SINCE = "x-since"
"""Keyword of ours: the first version that has a field; validators ignore it."""

TEXT: Schema = {"type": "string"}
YES_NO: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
NUMBER_OR_TEXT: Schema = {"type": ["integer", "string"]}
ANY: Schema = {"type": "object"}
QUANTITY: Schema = {
    "type": ["integer", "string"],
    "pattern": r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$",
}


def fields(required: str = "", /, **known: Schema) -> Schema:
    """Return an object with these fields and no others; `required` lists names."""
    closed: Schema = {"type": "object", "properties": known, "additionalProperties": False}
    return closed | {"required": required.split()} if required else closed


def list_of(item: Schema, least: int = 0) -> Schema:
    """Return a list of such items, at least that many."""
    return {"type": "array", "items": item} | ({"minItems": least} if least else {})


def map_of(value: Schema) -> Schema:
    """Return an object with free keys."""
    return {"type": "object", "additionalProperties": value}


def choice(values: str) -> Schema:
    """Return a text that is one of these words."""
    return {"enum": values.split()}


def since(version: str, schema: Schema) -> Schema:
    """Return the schema of a field that exists from this version on."""
    return schema | {SINCE: version}


def at(version: str, schema: Schema) -> Schema:
    """Return the schema as it was in a version: without the fields that came later."""
    return {key: _at(release(version), key, value) for key, value in schema.items()}


def _at(version: tuple[int, ...], key: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if not isinstance(value, dict):
        return value
    kept = {name: below for name, below in value.items() if _exists(version, key, below)}
    return {name: _at(version, name, below) for name, below in kept.items()}


def _exists(version: tuple[int, ...], key: str, field: object) -> bool:
    if key != "properties" or not isinstance(field, dict) or SINCE not in field:
        return True
    return release(field[SINCE]) <= version


TEXTS = list_of(TEXT)
TEXT_MAP = map_of(TEXT)
SELECTOR = fields(
    matchLabels=TEXT_MAP,
    matchExpressions=list_of(
        fields(
            "key operator",
            key=TEXT,
            operator=choice("In NotIn Exists DoesNotExist"),
            values=TEXTS,
        )
    ),
)
METADATA = fields(
    "name",
    name=TEXT | {"minLength": 1},
    namespace=TEXT,
    labels=TEXT_MAP,
    annotations=TEXT_MAP,
    finalizers=TEXTS,
)


def kind(api_version: str, name: str, **known: Schema) -> Schema:
    """Return the schema of a kind: its identity, metadata and these fields, all required."""
    return fields(
        " ".join(["apiVersion", "kind", "metadata", *known]),
        apiVersion={"const": api_version},
        kind={"const": name},
        metadata=METADATA,
        **known,
    )
