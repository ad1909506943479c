"""users.info, usergroups.users.list and bots.info, after their pages on docs.slack.dev."""

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


def bot(store: Store, call: Call) -> Json:
    """bots.info: the app's own bot, the only one there is."""
    team = store.team
    if call.text("bot") != team.bot_id:
        raise RefusedError("bot_not_found")
    return {
        "bot": {
            "id": team.bot_id,
            "deleted": False,
            "name": team.bot_name,
            "app_id": team.app_id,
            "user_id": team.bot_user,
        }
    }
