"""The GitOps agent of the sandbox: what is merged is built, applied and pruned.

It stands for Argo CD or Flux: real kustomize, server-side apply, background pruning.
"""

import io
import json
import subprocess
import tarfile
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitops.build import kustomize
from gitops.errors import GitOpsError
from sandbox.clock import Time
from sandbox.cluster.kinds import path_of
from sandbox.journal import Journal

Manifest = dict[str, Any]

_APPLY = "application/apply-patch+yaml"
_KEEP = {"kustomize.toolkit.fluxcd.io/prune": "disabled"}
_SHALLOWEST = 2  # ENVIRONMENT/NAME below the overlays


class SyncError(Exception):
    """The agent could not bring the cluster to a revision; the text says at which step."""

    exit_code = 3


class Agent:
    """Keeps one cluster at the newest revision of one branch."""

    def __init__(  # noqa: PLR0913, PLR0917 - the seven things that an agent is told
        self,
        time: Time,
        journal: Journal,
        repository_path: Path,
        branch: str,
        kubernetes_url: str,
        token: str,
        overlays: str = "overlays",
    ) -> None:
        self._time = time
        self._journal = journal
        self._repository = repository_path
        self._branch = branch
        self._url = kubernetes_url
        self._token = token
        self._overlays = overlays
        self._turn = threading.Lock()
        self._applied: dict[str, Manifest] = {}
        self._wanted = ""
        self._state: dict[str, object] = {"synced_revision": "", "health": "new", "message": ""}

    def pushed(self, branch: str, sha: str) -> None:
        """Sync in a thread of its own when our branch has moved; the newest push wins."""
        if branch == self._branch:
            self._wanted = sha
            threading.Thread(target=self._catch_up, args=(sha,), name="agent", daemon=True).start()

    def sync(self, sha: str) -> None:
        """Bring the cluster to a revision; what goes wrong is told by `state`."""
        with self._turn:
            self._attempt(sha)

    def state(self) -> dict[str, object]:
        """Return the revision that was applied last, and how the newest attempt went."""
        return dict(self._state)

    def _catch_up(self, sha: str) -> None:
        with self._turn:
            if sha == self._wanted:
                self._attempt(sha)

    def _attempt(self, sha: str) -> None:
        try:
            detail = self._sync(sha)
        except SyncError as error:
            self._tell("failed", str(error))
            self._journal.add("agent", "failed", revision=sha, message=str(error))
            return
        self._state["synced_revision"] = sha
        self._tell("healthy", "")
        self._journal.add("agent", "synced", revision=sha, **detail)

    def _tell(self, health: str, message: str) -> None:
        moment = self._time.now().isoformat()
        self._state.update(health=health, message=message, attempted_at=moment)

    def _sync(self, sha: str) -> dict[str, object]:
        with tempfile.TemporaryDirectory(prefix="sandbox-agent-") as name:
            self._check_out(sha, Path(name))
            wanted = {path_of(each): each for each in self._render(Path(name))}
        for path, manifest in sorted(wanted.items(), key=_order):
            self._ask("PATCH", f"{path}?fieldManager=sandbox-agent&force=true", manifest)
        lost = [path for path in self._applied if path not in wanted]
        pruned = [path for path in lost if not _kept(self._applied[path])]
        for path in pruned:
            self._ask("DELETE", f"{path}?propagationPolicy=Background", None)
        self._applied = wanted
        return {"applied": sorted(wanted), "pruned": sorted(pruned)}

    def _check_out(self, sha: str, folder: Path) -> None:
        command = ["git", "-C", str(self._repository), "archive", "--format=tar", sha]
        result = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell
        if result.returncode:
            raise SyncError(f"reading revision {sha}: {result.stderr.decode().strip()}")
        with tarfile.open(fileobj=io.BytesIO(result.stdout)) as archive:
            archive.extractall(folder, filter="data")

    def _render(self, root: Path) -> list[Manifest]:
        manifests: list[Manifest] = []
        for file in sorted((root / self._overlays).rglob("kustomization.yaml")):
            parts = file.parent.relative_to(root / self._overlays).parts
            if len(parts) >= _SHALLOWEST and "custom" not in parts:
                manifests += self._build(file.parent, "/".join(parts))
        return manifests

    def _build(self, folder: Path, name: str) -> list[Manifest]:
        try:
            return kustomize(folder)
        except GitOpsError as error:
            raise SyncError(f"{self._overlays}/{name}: {error}") from error

    def _ask(self, method: str, path: str, body: Manifest | None) -> None:
        request = urllib.request.Request(  # noqa: S310 - the address of the sandbox's cluster
            self._url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": _APPLY},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
                answer.read()
        except urllib.error.HTTPError as error:
            gone = method == "DELETE" and error.code == 404  # noqa: PLR2004 - somebody was faster
            if not gone:
                raise SyncError(f"{method} {path}: {_message(error)}") from error
        except OSError as error:
            raise SyncError(f"{method} {path}: {error}") from error


def _message(error: urllib.error.HTTPError) -> str:
    with error:
        return str(json.load(error)["message"])


def _kept(manifest: Manifest) -> bool:
    marks: Mapping[str, str] = manifest["metadata"].get("annotations") or {}
    return any(marks.get(key) == value for key, value in _KEEP.items())


def _order(item: tuple[str, Manifest]) -> tuple[bool, bool, str]:
    """Put namespaces first, then what belongs to no namespace."""
    path, manifest = item
    return manifest["kind"] != "Namespace", "namespace" in manifest["metadata"], path
