"""Pure: lints between the overlays of one environment.

Source: LeaderWorkerSet names its objects `<set>-<group>`: a set `foo` and another `foo-0` would
fight over a StatefulSet. A volume handle must be unique in a cluster (OSS driver).
"""

import re
from collections.abc import Callable, Iterator, Mapping

from gitops.checks.finding import Found
from gitops.checks.subject import Manifest, name_of, title, within

Overlays = Mapping[str, list[Manifest]]
FoundIn = tuple[str, Found]
"""The overlay, and what is found in it."""

_CLUSTER_WIDE = frozenset({"Namespace", "PersistentVolume"})


def objects_are_unique(overlays: Overlays) -> Iterator[FoundIn]:
    """Two overlays must not define one object: the later would overwrite the earlier."""
    return _shared(overlays, lambda m: _id(m) if m.get("kind") != "Service" else None)


def services_are_unique(overlays: Overlays) -> Iterator[FoundIn]:
    """Every deployment has a Service of its own: one name would mix two models' traffic."""
    return _shared(overlays, lambda m: _id(m) if m.get("kind") == "Service" else None)


def handles_are_unique(overlays: Overlays) -> Iterator[FoundIn]:
    """A volume handle must be unique in the cluster."""
    return _shared(overlays, _handle)


def names_do_not_clash(overlays: Overlays) -> Iterator[FoundIn]:
    """A set must not be called like a group of another: `foo-0` beside `foo`."""
    sets = {
        (_namespace(manifest), name_of(manifest)): overlay
        for overlay, manifests in overlays.items()
        for manifest in manifests
        if manifest.get("kind") == "LeaderWorkerSet"
    }
    for (namespace, name), overlay in sets.items():
        other = re.sub(r"-[0-9]+\Z", "", name)
        if other != name and (namespace, other) in sets:
            thing = f"LeaderWorkerSet {name}"
            text = f"{thing} is what a group of {other} is called; choose a name without -number"
            yield overlay, Found(thing, text)


def _shared(overlays: Overlays, key: Callable[[Manifest], object]) -> Iterator[FoundIn]:
    first: dict[object, str] = {}
    for overlay, manifests in overlays.items():
        for manifest in manifests:
            if (shared := key(manifest)) is None:
                continue
            if (owner := first.setdefault(shared, overlay)) != overlay:
                thing = title(manifest)
                yield overlay, Found(thing, f"{thing} is also in {owner}; rename one")


def _id(manifest: Manifest) -> object:
    api, kind = str(manifest.get("apiVersion")), str(manifest.get("kind"))
    namespace = "" if kind in _CLUSTER_WIDE else _namespace(manifest)
    return api.rpartition("/")[0], kind, namespace, name_of(manifest)


def _handle(manifest: Manifest) -> object:
    if manifest.get("kind") != "PersistentVolume":
        return None
    csi = within(manifest, "spec", "csi")
    handle = csi.get("volumeHandle")
    return (str(csi.get("driver")), str(handle)) if handle else None


def _namespace(manifest: Manifest) -> str:
    return str(within(manifest, "metadata").get("namespace", "default"))
