"""Pure: what the watches of one namespace have seen, put together as observations.

A list takes the place of what was known, all at once, so that nothing seems to go and come back.
Before sets, pods and revisions have all been listed once, nothing is told of any.
"""

import operator
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.cluster import Found, Listed, Observation, Pod
from bot.cluster.objects import (
    LABEL,
    EventObject,
    LwsObject,
    PodObject,
    Warned,
    pod,
    warn,
    warning,
)
from bot.cluster.revisions import Asks, Revision, RevisionObject, asks, revision, wanted

MOST_WARNED = 2_000
"""Pods whose newest warning is remembered; it may come before its pod does."""

Object = LwsObject | PodObject | EventObject | RevisionObject

Pods = dict[str, dict[str, Pod]]
"""Pods by the name of their set and by their uid."""

Revisions = dict[str, dict[str, Revision]]
"""Revisions by the name of their set and by their own."""


FIRST: frozenset[type[Object]] = frozenset({LwsObject, PodObject, RevisionObject})
"""What is listed before anything is told."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of a watch (ADDED, MODIFIED, DELETED), or a list: LISTING, each INITIAL, LISTED."""

    what: str
    kind: type[Object]
    object: Object | None = None


@dataclass(slots=True)
class World:
    """One namespace of a cluster: sets by name, pods, and the newest warning by a pod's uid.

    `new_…` are lists on their way in; `awaited` are the kinds not listed yet.
    """

    context: str = ""
    namespace: str = "default"
    sets: dict[str, Asks] = field(default_factory=dict)
    pods: Pods = field(default_factory=dict)
    revisions: Revisions = field(default_factory=dict)
    warned: dict[str, Warned] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    new_sets: dict[str, Asks] = field(default_factory=dict)
    new_pods: Pods = field(default_factory=dict)
    new_revisions: Revisions = field(default_factory=dict)
    awaited: set[type[Object]] = field(default_factory=lambda: set(FIRST))


def look(world: World, seen: Seen) -> Iterator[Found]:
    """Bring the world up to date and yield what changed by it."""
    match seen.what, seen.object:
        case "LISTING", _:
            _begin(world, seen.kind)
        case "LISTED", _:
            yield from _listed(world, seen.kind)
        case "INITIAL", LwsObject() | PodObject() | RevisionObject() as item:
            _initial(world, item)
        case what, LwsObject() as lws:
            yield from _set(world, lws, gone=what == "DELETED")
        case what, PodObject() as read:
            yield from _pod(world, read, gone=what == "DELETED")
        case what, RevisionObject() as kept:
            yield from _told(world, _hold(world.revisions, kept, gone=what == "DELETED"))
        case what, EventObject() as event:
            yield from _warning(world, event, gone=what == "DELETED")
        case _:
            raise AssertionError(seen.what)  # a line carries an object


def _begin(world: World, kind: type[Object]) -> None:
    """Begin a list anew: what came of an earlier one that broke off does not count."""
    if kind is LwsObject:
        world.new_sets = {}
    elif kind is PodObject:
        world.new_pods = {}
    elif kind is RevisionObject:
        world.new_revisions = {}


def _initial(world: World, item: LwsObject | PodObject | RevisionObject) -> None:
    match item:
        case LwsObject():
            name = item.metadata.name
            world.new_sets[name] = asks(item, world.sets.get(name))
        case PodObject():
            _keep(world, world.new_pods, item)
        case RevisionObject():
            _hold(world.new_revisions, item, gone=False)


def _listed(world: World, kind: type[Object]) -> Iterator[Found]:
    before = (world.sets, world.pods, world.revisions)
    if kind is LwsObject:
        world.sets, world.new_sets = world.new_sets, {}
        yield Listed(world.context, world.namespace, frozenset(world.sets))
    elif kind is PodObject:
        world.pods, world.new_pods = world.new_pods, {}
        world.homes = {uid: name for name, pods in world.pods.items() for uid in pods}
    elif kind is RevisionObject:
        world.revisions, world.new_revisions = world.new_revisions, {}
    else:
        return
    first = kind in world.awaited
    world.awaited.discard(kind)
    if world.awaited:
        return
    after = (world.sets, world.pods, world.revisions)
    for name in world.sets:
        if first or [each.get(name) for each in before] != [each.get(name) for each in after]:
            yield _observation(world, name)


