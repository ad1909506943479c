"""Pure: what somebody asked to know: of models, and answers to the one person who typed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody asks a model; the answer streams below.

    `cancel` is the key that stops the answer, empty once it has ended; `environment` says whose
    approvers may press it, too.
    """

    by: str
    name: str
    prompt: str
    cancel: str = ""
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Footer:
    """The end of an answer. Times in seconds; `finish` is the engine's own reason.

    What is not known is None: nothing came, or the engine has not counted its tokens.
    `broken` says where and why a stream stopped, empty when it ended well; `only_thought` says that
    nothing but reasoning came, `thought` how many characters of it were folded away.
    """

    model: str
    first_token: float | None
    tokens: int | None
    tokens_per_second: float | None
    finish: str
    prompt_tokens: int = 0
    broken: str = ""
    only_thought: bool = False
    thought: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """One clear line for the person who typed, and nobody else."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What one can type: words of our own, shown as they are."""

    text: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What was asked for stands elsewhere; `url` leads there, and `thread` to where it is told."""

    text: str
    url: str
    thread: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A table; `more` is the command for the next page, empty on the last one."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    page: int = 1
    pages: int = 1
    more: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Named facts, and texts to copy (commands, JSON) below them."""

    title: str
    facts: tuple[tuple[str, str], ...]
    copy: tuple[str, ...] = ()
