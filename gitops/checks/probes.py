"""Pure: lints on probes: ready means that the engine answers, and loading has time enough.

Sources: the review of the ACK guide (findings 12 and 13); vLLM workers, Ray's or headless, open no
HTTP port; SGLang answers /health on every rank, and opens its port before it has warmed up.
"""

from collections.abc import Iterator

from gitops.checks.finding import Found
from gitops.checks.subject import Manifest, Subject, maps, within

PERIOD = 10
"""Seconds between two probes, where a probe does not say."""

FAILURES = 3
"""Failures that a probe needs, where it does not say."""


def readiness_is_http(subject: Subject) -> Iterator[Found]:
    """A leader is ready when its engine answers over HTTP; an open port says too little."""
    for container in subject.leaders:
        if container.engine and "httpGet" not in within(container.spec, "readinessProbe"):
            yield Found(
                container.where,
                f"{container.where}: readinessProbe must be an httpGet of /health",
            )


def start_has_time(subject: Subject) -> Iterator[Found]:
    """A container that is probed for life must first have the time to load its model."""
    wanted = subject.facts.load_seconds
    for container in subject.engines:
        serves = container.engine and container.template == "leaderTemplate"
        startup = within(container.spec, "startupProbe")
        given = _count(startup, "failureThreshold", FAILURES) * _count(
            startup, "periodSeconds", PERIOD
        )
        if (serves or within(container.spec, "livenessProbe")) and (not startup or given < wanted):
            yield Found(
                container.where,
                f"{container.where}: startupProbe gives {given if startup else 0} s to load, the"
                f" model needs {wanted}; raise failureThreshold × periodSeconds",
            )


def workers_are_probed(subject: Subject) -> Iterator[Found]:
    """SGLang workers answer /health and must be asked; vLLM workers cannot be."""
    for container in subject.engines:
        if container.template != "workerTemplate":
            continue
        asked = "httpGet" in within(container.spec, "readinessProbe")
        waits = any("LWS_LEADER_ADDRESS" in str(c) for c in maps(container.pod, "initContainers"))
        if container.engine == "sglang" and not (asked or waits):
            yield Found(
                container.where,
                f"{container.where}: no readinessProbe, so the group is ready too early; ask"
                " /health, or wait for the leader in an initContainer",
            )
        if container.engine == "vllm" and asked:
            yield Found(
                container.where,
                f"{container.where}: a vLLM worker has no HTTP; remove its readinessProbe",
            )


def _count(probe: Manifest, name: str, default: int) -> int:
    value = probe.get(name, default)
    return value if isinstance(value, int) else 0
