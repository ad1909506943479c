"""Answers services/proxy and pods/proxy: hands a request on to what stands there, as it streams.

Source: the API concepts page (proxy subresource: `services/[SCHEME:]NAME[:PORT]/proxy/PATH`, and
the same for pods).
"""

from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.wrappers import Request, Response

from sandbox.cluster.calls import Call
from sandbox.cluster.objects import Key, Object, ready
from sandbox.cluster.refusals import not_found, unavailable
from sandbox.cluster.selectors import by_labels
from sandbox.cluster.store import Store


@dataclass(frozen=True, slots=True)
class Target:
    """Where a proxied request goes; `port` is a number, `path` begins with `/`.

    `service` may also be POD.SUBDOMAIN, a pod by its own name.
    """

    namespace: str
    service: str
    port: int
    path: str

    @property
    def host(self) -> str:
        """Return the name and port by which a pod would call the Service."""
        return f"{self.service}.{self.namespace}.svc:{self.port}"


Forward = Callable[[Target, Request], Response]


def proxy(store: Store, forward: Forward | None, call: Call) -> Response:
    """Forward a request to a pod, or to a Service with ready pods; 404 and 503 as the server's."""
    name, port = _name_and_port(call.name)
    if call.kind.plural == "pods":
        return _to_pod(store, forward, call, Key("pods", call.namespace, name), port)
    key = Key("services", call.namespace, name)
    if (service := store.get(key)) is None:
        raise not_found(key)
    number = _number(service, port)
    if number is None or forward is None or not _endpoints(store, service):
        raise unavailable(f'no endpoints available for service "{call.name}"')
    return forward(Target(call.namespace, name, number, f"/{call.rest}"), call.request)


def _to_pod(store: Store, forward: Forward | None, call: Call, key: Key, port: str) -> Response:
    if (pod := store.get(key)) is None:
        raise not_found(key)
    if forward is None:
        raise unavailable(f"error trying to reach service: pod {key.name}")
    host = f"{key.name}.{pod['spec'].get('subdomain', '')}"
    return forward(Target(key.namespace, host, int(port or 80), f"/{call.rest}"), call.request)


def _name_and_port(text: str) -> tuple[str, str]:
    parts = text.split(":")
    if len(parts) == 3:  # noqa: PLR2004 - SCHEME:NAME:PORT
        parts = parts[1:]
    return parts[0], parts[1] if len(parts) > 1 else ""


def _number(service: Object, port: str) -> int | None:
    ports = service["spec"].get("ports") or []
    if not port:
        return int(ports[0]["port"]) if ports else None
    for each in ports:
        if port in (each.get("name"), str(each["port"])):
            return int(each["port"])
    return None


def _endpoints(store: Store, service: Object) -> list[Object]:
    selector = service["spec"].get("selector") or {}
    wanted = by_labels(",".join(f"{key}={value}" for key, value in selector.items()))
    pods = store.select("pods", service["metadata"]["namespace"])
    return [pod for pod in pods if selector and wanted(pod) and ready(pod)]
