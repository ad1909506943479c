"""What this GitHub refuses.

RefusedError    a call that is answered with a status of 4xx and GitHub's error body

Bodies follow docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api.
"""

from collections.abc import Mapping

_DOCUMENTATION = "https://docs.github.com/rest"


class RefusedError(Exception):
    """A refused call: status, GitHub's message, `errors` and more headers if there are any."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = dict(headers or {})

    def as_json(self) -> dict[str, object]:
        """Return the body of the answer."""
        more = {} if self.errors is None else {"errors": self.errors}
        tail = {"documentation_url": _DOCUMENTATION, "status": str(self.status)}
        return {"message": self.message, **more, **tail}


def not_found() -> RefusedError:
    """Return the refusal of everything that is not there or not for the caller to see."""
    return RefusedError(404, "Not Found")


def invalid(message: str) -> RefusedError:
    """Return a refusal of the Git database, which has a message and no list of errors."""
    return RefusedError(422, message)


def invalid_field(resource: str, field: str, code: str = "invalid") -> RefusedError:
    """Return a refusal that names the field."""
    return _validation({"resource": resource, "code": code, "field": field})


def invalid_for(resource: str, reason: str) -> RefusedError:
    """Return a refusal that gives the reason in words."""
    return _validation({"resource": resource, "code": "custom", "message": reason})


def too_long(resource: str, field: str, most: int) -> RefusedError:
    """Return a refusal of a text of more than `most` characters."""
    message = f"{field} is too long (maximum is {most} characters)"
    return _validation({"resource": resource, "code": "custom", "field": field, "message": message})


def _validation(error: dict[str, str]) -> RefusedError:
    return RefusedError(422, "Validation Failed", [error])
