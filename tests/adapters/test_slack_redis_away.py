"""Slack's edge while Redis is away, full or lost: the person is told at once, nothing is kept."""

import pytest

from tests.adapters.conftest import real_redis
from tests.adapters.edge_bench import ALICE, BOB, OPS, bench


@pytest.fixture(params=["http", "socket"])
def edge_and_redis(request, tmp_path):
    with (
        real_redis(tmp_path, "--save", "") as server,
        bench(request.param, redis_url=server.url) as made,
    ):
        made.publish()
        yield made, server


def test_while_redis_is_away_everybody_is_told_at_once_and_nothing_is_kept(edge_and_redis):
    edge, server = edge_and_redis
    people = edge.slack.people
    people.type("/llm undeploy m1", ALICE, OPS)
    view, card = edge.view(), edge.card()
    server.kill()

    [typed] = people.type("/llm deploy qwen3-32b sglang", ALICE, OPS).notes
    [mentioned] = people.mention("status m1", BOB, OPS).notes
    [pressed_] = people.press(card, "leadline:status", ALICE).notes
    sent = people.submit(view["id"], {"confirm": "m1"}, ALICE)
    [bare] = people.type("/llm deploy", ALICE, OPS).notes

    nothing = "Leadline cannot take commands now; nothing was done. Try again in a minute."
    assert (typed, mentioned, pressed_, bare) == (nothing, nothing, nothing, nothing)
    assert sent.errors == {"confirm": nothing}

    server.start()
    assert edge.jobs() == []
    edge.publish()
    assert people.submit(view["id"], {"confirm": "m1"}, ALICE).errors == {}
    assert edge.texts() == ["undeploy example/m1 --confirm m1"]
