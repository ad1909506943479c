"""Pure: the modals: what they ask, and the command that a filled one means.

A filled form becomes the text that one could have typed, so that it takes the same way through the
queue, the checks and the audit log. Source: docs.slack.dev, views and input blocks (a title has 24
characters, a select 100 options, an option 75).
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bot.relay import Question
from bot.slack.escaping import cut, escape, plain
from gitops.deployment import ModelDeployment
from gitops.engine import Engine

View = dict[str, Any]

MOST_OPTIONS = 100
"""Most options of a select."""

UNCHANGED = "Unchanged when empty"
"""What a field of change says once it was emptied: `update` leaves out what is not given."""

LABELS = {
    "replicas": "Groups",
    "tensor": "Tensor parallel size of a group",
    "gpus": "GPUs of a node",
    "context": "Context in tokens",
    "tokens": "Most tokens",
}
"""What the fields that take a whole number are called."""

FIT = "fit"
"""Block id of the line that says whether it fits; it follows what is chosen above it."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a form offers: ids of models, names of environments and of claims."""

    models: Sequence[str]
    environments: Sequence[str]
    claims: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a form was opened: its answer belongs there. `name` is ENVIRONMENT/NAME, or empty."""

    channel: str
    thread: str | None = None
    name: str = ""


def deploy_form(choices: Choices, origin: Origin, environment: str = "", fit: str = "") -> View:
    """Return the form of a new deployment; `fit` is the line on what is chosen so far."""
    return _modal(
        "deploy",
        "Deploy a model",
        "Propose",
        origin,
        [
            _select("model", "Model", choices.models, follows=True),
            _select("engine", "Engine", [e.value for e in Engine], follows=True),
            _select("environment", "Environment", choices.environments, environment, follows=True),
            *_shape(None),
            _line(fit or "Choose a model and an engine to see whether they fit."),
            _text("name", "Name", "MODEL-ENGINE when empty"),
            _storage(choices.claims, None),
            _text("reason", "Reason", "Stands in the pull request"),
        ],
    )


def update_form(
    deployment: ModelDeployment, claims: Sequence[str], origin: Origin, fit: str = ""
) -> View:
    """Return the form of a change, filled with what stands on main."""
    context = str(deployment.max_model_len or "")
    return _modal(
        "update",
        "Change a deployment",
        "Propose",
        origin,
        [
            _line(f"*{escape(origin.name)}*: {escape(deployment.model)}", "what"),
            *_shape(deployment),
            _line(fit or " "),
            _text("context", LABELS["context"], UNCHANGED, context, follows=True),
            _text("version", "Engine version", UNCHANGED, deployment.engine_version),
            _storage(claims, deployment.claim),
            _text("reason", "Reason", "Stands in the pull request"),
        ],
    )


def undeploy_form(name: str, gpus: int, origin: Origin) -> View:
    """Return the form that asks for a deployment's name before its end is proposed."""
    says = (
        f"The pull request removes *{escape(origin.name)}* and releases {gpus} GPUs; storage stays."
    )
    asks = _text("confirm", f"Type {cut(plain(name), 60)} to confirm", "", optional=False)
    reason = _text("reason", "Reason", "Stands in the pull request")
    return _modal(
        "undeploy", "Undeploy", "Propose the end", origin, [_line(says, "what"), asks, reason]
    )


def ask_form(origin: Origin) -> View:
    """Return the form of a question."""
    prompt = _text("prompt", "Question", "", optional=False)
    prompt["element"]["multiline"] = True
    tokens = _text("tokens", LABELS["tokens"], "", str(Question("").max_tokens))
    return _modal("ask", "Ask a model", "Ask", origin, [prompt, tokens])


def origin_of(metadata: str) -> Origin:
    """Return where a form was opened, from the metadata that Slack kept with it, unsealed."""
    return msgspec.json.decode(metadata, type=Origin)


def with_fit(view: Mapping[str, Any], line: str) -> View:
    """Return a form as it stands on the screen, with another line on fit; what is typed stays."""
    kept = ("type", "callback_id", "title", "submit", "close", "private_metadata")
    blocks = [_line(line) if block["block_id"] == FIT else block for block in view["blocks"]]
    return {key: view[key] for key in kept} | {"blocks": blocks}


def values_of(view: Mapping[str, Any]) -> dict[str, str]:
    """Return what a person filled in, by block id; empty fields are left out."""
    filled = {}
    for block, actions in view["state"]["values"].items():
        for element in actions.values():
            chosen = element.get("selected_option") or {}
            value = element.get("value") or chosen.get("value") or ""
            if value.strip():
                filled[block] = value.strip()
    return filled


def faults_of(kind: str, values: Mapping[str, str], origin: Origin) -> dict[str, str]:
    """Return what is wrong with single fields, by block id; numbers and the typed name."""
    faults = {
        block: "a whole number, such as 2"
        for block in LABELS
        if block in values and not (values[block].isascii() and values[block].isdigit())
    }
    if kind == "undeploy" and values.get("confirm") != origin.name.rpartition("/")[2]:
        faults["confirm"] = f"type {cut(plain(origin.name.rpartition('/')[2]), 60)}"
    return faults


