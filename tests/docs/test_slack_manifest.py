"""The manifest of the Slack app, held to the code: no scope too many, and none too few."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.chat import Place
from bot.notice import Closed, Refused
from bot.slack import listeners
from bot.slack.blocks import BUTTONS
from bot.slack.server import PATH
from gitops.documents import load_mapping
from sandbox import people
from sandbox.slack.methods import METHODS, READ
from sandbox.slack.settings import EVENT_SCOPES
from tests.adapters.edge_bench import ALICE, BOB, OPS, TEAM, bench
from tests.adapters.test_chat import ME

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "slack-app-manifest.yaml"
MANIFEST = load_mapping(FILE.read_text(encoding="utf-8"), FILE.name)
SCOPES = frozenset(MANIFEST["oauth_config"]["scopes"]["bot"])

NEEDED = {
    "auth_test": (),
    "bots_info": ("users:read",),
    "chat_appendStream": ("chat:write",),
    "chat_delete": ("chat:write",),
    "chat_getPermalink": (),
    "chat_postEphemeral": ("chat:write",),
    "chat_postMessage": ("chat:write",),
    "chat_startStream": ("chat:write",),
    "chat_stopStream": ("chat:write",),
    "chat_update": ("chat:write",),
    "conversations_history": ("channels:history", "groups:history"),
    "conversations_replies": ("channels:history", "groups:history"),
    "usergroups_users_list": ("usergroups:read",),
    "users_info": ("users:read",),
    "views_open": (),
    "views_update": (),
}
"""Scopes of each method that bot/slack calls: docs.slack.dev/reference/methods, each one's page."""

OF_FEATURES = {"commands", *(EVENT_SCOPES[e] for e in (listeners.EVENT,))}
"""Scopes of what Slack sends: slash commands with their interactions, and events."""

FAMILIES = ("auth_", "bots_", "chat_", "conversations_", "files_", "reactions_", "usergroups_",
            "users_", "views_", "apps_", "team_", "im_", "assistant_")  # fmt: skip


def calls():
    """Return the names of Web API methods that bot/slack calls."""
    found = set()
    for file in (ROOT / "bot" / "slack").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr.startswith(FAMILIES):
                found.add(node.attr)
    return found


def test_every_method_that_is_called_has_its_scopes_and_nothing_else_is_in_the_table():
    assert calls() == set(NEEDED)


def test_the_manifest_asks_for_just_the_scopes_that_are_used():
    used = {scope for scopes in NEEDED.values() for scope in scopes}

    assert used | OF_FEATURES == SCOPES


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_the_sandbox_wants_the_same_scopes_of_a_method(name):
    family, rest = name.split("_", 1)
    wanted = METHODS[f"{family}.{rest.replace('_', '.')}"].scope

    have = {READ: ("channels:history", "groups:history"), None: ()}.get(wanted, (wanted,))
    assert have == NEEDED[name]


def test_every_command_and_event_has_a_listener_and_none_listens_to_more():
    commands = [c["command"] for c in MANIFEST["features"]["slash_commands"]]

    assert commands == [listeners.COMMAND]
    assert MANIFEST["settings"]["event_subscriptions"]["bot_events"] == [listeners.EVENT]


def test_what_plain_words_need_stands_there_to_be_uncommented():
    text = FILE.read_text(encoding="utf-8")

    told = load_mapping(re.sub(r"# (- message\.)", r"\1", text), FILE.name)

    settings = told.pop("settings")
    events = settings["event_subscriptions"].pop("bot_events")
    assert events == [listeners.EVENT, "message.channels", "message.groups"]
    assert {event.partition(".")[0] for event in events[1:]} == {listeners.PLAIN}
    assert {EVENT_SCOPES[event] for event in events} <= SCOPES
    assert "LEADLINE_PLAIN_WORDS=true" in text


def test_everything_is_sent_to_the_address_that_serve_takes_it_at():
    settings = MANIFEST["settings"]
    urls = {
        MANIFEST["features"]["slash_commands"][0]["url"],
        settings["event_subscriptions"]["request_url"],
        settings["interactivity"]["request_url"],
    }

    assert [url.endswith(f".example.com{PATH}") for url in urls] == [True]
    assert settings["interactivity"]["is_enabled"]


def test_every_line_that_socket_mode_leaves_out_is_marked():
    lines = FILE.read_text(encoding="utf-8").splitlines()

    without = "\n".join(line for line in lines if not line.endswith("# HTTP"))

    assert sum(line.endswith("# HTTP") for line in lines) == 3
    assert "url:" not in str(load_mapping(without, FILE.name)).replace("'", "")


def test_every_button_of_ours_has_a_listener_of_its_own():
    acts = {act for act, _ in BUTTONS}

    assert acts == {*listeners.KINDS, "status"} - {"deploy"}


def test_the_sandbox_gives_leadline_the_scopes_of_the_manifest_and_no_more():
    assert people.TEAM.bot_scopes == SCOPES


@pytest.mark.parametrize("mode", ["http", "socket"])
def test_with_the_manifests_scopes_alone_everything_the_edge_does_works(mode):
    with bench(mode, replace(TEAM, bot_scopes=SCOPES)) as edge:
        acting = edge.slack.people
        assert acting.type("/llm deploy", ALICE, OPS).notes == ()
        view = edge.view()["id"]
        acting.choose(view, "model", "qwen3-32b", ALICE)
        acting.submit(view, {"model": "qwen3-32b", "engine": "vllm"}, ALICE)
        acting.mention("status m1", BOB, OPS)
        card = edge.card()
        acting.press(card, "leadline:undeploy", BOB)
        edge.chat.update(Place(OPS), card, Closed(1))
        edge.chat.whisper(Place(OPS), ME, Refused("x"))
        assert edge.chat.find(Place(OPS), "card:1", edge.time.now()) == [card]

        assert len(edge.jobs()) == 2
        refused = [e for e in edge.journal.entries() if e.detail.get("error") == "missing_scope"]
        assert refused == []
