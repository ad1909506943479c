"""One forward proxy that plays the pod network: whoever listens at a host answers as its engine.

Nobody listening looks like a refused connection through a proxy: closed without an answer.
Sources: the engines' servers (the socket opens only when the model is loaded).
"""

import json
from collections.abc import Iterator

from werkzeug.wrappers import Request, Response

from sandbox.clock import Time
from sandbox.cluster import Cluster
from sandbox.cluster.objects import Object, name_of
from sandbox.engine.completions import Answer, Complaint, complete, pieces, prompt_of, whole
from sandbox.engine.network import Network
from sandbox.engine.profile import Profile, profile_of
from sandbox.engine.speech import Pace
from sandbox.faults import HungUp
from sandbox.journal import Journal
from sandbox.serving import World

_JSON = "application/json"
_NOT_SAMPLING = ("messages", "model", "stream", "stream_options")


class Engine:
    """All engines of a cluster behind one address."""

    def __init__(
        self, time: Time, journal: Journal, cluster: Cluster, pace: Pace | None = None
    ) -> None:
        self._time = time
        self._journal = journal
        self._network = Network(cluster)
        self._pace = pace or Pace()
        self._down: set[str] = set()

    def world(self) -> World:
        """Return the server of the network."""
        return World("engine", _call_of, self._answer)

    def down(self, host_prefix: str) -> None:
        """Let the engines at hosts that begin so refuse connections and break off answers."""
        self._down.add(host_prefix)

    def up(self, host_prefix: str | None = None) -> None:
        """Let them listen again; all of them without a prefix."""
        self._down.difference_update([host_prefix] if host_prefix else set(self._down))

    def state(self) -> dict[str, object]:
        """Return which hosts are down."""
        return {"down": sorted(self._down)}

    def _answer(self, request: Request) -> Response:
        call, host = _call_of(request), request.host
        body = _body(request)
        pod = self._listener(host)
        name = name_of(pod) if pod else None
        self._journal.add("engine", call, host=host, pod=name, **_detail(call, body))
        if pod is None:
            raise HungUp(host)
        return self._serve(call, host, pod, body)

    def _listener(self, host: str) -> Object | None:
        if any(host.startswith(prefix) for prefix in self._down):
            return None
        return self._network.listener(host)

    def _serve(self, call: str, host: str, pod: Object, body: Object) -> Response:
        profile = profile_of(pod)
        match call:
            case "GET health":
                return Response(b"")
            case "GET models":
                return _json(_models(profile, int(self._time.now().timestamp())))
            case "GET version" if profile.flavour == "vllm":
                return _json({"version": ".".join(map(str, profile.version))})
            case "POST chat/completions":
                return self._chat(host, pod, profile, body)
            case _:
                return _json({"detail": "Not Found"}, 404)

    def _chat(self, host: str, pod: Object, profile: Profile, body: Object) -> Response:
        try:
            answer = complete(body, profile, int(self._time.now().timestamp()))
        except Complaint as complaint:
            return _json(complaint.body(profile), complaint.code)
        if body.get("stream"):
            usage = bool((body.get("stream_options") or {}).get("include_usage"))
            lines = self._spoken(host, pod, pieces(answer, profile, usage=usage))
            return Response(lines, mimetype="text/event-stream")
        self._wait(host, pod, answer)
        return _json(whole(answer, profile))

    def _spoken(
        self, host: str, pod: Object, lines: Iterator[tuple[bool, bytes]]
    ) -> Iterator[bytes]:
        self._time.sleep(self._pace.first)
        for counts, line in lines:
            if counts:
                self._time.sleep(self._pace.token)
            self._check_alive(host, pod)
            yield line

    def _wait(self, host: str, pod: Object, answer: Answer) -> None:
        self._time.sleep(self._pace.first + self._pace.token * len(answer.said))
        self._check_alive(host, pod)

    def _check_alive(self, host: str, pod: Object) -> None:
        fallen = any(host.startswith(prefix) for prefix in self._down)
        if fallen or not self._network.listens(pod):
            raise HungUp(host)


def _call_of(request: Request) -> str:
    return f"{request.method} {request.path.strip('/').removeprefix('v1/')}"


def _body(request: Request) -> Object:
    text = request.get_data(as_text=True)
    return dict(json.loads(text)) if text else {}


def _detail(call: str, body: Object) -> dict[str, object]:
    if call != "POST chat/completions":
        return {}
    sampling = {key: value for key, value in body.items() if key not in _NOT_SAMPLING}
    return {
        "model": body.get("model"),
        "prompt": prompt_of(body),
        "messages": body.get("messages"),
        "stream": bool(body.get("stream")),
        **sampling,
    }


def _models(profile: Profile, created: int) -> Object:
    model = {
        "id": profile.model,
        "object": "model",
        "created": created,
        "owned_by": profile.flavour,
        "root": profile.root,
    }
    extra = {"parent": None, "max_model_len": profile.context}
    return {"object": "list", "data": [model | (extra if profile.flavour == "vllm" else {})]}


def _json(body: Object, code: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), code, mimetype=_JSON)
