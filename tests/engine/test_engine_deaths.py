"""What a leader says and does when its worker has died, on both sides of the contract."""

import contextlib

from tests.engine.raw import HELLO, until

GONE = "EngineCore encountered an issue. See stack trace (above) for the root cause."
ERROR = {"message": GONE, "type": "InternalServerError", "param": None, "code": 500}


def test_an_idle_leader_looks_healthy_after_its_worker_died(start_group):
    with start_group() as group:
        group.kill_worker()
        looks = [group.health() for _ in range(20)]
        answer = group.chat()

        assert set(looks) == {200}
        assert (answer.status, answer.json()) == (500, {"error": ERROR})
        assert until(lambda: group.health() == "refused", 30) is not None


def test_a_stream_begun_after_the_death_ends_with_an_error(start_group):
    with start_group() as group:
        group.kill_worker()
        answer = group.chat(stream=True)

        assert (answer.status, answer.events()[-1]) == (200, {"error": ERROR})
        assert until(lambda: group.health() == "refused", 30) is not None


def test_a_stream_breaks_off_when_the_worker_dies_under_it(start_group):
    with start_group() as group, contextlib.closing(group.connect()) as connection:
        body = HELLO | {"stream": True, "max_tokens": 1900, "ignore_eos": True}
        group.send(connection, "POST", "/v1/chat/completions", body)
        answer = connection.getresponse()
        assert answer.readline().startswith(b"data: ")
        group.kill_worker()
        rest = answer.read()

        assert b'"finish_reason":"' not in rest.replace(b": ", b":")
        assert GONE.encode() in rest
        assert until(lambda: group.health() == "refused", 30) is not None
