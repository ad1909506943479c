"""Pure: the proposals that are followed, and which of them an event may be news of.

A pod's change is the most frequent event by far, and there may be thousands of proposals: so they
are looked up by what the event names, and not asked one by one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from bot.cluster import Contact, Listed, Observation, Unit
from bot.rollout.blame import unit_of
from bot.rollout.inbox import Event, Tick, Wake
from bot.rollout.proving import Proof
from bot.rollout.recalling import Strays, Traced
from bot.rollout.reviewing import Read
from bot.store import Proposal

Group = Mapping[object, tuple[Proposal, ...]]


@dataclass(frozen=True, slots=True)
class Followed:
    """Every proposal, also by its deployment's name and by its pull request's number."""

    all: tuple[Proposal, ...] = ()
    by_name: Group = field(default_factory=dict)
    by_pull: Group = field(default_factory=dict)


def follow(proposals: Iterable[Proposal]) -> Followed:
    """Return proposals so that events find theirs."""
    every = tuple(proposals)
    names = _grouped((each.name, each) for each in every)
    return Followed(every, names, _grouped((each.pull_number, each) for each in every))


def about(
    event: Event, followed: Followed, context_of: Callable[[Proposal], str | None]
) -> list[Proposal]:
    """Return what an event may be news of; `context_of` leads to a proposal's cluster."""

    def there(found: Iterable[Proposal], context: str) -> list[Proposal]:
        return [each for each in found if context_of(each) == context]

    match event:
        case Tick():
            return list(followed.all)
        case Wake() | Read():  # a look at an earlier one is of no use any more
            return list(followed.by_pull.get(event.number, ()))
        case Proof() | Observation():
            named = followed.by_name.get(event.name, ())
            near = (each for each in named if each.namespace == event.namespace)
            return there(near, event.context)
        case Listed():
            near = (each for each in followed.all if each.namespace == event.namespace)
            return there((each for each in near if each.name not in event.names), event.context)
        case Unit():
            return there((p for p in followed.all if unit_of([event], p)), event.context)
        case Contact() | Strays() | Traced():
            return []  # a loss is told after a while, by the time; the others have no proposal


def _grouped(named: Iterable[tuple[object, Proposal]]) -> Group:
    groups: dict[object, tuple[Proposal, ...]] = defaultdict(tuple)
    for name, proposal in named:
        groups[name] += (proposal,)
    return dict(groups)
