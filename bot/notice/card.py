"""Pure: the one message of a deployment that is edited in place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rank:
    """One pod of a group: `index` 0 is the leader; `state` is ready, or what it waits for."""

    index: int
    state: str
    ready: bool


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One group on the card; `proved` is the time to first token in seconds, None before proof."""

    index: int
    ranks: tuple[Rank, ...]
    proved: float | None


@dataclass(frozen=True, slots=True)
class Card:
    """The one message of a deployment that is edited in place.

    It is of what main wants, or where main has nothing yet, of what is proposed. `fit` is the
    verdict in a line, `pull` how the newest pull request stands and, while it is open, what it
    would change; `checks` what GitHub's checks and reviews say of it, `note` what a person should
    know now (the controller's error, a cluster out of reach).
    """

    name: str
    environment: str
    model: str
    engine: str
    shape: str
    parallel: str
    gpus: int
    pull_number: int
    pull_url: str
    requested_by: str
    phase: str
    groups: tuple[GroupLine, ...] = ()
    fit: str = ""
    pull: str = ""
    checks: str = ""
    note: str = ""
