"""`git clone`, `fetch` and `push` of the repository over HTTP, by git's own `git http-backend`.

Sources: git-scm.com/docs, http-protocol, git-http-backend and githooks (update); docs.github.com,
"Authenticating as a GitHub App installation" (user x-access-token, the token as password); texts
of refusals as git prints them for protected branches (GH006).
"""

import base64
import binascii
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request, Response

from sandbox.github import permissions
from sandbox.github.errors import RefusedError
from sandbox.github.site import Account, Move, Site

_SERVICE = re.compile(r"/([^/]+)/([^/]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)")
_BRANCHES = "refs/heads/"
# Run by receive-pack for every ref; the environment names the protected one and why not.
_UPDATE = """#!/bin/sh
[ "$1" = "$SANDBOX_PROTECTED_REF" ] || exit 0
why=$SANDBOX_REFUSED_WHY
if [ -z "$why" ]; then
  case $3 in
    *[!0]*) git merge-base --is-ancestor "$2" "$3" && exit 0
            why="Cannot force-push to this branch." ;;
    *) why="Cannot delete this branch." ;;
  esac
fi
echo "error: GH006: Protected branch update failed for $1." >&2
echo "error: $why" >&2
exit 1
"""

Token = Callable[[str], Account]


@dataclass(frozen=True, slots=True)
class GitAnswer:
    """A response, who asked, and the branches that moved."""

    response: Response
    login: str | None
    moved: tuple[str, ...] = ()


def service_of(path: str) -> str | None:
    """Return which part of git's protocol a path asks for; None if it is not git's."""
    found = _SERVICE.fullmatch(path)
    return found[3] if found else None


class SmartHttp:
    """Answers git; `account` turns a token into whose it is, or refuses."""

    def __init__(self, site: Site, account: Token) -> None:
        self._site, self._account = site, account
        hooks = site.repository.path / "hooks"
        hooks.mkdir(exist_ok=True)
        update = hooks / "update"
        update.write_text(_UPDATE, encoding="utf-8")
        update.chmod(0o755)

    def answer(self, request: Request) -> GitAnswer:
        """Answer one request of a git client."""
        service = service_of(request.path) or ""
        try:
            account = self._admitted(request)
        except RefusedError as error:
            return GitAnswer(_refused(error), None)
        if service == "git-receive-pack":
            return self._push(request, account)
        return GitAnswer(self._run(request, account, service, {}), account.login)

    def _admitted(self, request: Request) -> Account:
        account, place = self._account(_password(request)), self._site.place
        found = _SERVICE.fullmatch(request.path)
        if not found or found.groups()[:2] != (place.owner, place.name):
            raise RefusedError(404, "Repository not found.")
        writes = "git-receive-pack" in (found[3], request.args.get("service"))
        permissions.check(account.permissions, "PUT" if writes else "GET", "contents")
        return account

    def _push(self, request: Request, account: Account) -> GitAnswer:
        site, protection = self._site, self._site.protection
        may = protection.lets_push(account.login, is_bot=account.is_bot)
        with site.lock:
            rules = {
                "SANDBOX_PROTECTED_REF": f"{_BRANCHES}{site.place.default_branch}",
                "SANDBOX_REFUSED_WHY": ""
                if may
                else "Changes must be made through a pull request.",
            }
            before = self._branches()
            response = self._run(request, account, "git-receive-pack", rules)
            moves = list(_moves(before, self._branches()))
            for move in moves:
                site.moved(move, account.login)
        return GitAnswer(response, account.login, tuple(move.branch for move in moves))

    def _branches(self) -> dict[str, str]:
        refs = self._site.repository.refs(_BRANCHES)
        return {ref.name.removeprefix(_BRANCHES): ref.sha for ref in refs}

    def _run(
        self, request: Request, account: Account, service: str, more: Mapping[str, str]
    ) -> Response:
        path = self._site.repository.path
        environment = {
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_PROJECT_ROOT": str(path.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{path.name}/{service}",
            "QUERY_STRING": request.query_string.decode(),
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(request.get_data())),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REMOTE_USER": account.login,
            "REMOTE_ADDR": request.remote_addr or "",
            **_configured({"http.receivepack": "true", "receive.denyDeleteCurrent": "ignore"}),
            **more,
        }
        done = subprocess.run(  # noqa: S603 - git itself
            [self._site.repository.program, "http-backend"],
            input=request.get_data(),
            env=environment,
            capture_output=True,
            check=False,
        )
        return _of_cgi(done.stdout)


def _configured(settings: Mapping[str, str]) -> dict[str, str]:
    said = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        said |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return said


def _password(request: Request) -> str:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        raise RefusedError(401, "Authentication required")
    try:
        return base64.b64decode(given).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise RefusedError(401, "Bad credentials") from error


def _moves(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Move]:
    for branch in sorted({*before, *after}):
        if before.get(branch) != after.get(branch):
            yield Move(branch, before.get(branch), after.get(branch))


def _refused(error: RefusedError) -> Response:
    headers = {"WWW-Authenticate": 'Basic realm="GitHub"'} if error.status == 401 else {}  # noqa: PLR2004 - the status
    return Response(f"{error.message}\n", error.status, headers, mimetype="text/plain")


def _of_cgi(output: bytes) -> Response:
    head, _, body = output.partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode().split("\r\n") if line]
    headers = Headers([(name, value) for name, _, value in lines])
    status = int(headers.pop("Status", "200 OK").split()[0])
    return Response(body, status, headers)
