"""Pure: does a model fit GPUs, asked before there is a deployment, and what would need fewer."""

from dataclasses import dataclass

from gitops.catalog import Catalog, scheme_of
from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.fit import Fit, Wanted, alternatives, as_text, describe, fit, served_setting
from gitops.gpus import find_gpu
from gitops.models import check_parallel
from gitops.names import check_range
from gitops.parallel import Parallel

FEWER = 5
"""Most alternatives shown in words."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A fit over a number of nodes, and the settings that fit on the fewest GPUs."""

    fit: Fit
    nodes: int
    others: tuple[Fit, ...]


@dataclass(frozen=True, slots=True)
class Sizing:
    """What is asked; `context` in tokens, the model's own when None."""

    model: str
    engine: Engine
    gpu: str
    parallel: Parallel
    nodes: int = 1
    context: int | None = None
    quantization: str | None = None
    engine_version: str | None = None


def size(catalog: Catalog, asked: Sizing) -> Sized:
    """Return the fit that is asked for, and alternatives.

    Raises:
        InvalidRequestError: a word names nothing, or sizes that the model does not allow.
    """
    model, gpu = catalog.model(asked.model), find_gpu(catalog.gpus, asked.gpu)
    version = catalog.pick(asked.engine, asked.engine_version, None).version
    nodes = _nodes(asked.nodes, asked.parallel.gpus)
    scheme = scheme_of(model, asked.quantization)
    check_parallel(model, scheme, asked.parallel, asked.engine, version)
    context = asked.context or model.length(model.standard)
    setting = served_setting(asked.engine, version, gpu, asked.parallel, context)
    found = fit(model, scheme, gpu, asked.parallel, setting)
    wanted = Wanted(context, asked.engine, version)
    return Sized(found, nodes, alternatives(model, catalog.gpus.values(), wanted))


def in_words(sized: Sized) -> str:
    """Return the verdict, the budget of one GPU and what would need fewer GPUs, as plain text."""
    found, each = sized.fit, sized.fit.parallel.gpus // sized.nodes
    plural = "s" * (each > 1)
    spread = f"\n{sized.nodes} nodes with {each} GPU{plural} each" if sized.nodes > 1 else ""
    fewer = [other for other in sized.others if other.parallel.gpus <= found.parallel.gpus]
    lines = [f"  {describe(other, found.parallel)}" for other in fewer[:FEWER]]
    return as_text(found) + spread + ("\nFewest GPUs:\n" + "\n".join(lines) if lines else "")


def _nodes(nodes: int, gpus: int) -> int:
    check_range("nodes", nodes, 1, gpus)
    if gpus % nodes:
        raise InvalidRequestError(f"nodes {nodes}: {gpus} GPUs do not divide among them")
    return nodes
