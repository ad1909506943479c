"""Pure: how each notice looks in Slack. Every outside text is escaped and cut to Slack's limits.

Source: docs.slack.dev, Block Kit reference (50 blocks a message, 3,000 characters a section,
150 a header, 10 fields of 2,000, 25 elements of actions).
"""

from typing import Any

from bot import notice as n
from bot.slack.escaping import brief, cut, escape, fenced, our_words, plain
from bot.slack.wording import pull_link, text

SECTION = 3_000
"""Most characters of a section's text."""

FIELD = 2_000
"""Most characters of a field of a section."""

VALUE = 1_900
"""Most characters of a button's value: Slack's limit is 2,000, and the seal takes 33."""

NONE = "…"
"""What stands where there is nothing to show: Slack takes no empty text."""

MAX_GROUPS = 40
"""Most groups on a card, one context block each; 50 blocks is Slack's limit."""

MAX_ROWS = 40
"""Most rows of a listing; more are on the next page."""

BUTTONS = (("status", "Status"), ("ask", "Ask"), ("update", "Change"), ("undeploy", "Undeploy"))
"""Buttons of a card: what follows `leadline:` in the action id, and the label."""

Block = dict[str, Any]


def blocks(notice: n.Notice) -> list[Block]:  # noqa: PLR0911 - a line a notice
    """Return the notice as Block Kit."""
    match notice:
        case n.Card():
            return _card(notice)
        case n.Planned():
            lines = "\n".join(our_words(line) for line in notice.lines)
            return [_section(text(notice)), *_shown(lines), *_diff(notice.diff)]
        case n.Proposed():
            return [_section(text(notice)), *_diff(notice.diff)]
        case n.Listing():
            return _listing(notice)
        case n.Asked() if notice.cancel:
            return [_section(text(notice)), _cancel(notice)]
        case n.Facts():
            copies = [_section(fenced(each, SECTION)) for each in notice.copy[:20]]
            return [_section(text(notice)), *_facts(dict(notice.facts)), *copies]
        case n.Usage():
            return _shown(notice.text)
        case _:
            return [_section(text(notice))]


def _card(card: n.Card) -> list[Block]:
    facts = {
        "Environment": card.environment,
        "Model": card.model,
        "Engine": card.engine,
        "Shape": f"{card.shape} · {card.parallel} · {card.gpus} GPUs",
        "Phase": card.phase,
    }
    facts |= {"Fit": card.fit} if card.fit else {}
    facts |= {"Checks": card.checks} if card.checks else {}
    fields = [_field(key, escape(value)) for key, value in facts.items()]
    pull = f"{pull_link(card)} {escape(card.pull)}".strip()
    fields += [_field("Pull request", pull)] if card.pull_number else []
    return [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": cut(plain(card.name), 150) or NONE},
        },
        {"type": "section", "fields": fields},
        *([_section(f":warning: {brief(card.note)}")] if card.note else []),
        *[_group(line) for line in card.groups[:MAX_GROUPS]],
        _context(f"asked by <@{card.requested_by}>"),
        {"type": "actions", "elements": [_button(*button, card) for button in BUTTONS]},
    ]


def _button(act: str, label: str, card: n.Card) -> Block:
    return {
        "type": "button",
        "action_id": f"leadline:{act}",
        "value": f"{card.environment}/{card.name}"[:VALUE],
        "text": {"type": "plain_text", "text": label},
        **({"style": "danger"} if act == "undeploy" else {}),
    }


def _cancel(asked: n.Asked) -> Block:
    """Return the button that cancels an answer; its value says whose and where it is."""
    value = f"{asked.cancel} {asked.by} {asked.environment}/{asked.name}"
    label = {"type": "plain_text", "text": "Cancel"}
    button = {"type": "button", "action_id": "leadline:cancel", "text": label}
    return {"type": "actions", "elements": [button | {"value": value[:VALUE]}]}


def _group(line: n.GroupLine) -> Block:
    ranks = " · ".join(
        f"{':large_green_circle:' if rank.ready else ':white_circle:'}"
        f" {'leader' if rank.index == 0 else f'worker {rank.index}'} {escape(rank.state)}"
        for rank in line.ranks
    )
    proof = "" if line.proved is None else f" · proved, first token {line.proved:.2f} s"
    return _context(cut(f"group {line.index}: {ranks}{proof}", SECTION))


def _listing(listing: n.Listing) -> list[Block]:
    rows = [" · ".join(brief(cell, 120) for cell in row) for row in listing.rows[:MAX_ROWS]]
    head = f"_{' · '.join(brief(column, 60) for column in listing.columns)}_"
    more = [_context(f"next page: `/llm {brief(listing.more)}`")] if listing.more else []
    return [_section(text(listing)), *_shown("\n".join([head, *(rows or ["nothing"])])), *more]


def _shown(lines: str) -> list[Block]:
    """Return lines as sections, divided between lines where one would be too long."""
    sections, gathered = [], ""
    for line in lines.splitlines():
        if gathered and len(gathered) + len(line) + 1 > SECTION:
            sections.append(gathered)
            gathered = ""
        gathered += ("\n" if gathered else "") + cut(line, SECTION)
    return [_section(each) for each in [*sections, gathered][:10] if each]


def _diff(outside: str) -> list[Block]:
    return [_section(fenced(outside, SECTION))] if outside else []


def _facts(facts: dict[str, str]) -> list[Block]:
    fields = [_field(brief(key, 60), escape(value)) for key, value in facts.items()]
    tens = [fields[at : at + 10] for at in range(0, min(len(fields), 100), 10)]
    return [{"type": "section", "fields": ten} for ten in tens]


def _field(key: str, value: str) -> Block:
    return {"type": "mrkdwn", "text": cut(f"*{key}*\n{value}", FIELD)}


def _section(shown: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(shown, SECTION) or NONE}}


def _context(shown: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(shown, SECTION)}]}
