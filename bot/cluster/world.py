"""Pure: what two watches have seen, put together as observations."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.cluster import Observation, Pod
from bot.cluster.objects import LABEL, STATE_ANNOTATION, LwsObject, PodObject, is_current, pod

Object = LwsObject | PodObject


@dataclass(slots=True)
class World:
    """What both watches have seen: sets by namespace and name, pods by uid."""

    sets: dict[tuple[str, str], LwsObject] = field(default_factory=dict)
    pods: dict[tuple[str, str], dict[str, Pod]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of a watch, or of a list (INITIAL), or the end of a list (SYNCED)."""

    what: str
    object: Object | None
    kind: type[Object]
    uids: frozenset[str] = frozenset()


def look(world: World, seen: Seen) -> Iterator[Observation]:
    """Bring the world up to date and yield the sets that changed by it."""
    for key in _take(world, seen):
        if key in world.sets:
            yield _observation(world, key)
        elif isinstance(seen.object, LwsObject):
            yield _gone(seen.object)


def _take(world: World, seen: Seen) -> list[tuple[str, str]]:
    """Bring the world up to date; return the sets that are to be looked at."""
    if seen.what == "SYNCED":
        return _forget_unlisted(world, seen)
    assert seen.object is not None  # noqa: S101 - only SYNCED carries none
    meta = seen.object.metadata
    if isinstance(seen.object, LwsObject):
        return _take_set(world, seen, (meta.namespace, meta.name))
    key = (meta.namespace, meta.labels.get(LABEL + "name", ""))
    pods = world.pods.setdefault(key, {})
    pods[meta.uid] = pod(seen.object)
    if seen.what != "DELETED":
        return [key]
    del pods[meta.uid]
    return [key]


def _take_set(world: World, seen: Seen, key: tuple[str, str]) -> list[tuple[str, str]]:
    if seen.what == "DELETED":
        world.sets.pop(key, None)
    elif isinstance(seen.object, LwsObject):
        world.sets[key] = seen.object
    return [key]


def _forget_unlisted(world: World, seen: Seen) -> list[tuple[str, str]]:
    if seen.kind is LwsObject:
        lost = [k for k, lws in world.sets.items() if lws.metadata.uid not in seen.uids]
        for key in lost:
            del world.sets[key]
        return []
    touched = []
    for key, pods in world.pods.items():
        for uid in set(pods) - seen.uids:
            del pods[uid]
            touched.append(key)
    return touched


def _observation(world: World, key: tuple[str, str]) -> Observation:
    lws = world.sets[key]
    return Observation(
        namespace=key[0],
        name=key[1],
        uid=lws.metadata.uid,
        state=lws.metadata.annotations.get(STATE_ANNOTATION, ""),
        replicas=lws.spec.replicas,
        size=lws.spec.leader_worker_template.size,
        current=is_current(lws),
        pods=tuple(sorted(world.pods.get(key, {}).values(), key=lambda p: (p.group, p.index))),
    )


def _gone(lws: LwsObject) -> Observation:
    meta = lws.metadata
    return Observation(
        meta.namespace, meta.name, meta.uid, "", 0, 0, current=False, pods=(), deleted=True
    )
