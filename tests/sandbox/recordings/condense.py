"""Condenses recordings of real LWS controllers: `python condense.py FOLDER` (see README.md)."""

import json
import sys
from pathlib import Path

from tests.sandbox.recordings.lines import Lines

HERE = Path(__file__).parent
NOT_PLAYED = ("endpoint-slice-controller",)  # exception 2 of README.md
TOO_LONG = ("v0.6.0", "16")  # 1,843 lines of one loop; see unproven.py


def condense(recording):
    """Return the lines of one recording, from the driver's first act to its last."""
    told, acts = Lines(), []
    for raw in recording.read_text(encoding="utf-8").splitlines():
        entry = json.loads(raw)
        if entry["kind"] == "mark":
            acts.append((entry["t"], entry["text"]))
        elif entry["object"].get("reportingComponent") not in NOT_PLAYED:
            told.see(entry["t"], entry["kind"], entry["type"], entry["object"])
    marks = [(moment, "act", text) for moment, text in acts]
    return sorted([*marks, *told.lines], key=lambda line: line[0])


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
