"""The sandbox's cluster against the recordings of real LWS controllers (recordings/README.md).

The same acts, the same versions; compared are objects, transitions, conditions, events and the
order of all of them. Races end as they ended in the recording: `recordings/VERSION/SCENARIO.json`
says how long each piece of the controllers' work waited, and nothing else.
"""

import functools
import itertools
import json

import pytest

from sandbox.cluster import VERSIONS
from tests.sandbox.recordings.compare import differences, said
from tests.sandbox.recordings.play import HERE, SCENARIOS, Waits, drawn, load, play, recorded
from tests.sandbox.recordings.unproven import UNPROVEN

QUIRKS = {each.version: each for each in VERSIONS}
ALL = [
    (version, scenario)
    for version in QUIRKS
    for scenario in SCENARIOS
    if (version, scenario) != ("v0.6.0", "18")  # size is immutable there: nothing to record
]
PROVEN = [each for each in ALL if each not in UNPROVEN]


@functools.cache
def played(version, scenario):
    """Return the recording, and what the sandbox shows for the same acts."""
    recording = recorded(version, scenario)
    races = load(HERE / version / f"{scenario}.json")
    pace = Waits(races.waits, drawn(races.seed))
    return recording, play(scenario, QUIRKS[version], pace, recording.acts).told


@pytest.mark.parametrize(("version", "scenario"), PROVEN)
def test_a_scenario_begins_and_goes_as_it_was_recorded(version, scenario):
    recording, told = played(version, scenario)

    assert sorted(told.begun) == sorted(recording.begun)
    assert differences(recording.lines, told.lines) == []


@pytest.mark.parametrize(("version", "scenario"), PROVEN)
def test_every_lost_or_swapped_transition_is_noticed(version, scenario):
    expected, seen = played(version, scenario)[0].lines, played(version, scenario)[1].lines

    for number, line in enumerate(expected):
        lost = expected[:number] + expected[number + 1 :]
        assert differences(lost, seen), f"nobody misses {line}"
    for number, (line, after) in enumerate(itertools.pairwise(expected)):
        if said(line) != said(after):
            swapped = [*expected[:number], after, line, *expected[number + 2 :]]
            assert differences(swapped, seen), f"nobody sees the order of {line} and {after}"


def test_at_most_ten_recordings_are_left_out_each_with_a_reason():
    files = {(path.parent.name, path.stem) for path in HERE.glob("v*/*.txt")}

    assert set(UNPROVEN) <= set(ALL)
    assert files | set(UNPROVEN) == set(ALL)
    assert len(UNPROVEN) <= 10
    assert all(len(reason) > 20 for reason in UNPROVEN.values())


def test_what_is_left_out_could_not_be_proven():
    for version, scenario in UNPROVEN:
        assert not (HERE / version / f"{scenario}.json").exists()


def test_the_waits_are_the_only_thing_the_sandbox_is_told():
    for path in HERE.glob("v*/*.json"):
        races = json.loads(path.read_text(encoding="utf-8"))

        assert sorted(races) == ["seed", "waits"]
        assert isinstance(races["seed"], int)
        assert all(
            isinstance(number, int | float)
            for each in races["waits"].values()
            for number in each.values()
        )


def test_no_piece_of_work_waits_longer_than_a_busy_controller_would():
    longest = [
        wait
        for version, scenario in PROVEN
        for stream, each in load(HERE / version / f"{scenario}.json").waits.items()
        for place, wait in each.items()
        if (stream, place) != ("LeaderWorkerSets vllm-multi-nodes", 0)  # the controller's start
    ]

    assert max(longest) <= 500  # milliseconds


def test_a_version_is_one_value():
    streams = {
        version: [line.text for line in played(version, "06")[1].lines if line.kind == "event"]
        for version in QUIRKS
    }

    assert any("RecreateGroup modern" in text for text in streams["v0.10.0"])
    assert any("RecreateGroupOnPodRestart classic" in text for text in streams["v0.7.0"])
