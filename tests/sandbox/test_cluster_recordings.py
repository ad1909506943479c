"""The sandbox's cluster against the recordings of real LWS controllers (recordings/README.md).

The same acts, the same versions; compared are objects, transitions, conditions, events and
their order. Races end as they ended in the recording: `recordings/VERSION/SCENARIO.json` says how
long each piece of the controllers' work waited, and nothing else.
"""

import itertools
import json

import pytest

from sandbox.cluster import VERSIONS
from tests.sandbox.recordings.compare import differences
from tests.sandbox.recordings.play import HERE, LATE, SCENARIOS, Waits, load, play, recorded
from tests.sandbox.recordings.unproven import UNPROVEN

QUIRKS = {each.version: each for each in VERSIONS}
ALL = [
    (version, scenario)
    for version in QUIRKS
    for scenario in SCENARIOS
    if (version, scenario) != ("v0.6.0", "18")  # size is immutable there: nothing to record
]
PROVEN = [each for each in ALL if each not in UNPROVEN]


def played(version, scenario):
    lines, moments = recorded(version, scenario)
    waits = load(HERE / version / f"{scenario}.json")
    return lines, play(scenario, QUIRKS[version], Waits(waits), moments).told.lines


@pytest.mark.parametrize(("version", "scenario"), PROVEN)
def test_a_scenario_goes_as_it_was_recorded(version, scenario):
    expected, seen = played(version, scenario)

    assert differences(expected, seen, LATE.get((version, scenario), 0.05)) == []


@pytest.mark.parametrize(("version", "scenario"), PROVEN)
def test_every_lost_or_swapped_transition_is_noticed(version, scenario):
    expected, seen = played(version, scenario)

    for number, line in enumerate(expected):
        lost = expected[:number] + expected[number + 1 :]
        assert differences(lost, seen), f"nobody misses {line}"
    for swapped, pair in swaps(expected, LATE.get((version, scenario), 0.05)):
        assert differences(swapped, seen), f"nobody sees the order of {pair}"


def swaps(lines, slack):
    """Yield the lines with two swapped: neighbours in a kind, and neighbours that have an order."""
    last = {}
    for number, line in enumerate(lines):
        if line.kind in last and lines[last[line.kind]].text != line.text:
            yield exchanged(lines, last[line.kind], number), (lines[last[line.kind]], line)
        last[line.kind] = number
    for number, (line, after) in enumerate(itertools.pairwise(lines)):
        if line.kind != after.kind and after.moment - line.moment > slack:
            yield exchanged(lines, number, number + 1), (line, after)


def exchanged(lines, first, second):
    """Swap what two lines say; the moments stay where they were."""
    made, one, other = list(lines), lines[first], lines[second]
    made[first] = other._replace(moment=one.moment)
    made[second] = one._replace(moment=other.moment)
    return made


def test_every_recording_is_proven_or_named_with_a_reason():
    files = {(path.parent.name, path.stem) for path in HERE.glob("v*/*.txt")}
    left_out = set(UNPROVEN)

    assert left_out <= set(ALL)
    assert files | left_out == set(ALL)
    assert all(len(reason) > 20 for reason in UNPROVEN.values())


def test_the_waits_are_the_only_thing_the_sandbox_is_told():
    for path in HERE.glob("v*/*.json"):
        waits = json.loads(path.read_text(encoding="utf-8"))

        assert all(
            isinstance(number, int | float) for each in waits.values() for number in each.values()
        )


def test_a_version_is_one_value():
    streams = {
        version: [line.text for line in played(version, "06")[1] if line.kind == "event"]
        for version in QUIRKS
    }

    assert any("RecreateGroup modern" in text for text in streams["v0.10.0"])
    assert any("RecreateGroupOnPodRestart classic" in text for text in streams["v0.7.0"])
