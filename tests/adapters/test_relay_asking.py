"""Asking as a whole: the sandbox's engine, Slack and Redis, and a repository of one overlay."""

import contextlib
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY

from bot.access import Actor
from bot.chat import Person, Place
from bot.commands import command as c
from bot.commands.ask import Asking
from bot.commands.changing import Asked
from bot.commands.scene import Scene, everything
from bot.commands.seats import Seats
from bot.desired import Desired
from bot.errors import CommandError, EngineUnavailableError, QueueFullError
from bot.notice import Card, GroupLine, Rank
from bot.relay import Engines, Question
from bot.relay.guard import Patience
from bot.relay.keys import MountedKeys
from bot.relay.openai import OpenAIEndpoint
from bot.slack.client import SlackChat
from bot.speaker import Speaker
from bot.store.cancels import RedisCancels
from bot.store.connection import WORKER, connect
from bot.store.locks import RedisLocks
from bot.store.redis import RedisStore
from bot.store.shared import RedisShared
from gitops.assets import root
from gitops.clock import SystemClock
from gitops.forge import Revision
from gitops.roles import NOBODY
from gitops.workspace import WorkingCopy
from sandbox.engine import Pace
from sandbox.redis import serving_redis
from tests.engine.raw import until
from tests.sandbox.test_engine_bench import network, vllm
from tests.sandbox.test_slack_bench import OPS, TEAM, Slack

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ALICE = Person("U0ALICE", TEAM.id)
HURRIED = Patience(connect=1, first=5, idle=1, total=20)
KEY = "example/qwen"
RANKS = (Rank(0, "Running", ready=False), Rank(1, "Pending", ready=False))
CARD = Card(
    "qwen", "example", "qwen3-32b", "vllm", "1×(2×1 GPU)", "TP 2", 2, 7, "https://x/7", "U0BOB",
    "loading weights", (GroupLine(0, RANKS, None),),
)  # fmt: skip


class Desk:
    """Somebody who asks, and what they see."""

    def __init__(self, net, slack, url, folder):
        self.net, self.slack, self.folder = net, slack, folder
        self.redis = connect(url, WORKER)
        self.shared = RedisShared(self.redis)
        self.cancels = RedisCancels(self.redis)
        self.locks = RedisLocks(self.redis)
        clock = SystemClock()
        speaker = Speaker(SlackChat(slack.client, clock), RedisStore(self.redis), clock)
        self.keys = MountedKeys(folder / "keys")
        engines = Engines(OpenAIEndpoint.connect(net.proxy, HURRIED), self.keys)
        self.contexts = []
        self.asking = Asking(
            speaker, lambda context: self.contexts.append(context) or engines,
            self.cancels, self.shared, Seats(self.locks),
        )  # fmt: skip
        self.number = 0

    def scene(self):
        copy = WorkingCopy(self.folder)
        desired = Desired(Revision("c", "t"), NOW, copy, NOBODY, None)
        return Scene(
            Actor(ALICE.id, OPS),
            desired,
            everything(desired, OPS, RedisStore(self.redis), "example"),
        )

    def ask(self, prompt="hello", *, key=None, raw=False, thread=None, **words):
        self.number += 1
        question = Question(prompt, **{"max_tokens": 200, "thinking": False} | words)
        asked = Asked(key or f"ask{self.number}", ALICE, Place(OPS, thread))
        self.asking(c.Ask("qwen", question, raw, "example"), self.scene(), asked)

    def wants_a_key(self):
        file = self.folder / "overlays/example/qwen/llm.yaml"
        file.write_text(file.read_text() + "apiKeySecret: qwen-key\n")

    def messages(self):
        return self.slack.workspace.messages(OPS)

    def answer(self):
        return self.messages()[1]

    def footer(self):
        [found] = [b for b in self.answer()["blocks"] if b["type"] == "section"]
        return found["text"]["text"]


@pytest.fixture(scope="module")
def served():
    with network(vllm(image="vllm:v0.32.0"), Pace(first=0, token=0)) as net:
        net.bench.wait("lws.available")
        yield net


def repository(folder):
    """Lay a repository of one deployment out."""
    example = folder / "overlays/example"
    (example / "qwen").mkdir(parents=True)
    overlays = root() / "overlays/example"
    for name in ("environment.yaml", "qwen/llm.yaml"):
        text = (overlays / name.replace("qwen/", "qwen3-32b-vllm/")).read_text()
        (example / name).write_text(text.replace("name: qwen3-32b-vllm", "name: qwen"))
    return folder


@pytest.fixture
def desk(served, tmp_path):
    with serving_redis() as url, Slack().served() as slack:
        yield Desk(served, slack, url, repository(tmp_path))
    served.engine.heal()
    served.engine.up()


def buttons(message):
    rows = [b["elements"] for b in message["blocks"] if b["type"] == "actions"]
    return [(e["action_id"], e["value"]) for row in rows for e in row]


