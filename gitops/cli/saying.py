"""Edge: what the changing verbs print of an assessed plan."""

import dataclasses
from typing import Any

import click

from gitops.assess import Assessment
from gitops.cli.output import dumps
from gitops.difference import as_text
from gitops.fit import as_data
from gitops.fit import as_text as fit_text
from gitops.impact import in_words
from gitops.plan import Action, Plan


def show(assessed: Assessment, *, as_json: bool) -> None:
    """Print a plan for people, or as JSON."""
    click.echo(dumps(_data(assessed)) if as_json else _text(assessed).rstrip("\n"))


def wrote(changed: Plan) -> None:
    """Say which files now stand, on standard error, so that --json stays clean."""
    for change in changed.changes:
        click.echo(f"{'removed' if change.new is None else 'wrote'} {change.path}", err=True)


def _text(assessed: Assessment) -> str:
    changed = assessed.plan
    if changed.action is Action.NOTHING:
        return f"{changed.folder} is already as you ask; nothing changes\n"
    files = [f"  {_mark(c.old, c.new)} {c.path}" for c in changed.changes]
    findings = [f"  {f.severity.value}: {f.rule}: {f.text}" for f in assessed.findings]
    parts = [
        changed.title,
        *files,
        f"Running groups: {in_words(assessed.impact)}",
        *_gpus(assessed),
    ]
    parts += ["Checks:", *findings] if findings else ["Checks: all pass"]
    fit = ["", fit_text(assessed.fit)] if assessed.fit else []
    return "\n".join([*parts, *fit, "", as_text(assessed.differences)])


def _gpus(assessed: Assessment) -> list[str]:
    found = assessed.impact
    cost = found.cost_per_hour
    price = "" if cost is None else f", {cost:+,.2f} {assessed.environment.currency} an hour"
    return [f"GPUs: {found.gpus_before} → {found.gpus_after}{price}"]


def _mark(old: str | None, new: str | None) -> str:
    return "+" if old is None else "-" if new is None else "~"


def _data(assessed: Assessment) -> dict[str, Any]:
    changed, found = assessed.plan, assessed.impact
    return {
        "title": changed.title,
        "action": changed.action,
        "branch": changed.branch,
        "folder": changed.folder,
        "state": changed.state,
        "files": [{"path": c.path, "mark": _mark(c.old, c.new)} for c in changed.changes],
        "impact": {**dataclasses.asdict(found), "outage": found.outage, "text": in_words(found)},
        "findings": assessed.findings,
        "fit": as_data(assessed.fit) if assessed.fit else None,
        "difference": as_text(assessed.differences),
    }
