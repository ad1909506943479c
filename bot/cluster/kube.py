"""Adapter: the Cluster port over the Kubernetes API.

The official client gives configuration, credentials and the connection; list pages and watch
lines are decoded by msgspec, at a thirtieth of the client's CPU per event.
"""

import contextlib
import logging
import queue
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import tenacity
import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from bot.cluster import Observation
from bot.cluster.objects import LABEL, ListMeta, LwsObject, PodObject
from bot.cluster.world import Object, Seen, World, look
from bot.errors import ClusterUnavailableError
from gitops.clock import Clock

SERVER_TIMEOUT = 25
"""How long the API server keeps one watch open, in seconds."""

READ_TIMEOUT = 30
"""A connection silent for so many seconds is given up: the server should have closed it."""

BACKOFF_LIMIT = 30.0
"""Longest wait between two tries, in seconds; it starts at 1 and doubles, with jitter."""

PAGE = 500
"""Objects a list page."""

GONE = 410

_LWS = "/apis/leaderworkerset.x-k8s.io/v1/leaderworkersets"
_PODS = "/api/v1/pods"
_log = logging.getLogger(__name__)


class _Page(msgspec.Struct):
    metadata: ListMeta
    items: list[msgspec.Raw] = []


class _Line(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Status(msgspec.Struct):
    code: int = 0
    message: str = ""


@dataclass(slots=True)
class _At:
    """Where one watch stands: the version of the last object it has passed on."""

    version: str = ""


class KubernetesCluster:
    """One cluster, all namespaces that the credentials may read."""

    def __init__(self, api: client.ApiClient, clock: Clock) -> None:
        self._api = api
        self._clock = clock

    @classmethod
    def connect(cls, kubeconfig: str | None, clock: Clock) -> "KubernetesCluster":
        """Return a cluster for a kubeconfig, or for the pod's own service account.

        Raises:
            ClusterUnavailableError: no credentials found.
        """
        settings = client.Configuration()
        try:
            if kubeconfig:
                config.load_kube_config(  # type: ignore[no-untyped-call] # the client has no types here
                    kubeconfig, client_configuration=settings
                )
            else:
                config.load_incluster_config(  # type: ignore[no-untyped-call] # as above
                    client_configuration=settings
                )
        except config.ConfigException as error:
            raise ClusterUnavailableError(
                f"reading cluster credentials: {error}; set KUBECONFIG or run in a pod"
            ) from error
        return cls(client.ApiClient(settings), clock)

    def changes(self) -> Iterator[Observation]:
        """Yield every change; see the port. Two threads read, this one puts together."""
        lines: queue.Queue[Seen] = queue.Queue(maxsize=1000)
        for path, kind in ((_LWS, LwsObject), (_PODS, PodObject)):
            threading.Thread(
                target=self._follow, args=(path, kind, lines), name=f"watch {path}", daemon=True
            ).start()
        world = World()
        while True:
            yield from look(world, lines.get())

    def _follow(self, path: str, kind: type[Object], lines: queue.Queue[Seen]) -> None:
        at = _At()
        while True:
            for attempt in self._tries(path):
                with attempt:
                    self._cycle(path, kind, at, lines)

    def _cycle(self, path: str, kind: type[Object], at: _At, lines: queue.Queue[Seen]) -> None:
        """Watch until the server ends it, listing first where there is no version to go on."""
        try:
            at.version = at.version or self._list(path, kind, lines)
            self._watch(path, kind, at, lines)
        except _ExpiredError:
            at.version = ""  # the server no longer has the version we stand at: list again

    def _tries(self, path: str) -> tenacity.Retrying:
        return tenacity.Retrying(
            wait=tenacity.wait_exponential_jitter(initial=1, max=BACKOFF_LIMIT),
            retry=tenacity.retry_if_exception_type(
                (ApiException, urllib3.exceptions.HTTPError, OSError)
            ),
            sleep=self._clock.sleep,
            before_sleep=lambda tried: _log.warning(
                "watch broken path=%s error=%s", path, tried.outcome and tried.outcome.exception()
            ),
        )

    def _list(self, path: str, kind: type[Object], lines: queue.Queue[Seen]) -> str:
        uids: set[str] = set()
        token = ""
        while True:
            query = {"limit": str(PAGE), "continue": token} | _only_ours(kind)
            page = msgspec.json.decode(self._get(path, query).data, type=_Page)
            for raw in page.items:
                item = msgspec.json.decode(raw, type=kind)
                uids.add(item.metadata.uid)
                lines.put(Seen("INITIAL", item, kind))
            token = page.metadata.continue_
            if not token:
                lines.put(Seen("SYNCED", None, kind, frozenset(uids)))
                return page.metadata.resource_version

    def _watch(self, path: str, kind: type[Object], at: _At, lines: queue.Queue[Seen]) -> None:
        query = {
            "watch": "true",
            "resourceVersion": at.version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(SERVER_TIMEOUT),
        } | _only_ours(kind)
        for text in _split(self._get(path, query)):
            line = msgspec.json.decode(text, type=_Line)
            if line.type == "ERROR":
                _raise(msgspec.json.decode(line.object, type=_Status))
            item = msgspec.json.decode(line.object, type=kind)
            if line.type != "BOOKMARK":
                lines.put(Seen(line.type, item, kind))
            at.version = item.metadata.resource_version

    def _get(self, path: str, query: dict[str, str]) -> urllib3.BaseHTTPResponse:
        text = urllib.parse.urlencode({k: v for k, v in query.items() if v})
        method, url, headers, *_ = self._api.param_serialize(
            "GET", path, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"]
        )
        answer: urllib3.BaseHTTPResponse = self._api.call_api(
            method, f"{url}?{text}", headers, _request_timeout=(5, READ_TIMEOUT)
        ).response
        if answer.status == GONE:
            raise _ExpiredError
        if answer.status >= 400:  # noqa: PLR2004 - the HTTP classes of refusals
            raise ApiException(status=answer.status, reason=answer.data.decode()[:200])
        return answer


class _ExpiredError(Exception):
    """The API server no longer has the version that a watch wanted to go on from."""


def _raise(status: _Status) -> None:
    if status.code == GONE:
        raise _ExpiredError
    raise ApiException(status=status.code, reason=status.message)


def _split(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Yield the lines of a watch as they come; a cut last line is dropped and comes again."""
    rest = b""
    with contextlib.closing(answer):
        for chunk in answer.stream(amt=None):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (line for line in whole if line.strip())


def _only_ours(kind: type[Object]) -> dict[str, str]:
    return {"labelSelector": LABEL + "name"} if kind is PodObject else {}
