"""Pure: what reviewers read: commit message, labels and body of a pull request; and back.

Order of the body: who and why, the change in one table, checks and fit, then the details; the
first screen is enough to judge. GitHub takes 65,536 characters of a body. What Leadline must find
again stands in the commit's trailers and in a comment that the body opens with.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources

import jinja2
import msgspec

from gitops.assess import Assessment
from gitops.checks import Severity
from gitops.checks.secrets import secrets_in
from gitops.deployment import ModelDeployment
from gitops.difference import MARKDOWN_LIMIT, as_markdown
from gitops.errors import CheckFailedError
from gitops.fit import Fit, Verdict, title
from gitops.impact import Impact, in_words
from gitops.plan import Action, Plan

STATE_TRAILER = "Desired-State"
"""Trailer of our commits: how a repeated run finds its own work again."""

REQUESTER_TRAILER = "Requested-by"
REQUEST_TRAILER = "Request-Id"
THREAD_TRAILER = "Slack-Thread"

TREE_TRAILER = "Written-Tree"
"""Trailer with the id of the commit's own tree: a commit that a person has changed no longer
names its tree, so it is not taken for ours."""

OWN_LABELS = ("action/", "env/", "engine/", "gpu-delta/", "risk/", "fit/")
"""Beginnings of labels that follow the plan; other labels are people's and stay."""

GIB = 1024**3

_FIT_LABELS = {Verdict.FITS: "ok", Verdict.TIGHT: "tight", Verdict.NO: "no"}


class Thread(msgspec.Struct, frozen=True, omit_defaults=True):
    """The Slack thread of a pull request: a link for people, channel and `ts` for Leadline."""

    permalink: str = ""
    channel: str = ""
    ts: str = ""


class Metadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a pull request's body carries for Leadline, unseen by people.

    `state` is the desired state it proposes, `request` the delivery that asked for it last,
    `requester` who holds it, `replaces` the title that it had before that delivery.
    """

    name: str
    environment: str
    state: str
    request: str
    requester: str = ""
    thread: Thread | None = None
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class Requested:
    """Who asked for a plan, where and why; `key` is the delivery the request came by.

    `thread` is where it is talked about; None where there is none, or none yet. `login` and `name`
    are for people: the GitHub login, and the name that the chat shows; empty where not known.
    """

    by: str
    key: str
    reason: str = ""
    thread: Thread | None = None
    login: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A plan written up for people: all that a Git host needs to propose it."""

    plan: Plan
    metadata: Metadata
    message: str
    body: str
    labels: tuple[str, ...] = ()


def write_up(assessed: Assessment, requested: Requested) -> Written:
    """Return an assessed plan as people will review it.

    Raises:
        CheckFailedError: the reason, or a file, holds what looks like a key; nobody is shown it.
    """
    _refuse_secrets(assessed.plan, requested)
    return Written(
        assessed.plan,
        metadata(assessed.plan, requested),
        message(assessed.plan, requested),
        body(assessed, requested),
        labels(assessed),
    )


def replacing(written: Written, title: str) -> Written:
    """Return the same, saying that it takes the place of what its pull request was called."""
    if title in {"", written.plan.title}:
        return written
    carried = msgspec.structs.replace(written.metadata, replaces=one_line(title))
    _, asked, rest = written.body.split("\n", 2)  # the template's first lines
    body = f"{_comment(carried)}\n{asked}\n\nReplaces: {escape(title)}\n{rest}"
    return replace(written, metadata=carried, body=body)


def message(changed: Plan, requested: Requested) -> str:
    """Return the commit message, with the trailers that a repeated run looks for."""
    trailers = {
        REQUESTER_TRAILER: one_line(requested.by),
        THREAD_TRAILER: one_line(requested.thread.permalink) if requested.thread else "",
        REQUEST_TRAILER: one_line(requested.key),
        STATE_TRAILER: changed.state,
    }
    lines = [f"{name}: {value}\n" for name, value in trailers.items() if value]
    return f"{changed.title}\n\n{''.join(lines)}"


def trailers_of(text: str) -> dict[str, str]:
    """Return the trailers of a commit message: the lines `Name: value` that it ends with."""
    last = text.strip().rpartition("\n\n")[2]
    return dict(re.findall(r"^([A-Za-z][A-Za-z-]*): (.*?)\r?$", last, re.MULTILINE))


def metadata(changed: Plan, requested: Requested) -> Metadata:
    """Return what the body carries for Leadline."""
    thread = requested.thread
    return Metadata(
        name=changed.deployment.name,
        environment=changed.deployment.environment,
        state=changed.state,
        request=one_line(requested.key),
        requester=one_line(requested.by),
        thread=thread and Thread(*(one_line(part) for part in msgspec.structs.astuple(thread))),
    )


def metadata_of(text: str) -> Metadata | None:
    """Return what a body carries for Leadline; None where there is nothing, or nothing sound."""
    found = _METADATA.match(text)
    if found is None:
        return None
    try:
        return msgspec.json.decode(found[1].encode(), type=Metadata)
    except msgspec.DecodeError:  # a person's edit: as good as no metadata
        return None


