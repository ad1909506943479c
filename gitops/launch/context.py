"""Pure: the longest context, and YaRN where it is longer than the model's own, version by version.

Sources: the engines' sources (vLLM `_get_and_verify_max_len`, SGLang
`get_context_length`); rope_theta from the models' config.json.
"""

import json

from gitops.deployment import ModelDeployment
from gitops.errors import InvalidRequestError
from gitops.models import Yarn
from gitops.versions import release

NO_ROPE_FLAG = "0.11.1"
"""First vLLM without `--rope-scaling`."""

ROPE_PARAMETERS = "0.12.0"
"""First vLLM that reads `rope_parameters`, which replaces the model's whole entry: the new one must
hold rope_theta too."""

ROPE_THETA = {
    "qwen2-5-72b": 1_000_000,
    "qwen3-235b-a22b": 1_000_000,
    "qwen3-30b-a3b": 1_000_000,
    "qwen3-32b": 1_000_000,
    "qwen3-8b": 1_000_000,
    "qwen3-coder-480b-a35b": 10_000_000,
}
"""rope_theta of the catalogue's models that can be stretched, by model id."""


def vllm_context(deployment: ModelDeployment, yarn: Yarn | None) -> tuple[str, ...]:
    """Return vLLM's flags for the longest context.

    Raises:
        InvalidRequestError: YaRN for a model whose rope_theta is not known, where it is needed.
    """
    if deployment.max_model_len is None:
        return ()
    length = ("--max-model-len", str(deployment.max_model_len))
    if yarn is None:
        return length
    version, scaling = release(deployment.engine_version), _scaling(yarn)
    if version < release(NO_ROPE_FLAG):
        return ("--rope-scaling", _text(scaling), *length)
    key = "rope_scaling"
    if version >= release(ROPE_PARAMETERS):
        key, scaling = "rope_parameters", scaling | {"rope_theta": _theta(deployment)}
    # 0.33.0 no longer multiplies by the factor; the stretched length does no harm before.
    return ("--hf-overrides", _text({key: scaling} | _stretched(yarn)), *length)


def sglang_context(deployment: ModelDeployment, yarn: Yarn | None) -> tuple[str, ...]:
    """Return SGLang's flags for the longest context; they are the same in 0.4 and 0.5."""
    if deployment.max_model_len is None:
        return ()
    length = ("--context-length", str(deployment.max_model_len))
    if yarn is None:
        return length
    overrides = {"rope_scaling": _scaling(yarn)} | _stretched(yarn)
    return ("--json-model-override-args", _text(overrides), *length)


def _scaling(yarn: Yarn) -> dict[str, object]:
    return {
        "rope_type": "yarn",
        "factor": yarn.factor,
        "original_max_position_embeddings": yarn.original,
    }


def _stretched(yarn: Yarn) -> dict[str, object]:
    return {"max_position_embeddings": round(yarn.factor * yarn.original)}


def _theta(deployment: ModelDeployment) -> int:
    if deployment.model not in ROPE_THETA:
        raise InvalidRequestError(
            f"context {deployment.max_model_len}: the rope_theta of {deployment.model} is not"
            f" known, and vLLM {deployment.engine_version} wants it beside YaRN; serve the model's"
            " own length, or take SGLang"
        )
    return ROPE_THETA[deployment.model]


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
