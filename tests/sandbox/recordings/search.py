"""Finds the waits with which the sandbox's races end as in a recording (see README.md).

`python search.py SECONDS [VERSION [SCENARIO…]]` keeps what it finds in `VERSION/SCENARIO.json`.
The rules of the cluster stay as they are: a wait only says which of two racing pieces of work
comes first. It changes a wait near the first difference and keeps what brings it further.
"""

import json
import random
import sys
import time

from sandbox.cluster.quirks import VERSIONS
from tests.sandbox.recordings.compare import of
from tests.sandbox.recordings.play import HERE, SCENARIOS, load, recorded
from tests.sandbox.recordings.rating import rate

CHOICES = (0.1, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 25, 30, 40, 50, 65, 80, 100, 130, 180)
PAUSES = ("view", "make", "status", "write", "count")  # usually 0
WORKS = {
    "lws": ("LeaderWorkerSets", "StatefulSets", "Groups", *PAUSES),
    "pod": ("StatefulSets", "Scheduler", "Kubelet", "Garbage", "Groups", "order"),
    "sts": ("count", "StatefulSets", "Groups", "LeaderWorkerSets", "Garbage", "view", "make"),
    "rev": ("StatefulSets", "LeaderWorkerSets", "Garbage"),
    "event": ("Recorder", "LeaderWorkerSets", "Scheduler", "StatefulSets", "Groups", *PAUSES),
}


