"""Edge: the verbs that change desired state in a working copy: plan, deploy, scale and so on."""

import datetime as dt
from pathlib import Path
from typing import Any

import click

from gitops.arguments import deploy as deploy_words
from gitops.arguments import restart as restart_words
from gitops.arguments import scale as scale_words
from gitops.arguments import undeploy as undeploy_words
from gitops.arguments import update as update_words
from gitops.request import Request

_JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print JSON for machines.")
_PULL = click.Option(
    ["--pull-request"], is_flag=True, help="Open a pull request instead of writing."
)


def _verb(words: click.Command, *, writes: bool, name: str | None = None) -> click.Command:
    """Return the terminal's verb for the words of a request: it makes the request come true."""

    def run(as_json: bool, pull_request: bool = False, **given: Any) -> None:  # noqa: ANN401, FBT001, FBT002 - click's
        request: Request = words.callback(**given)  # type: ignore[misc] # each of ours has one
        _carry_out(
            request, writes=writes and not pull_request, as_json=as_json, propose=pull_request
        )

    extra = [_JSON, _PULL] if writes else [_JSON]
    return click.Command(
        name or words.name,
        callback=run,
        params=[*words.params, *extra],
        help=words.help,
        short_help=words.short_help
        if writes
        else "Show what a deploy would change; write nothing.",
    )


deploy = _verb(deploy_words, writes=True)
plan = _verb(deploy_words, writes=False, name="plan")
update = _verb(update_words, writes=True)
scale = _verb(scale_words, writes=True)
restart = _verb(restart_words, writes=True)
undeploy = _verb(undeploy_words, writes=True)


def _carry_out(request: Request, *, writes: bool, as_json: bool, propose: bool) -> None:
    from gitops.cli import saying  # noqa: PLC0415 - only these verbs need it
    from gitops.proposing import Proposer  # noqa: PLC0415 - as above
    from gitops.workspace import WorkingCopy  # noqa: PLC0415 - as above

    copy = WorkingCopy.find(Path.cwd())
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - a restart is named by its time
    assessed = Proposer(copy.catalog(), copy, copy.root, copy.policy()).assess(request, now)
    saying.show(assessed, as_json=as_json)
    assessed.refuse()
    if propose:
        saying.open_pull_request(assessed, request)
    elif writes:
        copy.write(assessed.plan)
        saying.wrote(assessed.plan)
