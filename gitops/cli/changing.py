"""Edge: the verbs that change desired state in a working copy: plan, deploy, scale and so on.

Their words are those of `gitops.arguments`, which is loaded when a verb is used, not for the list
of verbs.
"""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gitops.cli.pulling import OnMain
    from gitops.workspace import WorkingCopy

_PLAN = "Show what a deploy would change: leadline plan qwen3-32b sglang."
_PULL = "Open a pull request instead of writing."


class _Verb(click.Command):
    """A verb of the terminal over the words of a request: it makes the request come true."""

    def __init__(self, name: str, short_help: str, words: str = "", *, writes: bool = True) -> None:
        super().__init__(name, short_help=short_help, callback=self._run)
        self._words = words or name
        self._writes = writes

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the words of the request and the terminal's own options."""
        if not self.params:
            request = self._request()
            self.help = request.help if self._writes else _PLAN
            self.params = [*request.params, *_own(writes=self._writes)]
        return super().get_params(ctx)

    def _request(self) -> click.Command:
        from gitops import arguments  # noqa: PLC0415 - see the module

        request: click.Command = getattr(arguments, self._words)
        return request

    def _run(self, *, as_json: bool, pull_request: bool = False, **given: Any) -> None:  # noqa: ANN401 - click's
        from gitops.cli import saying  # noqa: PLC0415 - see the module
        from gitops.proposing import Proposer  # noqa: PLC0415 - see the module
        from gitops.workspace import WorkingCopy  # noqa: PLC0415 - see the module

        request = self._request().callback(**given)  # type: ignore[misc] # each of ours has one
        copy = WorkingCopy.find(Path.cwd())
        now = dt.datetime.now(dt.UTC)  # noqa: TID251 - a restart is named by its time
        main = _on_main(copy) if pull_request else None
        proposer = Proposer(copy.catalog(), main or copy, copy.root, copy.policy())
        assessed = proposer.assess(request, now)
        saying.show(assessed, as_json=as_json)
        assessed.refuse()
        if main:
            main.propose(assessed, request)
        elif self._writes:
            copy.write(assessed.plan)
            saying.wrote(assessed.plan)


def _on_main(copy: "WorkingCopy") -> "OnMain":
    from gitops.cli.pulling import OnMain  # noqa: PLC0415 - only this flag needs GitHub

    return OnMain.now(copy)


def _own(*, writes: bool) -> list[click.Parameter]:
    json = click.Option(["--json", "as_json"], is_flag=True, help="Print JSON for machines.")
    pull = click.Option(["--pull-request"], is_flag=True, help=_PULL)
    return [json, pull] if writes else [json]


deploy = _Verb("deploy", "Propose a deployment of a model.")
plan = _Verb("plan", "Show what a deploy would change; write nothing.", "deploy", writes=False)
update = _Verb("update", "Propose other fields for a deployment.")
scale = _Verb("scale", "Propose more or fewer groups.")
restart = _Verb("restart", "Propose a restart of all groups.")
undeploy = _Verb("undeploy", "Propose the end of a deployment.")
