"""Edge: the verbs that make repositories and take manifests in: init and import."""

from pathlib import Path

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Make a new GitOps repository, or bring it new bases.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--with", "controller", type=click.Choice(["argocd", "flux"]), help="Who applies it.")
@click.option("--leadline-source", help="What its workflow installs with pip.")
@click.option("--environment", default="staging", help="Its first environment.")
@click.option("--url", default="", help="Where the repository will be, for the controller.")
@click.option("--owners", default="@your-org/llm-owners", help="Who must review its rules.")
@click.option("--upgrade", is_flag=True, help="Bring new bases and models into an existing one.")
def init(folder: Path, upgrade: bool, **words: str | None) -> None:  # noqa: FBT001 - click's flag
    """Make a repository: leadline init DIR --with argocd --leadline-source ./leadline.whl."""
    if upgrade:
        _bring_new(folder)
        return
    if not (words["controller"] and words["leadline_source"]):
        raise click.UsageError("say --with argocd or flux, and --leadline-source")
    _make(folder, words)


@click.command(name="import", short_help="Turn manifests into overlays and storage units.")
@click.argument("file", type=_FILE)
@click.option("--environment", help="Environment; the only one when absent.")
@click.option("--model", help="Model of the catalogue, where the file does not tell.")
@click.option("--engine-version", help="Release of the engine, where the image does not tell.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def import_(
    file: Path,
    environment: str | None,
    model: str | None,
    engine_version: str | None,
    as_json: bool,  # noqa: FBT001 - click's flag
) -> None:
    """Take manifests in: leadline import vllm_multi.yaml --environment staging."""
    from gitops.cli.output import show  # noqa: PLC0415 - only this verb needs it
    from gitops.files import text_of  # noqa: PLC0415 - as above
    from gitops.importing import Wanted, import_manifests  # noqa: PLC0415 - as above
    from gitops.workspace import WorkingCopy  # noqa: PLC0415 - as above

    copy = WorkingCopy.find(Path.cwd())
    place, catalog = copy.environment(environment), copy.catalog()
    wanted = Wanted(model, engine_version)
    found = import_manifests(text_of(file), place, catalog, wanted, file.name)
    written = copy.write_imported(found.overlays, found.storage, catalog)
    lines = [*(f"wrote {path}" for path in written), *(f"note: {note}" for note in found.notes)]
    show({"written": written, "notes": found.notes}, "\n".join(lines), json=as_json)


def _make(folder: Path, words: dict[str, str | None]) -> None:
    from gitops import assets  # noqa: PLC0415 - only this verb needs it
    from gitops.environment import Controller  # noqa: PLC0415 - as above
    from gitops.scaffold import Blueprint, read_bases, scaffold, write  # noqa: PLC0415 - as above

    blueprint = Blueprint(
        name=folder.resolve().name,
        controller=Controller(str(words["controller"])),
        leadline_source=words["leadline_source"] or "",
        environment=words["environment"] or "",
        url=words["url"] or "",
        owners=words["owners"] or "",
    )
    files = scaffold(blueprint, read_bases(assets.root()))
    write(folder, files, new=True)
    click.echo(f"wrote {len(files)} files to {folder}; read {folder / 'README.md'} next")


def _bring_new(folder: Path) -> None:
    from gitops import assets  # noqa: PLC0415 - only this verb needs it
    from gitops.scaffold import read_bases, read_folder, upgrade, write  # noqa: PLC0415 - as above

    found = upgrade(read_folder(folder, "kustomize"), read_bases(assets.root()))
    write(folder, found.files)
    for path in sorted(found.files):
        click.echo(f"wrote {path}")
    for note in found.notes:
        click.echo(f"note: {note}")
    if not found.files:
        click.echo("nothing new")
