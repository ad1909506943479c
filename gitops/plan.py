"""Pure: what a proposal would change, as a value and as the text that reviewers read."""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

import jinja2

from gitops.deployment import ModelDeployment
from gitops.overlay import Overlay, read

BODY_LIMIT = 60_000
"""Most characters of a pull-request body; GitHub refuses more than 65,536."""

STATE_TRAILER = "Desired-State"
"""Trailer of our commits: how a repeated run finds its own work again."""


class Action(StrEnum):
    """What a plan would do to the repository."""

    CREATE = "create"
    UPDATE = "update"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file before and after; None means absent."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A deployment's change of desired state."""

    deployment: ModelDeployment
    before: ModelDeployment | None
    state: str
    action: Action
    changes: tuple[FileChange, ...]

    @property
    def branch(self) -> str:
        """The one branch of this deployment; stable, so that one pull request is open at a time."""
        return f"llm/{self.deployment.environment}/{self.deployment.name}"

    @property
    def title(self) -> str:
        """Title of the pull request: unique to the deployment and greppable."""
        d = self.deployment
        verb = "deploy" if self.action is Action.CREATE else "update"
        return (
            f"{verb}({d.environment}/{d.name}): {d.engine.value} {d.engine_version}"
            f" · {d.shape} · {d.parallel}"
        )


@dataclass(frozen=True, slots=True)
class Requested:
    """Who asked for a plan, where and why; `key` is the delivery the request came by."""

    by: str
    key: str
    reason: str = ""


def plan(overlay: Overlay, current: Mapping[str, str]) -> Plan:
    """Compare an overlay with the files that stand in its folder now."""
    changes = tuple(
        FileChange(path, current.get(path), text)
        for path, text in {**overlay.files, **_gone(overlay, current)}.items()
        if current.get(path) != text
    )
    source = f"{overlay.deployment.folder}/llm.yaml"
    before = read(current[source], source) if source in current else None
    action = Action.NOTHING if not changes else Action.UPDATE if current else Action.CREATE
    return Plan(overlay.deployment, before, overlay.state, action, changes)


def _gone(overlay: Overlay, current: Mapping[str, str]) -> dict[str, str | None]:
    """Return the files of the folder itself that are no longer rendered; `custom/` is people's."""
    mine = {
        path for path in current if "/" not in path.removeprefix(f"{overlay.deployment.folder}/")
    }
    return dict.fromkeys(sorted(mine - overlay.files.keys()))


def diff(changed: Plan) -> str:
    """Return the unified diff of all files."""
    return "\n".join(line for change in changed.changes for line in _file_diff(change))


def message(changed: Plan, requested: Requested) -> str:
    """Return the commit message, with the trailers that a repeated run looks for."""
    return (
        f"{changed.title}\n\n"
        f"Requested-by: {one_line(requested.by)}\n"
        f"Request-Id: {requested.key}\n"
        f"{STATE_TRAILER}: {changed.state}\n"
    )


def body(changed: Plan, requested: Requested) -> str:
    """Return the pull request's body, within GitHub's limit."""
    text = diff(changed)
    if len(text) > BODY_LIMIT:
        text = text[:BODY_LIMIT] + "\n… cut here; the files tab has the rest"
    return _TEMPLATE.render(
        metadata=_metadata(changed, requested),
        requested_by=escape(requested.by),
        reason=escape(requested.reason),
        before=_column(changed.before),
        after=_column(changed.deployment),
        files=changed.changes,
        folder=changed.deployment.folder,
        diff=text,
        fence=_fence(text),
        state=changed.state,
    )


def escape(text: str) -> str:
    """Return text of a person as one harmless line of Markdown: no markup, no mention, no HTML."""
    line = re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", one_line(text))
    return (
        line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@\u200b")
    )


def one_line(text: str) -> str:
    """Return text without line breaks and control characters, at most 300 characters."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:300]


def _metadata(changed: Plan, requested: Requested) -> str:
    values = {
        "name": changed.deployment.name,
        "environment": changed.deployment.environment,
        "state": changed.state,
        "request": requested.key,
    }
    return json.dumps(values).replace("--", "-\\u002d")


def _column(deployment: ModelDeployment | None) -> Mapping[str, object]:
    if deployment is None:
        return {"engine": "–", "shape": "–", "parallel": "–", "gpus": 0}
    d = deployment
    return {
        "engine": f"{d.engine.value} {d.engine_version}",
        "shape": d.shape,
        "parallel": str(d.parallel),
        "gpus": d.gpus,
    }


def _file_diff(change: FileChange) -> list[str]:
    old, new = (change.old or "").splitlines(), (change.new or "").splitlines()
    before = "/dev/null" if change.old is None else f"a/{change.path}"
    after = "/dev/null" if change.new is None else f"b/{change.path}"
    return list(difflib.unified_diff(old, new, before, after, lineterm=""))


def _fence(text: str) -> str:
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    return "`" * max(3, longest + 1)


_TEMPLATE = jinja2.Environment(  # noqa: S701 - Markdown, not HTML; every outside text is escaped
    undefined=jinja2.StrictUndefined, keep_trailing_newline=True
).from_string((resources.files("gitops") / "templates" / "pull_request.md.j2").read_text("utf-8"))
