"""What can go wrong with desired state.

GitOpsError
├── InvalidRequestError      the request breaks a rule; the text names the rule (exit 1)
├── CheckFailedError         an overlay was built and a check refused it (exit 1)
├── BuildError               kustomize refused an overlay (exit 1)
├── UsageError               the command line does not say what to do (exit 2)
├── ConflictError            somebody else's work stands where ours should go (exit 1)
├── ForgeUnavailableError    the Git host does not answer or refuses us for now (exit 3)
│   └── ForgeBusyError       `limit` of the Git host is used up; `wait` says for how long (exit 3)
└── ClusterUnavailableError  the API server of a dry run does not answer or refuses us (exit 3)

A text names the act, the thing and the next step. `exit_code` is what a terminal sees.
"""

import math

_MINUTE = 60


class GitOpsError(Exception):
    """Root of the tree; never raised itself."""

    exit_code = 1


class InvalidRequestError(GitOpsError):
    """The request breaks a rule; nothing was written."""


class CheckFailedError(GitOpsError):
    """An overlay builds, but a check refuses the manifests."""


class BuildError(GitOpsError):
    """Kustomize refuses an overlay."""


class UsageError(GitOpsError):
    """The words of a command, or the settings, do not say what to do."""

    exit_code = 2


class ConflictError(GitOpsError):
    """A branch, pull request or folder of somebody else stands in the way."""


class ForgeUnavailableError(GitOpsError):
    """The Git host cannot be reached or refuses us; worth trying again."""

    exit_code = 3


class ForgeBusyError(ForgeUnavailableError):
    """A limit of the Git host is used up; `wait` is the time in seconds until there is room.

    `limit` names it as people read it, in words that "is used up" can follow.
    """

    def __init__(self, text: str, wait: float, limit: str) -> None:
        when = f"{math.ceil(wait)} s" if wait < 2 * _MINUTE else f"{math.ceil(wait / _MINUTE)} min"
        super().__init__(f"{text}; try again in {when}")
        self.wait, self.limit = wait, limit


class ClusterUnavailableError(GitOpsError):
    """The API server that a person asked for a dry run cannot be reached, or refuses the person."""

    exit_code = 3
