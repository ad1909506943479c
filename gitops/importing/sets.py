"""Pure: a LeaderWorkerSet of any hand as a complete deployment.

Sources: LeaderWorkerSet's API types; the review of the ACK guide.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from gitops.catalog import Catalog
from gitops.deployment import (
    ModelDeployment,
    Placement,
    RestartPolicy,
    Rollout,
)
from gitops.engine import Engine
from gitops.environment import Environment
from gitops.errors import InvalidRequestError
from gitops.importing.amounts import read_resources
from gitops.importing.commands import Start, read_start
from gitops.importing.flags import Launched, foreign_flags, read_flags
from gitops.importing.models import Found, Wanted, find_model
from gitops.importing.pods import (
    BASE_VARIABLES,
    Pod,
    keeps_secret,
    read_pod,
)
from gitops.importing.reading import Reading
from gitops.names import SERVED, printable
from gitops.parallel import Parallel
from gitops.recipes import Choice

EXCLUSIVE = "leaderworkerset.sigs.k8s.io/exclusive-topology"
"""Annotation: the node label that a group has for itself."""

API_KEY = "api-key"
"""The key of a Secret that the component api-key reads."""


@dataclasses.dataclass(frozen=True, slots=True)
class Imported:
    """A deployment, the labels of its leaders (to find its Service), and what was not carried."""

    deployment: ModelDeployment
    labels: Mapping[str, str]
    notes: tuple[str, ...]


def read_set(
    manifest: dict[str, Any], environment: Environment, catalog: Catalog, wanted: Wanted
) -> Imported:
    """Return the deployment that a LeaderWorkerSet is.

    Raises:
        InvalidRequestError: it cannot be a deployment; the text says why.
    """
    reading = Reading.of(manifest)
    name = str((manifest.get("metadata") or {}).get("name"))
    size = _size(reading)
    leader, worker = _pods(reading, size)
    start = _start(leader, "leader")
    if start.engine is None:
        raise InvalidRequestError("its leader starts no server; import needs one")
    choice = catalog.pick(start.engine, wanted.engine_version, leader.image)
    launched = read_flags(start, choice.version)
    _tell(reading, launched, choice)
    if worker is not None:
        _compare(reading, leader, worker, start)
    leader = dataclasses.replace(leader, variables=_variables(reading, leader, start))
    found = find_model(catalog, launched.model, wanted.model)
    namespace = reading.text("metadata", "namespace")
    if namespace not in {"", environment.namespace}:
        reading.note(f"namespace {printable(namespace)} became {environment.namespace}")
    read = _Read(name, size, choice, leader, launched, found)
    deployment = _deployment(reading, environment, read)
    catalog.check(deployment)
    for path in reading.left():
        reading.note(f"{path} was not carried: put it into custom/")
    return Imported(deployment, leader.labels, tuple(reading.notes))


@dataclasses.dataclass(frozen=True, slots=True)
class _Read:
    """What was read of a set before a deployment is made of it."""

    name: str
    size: int
    choice: Choice
    leader: Pod
    launched: Launched
    found: Found


def _deployment(reading: Reading, environment: Environment, read: _Read) -> ModelDeployment:
    leader, launched, found = read.leader, read.launched, read.found
    return ModelDeployment(
        name=read.name,
        environment=environment.name,
        namespace=environment.namespace,
        model=found.model.id,
        engine=launched.engine,
        engine_version=read.choice.version,
        image=leader.image,
        base=read.choice.recipe.base,
        lws_version=environment.lws,
        replicas=_number(reading, 1, "spec", "replicas"),
        size=read.size,
        parallel=Parallel(launched.tensor, launched.pipeline, launched.data, launched.expert),
        resources=read_resources(reading, leader, found.weights_gib / read.size, environment),
        model_path=_model_path(launched, leader),
        served_model_name=_served(reading, launched, found),
        claim=_claim(reading, leader, environment),
        max_model_len=launched.length,
        quantization=found.quantization,
        engine_args=launched.extra,
        environment_variables=leader.variables,
        api_key_secret=_key(reading, launched, leader),
        image_pull_secrets=leader.pull_secrets,
        service_account=leader.service_account or None,
        priority_class=leader.priority_class or None,
        restart_policy=_restart(reading),
        rollout=_rollout(reading),
        placement=_placement(reading, leader),
    )


def _size(reading: Reading) -> int:
    return _number(reading, 1, "spec", "leaderWorkerTemplate", "size")


def _pods(reading: Reading, size: int) -> tuple[Pod, Pod | None]:
    """Take both templates; without a leader's own, LeaderWorkerSet uses the worker's."""
    has_leader = reading.entries(
        "spec", "leaderWorkerTemplate", "leaderTemplate", "spec", "containers"
    )
    if not has_leader:
        return read_pod(reading, "workerTemplate", "template"), None
    leader = read_pod(reading, "leaderTemplate", "leader")
    worker = read_pod(reading, "workerTemplate", "worker")
    return leader, worker if size > 1 else None


def _tell(reading: Reading, launched: Launched, choice: Choice) -> None:
    for note in (*choice.warnings, *launched.notes):
        reading.note(note)


def _variables(reading: Reading, leader: Pod, start: Start) -> dict[str, str]:
    """Return the leader's variables and those that its command sets, without secrets."""
    carried = {}
    for name, value in start.variables:
        if keeps_secret(name) or "$" in value:
            reading.note(
                f"variable {printable(name)} of its command was not carried: put it into custom/"
            )
        elif BASE_VARIABLES.get(name) != value:
            carried[name] = value
    if carried:
        names = ", ".join(printable(name) for name in carried)
        reading.note(f"variables of its command went into environmentVariables: {names}")
    return {**leader.variables, **carried}


