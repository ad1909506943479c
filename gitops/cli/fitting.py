"""Edge: what the verb `fit` prints: the verdict, the budget and what would need fewer GPUs."""

from collections.abc import Mapping
from typing import Any

import click

from gitops.catalog import Catalog
from gitops.cli.output import dumps
from gitops.engine import Engine
from gitops.fit import as_data
from gitops.parallel import Parallel
from gitops.sizing import Sized, Sizing, in_words, size


def say_fit(catalog: Catalog, words: Mapping[str, Any]) -> None:
    """Print the fit of a model, engine and GPU type as the verb's options name them.

    Raises:
        InvalidRequestError: a word names nothing, or sizes that the model does not allow.
    """
    asked = Sizing(
        words["model"],
        Engine(words["engine"]),
        words["gpu"],
        Parallel(words["tensor"], words["pipeline"], words["data"]),
        words["nodes"],
        words["context"],
        words["quantization"],
        words["engine_version"],
    )
    found = size(catalog, asked)
    click.echo(_json(found) if words["as_json"] else in_words(found))


def _json(found: Sized) -> str:
    others = [as_data(other) for other in found.others]
    return dumps({"fit": as_data(found.fit), "nodes": found.nodes, "alternatives": others})
