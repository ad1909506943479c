"""What people do on GitHub in words that fit into JSON: through its REST API, with their tokens.

Where a person has a button, a person has a call too (docs.github.com/rest): reopening and
commenting, statuses of a CI. Pushes, protection and troubles have no call here and are set.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from sandbox.github.errors import RefusedError
from sandbox.github.hooks import Hook, HookFault
from sandbox.github.host import GitHub
from sandbox.github.protection import Protection
from sandbox.github.troubles import Trouble
from sandbox.people import token

_REFUSED = 400


@dataclass(frozen=True, slots=True)
class Collaboration:
    """The people of one repository."""

    github: GitHub
    repository: str

    def reopen(self, number: int, login: str) -> None:
        """Let a person reopen a pull request."""
        self._ask("PATCH", f"pulls/{number}", login, {"state": "open"})

    def comment(self, number: int, body: str, login: str) -> None:
        """Let a person comment on a pull request."""
        self._ask("POST", f"issues/{number}/comments", login, {"body": body})

    def status(
        self,
        ref: str,
        context: str,
        login: str,
        state: Literal["error", "failure", "pending", "success"] = "success",
        description: str = "",
    ) -> None:
        """Let somebody's CI set a commit status; `ref` is a branch or a commit."""
        sha = self.github.state()["branches"].get(ref, ref)
        sent = {"state": state, "context": context, "description": description}
        self._ask("POST", f"statuses/{sha}", login, sent)

    def push(
        self,
        branch: str,
        files: Mapping[str, str],
        login: str,
        message: str = "Change it.",
        without: tuple[str, ...] = (),
    ) -> str:
        """Let a person push a commit with these files; return it."""
        return self.github.push(branch, files, message, login, without)

    def protect(
        self,
        approvals: int = 0,
        contexts: tuple[str, ...] = (),
        *,
        strict: bool = False,
        code_owners: bool = False,
        dismiss_stale: bool = False,
    ) -> None:
        """Change the rules of the default branch."""
        self.github.protect(
            Protection(
                approvals,
                contexts,
                strict=strict,
                code_owners=code_owners,
                dismiss_stale=dismiss_stale,
            )
        )

    def trouble(self, call: str, name: str, nth: int = 1, times: int = 1) -> None:
        """Let one of GitHub's own troubles befall a call to come."""
        self.github.arm(Trouble(call, name, nth, times))

    def hook_add(self, url: str, secret: str, events: tuple[str, ...] = ("*",)) -> int:
        """Register a webhook and return its number."""
        return self.github.hooks.add(Hook(url, secret, events))

    def hook_fault(
        self,
        event: str,
        act: Literal["lose", "duplicate", "late", "swap"],
        nth: int = 1,
        times: int = 1,
        seconds: float = 600.0,
    ) -> None:
        """Let deliveries of an event go wrong."""
        self.github.hooks.arm(HookFault(event, act, nth, times, seconds))

    def _ask(self, method: str, path: str, login: str, body: Mapping[str, object]) -> None:
        if (known := token(login)) is None:
            raise RefusedError(404, f"no person {login} on this GitHub")
        headers = [("Authorization", f"Bearer {known}")]
        place = f"/repos/{self.repository}/{path}"
        address = self.github.address or None
        made = EnvironBuilder(place, address, method=method, headers=headers, json=body)
        answer = self.github.answer(Request(made.get_environ()))
        if answer.status_code >= _REFUSED:
            said: dict[str, Any] = json.loads(answer.get_data())
            raise RefusedError(answer.status_code, f"{said['message']} {said.get('errors') or ''}")