def _start(pod: Pod, role: str) -> Start:
    repository = pod.image.partition("@")[0].lower()
    engine = next((engine for engine in reversed(Engine) if engine.value in repository), None)
    try:
        return read_start(pod.words, pod.variables, engine)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{role}: {error}") from error


def _compare(reading: Reading, leader: Pod, worker: Pod, start: Start) -> None:
    """Note what workers have otherwise: a deployment has one description for both."""
    for name in foreign_flags(start, _start(worker, "worker")):
        reading.note(f"worker: {name} was not carried: workers start with the leader's flags")
    same = ("image", "limits", "mount", "shared_memory", "variables", "placement", "pull_secrets")
    for name in (*same, "service_account", "priority_class"):
        if getattr(leader, name) != getattr(worker, name):
            what = name.replace("_", " ")
            reading.note(f"worker: other {what} than the leader's, which were taken for both")


def _number(reading: Reading, default: int, *path: str) -> int:
    value = reading.take(*path)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _model_path(launched: Launched, leader: Pod) -> str:
    mount = leader.mount
    if mount is None or not launched.model.startswith("/"):
        raise InvalidRequestError(
            f"its model {printable(launched.model)} lies on no claim; make a storage unit"
            " (kind: download-job fills one) and mount its claim there"
        )
    if mount.below or mount.path != launched.model:
        raise InvalidRequestError(
            f"claim {mount.claim} is mounted at {printable(mount.path)}, the model is"
            f" {printable(launched.model)}; Leadline mounts a claim that holds one model, so make a"
            " storage unit whose path is the model's folder, and mount its claim there"
        )
    return launched.model


def _served(reading: Reading, launched: Launched, found: Found) -> str:
    if not launched.served:
        reading.note(
            f"clients asked for the model {launched.model}: they now ask for {found.model.id}"
        )
        return found.model.id
    first, *others = launched.served
    for other in others:
        reading.note(f"served name {printable(other)} was not carried: a deployment has one")
    if not SERVED.match(first):
        reading.note(f"served name {printable(first)} became {found.model.id}")
        return found.model.id
    return first


def _claim(reading: Reading, leader: Pod, environment: Environment) -> str:
    claim = leader.mount.claim if leader.mount else ""
    if claim not in environment.claims:
        reading.note(f"claim {printable(claim)}: add it to claims in {environment.path}")
    return claim


def _key(reading: Reading, launched: Launched, leader: Pod) -> str | None:
    """Return the Secret of the API key; every other Secret is noted, and no value carried."""
    used = re.fullmatch(r"\$\((\w+)\)", launched.key)
    kept = leader.secrets.get(used[1]) if used else None
    if launched.key and kept is None:
        reading.note("--api-key was not carried: make a Secret with kubectl, name it apiKeySecret")
    if kept is not None and kept.key != API_KEY:
        reading.note(f"Secret {printable(kept.name)}: the API key is read from its key {API_KEY}")
    for variable, reference in leader.secrets.items():
        if reference is not kept:
            reading.note(
                f"variable {printable(variable)} from Secret {printable(reference.name)} was not"
                " carried: put it into custom/"
            )
    return kept.name if kept else None


def _restart(reading: Reading) -> RestartPolicy:
    policy = reading.text("spec", "leaderWorkerTemplate", "restartPolicy")
    if policy == "Default":
        reading.note("restartPolicy Default became None, which is what the cluster stores for it")
        return RestartPolicy.NONE
    if policy and policy not in set(RestartPolicy):
        raise InvalidRequestError(
            f"restartPolicy {printable(policy)}: LeaderWorkerSet has none such"
        )
    return RestartPolicy(policy or RestartPolicy.RECREATE_GROUP)


def _rollout(reading: Reading) -> Rollout:
    top = ("spec", "rolloutStrategy")
    reading.text(*top, "type")
    for path, ours in ((("spec", "startupPolicy"), "LeaderCreated"),
                       (("spec", "networkConfig", "subdomainPolicy"), "Shared")):  # fmt: skip
        if (given := reading.text(*path)) not in {"", ours}:
            reading.note(f"{path[-1]} {printable(given)} became {ours}")
    amounts = {"maxUnavailable": 1, "maxSurge": 0, "partition": 0}
    for name, default in amounts.items():
        value = reading.take(*top, "rollingUpdateConfiguration", name)
        if isinstance(value, int):
            amounts[name] = value
        elif value is not None:
            reading.note(f"{name} {printable(str(value))} became {default}: say it in groups")
    return Rollout(amounts["maxUnavailable"], amounts["maxSurge"], amounts["partition"])


def _placement(reading: Reading, leader: Pod) -> Placement:
    topology = reading.text("metadata", "annotations", EXCLUSIVE)
    return Placement(leader.placement.node_selector, leader.placement.tolerations, topology)
