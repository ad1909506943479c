"""Pure: which model of the catalogue a manifest serves, and what a person says of it."""

from dataclasses import dataclass

from gitops.catalog import Catalog
from gitops.errors import InvalidRequestError
from gitops.models import Model
from gitops.names import printable


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person says where a manifest does not: the model's id, the engine's version."""

    model: str | None = None
    engine_version: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A model, the scheme of its checkpoint where it is not the standard one, and its weights."""

    model: Model
    quantization: str | None
    weights_gib: float


def find_model(catalog: Catalog, path: str, wanted: str | None = None) -> Found:
    """Return the model whose checkpoint lies at a path, by the path's last part.

    `wanted` is the model's id where somebody named it.

    Raises:
        InvalidRequestError: none of the catalogue; the text says what to do.
    """
    tail = path.rstrip("/").rpartition("/")[2].lower()
    models = [catalog.model(wanted)] if wanted else list(catalog.models.values())
    for model in models:
        for mode in model.modes:
            if mode.repository.rpartition("/")[2].lower() == tail:
                scheme = None if mode.scheme is model.native_scheme else mode.scheme.value
                return Found(model, scheme, model.weights(mode.scheme).total / 1024**3)
    if wanted:
        return Found(models[0], None, models[0].weights_gib)
    raise InvalidRequestError(
        f"which model is {printable(path)}? no repository of the catalogue is called so; name the"
        " model with --model ID, or add it to the catalogue"
    )
