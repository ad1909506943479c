"""Edge: the log of a process: lines for people or JSON for machines, on stderr, without secrets.

What a line is about stands in its text as `name=value`; `ref=…` is the reference of a command, from
Slack's delivery to the last step, and a field of its own in JSON.

Secrets are masked in the finished line, so in tracebacks and in lines of the SDKs too: the values
of our own settings, and whatever looks like a token. Sources of the shapes: docs.slack.dev,
"Tokens"; docs.github.com, "About authentication to GitHub"; RFC 6750 for Bearer.
"""

import logging
import re
import sys
from typing import IO, TextIO, cast

from pythonjsonlogger.json import JsonFormatter

from bot.settings import Settings

MASK = "***"

SHORTEST = 6
"""Values of settings shorter than this are not looked for: they would blot out common words."""

QUIET = ("github", "httpcore2", "httpx2", "kubernetes", "openai", "slack_bolt", "slack_sdk",
         "urllib3", "waitress")  # fmt: skip
"""SDKs whose lines below a warning say nothing new; slack-sdk's hold whole messages."""

_SHAPES = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|gh[opsur]_\w+|github_pat_\w+"
    r"|hooks\.slack\.com/[\w./-]+"
    r"|(?<=Bearer )[\w.~+/=-]{8,}|(?<=Basic )[\w+/=-]{8,}"
    r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]+"
    r"|(?<=://)[^\s/@\"']*:[^\s/@\"']+(?=@)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
    re.DOTALL | re.IGNORECASE | re.ASCII,
)
_REF = re.compile(r"\bref=(\S+)")
_LINE = "%(asctime)s %(levelname)s %(threadName)s %(name)s %(message)s"


class Masked(logging.Formatter):
    """Another formatter, whose finished lines lose every secret."""

    def __init__(self, inner: logging.Formatter, secrets: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._inner = inner
        spellings = {text for s in secrets if len(s) >= SHORTEST for text in _spellings(s)}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, masked."""
        return _SHAPES.sub(MASK, self._values.sub(MASK, self._inner.format(record)))


class _Json(JsonFormatter):
    """A line is an object: time, level, thread, logger, message, and ref where there is one."""

    def add_fields(
        self,
        log_data: dict[str, object],
        record: logging.LogRecord,
        message_dict: dict[str, object],
    ) -> None:
        super().add_fields(log_data, record, message_dict)
        if found := _REF.search(record.getMessage()):
            log_data["ref"] = found[1]


def start(settings: Settings, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Let everything that is logged in this process go to stderr, in the form that is set."""
    handler = logging.StreamHandler(cast("IO[str]", stream or sys.stderr))
    handler.setFormatter(Masked(_form(settings.process.log_format), settings.secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _form(name: str) -> logging.Formatter:
    if name == "text":
        return logging.Formatter(_LINE)
    names = {"levelname": "level", "threadName": "thread", "name": "logger"}
    fields = (*names, "message")
    return _Json(fields, rename_fields=names, timestamp="time", json_ensure_ascii=False)


def _spellings(secret: str) -> tuple[str, ...]:
    """Return how a secret may stand in a line: as it is, or with its line breaks escaped."""
    return (secret, secret.strip(), secret.strip().replace("\n", "\\n"))
