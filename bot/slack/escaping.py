"""Pure: text from outside, made so that Slack shows it and never acts on it.

Source: docs.slack.dev, "Formatting text for app surfaces": only `&`, `<` and `>` are special, and
everything that mentions or links stands between `<` and `>`.
"""

import re
import unicodedata

_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad")
"""Zero-width characters: they hide what a text really says."""


_MARKS = re.compile(r"[*~`]|_(?![A-Za-z0-9])|(?<![A-Za-z0-9])_")
"""What can make *bold*, _italic_, ~strike~ and `code`: a `_` inside of a word pairs with none."""

_SPAN = re.compile(r"(?<![^\s(“])`(?=\S)([^`\n]+)(?<=\S)`(?![^\s.,;:?!)”])")
"""Something to copy, as our own words have it: alone between spaces, brackets or stops."""


def escape(outside: str) -> str:
    """Return text from outside so that Slack shows it and never acts on it.

    A zero-width space after each mark keeps it from pairing.
    """
    return _MARKS.sub("\\g<0>\u200b", inert(_seen(outside, "\n")))


def our_words(text: str) -> str:
    """Return words of ours that hold text from outside: what stands as `code` can be copied.

    Text from outside may look like code there, too; nothing in code acts either.
    """
    return "".join(
        f"`{inert(_seen(part))}`" if at % 2 else escape(part)
        for at, part in enumerate(_SPAN.split(text))
    )


def inert(outside: str) -> str:
    """Return Markdown of a model so that it keeps its form but mentions and links nobody."""
    return outside.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(outside: str) -> str:
    """Return text for a `plain_text` object: nothing acts there, but nothing may hide either."""
    return _seen(outside)


def brief(outside: str, limit: int = 300) -> str:
    """Return text from outside as one line of at most `limit` characters."""
    return escape(cut(" ".join(outside.split()), limit))


def quote(outside: str) -> str:
    """Return text from outside as one quoted line."""
    return f"“{brief(outside)}”"


def code(outside: str) -> str:
    """Return text for a code fence: only & < > mean something there, and the fence itself."""
    return inert(outside).replace("```", "`\u200b``")


def fenced(outside: str, limit: int) -> str:
    """Return text in a code fence; the whole has at most `limit` characters."""
    return f"```\n{cut(code(outside), limit - 8)}\n```"


def cut(shown: str, limit: int) -> str:
    """Return at most `limit` characters, saying so when something was cut."""
    return shown if len(shown) <= limit else shown[: limit - 8] + "… (cut)"


def _seen(outside: str, also: str = "") -> str:
    """Return text with a mark in the place of each character that cannot be seen."""
    if outside.isascii() and outside.isprintable():
        return outside
    return "".join(c if _shows(c) or c in also else "\ufffd" for c in outside)


def _shows(character: str) -> bool:
    """Say whether a character is seen: no control, no bidirectional mark, no zero width."""
    bidirectional = unicodedata.bidirectional(character) in {"LRE", "RLE", "LRO", "RLO", "PDF"}
    return character.isprintable() and character not in _INVISIBLE and not bidirectional
