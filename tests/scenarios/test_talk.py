"""From typed words to what people see: every verb, over real sockets, with GitHub merging by hand.

One sandbox serves the whole file, once over HTTP with fakeredis and once over Socket Mode with a
real Redis; each test has deployments of its own. The watch is not running:
what it tells is in test_story.py and test_watching.py.
"""

import contextlib
import itertools
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.faults import Fault
from sandbox.leadline import running
from sandbox.people import CAROL, TEAM
from sandbox.setup import Setup
from sandbox.slack.settings import AppSettings
from sandbox.worlds import ALICE, BOB, CHANNEL, sandbox
from tests.adapters.conftest import real_redis
from tests.engine.raw import until
from tests.scenarios.conftest import RATE

_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=["HTTP, fakeredis", "Socket Mode, redis-server"])
def talk(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("talk")
    with contextlib.ExitStack() as stack:
        by_socket = request.param.startswith("Socket")
        url = stack.enter_context(real_redis(folder, "--save", "")).url if by_socket else ""
        worlds = stack.enter_context(sandbox(folder / "worlds", RATE, setup=Setup(redis=url)))
        if by_socket:
            worlds.slack.configure(AppSettings(socket_mode=True, events=frozenset({"app_mention"})))
            worlds.environment["SLACK_APP_TOKEN"] = TEAM.app_token
        leadline = stack.enter_context(running(worlds, "serve", "work"))
        if by_socket:
            assert worlds.journal.wait(lambda e: e.call == "socket.opened")
        yield Talk(worlds, leadline)


@pytest.fixture
def name():
    return f"m{next(_numbers)}"


class Talk:
    """People in one channel."""

    def __init__(self, worlds, leadline):
        self.worlds, self.leadline = worlds, leadline

    def type(self, text, user=ALICE):
        """Type a command and wait until it has ended; return what only this person saw of it."""
        since = len(self.worlds.journal.entries())
        self.worlds.slack.people.type(text, user, CHANNEL)
        return self._ended(since, user)

    def mention(self, text, thread=None, user=ALICE):
        since = len(self.worlds.journal.entries())
        self.worlds.slack.people.mention(text, user, CHANNEL, thread)
        return self._ended(since, user)

    def _ended(self, since, user):
        ended = self.worlds.journal.wait(
            lambda e: (e.world, e.call) == ("leadline", "finished"), since, 20
        )
        assert ended, self.leadline.said[-20:]
        seen = [e for e in self.worlds.slack.state()["ephemerals"] if e["user"] == user]
        return [e for e in seen if e["source"] == "chat.postEphemeral"]

    def last(self, text, user=ALICE):
        """Type a command; return the newest answer as one text."""
        before = len(self._seen(user))
        self.type(text, user)
        fresh = self._seen(user)[before:]
        assert len(fresh) == 1, (text, fresh)
        return words_of(fresh[0])

    def fresh(self, text, user=ALICE):
        """Type a command; return what only this person saw of it since, as texts."""
        before = len(self._seen(user))
        self.type(text, user)
        return [words_of(each) for each in self._seen(user)[before:]]

    def _seen(self, user):
        seen = self.worlds.slack.state()["ephemerals"]
        return [e for e in seen if (e["user"], e["source"]) == (user, "chat.postEphemeral")]

    def card(self, name):
        messages = self.worlds.slack.messages(CHANNEL)
        found = [m for m in messages if m["text"].startswith(f"{name} · ")]
        assert len(found) == 1, [m["text"] for m in messages]
        return found[0]

    def thread(self, name):
        root = self.card(name)["ts"]
        messages = self.worlds.slack.messages(CHANNEL)
        return [m["text"] for m in messages if m["thread_ts"] == root and m["ts"] != root]

    def pull(self, name):
        pulls = self.worlds.github.state()["pulls"]
        found = [p for p in pulls if p["head"] == f"llm/example/{name}" and p["state"] == "open"]
        assert len(found) == 1, self.leadline.said[-6:]
        return found[0]

    def merged(self, name, *typed):
        """Type what opens a pull request, and merge it."""
        for text in typed:
            self.type(text)
            self.worlds.merge(self.pull(name)["number"])

    def file(self, name, branch="main"):
        found = self.worlds.github.read(branch, f"overlays/example/{name}/llm.yaml")
        return found.decode() if found else None


def words_of(message):
    """Return everything a message shows."""
    shown = [message["text"], *texts_in(message.get("blocks") or [])]
    return "\n".join(shown).replace("\u200b", "")


def texts_in(value):
    if isinstance(value, dict):
        text = value.get("text")
        if isinstance(text, str):
            yield text
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from texts_in(each)


def test_a_deploy_is_a_card_a_thread_and_a_pull_request_that_carries_the_thread(talk, name):
    talk.type(f"deploy qwen3-32b sglang {name} --replicas 2 reason=night")

    pull = talk.pull(name)
    plan, opened = talk.thread(name)
    assert plan.startswith(f":mag: Plan: deploy(example/{name}): sglang ")
    assert f"#{pull['number']}> opened: deploy(example/{name}): sglang " in opened
    card = talk.card(name)
    metadata = json.loads(pull["body"].partition("leadline:v1 ")[2].partition(" -->")[0])
    assert (metadata["thread"]["channel"], metadata["thread"]["ts"]) == (CHANNEL, card["ts"])
    assert metadata["requester"] == f"slack:{ALICE}"
    assert "fit/" in " ".join(pull["labels"])
    assert "tight" in words_of(card)


def test_the_same_again_attaches_other_options_amend_and_others_are_refused(talk, name):
    talk.type(f"deploy qwen3-32b sglang {name}")
    number = talk.pull(name)["number"]

    talk.type(f"deploy qwen3-32b sglang {name}")
    talk.type(f"deploy qwen3-32b sglang {name} --replicas 3")
    refusal = talk.last(f"deploy qwen3-32b sglang {name} --replicas 4", CAROL)

    assert talk.pull(name)["number"] == number
    assert [text[:8] for text in talk.thread(name)] == [
        ":mag: Pl", ":memo: P", ":link: <", ":mag: Pl", ":pencil2",
    ]  # fmt: skip
    assert "Approvals from before no longer count" in talk.thread(name)[-1]
    assert f"#{number}" in refusal
    assert "replicas: 3" in talk.file(name, f"llm/example/{name}")


def test_two_who_ask_for_the_same_at_once_get_one_card_and_one_pull_request(talk, name):
    since = len(talk.worlds.journal.entries())

    def type_(user):
        talk.worlds.slack.people.type(f"deploy qwen3-32b sglang {name}", user, CHANNEL)

    def ended():
        calls = [(e.world, e.call) for e in talk.worlds.journal.entries()[since:]]
        return calls.count(("leadline", "finished"))

    with ThreadPoolExecutor() as both:
        list(both.map(type_, (ALICE, CAROL)))
    assert until(lambda: ended() == 2, 20) is not None, talk.leadline.said[-6:]

    assert talk.pull(name)
    *told, second = talk.thread(name)
    assert [text[:8] for text in told[:2]] == [":mag: Pl", ":memo: P"]
    assert second.startswith((f":link: <@{ALICE}>", f":link: <@{CAROL}>"))


def test_changes_of_what_stands_go_into_the_same_thread(talk, name):
    talk.merged(name, f"deploy qwen3-32b sglang {name}")

    talk.merged(name, f"scale {name} 2")
    assert "replicas: 2" in talk.file(name)
    talk.merged(name, f"update {name} --context 8192")
    assert "maxModelLen: 8192" in talk.file(name)
    talk.merged(name, f"restart {name}")
    assert "restartedAt" in talk.file(name)

    opened = [text for text in talk.thread(name) if text.startswith(":memo:")]
    assert [text.partition("opened: ")[2].partition("(")[0] for text in opened] == [
        "deploy", "scale", "update", "restart",
    ]  # fmt: skip


def test_a_rollback_restores_the_exact_bytes_and_history_counts_them(talk, name):
    talk.merged(name, f"deploy qwen3-32b sglang {name}")
    first = talk.file(name)
    talk.merged(name, f"scale {name} 3", f"scale {name} 4")

    shown = talk.last(f"history {name}")
    assert [line[:3] for line in shown.splitlines() if " → " in line or "deploy(" in line] == [
        "now", "1 ·", "2 ·",
    ]  # fmt: skip
    assert shown.count(" UTC · alice · ") == 3
    talk.merged(name, f"rollback {name} --to 2")

    assert talk.file(name) == first
    assert "no such change" in talk.last(f"rollback {name} --to 9")


def test_an_undeploy_wants_the_name_once_more_and_removes_the_folder(talk, name):
    talk.merged(name, f"deploy qwen3-32b sglang {name}")

    talk.worlds.slack.people.type(f"undeploy {name}", ALICE, CHANNEL)  # opens a form
    refusal = talk.last(f"undeploy {name} --confirm other")
    talk.merged(name, f"undeploy {name} --confirm {name}")

    assert f"--confirm {name}" in refusal
    assert talk.file(name) is None
    assert "undeploy(example/" in talk.thread(name)[-1]


def test_a_plan_is_shown_to_who_asked_and_writes_nothing(talk, name):
    pulls = len(talk.worlds.github.state()["pulls"])

    shown = talk.last(f"plan qwen3-32b vllm {name}")

    assert "(nothing is written)" in shown
    assert "GPUs: 0 → 2, +3.00 USD an hour" in shown
    assert "+model: qwen3-32b" in shown
    assert len(talk.worlds.github.state()["pulls"]) == pulls


def test_what_reading_verbs_answer(talk, name):
    talk.merged(name, f"deploy qwen3-32b sglang {name}")

    assert f"example/{name} · qwen3-32b · sglang" in talk.last("list")
    assert "qwen3-8b" in talk.last("models qwen3-8")
    assert "tight" in talk.last("fit qwen3-32b sglang")
    assert f"http://{name}-leader.default.svc:8000/v1" in talk.last(f"endpoint {name}")
    assert "*Role in example*\nrequester" in talk.last("whoami")
    assert "`--replicas N`" in talk.last("help deploy")


def test_in_a_cards_thread_the_name_is_implied_and_a_mention_is_a_command(talk, name):
    talk.merged(name, f"deploy qwen3-32b sglang {name}")
    root = talk.card(name)["ts"]

    talk.mention("scale 2 reason=more", root)

    assert talk.pull(name)["title"] == f"scale(example/{name}): 1 → 2 groups"


def test_a_second_change_says_what_it_takes_the_place_of(talk, name):
    talk.merged(name, f"deploy qwen3-32b sglang {name}")
    talk.type(f"update {name} --context 12000")
    title = talk.pull(name)["title"]

    talk.type(f"restart {name}")

    gone = f"It replaces {title}, which is no longer proposed. Approvals from before no longer"
    assert gone in talk.thread(name)[-1].replace("\u200b", "")
    assert "Replaces: update\\(example/" in talk.pull(name)["body"]
    assert "maxModelLen" not in talk.file(name, f"llm/example/{name}")


def test_who_types_beside_an_old_card_is_led_to_the_pull_request(talk, name):
    told = [talk.fresh(f"deploy qwen3-32b sglang {name}")]  # its card was posted just now
    talk.worlds.merge(talk.pull(name)["number"])

    told += [talk.fresh(f"scale {name} 2"), talk.fresh(f"scale {name} 2", CAROL)]
    root, pull = talk.card(name)["ts"], talk.pull(name)
    before = len(talk._seen(ALICE))
    talk.mention("scale 3", root)  # in the card's own thread

    link = f"/pull/{pull['number']}|scale(example/{name}): 1 → 2 groups: pull request"
    assert told[0] == []
    assert [[link in text for text in each] for each in told[1:]] == [[True], [True]]
    assert "|its thread>" in told[1][0]
    assert len(talk._seen(ALICE)) == before


def test_a_pull_request_names_who_asked_and_links_the_thread(talk, name):
    talk.type(f"deploy qwen3-32b sglang {name} reason=night")

    asked = talk.pull(name)["body"].splitlines()[1]
    assert re.fullmatch(
        r"\*\*@alice \(Slack: .+\)\*\* asked in \[Slack\]\(http.+\): “night”", asked
    )


def test_what_is_not_on_main_yet_is_named_with_its_pull_request(talk, name):
    talk.type(f"deploy qwen3-32b sglang {name}")
    number = talk.pull(name)["number"]

    for text in ("status", "scale {} 2", "history", "ask {} hi", "endpoint", "restart"):
        said = talk.last(text.format(name) if "{}" in text else f"{text} {name}")
        assert f"example/{name} is not on main yet: pull request #{number} (" in said, text
    [said] = talk.worlds.slack.people.type(f"undeploy {name}", ALICE, CHANNEL).notes
    assert f"pull request #{number} (" in said
    row = next(line for line in talk.last("list").splitlines() if f"example/{name} ·" in line)
    assert row.endswith(f"not on main yet: pull request #{number} is open")


def test_while_github_is_away_who_only_looks_is_answered_from_what_was_known(talk, name):
    talk.merged(name, f"deploy qwen3-32b sglang {name}")
    talk.last("list")
    away = Fault("github", "GET branches/main", "before", "refuse", times=1000, status=403)
    talk.worlds.faults.arm(away)
    try:
        listed, refused = talk.last("list"), talk.last(f"scale {name} 2")
    finally:
        away.times = 0

    assert f"example/{name} · qwen3-32b" in listed
    assert re.search(r"main as of \d\d:\d\d UTC; it cannot be read from GitHub now", listed)
    assert "reading main" in refused
    assert "it cannot be read" not in talk.last("list")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("depoly x", "no verb “depoly”; did you mean `/llm deploy qwen3-32b sglang`?"),
        ("deploy qwen3-3b sglang", "did you mean"),
        ("deploy qwen3-32b sglang x --tp 3", "3"),
        ("deploy qwen3-32b sglang --environment prod", "no environment prod"),
        ("status nothing-here", "no deployment nothing-here"),
        ("scale nothing-here 2", "no deployment nothing-here"),
        ("rollback nothing-here", "no deployment nothing-here"),
    ],
)
def test_what_cannot_be_is_said_in_one_line_to_who_typed(talk, text, line):
    messages = len(talk.worlds.slack.messages(CHANNEL))

    assert line in talk.last(text)
    assert len(talk.worlds.slack.messages(CHANNEL)) == messages


