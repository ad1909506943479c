"""Groups over time: each spell of silence is told, a loss too, canaries, and none at all."""

from dataclasses import replace

import msgspec
import pytest

from bot.cluster.objects import LwsObject
from bot.cluster.revisions import asks
from bot.cluster.world import Seen, World, look
from bot.notice import Applied, Degraded, Progress, Recovered, Restarted, Serving
from bot.rollout.advance import observe, prove, proved, shut, unanswered, unproved
from bot.rollout.card import card, phase
from bot.rollout.groups import LOST, lose
from bot.slack.wording import text
from tests.bot.test_advance import (
    MERGED,
    NAME,
    NEW,
    NOW,
    OLD,
    PROPOSAL,
    READY,
    notices,
    pod,
    seen,
    serving,
    waiting,
)


def silent(rollout, times=2, why="no answer"):
    steps = []
    for _ in range(times):
        steps.append(unanswered(rollout, READY, 0, "a", why))
        rollout = steps[-1].rollout
    return steps


def test_each_spell_of_silence_is_told_and_so_is_its_end():
    rollout, told, keys = serving(), [], []
    for _ in range(3):
        steps = silent(rollout)
        steps.append(prove(steps[-1].rollout, READY, 0, "a", 0.5))
        rollout = steps[-1].rollout
        told += [notice for step in steps for notice in notices(step)]
        keys += [news.key for step in steps for news in step.news]

    assert told == [Degraded(NAME, 0, 1, "no answer"), Recovered(NAME, 0, 0.5)] * 3
    assert len(set(keys)) == 6


def test_after_a_kill_between_word_and_memory_the_key_is_the_same():
    once, twice = silent(silent(serving(), 1)[0].rollout, 1), silent(serving())
    back = [prove(twice[-1].rollout, READY, 0, "a", first).news[0].key for first in (0.4, 0.9)]

    assert once[-1].news == twice[-1].news
    assert back[0] == back[1]


def test_a_spell_that_a_new_state_ended_is_not_the_next_one():
    down = silent(serving())
    newer = replace(PROPOSAL, state="s2")
    changed = replace(READY, state="s2")
    rollout = observe(down[-1].rollout, newer, changed).rollout
    rollout = prove(rollout, changed, 0, "a", 0.4).rollout

    again = silent(rollout)

    assert notices(again[-1]) == [Degraded(NAME, 0, 1, "no answer")]
    assert again[-1].news[0].key != down[-1].news[0].key


def test_what_keeps_us_out_is_told_again_after_something_else_did():
    rollout, keys = observe(MERGED, PROPOSAL, READY).rollout, set()
    for why in ("no key", "401", "no key"):
        step = shut(rollout, READY, 0, "a", why)
        rollout, keys = step.rollout, keys | {news.key for news in step.news}

    assert len(keys) == 3


DEAD = waiting("CrashLoopBackOff", failure="OOMKilled (exit 137)")
AWAY = waiting("loading", said="NodeNotReady: no word of the node")


@pytest.mark.parametrize(
    ("pods", "cause"),
    [
        ((pod(0, 0, "a"), DEAD), f"worker 1 ({DEAD.name}): OOMKilled (exit 137)"),
        ((pod(0, 0, "a"), AWAY), f"worker 1 ({AWAY.name}): NodeNotReady: no word of the node"),
        ((waiting("loading", 0), pod(0, 1, "b")), "leader (m-0): loading"),
        ((pod(0, 0, "a"),), "1 of its 2 pods are not there"),
        ((), "2 of its 2 pods are not there"),
    ],
)
def test_a_group_that_served_and_is_not_ready_for_a_minute_is_degraded_once(pods, cause):
    lost = seen(*pods)
    step = lose(observe(serving(), PROPOSAL, lost).rollout, lost, NOW)
    assert step.news == ()
    step = lose(observe(step.rollout, PROPOSAL, lost).rollout, lost, NOW + LOST * 0.9)
    assert step.news == ()

    late = lose(step.rollout, lost, NOW + LOST)

    assert notices(late) == [Degraded(NAME, 0, 1, cause)]
    assert lose(late.rollout, lost, NOW + LOST * 99).news == ()
    assert lose(step.rollout, lost, NOW + LOST * 2).news == late.news  # after a kill
    back = observe(late.rollout, PROPOSAL, READY).rollout
    assert [leader.uid for leader in unproved(back, READY)] == ["a"]
    recovered = prove(back, READY, 0, "a", 0.5)
    assert notices(recovered) == [Recovered(NAME, 0, 0.5)]
    assert card(PROPOSAL, recovered.rollout, READY).phase == "serving · 1/1 groups proved"
    assert [leader.uid for leader in proved(recovered.rollout, READY)] == ["a"]


