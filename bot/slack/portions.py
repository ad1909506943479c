"""Pure: a long answer in Markdown, divided into messages that each look whole."""

import re

MESSAGE = 11_500
"""Most characters of one message's Markdown. Slack takes 12,000, and about 13,200 with the footer's
blocks (docs.slack.dev, markdown block; slackapi/bolt-js #2509)."""

_NEAR = 1_000  # characters before the end in which a better place to divide is looked for
_FENCE = re.compile(r"^ {0,3}```([^`\n]*)$", re.MULTILINE)
_ROOM_FOR_FENCE = 4


def portion(shown: str, waiting: str, limit: int = MESSAGE) -> tuple[str, str]:
    """Return what of `waiting` a message that shows `shown` still takes, and the rest.

    It is divided at the end of a line or of a word where there is one, never inside of an escaped
    character; a code block is closed, and opened again in the rest.
    """
    room = limit - len(shown)
    if len(waiting) <= room:
        return waiting, ""
    at = _place(waiting, room - _ROOM_FOR_FENCE)
    head, rest = waiting[:at], waiting[at:]
    marks = _FENCE.findall(shown + head)
    if len(marks) % 2:
        head += "```" if (shown + head).endswith("\n") else "\n```"
        rest = f"```{marks[-1]}\n{rest}"
    return head, rest


def _place(text: str, room: int) -> int:
    """Return where to divide: at most `room` characters from the beginning."""
    if room <= 0:
        return 0
    near = max(0, room - _NEAR)
    place = text.rfind("\n", near, room) + 1 or text.rfind(" ", near, room) + 1 or room
    escaped = text.rfind("&", max(0, place - 4), place)  # such as &amp; and &lt;
    return escaped if escaped >= 0 and ";" not in text[escaped:place] else place