def test_a_question_is_a_message_and_its_answer_stands_in_its_thread(desk):
    desk.ask("測試一下")
    question, answer = desk.messages()

    assert "測試一下" in question["text"]
    assert answer["thread_ts"] == question["ts"]
    assert len(answer["text"]) > 20
    assert "qwen3-32b · first token" in desk.footer().replace("\u200b", "")
    assert "finish: stop" in desk.footer()
    assert desk.contexts == [""]


def test_a_question_in_a_thread_is_answered_there(desk):
    card = desk.slack.client.chat_postMessage(channel=OPS, text="card")["ts"]
    desk.ask(thread=card)

    assert {m["thread_ts"] for m in desk.messages()[1:]} == {card}


def test_thought_is_folded_and_counted(desk):
    desk.ask(thinking=True, max_tokens=400)

    assert "think" not in desk.answer()["text"]
    assert "characters of thought folded away" in desk.footer()


def test_an_answer_that_is_only_thought_names_the_option_to_raise(desk):
    desk.ask(thinking=True, max_tokens=3)

    assert "raise `--max-tokens`" in desk.footer()
    assert "Only thought came" in desk.footer()


def test_the_json_of_request_and_answer_can_be_shown(desk):
    desk.ask(raw=True, max_tokens=5)
    shown = [b["text"]["text"] for b in desk.messages()[-1]["blocks"][1:]]
    request, answer = [json.loads(text.strip("`\n")) for text in shown]

    assert request["messages"] == [{"role": "user", "content": "hello"}]
    assert request["chat_template_kwargs"] == {"enable_thinking": False}
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["choices"][0]["message"]["content"] == desk.answer()["text"]
    assert answer["usage"]["completion_tokens"] == 5


def test_an_answer_that_breaks_off_keeps_what_came_and_says_so(desk):
    desk.net.engine.fault("qwen", "cut", after_tokens=5)
    desk.ask()

    assert len(desk.answer()["text"]) > 3
    assert "The answer stops here" in desk.footer()
    assert "finish: none" in desk.footer()
    assert "token" not in desk.footer().replace("first token", "")  # nobody has counted them


def test_a_cancelled_answer_ends_with_what_came(desk):
    desk.net.engine.fault("qwen", "stall", after_tokens=5)
    patient = OpenAIEndpoint.connect(desk.net.proxy, Patience(first=30, idle=30))
    desk.asking = replace(desk.asking, engines=lambda _: Engines(patient, desk.keys))
    asking = threading.Thread(target=desk.ask)
    asking.start()
    assert until(lambda: len(desk.messages()) == 2, 5) is not None
    [(action, value)] = buttons(desk.messages()[0])
    desk.cancels.cancel("ask1")
    asking.join(5)

    assert action == "leadline:cancel"
    assert value.endswith(f":ask1 {ALICE.id} example/qwen")  # whose it is, and where
    assert not asking.is_alive()
    running = "vllm:num_requests_running"
    assert until(lambda: desk.net.raw().metric(running) == 0, 1) is not None
    assert "finish: cancelled" in desk.footer()
    assert buttons(desk.messages()[0]) == []


def test_an_answer_is_cancelled_before_its_first_token(desk):
    desk.net.engine.fault("qwen", "hang")
    patient = OpenAIEndpoint.connect(desk.net.proxy, Patience(first=30, idle=30))
    desk.asking = replace(desk.asking, engines=lambda _: Engines(patient, desk.keys))
    since = len(desk.net.bench.journal.entries())
    asking = threading.Thread(target=desk.ask)
    asking.start()
    assert desk.net.bench.journal.wait(lambda e: e.call == "POST chat/completions", since)
    desk.cancels.cancel("ask1")
    running = "vllm:num_requests_running"
    passed = until(lambda: not asking.is_alive() and desk.net.raw().metric(running) == 0, 5)

    assert passed is not None
    assert passed < 1.5  # a second, and the time to say so
    assert "finish: cancelled" in desk.footer()


def test_a_connection_that_goes_before_the_first_token_is_asked_once_more(desk):
    before = len(desk.net.chats())
    desk.net.engine.fault("qwen", "reset", after_tokens=0, times=1)
    desk.ask()

    assert len(desk.net.chats()) == before + 2
    assert "finish: stop" in desk.footer()


def test_an_engine_that_goes_each_time_is_asked_twice_and_no_more(desk):
    before = len(desk.net.chats())
    desk.net.engine.fault("qwen", "reset", after_tokens=0)
    desk.ask()

    assert len(desk.net.chats()) == before + 2
    assert "The answer stops here" in desk.footer()


