"""Edge: the verbs of desired state. Heavy modules are imported by the verb that needs them."""

from pathlib import Path

import click

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(short_help="Print the built manifests of an overlay.")
@click.argument("folder", type=_FOLDER)
def render(folder: Path) -> None:
    """Print the built manifests: leadline render overlays/example/qwen3-32b-sglang."""
    from gitops.build import kustomize  # noqa: PLC0415 - only this verb needs it
    from gitops.documents import dump_all  # noqa: PLC0415 - as above

    click.echo(dump_all([dict(manifest) for manifest in kustomize(folder)]), nl=False)


@click.command(short_help="Check overlays as the pull request does.")
@click.argument("folders", nargs=-1, required=True, type=_FOLDER)
def check(folders: tuple[Path, ...]) -> None:
    """Check every overlay below the folders: leadline check overlays."""
    from gitops.build import kustomize  # noqa: PLC0415 - only this verb needs it
    from gitops.checks import check as check_manifests  # noqa: PLC0415 - as above
    from gitops.proof import prove_rendered  # noqa: PLC0415 - as above

    for overlay in _overlays(folders):
        prove_rendered(overlay)
        check_manifests(kustomize(overlay), overlay.name)
        click.echo(f"ok {overlay}")


def _overlays(folders: tuple[Path, ...]) -> list[Path]:
    found = {file.parent for folder in folders for file in folder.rglob("kustomization.yaml")}
    if not found:
        raise click.UsageError("no kustomization.yaml below these folders")
    return sorted(found)
