"""A GitHub with one repository: the state, the server, and the acts of its people."""

from collections.abc import Callable, Mapping, Sequence

from werkzeug.wrappers import Request, Response

from sandbox.clock import Time
from sandbox.github.merging import merge
from sandbox.github.objects import Change
from sandbox.github.quota import Quota
from sandbox.github.repository import EMPTY_TREE, Repository
from sandbox.github.restapi import Answer, RestApi, call_of
from sandbox.github.shapes import Json
from sandbox.github.site import Account, Move, Place, Site
from sandbox.journal import Journal
from sandbox.serving import World

Files = Mapping[str, bytes | str]

_FROM_THE_ANSWER = ("sha", "ref", "number", "merged", "state", "id")
_REFUSED = 400


class GitHub:
    """One repository; `on_push` is called with branch and commit after the default branch moved."""

    def __init__(
        self,
        time: Time,
        journal: Journal,
        place: Place,
        accounts: Mapping[str, Account],
        hourly: int = 5000,
    ) -> None:
        self.on_push: list[Callable[[str, str], object]] = []
        self._journal = journal
        repository = Repository(place.path, place.default_branch)
        self._site = Site(place, time, repository)
        self._api = RestApi(self._site, accounts, Quota(time, hourly))

    def world(self) -> World:
        """Return the server of this GitHub."""
        return World("github", call_of, self.answer)

    def answer(self, request: Request) -> Response:
        """Answer one request, write it down, and tell those who listen to pushes."""
        answer = self._api.answer(request)
        self._write_down(call_of(request), answer)
        self._tell()
        return answer.response

    def state(self) -> Json:
        """Return branches and pull requests, as builtins."""
        site = self._site
        with site.lock:
            heads = site.repository.refs("refs/heads/")
            return {
                "branches": {ref.name.removeprefix("refs/heads/"): ref.sha for ref in heads},
                "pulls": [site.fresh(pull).as_state() for pull in site.pulls],
            }

    def seed(self, files: Files, message: str = "Begin.") -> str:
        """Make the first commit of the default branch and return its id; tells nobody."""
        place = self._site.place
        with self._site.lock:
            return self._commit(place.default_branch, files, message, place.owner)

    def push(
        self, branch: str, files: Files, message: str, login: str, without: Sequence[str] = ()
    ) -> str:
        """Let a person push a commit to a branch, a new one from the default branch."""
        with self._site.lock:
            sha = self._commit(branch, files, message, login, without)
            self._site.moved(branch, sha)
        pushed = {"by": login, "branch": branch, "sha": sha, "files": sorted(files)}
        self._journal.add("github", "push", ok=True, **pushed)
        self._tell()
        return sha

    def merge(self, number: int, login: str) -> str:
        """Let a person press the merge button; return the merge commit."""
        with self._site.lock:
            sha = merge(self._site, self._site.pull(str(number)), login)
        merged = {"by": login, "status": 200, "number": number, "sha": sha, "merged": True}
        self._journal.add("github", f"PUT pulls/{number}/merge", ok=True, **merged)
        self._tell()
        return sha

    def close(self, number: int, login: str) -> None:
        """Let a person close a pull request without merging it."""
        with self._site.lock:
            self._site.pull(str(number)).close(self._site.time.now())
        closed = {"by": login, "status": 200, "number": number, "state": "closed"}
        self._journal.add("github", f"PATCH pulls/{number}", ok=True, **closed)

    def read(self, branch: str, path: str) -> bytes | None:
        """Return a file as it stands on a branch or at a commit; None if it is not there."""
        repository = self._site.repository
        commit = repository.commit_of(branch)
        entries = repository.files(commit) if commit else []
        found = next((entry.sha for entry in entries if entry.path == path), None)
        return repository.blob(found) if found else None

    def _commit(
        self, branch: str, files: Files, message: str, login: str, without: Sequence[str] = ()
    ) -> str:
        site, git = self._site, self._site.repository
        old = site.branch(branch)
        parent = old or site.branch(site.place.default_branch)
        contents = [text.encode() if isinstance(text, str) else text for text in files.values()]
        blobs = zip(files, git.write_blobs(contents), strict=True)
        changes = [Change(path, "100644", sha) for path, sha in blobs]
        changes += [Change(path, "0", None) for path in without]
        tree = git.write_tree(parent or EMPTY_TREE, changes)
        person = site.person(login)
        sha = git.write_commit(tree, [parent] if parent else [], message, person, person)
        if not git.set_ref(f"refs/heads/{branch}", sha, old):
            raise RuntimeError(f"{branch} moved while {login} pushed to it")
        return sha

    def _write_down(self, call: str, answer: Answer) -> None:
        status, body = answer.response.status_code, answer.body
        detail: Json = {"by": answer.login, "status": status, "sent": dict(answer.sent)}
        if isinstance(body, dict):
            detail |= {name: body[name] for name in _FROM_THE_ANSWER if name in body}
            if status >= _REFUSED:
                detail |= {"error": body["message"], "errors": body.get("errors")}
        self._journal.add("github", call, ok=status < _REFUSED, **detail)

    def _tell(self) -> None:
        with self._site.lock:
            moves, self._site.moves = self._site.moves, []
        for move in moves:
            self._tell_one(move)

    def _tell_one(self, move: Move) -> None:
        if move.branch == self._site.place.default_branch:
            for listener in self.on_push:
                listener(move.branch, move.sha)
