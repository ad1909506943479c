"""Pure: what a person is told whose command, button or form was not taken."""

from bot.errors import QueueFullError, StoreUnavailableError, StoreUncertainError
from bot.slack.fairness import MOST, WINDOW

TOO_MANY = (
    f"You sent more than {MOST} commands within {WINDOW} s; this one was not taken."
    " Try again in a minute."
)

UNSEALED = "too old, or not as Leadline made it; nothing was done."
"""What is said of a button or a form whose seal does not hold."""


def refusal_of(error: StoreUnavailableError | QueueFullError) -> str:
    """Return what a person is told whose command was not kept."""
    if isinstance(error, QueueFullError):
        return "Too many commands wait already; nothing was done. Try again in a few minutes."
    if isinstance(error, StoreUncertainError):
        return "Your command may not have been kept. If nothing follows in a minute, try again."
    return "Leadline cannot take commands now; nothing was done. Try again in a minute."
