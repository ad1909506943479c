"""Pure: what the watches of one namespace have seen, put together as observations.

A list takes the place of what was known, all at once, so that nothing seems to go and come back.
Before sets and pods have both been listed once, nothing is told of either.
"""

import operator
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.cluster import Found, Listed, Observation, Pod
from bot.cluster.objects import (
    LABEL,
    STATE_ANNOTATION,
    EventObject,
    LwsObject,
    PodObject,
    Warned,
    is_current,
    own_subdomains,
    pod,
    warn,
    warning,
)

MOST_WARNED = 2_000
"""Pods whose newest warning is remembered; it may come before its pod does."""

Object = LwsObject | PodObject | EventObject

Pods = dict[str, dict[str, Pod]]
"""Pods by the name of their set and by their uid."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of a watch (ADDED, MODIFIED, DELETED), or a list: LISTING, each INITIAL, LISTED."""

    what: str
    kind: type[Object]
    object: Object | None = None


@dataclass(slots=True)
class World:
    """One namespace of a cluster: sets by name, pods, and the newest warning by a pod's uid.

    `new_sets` and `new_pods` are lists on their way in; `awaited` are the kinds not listed yet.
    """

    context: str = ""
    namespace: str = "default"
    sets: dict[str, LwsObject] = field(default_factory=dict)
    pods: Pods = field(default_factory=dict)
    warned: dict[str, Warned] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    new_sets: dict[str, LwsObject] = field(default_factory=dict)
    new_pods: Pods = field(default_factory=dict)
    awaited: set[type[Object]] = field(default_factory=lambda: {LwsObject, PodObject})


def look(world: World, seen: Seen) -> Iterator[Found]:
    """Bring the world up to date and yield what changed by it."""
    match seen.what, seen.object:
        case "LISTING", _:
            _begin(world, seen.kind)
        case "LISTED", _:
            yield from _listed(world, seen.kind)
        case "INITIAL", LwsObject() as lws:
            world.new_sets[lws.metadata.name] = lws
        case "INITIAL", PodObject() as read:
            _keep(world, world.new_pods, read)
        case what, LwsObject() as lws:
            yield from _set(world, lws, gone=what == "DELETED")
        case what, PodObject() as read:
            yield from _pod(world, read, gone=what == "DELETED")
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


def _listed(world: World, kind: type[Object]) -> Iterator[Found]:
    before_sets, before_pods = world.sets, world.pods
    if kind is LwsObject:
        world.sets, world.new_sets = world.new_sets, {}
        yield Listed(world.context, world.namespace, frozenset(world.sets))
    elif kind is PodObject:
        world.pods, world.new_pods = world.new_pods, {}
        world.homes = {uid: name for name, pods in world.pods.items() for uid in pods}
    else:
        return
    first = kind in world.awaited
    world.awaited.discard(kind)
    if world.awaited:
        return
    for name, lws in world.sets.items():
        changed = before_sets.get(name) != lws or before_pods.get(name) != world.pods.get(name)
        if first or changed:
            yield _observation(world, name)


def _set(world: World, lws: LwsObject, *, gone: bool) -> Iterator[Found]:
    name = lws.metadata.name
    if gone:
        world.sets.pop(name, None)
        yield _gone(world, lws)
        return
    world.sets[name] = lws
    if not world.awaited:
        yield _observation(world, name)


def _pod(world: World, read: PodObject, *, gone: bool) -> Iterator[Found]:
    name = read.metadata.labels.get(LABEL + "name", "")
    uid = read.metadata.uid
    before = world.pods.get(name, {}).get(uid)
    if gone:
        _drop(world, name, uid)
    elif _keep(world, world.pods, read) == before:
        return  # nothing changed that is read here: a probe's time, an annotation
    if name in world.sets and not world.awaited:
        yield _observation(world, name)


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
    if name in world.sets and not world.awaited:
        yield _observation(world, name)


def _keep(world: World, pods: Pods, read: PodObject) -> Pod:
    uid, name = read.metadata.uid, read.metadata.labels.get(LABEL + "name", "")
    made = pod(read, world.warned.get(uid))
    if made.group >= 0 and made.index >= 0:  # a rank, and no pod with labels of somebody's own
        pods.setdefault(name, {})[uid] = made
        world.homes[uid] = name
    return made


def _drop(world: World, name: str, uid: str) -> None:
    world.homes.pop(uid, None)
    world.warned.pop(uid, None)
    pods = world.pods.get(name, {})
    pods.pop(uid, None)
    if not pods:
        world.pods.pop(name, None)


def _observation(world: World, name: str) -> Observation:
    lws = world.sets[name]
    ranks = sorted(world.pods.get(name, {}).values(), key=_rank)
    return Observation(
        namespace=world.namespace,
        name=name,
        uid=lws.metadata.uid,
        state=lws.metadata.annotations.get(STATE_ANNOTATION, ""),
        replicas=lws.spec.replicas,
        size=lws.spec.leader_worker_template.size,
        current=is_current(lws),
        pods=tuple(ranks),
        context=world.context,
        own_subdomains=own_subdomains(lws),
    )


_rank = operator.attrgetter("group", "index")


def _gone(world: World, lws: LwsObject) -> Observation:
    meta = lws.metadata
    return Observation(
        world.namespace, meta.name, meta.uid, "", 0, 0, current=False, pods=(), deleted=True,
        context=world.context,
    )  # fmt: skip
