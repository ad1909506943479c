"""users.info and usergroups.users.list, after their pages on docs.slack.dev/reference/methods."""

from sandbox.slack.calls import Call
from sandbox.slack.errors import RefusedError
from sandbox.slack.objects import person_json
from sandbox.slack.records import Json
from sandbox.slack.store import Store


def info(store: Store, call: Call) -> Json:
    """users.info: one person; a closed account is still shown, as `deleted`."""
    user = call.text("user")
    if user not in store.team.people:
        raise RefusedError("user_not_found")
    return {"user": person_json(store, user)}


def group_users(store: Store, call: Call) -> Json:
    """usergroups.users.list: who is in a user group."""
    members = store.team.groups.get(call.text("usergroup"))
    if members is None:
        raise RefusedError("no_such_subteam")
    return {"users": [user for user in members if user not in store.team.deactivated]}
