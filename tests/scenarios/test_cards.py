"""The card from proposal to removal and again; groups are proved on the wanted revision only."""

import pytest

from sandbox.leadline import running
from sandbox.setup import LWS, Setup
from sandbox.worlds import CHANNEL, sandbox
from tests.scenarios.conftest import RATE
from tests.scenarios.test_pulls import Watched
from tests.scenarios.test_talk import words_of

NAME = "qwen3-32b-sglang"


@pytest.fixture
def serving(tmp_path, request):
    """Give a Leadline with a deployment of two groups that serves."""
    lws = getattr(request, "param", LWS[0])
    with sandbox(tmp_path, RATE, setup=Setup(lws=lws)) as worlds:
        worlds.environment["LEADLINE_POLL_SECONDS"] = "5"
        with running(worlds, "serve", "work", "watch") as leadline:
            talk = Watched(worlds, leadline)
            talk.merged(NAME, f"deploy qwen3-32b sglang {NAME} --replicas 2")
            talk.until_card(NAME, "serving · 2/2 groups proved", "merged")
            yield talk


def cards(talk):
    messages = talk.worlds.slack.messages(CHANNEL)
    return [m for m in messages if m["text"].startswith(f"{NAME} · ")]


def test_a_card_tells_what_runs_apart_from_what_is_proposed_or_waits(serving):
    serving.type(f"scale {NAME} 1")
    serving.until_card(NAME, "2×(2×1 GPU)", "open, proposes 1×(2×1 GPU) · 2 GPUs", "serving · 2/2")
    serving.worlds.close(serving.pull(NAME)["number"])
    serving.until_card(NAME, "#2> closed")
    for shown in (serving.shown(NAME), serving.last(f"status {NAME}")):
        assert "serving · 2/2 groups proved" in shown
        assert "1×" not in shown

    serving.worlds.agent.pause()
    serving.merged(NAME, f"scale {NAME} 1")
    waits = "serving · 2/2 groups proved, the earlier state; #3 merged, waiting for the cluster"
    serving.until_card(NAME, waits)
    assert waits in serving.last("list")
    serving.worlds.time.advance(600)
    serving.until_card(NAME, "the earlier state; #3 merged, not applied")
    serving.worlds.agent.resume()
    serving.until_card(NAME, "serving · 1/1 groups proved")


def test_what_was_removed_and_is_deployed_again_has_one_new_card(serving):
    serving.merged(NAME, f"undeploy {NAME} --confirm {NAME}")
    serving.until_card(NAME, "removed")

    serving.type(f"deploy qwen3-8b sglang {NAME}")
    serving.until(
        lambda: [m["text"] for m in cards(serving)][1:] == [f"{NAME} · pull request open"]
    )
    serving.type(f"deploy qwen3-8b sglang {NAME} --replicas 2")
    serving.until(lambda: "2×" in words_of(cards(serving)[-1]))

    assert [m["text"] for m in cards(serving)] == [
        f"{NAME} · removed", f"{NAME} · pull request open",
    ]  # fmt: skip


@pytest.mark.parametrize("serving", [LWS[0], "v0.7.0"], indirect=True)
def test_no_group_is_proved_before_it_has_come_to_the_new_revision(serving):
    serving.merged(NAME, f"update {NAME} --context 8192")
    serving.until(lambda: len(serving.said(NAME, "*Serving*")) == 2, 40)

    told = serving.thread(NAME)
    last = max(at for at, text in enumerate(told) if "Applied" in text)
    answered = [text for text in told[last:] if "answered a completion" in text]
    assert ["Group 1 answered" in text for text in answered] == [True, False], answered
    assert "2/2 groups" in answered[1]
