"""Roles as processes against the sandbox: probes, what they load, and how they end."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from gitops.settings import child_environment
from sandbox.faults import Fault
from sandbox.leadline import running
from sandbox.worlds import CHANNEL, sandbox

ROLES = ("serve", "work", "watch")
ENDS = 10.0
"""Seconds in which a process ends after SIGTERM."""

AWAY = "127.0.0.1:9"
"""Where nobody listens."""

SDKS = {
    "github",
    "kubernetes",
    "openai",
    "redis",
    "slack_bolt",
    "slack_sdk",
    "fakeredis",
    "werkzeug",
}
LOADED = {
    "serve": {"redis", "slack_bolt", "slack_sdk"},
    "work": {"github", "openai", "redis", "slack_sdk"},
    "watch": {"github", "kubernetes", "openai", "redis", "slack_sdk"},
}
"""The SDKs that each role needs; the others cost start and memory."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Worlds for tests that leave nothing there."""
    with sandbox(tmp_path_factory.mktemp("worlds"), 1.0) as made:
        yield made


@pytest.fixture
def worlds(tmp_path):
    with sandbox(tmp_path, 1.0) as made:
        yield made


def port_of(lines):
    [port] = {found[1] for line in list(lines) if (found := re.search(r"health_port=(\d+)", line))}
    return port


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_alive_and_ready_loads_only_its_sdks_and_ends_with_0_on_sigterm(shared, role):
    shared.environment["PYTHONPROFILEIMPORTTIME"] = "1"  # Python then names all that it imports
    try:
        with running(shared, role) as leadline:
            port = port_of(leadline.said)
            probed = [get(port, path) for path in ("/healthz", "/readyz")]
            shown = get(port, "/metrics")[1]
            process = leadline.processes[role]
            begun = time.monotonic()
            process.terminate()
            code = process.wait(ENDS)
            took = time.monotonic() - begun
            leadline.listeners[role].join()
    finally:
        del shared.environment["PYTHONPROFILEIMPORTTIME"]

    assert probed == [(200, "ok\n"), (200, "ok\n")]
    assert 'leadline_dependency_up{name="redis"} 1.0' in shown
    assert 'leadline_queue_jobs{lane="change"} 0.0' in shown
    assert (code, took < ENDS) == (0, True)
    imported = {line.rpartition("|")[2].strip() for line in leadline.said if "| " in line}
    assert "bot.process" in imported
    assert imported & SDKS == LOADED[role]


def started(environment, *words, until="ready role="):
    """Run `leadline` until it says so, or ends; return it and what it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", *words],
        env=child_environment(environment),
        stderr=subprocess.PIPE,
        text=True,
    )
    said = []
    for line in process.stderr:
        said.append(line.rstrip())
        if until in line:
            break
    return process, said


@pytest.fixture
def serving(shared):
    """Return a function that starts `serve` with other settings; all end with the test."""
    processes = []

    def start(**settings):
        process, said = started(shared.environment | {"LEADLINE_PORT": "0"} | settings, "serve")
        processes.append(process)
        return process, said

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stderr.close()


def test_without_redis_serve_is_alive_and_not_ready(serving):
    _, said = serving(REDIS_URL=f"redis://{AWAY}/0")

    assert get(port_of(said), "/healthz") == (200, "ok\n")
    code, text = get(port_of(said), "/readyz")
    assert (code, text.partition(":")[0]) == (503, "redis")
    assert 'leadline_dependency_up{name="redis"} 0.0' in get(port_of(said), "/metrics")[1]


def test_without_github_and_the_cluster_serve_is_ready_so_that_no_command_is_lost(serving):
    _, said = serving(GITHUB_API_URL=f"http://{AWAY}", KUBECONFIG="/nowhere", GITHUB_TOKEN="")

    assert get(port_of(said), "/readyz") == (200, "ok\n")


def test_every_line_of_the_log_is_an_object_where_json_is_set(serving):
    process, said = serving(LEADLINE_LOG_FORMAT="json")
    process.terminate()
    process.wait(ENDS)

    lines = [json.loads(line) for line in [*said, *process.stderr]]
    assert [line["message"].split()[0] for line in lines] == ["starting", "ready", "stopping"]


def test_a_port_that_is_taken_ends_the_process_with_2_and_the_way_out(serving, shared):
    _, said = serving()
    process, second = serving(LEADLINE_HEALTH_PORT=port_of(said))

    assert process.wait(ENDS) == 2
    assert "choose another port" in second[-1]


def test_unknown_roles_are_refused_with_those_that_there_are():
    command = [sys.executable, "-m", "bot", "brew"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert "no role brew; one of: serve, work, watch" in result.stderr


def test_a_watch_that_ends_lets_the_next_one_lead_at_once(shared):
    """Its lock would last for 15 s more."""
    first, said = started(shared.environment | {"LEADLINE_WORKER": "a"}, "watch", until="leading")
    first.terminate()
    assert first.wait(ENDS) == 0
    first.stderr.close()
    begun = time.monotonic()
    second, said = started(shared.environment | {"LEADLINE_WORKER": "b"}, "watch", until="leading")
    took = time.monotonic() - begun
    second.kill()
    second.wait()
    second.stderr.close()

    assert "holder=b" in said[-1]
    assert took < 10


def finished(entry):
    return (entry.world, entry.call) == ("leadline", "finished")


def test_sigterm_in_the_middle_of_a_deploy_loses_and_doubles_nothing(worlds):
    fault = Fault("github", "POST pulls", "after", "hold")
    worlds.faults.arm(fault)
    with running(worlds, "serve", "work") as leadline:
        worlds.type("deploy qwen3-32b sglang")
        assert fault.reached.wait(20)

        process = leadline.processes.pop("work")
        process.terminate()
        code = process.wait(ENDS)
        leadline.listeners.pop("work").join()
        fault.released.set()
        leadline.start("work")
        assert worlds.journal.wait(finished, at_most=20)

    assert code == 0
    assert [pull["number"] for pull in worlds.github.state()["pulls"]] == [1]
    cards = [m for m in worlds.slack.messages(CHANNEL) if m["text"].startswith("qwen3-32b-sglang")]
    assert len(cards) == 1


DYING = """
import threading
from bot.process import ROLES, run

def role(settings, stop, health):
    health.ready("serve")
    def part():
        raise RuntimeError(f"lost {settings.slack.token}")
    threading.Thread(target=part, name="socket", daemon=True).start()
    stop.wait(20)

ROLES["serve"] = role
run(("serve",))
"""


def test_a_thread_that_dies_is_told_in_json_without_secrets_and_ends_the_process(shared):
    environment = shared.environment | {"LEADLINE_PORT": "0", "LEADLINE_LOG_FORMAT": "json"}
    token = environment["SLACK_BOT_TOKEN"]
    ended = subprocess.run(
        [sys.executable, "-c", DYING],
        env=child_environment(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    [told] = [line for line in lines if line["level"] == "CRITICAL"]
    assert told["message"] == "thread died name=socket"
    assert "RuntimeError: lost ***" in str(told)
    assert token not in ended.stderr
    assert ended.returncode == 1
