"""What stands between the servers: the API server's way to the engines, and kubectl's own rights.

Sources: the API concepts page (proxy subresource); k8s.io/apiserver, which drops the credentials
of a request once it knows the caller; `kubectl proxy`, behind which one acts with one's rights.
"""

from collections.abc import Callable

from werkzeug.wrappers import Request, Response

from sandbox.cluster import Target
from sandbox.cluster.refusals import Refusal, unavailable

_CREDENTIALS = "HTTP_AUTHORIZATION"


def forwarded(target: Target, request: Request) -> Request:
    """Return a proxied request as the engine behind the Service sees it."""
    host = {"HTTP_HOST": target.host, "PATH_INFO": target.path}
    kept = {key: value for key, value in request.environ.items() if key != _CREDENTIALS}
    return Request({**kept, **host})


def unreachable(target: Target) -> Refusal:
    """Return what the API server says of an engine that closes the connection."""
    return unavailable(f"error trying to reach service: dial tcp {target.host}: connection refused")


def as_administrator(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Let callers without a token act as the administrator: kubectl sends none over plain HTTP."""

    def answered(request: Request) -> Response:
        environ = {_CREDENTIALS: "Bearer admin", **request.environ}
        return answer(Request(environ))

    return answered
