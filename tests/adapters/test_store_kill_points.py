"""A worker killed at each of its calls to Redis, before and after Redis acts, and started again."""

import contextlib
import itertools
import multiprocessing
import socket
import threading

import pytest
import redis

from bot.store.connection import WORKER
from bot.store.locks import RedisLocks
from bot.store.queue import RedisQueue
from bot.store.redis import RedisStore
from tests.adapters import lane_worker
from tests.adapters.conftest import real_redis
from tests.adapters.test_store_kills import NEVER, do
from tests.adapters.test_store_lanes import emptied

MOST = 200
"""More calls than a worker needs for one job."""

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([lane_worker.__name__])


class Ambush:
    """Stands before Redis and strikes at one call, at one moment; lets on pass only if told to."""

    def __init__(self, url, number, moment, strike):
        self.target = redis.connection.parse_url(url)["port"]
        self.number, self.moment, self.strike = number, moment, strike
        self.calls = itertools.count(1)
        self.struck = threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.server.getsockname()[1]}/0"
        self.pipes, self.threads = [], []

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.server.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self.pipes += [client, server]
                marked = threading.Event()
                for act in (self.ask, self.answer):
                    thread = threading.Thread(target=act, args=(client, server, marked))
                    self.threads.append(thread)
                    thread.start()

    def ask(self, client, server, marked):
        with contextlib.suppress(OSError):
            while call := client.recv(1 << 16):
                if self.is_chosen(call):
                    if self.moment == "after":
                        marked.set()
                    elif not self.passes():
                        return
                server.sendall(call)
            server.shutdown(socket.SHUT_RDWR)  # a close would not wake the thread that reads it

    def is_chosen(self, call):
        return next(self.calls) == self.number

    def answer(self, client, server, marked):
        with contextlib.suppress(OSError):
            while answer := server.recv(1 << 16):
                if marked.is_set():
                    marked.clear()
                    if not self.passes():
                        return
                client.sendall(answer)
            client.shutdown(socket.SHUT_RDWR)

    def passes(self):
        on = self.strike()
        self.struck.set()
        return on

    def close(self, accepting):
        """Close everything; the accepting thread first, so that no pipe is opened afterwards."""
        self.server.shutdown(socket.SHUT_RDWR)
        accepting.join()
        for each in self.pipes:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(5)
        for each in (self.server, *self.pipes):
            each.close()


@contextlib.contextmanager
def ambush(url, number, moment, strike, kind=Ambush):
    """Lie in wait; what `strike` returns says whether calls go on."""
    made = kind(url, number, moment, strike)
    thread = threading.Thread(target=made.serve)
    thread.start()
    try:
        yield made
    finally:
        made.close(thread)


@contextlib.contextmanager
def killing(url, number, moment):
    """Run a worker that is killed at one of its calls."""
    started = threading.Event()

    def strike():
        started.wait()  # it may call before we know its process
        victim.kill()
        victim.join()

    with ambush(url, number, moment, strike) as made:
        victim = PROCESSES.Process(target=lane_worker.main, args=(made.url, "w1", NEVER))
        victim.start()
        started.set()
        try:
            yield made
        finally:
            victim.kill()
            victim.join()


def killed_at(url, number, moment):
    """Let a worker do a job and kill it at a call; say whether it came to that before the end."""
    queue = RedisQueue.connect(url, WORKER)
    queue.put(do(number))
    with killing(url, number, moment) as trap:
        while not trap.struck.wait(0.02) and queue.depth(do(0).lane).jobs:
            pass
        struck = trap.struck.wait(0.1)  # it may have been the job's very last call
    if struck:
        again = PROCESSES.Process(target=lane_worker.main, args=(url, "w1", NEVER))
        again.start()
        assert emptied(queue)
        again.kill()
        again.join()
    return struck


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_killed_at_any_call_to_redis_does_each_job_once(moment, tmp_path):
    with real_redis(tmp_path, "--save", "") as server:
        killed_at_each(server.url, moment)


def killed_at_each(redis_url, moment):
    numbers = []
    for number in range(1, MOST):
        numbers.append(number)
        if not killed_at(redis_url, number, moment):
            break

    assert 10 < len(numbers) < MOST - 1
    with redis.Redis.from_url(redis_url, decode_responses=True, socket_timeout=5) as raw:
        assert raw.lrange("effects:m", 0, -1) == [f"job-{number}" for number in numbers]
        assert raw.hgetall("leadline:tries:change") == {}
        assert raw.exists("leadline:parked") == 0
    assert [p.requested_by for p in RedisStore.connect(redis_url).proposals()] == ["w1"]
    assert RedisLocks.connect(redis_url).acquire("m", "another", 1.0) is not None
