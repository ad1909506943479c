"""How near the sandbox comes to a recording with given waits, and what caused each line."""

from typing import Any, NamedTuple

from tests.sandbox.recordings.compare import inversions, of
from tests.sandbox.recordings.play import Stage, Waits, play


class Seeker(Waits):
    """Waits that know which work caused them, and which line came of which wait."""

    def __init__(self, waits):
        super().__init__(waits)
        self.loop = None
        self.parents = {}
        self.during = {}
        self.reports = {}

    def seek(self, work, name, stream, place):
        if self.loop is None:
            return
        self.parents[stream, place] = self.cause()
        if work == "Recorder":
            self.reports[name] = place
        elif self.loop.doing == (work, name):
            self.during[stream] = self.loop.done

    def cause(self):
        """Return the wait before the work that goes on now."""
        work, name = self.loop.doing
        stream = f"{work} {name.partition('/')[0]}"
        if work == "Recorder" and "/" in name:
            return stream, self.reports.get(name, 0)
        return stream, self.counts.get(stream, -1) - (self.during.get(stream) == self.loop.done)


class Watched(Stage):
    """A stage that remembers the cause of each line."""

    def begin(self):
        self.causes = []
        self.pace.loop = self.cluster._loop
        super().begin()

    def _notice(self, change):
        before = len(self.told.lines)
        super()._notice(change)
        if len(self.told.lines) > before:
            self.causes.append(self.pace.cause())


class Rating(NamedTuple):
    """What came of some waits: `wrong` is empty when the recording is matched."""

    score: float
    wrong: list[tuple]  # (moment, kind, number) or (moment, kind, two lines out of order)
    asked: list[tuple]
    start: float
    got: dict[str, list]
    causes: dict[str, list]
    pace: Any

    @property
    def solved(self):
        return not self.wrong


def rate(scenario, quirks, waits, lines, acts):
    """Play a scenario and rate what was seen."""
    stage = play(scenario, quirks, Seeker(waits), acts, Watched)
    seen = stage.told.lines
    got = {kind: of(kind, seen) for kind in sorted({line.kind for line in [*lines, *seen]})}
    causes = {kind: [] for kind in got}
    for line, cause in zip(seen, stage.causes, strict=True):
        causes[line.kind].append(cause)
    wrong, score = [], -0.004 * sum(len(places) for places in waits.values())
    for kind, mine in got.items():
        want = of(kind, lines)
        same = _same(want, mine)
        score += same - 0.05 * _drift(want[:same], mine)
        if same < max(len(want), len(mine)):
            wrong.append((_moment(want, mine, same), kind, same))
            score += 0.02 * _later(want[same:], mine[same:])
    if not wrong:
        pairs = inversions(lines, seen)
        wrong = [(pair[0].moment, pair[0].kind, pair) for pair in pairs]
        score += 1 - min(0.95, 0.02 * len(pairs)) if pairs else 1000
    return Rating(score, wrong, stage.pace.asked, stage.start, got, causes, stage.pace)


def _same(want, mine):
    pairs = zip(want, mine, strict=False)
    return next(
        (number for number, (a, b) in enumerate(pairs) if a.text != b.text),
        min(len(want), len(mine)),
    )


def _drift(want, mine):
    return sum(min(0.2, abs(a.moment - b.moment)) for a, b in zip(want, mine, strict=False))


def _moment(want, mine, place):
    return min(lines[place].moment for lines in (want, mine) if place < len(lines))


def _later(want, mine):
    texts = {line.text for line in mine}
    return sum(line.text in texts for line in want) - abs(len(want) - len(mine))
