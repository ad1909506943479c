"""Pure: the model catalogue: figures of a model, its checkpoints and the sizes it allows."""

from gitops.models.derive import ARCHITECTURES, derive
from gitops.models.model import (
    Engines,
    KvDtype,
    Mode,
    Model,
    Scheme,
    Storage,
    Weights,
    Yarn,
)
from gitops.models.read import load_models, read_model
from gitops.models.rules import (
    check_engine,
    check_parallel,
    mode_for_context,
    valid_tensor_parallel,
)
from gitops.models.shape import Mla, Moe, Shape
from gitops.models.write import to_yaml

__all__ = [
    "ARCHITECTURES",
    "Engines",
    "KvDtype",
    "Mla",
    "Mode",
    "Model",
    "Moe",
    "Scheme",
    "Shape",
    "Storage",
    "Weights",
    "Yarn",
    "check_engine",
    "check_parallel",
    "derive",
    "load_models",
    "mode_for_context",
    "read_model",
    "to_yaml",
    "valid_tensor_parallel",
]
