"""Pure: who is in a sandbox, under what names and tokens; every token opens only this sandbox."""

from typing import Literal

from sandbox.github.site import Account
from sandbox.slack.records import Channel, Team

ALICE = "U0ALICE"
BOB = "U0BOB"
CAROL = "U0CAROL"
CHANNEL = "C0MLSERVING"
BOT_TOKEN = "ghs_sandbox"  # noqa: S105 - opens nothing but this sandbox
OWNER_TOKEN = "ghp_bob"  # noqa: S105 - as above

TEAM = Team(
    bot_token="xoxb-sandbox",  # noqa: S106 - as above
    signing_secret="sandbox-signing-secret",  # noqa: S106 - as above
    app_token="xapp-sandbox",  # noqa: S106 - as above
    people={ALICE: "alice", BOB: "bob", CAROL: "carol"},
    channels={CHANNEL: Channel("ml-serving")},
    bot_scopes=frozenset(
        {
            "app_mentions:read",
            "channels:history",
            "chat:write",
            "commands",
            "groups:history",
            "usergroups:read",
            "users:read",
        }
    ),  # those of docs/slack-app-manifest.yaml, and no more
)
ACCOUNTS = {
    BOT_TOKEN: Account("leadline[bot]", is_bot=True),
    "ghp_alice": Account("alice"),
    OWNER_TOKEN: Account("bob"),
    "ghp_carol": Account("carol"),
}
CLUSTER_TOKENS: dict[str, Literal["read", "write"]] = {
    "leadline": "read",
    "agent": "write",
    "admin": "write",
    "": "read",  # kubectl sends no token over plain HTTP
}

ROLES = f"""# Who may do what here, and who is who on GitHub.
people: {{{ALICE}: alice, {BOB}: bob, {CAROL}: carol}}
roles:
  - {{role: viewer, everyone: true}}
  - {{role: requester, users: [{ALICE}, {CAROL}]}}
  - {{role: approver, users: [{BOB}]}}
"""
ENVIRONMENT = f"""# The four GPU nodes of the sandbox's cluster.
name: example
pools: [{{name: l20, gpu: l20, nodes: 4, price: 1.5}}]
currency: USD
claims: [llm-model]
slack: {{channel: {CHANNEL}}}
"""


def person(name: str) -> str:
    """Return the Slack id of somebody by name; an id is returned as it is."""
    return next((key for key, known in TEAM.people.items() if known == name), name)


def channel(name: str) -> str:
    """Return the id of a channel by name; an id is returned as it is."""
    wanted = name.removeprefix("#")
    return next((key for key, known in TEAM.channels.items() if known.name == wanted), name)


def token(login: str) -> str | None:
    """Return somebody's GitHub token."""
    return next((key for key, known in ACCOUNTS.items() if known.login == login), None)
