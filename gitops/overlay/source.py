"""Pure: llm.yaml, the text that holds a deployment, and its JSON Schema."""

import json
from enum import Enum

import msgspec

from gitops.deployment import ModelDeployment
from gitops.documents import dump, load_mapping
from gitops.typed import typed

SCHEMA = "kustomize/schemas/llm.v1.json"
"""Where the schema lies in the repository; `schema_text` is its content."""

FIELDS = tuple(field.encode_name for field in msgspec.structs.fields(ModelDeployment))
"""The keys of llm.yaml, in order."""

_HEADER = (
    f"# yaml-language-server: $schema=../../../{SCHEMA}\n"
    "# The inputs of this deployment; the files beside it are rendered from them.\n"
)


def source_of(deployment: ModelDeployment) -> str:
    """Return the text of the `llm.yaml` that holds a deployment."""
    return _HEADER + dump(_written(deployment))


def read(text: str, source: str) -> ModelDeployment:
    """Return the deployment that an `llm.yaml` holds; `source` names the file in errors.

    Raises:
        InvalidRequestError: unknown, missing or wrong fields.
    """
    deployment: ModelDeployment = typed(load_mapping(text, source), ModelDeployment, source, FIELDS)
    return deployment


def schema_text() -> str:
    """Return the JSON Schema of llm.yaml, for editors; the rules of the types are not all in it."""
    schema = _on_one_line(msgspec.json.schema(ModelDeployment))
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _on_one_line(schema: object) -> object:
    """Return a schema with its descriptions on one line: Pythons indent docstrings differently."""
    if isinstance(schema, dict):
        return {
            key: " ".join(value.split())
            if key == "description" and isinstance(value, str)
            else _on_one_line(value)
            for key, value in schema.items()
        }
    return [_on_one_line(item) for item in schema] if isinstance(schema, list) else schema


def _written(value: object) -> object:
    """Return a value as it stands in llm.yaml: camel case, and nothing that equals its default."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        there = {field.encode_name: (field, getattr(value, field.name)) for field in fields}
        return {key: _written(v) for key, (field, v) in there.items() if v != _default(field)}
    if isinstance(value, tuple):
        return [_written(item) for item in value]
    return str(value) if isinstance(value, Enum) else value


def _default(field: msgspec.structs.FieldInfo) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
