"""Pure: where two streams of lines differ. Nothing is free: same lines, same order, all kinds."""

from itertools import zip_longest


def differences(expected, seen):
    """Return the first difference in words, in a list; [] when the lines agree."""
    for number, (want, got) in enumerate(zip_longest(expected, seen)):
        if said(want) != said(got):
            return [f"line {number}: expected {said(want)!r}, saw {said(got)!r}"]
    return []


def said(line):
    """Return what a line says of which kind; "nothing" when there is none."""
    return f"{line.kind} {line.text}" if line else "nothing"
