"""Counterparts of the adapters: the sandbox's, and real ones where the machine has them."""

import contextlib
import shutil
import socket
import subprocess

import pytest
import redis

from bot.store.connection import WORKER
from bot.store.queue import RedisQueue
from sandbox.redis import serving_redis
from tests.counterparts.required import missing


class RealRedis:
    """A redis-server of its own that can be killed and started again on its files."""

    def __init__(self, folder, *options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{port}/0"
        self.options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), *options]

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", *self.options], stdout=subprocess.PIPE, text=True
        )
        for line in self.process.stdout:
            if "Ready to accept connections" in line:
                return

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@contextlib.contextmanager
def real_redis(folder, *options):
    if not shutil.which("redis-server"):
        missing("redis-server")
    server = RealRedis(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(params=["fakeredis", "redis-server"])
def redis_url(request, tmp_path):
    if request.param == "fakeredis":
        with serving_redis() as url:
            yield url
        return
    with real_redis(tmp_path, "--save", "") as server:
        yield server.url


@pytest.fixture
def redis_server(tmp_path):
    """Give a real Redis that nothing acknowledged is lost from, not even by a kill."""
    with real_redis(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.fixture
def queue(redis_url):
    return RedisQueue.connect(redis_url, WORKER)


@pytest.fixture
def raw(redis_url):
    with redis.Redis.from_url(redis_url, decode_responses=True, socket_timeout=5) as client:
        yield client
