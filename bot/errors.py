"""What can go wrong in the conversation.

BotError
├── CommandError             the words of a command make no sense (exit 2)
├── NotFoundError            what a command names does not exist (exit 1)
├── ChatUnavailableError     Slack does not answer or refuses us (exit 3)
├── StoreUnavailableError    Redis does not answer (exit 3)
├── ClusterUnavailableError  the Kubernetes API does not answer or refuses us (exit 3)
└── EngineUnavailableError   an engine does not answer, or breaks off (exit 3)

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


class ClusterUnavailableError(BotError):
    """The Kubernetes API cannot be reached or refuses us."""

    exit_code = 3


class EngineUnavailableError(BotError):
    """An inference engine cannot be reached, refuses us or breaks off."""

    exit_code = 3
