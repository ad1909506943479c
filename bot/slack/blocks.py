"""Pure: how each notice looks in Slack. Every outside text is escaped and cut to Slack's limits.

Source: docs.slack.dev, Block Kit reference (50 blocks a message, 3,000 characters a section,
150 a header, 10 fields of 2,000) and "Formatting text for app surfaces".
"""

from typing import Any

from bot.notice import (
    Applied,
    Asked,
    Card,
    Closed,
    Footer,
    GroupLine,
    Merged,
    Notice,
    Proposed,
    Recovered,
    Refused,
    Restarted,
    Serving,
    Usage,
)

SECTION = 3_000
"""Most characters of a section's text."""

MAX_GROUPS = 40
"""Most groups on a card, one context block each; 50 blocks is Slack's limit."""

Block = dict[str, Any]


def text(notice: Notice) -> str:  # noqa: C901, PLR0911, PLR0912 - a line a notice
    """Return the notice as one line: the fallback of blocks and the text of notifications."""
    match notice:
        case Card():
            return f"{_plain(notice.name)} · {_plain(notice.phase)}"
        case Proposed():
            return f":memo: Pull request {_pull(notice)} opened: {brief(notice.title)}"
        case Merged():
            by = f" by {brief(notice.by)}" if notice.by else ""
            return f":twisted_rightwards_arrows: Pull request #{notice.pull_number} merged{by}"
        case Closed():
            return (
                f":no_entry: Pull request #{notice.pull_number} was closed without a merge;"
                " nothing changes"
            )
        case Applied():
            return f":gear: Applied to the cluster: desired state `{brief(notice.state)}`"
        case Serving():
            return (
                f":large_green_circle: *Serving*: {notice.groups}/{notice.groups} groups answered a"
                f" completion, first token after {notice.first_token:.2f} s"
            )
        case Restarted():
            return (
                f":warning: Group {notice.group} of {notice.groups} was recreated."
                f" Cause: {brief(notice.cause)}"
            )
        case Recovered():
            return (
                f":large_green_circle: Group {notice.group} recovered: it answered a completion,"
                f" first token after {notice.first_token:.2f} s"
            )
        case Asked():
            return f":question: <@{notice.by}> asked *{brief(notice.name)}*: {quote(notice.prompt)}"
        case Footer():
            return _footer(notice)
        case Refused():
            return escape(cut(notice.text, 1_000))
        case Usage():
            return notice.text


def blocks(notice: Notice) -> list[Block]:
    """Return the notice as Block Kit."""
    match notice:
        case Card():
            return _card(notice)
        case Proposed():
            room = SECTION - 8  # the two fences and their line breaks
            return [_section(text(notice)), _section(f"```\n{cut(_code(notice.diff), room)}\n```")]
        case _:
            return [_section(text(notice))]


def escape(outside: str) -> str:
    """Return text from outside so that Slack shows it and never acts on it."""
    shown = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in outside)
    # A zero-width space after each mark keeps *bold*, _italic_, ~strike~ and `code` from pairing.
    return "".join(f"{c}\u200b" if c in "*_~`" else c for c in inert(shown))


def inert(outside: str) -> str:
    """Return Markdown of a model so that it keeps its form but mentions and links nobody."""
    return outside.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def brief(outside: str) -> str:
    """Return text from outside as one line of at most 300 characters."""
    return escape(cut(" ".join(outside.split()), 300))


def quote(outside: str) -> str:
    """Return text from outside as one quoted line."""
    return f"“{brief(outside)}”"


def cut(shown: str, limit: int) -> str:
    """Return at most `limit` characters, saying so when something was cut."""
    return shown if len(shown) <= limit else shown[: limit - 8] + "… (cut)"


def _card(card: Card) -> list[Block]:
    facts = {
        "Environment": card.environment,
        "Model": card.model,
        "Engine": card.engine,
        "Shape": f"{card.shape} · {card.parallel} · {card.gpus} GPUs",
        "Phase": card.phase,
    }
    fields = [{"type": "mrkdwn", "text": f"*{k}*\n{escape(v)}"} for k, v in facts.items()]
    fields.append({"type": "mrkdwn", "text": f"*Pull request*\n{_pull(card)}"})
    return [
        {"type": "header", "text": {"type": "plain_text", "text": cut(_plain(card.name), 150)}},
        {"type": "section", "fields": fields},
        *[_group(line) for line in card.groups[:MAX_GROUPS]],
        _context(f"asked by <@{card.requested_by}>"),
    ]


def _group(line: GroupLine) -> Block:
    ranks = " · ".join(
        f"{':large_green_circle:' if rank.ready else ':white_circle:'}"
        f" {'leader' if rank.index == 0 else f'worker {rank.index}'} {escape(rank.state)}"
        for rank in line.ranks
    )
    proof = "" if line.proved is None else f" · proved, first token {line.proved:.2f} s"
    return _context(cut(f"group {line.index}: {ranks}{proof}", SECTION))


def _footer(footer: Footer) -> str:
    cut_off = " · cut at `--max-tokens`; raise it for more" if footer.finish == "length" else ""
    return (
        f"_{brief(footer.model)} · first token {footer.first_token:.2f} s · {footer.tokens} tokens"
        f" · {footer.tokens_per_second:.1f} tokens/s · finish: {brief(footer.finish)}{cut_off}_"
    )


def _pull(notice: Card | Proposed) -> str:
    return f"<{notice.pull_url}|#{notice.pull_number}>"


def _plain(outside: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in outside)


def _code(outside: str) -> str:
    """Return text for a code fence: only & < > mean something there, and the fence itself."""
    return inert(outside).replace("```", "`\u200b``")


def _section(shown: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(shown, SECTION)}}


def _context(shown: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": shown}]}
