"""Edge: what the verb `fit` prints: the verdict, the budget and what would need fewer GPUs."""

from collections.abc import Mapping
from typing import Any

import click

from gitops.catalog import Catalog, scheme_of
from gitops.cli.output import dumps
from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.fit import Fit, Wanted, alternatives, as_data, as_text, describe, fit, served_setting
from gitops.gpus import find_gpu
from gitops.models import Scheme, check_parallel
from gitops.names import check_range
from gitops.parallel import Parallel


def say_fit(catalog: Catalog, words: Mapping[str, Any]) -> None:
    """Print the fit of a model, engine and GPU type as the verb's options name them.

    Raises:
        InvalidRequestError: a word names nothing, or sizes that the model does not allow.
    """
    gpus = catalog.gpus
    model, engine = catalog.model(words["model"]), Engine(words["engine"])
    gpu = find_gpu(gpus, words["gpu"])
    version = catalog.pick(engine, words["engine_version"], None).version
    parallel = Parallel(words["tensor"], words["pipeline"], words["data"])
    nodes = _nodes(words["nodes"], parallel.gpus)
    scheme: Scheme = scheme_of(model, words["quantization"])
    check_parallel(model, scheme, parallel, engine, version)
    context = words["context"] or model.length(model.standard)
    found = fit(
        model, scheme, gpu, parallel, served_setting(engine, version, gpu, parallel, context)
    )
    others = alternatives(model, gpus.values(), Wanted(context, engine, version))
    click.echo(_json(found, others, nodes) if words["as_json"] else _text(found, others, nodes))


def _nodes(nodes: int, gpus: int) -> int:
    check_range("nodes", nodes, 1, gpus)
    if gpus % nodes:
        raise InvalidRequestError(f"nodes {nodes}: {gpus} GPUs do not divide among them")
    return nodes


def _json(found: Fit, others: tuple[Fit, ...], nodes: int) -> str:
    alternatives_ = [as_data(other) for other in others]
    return dumps({"fit": as_data(found), "nodes": nodes, "alternatives": alternatives_})


def _text(found: Fit, others: tuple[Fit, ...], nodes: int) -> str:
    each = found.parallel.gpus // nodes
    spread = f"\n{nodes} nodes with {each} GPU{'s' * (each > 1)} each" if nodes > 1 else ""
    fewer = [other for other in others if other.parallel.gpus <= found.parallel.gpus][:5]
    lines = [f"  {describe(other, found.parallel)}" for other in fewer]
    return as_text(found) + spread + ("\nFewest GPUs:\n" + "\n".join(lines) if lines else "")
