"""SIGKILL of the watcher at each call to Redis from a merge to Serving: nothing is lost or doubled.

Left out are calls that keep nothing, and those that the time makes: the lead's renewals, and the
wait for wake-up calls, which only spare a poll.
"""

import pytest

from tests.scenarios.test_kill_watch import killed_at_every_call

NOTED = r"(?!(HELLO|CLIENT|HVALS|HGET|HGETALL|BLPOP|RENEW_LOCK)\b).*"
"""Calls that keep something."""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_watcher_killed_at_any_call_to_redis_says_everything_once(tmp_path, moment):
    assert killed_at_every_call(tmp_path, "redis", NOTED, moment) >= 30