def command_of(kind: str, values: Mapping[str, str], origin: Origin) -> str:
    """Return the command that a filled form means, as one would have typed it."""
    match kind:
        case "deploy":
            first = [values["model"], values["engine"], values.get("name", "")]
            return _typed("deploy", [w for w in first if w], values, _DEPLOY)
        case "update":
            return _typed("update", [origin.name], values, _UPDATE)
        case "undeploy":
            return _typed("undeploy", [origin.name], values, ("confirm", "reason"))
        case _:
            tokens = f"--max-tokens {values['tokens']} " if "tokens" in values else ""
            return f"ask {origin.name} {tokens}-- {values['prompt']}"


def changed(values: Mapping[str, str], deployment: ModelDeployment) -> dict[str, str]:
    """Return the fields of a form of change that differ from what stands."""
    stands = {
        "replicas": str(deployment.replicas),
        "tensor": str(deployment.parallel.tensor),
        "gpus": str(deployment.resources.gpus),
        "context": str(deployment.max_model_len or ""),
        "version": deployment.engine_version,
        "storage": deployment.claim,
    }
    return {block: value for block, value in values.items() if stands.get(block) != value}


_OPTIONS = {
    "environment": "--environment",
    "replicas": "--replicas",
    "tensor": "--tp",
    "gpus": "--gpus-per-node",
    "context": "--context",
    "version": "--engine-version",
    "storage": "--storage",
    "confirm": "--confirm",
    "reason": "--reason",
}
_DEPLOY = ("environment", "replicas", "tensor", "gpus", "storage", "reason")
_UPDATE = ("replicas", "tensor", "gpus", "context", "version", "storage", "reason")


def _typed(
    verb: str, words: Sequence[str], values: Mapping[str, str], blocks: Sequence[str]
) -> str:
    options = [w for b in blocks if b in values for w in (_OPTIONS[b], values[b])]
    return shlex.join([verb, *words, *options])


def _modal(kind: str, title: str, submit: str, origin: Origin, blocks: list[View]) -> View:
    return {
        "type": "modal",
        "callback_id": f"leadline:{kind}",
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": submit},
        "close": {"type": "plain_text", "text": "Cancel"},
        "private_metadata": json.dumps(
            {"channel": origin.channel, "thread": origin.thread, "name": origin.name}
        ),
        "blocks": blocks,
    }


def _shape(d: ModelDeployment | None) -> list[View]:
    """Return the fields of a deployment's shape, filled with what stands."""
    stands = (d.replicas, d.parallel.tensor, d.resources.gpus) if d else ("", "", "")
    hint = UNCHANGED if d else "The environment's default when empty"
    return [
        _text(block, LABELS[block], hint, str(value), follows=True)
        for block, value in zip(("replicas", "tensor", "gpus"), stands, strict=True)
    ]


def _storage(claims: Sequence[str], stands: str | None) -> View:
    if claims and (stands is None or stands in claims):
        return _select("storage", "Storage claim", claims, stands or "", optional=True)
    hint = "The model's own when empty" if stands is None else UNCHANGED
    return _text("storage", "Storage claim", hint, stands or "")


def _select(
    block: str,
    label: str,
    values: Sequence[str],
    chosen: str = "",
    *,
    follows: bool = False,
    optional: bool = False,
) -> View:
    options = [_option(value) for value in values[:MOST_OPTIONS]]
    first = {"initial_option": _option(chosen)} if chosen in values[:MOST_OPTIONS] else {}
    element = {"type": "static_select", "action_id": block, "options": options, **first}
    return _input(block, label, element, follows=follows, optional=optional)


def _text(
    block: str,
    label: str,
    hint: str,
    stands: str = "",
    *,
    follows: bool = False,
    optional: bool = True,
) -> View:
    element: View = {"type": "plain_text_input", "action_id": block}
    element |= {"initial_value": stands} if stands else {}
    element |= {"placeholder": {"type": "plain_text", "text": hint}} if hint else {}
    if follows:
        element["dispatch_action_config"] = {"trigger_actions_on": ["on_character_entered"]}
    return _input(block, label, element, follows=follows, optional=optional)


def _input(block: str, label: str, element: View, *, follows: bool, optional: bool) -> View:
    return {
        "type": "input",
        "block_id": block,
        "label": {"type": "plain_text", "text": label},
        "element": element,
        "dispatch_action": follows,
        "optional": optional,
    }


def _line(shown: str, block: str = FIT) -> View:
    text = {"type": "mrkdwn", "text": cut(shown, 3_000)}
    return {"type": "section", "block_id": block, "text": text}


def _option(value: str) -> View:
    return {"text": {"type": "plain_text", "text": cut(plain(value), 75)}, "value": value[:150]}
