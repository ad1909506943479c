"""What the API server refuses, as the error that becomes a Status object.

Source: k8s.io/apimachinery/pkg/api/errors (reasons, codes and texts).
"""

from sandbox.cluster.objects import Key, Object


class Refusal(Exception):  # noqa: N818 - the API's answer, not a fault of ours
    """A request was refused; `status()` is the body of the answer."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason

    def status(self) -> Object:
        """Return the metav1.Status."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "code": self.code,
        }


def not_found(key: Key) -> Refusal:
    """Return the 404 of an object."""
    return Refusal(404, "NotFound", f'{key.kind} "{key.name}" not found')


def no_such_path() -> Refusal:
    """Return the 404 of a path that no API serves."""
    return Refusal(404, "NotFound", "the server could not find the requested resource")


def already_exists(key: Key) -> Refusal:
    """Return the 409 of a name that is taken."""
    return Refusal(409, "AlreadyExists", f'{key.kind} "{key.name}" already exists')


def conflict(key: Key) -> Refusal:
    """Return the 409 of a write over somebody else's."""
    return Refusal(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {key.kind} "{key.name}": the object has been modified; '
        "please apply your changes to the latest version and try again",
    )


def expired(wanted: int, oldest: int) -> Refusal:
    """Return the 410 of a resourceVersion that was compacted away."""
    return Refusal(410, "Expired", f"too old resource version: {wanted} ({oldest})")


def unauthorized() -> Refusal:
    """Return the 401 of an unknown token."""
    return Refusal(401, "Unauthorized", "Unauthorized")


def forbidden(user: str, verb: str, key: Key, group: str) -> Refusal:
    """Return the 403 that RBAC gives."""
    thing = f'{key.kind} "{key.name}"' if key.name else key.kind
    place = f'in the namespace "{key.namespace}"' if key.namespace else "at the cluster scope"
    return Refusal(
        403,
        "Forbidden",
        f'{thing} is forbidden: User "{user}" cannot {verb} resource "{key.kind}" '
        f'in API group "{group}" {place}',
    )


def denied(webhook: str, message: str) -> Refusal:
    """Return the 403 of an admission webhook."""
    return Refusal(403, "Forbidden", f'admission webhook "{webhook}" denied the request: {message}')


def unreachable(webhook: str, path: str) -> Refusal:
    """Return the 500 of a write whose admission webhook does not answer."""
    return Refusal(
        500,
        "InternalError",
        f'Internal error occurred: failed calling webhook "{webhook}": failed to call webhook: '
        f'Post "https://lws-webhook-service.lws-system.svc:443/{path}?timeout=10s": '
        "dial tcp 10.96.0.42:443: connect: connection refused",
    )


def invalid(kind: str, name: str, message: str) -> Refusal:
    """Return the 422 of an object that breaks its schema."""
    return Refusal(422, "Invalid", f'{kind} "{name}" is invalid: {message}')


def unprocessable(message: str) -> Refusal:
    """Return the 422 of a patch that does not fit the object."""
    return Refusal(
        422,
        "Invalid",
        f"the server rejected our request due to an error in our request: {message}",
    )


def unavailable(message: str) -> Refusal:
    """Return the 503 of a proxy with nothing behind it."""
    return Refusal(503, "ServiceUnavailable", message)


def bad_request(message: str) -> Refusal:
    """Return the 400 of a request that makes no sense."""
    return Refusal(400, "BadRequest", message)


def unsupported(content_type: str) -> Refusal:
    """Return the 415 of a patch in a format we do not read."""
    return Refusal(
        415,
        "UnsupportedMediaType",
        f"the body of the request was in an unknown format {content_type}",
    )


def method_not_allowed() -> Refusal:
    """Return the 405 of a verb that the path does not know."""
    return Refusal(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
    )