def _set(world: World, lws: LwsObject, *, gone: bool) -> Iterator[Found]:
    name = lws.metadata.name
    if gone:
        world.sets.pop(name, None)
        yield _gone(world, lws)
        return
    world.sets[name] = asks(lws, world.sets.get(name))
    yield from _told(world, name)


def _pod(world: World, read: PodObject, *, gone: bool) -> Iterator[Found]:
    name = read.metadata.labels.get(LABEL + "name", "")
    uid = read.metadata.uid
    before = world.pods.get(name, {}).get(uid)
    if gone:
        _drop(world, name, uid)
    elif _keep(world, world.pods, read) == before:
        return  # nothing changed that is read here: a probe's time, an annotation
    yield from _told(world, name)


def _warning(world: World, event: EventObject, *, gone: bool) -> Iterator[Found]:
    uid, warned = event.involved_object.uid, warning(event)
    known = world.warned.get(uid)
    if gone or warned is None or (known and known.at > warned.at):
        return
    world.warned.pop(uid, None)  # the newest stands last
    world.warned[uid] = warned
    if len(world.warned) > MOST_WARNED:
        del world.warned[next(iter(world.warned))]
    name = world.homes.get(uid)
    before = world.pods.get(name, {}).get(uid) if name else None
    if name is None or before is None or (after := warn(before, warned)) == before:
        return
    world.pods[name][uid] = after
    yield from _told(world, name)


def _keep(world: World, pods: Pods, read: PodObject) -> Pod:
    uid, name = read.metadata.uid, read.metadata.labels.get(LABEL + "name", "")
    made = pod(read, world.warned.get(uid))
    if made.group >= 0 and made.index >= 0:  # a rank, and no pod with labels of somebody's own
        pods.setdefault(name, {})[uid] = made
        world.homes[uid] = name
    return made


def _hold(revisions: Revisions, read: RevisionObject, *, gone: bool) -> str:
    """Keep or forget a revision; return the name of its set."""
    name = read.metadata.labels.get(LABEL + "name", "")
    held = revisions.setdefault(name, {})
    if gone:
        held.pop(read.metadata.name, None)
    else:
        held[read.metadata.name] = revision(read)
    if not held:
        del revisions[name]
    return name


def _drop(world: World, name: str, uid: str) -> None:
    world.homes.pop(uid, None)
    world.warned.pop(uid, None)
    pods = world.pods.get(name, {})
    pods.pop(uid, None)
    if not pods:
        world.pods.pop(name, None)


def _told(world: World, name: str) -> Iterator[Found]:
    if name in world.sets and not world.awaited:
        yield _observation(world, name)


def _observation(world: World, name: str) -> Observation:
    asked = world.sets[name]
    ranks = sorted(world.pods.get(name, {}).values(), key=_rank)
    return Observation(
        namespace=world.namespace,
        name=name,
        uid=asked.uid,
        state=asked.state,
        replicas=asked.replicas,
        size=asked.size,
        current=asked.current,
        pods=tuple(ranks),
        context=world.context,
        own_subdomains=asked.own_subdomains,
        revision=wanted(asked, world.revisions.get(name, {}).values()),
        partition=asked.partition,
    )


_rank = operator.attrgetter("group", "index")


def _gone(world: World, lws: LwsObject) -> Observation:
    meta = lws.metadata
    return Observation(
        world.namespace, meta.name, meta.uid, "", 0, 0, current=False, pods=(), deleted=True,
        context=world.context,
    )  # fmt: skip
