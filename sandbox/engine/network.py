"""Finds the pod behind a host name, as cluster DNS, Services and kube-proxy do.

Source: Kubernetes DNS for Services and Pods; LWS' headless Service (publishNotReadyAddresses).
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator

from sandbox.cluster import Cluster
from sandbox.cluster.containers import port
from sandbox.cluster.objects import (
    GROUP_INDEX,
    NAME,
    WORKER_INDEX,
    Object,
    labels,
    name_of,
    ready,
    running,
    terminating,
)
from sandbox.engine.profile import minds_health, reachable

_POD_NAME = 3  # POD.SUBDOMAIN.NAMESPACE
_SERVICE_NAME = 2  # SERVICE.NAMESPACE


class Network:
    """The names of the cluster; a Service sends callers to its ready pods in turn."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._turns: dict[str, Iterator[int]] = defaultdict(itertools.count)

    def listener(self, host: str) -> Object | None:
        """Return the pod whose engine listens at `host`, such as `a-leader.default.svc:8000`."""
        name, _, number = host.partition(":")
        parts = name.removesuffix(".cluster.local").removesuffix(".svc").split(".")
        wanted = int(number or 80) if (number or "80").isdecimal() else -1
        pod = None
        if len(parts) == _SERVICE_NAME:
            pod, wanted = self._behind(parts[0], parts[1], wanted)
        elif len(parts) == _POD_NAME:
            pod = self._named(*parts)
        if pod is None or port(_container(pod)) != wanted or not reachable(pod):
            return None
        return pod if self.listens(pod) else None

    def leaders(self, host_prefix: str) -> list[Object]:
        """Return the serving leaders that are reached at hosts that begin so."""
        pods = [pod for pod in self._cluster.select("pods") if leads(pod) and self.listens(pod)]
        return [
            pod for pod in pods if any(name.startswith(host_prefix) for name in self._hosts(pod))
        ]

    def listens(self, pod: Object) -> bool:
        """Say whether this very pod's engine serves: it and its whole group are up.

        Of workers, only SGLang's have a server, which answers probes.
        """
        live = self._cluster.get("pods", pod["metadata"]["namespace"], name_of(pod))
        if live is None or live["metadata"]["uid"] != pod["metadata"]["uid"]:
            return False
        serves = leads(live) or minds_health(live)
        return serves and ready(live) and not terminating(live) and self._complete(live)

    def _hosts(self, pod: Object) -> Iterator[str]:
        namespace = pod["metadata"]["namespace"]
        yield f"{name_of(pod)}.{pod['spec'].get('subdomain')}.{namespace}"
        for service in self._cluster.select("services", namespace):
            chosen = service["spec"].get("selector") or {}
            if chosen.items() <= labels(pod).items():
                yield f"{name_of(service)}.{namespace}"

    def _complete(self, pod: Object) -> bool:
        marks = labels(pod)
        if NAME not in marks:
            return True
        selector = f"{NAME}={marks[NAME]},{GROUP_INDEX}={marks[GROUP_INDEX]}"
        return all(
            map(running, self._cluster.select("pods", pod["metadata"]["namespace"], selector))
        )

    def _named(self, name: str, subdomain: str, namespace: str) -> Object | None:
        pod = self._cluster.get("pods", namespace, name)
        known = self._cluster.get("services", namespace, subdomain) is not None
        return pod if pod and known and pod["spec"].get("subdomain") == subdomain else None

    def _behind(self, name: str, namespace: str, wanted: int) -> tuple[Object | None, int]:
        service = self._cluster.get("services", namespace, name)
        if service is None or not service["spec"].get("selector"):
            return None, wanted
        selector = ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
        anyhow = service["spec"].get("publishNotReadyAddresses", False)
        pods = self._cluster.select("pods", namespace, selector)
        pods = [pod for pod in pods if anyhow or (ready(pod) and not terminating(pod))]
        if not pods:
            return None, wanted
        pod = pods[next(self._turns[f"{namespace}/{name}"]) % len(pods)]
        return pod, _target(service, pod, wanted)


def leads(pod: Object) -> bool:
    """Say whether a pod leads its group; one without a group leads itself."""
    return labels(pod).get(WORKER_INDEX, "0") == "0"


def _container(pod: Object) -> Object:
    return dict(pod["spec"]["containers"][0])


def _target(service: Object, pod: Object, wanted: int) -> int:
    """Return the container's port behind a Service's port; -1 for a port it does not have."""
    if service["spec"].get("clusterIP") == "None":
        return wanted
    for each in service["spec"].get("ports") or []:
        if each["port"] == wanted:
            return _number(each["targetPort"], pod)
    return -1


def _number(target: int | str, pod: Object) -> int:
    if isinstance(target, int):
        return target
    ports = _container(pod).get("ports") or []
    return next((each["containerPort"] for each in ports if each.get("name") == target), -1)
