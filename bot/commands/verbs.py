"""Pure: the verbs of the chat as click commands, each returning the value of a command.

Verbs that change desired state have the words of `gitops.arguments`, the same as in a terminal.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from bot.commands import command as c
from bot.relay import Question
from gitops import arguments
from gitops.engine import Engine
from gitops.request import UndeployRequest

F = TypeVar("F", bound=Callable[..., Any])

GUIDE = Question("")
"""Where the defaults of `ask` come from: the ACK guide's test call."""

PLAN = "Show what another verb would change; nothing is written."
"""What `plan` does: the one verb whose words are those of another."""

_environment = click.option("--environment", help="Environment; the channel's when absent.")
_page = click.option("--page", type=click.IntRange(1, 10_000), default=1, help="Page of the list.")
_reason = click.option("--reason", help="Why; stands in the pull request.")
_switch = click.Choice(["on", "off"])


def _changing(request: click.Command) -> click.Command:
    """Return a verb of the terminal whose request becomes a change to be proposed."""
    words = request.callback

    def propose(**given: Any) -> c.Change:  # noqa: ANN401 - what click gives the terminal's verb
        return c.Change(words(**given))  # type: ignore[misc] # each of ours has one

    says = request.short_help
    return click.Command(request.name, params=request.params, callback=propose, help=says)


@click.command(help="Propose the end of a deployment; storage stays. With a name alone: a form.")
@click.argument("name")
@_environment
@_reason
@click.option("--confirm", default="", help="The name once more.")
def undeploy(name: str, environment: str | None, reason: str | None, confirm: str) -> c.Change:
    """Propose the end of a deployment."""
    return c.Change(UndeployRequest(name, environment, reason), confirm)


@click.command(help="Propose exactly what stood before.")
@click.argument("name")
@click.option(
    "--to",
    default="1",
    metavar="N|SHA|#PR",
    help="How many changes back, a commit, or a pull request.",
)
@_environment
@_reason
def rollback(name: str, to: str, environment: str | None, reason: str | None) -> c.Rollback:
    """Propose exactly what stood before."""
    return c.Rollback(name, environment, to, reason)


@click.command(name="break-glass", help="Let a pull request go without a second person.")
@click.argument("name")
@_environment
@click.option("--reason", required=True, help="Why; it is announced and kept.")
def break_glass(name: str, environment: str | None, reason: str) -> c.BreakGlass:
    """Let the open pull request go; the channel and the audit log hear of it."""
    return c.BreakGlass(name, reason, environment)


@click.command(name="list", help="Deployments and how they stand.")
@_environment
@_page
def list_(environment: str | None, page: int) -> c.List:
    """List deployments."""
    return c.List(environment, page)


@click.command(help="How one deployment stands.")
@click.argument("name")
@_environment
def status(name: str, environment: str | None) -> c.Status:
    """Show a deployment."""
    return c.Status(name, environment)


@click.command(help="What was changed, newest first.")
@click.argument("name")
@_environment
@_page
def history(name: str, environment: str | None, page: int) -> c.History:
    """List what was changed."""
    return c.History(name, environment, page)


@click.command(help="Models on offer.")
@click.argument("search", default="")
@_page
def models(search: str, page: int) -> c.Models:
    """List models."""
    return c.Models(search, page)


@click.command(help="Whether a model fits, and how much context.")
@click.argument("model")
@click.argument("engine", metavar="ENGINE", type=click.Choice([e.value for e in Engine]))
@click.option("--gpu", help="GPU type, as L20; the environment's when absent.")
@click.option("--tp", "tensor", type=arguments.WHOLE, help="Tensor parallel size.")
@click.option("--pp", "pipeline", type=arguments.WHOLE, default=1, help="Pipeline parallel size.")
@click.option("--dp", "data", type=arguments.WHOLE, default=1, help="Data parallel size.")
@click.option("--nodes", type=arguments.WHOLE, help="Nodes that share the GPUs of a group.")
@click.option(
    "--context", type=arguments.WHOLE, help="Longest request, in tokens; the model's own if absent."
)
@click.option("--quant", "quantization", help="Number format of the weights, as fp8.")
@click.option("--engine-version", help="Release of the engine.")
@_environment
def fit(engine: str, **words: Any) -> c.FitQuestion:  # noqa: ANN401 - the options above
    """Say whether it fits."""
    return c.FitQuestion(engine=Engine(engine), **words)


