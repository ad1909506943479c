"""Finds set-ups that leave what a recording begins with: what is there, and how many Events."""

import re

from sandbox.cluster.quirks import VERSIONS
from tests.sandbox.recordings.lines import Lines
from tests.sandbox.recordings.play import SCENARIOS, Waits, drawn, prepared, recorded

_SEEDS = 1200
_ENOUGH = 4


def setups(version, scenario):
    """Return seeds with which the set-up leaves what the recording begins with."""
    quirks = next(each for each in VERSIONS if each.version == version)
    begun, lines, _ = recorded(version, scenario)
    counts = {}
    for line in lines:
        thing = re.sub(r"^\S+ | x(\d+|-)", "", line.text)
        if line.kind == "event" and thing not in counts:
            counts[thing] = (re.search(r" x(\d+|-)", line.text)[1], line.text.startswith("ADDED"))
    found = []
    for seed in range(_SEEDS if SCENARIOS[scenario][0] is not None else 1):
        stage, _ = prepared(scenario, quirks, Waits({}, drawn(seed)))
        if sorted(stage.told.begun) == sorted(begun) and _counted(stage, counts):
            found.append(seed)
            if len(found) == _ENOUGH:
                break
    return found


def _counted(stage, counts):
    """Say whether the Events before the first act are as often as the recording counts on."""
    lines, known = Lines(), {}
    for item in stage.cluster.select("events", "default"):
        lines.see(0.0, "event", "ADDED", item)
        text = lines.lines[-1].text
        known[re.sub(r"^\S+ | x(\d+|-)", "", text)] = re.search(r" x(\d+|-)", text)[1]
    for thing, (count, fresh) in counts.items():
        if " by=leaderworkerset" not in thing:
            continue  # of a StatefulSet or pod made anew
        if " classic " in thing:
            if known.get(thing, "0") != ("0" if fresh else str(int(count) - 1)):
                return False
        elif not fresh and known.get(thing) == "2":
            return False
    return True
