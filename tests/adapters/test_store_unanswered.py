"""Redis begins a job and its answer is lost: the job has begun once, and a question is asked."""

from dataclasses import replace

import pytest

from bot.store import Lane
from bot.store.connection import WORKER, Patience
from bot.store.holding import Begun
from bot.store.queue import RedisQueue
from tests.adapters.test_store_kill_points import Ambush, ambush
from tests.adapters.test_store_lanes import Scribe, emptied, lane
from tests.adapters.test_store_queue import JOB, NOON


class OfBeginning(Ambush):
    """Strikes at the first call that begins a job."""

    def is_chosen(self, call):
        return b"HSETNX" in call and next(self.calls) == self.number


@pytest.mark.parametrize("again", [0, 2], ids=["asked anew by the lane", "asked anew by redis-py"])
@pytest.mark.parametrize("which", Lane)
def test_a_try_whose_beginning_got_no_answer_is_the_first_one(again, which, redis_url):
    begun = []
    work = Scribe(lambda running: begun.append(running.begun))
    queue = RedisQueue.connect(redis_url, WORKER)
    queue.put(replace(JOB, lane=which))
    hasty = Patience(connect=3, answer=0.5, again=again)
    with (
        ambush(redis_url, 1, "after", lambda: False, OfBeginning) as trap,
        lane(trap.url, work, which=which, patience=hasty),
    ):
        assert work.wait("end", "abc")
        assert emptied(queue, which)

    assert trap.struck.is_set()
    assert begun == [Begun(1, NOON)]
