"""Pure: a watch stream as lines that hold no times, uids, resourceVersions or hashes.

An object that is made anew under its old name is `NAME#2`; a revision is known by its owner and
the order in which its hash first came up.
"""

import re
from typing import NamedTuple

KINDS = {
    "leaderworkersets": "lws",
    "pods": "pod",
    "statefulsets": "sts",
    "controllerrevisions": "rev",
    "events": "event",
}
_KEY = re.compile(r"(?<=revision with key )\S+")


class Line(NamedTuple):
    """One transition; `moment` is in seconds and not part of what is compared."""

    moment: float
    kind: str
    text: str


class Lines:
    """Turns the events of watches into lines; leaves out what says nothing new.

    `begun` is what was there when the watches began.
    """

    def __init__(self):
        self.lines = []
        self.begun = []
        self._lives = {}
        self._revisions = {}
        self._said = {}

    def see(self, moment, kind, type_, item):
        """Take one event of a watch."""
        text = f"{self._name(item, kind)} {getattr(self, '_' + kind)(item)}".rstrip()
        key = (kind, item["metadata"]["uid"])
        said, self._said[key] = self._said.get(key), text
        if type_ == "INITIAL":
            self.begun.append(Line(0.0, kind, f"INITIAL {text}"))
        elif type_ != "MODIFIED" or said != text:
            self.lines.append(Line(moment, kind, f"{type_} {text}"))

    def _name(self, item, kind):
        name, uid = item["metadata"]["name"], item["metadata"]["uid"]
        if kind == "event":
            return f"{item['involvedObject']['kind']}/{item['involvedObject']['name']}"
        if kind == "rev":
            name = item["metadata"]["ownerReferences"][0]["name"]
            return f"{name}@{self._revision(item)}"
        lives = self._lives.setdefault((kind, name), [])
        if uid not in lives:
            lives.append(uid)
        return f"{name}#{lives.index(uid) + 1}" if len(lives) > 1 else name

    def _revision(self, item):
        owner = item["metadata"]["ownerReferences"][0]
        known = self._revisions.setdefault(owner["uid"], [])
        name = item["metadata"]["name"]
        if name not in known:
            known.append(name)
        return f"{owner['kind'][0]}{known.index(name) + 1}"

    def _rev(self, item):
        return f"revision={item['revision']}"

    def _lws(self, item):
        status, meta = item.get("status", {}), item["metadata"]
        counts = [f"{each}={status.get(each, '-')}" for each in _COUNTS]
        conditions = [
            f"{c['type']}={c['status']}({c['reason']}: {c['message']})"
            for c in status.get("conditions", [])
        ]
        words = [f"gen={meta['generation']}", f"seen={status.get('observedGeneration', '-')}"]
        words += [f"spec.replicas={item['spec']['replicas']}", *counts, *conditions]
        return " ".join(words + _deleting(meta))

    def _sts(self, item):
        status, spec = item.get("status", {}), item["spec"]
        partition = spec["updateStrategy"].get("rollingUpdate", {}).get("partition")
        words = [f"spec.replicas={spec['replicas']}", f"partition={partition}"]
        words += [
            f"replicas={status.get('replicas', 0)}",
            f"ready={status.get('readyReplicas', 0)}",
        ]
        words += [f"available={status.get('availableReplicas', 0)}"]
        words += [f"updated={status.get('updatedReplicas', 0)}"]
        return " ".join(words + _deleting(item["metadata"]))

    def _pod(self, item):
        status = item.get("status", {})
        conditions = {c["type"]: c for c in status.get("conditions", [])}
        words = [status.get("phase", "-"), "bound" if item["spec"].get("nodeName") else "unbound"]
        words += [status["reason"]] if status.get("reason") else []
        words += [f"Ready={conditions.get('Ready', {}).get('status', '-')}"]
        words += [_container(each) for each in status.get("containerStatuses", [])]
        placed = conditions.get("PodScheduled", {})
        if placed.get("status") == "False":
            words += [f"{placed['reason']}: {placed['message']}"]
        return " ".join(words + _deleting(item["metadata"]))

    def _event(self, item):
        related = item.get("related")
        repeats = item.get("count") or (item.get("series") or {}).get("count", "-")
        style = "modern" if item.get("eventTime") else "classic"
        source = item.get("source", {}).get("component") or item["reportingComponent"]
        words = [item["type"], item["reason"], style, f"by={source}", f"x{repeats}"]
        words += [f"action={item['action']}"] if item.get("action") else []
        words += [f"related={related['kind']}"] if related else []
        return " ".join(words) + f": {_KEY.sub('KEY', _node(item['message']))}"


_COUNTS = ("replicas", "readyReplicas", "updatedReplicas")


def _node(message):
    """Leave the node out: the scheduler draws lots between nodes that are equally free."""
    return re.sub(r"(?<=^Successfully assigned )(\S+) to \S+", r"\1 to NODE", message)


def _container(status):
    state, ended = status.get("state") or {}, (status.get("lastState") or {}).get("terminated")
    word = next(iter(state), "none")
    reason = state.get(word, {}).get("reason")
    text = f"{word}:{reason}" if reason else word
    last = f" last={ended['reason']}/{ended['exitCode']}" if ended else ""
    return f"[{text} restarts={status['restartCount']} ready={status['ready']}{last}]"


def _deleting(meta):
    words = ["deleting"] if meta.get("deletionTimestamp") else []
    return words + meta.get("finalizers", [])
