"""Slack's edge and the worker as processes: forms, buttons and mentions that become pull requests.

The acts of the edge alone are in tests/bot/test_listeners.py; here what follows from them.
"""

import contextlib
import json
from dataclasses import replace

import pytest

from sandbox.faults import Fault
from sandbox.leadline import running
from sandbox.people import TEAM
from sandbox.worlds import ALICE, BOB, CHANNEL, sandbox


@pytest.fixture(scope="module", params=["HTTP", "Socket Mode"])
def stage(request, tmp_path_factory):
    """One running Leadline that takes plain words, too; each test has deployments of its own."""
    with contextlib.ExitStack() as stack:
        worlds = stack.enter_context(sandbox(tmp_path_factory.mktemp("edge") / "worlds"))
        told = frozenset({"app_mention", "message.channels", "message.groups"})
        reached = replace(worlds.slack.settings, events=told)
        worlds.slack.configure(replace(reached, socket_mode=request.param != "HTTP"))
        worlds.environment["LEADLINE_PLAIN_WORDS"] = "true"
        if request.param != "HTTP":
            worlds.environment["SLACK_APP_TOKEN"] = TEAM.app_token
        leadline = stack.enter_context(running(worlds, "serve", "work"))
        if request.param != "HTTP":
            assert worlds.journal.wait(lambda e: e.call == "socket.opened")
        yield worlds, leadline


def done(worlds, act, jobs=1):
    """Act, and wait until so many commands have ended; return what the act showed."""
    since = len(worlds.journal.entries())
    shown = act()
    for count in range(1, jobs + 1):
        ended = worlds.journal.wait(lambda _, n=count: endings(worlds, since) >= n, since, 20)
        assert ended, f"{endings(worlds, since)} of {jobs} commands have ended"
    return shown


def endings(worlds, since):
    entries = worlds.journal.entries()[since:]
    return sum((e.world, e.call) == ("leadline", "finished") for e in entries)


def view(worlds):
    [shown] = worlds.slack.state()["views"]
    return shown["id"]


def pulls(worlds, name):
    found = worlds.github.state()["pulls"]
    return [pull for pull in found if pull["head"] == f"llm/example/{name}"]


def cards(worlds, name):
    messages = worlds.slack.messages(CHANNEL)
    return [m for m in messages if m["text"].startswith(f"{name} · ")]


def deployed(worlds, name):
    """Let Alice deploy by a form, and Bob merge it; return the card's time stamp."""
    people = worlds.slack.people
    people.type("/llm deploy", ALICE, CHANNEL)
    filled = {"model": "qwen3-32b", "engine": "sglang", "name": name}
    done(worlds, lambda: people.submit(view(worlds), filled, ALICE))
    [pull] = pulls(worlds, name)
    worlds.merge(pull["number"])
    [card] = cards(worlds, name)
    return card["ts"]


def test_a_form_that_is_sent_three_times_is_one_pull_request_and_one_card(stage):
    worlds, leadline = stage
    people = worlds.slack.people
    people.type("/llm deploy", ALICE, CHANNEL)
    [shown] = worlds.slack.state()["views"]
    people.choose(shown["id"], "model", "qwen3-32b", ALICE)
    values = {"model": "qwen3-32b", "engine": "vllm", "environment": "example", "name": "thrice"}
    state = {
        block: {block: {"selected_option": {"value": value}, "value": value}}
        for block, value in values.items()
    }
    kept = {k: shown[k] for k in ("id", "type", "hash", "callback_id", "private_metadata")}
    payload = {
        "type": "view_submission", "team": {"id": TEAM.id}, "api_app_id": TEAM.app_id,
        "user": {"id": ALICE, "team_id": TEAM.id},
        "view": kept | {"blocks": shown["blocks"], "state": {"values": state}},
    }  # fmt: skip

    def send():
        return [worlds.slack.deliver("interactive", payload).status for _ in range(3)]

    assert done(worlds, send) == [200] * 3
    people.close(shown["id"], ALICE)

    [pull] = pulls(worlds, "thrice")
    assert '"requester": "slack:U0ALICE"' in pull["body"]
    assert len(cards(worlds, "thrice")) == 1
    assert not [line for line in leadline.said if "Traceback" in line]


