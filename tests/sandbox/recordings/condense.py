"""Condenses recordings of real LWS controllers: `python condense.py FOLDER` (see README.md)."""

import itertools
import json
import sys
from pathlib import Path

from tests.sandbox.recordings.lines import Line, Lines

HERE = Path(__file__).parent
NOT_PLAYED = ("endpoint-slice-controller",)  # exception 2 of README.md
TOO_LONG = ("v0.6.0", "16")  # 1,843 lines of one loop; see unproven.py


def condense(recording):
    """Return what was there, then the lines in the order in which they were written, and the acts.

    The five watches lag behind by up to 0.2 s each; the resourceVersions number all writes.
    """
    told, acts, numbers = Lines(), [], []
    for raw in recording.read_text(encoding="utf-8").splitlines():
        entry = json.loads(raw)
        if entry["kind"] == "mark":
            acts.append(Line(entry["t"], "act", entry["text"]))
        elif entry["object"].get("reportingComponent") not in NOT_PLAYED:
            told.see(entry["t"], entry["kind"], entry["type"], entry["object"])
            number = int(entry["object"]["metadata"]["resourceVersion"])
            numbers += [number] * (len(told.lines) - len(numbers))
    lines = [line for _, line in sorted(zip(numbers, told.lines, strict=True))]
    begun = sorted(told.begun)
    if not any(line.kind == "lws" for line in begun):  # an earlier scenario left it behind
        begun = []
    return [*begun, *placed(acts, lines)]


def placed(acts, lines):
    """Put each act before the first line after which nothing older was seen."""
    earliest = list(itertools.accumulate([line.moment for line in reversed(lines)], min))[::-1]
    for act in reversed(acts):
        place = sum(moment < act.moment for moment in earliest)
        lines = [*lines[:place], act, *lines[place:]]
    return lines


def main(folder):
    """Write one file for each recording under a folder."""
    for recording in sorted(Path(folder).glob("v*/*.jsonl")):
        if (recording.parent.name, recording.stem[:2]) == TOO_LONG:
            continue
        target = HERE / recording.parent.name / f"{recording.stem[:2]}.txt"
        target.parent.mkdir(exist_ok=True)
        lines = [f"{moment:.3f} {kind} {text}\n" for moment, kind, text in condense(recording)]
        target.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
