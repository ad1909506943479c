"""Which methods there are, and what each needs: scope and arguments, after their pages."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.slack import chat, conversations, files, streams, users, views
from sandbox.slack.calls import Call
from sandbox.slack.errors import RefusedError
from sandbox.slack.records import Json
from sandbox.slack.store import Store

READ = "history"  # stands for channels:history, groups:history or im:history, by channel
SEE = "read"  # stands for channels:read, groups:read or im:read, by channel


@dataclass(frozen=True, slots=True)
class Method:
    """How one method is answered, the scope it needs, its required arguments and its token."""

    answer: Callable[[Store, Call], Json]
    scope: str | None
    required: tuple[str, ...] = ()
    app_level: bool = False


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


def open_connection(store: Store, call: Call) -> Json:  # noqa: ARG001 - as above
    """apps.connections.open: an address for one Socket Mode connection."""
    if store.new_socket_url is None:
        raise RefusedError("internal_error")  # Workspace.start() opens the sockets
    return {"url": store.new_socket_url()}


METHODS = {
    "apps.connections.open": Method(open_connection, "connections:write", app_level=True),
    "auth.test": Method(auth_test, None),
    "bots.info": Method(users.bot, "users:read", ("bot",)),
    "chat.postMessage": Method(chat.post_message, "chat:write", ("channel",)),
    "chat.update": Method(chat.update, "chat:write", ("channel", "ts")),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write", ("channel", "user")),
    "chat.delete": Method(chat.delete, "chat:write", ("channel", "ts")),
    "chat.getPermalink": Method(chat.get_permalink, None, ("channel", "message_ts")),
    "chat.startStream": Method(streams.start, "chat:write", ("channel", "thread_ts")),
    "chat.appendStream": Method(streams.append, "chat:write", ("channel", "ts")),
    "chat.stopStream": Method(streams.stop, "chat:write", ("channel", "ts")),
    "conversations.history": Method(conversations.history, READ, ("channel",)),
    "conversations.replies": Method(conversations.replies, READ, ("channel", "ts")),
    "conversations.info": Method(conversations.info, SEE, ("channel",)),
    "conversations.open": Method(conversations.open_direct, "im:write"),
    "files.getUploadURLExternal": Method(files.upload_url, "files:write", ("filename", "length")),
    "files.completeUploadExternal": Method(files.complete, "files:write", ("files",)),
    "usergroups.users.list": Method(users.group_users, "usergroups:read", ("usergroup",)),
    "users.info": Method(users.info, "users:read", ("user",)),
    "views.open": Method(views.open_view, None, ("view",)),
    "views.update": Method(views.update_view, None, ("view",)),
}
