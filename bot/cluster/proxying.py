"""Adapter: an API server's proxy: where Services and pods are reached from outside of a cluster.

The official client reads the kubeconfig; requests go through the caller's own HTTP client, since
answers are streamed. Source: the API concepts page, proxy subresource: the server passes a request
on without its `Authorization`, which is the server's own. Needs `get` and `create` of
`services/proxy` to ask, and of `pods/proxy` to prove a group by its own leader.
"""

import ssl
import threading
from collections.abc import Mapping

from kubernetes import client, config

from bot.errors import ClusterUnavailableError


class ServiceProxy:
    """One API server, by a kubeconfig's context; the credentials are read at the first call."""

    def __init__(self, kubeconfig: str | None, context: str = "") -> None:
        self._kubeconfig = kubeconfig
        self._context = context
        self._turn = threading.Lock()
        self._known: client.Configuration | None = None

    def url(self, namespace: str, kind: str, name: str, port: int) -> str:
        """Return where the own paths of one of the `kind` services or pods begin.

        Raises:
            ClusterUnavailableError: no credentials found.
        """
        host = self._settings().host.rstrip("/")
        return f"{host}/api/v1/namespaces/{namespace}/{kind}/{name}:{port}/proxy"

    def headers(self) -> Mapping[str, str]:
        """Return the bearer token as a header, renewed where it has run out."""
        with self._turn:  # a renewal writes into the settings
            found = self._read().auth_settings().get("BearerToken")
        return {"Authorization": str(found["value"])} if found else {}

    def tls(self) -> ssl.SSLContext | bool:
        """Return what proves the server to us, and us to it by a client certificate."""
        settings = self._settings()
        context = ssl.create_default_context(
            cafile=settings.ssl_ca_cert, cadata=settings.ca_cert_data
        )
        if not settings.verify_ssl:  # as the kubeconfig asks: insecure-skip-tls-verify
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file)
        return context

    def _settings(self) -> client.Configuration:
        with self._turn:
            return self._read()

    def _read(self) -> client.Configuration:
        if self._known is None:
            self._known = _load(self._kubeconfig, self._context)
        return self._known


def _load(kubeconfig: str | None, context: str) -> client.Configuration:
    settings = client.Configuration()
    try:
        if kubeconfig:
            config.load_kube_config(  # type: ignore[no-untyped-call] # the client has no types here
                kubeconfig, context=context or None, client_configuration=settings
            )
        else:
            config.load_incluster_config(  # type: ignore[no-untyped-call] # as above
                client_configuration=settings
            )
    except config.ConfigException as error:
        raise ClusterUnavailableError(
            f"reading cluster credentials: {error}; set KUBECONFIG or run in a pod"
        ) from error
    return settings
