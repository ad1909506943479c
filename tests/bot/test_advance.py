"""From observations to news: told once, with the cause, on every recorded controller version."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bot.cluster import Listed, Observation, Pod
from bot.cluster.objects import LABEL, LwsObject, PodObject
from bot.cluster.revisions import RevisionObject
from bot.cluster.world import FIRST, Seen, World, look
from bot.notice import (
    Applied,
    Degraded,
    Missing,
    NotApplied,
    Progress,
    Proved,
    Recovered,
    Removed,
    Restarted,
    Serving,
    Unproved,
)
from bot.rollout.advance import (
    observe,
    prove,
    proved,
    shut,
    unanswered,
    unproved,
    wait,
)
from bot.rollout.card import card
from bot.rollout.groups import UNKNOWN_CAUSE
from bot.rollout.step import Step
from bot.store import Proposal, Rollout

RECORDINGS = Path(__file__).parent / "recordings"
VERSIONS = ["v0.6.0", "v0.7.0", "v0.8.0plus", "v0.10.0"]

PROPOSAL = Proposal(
    environment="example",
    name="vllm-multi-nodes",
    namespace="default",
    model="qwen3-32b",
    served_model_name="qwen3-32b",
    engine="vllm 0.10.0",
    shape="1×(2×1 GPU)",
    parallel="TP 2 × PP 1",
    gpus=2,
    state="s1",
    pull_number=7,
    pull_url="https://git.example/7",
    channel="C1",
    card="1.1",
    requested_by="U1",
)
MERGED = Rollout(7, review="merged")


def pod(group, index, uid, **fields):
    values = {
        "name": f"m-{group}" + (f"-{index}" if index else ""),
        "revision": "r1",
        "state": "ready",
        "ready": True,
        "deleting": False,
        "failure": "",
    } | fields
    return Pod(uid=uid, group=group, index=index, **values)


def seen(*pods, **fields):
    values = {"uid": "lws1", "state": "s1", "replicas": 1, "size": 2, "current": True} | fields
    return Observation("default", "vllm-multi-nodes", pods=pods, **values)


READY = seen(pod(0, 0, "a"), pod(0, 1, "b"))


def notices(step):
    return [news.notice for news in step.news]


def serving():
    rollout = observe(MERGED, PROPOSAL, READY).rollout
    return prove(rollout, READY, 0, "a", 0.4).rollout


def test_of_a_closed_pull_request_nothing_is_followed():
    closed = Rollout(7, review="closed")

    assert observe(closed, PROPOSAL, READY).news == ()
    assert unproved(closed, READY) == []


def test_another_desired_state_is_not_ours():
    step = observe(MERGED, PROPOSAL, replace(READY, state="other"))

    assert step.news == ()
    assert unproved(step.rollout, READY) == []


def test_ready_pods_are_not_serving_before_they_answer():
    step = observe(MERGED, PROPOSAL, READY)

    assert notices(step) == [Applied("vllm-multi-nodes", "s1")]
    assert [leader.uid for leader in unproved(step.rollout, READY)] == ["a"]


def test_serving_is_told_once_all_groups_have_answered():
    two = replace(READY, replicas=2, pods=(*READY.pods, pod(1, 0, "c"), pod(1, 1, "d")))
    first = prove(observe(MERGED, PROPOSAL, two).rollout, two, 0, "a", 0.4)
    second = prove(first.rollout, two, 1, "c", 0.9)

    assert notices(first) == [Proved("vllm-multi-nodes", 0, 1, 2, 0.4)]
    assert notices(second) == [Serving("vllm-multi-nodes", 2, 0.9)]
    assert prove(second.rollout, two, 1, "c", 0.9).news == ()


@pytest.mark.parametrize(
    "change",
    [
        {"ready": False, "state": "loading"},
        {"deleting": True, "ready": False},
        {"revision": "r0"},
    ],
)
def test_a_group_with_one_pod_not_ready_is_not_asked(change):
    observation = seen(pod(0, 0, "a"), pod(0, 1, "b", **change))
    rollout = observe(MERGED, PROPOSAL, observation).rollout

    assert unproved(rollout, observation) == []


def test_a_group_is_not_asked_while_the_controller_still_moves_groups():
    observation = replace(READY, current=False)

    assert unproved(observe(MERGED, PROPOSAL, observation).rollout, observation) == []


OLD, NEW = "r1", "r2"


@pytest.mark.parametrize(
    ("wanted", "current", "asked"),
    [
        (OLD, False, ["a"]),
        (NEW, True, []),  # whatever the counters say
        ("", True, ["a"]),  # nothing tells, and the controller speaks of this spec
        ("", False, []),
    ],
)
def test_a_group_is_asked_on_the_revision_that_the_set_asks_for(wanted, current, asked):
    observation = replace(READY, revision=wanted, current=current)
    rollout = observe(MERGED, PROPOSAL, observation).rollout

    assert [leader.uid for leader in unproved(rollout, observation)] == asked


def test_an_answer_that_was_asked_for_before_a_change_proves_nothing_of_it():
    newer = replace(PROPOSAL, state="s2", pull_number=8)
    changed = replace(READY, state="s2", revision=NEW)
    rollout = observe(replace(serving(), pull_number=8, review="merged"), newer, changed).rollout

    assert prove(rollout, changed, 0, "a", 0.4) == Step(rollout)


def test_a_restart_is_told_once_with_the_first_failure_as_its_cause():
    killed = seen(pod(0, 0, "a"), pod(0, 1, "b", ready=False, failure="OOMKilled (exit 137)"))
    victim = pod(0, 0, "a", deleting=True, ready=False, failure="Error (exit 143)")
    rollout = observe(serving(), PROPOSAL, killed).rollout
    rollout = observe(rollout, PROPOSAL, seen(victim)).rollout
    anew = seen(pod(0, 0, "c", ready=False))

    step = observe(rollout, PROPOSAL, anew)

    cause = "worker 1 (m-0-1): OOMKilled (exit 137)"
    assert notices(step) == [Restarted("vllm-multi-nodes", 0, 1, cause)]
    assert observe(step.rollout, PROPOSAL, anew).news == ()


def test_a_recreated_group_has_recovered_when_its_new_leader_answers():
    rollout = observe(serving(), PROPOSAL, seen(pod(0, 0, "c"), pod(0, 1, "d"))).rollout
    again = seen(pod(0, 0, "c"), pod(0, 1, "d"))

    assert prove(rollout, again, 0, "a", 0.1).news == ()  # an answer of the old leader
    step = prove(rollout, again, 0, "c", 0.5)
    assert notices(step) == [Recovered("vllm-multi-nodes", 0, 0.5)]
    assert prove(step.rollout, again, 0, "c", 0.5).news == ()


def test_a_new_revision_is_a_rollout_and_no_restart():
    updated = seen(pod(0, 0, "c", revision="r2"), pod(0, 1, "d", revision="r2"))

    assert observe(serving(), PROPOSAL, updated).news == ()


def test_a_restart_without_a_visible_failure_says_so():
    step = observe(serving(), PROPOSAL, seen(pod(0, 0, "c"), pod(0, 1, "d")))

    assert [notice.cause for notice in notices(step)] == [UNKNOWN_CAUSE]


def test_a_set_made_anew_under_the_same_name_starts_from_nothing():
    step = observe(serving(), PROPOSAL, replace(READY, uid="lws2"))

    assert notices(step) == [Applied("vllm-multi-nodes", "s1")]
    assert step.rollout.groups[0].proved is None


def test_a_newer_proposal_leaves_what_runs_followed():
    newer = replace(PROPOSAL, state="s2", pull_number=8)
    for review_ in ("open", "closed"):
        rollout = replace(serving(), pull_number=8, review=review_)
        restarted = observe(rollout, newer, seen(pod(0, 0, "c"), pod(0, 1, "d")))

        assert [type(notice) for notice in notices(restarted)] == [Restarted]
        again = seen(pod(0, 0, "c"), pod(0, 1, "d"))
        assert [leader.uid for leader in unproved(restarted.rollout, again)] == ["c"]
        assert card(newer, rollout, READY).phase == "serving · 1/1 groups proved"


def test_a_merged_newer_state_is_applied_when_the_cluster_shows_it():
    newer = replace(PROPOSAL, state="s2", pull_number=8)
    rollout = replace(serving(), pull_number=8, review="merged")

    assert observe(rollout, newer, READY).news == ()
    step = observe(rollout, newer, replace(READY, state="s2"))
    assert notices(step) == [Applied("vllm-multi-nodes", "s2")]
    assert (step.rollout.applied, step.rollout.groups[0].proved) == ("s2", None)


def test_the_card_says_degraded_when_a_group_that_served_lost_its_proof():
    lost = seen(pod(0, 0, "a"), pod(0, 1, "b", ready=False, state="CrashLoopBackOff"))
    rollout = observe(serving(), PROPOSAL, lost).rollout

    assert card(PROPOSAL, rollout, lost).phase == "degraded · 0/1 groups proved"
    assert card(PROPOSAL, serving(), READY).phase == "serving · 1/1 groups proved"
    assert card(PROPOSAL, None, None).phase == "pull request open"


NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
WAITING = replace(MERGED, merged_at=NOW.isoformat())


def after(minutes):
    return NOW + dt.timedelta(minutes=minutes)


def test_a_merge_that_is_not_applied_is_told_after_ten_minutes_and_once():
    assert wait(WAITING, PROPOSAL, after(9.9)).news == ()

    step = wait(WAITING, PROPOSAL, after(10))

    assert notices(step) == [NotApplied("vllm-multi-nodes", 10)]
    assert wait(step.rollout, PROPOSAL, after(60)).news == ()


def test_what_the_controller_says_is_told_at_once_and_again_when_it_is_something_else():
    step = wait(WAITING, PROPOSAL, after(1), "build failed")

    assert notices(step) == [NotApplied("vllm-multi-nodes", 1, "build failed")]
    assert wait(step.rollout, PROPOSAL, after(2), "build failed").news == ()
    assert wait(step.rollout, PROPOSAL, after(20)).news == ()
    other = wait(step.rollout, PROPOSAL, after(3), "denied")
    assert notices(other) == [NotApplied("vllm-multi-nodes", 3, "denied")]


@pytest.mark.parametrize(
    "rollout", [Rollout(7), Rollout(7, review="closed"), replace(WAITING, applied="s1")]
)
def test_what_is_not_merged_or_is_applied_is_not_waited_for(rollout):
    assert wait(rollout, PROPOSAL, after(60), "anything") == Step(rollout)


def test_a_removal_is_waited_for_until_the_set_is_gone():
    removal = replace(PROPOSAL, state="removed", removal=True)
    rollout = replace(serving(), merged_at=NOW.isoformat())

    assert notices(wait(rollout, removal, after(10))) == [NotApplied("vllm-multi-nodes", 10)]
    gone = observe(rollout, removal, replace(READY, deleted=True))
    assert notices(gone) == [Removed("vllm-multi-nodes")]
    assert wait(gone.rollout, removal, after(10)).news == ()
    assert observe(gone.rollout, removal, replace(READY, deleted=True)).news == ()


def test_a_set_that_goes_without_being_asked_to_is_missing_and_may_come_back():
    gone = observe(serving(), PROPOSAL, replace(READY, deleted=True))

    assert notices(gone) == [Missing("vllm-multi-nodes")]
    assert gone.rollout.missing
    back = observe(gone.rollout, PROPOSAL, replace(READY, uid="lws2"))
    assert notices(back) == [Applied("vllm-multi-nodes", "s1")]
    assert not back.rollout.missing


def test_a_set_that_was_never_seen_is_not_missed():
    assert observe(MERGED, PROPOSAL, replace(READY, deleted=True)) == Step(MERGED)


def waiting(state, index=1, **fields):
    return pod(0, index, "ab"[index], ready=False, state=state, **fields)


@pytest.mark.parametrize(
    ("pods", "phase", "detail"),
    [
        ((), "scheduling", "0/2 pods past it"),
        ((pod(0, 0, "a", ready=False, state="Pending"),), "scheduling",
         "0/2 pods past it; waiting: Pending"),
        ((pod(0, 0, "a", ready=False, state="loading"), waiting("Unschedulable")), "scheduling",
         "1/2 pods past it; waiting: Unschedulable"),
        ((pod(0, 0, "a", ready=False, state="loading"), waiting("ContainerCreating")),
         "pulling images, mounting volumes", "1/2 pods past it; waiting: ContainerCreating"),
        ((pod(0, 0, "a", ready=False, state="loading"), waiting("loading")), "loading weights",
         "0/2 pods past it"),
        ((waiting("loading", 0), pod(0, 1, "b")), "ranks joining", "1/2 pods past it"),
        ((pod(0, 0, "a"), pod(0, 1, "b"), pod(1, 0, "c", ready=False, state="Unschedulable")),
         "scheduling", "2/3 pods past it; waiting: Unschedulable"),  # one of a surge group
    ],
)  # fmt: skip
def test_each_phase_is_told_once(pods, phase, detail):
    step = observe(MERGED, PROPOSAL, seen(*pods))

    assert notices(step) == [
        Applied("vllm-multi-nodes", "s1"),
        Progress("vllm-multi-nodes", phase, detail),
    ]
    assert observe(step.rollout, PROPOSAL, seen(*pods)).news == ()


def test_phases_are_told_forwards_only():
    loading = seen(waiting("loading", 0), waiting("loading"))
    rollout = observe(MERGED, PROPOSAL, loading).rollout

    assert observe(rollout, PROPOSAL, seen(waiting("Pending", 0))).news == ()
    assert observe(serving(), PROPOSAL, seen(waiting("loading", 0), pod(0, 1, "b"))).news == ()


def test_a_serving_group_that_misses_two_proofs_is_degraded_until_it_answers():
    once = unanswered(serving(), READY, 0, "a", "no answer")
    twice = unanswered(once.rollout, READY, 0, "a", "no answer")

    assert once.news == ()
    assert notices(twice) == [Degraded("vllm-multi-nodes", 0, 1, "no answer")]
    assert unanswered(twice.rollout, READY, 0, "a", "no answer").news == ()
    assert card(PROPOSAL, twice.rollout, READY).phase == "degraded · 0/1 groups proved"
    back = prove(twice.rollout, READY, 0, "a", 0.5)
    assert notices(back) == [Recovered("vllm-multi-nodes", 0, 0.5)]
    assert prove(back.rollout, READY, 0, "a", 0.5).news == ()
    assert prove(once.rollout, READY, 0, "a", 0.5).news == ()


def test_a_group_that_has_not_served_is_not_degraded():
    rollout = observe(MERGED, PROPOSAL, READY).rollout

    for _ in range(3):
        step = unanswered(rollout, READY, 0, "a", "no answer")
        assert step.news == ()
        rollout = step.rollout
    assert unanswered(serving(), READY, 0, "other", "no answer") == Step(serving())


def test_why_nobody_can_ask_is_told_once_and_the_phase_stays():
    rollout = observe(MERGED, PROPOSAL, READY).rollout
    first = shut(rollout, READY, 0, "a", "no key")

    assert notices(first) == [Unproved("vllm-multi-nodes", "no key")]
    assert shut(first.rollout, READY, 0, "a", "no key").news == ()
    assert shut(rollout, READY, 0, "other", "no key") == Step(rollout)
    shown, before = card(PROPOSAL, first.rollout, READY), card(PROPOSAL, rollout, READY)
    assert shown.phase == before.phase
    other = shut(first.rollout, READY, 0, "a", "401")
    assert notices(other) == [Unproved("vllm-multi-nodes", "401")]
    proved = prove(other.rollout, READY, 0, "a", 0.4)
    assert notices(proved) == [Serving("vllm-multi-nodes", 1, 0.4)]
    assert proved.rollout.shut == ""


def test_a_group_that_served_and_lets_nobody_in_any_more_is_degraded():
    once = shut(serving(), READY, 0, "a", "401; check the API key file")
    twice = shut(once.rollout, READY, 0, "a", "401; check the API key file")

    assert once.news == ()
    assert notices(twice) == [Degraded("vllm-multi-nodes", 0, 1, "401; check the API key file")]


def test_groups_that_have_answered_are_asked_again():
    assert [leader.uid for leader in proved(serving(), READY)] == ["a"]
    assert proved(observe(MERGED, PROPOSAL, READY).rollout, READY) == []


KINDS = {"lws": LwsObject, "pod": PodObject, "rev": RevisionObject}


def recorded(version, scenario):
    [file] = (RECORDINGS / version).glob(f"{scenario}_*.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def replay(version, scenario):
    """Return the observations that a recorded stream gives, in order; each spec is a state."""
    world, listed = World(), False
    for entry in recorded(version, scenario):
        if entry["type"] != "INITIAL" and not listed:
            yield from end_of_lists(world)
            listed = True
        if entry["kind"] == "lws":
            meta = entry["object"]["metadata"]
            meta["annotations"] = {"leadline/desired-state": f"s{meta['generation']}"}
        kind = KINDS[entry["kind"]]
        item = msgspec.json.decode(json.dumps(entry["object"]), type=kind)
        yield from look(world, Seen(entry["type"], kind, item))


def end_of_lists(world):
    found = [each for kind in FIRST for each in look(world, Seen("LISTED", kind))]
    return [each for each in found if not isinstance(each, Listed)]


def follow(version, scenario):
    """Play a recorded stream; what it shows is merged, and every leader that is asked answers.

    Return all notices, and of each leader that was asked the state and its pod's revision.
    """
    rollout, told, asked = MERGED, [], []
    for observation in replay(version, scenario):
        proposal = replace(PROPOSAL, state=observation.state)
        steps = [observe(rollout, proposal, observation)]
        for leader in unproved(steps[-1].rollout, observation):
            asked.append((observation.state, leader.group, leader.revision))
            before = steps[-1].rollout
            steps.append(prove(before, observation, leader.group, leader.uid, 0.4))
        told += [notice for step in steps for notice in notices(step)]
        rollout = steps[-1].rollout
    return told, asked


NAME = "vllm-multi-nodes"
SERVING, RECOVERED = Serving(NAME, 1, 0.4), Recovered(NAME, 0, 0.4)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("01", [SERVING]),
        ("04", [SERVING, Serving(NAME, 2, 0.4)]),
        ("05", [Serving(NAME, 2, 0.4), SERVING]),
        (
            "06",
            [SERVING, Restarted(NAME, 0, 1, f"worker 1 ({NAME}-0-1): Error (exit 1)"), RECOVERED],
        ),
        ("07", [SERVING, Restarted(NAME, 0, 1, f"leader ({NAME}-0): Error (exit 1)"), RECOVERED]),
        (
            "08",
            [
                SERVING,
                Restarted(NAME, 0, 1, f"worker 1 ({NAME}-0-1): OOMKilled (exit 137)"),
                RECOVERED,
            ],
        ),
        (
            "09",
            [
                Serving(NAME, 2, 0.4),
                Restarted(NAME, 1, 2, f"worker 1 ({NAME}-1-1): Error (exit 1)"),
                Recovered(NAME, 1, 0.4),
            ],
        ),
        ("10", [SERVING, Restarted(NAME, 0, 1, UNKNOWN_CAUSE), RECOVERED]),
    ],
)
def test_every_recorded_controller_is_told_the_same_way(version, scenario, expected):
    told, _ = follow(version, scenario)
    on_the_way = (Applied, Progress, Proved)
    assert [notice for notice in told if not isinstance(notice, on_the_way)] == expected


def revisions_of(version, scenario):
    """Return the pods' label of each state: states and revisions came in the same order."""
    found, states = {}, []
    for entry in recorded(version, scenario):
        meta = entry["object"]["metadata"]
        if entry["kind"] == "rev":
            found[entry["object"]["revision"]] = meta["labels"][f"{LABEL}template-revision-hash"]
        elif entry["kind"] == "lws" and f"s{meta['generation']}" not in states:
            states.append(f"s{meta['generation']}")
    return dict(zip(states, [found[number] for number in sorted(found)], strict=True))


HANGS = {("v0.6.0", "25"), ("v0.7.0", "25"), ("v0.8.0plus", "25")}
"""Before v0.9 a rollout with a surge and nothing unavailable never ends."""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("scenario", ["03", "23", "25"])
def test_no_group_on_an_earlier_revision_is_asked_for_its_proof(version, scenario):
    told, asked = follow(version, scenario)

    truth = revisions_of(version, scenario)
    assert asked
    assert [each for each in asked if truth[each[0]] != each[2]] == []
    served = [type(notice) for notice in told if isinstance(notice, (Applied, Serving))]
    if (version, scenario) in HANGS:
        assert served == [Applied, Serving, Applied]
    else:
        assert served[-2:] == [Applied, Serving]


@pytest.mark.parametrize("version", VERSIONS)
def test_groups_are_proved_one_by_one_as_they_come_to_the_new_revision(version):
    told, _ = follow(version, "03")

    at = told.index(Applied(NAME, "s2"))
    later = [notice for notice in told[at:] if isinstance(notice, (Proved, Serving))]
    assert later == [Proved(NAME, 1, 1, 2, 0.4), Serving(NAME, 2, 0.4)]
