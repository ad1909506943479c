"""A pace that decides nothing before the work is done, and the way back to an earlier state.

What is tried on the cluster must be taken back: this reads and restores the private state of its
controllers, as no test and nothing else does. What lies in the store is never changed in place.
"""

import collections

from sandbox.cluster import statefulset, templates

FREE = 1e6  # seconds from now: an alarm that far away rings whenever the search wants it
LONGEST = 0.45  # seconds that a piece of work may wait
_LAGS = {"leaderworkersets": 2}  # how many older states of an object a cache may show, else 1
_NESTED = ("_waiting", "_lives", "_revisions")
_BOXES = (dict, list, set, collections.Counter)
_PARTS = ("Retries", "Waits", "Cache")


class Guide:
    """Lets every piece of work wait for the search; `script` answers what is asked meanwhile."""

    def __init__(self, setup):
        self.setup, self.on = setup, False
        self.counts, self.open, self.done = {}, {}, {}
        self.serial, self.waited = 0, 0.0
        self.script, self.inner = (), []

    def wait(self, work, name, now):
        if not self.on:
            return self.setup.wait(work, name, now)
        stream = f"{work} {name.partition('/')[0]}"
        place = self.counts[stream] = self.counts.get(stream, -1) + 1
        if work in ("view", "order"):
            return self._answer(work, name, now, (stream, place))
        self.serial += 1
        self.open[now + FREE + self.serial] = (stream, place, now)
        return FREE + self.serial

    def _answer(self, work, name, now, asked):
        options = [0.001, 0.002, 0.003] if work == "order" else [0.0, *self._lags(name, now)]
        number = self.script[len(self.inner)] if len(self.inner) < len(self.script) else 0
        self.inner.append(len(options))
        wait = options[min(number, len(options) - 1)]
        self.done[asked] = wait * 1000
        return wait

    def _lags(self, name, now):
        name, _, kind = name.partition("/")
        changes = [each for each in self.store.recent(now - 0.4) if each.key[::2] == (kind, name)]
        return [now - each.moment + 2e-6 for each in changes[: _LAGS.get(kind, 1)]]

    def did(self, due, now):
        """Note how long an alarm waited that rings now."""
        stream, place, asked = self.open.pop(due)
        self.done[stream, place] = (now - asked) * 1000
        first = place == 0 and stream.startswith("LeaderWorkerSets")  # the controller's start
        self.waited = 0.0 if first else now - asked


class Snapshots:
    """Takes the state of a stage and puts it back."""

    def __init__(self, stage):
        loop, store = stage.cluster._loop, stage.cluster._store
        parts = [loop, stage.pace, stage.told, stage.time, stage, *loop._controllers]
        parts += [v for c in loop._controllers for v in vars(c).values() if _is_part(v)]
        self._boxes, self._nests, self._values = [], [], []
        for part in {id(each): each for each in parts}.values():
            for name, value in vars(part).items():
                if name in _NESTED:
                    self._nests.append((vars(part), name))
                elif type(value) in _BOXES:
                    self._boxes.append((vars(part), name))
                elif type(value) in (int, float, bool):
                    self._values.append((vars(part), name))
        self._boxes += [(vars(store), "_objects"), (vars(store), "_history")]

    def take(self):
        return (
            [part[name].copy() for part, name in self._boxes],
            [_copied(part[name]) for part, name in self._nests],
            [part[name] for part, name in self._values],
        )

    def back(self, state):
        boxes, nests, values = state
        for (part, name), value in zip(self._boxes, boxes, strict=True):
            part[name] = value.copy()
        for (part, name), value in zip(self._nests, nests, strict=True):
            part[name] = _copied(value)
        for (part, name), value in zip(self._values, values, strict=True):
            part[name] = value


def _is_part(value):
    kind = type(value)
    return kind.__module__.startswith("sandbox.cluster.") and kind.__name__ in _PARTS


def _copied(boxes):
    return {key: box.copy() for key, box in boxes.items()}


def remember_hashes():
    """Hash each template once: nine tenths of a search would be hashing."""
    known, short_hash = {}, templates.short_hash

    def quick(value):
        key = tuple(map(id, value)) if isinstance(value, list) else id(value)
        if key not in known:
            known[key] = (value, short_hash(value))
        return known[key][1]

    statefulset.short_hash = templates.short_hash = quick