class Search:
    """The state of the search for one recording."""

    def __init__(self, version, scenario):
        self.quirks = next(each for each in VERSIONS if each.version == version)
        self.scenario = scenario
        self.lines, self.acts = recorded(version, scenario)
        self.lots = random.Random(f"{scenario}/{time.monotonic()}")  # noqa: S311 - no secret
        self.path = HERE / version / f"{scenario}.json"
        self.waits = load(self.path) or self.begun()
        self.best = self.rate(self.waits)
        self.past, self.tried = [self.best.score] * 40, 0
        self.peak = (self.waits, self.best)
        if not self.best.solved and self.lots.random() < 0.5:  # a dead end is left by starting anew
            self.waits = self.begun()
            self.best = self.rate(self.waits)
            self.past = [self.best.score] * 40

    def begun(self):
        """Return the waits to begin with: where nothing was yet, the controller had to start."""
        if SCENARIOS[self.scenario][0] is not None:
            return {}
        first = of("rev", self.lines)[0].moment - self.acts[0]
        return {"LeaderWorkerSets vllm-multi-nodes": {0: max(0.1, round(1000 * first - 5))}}

    def rate(self, waits):
        return rate(self.scenario, self.quirks, waits, self.lines, self.acts)

    def run(self, seconds):
        """Search for some seconds; keep what was found."""
        end = time.monotonic() + seconds
        while not self.peak[1].solved and time.monotonic() < end:
            self.step()
        self.save()

    def step(self):
        """Try one change; late acceptance: keep what is not worse than some tries ago."""
        waits = {stream: dict(places) for stream, places in self.waits.items()}
        early = min(each[0] for each in self.best.wrong)
        near = [each for each in self.best.wrong if each[0] < early + 0.3]
        moment, kind, place = self.lots.choice(near)
        directed = self.lots.random() < 0.45 and self.direct(waits, kind, place)
        if self.lots.random() < 0.15:
            self.repeat(waits, moment)
        elif not directed or self.lots.random() < 0.2:
            self.wander(waits, moment, kind)
        rated = self.rate(waits)
        turn = self.tried % len(self.past)
        if rated.score >= min(self.best.score, self.past[turn]):
            self.waits, self.best = waits, rated
        self.past[turn] = self.best.score
        self.tried += 1
        if rated.score >= self.peak[1].score:
            self.peak = (waits, rated)

    def direct(self, waits, kind, place):
        """Move what came too early to its recorded moment, or what came too late."""
        moves = self.apart(place) if isinstance(place, tuple) else self.nearer(kind, place)
        if moves and self.lots.random() < 0.7:
            moves = [self.lots.choice(moves)]
        for cause, move in moves:
            self.shift(waits, cause, move)
        return bool(moves)

    def shift(self, waits, cause, move):
        """Change the wait of a cause, or of what caused that."""
        pace = self.best.pace
        stream, number = cause
        for _ in range(self.lots.choice((0, 0, 0, 1, 1, 2))):
            stream, number = pace.parents.get((stream, number), (stream, number))
        if number < 0 or stream == " ":
            return
        old = waits.get(stream, {}).get(number, pace.usual.get(stream.split()[0], 10))
        new = old + 1000 * move * self.lots.choice((1, 1, 1, 0.5, 1.3))
        new += self.lots.choice((0, 0, 3, -3, 6, 12, -8))
        waits.setdefault(stream, {})[number] = round(max(0.1, min(new, 400)), 1)

    def apart(self, pair):
        """Move two lines of different kinds to their recorded moments."""
        got, causes = self.best.got, self.best.causes
        return [
            (causes[line.kind][number], line.moment - got[line.kind][number].moment)
            for line, number in ((pair[0], pair[2]), (pair[1], pair[3]))
        ]

    def nearer(self, kind, place):
        """Return what would bring the expected line, or move the one that was seen."""
        want, mine, causes = of(kind, self.lines), self.best.got[kind], self.best.causes[kind]
        moves = []
        if place < len(mine):
            text, seen = mine[place].text, mine[place].moment
            to = next((line.moment for line in want[place:] if line.text == text), None)
            move = self.lots.choice((0.01, 0.03, 0.08, -0.01)) if to is None else to - seen
            moves.append((causes[place], move))
        if place < len(want):
            late = [n for n in range(place, len(mine)) if mine[n].text == want[place].text]
            moves += [(causes[n], want[place].moment - mine[n].moment) for n in late[:1]]
        return moves

    def repeat(self, waits, moment):
        """Let LWS look once more, or once less, at a state that its cache still shows."""
        start = self.best.start
        near = [x for x in self.best.asked if moment - 0.3 <= x[0] - start <= moment + 0.1]
        views = [x for x in near if x[1].startswith("view")]
        if not views:
            return
        begun, stream, place = self.lots.choice(views)
        more = not waits.get(stream, {}).get(place)
        step, name = 1 if more else -1, stream.split()[1]
        for work in ("LeaderWorkerSets", *PAUSES[:-1]):
            other = f"{work} {name}"
            later = [n for now, which, n in self.best.asked if which == other and now > begun]
            first = min(later, default=0)
            places = waits.get(other, {})
            if later and places:
                waits[other] = {n + step if n >= first else n: ms for n, ms in places.items()}
        waits.setdefault(stream, {})[place] = self.lots.choice((15, 30, 60, 100)) if more else 0

    def wander(self, waits, moment, kind):
        """Change any wait around the difference."""
        start = self.best.start
        near = [x for x in self.best.asked if moment - 0.6 <= x[0] - start <= moment + 0.06]
        if self.lots.random() < 0.8:
            near = [x for x in near if x[1].split()[0] in WORKS[kind]] or near
        for _ in range(self.lots.choice((1, 1, 1, 2, 2, 3))):
            close = near[-8:] if self.lots.random() < 0.6 else near
            _, stream, place = self.lots.choice(close or self.best.asked)
            choices = (0, 0, 10, 30, 60, 100) if stream.startswith(PAUSES) else CHOICES
            if self.lots.random() < 0.25:
                waits.get(stream, {}).pop(place, None)
            else:
                waits.setdefault(stream, {})[place] = self.lots.choice(choices)

    def save(self):
        """Keep the waits that were asked for."""
        waits, best = self.peak
        asked = {(stream, place) for _, stream, place in best.asked}
        kept = {
            stream: {place: ms for place, ms in sorted(places.items()) if (stream, place) in asked}
            for stream, places in sorted(waits.items())
        }
        kept = {stream: places for stream, places in kept.items() if places}
        self.path.write_text(json.dumps(kept, separators=(",", ":")) + "\n", encoding="utf-8")


def main(seconds, version="v0.10.0", *scenarios):
    """Search for the waits of some recordings, one after the other."""
    for scenario in scenarios or sorted(SCENARIOS):
        if not (HERE / version / f"{scenario}.txt").exists():
            continue
        search = Search(version, scenario)
        before = search.best.score
        if not (search.best.solved and search.path.exists()):
            search.run(float(seconds))
        best = search.peak[1]
        said = f"{before:.1f} -> {best.score:.1f} of {len(search.lines)}, {search.tried} tries"
        sys.stdout.write(f"{version} {scenario} {said} {'SOLVED' if best.solved else ''}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
