"""What probes and scrapes are told, over real HTTP on loopback."""

import threading
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot import health as probes
from bot import metrics
from bot.errors import StoreUnavailableError
from bot.health import Health
from bot.serving import HttpServer
from gitops.errors import UsageError


@pytest.fixture
def stop():
    event = threading.Event()
    yield event
    event.set()
    for thread in threading.enumerate():
        if thread.name == "health":
            thread.join(5)


@pytest.fixture
def times():
    return [100.0]


@pytest.fixture
def health(times):
    return Health(("serve", "watch"), now=lambda: times[0])


@pytest.fixture
def get(health, stop):
    port = probes.serve(health, "127.0.0.1", 0, stop)

    def ask(path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    return ask


def test_a_process_is_ready_when_all_its_roles_are(health, get):
    assert get("/readyz") == (503, "serve: not ready yet\nwatch: not ready yet\n")
    health.ready("serve", port=3000)
    assert get("/readyz") == (503, "watch: not ready yet\n")
    health.ready("watch")

    assert get("/readyz") == (200, "ok\n")


def test_a_process_is_not_ready_while_what_it_needs_is_away(health, get):
    away = [True]

    def ask():
        if away[0]:
            raise StoreUnavailableError("asking for a sign of life in Redis: no answer")

    health.needs("redis", ask)
    for role in ("serve", "watch"):
        health.ready(role)

    assert get("/readyz") == (503, "redis: asking for a sign of life in Redis: no answer\n")
    assert get("/healthz") == (200, "ok\n")  # a restart would not bring Redis back
    assert 'leadline_dependency_up{name="redis"} 0.0' in get("/metrics")[1]
    away[0] = False

    assert get("/readyz") == (200, "ok\n")
    assert 'leadline_dependency_up{name="redis"} 1.0' in get("/metrics")[1]


def test_a_thread_that_is_silent_for_too_long_asks_for_a_restart(health, get, times):
    health.beat("change lane", within=30)
    times[0] += 30
    assert get("/healthz") == (200, "ok\n")
    times[0] += 1
    assert get("/healthz") == (503, "change lane: silent for 31 s, expected within 30 s\n")
    assert get("/readyz")[0] == 503
    health.beat("change lane", within=30)

    assert get("/healthz") == (200, "ok\n")


def test_a_thread_that_ended_as_it_should_is_not_missed(health, get, times):
    health.beat("proof", within=5)
    health.rest("proof")
    times[0] += 60

    assert get("/healthz") == (200, "ok\n")


def test_there_is_nothing_else_on_that_port(get):
    assert get("/") == (404, "there are /healthz, /readyz and /metrics\n")


def test_the_metrics_are_what_prometheus_reads(get):
    metrics.ended("deploy", metrics.Outcome.DONE, 2.5)
    metrics.asked(metrics.Answer.ANSWERED, first_token=0.4, prompt=12, completion=30)
    families = {
        family.name: family for family in text_string_to_metric_families(get("/metrics")[1])
    }

    counted = [sample.labels for sample in families["leadline_commands"].samples]
    assert {"act": "deploy", "outcome": "done"} in counted  # one registry a process, also in tests
    assert {s.labels["kind"] for s in families["leadline_ask_tokens"].samples} == {
        "prompt",
        "completion",
    }
    assert "process_resident_memory_bytes" in families


def test_a_stop_finishes_the_request_in_hand_and_takes_no_other(stop):
    entered, go_on = threading.Event(), threading.Event()
    answers = []

    def slow(environ, start_response):
        entered.set()
        assert go_on.wait(5)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"done"]

    server = HttpServer(slow, "127.0.0.1", 0, probes.BOUNDS)
    url = f"http://127.0.0.1:{server.port}/"

    def ask():
        with urllib.request.urlopen(url, timeout=5) as answer:
            answers.append(answer.read())

    serving = threading.Thread(target=server.run, args=(stop,))
    asking = threading.Thread(target=ask)
    serving.start()
    asking.start()
    assert entered.wait(5)
    stop.set()
    serving.join(0.1)
    assert serving.is_alive()  # it waits for the answer
    go_on.set()
    asking.join(5)
    serving.join(5)

    assert answers == [b"done"]
    assert not serving.is_alive()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=5)


def test_a_server_gives_a_sign_of_life_from_the_loop_that_serves(stop):
    told = threading.Event()
    threads = []

    def beat():
        threads.append(threading.current_thread().name)
        told.set()

    server = HttpServer(lambda *_: [], "127.0.0.1", 0, probes.BOUNDS)
    serving = threading.Thread(target=server.run, args=(stop, beat))
    serving.start()
    assert told.wait(5)
    stop.set()
    serving.join(5)

    assert set(threads) == {"http"}


def test_a_port_that_is_taken_is_said_with_the_way_out(stop):
    first = HttpServer(lambda *_: [], "127.0.0.1", 0, probes.BOUNDS)

    with pytest.raises(UsageError, match=rf"opening port {first.port} .* choose another"):
        HttpServer(lambda *_: [], "127.0.0.1", first.port, probes.BOUNDS)
    stop.set()
    first.run(stop)
