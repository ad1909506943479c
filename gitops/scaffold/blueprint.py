"""Pure: Blueprint, what a new GitOps repository is told, with a grammar for every text.

The texts go into YAML and Markdown through templates, so each grammar leaves no character that
either could take for its own. Sources: pip's requirement specifiers (VCS support, wheels, paths);
GitHub's names of teams and users.
"""

import re
from dataclasses import dataclass

from gitops.environment import Controller
from gitops.errors import InvalidRequestError
from gitops.names import check_name, check_pattern, check_text, printable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)*\Z")
_OWNERS = re.compile(r"@[A-Za-z0-9][A-Za-z0-9-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?"
                     r"( @[A-Za-z0-9][A-Za-z0-9-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?)*\Z")  # fmt: skip
_HOST = r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?"
_PARTS = r"(?:/[A-Za-z0-9_.~+-]+)+"
_URL = re.compile(rf"(?:https://{_HOST}{_PARTS}|ssh://git@{_HOST}{_PARTS})\Z")
_GIT = re.compile(
    rf"git\+(?:https|ssh)://(?:git@)?{_HOST}{_PARTS}@[A-Za-z0-9][A-Za-z0-9._/-]*"
    r"(?:#subdirectory=[A-Za-z0-9_./-]+)?\Z"
)
_WHEEL = re.compile(rf"https://{_HOST}{_PARTS}\.whl(?:#sha256=[0-9a-f]{{64}})?\Z")
_LOCAL = re.compile(r"(?:\.{0,2}/)[A-Za-z0-9_.+-]+(?:/[A-Za-z0-9_.+-]+)*\Z")
_CREDENTIALS = re.compile(r"://[^/@]*:[^/@]*@|gh[opsur]_|github_pat_|glpat-")


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A new repository: its name and address, who applies it, and where Leadline comes from.

    `leadline_source` is what pip installs; `url` is where the controller reads the repository.
    """

    name: str
    controller: Controller
    leadline_source: str
    environment: str = "staging"
    url: str = ""
    branch: str = "main"
    owners: str = "@your-org/llm-owners"

    def __post_init__(self) -> None:
        check_pattern("repository", self.name, _NAME, "a name such as llm-gitops")
        check_source(self.leadline_source)
        check_name("environment", self.environment)
        check_text("repository URL", self.address)
        if _CREDENTIALS.search(self.address):
            raise InvalidRequestError(
                "repository URL: holds a credential; leave it out, the controller has its own"
            )
        check_pattern("repository URL", self.address, _URL, "https://… or ssh://git@…")
        check_pattern("branch", self.branch, _BRANCH, "a branch such as main")
        check_pattern("owners", self.owners, _OWNERS, "teams or people such as @org/team")

    @property
    def address(self) -> str:
        """Where the controller reads the repository; an example until somebody fills it in."""
        return self.url or f"https://github.com/your-org/{self.name}.git"


def check_source(value: str) -> None:
    """Refuse a source of Leadline that pip could take for something else, or that can move.

    Raises:
        InvalidRequestError: with the forms that are expected.
    """
    check_text("Leadline source", value)
    if _CREDENTIALS.search(value):
        raise InvalidRequestError(
            "Leadline source: holds a credential; use a public address or a wheel in the repository"
        )
    if not any(form.match(value) for form in (_GIT, _WHEEL, _LOCAL)):
        raise InvalidRequestError(
            f"Leadline source {printable(value)}: expected git+https://HOST/PATH@TAG,"
            " https://….whl, or a path such as ./wheels/leadline.whl"
        )