def labels(assessed: Assessment) -> tuple[str, ...]:
    """Return the labels that filters and rules look for."""
    d, found = assessed.plan.deployment, assessed.impact
    fitting = (f"fit/{_FIT_LABELS[assessed.fit.verdict]}",) if assessed.fit else ()
    restarts = "restart" if found.down or found.kind.value == "rolling restart" else "no-restart"
    return (
        "llm",
        f"action/{assessed.plan.verb}",
        f"env/{d.environment}",
        f"engine/{d.engine.value}",
        f"gpu-delta/{found.gpu_delta:+d}",
        f"risk/{restarts}",
        *fitting,
    )


def body(assessed: Assessment, requested: Requested) -> str:
    """Return the pull request's body, at most 65,536 characters, cut by whole resource."""
    without = _render(assessed, requested, "")
    room = MARKDOWN_LIMIT - len(without) - 1_500  # of which a replaced title may take its part
    return _render(assessed, requested, as_markdown(assessed.differences, room))


def escape(text: str) -> str:
    """Return text of a person as one harmless line of Markdown: no markup, no mention, no HTML."""
    line = re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", one_line(text))
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return line.replace("@", "@\u200b")  # a zero-width space: nobody is mentioned


def one_line(text: str) -> str:
    """Return text without line breaks and control characters, at most 300 characters."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:300]


def _refuse_secrets(changed: Plan, requested: Requested) -> None:
    texts = {"the reason": requested.reason}
    texts |= {change.path: change.new or "" for change in changed.changes}
    for where, text in texts.items():
        if kinds := secrets_in(text):
            raise CheckFailedError(
                f"proposing {changed.deployment.name}: {where} holds what looks like a"
                f" {kinds[0]}; leave it out, and revoke it if it is one"
            )


def _render(assessed: Assessment, requested: Requested, rendered: str) -> str:
    changed = assessed.plan
    removed = changed.action is Action.REMOVE
    return _TEMPLATE.render(
        metadata=_comment(metadata(changed, requested)),
        requested_by=_asker(requested),
        thread=_link(requested.thread),
        reason=escape(requested.reason),
        before=_column(changed.before),
        after=_column(None if removed else changed.deployment),
        cost=_cost(assessed.impact, assessed.environment.currency),
        impact=in_words(assessed.impact),
        checks=_checks(assessed),
        fit=_fit(assessed.fit) if assessed.fit else "",
        rendered=rendered,
        files=len(changed.changes),
        listed="\n".join(f"- `{change.path}`" for change in changed.changes),
        folder=changed.folder,
        state=changed.state,
    )


def _comment(carried: Metadata) -> str:
    # Two hyphens would end the comment.
    shown = json.dumps(msgspec.to_builtins(carried)).replace("--", "-\\u002d")
    return f"<!-- leadline:v1 {shown} -->"


def _asker(requested: Requested) -> str:
    """Return who asked as people know them; the id where nobody has said more."""
    name = escape(requested.name)
    if not requested.login:
        return name or escape(requested.by)
    login = f"@{escape(requested.login)}"
    return f"{login} (Slack: {name})" if name else login


def _link(thread: Thread | None) -> str:
    """Return the link to a thread; nothing where it could be more than a link."""
    found = thread is not None and _ADDRESS.fullmatch(thread.permalink)
    return found[0] if found else ""


def _column(deployment: ModelDeployment | None) -> Mapping[str, object]:
    if deployment is None:
        return {"engine": "–", "shape": "–", "parallel": "–", "gpus": 0, "context": "–"}
    d = deployment
    return {
        "engine": f"{d.engine.value} {d.engine_version}",
        "shape": d.shape,
        "parallel": str(d.parallel),
        "gpus": d.gpus,
        "context": f"{d.max_model_len:,}" if d.max_model_len else "the model's own",
    }


def _cost(found: Impact, currency: str) -> str:
    if found.cost_per_hour is None:
        return ""
    return f"{found.cost_per_hour:+,.2f} {escape(currency)}".rstrip()


def _checks(assessed: Assessment) -> str:
    marks = {Severity.ERROR: "❌", Severity.WARNING: "⚠️", Severity.WAIVED: "🔕"}
    found = [f"{marks[f.severity]} {f.rule}: {escape(f.text)}" for f in assessed.findings]
    return "\n".join(["✅ render ✅ build" + ("" if found else " ✅ lint"), *found])


def _fit(found: Fit) -> str:
    mark = {"ok": "✅", "tight": "⚠️", "no": "❌"}[_FIT_LABELS[found.verdict]]
    return (
        f"{mark} {title(found)}: {found.reason}\n\n"
        f"per GPU: weights {found.weights / GIB:.1f} GiB · room for the KV cache"
        f" {found.kv_room / GIB:.1f} GiB = {found.tokens:,} tokens"
        f" · of {found.usable / GIB:.1f} GiB"
    )


_ADDRESS = re.compile(r"https?://[A-Za-z0-9./:?=&_%-]+")

_METADATA = re.compile(r"\s*<!-- leadline:v1 (\{.*?\}) -->")

_TEMPLATE = jinja2.Environment(  # noqa: S701 - Markdown, not HTML; every outside text is escaped
    undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True
).from_string((resources.files("gitops") / "templates" / "pull_request.md.j2").read_text("utf-8"))
