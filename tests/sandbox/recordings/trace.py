"""Finds the waits with which the sandbox's races end as in a recording (see README.md).

`python trace.py SECONDS [VERSION [SCENARIO…]]` keeps what it finds in `VERSION/SCENARIO.json`.
The rules of the cluster stay as they are. At each step every piece of work that waits is tried;
what writes something else than the recording's next line is taken back. The states that got
furthest are gone on with, at most `width` of each length (a beam search).
"""

import heapq
import itertools
import json
import sys
import time

from sandbox.cluster.quirks import VERSIONS
from tests.sandbox.recordings.compare import differences
from tests.sandbox.recordings.guide import FREE, remember_hashes
from tests.sandbox.recordings.led import Led
from tests.sandbox.recordings.play import HERE, SCENARIOS, Waits, drawn, play
from tests.sandbox.recordings.setups import setups

_STEP = 5e-5  # seconds between two pieces of work


class Trace(Led):
    """A stage that is led along one recording."""

    def search(self, width, noise):
        """Go on line by line; return the waits that led to the end, or None."""
        first, seen, ties = self.shots.take(), set(), itertools.count()
        levels = {0: [(0.0, 0, 0, first, None)]}
        for level in range(len(self.expected) + 1):
            states, used = levels.pop(level, []), 0
            while states and used < width:
                cost, _, acted, state, path = heapq.heappop(states)
                self.shots.back(state)
                used, self.tried = used + 1, self.tried + 1
                found = self.tries(level, acted)
                if self.over(level, acted):
                    return self.waits()
                if level > self.best[0]:
                    self.best = (level, self.shots.take(), acted, path)
                for place, (stale, reached, done, after, name) in enumerate(found):
                    self.shots.back(after)
                    key = hash((reached, done, self.signature()))
                    if key not in seen:
                        seen.add(key)
                        spent = cost * (1 if reached == level else 0.7) + 0.1 * place
                        spent += 0.5 * (1 if stale == 3 else stale) + self.lots.uniform(
                            0, 0.1 + 2 * noise
                        )
                        entry = (spent, next(ties), done, after, (name, path))
                        there = states if reached == level else levels.setdefault(reached, [])
                        heapq.heappush(there, entry)
        return None

    def tries(self, level, acted):
        """Return what can come next; what only makes nothing happen is done on the way."""
        while True:
            found, nothing = self.branches(level, acted)
            if not nothing:
                return found
            self.shots.back(found[0][3])

    def branches(self, level, acted):
        here, found = self.shots.take(), []
        end = self.moments[acted] if acted < len(self.acts) else self.moments[-1]
        free = [each for each in self.loop._alarms if each[0] > FREE / 2]
        for due, _, job in sorted(free, key=lambda each: each[1]):
            mine, nothing = self.variants(here, due, job, level, acted, end)
            if mine is None:
                self.shots.back(here)
                return [], False
            if mine and nothing:
                self.shots.back(here)
                return mine[:1], True
            found += mine
        self.shots.back(here)
        found += self.act(here, level, acted) + self.later(here, level, acted, end)
        found.sort(key=lambda each: (each[0] >= 3, each[1] == level, each[0]))
        return found, False

    def variants(self, here, due, job, level, acted, end):
        """Try one piece of work with everything its caches may show."""
        scripts, mine, nothing = [()], [], True
        while scripts:
            script = scripts.pop()
            self.shots.back(here)
            reached, idle = self.attempt(here, due, script, level, end)
            asked = list(self.guide.inner)
            for place in range(len(script), len(asked)) if len(asked) <= 4 else ():
                same = (*script, *[0] * (place - len(script)))
                scripts += [(*same, option) for option in range(1, asked[place])]
            nothing = nothing and idle
            if reached is None:
                if self.never(job, level, acted):
                    return None, False
            elif not (idle and mine):
                after = self.shots.take()
                mine.append((sum(script), reached, acted, after, self.name(job, script)))
        return mine, nothing

    def attempt(self, here, due, script, level, end):
        """Do one piece of work; return the length reached (None: wrong), and if it was idle."""
        moment, self.wrong = self.now() + _STEP, None
        if moment >= end:
            return None, False
        store, alarms = self.guide.store, len(self.loop._alarms)
        version, asked = store.version, self.asked()
        self.do(due, moment, script)
        reached = self.match(level)
        if reached is None:
            return None, False
        idle = (
            store.version == version and len(self.loop._alarms) <= alarms and self.asked() == asked
        )
        better = min(self.latest[level], end - _STEP)
        if reached > level and better > moment:
            self.shots.back(here)
            self.do(due, better, script)
            reached = self.match(level)
        return (None if self.late() else reached), idle

    def act(self, here, level, acted):
        """Try the driver's next act, at its moment."""
        if acted == len(self.acts):
            return []
        self.advance(self.moments[acted])
        self.acts[acted](self.stage)
        self.work()
        reached = self.match(level)
        found = [] if reached is None else [(0, reached, acted + 1, self.shots.take(), "act")]
        self.shots.back(here)
        return found

    def later(self, here, level, acted, end):
        """Let the time pass until the next exact alarm."""
        due = min(
            (each[0] - self.start for each in self.loop._alarms if each[0] < FREE / 2), default=end
        )
        if due >= end or due > self.latest[level] + 0.1:
            return []
        self.advance(due)
        found = [] if self.late() else [(3, level, acted, self.shots.take(), f"until {due:.3f}")]
        self.shots.back(here)
        return found

    def explain(self):
        """Say what was done last at the furthest place, and what could have come next."""
        level, state, _, path = self.best
        names = []
        while path and len(names) < 16:
            names.insert(0, path[0])
            path = path[1]
        wanted = [
            f"    want {line.moment:.3f} {line.kind} {line.text}\n"
            for line in self.expected[level : level + 4]
        ]
        if state:
            self.shots.back(state)
        told = [f"  {level} of {len(self.expected)} at {self.now():.3f} after {names}\n", *wanted]
        for due, _, job in sorted(self.loop._alarms) if state else ():
            self.shots.back(state)
            if due > FREE / 2:
                self.do(due, self.now() + _STEP, ())
                lines = [line[1:] for line in self.stage.told.lines[level:]]
                told.append(f"    {self.name(job)} -> {lines}\n")
            else:
                told.append(f"    {due - self.start:.3f} {self.name(job)}\n")
        return "".join(told)