def test_the_cards_buttons_change_ask_and_end_what_stands(stage):
    worlds, _ = stage
    people, card = worlds.slack.people, deployed(worlds, "pressed")
    standing(worlds)

    people.press(card, "leadline:update", ALICE)
    wanted = {"replicas": "2", "reason": "more"}
    done(worlds, lambda: people.submit(view(worlds), wanted, ALICE))
    [first, second] = pulls(worlds, "pressed")
    assert json.loads(metadata(first))["thread"] == json.loads(metadata(second))["thread"]
    worlds.merge(second["number"])

    people.press(card, "leadline:undeploy", ALICE)
    wrong = people.submit(view(worlds), {"confirm": "other"}, ALICE)
    assert wrong.errors == {"confirm": "type pressed"}
    done(worlds, lambda: people.submit(view(worlds), {"confirm": "pressed"}, ALICE))
    assert len(pulls(worlds, "pressed")) == 3
    assert len(cards(worlds, "pressed")) == 1


def metadata(pull):
    return pull["body"].partition("leadline:v1 ")[2].partition(" -->")[0]


def standing(worlds):
    """Let the edge know what was merged: with each command `leadline work` publishes main."""
    done(worlds, lambda: worlds.slack.people.type("/llm list", BOB, CHANNEL))


def test_a_mention_in_the_cards_thread_means_its_deployment(stage):
    worlds, _ = stage
    card = deployed(worlds, "mentioned")

    done(worlds, lambda: worlds.slack.people.mention("scale 3", ALICE, CHANNEL, card))

    assert "mentioned" in pulls(worlds, "mentioned")[-1]["title"]
    assert len(pulls(worlds, "mentioned")) == 2


def test_a_verb_in_the_cards_thread_needs_no_mention_and_other_talk_starts_nothing(stage):
    worlds, _ = stage
    people, card = worlds.slack.people, deployed(worlds, "plain")
    since = len(worlds.journal.entries())

    people.say("shall we scale it?", BOB, CHANNEL, card)
    people.say("scale plain 4", ALICE, CHANNEL)
    done(worlds, lambda: people.say("scale 3", ALICE, CHANNEL, card))

    assert endings(worlds, since) == 1
    assert "plain" in pulls(worlds, "plain")[-1]["title"]
    assert len(pulls(worlds, "plain")) == 2


def test_in_a_channel_without_leadline_the_answer_says_how_to_invite_it(stage):
    worlds, _ = stage
    worlds.slack.change_channel(CHANNEL, is_member=False)
    try:
        done(worlds, lambda: worlds.slack.people.type("/llm models qwen", BOB, CHANNEL))
        done(worlds, lambda: worlds.slack.people.type("/llm deploy qwen3-8b vllm away", ALICE,
                                                      CHANNEL))  # fmt: skip
    finally:
        worlds.slack.change_channel(CHANNEL, is_member=True)

    listed, refused = worlds.slack.state()["responses"][-2:]
    assert "qwen3-32b" in str(listed["blocks"]).replace("\u200b", "")
    assert "type `/invite @leadline`" in listed["text"]
    assert (listed["user"], refused["user"]) == (BOB, ALICE)
    assert "/invite @leadline" in refused["text"]
    assert pulls(worlds, "away") == []


def test_a_github_that_hangs_delays_no_acknowledgement(stage):
    worlds, _ = stage
    fault = worlds.faults[worlds.faults.arm(Fault("github", ".*", act="hold", times=50))]

    seen = worlds.slack.people.type("/llm deploy qwen3-8b sglang later", ALICE, CHANNEL)

    delivered = [e for e in worlds.journal.entries() if e.call == "command.delivered"][-1]
    assert fault.reached.wait(10)
    assert "(ref " in seen.notes[0]
    assert delivered.detail["elapsed"] < 3.0  # Slack's own limit; the machine may be busy
    fault.released.set()