@pytest.mark.parametrize("trouble", ["cut", "reset"])
def test_an_answer_of_which_something_was_shown_is_not_asked_again(desk, trouble):
    before = len(desk.net.chats())
    desk.net.engine.fault("qwen", trouble, after_tokens=5, times=1)
    desk.ask()

    assert len(desk.net.chats()) == before + 1
    assert "The answer stops here" in desk.footer()


@pytest.mark.parametrize("trouble", ["hang", "html"])
def test_what_another_try_would_not_mend_is_not_asked_again(desk, trouble):
    before = len(desk.net.chats())
    desk.net.engine.fault("qwen", trouble)
    quick = OpenAIEndpoint.connect(desk.net.proxy, Patience(first=0.5, idle=0.5))
    desk.asking = replace(desk.asking, engines=lambda _: Engines(quick, desk.keys))
    with contextlib.suppress(EngineUnavailableError):
        desk.ask()

    assert len(desk.net.chats()) == before + 1


def test_a_third_question_at_once_is_refused_and_the_two_go_on(desk):
    desk.net.engine.fault("qwen", "stall", after_tokens=5)
    patient = OpenAIEndpoint.connect(desk.net.proxy, Patience(first=30, idle=30))
    desk.asking = replace(desk.asking, engines=lambda _: Engines(patient, desk.keys))
    both = [threading.Thread(target=desk.ask, kwargs={"key": key}) for key in ("one", "two")]
    for asking in both:
        asking.start()
    running = "vllm:num_requests_running"
    assert until(lambda: desk.net.raw().metric(running) == 2, 5) is not None
    with pytest.raises(QueueFullError, match="you have 2 questions running"):
        desk.ask()
    assert desk.net.raw().metric(running) == 2
    for key in ("one", "two"):
        desk.cancels.cancel(key)
    for asking in both:
        asking.join(5)

    assert not any(asking.is_alive() for asking in both)
    desk.net.engine.heal()
    desk.ask()


def test_an_answer_that_ended_has_no_button(desk):
    desk.ask()

    assert buttons(desk.messages()[0]) == []


def test_a_question_that_began_before_is_never_asked_again(desk):
    desk.ask(key="once")
    before = len(desk.net.chats())
    with pytest.raises(CommandError, match="interrupted; ask again"):
        desk.ask(key="once")

    assert len(desk.net.chats()) == before


def test_a_deployment_that_is_not_ready_says_what_its_pods_wait_for(desk):
    desk.net.engine.down("qwen")
    with pytest.raises(EngineUnavailableError, match="may still be loading"):
        desk.ask()
    desk.shared.show(KEY, CARD)
    words = "example/qwen does not answer yet: loading weights, leader of group 0 Running, worker 1"
    with pytest.raises(EngineUnavailableError, match=words):
        desk.ask()

    assert desk.messages() == []


def test_a_person_has_two_questions_at_a_time(desk):
    seats = [desk.locks.acquire(f"ask:person:U0ALICE:{n}", "other", 60) for n in range(2)]
    with pytest.raises(QueueFullError, match="you have 2 questions running"):
        desk.ask()
    desk.locks.release(seats[1])
    desk.ask()
    desk.ask()

    assert len(desk.messages()) == 4


def test_a_deployment_answers_so_many_questions_at_a_time(desk):
    for number in range(8):
        desk.locks.acquire(f"ask:deployment:{KEY}:{number}", "other", 60)
    with pytest.raises(QueueFullError, match="example/qwen answers 8 questions already"):
        desk.ask()

    assert desk.locks.acquire("ask:person:U0ALICE:0", "other", 60)


def test_a_deployment_with_an_api_key_is_asked_with_its_file(desk):
    desk.wants_a_key()
    with pytest.raises(EngineUnavailableError, match="no API key in LEADLINE_API_KEYS"):
        desk.ask()
    (desk.folder / "keys/example").mkdir(parents=True)
    (desk.folder / "keys/example/qwen-key").write_text("sesame\n")
    desk.ask(raw=True)

    assert "finish: stop" in desk.footer()
    assert "sesame" not in json.dumps(desk.messages())


def counted(outcome):
    return REGISTRY.get_sample_value("leadline_asks_total", {"outcome": outcome}) or 0


def test_every_question_is_counted_by_what_became_of_it(desk):
    outcomes = ("answered", "broken", "refused")
    before = [counted(outcome) for outcome in outcomes]
    desk.ask()
    desk.net.engine.fault("qwen", "cut", after_tokens=5, times=1)
    desk.ask()
    desk.net.engine.down("qwen")
    with pytest.raises(EngineUnavailableError):
        desk.ask()

    assert [counted(o) - was for o, was in zip(outcomes, before, strict=True)] == [1, 1, 1]


def test_another_name_than_git_says_is_told(desk):
    file = desk.folder / "overlays/example/qwen/llm.yaml"
    file.write_text(file.read_text().replace("servedModelName: qwen3-32b", "servedModelName: q3"))
    desk.ask()

    assert "Git says q3" in desk.footer()
