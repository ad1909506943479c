"""What can go wrong in the conversation.

BotError
├── CommandError             the words of a command make no sense (exit 2)
├── NotFoundError            what a command names does not exist (exit 1)
├── ChatUnavailableError     Slack does not answer or refuses us (exit 3)
├── StoreUnavailableError    Redis does not answer (exit 3)
│   └── StoreUncertainError  it did not answer in time; it may have done what was asked
├── QueueFullError           too many commands wait (exit 3)
├── StaleError               another worker has taken over; the act was refused (exit 1)
│   └── LostError            none has: Redis has lost what we had in hand (exit 1)
├── DesiredUnknownError      what stands on main is not known, or too old (exit 3)
├── ClusterUnavailableError  the Kubernetes API does not answer or refuses us (exit 3)
└── EngineUnavailableError   an engine does not answer, or breaks off (exit 3)
    ├── EngineAbsentError    nobody listens there: it may still be loading (exit 3)
    │   └── EngineUnknownError  its name is unknown: not there yet, or not from here (exit 3)
    ├── EngineBrokenError    the connection broke off (exit 3)
    └── EngineShutError      nobody gets in until a person changes something (exit 3)

A text names the act, the thing and the next step; people see it as it is.
"""


class BotError(Exception):
    """Root of the tree; never raised itself."""

    exit_code = 1


class CommandError(BotError):
    """The words of a command make no sense; nothing was done."""

    exit_code = 2


class NotFoundError(BotError):
    """What a command names does not exist."""


class ChatUnavailableError(BotError):
    """Slack cannot be reached or refuses us."""

    exit_code = 3


class StoreUnavailableError(BotError):
    """Redis cannot be reached."""

    exit_code = 3


class StoreUncertainError(StoreUnavailableError):
    """Redis did not answer in time; it may have done what was asked."""


class QueueFullError(BotError):
    """Too many commands wait; nothing was done."""

    exit_code = 3


class StaleError(BotError):
    """Another worker has taken over what we were doing; the act was refused."""


class LostError(StaleError):
    """Redis has lost what we were doing, and with it every trace that anybody has it."""


class DesiredUnknownError(BotError):
    """What stands on the main branch is not known, or too old to decide by."""

    exit_code = 3


class ClusterUnavailableError(BotError):
    """The Kubernetes API cannot be reached or refuses us."""

    exit_code = 3


class EngineUnavailableError(BotError):
    """An inference engine cannot be reached, refuses us or breaks off."""

    exit_code = 3


class EngineAbsentError(EngineUnavailableError):
    """Nobody listens where an engine should: it may still be loading, or be gone."""


class EngineUnknownError(EngineAbsentError):
    """DNS does not know the engine: it is not in the cluster yet, or we are not."""


class EngineBrokenError(EngineUnavailableError):
    """The connection to an engine broke off: its pod may be gone, and another may answer."""


class EngineShutError(EngineUnavailableError):
    """No way in, or no key to it: asking again helps only once a person has changed something."""
