"""Pure: the closed list of things a person can ask for, as values."""

from dataclasses import dataclass

from bot.relay import Question
from gitops.engine import Engine
from gitops.request import DeployRequest, Request


@dataclass(frozen=True, slots=True)
class Change:
    """A change of desired state, to be proposed as a pull request.

    `confirmed` is the name typed again, where the end of a deployment asks for that.
    """

    request: Request
    confirmed: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The same, to be shown and not written."""

    request: Request


@dataclass(frozen=True, slots=True)
class Rollback:
    """Back to what the overlay held before: N changes back, or at a commit or pull request."""

    name: str
    environment: str | None = None
    to: str = "1"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Let the open pull request of a deployment go without a second person."""

    name: str
    reason: str
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class List:
    """The deployments of an environment, or of all that the person may see."""

    environment: str | None = None
    page: int = 1


@dataclass(frozen=True, slots=True)
class Status:
    """How one deployment stands now."""

    name: str
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What was changed on a deployment, newest first."""

    name: str
    environment: str | None = None
    page: int = 1


@dataclass(frozen=True, slots=True)
class Models:
    """The models on offer, all or those that a word finds."""

    search: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class FitQuestion:
    """Whether a model fits GPUs: a type that is named, or those of an environment's pools."""

    model: str
    engine: Engine
    gpu: str | None = None
    tensor: int | None = None
    pipeline: int = 1
    data: int = 1
    nodes: int | None = None
    context: int | None = None
    quantization: str | None = None
    engine_version: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how programs ask a deployment."""

    name: str
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to a deployment; `raw` also shows the request and the answer as JSON."""

    name: str
    question: Question
    raw: bool = False
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Help:
    """What one can type, all of it or of one verb."""

    verb: str = ""


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """Who the person is to Leadline: roles, GitHub login, limits."""


Reading = Plan | List | Status | History | Models | FitQuestion | Endpoint | Help | WhoAmI
"""What is answered to the person who typed, and changes nothing."""

Command = Change | Rollback | BreakGlass | Ask | Reading


def verb_of(command: Command) -> str:  # noqa: PLR0911 - a line a command
    """Return the act that roles are asked about."""
    match command:
        case Change(request) if isinstance(request, DeployRequest):
            return "deploy"
        case Change(request):
            return getattr(request, "verb", "undeploy")
        case Plan():
            return "plan"
        case BreakGlass():
            return "break-glass"
        case FitQuestion():
            return "fit"
        case WhoAmI():
            return "whoami"
        case _:
            return type(command).__name__.lower()
