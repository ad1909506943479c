"""The cluster as the agent reaches it: plain calls of the Kubernetes API over its socket.

Source: the API concepts page (server-side apply, dry run, propagation policies, Status).
"""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sandbox.agent.flavour import Propagation
from sandbox.cluster.kinds import path_of

Manifest = dict[str, Any]

_APPLY = "application/apply-patch+yaml"
_TIMEOUT = 30.0  # real seconds a call may take


class RefusedError(Exception):
    """The API server refused a call, or did not answer; the text is its own."""

    def __init__(self, reason: str, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code


@dataclass(frozen=True, slots=True)
class Target:
    """One cluster, by its address and the agent's token. All calls may raise RefusedError."""

    url: str
    token: str
    manager: str

    def apply(self, manifest: Manifest, *, dry: bool = False) -> Manifest:
        """Apply an object server-side, or only try; return it as it is, or would be, stored."""
        query = f"fieldManager={self.manager}&force=true{'&dryRun=All' if dry else ''}"
        return self._ask("PATCH", f"{path_of(manifest)}?{query}", manifest, _APPLY)

    def get(self, path: str) -> Manifest | None:
        """Return the object at a path, or None."""
        try:
            return self._ask("GET", path)
        except RefusedError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
            return None

    def delete(self, path: str, policy: Propagation) -> None:
        """Begin the deletion of an object; one that is gone already is fine."""
        try:
            self._ask("DELETE", f"{path}?propagationPolicy={policy}")
        except RefusedError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise

    def publish(self, item: Manifest) -> None:
        """Store an object of the agent's own with its status."""
        status = {key: item[key] for key in ("apiVersion", "kind", "metadata", "status")}
        self.apply({key: value for key, value in item.items() if key != "status"})
        self._ask("PUT", f"{path_of(item)}/status", status)

    def _ask(
        self, method: str, path: str, body: Manifest | None = None, form: str = "application/json"
    ) -> Manifest:
        request = urllib.request.Request(  # noqa: S310 - the address of the sandbox's cluster
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": form},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - as above
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except (OSError, ValueError) as error:
            raise RefusedError("", f"{method} {path}: {error!r}") from error


def _refusal(error: urllib.error.HTTPError) -> RefusedError:
    with error:
        text = error.read().decode(errors="replace")
    try:
        status = json.loads(text)
    except ValueError:
        status = {"message": text}
    return RefusedError(str(status.get("reason", "")), str(status.get("message", "")), error.code)
