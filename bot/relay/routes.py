"""Ways to the engines of a cluster: by its own DNS, or through the API server from outside."""

import re
import ssl
from collections.abc import Mapping
from typing import Protocol

from bot.errors import EngineShutError, EngineUnavailableError
from bot.relay import PORT, Address
from bot.relay.names import Names

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
# All end in `.svc`, so that a resolver that finds no such pod asks for no public name: a namespace
# may be called as a top-level domain is (`dev`, `ai`), and none of those is `svc`.
_SERVICE = re.compile(rf"({_LABEL})\.({_LABEL})\.svc")
_POD = re.compile(rf"({_LABEL})\.{_LABEL}\.({_LABEL})\.svc")


class InCluster:
    """Adapter: the Route port by in-cluster DNS; without `names` a proxy looks them up."""

    def __init__(self, names: Names | None = None) -> None:
        self._names = names

    def address(self, host: str, api_key: str) -> Address:  # noqa: ARG002 - as the port has it
        """Return the address of an in-cluster host; see the port."""
        if not _SERVICE.fullmatch(host) and not _POD.fullmatch(host):
            raise EngineUnavailableError(f"asking {host!r}: not a host of a cluster")
        if self._names is None:
            return Address(f"http://{host}:{PORT}/v1")
        return Address(f"http://{self._names.find(host)}:{PORT}/v1", {"Host": f"{host}:{PORT}"})


class ApiServer(Protocol):
    """An API server that forwards requests to Services and pods."""

    def url(self, namespace: str, kind: str, name: str, port: int) -> str:
        """Return where the own paths of one of the `kind` services or pods begin."""
        ...

    def headers(self) -> Mapping[str, str]:
        """Return the credentials as headers, as they are now."""
        ...

    def tls(self) -> ssl.SSLContext | bool:
        """Return what proves the server to us, and us to it; False where nothing shall."""
        ...


class ThroughApiServer:
    """Adapter: the Route port through an API server's proxy, to Services and single pods."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    def address(self, host: str, api_key: str) -> Address:
        """Return the address of a Service or a pod behind the API server; see the port."""
        if api_key:
            raise EngineShutError(f"asking {host}{KEY_IS_LOST}")
        if service := _SERVICE.fullmatch(host):
            url = self._server.url(service[2], "services", service[1], PORT)
        elif pod := _POD.fullmatch(host):
            url = self._server.url(pod[2], "pods", pod[1], PORT)
        else:
            raise EngineUnavailableError(
                f"asking {host!r} through the API server: neither a Service nor a pod of a cluster"
            )
        return Address(f"{url}/v1", self._server.headers())


class NoWay:
    """Adapter: the Route port to a cluster that Leadline cannot reach; `why` says what to do."""

    def __init__(self, why: str) -> None:
        self._why = why

    def address(self, host: str, api_key: str) -> Address:  # noqa: ARG002 - as the port has it
        """Refuse; see the port."""
        raise EngineShutError(f"asking {host}{self._why}")


KEY_IS_LOST = (
    " through the API server: it takes the API key out of a request; run Leadline inside of the"
    " cluster for deployments with an API key"
)
"""Why such a deployment is not asked from outside: `Authorization` is the API server's own."""


def out_of_reach(context: str) -> str:
    """Return why nothing of a kubeconfig's context is asked, and what to do."""
    return (
        f": this environment's cluster (context {context}) cannot be reached from here; switch on"
        " LEADLINE_ASK_THROUGH=api-server, with the rights of kustomize/leadline/asking in that"
        " cluster, or run Leadline inside of it"
    )
