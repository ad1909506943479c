"""Pure: each notice as one line: the fallback of blocks and the text of notifications."""

import re
from typing import assert_never

from bot import notice as n
from bot.access import Denied
from bot.slack.escaping import brief, cut, our_words, quote


def text(notice: n.Notice) -> str:
    """Return the notice as one line; every outside text in it is escaped and cut."""
    if isinstance(notice, n.Card):
        return f"{brief(notice.name)} · {brief(notice.phase)}"
    if isinstance(notice, n.OfPull):
        return _of_pull(notice)
    if isinstance(notice, n.OfRollout):
        return _of_rollout(notice)
    if isinstance(notice, n.OfGroup):
        return _of_group(notice)
    return _of_answer(notice)


def _of_pull(notice: n.OfPull) -> str:  # noqa: C901, PLR0911, PLR0912 - a line a notice
    match notice:
        case n.Planned():
            ends = "" if notice.written else " (nothing is written)"
            return f":mag: Plan: {brief(notice.title)}{ends}"
        case n.Proposed():
            return f":memo: Pull request {pull_link(notice)} opened: {brief(notice.title)}"
        case n.Amended():
            gone = f" It replaces {brief(notice.replaced)}, which is no longer proposed."
            return (
                f":pencil2: <@{notice.by}> changed pull request {pull_link(notice)}:"
                f" {brief(notice.title)}.{gone if notice.replaced else ''}"
                " Approvals from before no longer count."
            )
        case n.Attached():
            pull = pull_link(notice)
            return f":link: <@{notice.by}> asked for the same: pull request {pull} is open"
        case n.Reviewed():
            said = f": «{brief(notice.comment, 1_000)}»" if notice.comment else ""
            mark = _VERDICTS.get(notice.verdict, ":speech_balloon:")
            if notice.refused:
                mark, said = ":warning:", f"{said}. It does not count: {brief(notice.refused)}"
            return f"{mark} {brief(notice.by)} {brief(notice.verdict)}{said}"
        case n.ChecksFailed():
            names = ", ".join(brief(name, 80) for name in notice.names[:10])
            return f":x: Checks of pull request {pull_link(notice)} failed: {names}"
        case n.BrokeGlass():
            return (
                f":rotating_light: *Break-glass*: <@{notice.by}> let pull request"
                f" #{notice.pull_number} go without a second person: {quote(notice.reason)}"
            )
        case n.Merged():
            by = f" by {brief(notice.by)}" if notice.by else ""
            return f":twisted_rightwards_arrows: Pull request #{notice.pull_number} merged{by}"
        case n.Closed():
            return (
                f":no_entry: Pull request #{notice.pull_number} was closed without a merge;"
                " nothing changes"
            )
        case n.Reopened():
            return f":recycle: Pull request #{notice.pull_number} is open again"
        case _:
            assert_never(notice)


def _of_rollout(notice: n.OfRollout) -> str:  # noqa: PLR0911 - a line a notice
    match notice:
        case n.Applied():
            return f":gear: Applied to the cluster: desired state `{brief(notice.state)}`"
        case n.NotApplied():
            said = f" The controller says: {quote(notice.message)}" if notice.message else ""
            ago = f"{notice.minutes} min" if notice.minutes else "less than a minute"
            return (
                f":hourglass: Merged {ago} ago and not in the cluster yet."
                f"{said} Look at the GitOps controller."
            )
        case n.Removed():
            return f":wastebasket: {brief(notice.name)} is gone from the cluster, as asked"
        case n.Missing():
            return f":warning: {brief(notice.name)} is gone from the cluster; Git still has it"
        case n.Progress():
            detail = f": {brief(notice.detail)}" if notice.detail else ""
            return f":hourglass_flowing_sand: {brief(notice.phase)}{detail}"
        case n.Unreachable():
            return (
                f":satellite_antenna: The cluster of {brief(notice.environment)} has not answered"
                f" since {brief(notice.since)} UTC; what this thread shows is as of then"
            )
        case n.Reachable():
            return (
                f":satellite_antenna: The cluster of {brief(notice.environment)} answers again"
                f" after {notice.minutes} min"
            )
        case _:
            assert_never(notice)


