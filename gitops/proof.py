"""Proof that an overlay's files are what its llm.yaml renders to: a hand edit is found here."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from gitops.catalog import Catalog
from gitops.checks import Finding, Severity
from gitops.deployment import ModelDeployment
from gitops.environment import Environment
from gitops.errors import CheckFailedError
from gitops.files import text_of
from gitops.overlay import SAYS, Overlay, Verdict, judge_all, read, render
from gitops.recipes import warn
from gitops.storage import read_storage, render_storage


def prove(
    folder: Path, catalog: Catalog, environments: Mapping[str, Environment]
) -> Iterator[Finding]:
    """Yield what is wrong with an overlay's sources; folders without llm.yaml (storage) pass.

    Raises:
        InvalidRequestError: llm.yaml itself is wrong.
        CheckFailedError: it lies in the wrong folder.
    """
    if (folder / "storage.yaml").is_file():
        yield from _prove_storage(folder)
    source = folder / "llm.yaml"
    if not source.is_file():
        return
    deployment = read(text_of(source), "llm.yaml")
    if not folder.resolve().as_posix().endswith(f"/{deployment.folder}"):
        raise CheckFailedError(
            f"llm.yaml: says {deployment.folder}; name, environment and folder must agree"
        )
    catalog.check(deployment)
    yield from _environment(deployment, environments)
    yield from known_faults(deployment, catalog)
    overlay = render(deployment, yarn=catalog.yarn(deployment))
    for path, verdict in judge_all(_texts(folder, overlay), overlay).items():
        if verdict is not Verdict.OK:
            severity = Severity.ERROR if verdict.refuses else Severity.WARNING
            text = f"{Path(path).name} {SAYS[verdict]}"
            yield Finding("rendered", severity, deployment.name, text)


def _prove_storage(folder: Path) -> Iterator[Finding]:
    unit = read_storage(text_of(folder / "storage.yaml"), "storage.yaml")
    if not folder.resolve().as_posix().endswith(f"/{unit.folder}"):
        raise CheckFailedError(f"storage.yaml: says {unit.folder}; name and folder must agree")
    for path, text in render_storage(unit).items():
        file = folder / Path(path).name
        if file.name != "storage.yaml" and (not file.is_file() or text_of(file) != text):
            wrong = f"{file.name} is not what storage.yaml renders to; change storage.yaml"
            yield Finding("rendered", Severity.ERROR, unit.name, wrong)


def render_again(folder: Path, catalog: Catalog) -> list[str]:
    """Render `folder`'s llm.yaml or storage.yaml into it; return the names of changed files.

    Raises:
        InvalidRequestError: the source is wrong or missing.
    """
    if (folder / "storage.yaml").is_file():
        return _render_storage_again(folder)
    source = folder / "llm.yaml"
    deployment = read(text_of(source), "llm.yaml")
    overlay = render(deployment, yarn=catalog.yarn(deployment))
    changed = []
    for path, text in overlay.all_files.items():
        file = folder / Path(path).relative_to(deployment.folder)
        stands = file.is_file()
        kept = stands and (path in overlay.once or file == source)
        if not kept and (not stands or text_of(file) != text):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            changed.append(file.name)
    return changed


def _render_storage_again(folder: Path) -> list[str]:
    unit = read_storage(text_of(folder / "storage.yaml"), "storage.yaml")
    wanted = {folder / Path(path).name: text for path, text in render_storage(unit).items()}
    changed = {
        file: text
        for file, text in wanted.items()
        if file.name != "storage.yaml" and not (file.is_file() and text_of(file) == text)
    }
    for file, text in changed.items():
        file.write_text(text, encoding="utf-8")
    return [file.name for file in changed]


def known_faults(deployment: ModelDeployment, catalog: Catalog) -> Iterator[Finding]:
    """Yield a warning for each known vulnerability of the engine's version."""
    for text in warn(deployment.engine, deployment.engine_version, catalog.recipes):
        yield Finding("vulnerable-engine", Severity.WARNING, deployment.name, text)


def _environment(
    deployment: ModelDeployment, environments: Mapping[str, Environment]
) -> Iterator[Finding]:
    environment = environments.get(deployment.environment)
    if environment and environment.lws != deployment.lws_version:
        text = (
            f"llm.yaml is for LWS {deployment.lws_version}, the environment has {environment.lws};"
            " run leadline update, or change environment.yaml"
        )
        yield Finding("environment-lws", Severity.WARNING, deployment.name, text)


def _texts(folder: Path, overlay: Overlay) -> dict[str, str]:
    files = {path: folder / Path(path).name for path in overlay.files}
    return {p: text_of(f) for p, f in files.items() if f.is_file()}
