"""Socket Mode over the sandbox's Slack: opening, staying, and coming back."""

import threading

import pytest
from prometheus_client import REGISTRY

from bot.slack.server import over_socket
from sandbox.slack.settings import AppSettings
from tests.adapters.edge_bench import ALICE, OPS, bench
from tests.engine.raw import until


@pytest.mark.parametrize("reason", ["internal_error", "invalid_auth"])
def test_a_socket_that_does_not_open_at_first_is_tried_until_it_does(reason, caplog):
    with bench("http") as made:
        made.slack.trouble("apps.connections.open", reason)
        made.slack.configure(AppSettings(socket_mode=True))
        stop = threading.Event()
        ready = threading.Event()
        args = (made.settings, made.edge(), stop, ready.set)
        thread = threading.Thread(target=over_socket, args=args)
        thread.start()
        try:
            assert made.journal.wait(lambda entry: entry.call == "apps.connections.open")
            assert not ready.is_set()
            assert made.journal.wait(lambda entry: entry.call == "socket.opened")
            assert ready.wait(10)
            assert "(ref " in made.slack.people.type("/llm list", ALICE, OPS).notes[0]
        finally:
            stop.set()
            thread.join(15)
        assert "check SLACK_APP_TOKEN" in caplog.text
        assert made.texts() == ["list"]


def test_an_edge_that_is_stopped_before_its_first_connection_was_never_ready():
    with bench("http") as made:
        made.slack.trouble("apps.connections.open", "internal_error", times=1000)
        made.slack.configure(AppSettings(socket_mode=True))
        stop, ready = threading.Event(), threading.Event()
        args = (made.settings, made.edge(), stop, ready.set)
        thread = threading.Thread(target=over_socket, args=args)
        thread.start()
        assert made.journal.wait(lambda entry: entry.call == "apps.connections.open")
        stop.set()
        thread.join(15)

        assert not thread.is_alive()
        assert not ready.is_set()


def test_whether_a_connection_stands_is_a_metric():
    def up():
        return REGISTRY.get_sample_value("leadline_dependency_up", {"name": "socket-mode"})

    with bench("socket") as made:
        assert until(lambda: up() == 1, 5) is not None
        made.slack.trouble("apps.connections.open", "internal_error", times=1000)
        made.slack.sockets.disconnect("refresh_requested")

        assert until(lambda: up() == 0, 20) is not None


def test_a_connection_that_slack_renews_loses_no_command():
    with bench("socket") as made:
        made.slack.people.type("/llm list", ALICE, OPS)
        since = len(made.journal.entries())
        made.slack.sockets.disconnect("refresh_requested")
        assert made.journal.wait(lambda entry: entry.call == "socket.opened", since)

        made.slack.people.type("/llm models", ALICE, OPS)

        assert made.texts() == ["list", "models"]
