"""Adapter: the Forge port over GitHub's REST API, through PyGithub.

Every step looks first and then makes it so: only that order converges from a kill at any point.
PyGithub's own sleeps and its blind retries of POST are off; reads are retried by urllib3.
Source of the limits: docs.github.com, "Rate limits for the REST API".
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import requests
import urllib3
from github import Auth, Github, GithubException, UnknownObjectException
from github.GitCommit import GitCommit
from github.GitRef import GitRef
from github.InputGitTreeElement import InputGitTreeElement
from github.PullRequest import PullRequest as GithubPullRequest
from github.Repository import Repository

from gitops.errors import ConflictError, ForgeUnavailableError, GitOpsError
from gitops.forge import PullRequest, Review
from gitops.plan import Plan
from gitops.pull_request import STATE_TRAILER
from gitops.settings import ForgeSettings

TIMEOUT = 10
"""Longest wait for one answer, in seconds."""

_READ_RETRIES = urllib3.Retry(
    total=3, backoff_factor=0.2, status_forcelist=(502, 503, 504), allowed_methods={"GET"}
)


class GithubForge:
    """One repository on GitHub. Not shared between threads: PyGithub promises nothing there."""

    def __init__(self, repository: Repository, branch: str) -> None:
        self._repository = repository
        self._main = branch

    @classmethod
    def connect(cls, settings: ForgeSettings) -> "GithubForge":
        """Return a forge for the settings; no call is made yet."""
        client = Github(
            auth=Auth.Token(settings.token),
            base_url=settings.api_url,
            timeout=TIMEOUT,
            retry=_READ_RETRIES,
            seconds_between_requests=0,
            seconds_between_writes=0,
            lazy=True,
        )
        return cls(client.get_repo(settings.repository), settings.branch)

    def files(self, folder: str) -> Mapping[str, str]:
        """Return the text files of a folder on the main branch; see the port."""
        with _said(f"reading {folder}"):
            try:
                return dict(self._texts(folder))
            except UnknownObjectException:
                return {}

    def propose(
        self, plan: Plan, message: str, body: str, labels: Sequence[str] = ()
    ) -> PullRequest:
        """Make branch, commit and pull request stand; see the port."""
        with _said(f"proposing {plan.branch}"):
            newest = self._newest(plan.branch)
            if newest and newest.state == "open":
                return self._adopt(newest, plan)
            self._stand_branch(plan, message, newest)
            made = self._repository.create_pull(
                self._main, plan.branch, title=plan.title, body=body, maintainer_can_modify=True
            )
            if labels:
                made.add_to_labels(*labels)
            return _value(made)

    def newest(self, branch: str) -> PullRequest | None:
        """Return the newest pull request of a branch; see the port."""
        with _said(f"looking for pull requests of {branch}"):
            found = self._newest(branch)
            return _value(found) if found else None

    def pull_request(self, number: int) -> PullRequest:
        """Return a pull request as it stands now."""
        with _said(f"reading pull request #{number}"):
            pull = self._repository.get_pull(number)
            pull.update()
            return _value(pull)

    def _texts(self, folder: str) -> Iterator[tuple[str, str]]:
        listed = self._repository.get_contents(folder, self._main)
        for entry in listed if isinstance(listed, list) else [listed]:
            if entry.type == "dir":
                yield from self._texts(entry.path)
            elif entry.type == "file":
                yield entry.path, entry.decoded_content.decode()

    def _newest(self, branch: str) -> GithubPullRequest | None:
        owner = self._repository.full_name.partition("/")[0]
        pulls = self._repository.get_pulls(
            "all", sort="created", direction="desc", head=f"{owner}:{branch}"
        )
        return next(iter(pulls), None)

    def _adopt(self, pull: GithubPullRequest, plan: Plan) -> PullRequest:
        if f'"state": "{plan.state}"' in (pull.body or ""):
            return _value(pull)
        raise ConflictError(
            f"pull request #{pull.number} of this deployment is still open: {pull.html_url};"
            " merge or close it first"
        )

    def _stand_branch(self, plan: Plan, message: str, newest: GithubPullRequest | None) -> None:
        if ref := self._ref(plan.branch):
            used = newest is not None and newest.head.sha == ref.object.sha
            if not used and self._is_ours(ref, plan.state):
                return  # made by a run that died before its pull request
            self._clear_leftover(ref, plan.branch)
        head = self._repository.get_branch(self._main).commit
        tree = self._repository.create_git_tree(
            [_element(change.path, change.new) for change in plan.changes], head.commit.tree
        )
        # The branch's answer has no sha for this object; PyGithub would ask for it once more.
        parent = GitCommit(self._repository.requester, {}, {"sha": head.sha}, completed=True)
        commit = self._repository.create_git_commit(message, tree, [parent])
        self._repository.create_git_ref(f"refs/heads/{plan.branch}", commit.sha)

    def _ref(self, branch: str) -> GitRef | None:
        try:
            ref = self._repository.get_git_ref(f"heads/{branch}")
            ref.update()
        except UnknownObjectException:
            return None
        return ref

    def _is_ours(self, ref: GitRef, state: str) -> bool:
        return f"{STATE_TRAILER}: {state}" in self._message(ref)

    def _clear_leftover(self, ref: GitRef, branch: str) -> None:
        # No pull request is open: the branch is what a merge or a close left behind. A commit of
        # a person's on it is theirs to keep.
        if STATE_TRAILER not in self._message(ref):
            raise ConflictError(
                f"branch {branch} ends in a commit of somebody else; delete or merge it first"
            )
        ref.delete()

    def _message(self, ref: GitRef) -> str:
        return self._repository.get_git_commit(ref.object.sha).message


def _element(path: str, text: str | None) -> InputGitTreeElement:
    if text is None:
        return InputGitTreeElement(path, "100644", "blob", sha=None)
    return InputGitTreeElement(path, "100644", "blob", content=text)


def _value(pull: GithubPullRequest) -> PullRequest:
    if pull.merged_at:
        by = pull.merged_by.login if pull.merged_by else ""
        return PullRequest(pull.number, pull.html_url, Review.MERGED, by)
    review = Review.OPEN if pull.state == "open" else Review.CLOSED
    return PullRequest(pull.number, pull.html_url, review)


@contextlib.contextmanager
def _said(act: str) -> Iterator[None]:
    """Turn PyGithub's and requests' errors into ours, saying what was being done."""
    try:
        yield
    except GithubException as error:
        raise _ours(act, error) from error
    except requests.RequestException as error:
        raise ForgeUnavailableError(
            f"{act} on GitHub: no answer ({type(error).__name__}); try again in a minute"
        ) from error


def _ours(act: str, error: GithubException) -> GitOpsError:
    said = error.data.get("message", "") if isinstance(error.data, dict) else ""
    text = f"{act} on GitHub: {error.status} {said}".rstrip()
    match error.status:
        case 401:
            return ForgeUnavailableError(f"{text}; check GITHUB_TOKEN")
        case 403 | 429:
            return ForgeUnavailableError(f"{text}; check the token's rights, or wait a minute")
        case 404:
            return ForgeUnavailableError(f"{text}; check LEADLINE_GITOPS_REPOSITORY")
        case 409 | 422:
            return ConflictError(f"{text}; look at the branch and its pull requests")
        case _:
            return ForgeUnavailableError(f"{text}; try again in a minute")
