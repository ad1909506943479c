"""Ways to the engines of a cluster: by its own DNS, or through the API server from outside."""

import re
import ssl
from collections.abc import Mapping
from typing import Protocol

from bot.errors import EngineUnavailableError
from bot.relay import PORT, Address

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL}){{1,3}}")
_SERVICE = re.compile(rf"({_LABEL})\.({_LABEL})(?:\.svc)?")


class InCluster:
    """Adapter: the Route port by in-cluster DNS."""

    def address(self, host: str, api_key: str) -> Address:  # noqa: ARG002 - as the port has it
        """Return the address of an in-cluster host; see the port."""
        if not _HOST.fullmatch(host):
            raise EngineUnavailableError(f"asking {host!r}: not a host of a cluster")
        return Address(f"http://{host}:{PORT}/v1")


class ApiServer(Protocol):
    """An API server that forwards requests to Services."""

    def url(self, namespace: str, service: str, port: int) -> str:
        """Return where a Service's own paths begin."""
        ...

    def headers(self) -> Mapping[str, str]:
        """Return the credentials as headers, as they are now."""
        ...

    def tls(self) -> ssl.SSLContext | bool:
        """Return what proves the server to us, and us to it; False where nothing shall."""
        ...


class ThroughApiServer:
    """Adapter: the Route port through an API server's service proxy."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    def address(self, host: str, api_key: str) -> Address:
        """Return the address of a Service behind the API server; see the port."""
        if api_key:
            raise EngineUnavailableError(KEY_IS_LOST.format(host=host))
        service = _SERVICE.fullmatch(host)
        if not service:
            raise EngineUnavailableError(
                f"asking {host} through the API server: it is no Service; run inside of the cluster"
            )
        url = self._server.url(service[2], service[1], PORT)
        return Address(f"{url}/v1", self._server.headers())


KEY_IS_LOST = (
    "asking {host} through the API server: it takes the API key out of a request; run Leadline"
    " inside of the cluster for deployments with an API key"
)
"""Why such a deployment is not asked from outside: `Authorization` is the API server's own."""
