"""A cluster that is led along a recording, one piece of work at a time (see trace.py)."""

import heapq
import itertools
import random

from sandbox.cluster.quirks import VERSIONS
from tests.sandbox.recordings.guide import FREE, LONGEST, Guide, Snapshots
from tests.sandbox.recordings.play import drawn, prepared, recorded

_COUNTS = ("replicas", "ready", "available", "updated")


class Led:
    """A stage, and what can be done on it."""

    def __init__(self, version, scenario, seed=0, setup=0):
        self.quirks = next(each for each in VERSIONS if each.version == version)
        _, self.expected, self.moments = recorded(version, scenario)
        moments = [line.moment for line in reversed(self.expected)]
        self.latest = [*list(itertools.accumulate(moments, min))[::-1], self.moments[-1]]
        self.lots = random.Random(seed)  # noqa: S311 - no secret
        self.guide = Guide(drawn(setup))
        self.stage, self.acts = prepared(scenario, self.quirks, self.guide)
        cluster = self.stage.cluster
        cluster._store._listeners.remove(cluster._chronicle)
        self.guide.store, self.loop = cluster._store, cluster._loop
        self.loop._now = self.stage.time.monotonic()
        self.start = self.stage.start
        self.shots = Snapshots(self.stage)
        self.tried, self.best, self.setup = 0, (-1, None, 0, None), setup

    def now(self):
        return self.stage.time.monotonic() - self.start

    def asked(self):
        """Return what only changes when something was begun."""
        counts = self.guide.counts
        return {n: counts[n] for n in counts if not n.startswith("view")}, self.untold()

    def untold(self):
        """Return how many classic Events wait in each queue."""
        waiting = next(
            vars(each)["_waiting"] for each in self.loop._controllers if "_waiting" in vars(each)
        )
        return sorted(
            (key.name, len(queue)) for key, queue in waiting.items() if "/" not in key.name
        )

    def do(self, due, moment, script):
        loop, guide = self.loop, self.guide
        self.advance(moment)
        place = next(n for n, each in enumerate(loop._alarms) if each[0] == due)
        job = loop._alarms.pop(place)[2]
        heapq.heapify(loop._alarms)
        guide.did(due, self.start + moment)
        guide.script, guide.inner = script, []
        loop._push(job)
        self.work()

    def work(self):
        while self.loop._work():
            pass

    def advance(self, moment):
        """Ring the exact alarms until a moment and go there."""
        loop = self.loop
        while loop._alarms and loop._alarms[0][0] - self.start <= moment + 1e-9:
            loop._advance_to(loop._alarms[0][0])
            loop._take_alarm()
        loop._advance_to(self.start + moment)
        loop._now = max(loop._now, self.stage.time.monotonic())

    def match(self, level):
        """Return how far the lines agree now, None if a new one is wrong."""
        new = self.stage.told.lines[level:]
        for want, got in itertools.zip_longest(self.expected[level : level + len(new)], new):
            if want is None or (want.kind, want.text) != (got.kind, got.text):
                self.wrong = got
                return None
        return level + len(new)

    def late(self):
        """Say whether something has waited too long; only the first reconcile may (a start)."""
        now = self.stage.time.monotonic()
        if self.guide.waited > LONGEST:
            return True
        return any(
            now > asked + LONGEST and not (place == 0 and stream.startswith("LeaderW"))
            for stream, place, asked in self.guide.open.values()
        )

    def never(self, job, level, acted):
        """Say whether something is under way that the recording does not have any more."""
        recorder = self.name(job).startswith("Recorder")
        if self.wrong is None or not (job.pause or recorder):
            return False
        text = self.wrong.text
        left = [line.text for line in self.expected[level:] if line.kind == self.wrong.kind]
        if recorder and " classic " in text and " by=leaderworkerset" in text:
            return next((each for each in left if _teller(each) == _teller(text)), None) != text
        if (
            job.pause
            and job.pause.work == "write"
            and self.wrong.kind == "lws"
            and acted == len(self.acts)
        ):
            return not left or left[0] != text
        if job.pause and job.pause.work == "count":
            same = [each for each in left if each.split()[1] == text.split()[1]]
            return _counts(text) not in [_counts(each) for each in same[:2]]
        first = text.replace("MODIFIED", "ADDED").replace(" x2", " x-")
        return text not in left and not (" modern " in text and first in left)

    def name(self, job, script=()):
        kind = type(self.loop._controllers[job.controller]).__name__
        return f"{kind} {job.key.name} {job.pause.work if job.pause else ''} {script or ''}"

    def signature(self):
        """Return what two states have in common that go on in the same way."""
        now, jobs = self.stage.time.monotonic(), []
        for due, _, job in self.loop._alarms:
            held = getattr(job.pause.then, "args", ()) if job.pause else ()
            left = None if due > FREE / 2 else round(due - now, 2)
            jobs.append(
                repr(
                    (
                        job.controller,
                        job.key,
                        job.pause and job.pause.work,
                        [_sign(each) for each in held],
                        left,
                    )
                )
            )
        ended = [
            key
            for key, item in self.guide.store._objects.items()
            if key.kind == "pods" and item["metadata"].get("deletionGracePeriodSeconds") == 0
        ]
        return (
            tuple(sorted(jobs)),
            tuple(sorted(self.loop._later)),
            tuple(sorted(ended)),
            tuple(self.untold()),
        )

    def over(self, level, acted):
        """Say whether all lines were seen and nothing more is due before the end."""
        if level < len(self.expected) or acted < len(self.acts):
            return False
        end = self.start + self.moments[-1]
        held = any(asked + LONGEST < end for _, _, asked in self.guide.open.values())
        return not held and not any(due < end - 0.1 for due, _, _ in self.loop._alarms)

    def waits(self):
        """Return {work and name: {n-th time: ms}}; what is still open waits beyond the end."""
        waits = {}
        for (stream, place), each in self.guide.done.items():
            waits.setdefault(stream, {})[place] = round(each, 3)
        for stream, place, asked in self.guide.open.values():
            left = self.start + self.moments[-1] - asked + 0.01
            waits.setdefault(stream, {})[place] = round(1000 * left, 3)
        return waits


def _teller(text):
    """Return who tells of what; LWS has two controllers, one of them for the pods."""
    who, _, message = text.split(" by=")[1].partition(": ")
    return text.split()[1], who.split()[0], "orker" in message


def _counts(text):
    return [word for word in text.split() if word.split("=")[0] in _COUNTS]


def _sign(value):
    if isinstance(value, dict) and isinstance(value.get("status", {}), dict):
        status = {k: v for k, v in value.get("status", {}).items() if k != "conditions"}
        said = [
            (each["type"], each["status"]) for each in value.get("status", {}).get("conditions", [])
        ]
        meta = value.get("metadata", {})
        return meta.get("name"), meta.get("generation"), "deletionTimestamp" in meta, status, said
    if hasattr(value, "pods"):
        return (
            _sign(value.sts),
            [(n, _sign(pod)) for n, pod in sorted(value.pods.items())],
            value.made,
        )
    return value
