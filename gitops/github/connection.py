"""A signed-in connection to one repository, and what is tried again.

Nothing is repeated blindly: whoever runs an act here looks first, so a second run after a lost
answer finds what the first one made. A run is repeated, by tenacity, after no answer, a 5xx, a race
lost or a short limit; once with new credentials after a 401, since an App's token lasts an hour.
An answer that is not GitHub's, such as the page of a proxy with a 200, counts as none.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

import requests
from github import BadAttributeException, GithubException
from github.Repository import Repository
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from gitops.clock import Clock
from gitops.errors import ForgeBusyError, ForgeUnavailableError
from gitops.github.budget import MOST_WAIT, ContentBudget
from gitops.github.refusals import Judged, judge
from gitops.github.signing import TIMEOUT, credentials, sign_in
from gitops.settings import ForgeSettings

ATTEMPTS = 4
"""How often an act is run at most: once, and three times again."""

_UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BadAttributeException,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What PyGithub meets in an answer of another shape than GitHub's: it checks fields when they are
read, and many not at all."""

_BACKOFF = wait_random_exponential(multiplier=0.5, max=4)  # seconds, with jitter

_log = logging.getLogger(__name__)

T = TypeVar("T")


class _AgainError(Exception):
    """A run failed and may do better; never leaves this module."""

    def __init__(self, judged: Judged) -> None:
        super().__init__(str(judged.error))
        self.judged = judged


class Connection:
    """One repository on GitHub. For one thread at a time: PyGithub promises nothing there."""

    def __init__(
        self,
        settings: ForgeSettings,
        clock: Clock,
        budget: ContentBudget,
        timeout: int = TIMEOUT,
    ) -> None:
        self.main = settings.branch
        self.owner = settings.repository.partition("/")[0]
        self._settings = settings
        self._clock = clock
        self._budget = budget
        self._timeout = timeout
        self._signed_in: Repository | None = None
        self._is_renewed = False

    @property
    def repository(self) -> Repository:
        """The repository; the first use signs in."""
        if self._signed_in is None:
            self._signed_in = sign_in(self._settings, self._timeout)
        return self._signed_in

    def run(self, act: str, work: Callable[[], T]) -> T:
        """Do an act that looks before it writes, again where that may help.

        Raises:
            GitOpsError: what GitHub's last refusal means.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(_AgainError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=_pause,
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            done: T = retrying(self._once, act, work)
        except _AgainError as last:
            raise last.judged.error from last.__cause__
        return done

    def writing(self, call: Callable[[], T]) -> T:
        """Make one call that writes, inside GitHub's limits on content.

        Raises:
            ForgeBusyError: there is no room for now.
        """
        self._budget.spend()
        return call()

    def _once(self, act: str, work: Callable[[], T]) -> T:
        try:
            done = work()
        except (GithubException, requests.RequestException) as error:
            judged = judge(act, error, credentials(self._settings), self._clock.now())
            if self._renews(judged) or _may_do_better(judged):
                raise _AgainError(judged) from error
            raise judged.error from error
        except _UNREADABLE as error:
            _log.warning("unreadable answer of GitHub act=%s", act, exc_info=error)  # or a bug
            raise _AgainError(_unreadable(act, error)) from error
        self._is_renewed = False
        return done

    def _renews(self, judged: Judged) -> bool:
        """Throw an App's token away, once until something succeeds again."""
        if not judged.renew or self._settings.app is None or self._is_renewed:
            return False
        if self._signed_in is not None:
            self._signed_in.requester.close()
        self._signed_in, self._is_renewed = None, True
        return True


def _unreadable(act: str, error: Exception) -> Judged:
    text = f"{act} on GitHub: an answer that makes no sense ({type(error).__name__})"
    return Judged(ForgeUnavailableError(f"{text}; try again in a minute"), again=True)


def _may_do_better(judged: Judged) -> bool:
    too_long = isinstance(judged.error, ForgeBusyError) and judged.error.wait > MOST_WAIT
    return judged.again and not too_long


def _pause(state: RetryCallState) -> float:
    failed = state.outcome.exception() if state.outcome else None
    if isinstance(failed, _AgainError) and isinstance(failed.judged.error, ForgeBusyError):
        return failed.judged.error.wait
    if isinstance(failed, _AgainError) and failed.judged.renew:
        return 0.0
    return _BACKOFF(state)
