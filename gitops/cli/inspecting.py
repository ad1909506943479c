"""Edge: the verbs that look: render, check, diff."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gitops.inspection import Report
    from gitops.workspace import WorkingCopy

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_PLACE = click.Path(exists=True, path_type=Path)


@click.command(short_help="Print the built manifests of an overlay.")
@click.argument("folder", type=_FOLDER)
@click.option("--write", is_flag=True, help="Render llm.yaml anew into its folder first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def render(folder: Path, write: bool, as_json: bool) -> None:  # noqa: FBT001 - click's flags
    """Print the built manifests: leadline render overlays/example/qwen3-32b-sglang."""
    from gitops.build import kustomize  # noqa: PLC0415 - only this verb needs it
    from gitops.cli.output import show  # noqa: PLC0415 - as above
    from gitops.documents import dump_all  # noqa: PLC0415 - as above
    from gitops.proof import render_again  # noqa: PLC0415 - as above
    from gitops.workspace import WorkingCopy  # noqa: PLC0415 - as above

    if write:
        for name in render_again(folder, WorkingCopy.find(folder).catalog()):
            click.echo(f"wrote {folder / name}", err=True)
    manifests = kustomize(folder)
    show(manifests, dump_all(list(manifests)), json=as_json)


@click.command(short_help="Check overlays as the pull request does.")
@click.argument("places", nargs=-1, type=_PLACE)
@click.option("--changed-since", metavar="REF", help="Only what a change since REF touches.")
@click.option("--server", is_flag=True, help="Ask the API server too: a dry run as you.")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def check(
    places: tuple[Path, ...],
    changed_since: str | None,
    server: bool,  # noqa: FBT001 - click's flag
    form: str,
    as_json: bool,  # noqa: FBT001 - click's flag
) -> None:
    """Check every overlay below the places, all when none is named: leadline check overlays."""
    from gitops.inspection import (  # noqa: PLC0415 - only this verb needs it
        inspect,
        inspect_roles,
        overlays_below,
    )
    from gitops.workspace import WorkingCopy  # noqa: PLC0415 - as above

    copy = WorkingCopy.find(places[0] if places else Path.cwd())
    overlays = overlays_below(copy.root, [p.resolve() for p in places] or [copy.root / "overlays"])
    if places and not overlays:
        raise click.UsageError("no kustomization.yaml at or below these places")
    reports = inspect(copy, overlays, dt.datetime.now(dt.UTC).date(), changed_since)  # noqa: TID251 - waivers run out by the day
    if server:
        reports = [_asked(copy, report) for report in reports]
    if not places:
        reports += inspect_roles(copy, changed_since)
    _print(reports, "json" if as_json else form)
    if any(report.refused for report in reports):
        raise click.exceptions.Exit(1)


@click.command(short_help="Compare two revisions as they would be applied.")
@click.argument("base")
@click.argument("head", required=False)
@click.option("--markdown", is_flag=True, help="For a pull request.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def diff(base: str, head: str | None, markdown: bool, as_json: bool) -> None:  # noqa: FBT001 - click's flags
    """Compare what two revisions build to (HEAD when one is named): leadline diff main."""
    from gitops.cli.output import show  # noqa: PLC0415 - only this verb needs it
    from gitops.comparison import compare  # noqa: PLC0415 - as above
    from gitops.difference import as_markdown, as_text  # noqa: PLC0415 - as above
    from gitops.workspace import WorkingCopy  # noqa: PLC0415 - as above

    found = compare(WorkingCopy.find(Path.cwd()).root, base, head or "HEAD")
    text = as_markdown(found) if markdown else as_text(found) or "no rendered difference\n"
    show(found, text, json=as_json)


def _asked(copy: "WorkingCopy", report: "Report") -> "Report":
    from gitops.dry_run import ask  # noqa: PLC0415 - only --server needs it

    return ask(copy.root, report, copy.environment(Path(report.folder).parts[1]))


def _print(reports: "list[Report]", form: str) -> None:
    from gitops.cli.output import dumps  # noqa: PLC0415 - see the module

    if form == "json":
        click.echo(dumps(reports))
        return
    line = _github if form == "github" else _text
    for report in reports:
        lines = line(report)
        if lines:
            click.echo("\n".join(lines))
    if not reports:
        click.echo("nothing to check: no overlay is touched")


def _text(report: "Report") -> list[str]:
    lines = [f"{f.severity} {report.folder}: {f.rule}: {f.text}" for f in report.findings]
    return lines if report.refused else [*lines, f"ok {report.folder}"]


def _github(report: "Report") -> list[str]:
    kinds = {"error": "error", "warning": "warning", "waived": "notice"}
    is_file = report.folder.endswith(".yaml")
    place = f"file={report.folder}" if is_file else f"file={report.folder}/llm.yaml"
    return [
        f"::{kinds[f.severity.value]} {place},title={f.rule}::{_escaped(f.text)}"
        for f in report.findings
    ]


def _escaped(text: str) -> str:
    """Escape as GitHub's workflow commands want it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
