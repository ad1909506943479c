"""Pure: what logs may know of a command: of a question no word, only its length and its hash.

What begins with no verb may be a question that lacks it, so nothing of that is kept either.
"""

import contextlib
import traceback
from dataclasses import dataclass, replace
from datetime import datetime

from bot.audit import Entry, fingerprint
from bot.commands.command import Ask
from bot.commands.grammar import first, parse
from bot.commands.verbs import EXAMPLES
from bot.errors import CommandError
from bot.store import Job

UNKNOWN = "unknown"


@dataclass(slots=True)
class Account:
    """What the audit log will say of a command; what runs the command fills it in."""

    act: str = ""
    environment: str = ""
    name: str = ""
    question: str = ""
    denied: bool = False


def verb_of(job: Job) -> str:
    """Return the verb of a job, of a closed list: metrics keep a number for each."""
    verb, _ = first(job.text)
    return verb if verb in EXAMPLES else UNKNOWN


def entry_of(job: Job, account: Account, at: datetime, outcome: str, detail: str) -> Entry:
    """Return the line of the audit log for a job that has ended."""
    question = fingerprint(account.question) if account.question else None
    return Entry(
        at=at,
        ref=job.id,
        act=account.act or verb_of(job),
        person=job.person,
        team=job.team,
        channel=job.channel,
        outcome=outcome,
        environment=account.environment,
        name=account.name,
        detail=detail,
        question_length=question.length if question else 0,
        question_sha256=question.sha256 if question else "",
    )


def kept(job: Job, error: Exception) -> str:
    """Return an error as logs may have it: its class where its text may hold a question's words."""
    return str(error) if _is_open(job) else type(error).__name__


def described(job: Job, bug: Exception) -> str:
    """Return a bug in a line as logs may have it, of 300 characters at most."""
    name = type(bug).__name__
    return f"{name}: {bug}"[:300] if _is_open(job) else name


def trace_of(job: Job, bug: Exception) -> str:
    """Return where a bug is, in lines as logs may have them."""
    if _is_open(job):
        return "".join(traceback.format_exception(bug))
    return "".join(traceback.format_tb(bug.__traceback__)) + type(bug).__name__


def without_words(job: Job) -> Job:
    """Return a job as it may be kept aside: without a question, and without the right to speak."""
    return replace(job, text=job.text if _is_open(job) else verb_of(job), response_url=None)


def question_of(job: Job) -> str:
    """Return the question of a job that does not run, to be hashed.

    Nothing where it was typed in a thread: the deployment may be implied, so the first word is
    either.
    """
    with contextlib.suppress(CommandError):
        command = parse(job.text) if job.thread is None else None
        return command.question.prompt if isinstance(command, Ask) else ""
    return ""


def _is_open(job: Job) -> bool:
    return verb_of(job) not in {"ask", UNKNOWN}
