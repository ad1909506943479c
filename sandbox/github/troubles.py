"""GitHub's own troubles on demand: races lost, limits hit, answers of a sick server.

Sources: the texts that updaters of repositories meet and retry (dependabot-core,
`pull_request_creator/github.rb`); docs.github.com/rest, "Rate limits" and "Troubleshooting".
"""

import re
from dataclasses import dataclass, field

from sandbox.github.errors import RefusedError
from sandbox.github.limits import Limits
from sandbox.github.secondary import exceeded

_TOLD = {
    "base_modified": (405, "Base branch was modified. Review and try the merge again."),
    "head_modified": (409, "Head branch was modified. Review and try the merge again."),
    "reference_update_failed": (422, "Reference update failed"),
    "reference_exists": (422, "Reference already exists"),
    "tree_missing": (422, "Tree SHA does not exist"),
    "bare_422": (422, "Validation Failed"),
    "bad_credentials": (401, "Bad credentials"),
    "not_found": (404, "Not Found"),
    "forbidden": (403, "Resource not accessible by integration"),
    "server_error": (500, "Server Error"),
    "bad_gateway": (502, "Server Error"),
    "unavailable": (503, "No server is currently available to service your request."),
}
NAMES = frozenset({*_TOLD, "secondary", "secondary_429", "secondary_without_wait"})
"""What can be asked for."""


@dataclass(slots=True)
class Trouble:
    """The nth call that matches (and the `times` - 1 after it) is refused, and does nothing.

    `call` is a regular expression over the whole name as the journal has it, such as
    `PUT pulls/1/merge`; `name` is one of NAMES.
    """

    call: str
    name: str
    nth: int = 1
    times: int = 1
    seen: int = field(default=0)

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"no trouble {self.name}; there are {', '.join(sorted(NAMES))}")

    def strikes(self, call: str) -> bool:
        """Say whether this call is hit, counting it if its name matches."""
        if not re.fullmatch(self.call, call):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times

    def refusal(self) -> RefusedError:
        """Return what GitHub says."""
        if self.name in _TOLD:
            return RefusedError(*_TOLD[self.name])
        status = 429 if self.name == "secondary_429" else 403
        limits = Limits(status=status, retry_after=self.name != "secondary_without_wait")
        return exceeded(limits, 60)
