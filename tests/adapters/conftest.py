"""Counterparts of the adapters: the sandbox's, and real ones where the machine has them."""

import os
import shutil
import socket
import subprocess

import pytest

from sandbox.redis import serving_redis


def missing(what):
    """Skip for want of a counterpart, or fail where the machine is said to have them all."""
    if os.environ.get("LEADLINE_TEST_COUNTERPARTS") == "required":
        pytest.fail(f"{what} is missing, and LEADLINE_TEST_COUNTERPARTS says required")
    pytest.skip(f"{what} is not on this machine; .ci/run installs it")


@pytest.fixture(params=["fakeredis", "redis-server"])
def redis_url(request, tmp_path):
    if request.param == "fakeredis":
        with serving_redis() as url:
            yield url
        return
    if not shutil.which("redis-server"):
        missing("redis-server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir"]
    with subprocess.Popen([*command, str(tmp_path)], stdout=subprocess.PIPE, text=True) as server:
        for line in server.stdout:
            if "Ready to accept connections" in line:
                break
        yield f"redis://127.0.0.1:{port}/0"
        server.terminate()
