"""Pure: a Model as the text of its catalogue file."""

from collections.abc import Mapping
from dataclasses import asdict

from gitops import documents
from gitops.models.model import Mode, Model
from gitops.models.shape import embedding_parameters, routed_expert_parameters

FIGURES = (
    "parameters",
    "active_parameters",
    "routed_expert_parameters",
    "embedding_parameters",
    "weights_bytes",
    "kv_bytes_per_token",
)
"""Figures that a file repeats for its readers: counts, bytes as published, bytes in bf16."""


def to_yaml(model: Model, sources: str = "") -> str:
    """Return the catalogue file of a model, with `sources` as its leading comment.

    Reading the text gives an equal model.
    """
    said = sources or f"config.json of {model.repository}; figures counted from its shape."
    comment = "".join(f"# {line}\n" for line in f"Sources: {said}".splitlines())
    return comment + documents.dump(_as_mapping(model))


def figures(model: Model) -> dict[str, int]:
    """Return the figures counted from a model's shape, by the names of FIGURES."""
    weights = model.weights(model.native_scheme, model.standard.group or 128)
    values = (
        model.parameters,
        model.active_parameters,
        routed_expert_parameters(model.shape),
        embedding_parameters(model.shape),
        weights.total,
        model.kv_bytes_per_token(),
    )
    return dict(zip(FIGURES, values, strict=True))


def _as_mapping(model: Model) -> Mapping[str, object]:
    head = {
        "id": model.id,
        "repository": model.repository,
        "architecture": model.architecture,
        "licence": model.licence,
        "trust_remote_code": model.trust_remote_code,
    }
    body = {
        "shape": asdict(model.shape),
        "modes": {mode.name: _mode(mode, model) for mode in model.modes},
        "storage": asdict(model.storage),
        "engines": asdict(model.engines),
    }
    return _filled(head) | {"figures": figures(model)} | _filled(body)


def _mode(mode: Mode, model: Model) -> Mapping[str, object]:
    values = asdict(mode) | {"scheme": mode.scheme.value}
    del values["name"]
    if mode.repository == model.repository:
        del values["repository"]
    return _filled(values)


def _filled(values: Mapping[str, object]) -> dict[str, object]:
    """Leave out what is missing, false, zero or empty, at every depth."""
    kept: dict[str, object] = {}
    for key, value in values.items():
        inner = _filled(value) if isinstance(value, dict) else value
        if inner:
            kept[key] = inner
    return kept