def _of_group(notice: n.OfGroup) -> str:
    match notice:
        case n.Proved():
            return (
                f":white_check_mark: Group {notice.group} answered a completion, first token after"
                f" {notice.first_token:.2f} s · {notice.proved}/{notice.groups} groups proved"
            )
        case n.Unproved():
            return (
                f":key: {brief(notice.name)} is ready, but no completion of it can be had:"
                f" {brief(notice.why)}. It is tried again by itself."
            )
        case n.Serving():
            kept = f"; {notice.kept} kept on an earlier revision (canary)" if notice.kept else ""
            return (
                f":large_green_circle: *Serving*: {notice.groups}/{notice.groups} groups answered a"
                f" completion, first token after {notice.first_token:.2f} s{kept}"
            )
        case n.Degraded():
            return (
                f":red_circle: *Degraded*: group {notice.group} of {notice.groups} does not answer."
                f" {brief(notice.cause)}"
            )
        case n.Restarted():
            return (
                f":warning: Group {notice.group} of {notice.groups} was recreated."
                f" Cause: {brief(notice.cause)}"
            )
        case n.Recovered():
            return (
                f":large_green_circle: Group {notice.group} recovered: it answered a completion,"
                f" first token after {notice.first_token:.2f} s"
            )
        case _:
            assert_never(notice)


def _of_answer(notice: n.OfAnswer) -> str:  # noqa: C901, PLR0911, PLR0912 - a line a notice
    match notice:
        case n.Asked():
            return f":question: <@{notice.by}> asked *{brief(notice.name)}*: {quote(notice.prompt)}"
        case n.Footer():
            return _footer(notice)
        case Denied():
            return _denied(notice)
        case n.Refused():
            return _SLACK.sub(r"<@\1>", our_words(cut(notice.text, 1_000)))
        case n.Usage():
            return notice.text
        case n.Elsewhere():
            link = f"<{notice.url}|{brief(notice.text)}>"
            return f":point_right: {link} · <{notice.thread}|its thread>"
        case n.Listing():
            page = f" · page {notice.page}/{notice.pages}" if notice.pages > 1 else ""
            return f"*{brief(notice.title)}*{page}"
        case n.Facts():
            return f"*{brief(notice.title)}*"
        case _:
            assert_never(notice)


_SLACK = re.compile(r"\bslack:([UW][A-Z0-9]{2,20})\b")
"""Somebody as pull requests name them; in words for one person a mention notifies nobody."""

_VERDICTS = {"approved": ":white_check_mark:", "changes requested": ":no_entry_sign:"}


def _footer(footer: n.Footer) -> str:
    parts = [brief(footer.model)]
    if footer.first_token is not None:
        parts.append(f"first token {footer.first_token:.2f} s")
    if footer.tokens is not None:
        asked = f"{footer.prompt_tokens} + " if footer.prompt_tokens else ""
        parts.append(f"{asked}{footer.tokens} tokens")
    if footer.tokens_per_second is not None:
        parts.append(f"{footer.tokens_per_second:.1f} tokens/s")
    parts.append(f"finish: {brief(footer.finish) or 'none'}")
    if footer.thought:
        parts.append(f"{footer.thought:,} characters of thought folded away")
    line = f"_{' · '.join(parts)}_"
    if footer.broken:
        line += f"\n:warning: The answer stops here: {brief(footer.broken)}"
    elif footer.only_thought:
        line += "\nOnly thought came before the limit; raise `--max-tokens` or say `--thinking off`"
    elif footer.finish == "length":
        line += "\nCut at `--max-tokens`; raise it for more"
    return line


def _denied(denied: Denied) -> str:
    where = f" in {brief(denied.environment)}" if denied.environment else ""
    has = f"you are {denied.has.value} here" if denied.has else "you have no role here"
    able = [f"<@{user}>" for user in denied.users[:10]]
    able += [f"<!subteam^{group}>" for group in denied.groups[:10]]
    channels = ", ".join(f"<#{channel}>" for channel in denied.channels[:10])
    who = ", ".join(able) or "nobody yet"
    return (
        f":lock: `{brief(denied.act)}`{where} needs the role {denied.needed.value} (roles.yaml);"
        f" {has}. Who may: {who}{f' in {channels}' if channels else ''}"
    )


def pull_link(notice: n.Card | n.Proposed | n.Amended | n.Attached | n.ChecksFailed) -> str:
    """Return the pull request's number as a link."""
    return f"<{notice.pull_url}|#{notice.pull_number}>"