def test_the_roles_of_the_repository_decide_and_a_refusal_says_who_may(talk, name):
    roles = talk.worlds.github.read("main", "roles.yaml").decode()
    strict = f"roles: [{{role: viewer, everyone: true}}, {{role: requester, users: [{BOB}]}}]\n"
    talk.worlds.github.push("main", {"roles.yaml": strict}, "Strict.", "bob")
    try:
        refusal = talk.last(f"deploy qwen3-32b sglang {name}", ALICE)
        talk.worlds.github.push("main", {"roles.yaml": "roles: []\n"}, "Nobody.", "bob")
        nobody = talk.last("list", ALICE)
        free = talk.last("help", ALICE)
    finally:
        talk.worlds.github.push("main", {"roles.yaml": roles}, "Back.", "bob")

    assert "`deploy` in example needs the role requester" in refusal
    assert f"Who may: <@{BOB}>" in refusal
    assert "you have no role here. Who may: nobody yet" in nobody
    assert "/llm deploy" in free
    talk.type(f"deploy qwen3-32b sglang {name}", ALICE)
    assert talk.pull(name)


def test_every_command_leaves_one_line_in_the_audit_log_without_the_question(talk):
    talk.type("ask nobody-there a secret question")
    talk.type("whoami")

    said = [line for line in talk.leadline.printed if line.startswith('{"audit":')]
    asked, who = (json.loads(line)["audit"] for line in said[-2:])
    assert (asked["act"], asked["outcome"], asked["question_length"]) == ("ask", "refused", 17)
    assert (who["act"], who["outcome"], who["person"]) == ("whoami", "done", ALICE)
    assert "secret" not in "".join(said)
