"""Pure: the manifests of one overlay as lints look at them: sets, pods and containers."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

Manifest = dict[str, Any]

LABEL = "leaderworkerset.sigs.k8s.io"
"""Prefix of the labels that LeaderWorkerSet puts on pods."""

GIB = 1024**3

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]*)?)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P|m)?\Z")
_UNITS = {unit: 1024**power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"), 1)}
_UNITS |= {unit: 1000**power for power, unit in enumerate(("k", "M", "G", "T", "P"), 1)}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known beside the manifests.

    lws: the cluster's LeaderWorkerSet; the oldest we support where nobody says.
    engine_gib: GiB of memory that a pod needs beside /dev/shm.
    load_seconds: seconds from the start of a container to a loaded model.
    weights_gib: GiB of model weights by the name of the claim that holds them, where known.
    claims: names of the claims that the environment offers; none where it offers any.
    """

    lws: str = "0.6.0"
    engine_gib: float = 16.0
    load_seconds: int = 600
    weights_gib: Mapping[str, float] = field(default_factory=dict)
    claims: tuple[str, ...] = ()


@dataclass(frozen=True)
class Container:
    """A container of a set: `where` names it, `template` is leaderTemplate or workerTemplate."""

    where: str
    template: str
    pod: Manifest
    spec: Manifest

    @cached_property
    def words(self) -> list[str]:
        """Its command and arguments."""
        return [str(word) for word in (*texts(self.spec, "command"), *texts(self.spec, "args"))]

    @cached_property
    def line(self) -> str:
        """Its command and arguments in one line."""
        return " ".join(self.words)

    @cached_property
    def limits(self) -> Manifest:
        """Its resource limits."""
        return within(self.spec, "resources", "limits")

    @cached_property
    def runs_engine(self) -> bool:
        """Whether it holds GPUs, or is the first of a pod in which none does."""
        containers = maps(self.pod, "containers")
        holders = [container for container in containers if _gpus(container)]
        return _gpus(self.spec) if holders else self.spec is containers[0]

    @cached_property
    def engine(self) -> str:
        """The engine it starts: vllm, sglang, or nothing that we know."""
        if re.search(r"\bsglang(\.launch_server| serve\b)", self.line):
            return "sglang"
        return "vllm" if re.search(r"\bvllm\b|multi-node-serving\.sh", self.line) else ""

    @cached_property
    def environment(self) -> list[Manifest]:
        """Its variables."""
        return maps(self.spec, "env")

    def mounts(self) -> list[Manifest]:
        """Return its mounts."""
        return maps(self.spec, "volumeMounts")

    def volumes(self) -> list[Manifest]:
        """Return the volumes of its pod."""
        return maps(self.pod, "volumes")


@dataclass(frozen=True)
class Subject:
    """The manifests of one overlay, and what is known beside them."""

    manifests: list[Manifest]
    facts: Facts = field(default_factory=Facts)

    def of_kind(self, kind: str) -> list[Manifest]:
        """Return the objects of a kind."""
        return [manifest for manifest in self.manifests if manifest.get("kind") == kind]

    @cached_property
    def sets(self) -> list[Manifest]:
        """The LeaderWorkerSets."""
        return self.of_kind("LeaderWorkerSet")

    @cached_property
    def names(self) -> set[str]:
        """The names of the LeaderWorkerSets."""
        return {name_of(lws) for lws in self.sets}

    @cached_property
    def pods(self) -> list[tuple[str, str, Manifest]]:
        """The name of the set, the template, and the pod spec, of every template in use."""
        return [(name_of(lws), *pod) for lws in self.sets for pod in _pods(lws)]

    @cached_property
    def containers(self) -> list[Container]:
        """The containers of all templates in use, without those that only prepare a pod."""
        return [
            Container(f"{name} {template} {container.get('name')}", template, pod, container)
            for name, template, pod in self.pods
            for container in maps(pod, "containers")
        ]

    @cached_property
    def engines(self) -> list[Container]:
        """The containers that run an engine."""
        return [container for container in self.containers if container.runs_engine]

    @cached_property
    def leaders(self) -> list[Container]:
        """The containers that run an engine in a leader: these serve."""
        return [c for c in self.engines if c.template == "leaderTemplate"]


def name_of(manifest: Manifest) -> str:
    """Return an object's name."""
    return str(within(manifest, "metadata").get("name"))


def title(manifest: Manifest) -> str:
    """Return an object as findings name it: `Service qwen3-32b-leader`."""
    return f"{manifest.get('kind')} {name_of(manifest)}"


def spec_of(manifest: Manifest) -> Manifest:
    """Return an object's spec, empty where it has none."""
    return within(manifest, "spec")


def within(manifest: object, *names: str) -> Manifest:
    """Return the mapping at a path, empty where there is none: manifests may be malformed."""
    for name in names:
        manifest = manifest.get(name) if isinstance(manifest, dict) else None
    return manifest if isinstance(manifest, dict) else {}


def maps(manifest: Manifest, name: str) -> list[Manifest]:
    """Return the mappings in a list, none where there is no list."""
    return [entry for entry in texts(manifest, name) if isinstance(entry, dict)]


def texts(manifest: Manifest, name: str) -> list[Any]:
    """Return a list, empty where there is none."""
    value = manifest.get(name)
    return value if isinstance(value, list) else []


def amount(quantity: object) -> float | None:
    """Return a Kubernetes quantity in its base unit (bytes, cores), None where it is none."""
    found = _NUMBER.match(str(quantity))
    if not found:
        return None
    unit = Decimal("0.001") if found[2] == "m" else Decimal(_UNITS.get(found[2], 1))
    return float(Decimal(found[1]) * unit)


def _pods(lws: Manifest) -> Iterator[tuple[str, Manifest]]:
    group = within(lws, "spec", "leaderWorkerTemplate")
    worker = within(group, "workerTemplate", "spec")
    leader = within(group, "leaderTemplate", "spec") if "leaderTemplate" in group else worker
    yield "leaderTemplate", leader
    if group.get("size", 1) != 1:
        yield "workerTemplate", worker


def _gpus(container: Manifest) -> bool:
    limits = within(container, "resources", "limits")
    return any(name.endswith("/gpu") and str(count) != "0" for name, count in limits.items())
