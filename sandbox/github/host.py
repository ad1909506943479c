"""A GitHub with one repository: the state, the server, and the acts of its people."""

from collections.abc import Callable, Mapping, Sequence

from werkzeug.wrappers import Request, Response

from sandbox.clock import Time
from sandbox.github import check_runs
from sandbox.github.apps import App, Apps
from sandbox.github.errors import RefusedError
from sandbox.github.hooks import Hooks
from sandbox.github.limits import Limits
from sandbox.github.merging import merge
from sandbox.github.objects import Change
from sandbox.github.payloads import payload
from sandbox.github.protection import Protection
from sandbox.github.pull_requests import ask_code_owners
from sandbox.github.quota import Quota
from sandbox.github.repository import EMPTY_TREE, Repository
from sandbox.github.restapi import Answer, Guards, RestApi, call_of
from sandbox.github.reviews import submit
from sandbox.github.secondary import Secondary
from sandbox.github.shapes import Json, Shapes
from sandbox.github.site import Account, Happening, Move, Place, Site
from sandbox.github.smart_http import SmartHttp, service_of
from sandbox.github.troubles import Trouble
from sandbox.journal import Journal
from sandbox.serving import World

Files = Mapping[str, bytes | str]

_FROM_THE_ANSWER = ("sha", "ref", "number", "merged", "state", "id")
_REFUSED = 400


class GitHub:
    """One repository; `on_push` is called with branch and commit after the default branch moved.

    `hooks` are its webhooks; `address` is what their bodies call this GitHub, by default what the
    first request called it.
    """

    def __init__(
        self,
        time: Time,
        journal: Journal,
        place: Place,
        accounts: Mapping[str, Account],
        limits: Limits | None = None,
        app: App | None = None,
    ) -> None:
        self.on_push: list[Callable[[str, str], object]] = []
        self.hooks = Hooks(time, journal)
        self.address = ""
        self._journal = journal
        self._accounts = accounts
        self._apps = Apps(time, app)
        self._troubles: list[Trouble] = []
        self._outbox: list[tuple[str, str | None, Json]] = []
        people = frozenset(one.login for one in accounts.values() if not one.is_bot)
        repository = Repository(place.path, place.default_branch)
        self._site = Site(place, time, repository, self.hooks, people, listener=self._heard)
        limits = limits or Limits.none()
        guards = Guards(Quota(time, limits), Secondary(time, limits), self._trouble)
        self._api = RestApi(self._site, self._account, self._apps, guards)
        self._git = SmartHttp(self._site, self._account)

    def world(self) -> World:
        """Return the server of this GitHub."""
        return World("github", _name_of, self.answer)

    def answer(self, request: Request) -> Response:
        """Answer one request, write it down, and tell those who listen."""
        self.address = self.address or request.host_url.rstrip("/")
        if service_of(request.path):
            response = self._answer_git(request)
        else:
            answer = self._api.answer(request)
            self._write_down(call_of(request), answer)
            response = answer.response
        self._tell()
        return response

    def protect(self, protection: Protection) -> None:
        """Change the rules of the default branch."""
        with self._site.lock:
            self._site.protection = protection

    def arm(self, trouble: Trouble) -> None:
        """Let one of GitHub's own troubles befall a call to come."""
        self._troubles.append(trouble)

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
            before = self._site.branch(branch)
            sha = self._commit(branch, files, message, login, without)
            self._site.moved(Move(branch, before, sha), login)
        pushed = {"by": login, "branch": branch, "sha": sha, "files": sorted(files)}
        self._journal.add("github", "push", ok=True, **pushed)
        self._tell()
        return sha

    def merge(self, number: int, login: str, method: str = "merge") -> str:
        """Let a person press the merge button; return the commit the base stands at then."""
        with self._site.lock:
            sha = merge(self._site, self._site.pull(str(number)), login, method=method)
        self._acted(f"PUT pulls/{number}/merge", login, number=number, sha=sha, merged=True)
        return sha

    def close(self, number: int, login: str) -> None:
        """Let a person close a pull request without merging it."""
        with self._site.lock:
            self._site.close(self._site.pull(str(number)), login)
        self._acted(f"PATCH pulls/{number}", login, number=number, state="closed")

    def review(self, number: int, login: str, event: str = "APPROVE", body: str = "") -> None:
        """Let a person review: APPROVE, REQUEST_CHANGES or COMMENT."""
        with self._site.lock:
            submit(self._site, self._site.pull(str(number)), login, event, body)
        self._acted(f"POST pulls/{number}/reviews", login, number=number, event=event)

    def ready(self, number: int, login: str) -> None:
        """Let a person say that a draft is ready; there is no REST call for it, only GraphQL."""
        with self._site.lock:
            pull = self._site.pull(str(number))
            pull.draft, pull.updated_at = False, self._site.time.now()
            ask_code_owners(self._site, pull)
            self._site.pull_happened("ready_for_review", pull, login)
        self._acted("ready_for_review", login, number=number)

    def check(
        self, ref: str, name: str, conclusion: str = "success", status: str = "completed"
    ) -> None:
        """Let somebody's CI run a check: queued, in_progress, or completed with a conclusion."""
        with self._site.lock:
            check_runs.run(self._site, ref, name, conclusion, status)
        said = conclusion if status == "completed" else None
        self._journal.add("github", "check", ok=True, ref=ref, name=name, conclusion=said)
        self._tell()

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

    def _acted(self, call: str, login: str, **detail: object) -> None:
        self._journal.add("github", call, ok=True, by=login, status=200, **detail)
        self._tell()

    def _answer_git(self, request: Request) -> Response:
        answer = self._git.answer(request)
        status = answer.response.status_code
        detail: Json = {"by": answer.login, "status": status, "moved": list(answer.moved)}
        self._journal.add("github", _name_of(request), ok=status < _REFUSED, **detail)
        return answer.response

    def _account(self, token: str) -> Account:
        found = self._accounts.get(token) or self._apps.account(token)
        if found is None:
            raise RefusedError(401, "Bad credentials")
        return found

    def _trouble(self, call: str) -> RefusedError | None:
        struck = [trouble for trouble in self._troubles if trouble.strikes(call)]
        return struck[0].refusal() if struck else None

    def _heard(self, happening: Happening) -> None:
        if not self.hooks.all():
            return
        shapes = Shapes(self._site.place, self.address, self.address)
        body = payload(self._site, shapes, happening)
        if self._apps.app:
            body["installation"] = {"id": self._apps.app.installation}
        self._outbox.append((happening.event, happening.action, body))

    def _tell(self) -> None:
        with self._site.lock:
            moves, self._site.moves = self._site.moves, []
            letters, self._outbox = self._outbox, []
        for letter in letters:
            self.hooks.send(*letter)
        for move in moves:
            self._tell_one(move)

    def _tell_one(self, move: Move) -> None:
        if move.branch == self._site.place.default_branch and move.sha:
            for listener in self.on_push:
                listener(move.branch, move.sha)


def _name_of(request: Request) -> str:
    service = service_of(request.path)
    return f"{request.method} {service}" if service else call_of(request)
