"""Pure: what a LeaderWorkerSet asks for, and which revision of its pods that is.

Its counters, and the labels of its StatefulSet, are of when its controller looked last, and up to
v0.8 nothing says when that was: right after a change they still call the old groups updated. A
ControllerRevision holds the template that it is of. So the wanted revision is the one that holds
what the set asks for now, and before the controller has looked there is none.
Source: LeaderWorkerSet pkg/utils/revision, v0.6.0 to v0.10.0, and recordings of each.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from bot.cluster.objects import LABEL, STATE_ANNOTATION, LwsObject, LwsSpec, PodMeta

NOTHING = msgspec.Raw(b"null")

_SAYS = frozenset({
    "activeDeadlineSeconds", "allowPrivilegeEscalation", "automountServiceAccountToken",
    "defaultMode", "enableServiceLinks", "expirationSeconds", "fsGroup", "hostUsers", "mode",
    "optional", "priority", "privileged", "readOnlyRootFilesystem", "runAsGroup", "runAsNonRoot",
    "runAsUser", "setHostnameAsFQDN", "shareProcessNamespace", "subGroupSize",
    "terminationGracePeriodSeconds", "tolerationSeconds",
})  # fmt: skip
"""Fields whose false or 0 says something: pointers in Go, written whatever they hold. In others,
such as `tty` or `hostPort`, it is the same as nothing, and the controller leaves it out.
Source: k8s.io/api core/v1 types.go; LeaderWorkerSet api/leaderworkerset/v1."""


class Holds(msgspec.Struct, frozen=True, rename="camel"):
    """What a revision is of, as LeaderWorkerSet keeps it."""

    leader_worker_template: msgspec.Raw = NOTHING
    network_config: msgspec.Raw = NOTHING


class Data(msgspec.Struct, frozen=True):
    """The data of a ControllerRevision."""

    spec: Holds = Holds()


class RevisionObject(msgspec.Struct, frozen=True):
    """A ControllerRevision."""

    metadata: PodMeta
    data: Data = Data()
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision of a set: the label of its pods, the digest of its template, its number."""

    label: str
    template: str
    number: int


@dataclass(frozen=True, slots=True)
class Asks:
    """A LeaderWorkerSet as far as it is read; `template` is the digest of what its pods depend on.

    `current` says that the controller calls all groups from `partition` on updated, and that it
    means this spec.
    """

    name: str
    uid: str
    generation: int
    state: str
    replicas: int
    size: int
    own_subdomains: bool
    current: bool
    template: str
    partition: int = 0


class _Template(msgspec.Struct, frozen=True):
    """LeaderWorkerTemplate, as far as it is read."""

    size: int = 1


class _Network(msgspec.Struct, frozen=True, rename="camel"):
    """NetworkConfig, as far as it is read."""

    subdomain_policy: str = "Shared"


def asks(lws: LwsObject, before: Asks | None) -> Asks:
    """Return what a set asks for; `before` spares the digest while its spec is the same."""
    meta, spec = lws.metadata, lws.spec
    same = before is not None and (before.uid, before.generation) == (meta.uid, meta.generation)
    template = msgspec.json.decode(spec.leader_worker_template, type=_Template | None)
    network = msgspec.json.decode(spec.network_config, type=_Network | None)
    return Asks(
        name=meta.name,
        uid=meta.uid,
        generation=meta.generation,
        state=meta.annotations.get(STATE_ANNOTATION, ""),
        replicas=spec.replicas,
        size=(template or _Template()).size,
        own_subdomains=(network or _Network()).subdomain_policy == "UniquePerReplica",
        current=_is_current(lws),
        template=before.template if before and same and meta.generation else _digest(spec),
        partition=spec.partition,
    )


def revision(read: RevisionObject) -> Revision:
    """Return what is read of a ControllerRevision."""
    label = read.metadata.labels.get(LABEL + "template-revision-hash", "")
    return Revision(label, _digest(read.data.spec), read.revision)


def wanted(asked: Asks, revisions: Iterable[Revision]) -> str:
    """Return the label of the pods that a set asks for; empty while no revision holds that."""
    found = [each for each in revisions if each.template == asked.template]
    return max(found, key=lambda each: each.number).label if found else ""


def _is_current(lws: LwsObject) -> bool:
    """Say whether the controller calls all groups that it may move updated: from v0.9 on.

    It has to speak of the newest spec.
    """
    of = lws.status.observed_generation
    if of is None or of < lws.metadata.generation:
        return False
    return lws.status.updated_replicas >= lws.spec.replicas - lws.spec.partition


def _digest(holds: Holds | LwsSpec) -> str:
    parts = (holds.leader_worker_template, holds.network_config)
    said = [_bare(msgspec.json.decode(part)) for part in parts]
    text = msgspec.json.encode(said, order="deterministic")
    return hashlib.sha256(text).hexdigest()[:16]


def _bare(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a value without fields that Go's types add or leave out: null, empty, zero, false.

    A false or 0 that is another wish than none stays: see _SAYS.
    """
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    fields = {key: _bare(each) for key, each in value.items() if key != "$patch"}
    return {key: each for key, each in fields.items() if each or _says(key, each)}


def _says(field: str, value: object) -> bool:
    return field in _SAYS and isinstance(value, int)  # False is one
