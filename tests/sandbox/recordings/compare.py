"""Pure: where two streams of lines differ; the order between kinds is free within 50 ms."""

from itertools import zip_longest

_SLACK = 0.05  # seconds; the recordings' watches are separate, so nearer lines have no order


def differences(expected, seen, slack=_SLACK):
    """Return what is wrong with the lines seen, in words; [] when they agree."""
    kinds = sorted({line.kind for line in [*expected, *seen]})
    wrong = []
    for kind in kinds:
        pairs = zip_longest(of(kind, expected), of(kind, seen))
        for number, (want, got) in enumerate(pairs):
            if want is None or got is None or want.text != got.text:
                wrong.append(f"{kind} {number}: expected {text(want)!r}, saw {text(got)!r}")
                break
    return wrong or [
        f"{a.text!r} came after {b.text!r}"
        for a, b in (pair[:2] for pair in inversions(expected, seen, slack))
    ]


def inversions(expected, seen, slack=_SLACK):
    """Return the pairs of lines of different kinds in the wrong order, each with its number."""
    places = {}
    for place, line in enumerate(seen):
        places.setdefault(line.kind, []).append(place)
    earlier, wrong, counts = [], [], {}
    for line in expected:
        number = counts[line.kind] = counts.get(line.kind, -1) + 1
        place = places[line.kind][number]
        for other, count, before in earlier:
            apart = other.kind != line.kind and other.moment < line.moment - slack
            if apart and before > place:
                wrong.append((other, line, count, number))
        earlier.append((line, number, place))
    return wrong


def of(kind, lines):
    """Return the lines of one kind."""
    return [line for line in lines if line.kind == kind]


def text(line):
    """Return what a line says; "nothing" when there is none."""
    return line.text if line else "nothing"