LOSS = seen(pod(0, 0, "a"), waiting("loading"))


def lost_group():
    return lose(observe(serving(), PROPOSAL, LOSS).rollout, LOSS, NOW).rollout


def test_a_short_loss_passes_without_a_word():
    two = replace(READY, replicas=2, pods=(*READY.pods, pod(1, 0, "c"), pod(1, 1, "d")))
    rollout = prove(observe(MERGED, PROPOSAL, two).rollout, two, 0, "a", 0.4).rollout
    gone = replace(two, pods=two.pods[1:])
    rollout = observe(observe(rollout, PROPOSAL, gone).rollout, PROPOSAL, two).rollout

    back = prove(lose(rollout, two, NOW).rollout, two, 0, "a", 0.5)

    assert back.news == ()
    assert lose(back.rollout, two, NOW + LOST * 9).news == ()
    assert notices(prove(back.rollout, two, 1, "c", 0.4)) == [Serving(NAME, 2, 0.5)]


def test_a_group_that_is_ready_again_and_does_not_answer_is_degraded():
    back = observe(lost_group(), PROPOSAL, READY).rollout
    said = "its pods are ready again, and it has not answered yet"
    assert notices(lose(back, READY, NOW + LOST)) == [Degraded(NAME, 0, 1, said)]

    step = silent(back)[-1]

    assert notices(step) == [Degraded(NAME, 0, 1, "no answer")]
    assert lose(step.rollout, READY, NOW + LOST * 9).news == ()
    assert notices(prove(step.rollout, READY, 0, "a", 0.5)) == [Recovered(NAME, 0, 0.5)]


def test_a_group_that_is_silent_and_then_lost_is_told_once():
    rollout = observe(silent(serving())[-1].rollout, PROPOSAL, LOSS).rollout

    assert lose(lose(rollout, LOSS, NOW).rollout, LOSS, NOW + LOST).news == ()


def test_a_group_that_is_made_anew_is_told_as_that_and_not_lost():
    anew = seen(pod(0, 0, "c", ready=False), pod(0, 1, "d", ready=False))
    step = observe(lost_group(), PROPOSAL, anew)

    assert [type(notice) for notice in notices(step)] == [Restarted]
    assert lose(step.rollout, anew, NOW + LOST * 9).news == ()


def test_what_is_on_its_way_out_or_has_not_served_is_not_lost():
    starting = observe(MERGED, PROPOSAL, LOSS).rollout

    assert lose(starting, LOSS, NOW + LOST * 9).news == ()
    assert lose(lost_group(), replace(LOSS, state="s2"), NOW + LOST * 9).news == ()
    assert lose(lost_group(), replace(LOSS, deleted=True), NOW + LOST * 9).news == ()


# A canary: groups before the partition stay on the earlier revision.


def canary(*pods, **fields):
    return seen(
        *pods, **{"replicas": 2, "revision": NEW, "partition": 1, "current": False} | fields
    )


OLD_0 = (pod(0, 0, "a", revision=OLD), pod(0, 1, "b", revision=OLD))
NEW_0 = (pod(0, 0, "c", revision=NEW), pod(0, 1, "d", revision=NEW))
NEW_1 = (pod(1, 0, "e", revision=NEW), pod(1, 1, "f", revision=NEW))
OLD_1 = (pod(1, 0, "g", revision=OLD), pod(1, 1, "h", revision=OLD))


