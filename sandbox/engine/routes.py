"""The paths of an engine's server, by flavour: which there are, and who may call them.

Sources: the servers of vLLM 0.10.0 to 0.32.0 and SGLang 0.4.10.post2 and 0.5.9.
"""

import hmac
import json
from collections.abc import Sequence

from werkzeug.wrappers import Request, Response

from sandbox.cluster.objects import Object
from sandbox.engine.chat import Chat, Visit
from sandbox.engine.complaints import NOT_ALLOWED, NOT_FOUND, UNAUTHORIZED
from sandbox.engine.dying import Dying
from sandbox.engine.meter import KV_TOKENS, MIMETYPE
from sandbox.engine.network import leads
from sandbox.engine.profile import Profile
from sandbox.faults import HungUp

_CHAT = "/v1/chat/completions"
_PROBES = ("/health", "/health_generate", "/ping")  # also what a worker of SGLang answers
_LOOKS = 1.0  # seconds between two looks of SGLang at its own health check
_GIVES_UP = 20.0  # seconds that SGLang waits for a token of a health check


def serve(visit: Visit, request: Request, chat: Chat, dying: Dying, now: int) -> Response:
    """Answer one call to a pod; `now` is the time of day in seconds."""
    if refusal := _refusal(visit, request):
        return refusal
    path, profile = request.path, visit.profile
    if path == _CHAT:
        return chat.answer(visit, request)
    if path == "/metrics":
        return Response(chat.meter(visit.pod).text(profile), content_type=MIMETYPE)
    if path in _PROBES:
        return Response(b"", _health(visit, path, dying) if leads(visit.pod) else 200)
    return _json(_told(path, profile, now))


def _refusal(visit: Visit, request: Request) -> Response | None:
    """Return why a call is not for this server: its key, its path or its method."""
    path, profile = request.path, visit.profile
    if profile.keys and profile.guards(path) and not _knows_key(request, profile):
        return _json(UNAUTHORIZED, 401)
    if path not in (_paths(profile) if leads(visit.pod) else _PROBES):
        return _json(NOT_FOUND, 404)
    if request.method != ("POST" if path == _CHAT else "GET"):
        return _json(NOT_ALLOWED, 405)
    return None


def _paths(profile: Profile) -> Sequence[str]:
    shared = (_CHAT, "/v1/models", "/health", "/ping", *["/metrics"] * profile.metered)
    if profile.vllm:
        return (*shared, "/version")
    infos = ("/get_model_info", "/get_server_info")
    short = ("/model_info", "/server_info") if profile.short_info else ()
    return (*shared, "/health_generate", *infos, *short)


def _knows_key(request: Request, profile: Profile) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    bearer = scheme.lower() == "bearer" if profile.modern else scheme == "Bearer"
    known = [hmac.compare_digest(given.encode(), key.encode()) for key in profile.keys]
    return bearer and any(known)


def _health(visit: Visit, path: str, dying: Dying) -> int:
    """Return the status: vLLM looks whether its engine has failed, SGLang makes a token."""
    if visit.profile.vllm:
        failed = 503 if visit.profile.modern else 500
        return failed if dying.failed(visit.pod) else 200
    if path == "/ping" or (path == "/health" and visit.profile.light_health):
        return 200
    visit.caller.wait(_LOOKS)
    if dying.doomed(visit.pod):
        visit.caller.wait(_GIVES_UP)
        raise HungUp("the leader has ended meanwhile")
    return 200


def _told(path: str, profile: Profile, now: int) -> Object:
    if path == "/v1/models":
        return _models(profile, now)
    if path == "/version":
        return {"version": profile.release}
    model: Object = {"model_path": profile.root, "tokenizer_path": profile.root}
    if path.endswith("model_info"):
        return {**model, "is_generation": True}
    return {
        **model,
        "served_model_name": profile.model,
        "context_length": profile.context,
        "max_total_num_tokens": KV_TOKENS,
        "internal_states": [{}],
        "version": profile.release,
    }


def _models(profile: Profile, created: int) -> Object:
    model = {
        "id": profile.model,
        "object": "model",
        "created": created,
        "owned_by": profile.flavour,
        "root": profile.root if profile.vllm else profile.model,
        **({"parent": None} if profile.vllm else {}),
        "max_model_len": profile.context,
    }
    return {"object": "list", "data": [model]}


def _json(body: Object, code: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), code, mimetype="application/json")
