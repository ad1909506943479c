"""Environments that bind no channel, and that share a cluster: one card, one owner of a name."""

import pytest
from slack_sdk import WebClient

from sandbox.leadline import running
from sandbox.people import TEAM
from sandbox.worlds import ALICE, sandbox
from tests.scenarios.conftest import RATE
from tests.scenarios.test_talk import Talk

DIRECT = "D0ALICE"
UNBOUND = "pools: [{name: l20, gpu: l20, nodes: 4}]\nclaims: [llm-model]\n"


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    with sandbox(tmp_path_factory.mktemp("places"), RATE) as worlds:
        for name in ("east", "west"):
            path = f"overlays/{name}/environment.yaml"
            worlds.github.push("main", {path: f"name: {name}\n{UNBOUND}"}, "Add a place.", "bob")
        client = WebClient(TEAM.bot_token, base_url=worlds.environment["SLACK_API_URL"])
        client.chat_postMessage(channel=ALICE, text="Hello.")  # a place to type beside the channel
        with running(worlds, "serve", "work") as leadline:
            yield Talk(worlds, leadline)


def pulls(talk, branch):
    return [p["number"] for p in talk.worlds.github.state()["pulls"] if p["head"] == branch]


def test_the_card_stays_where_it_is_wherever_the_next_command_is_typed(talk):
    talk.type("deploy qwen3-32b sglang kept --environment east")
    [number] = pulls(talk, "llm/east/kept")
    talk.worlds.merge(number)

    since = len(talk.worlds.journal.entries())
    talk.worlds.slack.people.type("scale east/kept 2", ALICE, DIRECT)
    talk._ended(since, ALICE)

    assert len(pulls(talk, "llm/east/kept")) == 2
    assert "scale(east/kept): 1 → 2 groups" in talk.thread("kept")[-1]
    assert [m for m in talk.worlds.slack.messages(DIRECT) if m["text"].startswith("kept ·")] == []


def test_a_name_that_is_only_proposed_for_the_same_cluster_is_taken(talk):
    talk.type("deploy qwen3-32b sglang twin --environment east")
    [number] = pulls(talk, "llm/east/twin")

    refused = talk.last("deploy qwen3-32b sglang twin --environment west")
    talk.worlds.merge(number)
    refused_too = talk.last("deploy qwen3-32b sglang twin --environment west")

    assert f"is also that of pull request #{number} for east, in the same cluster" in refused
    assert "is also that of overlays/east/twin, in the same cluster" in refused_too
    assert pulls(talk, "llm/west/twin") == []


def test_who_wants_back_what_main_holds_hears_of_the_pull_request_that_is_open(talk):
    talk.type("deploy qwen3-32b sglang back --environment east")
    talk.worlds.merge(pulls(talk, "llm/east/back")[0])
    talk.type("scale east/back 2")
    open_ = pulls(talk, "llm/east/back")[-1]

    said = talk.last("scale east/back 1")

    assert "east/back is on main as you ask already; nothing to propose." in said
    assert f"Pull request #{open_} would change that; close it if nobody wants it." in said