@pytest.mark.parametrize(
    ("pods", "partition", "asked"),
    [
        ((*OLD_0, *NEW_1), 1, ["a", "e"]),
        ((*NEW_0, *NEW_1), 1, ["c", "e"]),
        ((*OLD_0, *OLD_1), 1, ["a"]),
        ((*OLD_0, *OLD_1), 2, ["a", "g"]),
        ((*OLD_0, *NEW_1), 0, ["e"]),
        ((OLD_0[0], NEW_0[1], *NEW_1), 1, ["e"]),  # on two revisions: on its way
    ],
)
def test_a_group_before_the_partition_may_be_on_any_one_revision(pods, partition, asked):
    observation = canary(*pods, partition=partition)
    rollout = observe(MERGED, PROPOSAL, observation).rollout

    assert [leader.uid for leader in unproved(rollout, observation)] == asked


@pytest.mark.parametrize(
    ("pods", "kept", "shown"),
    [
        ((*OLD_0, *NEW_1), 1,
         "serving · 2/2 groups proved, canary complete: 1 kept on an earlier revision"),
        ((*NEW_0, *NEW_1), 0, "serving · 2/2 groups proved"),
    ],
)  # fmt: skip
def test_a_canary_is_complete_when_all_its_groups_answered(pods, kept, shown):
    observation = canary(*pods)
    step = observe(MERGED, PROPOSAL, observation)
    for leader in unproved(step.rollout, observation):
        step = prove(step.rollout, observation, leader.group, leader.uid, 0.4)

    assert notices(step) == [Serving(NAME, 2, 0.4, kept)]
    assert ("1 kept on an earlier revision (canary)" in text(notices(step)[0])) == bool(kept)
    assert phase(PROPOSAL, step.rollout, observation) == shown


@pytest.mark.parametrize(
    ("strategy", "partition"),
    [
        ({}, 0),
        ({"rolloutStrategy": None}, 0),
        ({"rolloutStrategy": {"type": "RollingUpdate"}}, 0),
        ({"rolloutStrategy": {"rollingUpdateConfiguration": None}}, 0),
        ({"rolloutStrategy": {"rollingUpdateConfiguration": {"maxSurge": 1}}}, 0),
        ({"rolloutStrategy": {"rollingUpdateConfiguration": {"partition": None}}}, 0),
        ({"rolloutStrategy": {"rollingUpdateConfiguration": {"partition": 2}}}, 2),
    ],
)
def test_the_partition_is_read_where_there_is_one(strategy, partition):
    read = {"metadata": {"generation": 3}, "spec": {"replicas": 3, **strategy},
            "status": {"observedGeneration": 3, "updatedReplicas": 1}}  # fmt: skip
    found = asks(msgspec.convert(read, LwsObject), None)

    assert (found.partition, found.current) == (partition, partition == 2)
    [told] = look(World(awaited=set()), Seen("ADDED", LwsObject, msgspec.convert(read, LwsObject)))
    assert told.partition == partition


# No group at all.


def test_scaled_to_nothing_is_told_once_and_stands_on_the_card():
    none = replace(READY, replicas=0, pods=())
    for observation in (none, replace(READY, replicas=0)):  # its pods may still be stopping
        step = observe(MERGED, PROPOSAL, observation)

        assert notices(step) == [
            Applied(NAME, "s1"), Progress(NAME, "scaled to 0", "no group is wanted"),
        ]  # fmt: skip
        assert observe(step.rollout, PROPOSAL, none).news == ()
        assert phase(PROPOSAL, step.rollout, none) == "scaled to 0"
        assert unproved(step.rollout, none) == proved(step.rollout, none) == []


def test_from_nothing_it_starts_like_anything_new():
    rollout = observe(MERGED, PROPOSAL, replace(READY, replicas=0, pods=())).rollout
    up = replace(READY, state="s2")
    rollout = observe(rollout, replace(PROPOSAL, state="s2"), up).rollout

    assert notices(prove(rollout, up, 0, "a", 0.4)) == [Serving(NAME, 1, 0.4)]
