"""Users, the repository and Git objects as GitHub sends them, with URLs of the caller's host.

Sources: docs.github.com/rest, pages users, repos, git (refs, trees, commits, blobs), commits,
repos/contents. Fields that nobody here can know (counts of stars and the like) are left out.
"""

import base64
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.github.objects import Commit, Entry, FileDiff, Person, Ref
from sandbox.github.site import Place, Status

Json = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """Return a time as GitHub writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def number_of(text: str) -> int:
    """Return a stable id for a name."""
    return zlib.crc32(text.encode())


@dataclass(frozen=True, slots=True)
class Shapes:
    """Writes JSON for one caller: `api` and `web` are the addresses the caller uses."""

    place: Place
    api: str
    web: str

    @property
    def here(self) -> str:
        """Return the API address of the repository."""
        return f"{self.api}/repos/{self.place.owner}/{self.place.name}"

    @property
    def page(self) -> str:
        """Return the web address of the repository."""
        return f"{self.web}/{self.place.owner}/{self.place.name}"

    def user(self, login: str) -> Json:
        """Return an account."""
        return {
            "login": login,
            "id": number_of(login),
            "node_id": f"U_{number_of(login)}",
            "avatar_url": f"{self.web}/avatars/{login}",
            "url": f"{self.api}/users/{login}",
            "html_url": f"{self.web}/{login}",
            "type": "Bot" if login.endswith("[bot]") else "User",
            "site_admin": False,
        }

    def repository(self, pushed_at: datetime) -> Json:
        """Return the repository."""
        full_name = f"{self.place.owner}/{self.place.name}"
        return {
            "id": number_of(full_name),
            "node_id": f"R_{number_of(full_name)}",
            "name": self.place.name,
            "full_name": full_name,
            "private": True,
            "owner": self.user(self.place.owner),
            "html_url": self.page,
            "description": None,
            "fork": False,
            "url": self.here,
            "default_branch": self.place.default_branch,
            "archived": False,
            "disabled": False,
            "visibility": "private",
            "pushed_at": moment(pushed_at),
            "clone_url": f"{self.page}.git",
            "allow_merge_commit": "merge" in self.place.merge_methods,
            "allow_squash_merge": "squash" in self.place.merge_methods,
            "allow_rebase_merge": "rebase" in self.place.merge_methods,
            "permissions": {"admin": False, "push": True, "pull": True},
        }

    def ref(self, ref: Ref) -> Json:
        """Return a ref."""
        return {
            "ref": ref.name,
            "node_id": f"REF_{number_of(ref.name)}",
            "url": f"{self.here}/git/{ref.name}",
            "object": {
                "type": ref.kind,
                "sha": ref.sha,
                "url": f"{self.here}/git/{ref.kind}s/{ref.sha}",
            },
        }

    def branch(self, name: str, commit: Commit) -> Json:
        """Return a branch."""
        return {
            "name": name,
            "commit": self.commit(commit),
            "protected": name == self.place.default_branch,
            "_links": {"self": f"{self.here}/branches/{name}", "html": f"{self.page}/tree/{name}"},
        }

    def tree(self, sha: str, entries: Iterable[Entry]) -> Json:
        """Return a tree."""
        lines = [self._entry(entry) for entry in entries]
        return {
            "sha": sha,
            "url": f"{self.here}/git/trees/{sha}",
            "tree": lines,
            "truncated": False,
        }

    def blob(self, sha: str, content: bytes) -> Json:
        """Return a blob."""
        return {
            "sha": sha,
            "node_id": f"B_{sha}",
            "size": len(content),
            "url": f"{self.here}/git/blobs/{sha}",
            "content": base64.encodebytes(content).decode(),
            "encoding": "base64",
        }

    def git_commit(self, commit: Commit) -> Json:
        """Return a commit as the Git database shows it."""
        return {
            "sha": commit.sha,
            "node_id": f"C_{commit.sha}",
            "url": f"{self.here}/git/commits/{commit.sha}",
            "html_url": f"{self.page}/commit/{commit.sha}",
            **self._written(commit),
            "parents": [
                {
                    "sha": sha,
                    "url": f"{self.here}/git/commits/{sha}",
                    "html_url": f"{self.page}/commit/{sha}",
                }
                for sha in commit.parents
            ],
        }

    def commit(self, commit: Commit) -> Json:
        """Return a commit as the commits API shows it."""
        url = f"{self.here}/commits/{commit.sha}"
        return {
            "sha": commit.sha,
            "node_id": f"C_{commit.sha}",
            "url": url,
            "html_url": f"{self.page}/commit/{commit.sha}",
            "comments_url": f"{url}/comments",
            "commit": {
                **self._written(commit),
                "url": f"{self.here}/git/commits/{commit.sha}",
                "comment_count": 0,
            },
            "author": self._account(commit.author),
            "committer": self._account(commit.committer),
            "parents": [
                {
                    "sha": sha,
                    "url": f"{self.here}/commits/{sha}",
                    "html_url": f"{self.page}/commit/{sha}",
                }
                for sha in commit.parents
            ],
        }

    def file(self, diff: FileDiff, ref: str) -> Json:
        """Return one changed file."""
        patch = {"patch": diff.patch} if diff.patch else {}
        return {
            "sha": diff.sha,
            "filename": diff.path,
            "status": diff.status,
            "additions": diff.additions,
            "deletions": diff.deletions,
            "changes": diff.additions + diff.deletions,
            "blob_url": f"{self.page}/blob/{ref}/{diff.path}",
            "raw_url": f"{self.page}/raw/{ref}/{diff.path}",
            "contents_url": f"{self.here}/contents/{diff.path}?ref={ref}",
            **patch,
        }

    def content(self, entry: Entry, ref: str) -> Json:
        """Return one thing in a folder, without what is in it."""
        kind = {"tree": "dir", "blob": "file", "commit": "submodule"}[entry.kind]
        url = f"{self.here}/contents/{entry.path}?ref={ref}"
        git_url = f"{self.here}/git/{entry.kind}s/{entry.sha}"
        html_url = f"{self.page}/{entry.kind}/{ref}/{entry.path}"
        return {
            "type": kind,
            "name": entry.path.rpartition("/")[2],
            "path": entry.path,
            "sha": entry.sha,
            "size": entry.size or 0,
            "url": url,
            "git_url": git_url,
            "html_url": html_url,
            "download_url": f"{self.page}/raw/{ref}/{entry.path}" if kind == "file" else None,
            "_links": {"self": url, "git": git_url, "html": html_url},
        }

    def status(self, status: Status, sha: str) -> Json:
        """Return a commit status."""
        return {
            "id": status.id,
            "node_id": f"SC_{status.id}",
            "url": f"{self.here}/statuses/{sha}",
            "state": status.state,
            "context": status.context,
            "description": status.description,
            "target_url": status.target_url,
            "creator": self.user(status.user),
            "created_at": moment(status.at),
            "updated_at": moment(status.at),
        }

    def _entry(self, entry: Entry) -> Json:
        size = {} if entry.size is None else {"size": entry.size}
        return {
            "path": entry.path,
            "mode": entry.mode,
            "type": entry.kind,
            "sha": entry.sha,
            **size,
            "url": f"{self.here}/git/{entry.kind}s/{entry.sha}",
        }

    def _written(self, commit: Commit) -> Json:
        unsigned = {"verified": False, "reason": "unsigned", "signature": None, "payload": None}
        return {
            "author": _person(commit.author),
            "committer": _person(commit.committer),
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": f"{self.here}/git/trees/{commit.tree}"},
            "verification": unsigned,
        }

    def _account(self, person: Person) -> Json | None:
        login, _, host = person.email.partition("@")
        return self.user(login) if host == "users.noreply.github.com" else None


def _person(person: Person) -> Json:
    return {"name": person.name, "email": person.email, "date": moment(person.at)}
