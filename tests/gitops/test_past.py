"""Which earlier state a person means by a count, a pull request or a commit."""

import datetime as dt

import pytest

from gitops.past import Standing, find

AT = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
ALL = (
    Standing("abcdef0" + "1" * 33, "scale", "alice", AT, 9),
    Standing("abcdef0" + "2" * 33, "by hand", "bob", AT),
    Standing("1234567" + "3" * 33, "deploy", "alice", AT, 4),
)


@pytest.mark.parametrize(
    ("to", "meant"),
    [
        ("0", ALL[0]),
        ("1", ALL[1]),
        ("2", ALL[2]),
        ("3", None),
        ("#4", ALL[2]),
        ("#9", ALL[0]),
        ("#5", None),
        ("#", None),
        ("#None", None),
        ("1234567", ALL[2]),
        ("abcdef02", ALL[1]),
        ("ABCDEF02", ALL[1]),
        ("abcdef0", None),
        ("abc", None),
        ("", None),
        ("-1", None),
        ("²", None),
    ],
)
def test_what_a_person_means_by_where_to(to, meant):
    assert find(ALL, to) == meant
