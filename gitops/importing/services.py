"""Pure: a Service beside a set: a deployment brings its own, so only differences are told."""

from collections.abc import Sequence
from typing import Any

from gitops.importing.reading import Reading
from gitops.importing.sets import Imported
from gitops.names import printable

_SET_NAME = "leaderworkerset.sigs.k8s.io/name"
_WORKER_INDEX = "leaderworkerset.sigs.k8s.io/worker-index"


def read_service(manifest: dict[str, Any], sets: Sequence[Imported]) -> list[str]:
    """Return the notes on a Service of the imported sets."""
    reading = Reading.of(manifest)
    selector = {key: str(value) for key, value in reading.mapping("spec", "selector").items()}
    deployment = next((s.deployment for s in sets if _selects(selector, s)), None)
    if deployment is None:
        reading.note("was not carried: it selects no set of this file; put it into custom/")
        return reading.notes
    ours, name = f"{deployment.name}-leader", str((manifest.get("metadata") or {}).get("name"))
    if name != ours:
        reading.note(
            f"is called {ours} here, and selects the leaders of its set only; ask"
            f" http://{ours}.{deployment.namespace}.svc:8000/v1, and delete the old one by hand"
        )
    _compare(reading)
    for path in reading.left():
        reading.note(f"{path} was not carried: put it into custom/")
    return reading.notes


def _selects(selector: dict[str, str], found: Imported) -> bool:
    labels = {
        **found.labels,
        _SET_NAME: found.deployment.name,
        _WORKER_INDEX: "0",
    }
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _compare(reading: Reading) -> None:
    kind = reading.text("spec", "type")
    if kind not in {"", "ClusterIP"}:
        reading.note(f"type {printable(kind)} became ClusterIP: put a gateway in front")
    reading.take("metadata", "namespace")
    for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "sessionAffinity",
                "internalTrafficPolicy"):  # fmt: skip
        reading.take("spec", key)
    for index, _ in reading.entries("spec", "ports"):
        port = reading.take("spec", "ports", index, "port")
        for key in ("name", "protocol", "targetPort"):
            reading.take("spec", "ports", index, key)
        if port != 8000:  # noqa: PLR2004 - the one port of all bases
            reading.note(f"port {printable(str(port))} became 8000")
