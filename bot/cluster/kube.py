"""Adapter: the Clusters port over the Kubernetes API.

The official client gives configuration, credentials and the connection; list pages and watch
lines are decoded by msgspec, at a thirtieth of the client's CPU per event.
"""

import threading
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.utils.keepalive import tcp_keepalive_socket_options

from bot import metrics
from bot.cluster import Report, Scope
from bot.cluster.scopes import followers
from bot.cluster.server import BrokenError, ExpiredError, RefusedError
from bot.errors import ClusterUnavailableError
from gitops.clock import Clock

CONNECT_TIMEOUT = 5.0
"""Seconds until a connection stands."""

READ_TIMEOUT = 30.0
"""A connection silent for so many seconds is given up: the server should have closed it."""

KEEPALIVE = (10, 5, 3)
"""Seconds of silence before the kernel asks the other side, seconds between asks, asks."""

_OK, _UNAUTHORIZED, _GONE = 200, 401, 410
_REFUSALS = frozenset({_UNAUTHORIZED, 403, 404})
_ANSWERS = frozenset({_OK, 403, 404, _GONE})
"""What a server says that serves us, if not with this."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a connection may take, in seconds."""

    connect: float = CONNECT_TIMEOUT
    read: float = READ_TIMEOUT


class KubernetesServer:
    """One API server, by a kubeconfig's context; credentials are read at the first call.

    They are read again after a 401: they may have been renewed where the client does not look.
    """

    def __init__(self, kubeconfig: str | None, context: str, timeouts: Timeouts) -> None:
        self._kubeconfig = kubeconfig
        self._context = context
        self._timeouts = timeouts
        self._turn = threading.Lock()
        self._api: client.ApiClient | None = None

    def get(self, path: str, query: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """Return the answer to a GET; see the port."""
        try:
            answer = self._answer(path, query)
        except (ClusterUnavailableError, urllib3.exceptions.HTTPError, OSError):
            metrics.answered("kubernetes", up=False)
            raise
        metrics.answered("kubernetes", up=answer.status in _ANSWERS)
        if answer.status != _OK:
            self._refuse(answer)
        return answer

    def _answer(self, path: str, query: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        api = self._client()
        method, url, headers, *_ = api.param_serialize(
            "GET", path, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"]
        )
        timeouts = (self._timeouts.connect, self._timeouts.read)
        try:
            answer: urllib3.BaseHTTPResponse = api.call_api(
                method,
                f"{url}?{urllib.parse.urlencode(query)}",
                headers,
                _request_timeout=timeouts,
            ).response
        except ApiException as error:  # the client's word for TLS that fails
            raise ClusterUnavailableError(
                f"reading {path}: {error.reason}; is the cluster's certificate right?"
            ) from error
        return answer

    def _refuse(self, answer: urllib3.BaseHTTPResponse) -> None:
        text = f"{answer.status} {answer.read(200).decode(errors='replace')}"
        answer.close()
        if answer.status == _GONE:
            raise ExpiredError
        if answer.status not in _REFUSALS:
            raise BrokenError(text)
        if answer.status == _UNAUTHORIZED:
            self._api = None
        raise RefusedError(text)

    def _client(self) -> client.ApiClient:
        with self._turn:
            if self._api is None:
                self._api = client.ApiClient(_settings(self._kubeconfig, self._context))
            return self._api


class KubernetesClusters:
    """All clusters that a kubeconfig leads to, and the one that this pod runs in.

    `inside` a pod, no context means the pod's own cluster; elsewhere the kubeconfig's current one.
    """

    def __init__(
        self,
        kubeconfig: str | None,
        clock: Clock,
        timeouts: Timeouts = Timeouts(),
        *,
        inside: bool = False,
    ) -> None:
        self._kubeconfig = kubeconfig
        self._inside = inside
        self._clock = clock
        self._timeouts = timeouts
        self._servers: dict[str, KubernetesServer] = {}
        self._turn = threading.Lock()

    def follow(self, scope: Scope, report: Report, stop: threading.Event) -> None:
        """Report what a scope holds until `stop` is set; see the port. A thread reads each kind."""
        server = self._server(scope.context)
        following = followers(scope, server, report, self._clock)
        threads = [
            threading.Thread(target=each.run, name=f"watch {scope.namespace}", daemon=True)
            for each in following
        ]
        for thread in threads:
            thread.start()
        stop.wait()
        for each in following:
            each.end()
        for thread in threads:
            thread.join()

    def _server(self, context: str) -> KubernetesServer:
        with self._turn:
            kubeconfig = None if self._inside and not context else self._kubeconfig
            made = KubernetesServer(kubeconfig, context, self._timeouts)
            return self._servers.setdefault(context, made)


def _settings(kubeconfig: str | None, context: str) -> client.Configuration:
    """Return the client's configuration for a context of a kubeconfig, or for this pod.

    Raises:
        ClusterUnavailableError: no such context, or no credentials.
    """
    settings = client.Configuration()
    settings.retries = False  # whoever follows decides about tries
    settings.socket_options = tcp_keepalive_socket_options(*KEEPALIVE)
    try:
        if kubeconfig or context:
            config.load_kube_config(  # type: ignore[no-untyped-call] # the client has no types here
                kubeconfig, context=context or None, client_configuration=settings
            )
        else:
            config.load_incluster_config(  # type: ignore[no-untyped-call] # as above
                client_configuration=settings
            )
    except (config.ConfigException, OSError) as error:
        named = f" of the context {context}" if context else ""
        raise ClusterUnavailableError(
            f"reading credentials{named}: {error}; set KUBECONFIG to a file that has it, or run in"
            " a pod of the cluster"
        ) from error
    return settings
