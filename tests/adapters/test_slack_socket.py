"""Socket Mode over the sandbox's Slack: opening, staying, and coming back."""

import threading

import pytest

from bot.slack.server import over_socket
from sandbox.slack.settings import AppSettings
from tests.adapters.edge_bench import ALICE, OPS, bench


@pytest.mark.parametrize("reason", ["internal_error", "invalid_auth"])
def test_a_socket_that_does_not_open_at_first_is_tried_until_it_does(reason, caplog):
    with bench("http") as made:
        made.slack.trouble("apps.connections.open", reason)
        made.slack.configure(AppSettings(socket_mode=True))
        stop = threading.Event()
        thread = threading.Thread(target=over_socket, args=(made.settings, made.edge(), stop))
        thread.start()
        try:
            assert made.journal.wait(lambda entry: entry.call == "socket.opened")
            assert "(ref " in made.slack.people.type("/llm list", ALICE, OPS).notes[0]
        finally:
            stop.set()
            thread.join(15)
        assert "check SLACK_APP_TOKEN" in caplog.text
        assert made.texts() == ["list"]


def test_a_connection_that_slack_renews_loses_no_command():
    with bench("socket") as made:
        made.slack.people.type("/llm list", ALICE, OPS)
        since = len(made.journal.entries())
        made.slack.sockets.disconnect("refresh_requested")
        assert made.journal.wait(lambda entry: entry.call == "socket.opened", since)

        made.slack.people.type("/llm models", ALICE, OPS)

        assert made.texts() == ["list", "models"]