def solve(version, scenario, seconds):
    """Search with wider and wider beams; return the last trace and its waits, if any."""
    end = time.monotonic() + seconds
    best, seeds = None, setups(version, scenario)
    sys.stdout.write("" if seeds else f"no set-up for {version} {scenario}\n")
    seed = -1
    while True:
        seed += 1
        setup = seeds[seed % len(seeds)] if seeds else 0
        trace = Trace(version, scenario, seed, setup)
        waits = trace.search(min(800, 8 * 3**seed), (0.0, 0.05, 0.1, 0.3)[seed % 4])
        if waits or best is None or trace.best[0] > best.best[0]:
            best = trace
        if waits or time.monotonic() > end:
            return best, waits


def main(seconds, version="all", *scenarios):
    """Search for the waits of some recordings, one after the other."""
    remember_hashes()
    for quirks in VERSIONS:
        for scenario in scenarios or sorted(SCENARIOS):
            path = HERE / quirks.version / f"{scenario}.txt"
            if version not in ("all", quirks.version) or not path.exists():
                continue
            begun = time.monotonic()
            trace, waits = solve(quirks.version, scenario, float(seconds))
            wrong = ["not found"]
            if waits:
                pace = Waits(waits, drawn(trace.setup))
                lines = play(scenario, quirks, pace, trace.moments).told.lines
                wrong = differences(trace.expected, lines)
            if not wrong:
                text = json.dumps({"seed": trace.setup, "waits": waits}, separators=(",", ":"))
                path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
            took = f"{trace.tried} tries, {time.monotonic() - begun:.1f} s"
            sys.stdout.write(f"{quirks.version} {scenario} {wrong or 'SOLVED'} {took}\n")
            sys.stdout.write(trace.explain() if wrong == ["not found"] else "")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
