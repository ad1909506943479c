"""Proof that an overlay's files are what its llm.yaml renders to: a hand edit is found here."""

from pathlib import Path

from gitops.catalog import Catalog
from gitops.errors import CheckFailedError
from gitops.overlay import read, render


def prove_rendered(folder: Path) -> None:
    """Render `folder`/llm.yaml again and compare; folders without one (storage) pass.

    Raises:
        CheckFailedError: a rendered file was edited, is missing or lies in the wrong folder.
        InvalidRequestError: llm.yaml itself is wrong.
    """
    source = folder / "llm.yaml"
    if not source.is_file():
        return
    deployment = read(source.read_text(encoding="utf-8"), str(source))
    if not folder.resolve().as_posix().endswith(f"/{deployment.folder}"):
        raise CheckFailedError(
            f"{source}: says {deployment.folder}; name, environment and folder differ"
        )
    recipe = Catalog.load().recipe(deployment.engine, deployment.engine_version)
    for path, text in render(deployment, recipe).files.items():
        file = folder / Path(path).name
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            raise CheckFailedError(
                f"{file}: not what llm.yaml renders to; change llm.yaml and render again"
            )
