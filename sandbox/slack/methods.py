"""Which methods there are, and what each needs: scope and arguments, after their pages."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.slack import chat, conversations, streams
from sandbox.slack.calls import Call
from sandbox.slack.records import Json
from sandbox.slack.store import Store

READ = "history"  # stands for channels:history, groups:history or im:history, by channel
SEE = "read"  # stands for channels:read, groups:read or im:read, by channel


@dataclass(frozen=True, slots=True)
class Method:
    """How one method is answered, the scope it needs and its required arguments."""

    answer: Callable[[Store, Call], Json]
    scope: str | None
    required: tuple[str, ...] = ()


def auth_test(store: Store, call: Call) -> Json:  # noqa: ARG001 - one signature for all methods
    """auth.test."""
    team = store.team
    return {
        "url": f"https://{team.domain}.slack.com/",
        "team": team.name,
        "user": team.bot_name,
        "team_id": team.id,
        "user_id": team.bot_user,
        "bot_id": team.bot_id,
        "is_enterprise_install": False,
    }


METHODS = {
    "auth.test": Method(auth_test, None),
    "chat.postMessage": Method(chat.post_message, "chat:write", ("channel",)),
    "chat.update": Method(chat.update, "chat:write", ("channel", "ts")),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write", ("channel", "user")),
    "chat.startStream": Method(streams.start, "chat:write", ("channel", "thread_ts")),
    "chat.appendStream": Method(streams.append, "chat:write", ("channel", "ts")),
    "chat.stopStream": Method(streams.stop, "chat:write", ("channel", "ts")),
    "conversations.history": Method(conversations.history, READ, ("channel",)),
    "conversations.replies": Method(conversations.replies, READ, ("channel", "ts")),
    "conversations.info": Method(conversations.info, SEE, ("channel",)),
}
