"""Pure: how the engines say no: codes, types and bodies by flavour and version.

Sources: the error models and handlers of vLLM 0.10.0 to 0.32.0 and SGLang 0.4.10.post2, 0.5.9;
vLLM 0.32.0's texts as a running server gave them.
"""

from sandbox.cluster.objects import Object
from sandbox.engine.profile import Profile

UNAUTHORIZED: Object = {"error": "Unauthorized"}
NOT_FOUND: Object = {"detail": "Not Found"}
NOT_ALLOWED: Object = {"detail": "Method Not Allowed"}
DEAD = "EngineCore encountered an issue. See stack trace (above) for the root cause."


class Complaint(Exception):  # noqa: N818 - the server's answer, not a fault of ours
    """A request that the server refuses.

    `late` is a complaint that SGLang has when it has begun to answer: in a stream it comes
    inside of HTTP 200.
    """

    def __init__(
        self,
        message: str,
        code: int = 400,
        kind: str = "BadRequestError",
        param: str | None = None,
        *,
        late: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.kind = kind
        self.param = param
        self.late = late

    def body(self, profile: Profile) -> Object:
        """Return the error body of that server."""
        error = self._error()
        return {"object": "error", **error} if profile.flat_errors else {"error": error}

    def event(self, profile: Profile) -> Object:
        """Return the error as it stands in a stream."""
        return {"error": self._error() if profile.vllm else {"object": "error", **self._error()}}

    def _error(self) -> Object:
        return {
            "message": str(self),
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }


def malformed(profile: Profile, where: str, kind: str, text: str, given: object) -> Complaint:
    """Return the complaint about a value of the wrong type, as pydantic words it."""
    shown = repr(given) if isinstance(given, str) else repr(str(given))
    if profile.modern:
        inner = f"{{'type': '{kind}', 'loc': '{where}', 'msg': '{text}', 'input': {shown}}}"
        return Complaint(f"1 validation error:\n  {inner}", 400, "Bad Request", where)
    place = tuple(where.split("."))
    inner = f"{{'type': '{kind}', 'loc': {place!r}, 'msg': '{text}', 'input': {given!r}}}"
    return Complaint(f"[{inner}]", 400, "Bad Request")


def wrong(profile: Profile, name: str, message: str, value: object) -> Complaint:
    """Return the complaint about a parameter; younger vLLM names it a second time."""
    if not profile.modern:
        return Complaint(message, late=True)
    return Complaint(f"{message} (parameter={name}, value={value})", param=name)


def died() -> Complaint:
    """Return what vLLM says when its engine is gone."""
    return Complaint(DEAD, 500, "InternalServerError")
