"""What this Slack refuses.

RefusedError    a call that is answered with `ok: false` and an error code
NotThereError   a person cannot do this: no such button, field, modal, message or person

Codes are those of the "Errors" tables on docs.slack.dev/reference/methods.
"""

from collections.abc import Mapping


class RefusedError(Exception):
    """A refused call: the code, what goes beside it in the answer, and the HTTP status."""

    def __init__(
        self, code: str, *, status: int = 200, retry_after: int = 0, **more: object
    ) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.headers: Mapping[str, str] = {"Retry-After": str(retry_after)} if retry_after else {}
        self.more = more

    def as_json(self) -> dict[str, object]:
        """Return the body of the answer."""
        return {"ok": False, "error": self.code, **self.more}


def invalid_arguments(reason: str) -> RefusedError:
    """Return the refusal of a call whose arguments are wrong, with Slack's hint."""
    hint = {"messages": [f"[ERROR] {reason}"]}
    return RefusedError("invalid_arguments", response_metadata=hint)


class NotThereError(ValueError):
    """An act that no person could do, such as pressing a button that is not there."""