@click.command(help="Where programs reach a deployment.")
@click.argument("name")
@_environment
def endpoint(name: str, environment: str | None) -> c.Endpoint:
    """Show the endpoint."""
    return c.Endpoint(name, environment)


@click.command(help="Ask a deployed model; the answer streams into a thread.")
@click.argument("name")
@click.argument("prompt", metavar="QUESTION")
@_environment
@click.option(
    "--max-tokens",
    type=click.IntRange(1, 32_768),
    default=GUIDE.max_tokens,
    help="Most tokens of the answer, thought included.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 2),
    default=GUIDE.temperature,
    help="How freely the model chooses; 0 takes the likeliest.",
)
@click.option(
    "--top-p",
    type=click.FloatRange(0, 1),
    default=GUIDE.top_p,
    help="Share of the likeliest tokens that it chooses from.",
)
@click.option(
    "--seed",
    type=click.IntRange(-(2**63), 2**63 - 1),
    default=GUIDE.seed,
    help="Start of its dice: the same gives the same answer where the engine can.",
)
@click.option("--system", default="", help="Instructions that go before the question.")
@click.option("--thinking", type=_switch, help="Switch a reasoning model's thinking.")
@click.option("--raw", is_flag=True, help="Show request and answer as JSON, too.")
def ask(name: str, environment: str | None, thinking: str | None, **words: Any) -> c.Ask:  # noqa: ANN401 - the options above
    """Ask a model."""
    raw = words.pop("raw")
    question = Question(thinking=None if thinking is None else thinking == "on", **words)
    return c.Ask(name, question, raw, environment)


@click.command(name="help", help="What one can type.")
@click.argument("verb", default="")
def help_(verb: str) -> c.Help:
    """Say what one can type."""
    return c.Help(verb)


@click.command(help="Your roles here, and your GitHub login.")
def whoami() -> c.WhoAmI:
    """Say who the person is to Leadline."""
    return c.WhoAmI()


VERBS: Mapping[str, click.Command] = {
    "deploy": _changing(arguments.deploy),
    "list": list_,
    "status": status,
    "ask": ask,
    "scale": _changing(arguments.scale),
    "update": _changing(arguments.update),
    "restart": _changing(arguments.restart),
    "undeploy": undeploy,
    "history": history,
    "rollback": rollback,
    "models": models,
    "fit": fit,
    "endpoint": endpoint,
    "break-glass": break_glass,
    "help": help_,
    "whoami": whoami,
}
"""Every verb but `plan`, whose words are those of another verb."""

EXAMPLES: Mapping[str, str] = {
    "deploy": "deploy qwen3-32b sglang",
    "plan": "plan scale qwen3-32b-sglang 2",
    "list": "list",
    "status": "status qwen3-32b-sglang",
    "ask": "ask qwen3-32b-sglang 測試一下",
    "scale": "scale qwen3-32b-sglang 2",
    "update": "update qwen3-32b-sglang --context 16384",
    "restart": "restart qwen3-32b-sglang",
    "undeploy": "undeploy qwen3-32b-sglang",
    "history": "history qwen3-32b-sglang",
    "rollback": "rollback qwen3-32b-sglang --to 1",
    "models": "models qwen",
    "fit": "fit qwen3-32b sglang --gpu L20 --tp 2",
    "endpoint": "endpoint qwen3-32b-sglang",
    "break-glass": "break-glass qwen3-32b-sglang --reason outage",
    "help": "help deploy",
    "whoami": "whoami",
}

NAMELESS = frozenset({"deploy", "plan", "list", "models", "fit", "help", "whoami"})
"""Verbs whose first word is not the name of a deployment."""
