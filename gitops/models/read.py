"""Pure: the catalogue's model files, read and checked.

A file states its shape, and beside it the figures counted from it, for people who read it; a
figure that does not follow from the shape is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from pathlib import Path

from gitops.documents import load_mapping
from gitops.errors import InvalidRequestError
from gitops.models.derive import ARCHITECTURES, check_repository
from gitops.models.fields import Fields
from gitops.models.model import Engines, Mode, Model, Scheme, Storage, Yarn
from gitops.models.shape import Mla, Moe, Shape
from gitops.models.write import FIGURES, figures
from gitops.names import check_name, printable
from gitops.versions import release

_PATH = re.compile(r"/models(/[A-Za-z0-9._-]+)+\Z")
_KEYS = (
    *("id", "repository", "architecture", "licence", "trust_remote_code"),
    *("figures", "shape", "modes", "storage", "engines"),
)


def load_models(folder: Path) -> Mapping[str, Model]:
    """Read `*.yaml` of a folder, one model a file, by id; an id must be its file's name.

    Raises:
        InvalidRequestError: a key, type or figure of a file is wrong; the text names all three.
    """
    models: dict[str, Model] = {}
    for path in sorted(folder.glob("*.yaml"), key=lambda path: path.stem):
        model = read_model(path.read_text(encoding="utf-8"), path.name)
        if model.id != path.stem:
            raise InvalidRequestError(
                f"{path.name}: its id is {model.id}; rename the file to {model.id}.yaml"
            )
        models[model.id] = model
    return models


def read_model(text: str, source: str) -> Model:
    """Return the model of one catalogue file; `source` names it in errors.

    Raises:
        InvalidRequestError: not a model file, or figures that contradict its shape.
    """
    fields = Fields(load_mapping(text, source), source).only(*_KEYS)
    check_name(f"{source}: id", fields.text("id"))
    architecture = fields.text("architecture")
    if architecture not in ARCHITECTURES:
        raise InvalidRequestError(
            f"{source}: architecture {architecture:.60} is not counted;"
            f" known: {', '.join(ARCHITECTURES)}"
        )
    check_repository(fields.text("repository"))
    model = Model(
        id=fields.text("id"),
        repository=fields.text("repository"),
        architecture=architecture,
        shape=_shape(fields.inner("shape")),
        modes=_modes(fields),
        storage=_storage(fields.inner("storage")),
        licence=fields.text_or_none("licence"),
        engines=_engines(fields),
        trust_remote_code=fields.flag("trust_remote_code"),
    )
    _check(fields, model)
    return model


def _shape(fields: Fields) -> Shape:
    flags = ("qkv_bias", "output_bias", "qk_norm", "attention_sinks", "mlp_bias", "tied_embeddings")
    counts = (
        *("layers", "hidden", "heads", "kv_heads", "head_dim", "intermediate"),
        *("vocabulary", "max_positions"),
    )
    fields.only(*counts, *flags, "mla", "moe")
    layers, hidden, heads, kv_heads, head_dim, intermediate, vocabulary, longest = (
        fields.whole(name) for name in counts
    )
    qkv_bias, output_bias, qk_norm, sinks, mlp_bias, tied = (fields.flag(name) for name in flags)
    return Shape(
        layers, hidden, heads, kv_heads, head_dim, intermediate, vocabulary, longest,
        qkv_bias, output_bias, qk_norm, sinks, mlp_bias, tied,
        _mla(fields.inner("mla")) if fields.has("mla") else None,
        _moe(fields.inner("moe"), layers) if fields.has("moe") else None,
    )  # fmt: skip


def _mla(fields: Fields) -> Mla:
    names = tuple(field.name for field in dataclass_fields(Mla))
    fields.only(*names)
    return Mla(*(fields.whole(name, 0) if fields.has(name) else 0 for name in names))


def _moe(fields: Fields, layers: int) -> Moe:
    fields.only(*(field.name for field in dataclass_fields(Moe)))
    moe = Moe(
        experts=fields.whole("experts"),
        experts_per_token=fields.whole("experts_per_token"),
        intermediate=fields.whole("intermediate"),
        shared_experts=fields.whole("shared_experts", 0) if fields.has("shared_experts") else 0,
        dense_layers=fields.whole("dense_layers", 0) if fields.has("dense_layers") else 0,
        router_bias=fields.flag("router_bias"),
        expert_bias=fields.flag("expert_bias"),
    )
    if moe.experts_per_token > moe.experts or moe.dense_layers > layers:
        raise InvalidRequestError(
            f"{fields.where}: a token cannot use {moe.experts_per_token} of {moe.experts} experts,"
            f" nor can {moe.dense_layers} of {layers} layers be dense; correct the shape"
        )
    return moe


def _modes(fields: Fields) -> tuple[Mode, ...]:
    modes = fields.inner("modes")
    if next(iter(modes.values), None) != "standard":
        raise InvalidRequestError(f"{modes.where}: the first mode must be standard")
    return tuple(_mode(name, modes.inner(name), fields.text("repository")) for name in modes.values)


def _mode(name: str, fields: Fields, repository: str) -> Mode:
    keys = ("scheme", "repository", "method", "block", "group", "intermediate", "yarn")
    fields.only(*keys)
    scheme = fields.text("scheme")
    if scheme not in list(Scheme):
        known = ", ".join(Scheme)
        raise InvalidRequestError(f"{fields.where}: scheme {scheme:.20}; known: {known}")
    check_repository(published := fields.text_or_none("repository") or repository)
    return Mode(
        name=name,
        scheme=Scheme(scheme),
        repository=published,
        method=fields.text_or_none("method"),
        block=fields.whole_or_none("block"),
        group=fields.whole_or_none("group"),
        intermediate=fields.whole_or_none("intermediate"),
        yarn=_yarn(fields.inner("yarn")) if fields.has("yarn") else None,
    )


def _yarn(fields: Fields) -> Yarn:
    fields.only("factor", "original")
    return Yarn(fields.number("factor"), fields.whole("original"))


def _storage(fields: Fields) -> Storage:
    fields.only("path", "claim", "disk_bytes")
    check_name(f"{fields.where}: claim", fields.text("claim"))
    if not _PATH.match(path := fields.text("path")) or {".", ".."} & set(path.split("/")):
        raise InvalidRequestError(
            f"{fields.where}: path {printable(path)}: must be a folder under /models"
        )
    return Storage(path, fields.text("claim"), fields.whole("disk_bytes"))


def _engines(fields: Fields) -> Engines:
    if not fields.has("engines"):
        return Engines()
    inner = fields.inner("engines").only("vllm", "sglang")
    engines = Engines(inner.text_or_none("vllm"), inner.text_or_none("sglang"))
    for version in filter(None, (engines.vllm, engines.sglang)):
        release(version)
    return engines


def _check(fields: Fields, model: Model) -> None:
    stated, counted = fields.inner("figures").only(*FIGURES), figures(model)
    for name in FIGURES:
        if (value := stated.whole(name, 0)) != counted[name]:
            raise InvalidRequestError(
                f"{stated.where}: {name} is {value}, but the shape counts {counted[name]};"
                " correct one of them"
            )
    weights = model.weights(model.native_scheme, model.standard.group or 128).total
    if model.storage.disk_bytes < weights:
        raise InvalidRequestError(
            f"{fields.where}: storage: disk_bytes {model.storage.disk_bytes} is less than the"
            f" {weights} bytes of the weights; correct it"
        )
