"""Pull requests from GitHub's webhook to the card, with real processes over loopback.

The watch polls once an hour here, so what moves a card is the webhook; the tests of polling have a
GitHub that loses every webhook.
"""

import contextlib
import itertools
import statistics
import time

import pytest

from bot.rollout.looks import REST
from gitops.reviews import TWO_PERSON
from sandbox.github.hooks import Hook, HookFault
from sandbox.github.protection import Protection
from sandbox.leadline import running
from sandbox.people import ALICE, BOB, CAROL
from sandbox.worlds import CHANNEL, sandbox
from tests.scenarios.conftest import RATE
from tests.scenarios.test_talk import Talk, words_of

SECRET = "hook-secret"
HOUR = 3600
"""Longest that the watch may be set to wait, in sandbox seconds: at RATE three minutes of ours."""

EVENTS = ("pull_request", "pull_request_review", "check_run", "status")
ROLES = f"""
people: {{{ALICE}: alice, {BOB}: bob, {CAROL}: carol}}
roles:
  - {{role: viewer, everyone: true}}
  - {{role: requester, users: [{CAROL}]}}
  - {{role: approver, users: [{BOB}]}}
  - {{role: admin, users: [{ALICE}]}}
"""
_numbers = itertools.count(1)


class Watched(Talk):
    """People in one channel whose pull requests are watched."""

    def until(self, holds, at_most=20.0):
        """Wait until something holds; return the seconds it took."""
        begun = time.monotonic()
        seen = len(self.worlds.journal.entries())
        while not holds():
            left = begun + at_most - time.monotonic()
            entry = self.worlds.journal.wait(lambda e: True, seen, max(left, 0.0))
            assert entry, (self.leadline.said[-20:], self.worlds.journal.entries()[-5:])
            seen = entry.number
        return time.monotonic() - begun

    def shown(self, name):
        return words_of(self.card(name))

    def until_card(self, name, *words):
        return self.until(lambda: all(word in self.shown(name) for word in words))

    def until_thread(self, name, text):
        return self.until(lambda: any(text in reply for reply in self.thread(name)))

    def said(self, name, text):
        return [reply for reply in self.thread(name) if text in reply]

    def status(self, name):
        """Return our status on the head of a deployment's newest pull request."""
        pulls = self.worlds.github.state()["pulls"]
        head = [p for p in pulls if p["head"] == f"llm/example/{name}"][-1]["head_sha"]
        site = self.worlds.github._site
        with site.lock:
            ours = [s for s in site.statuses[head] if s.context == TWO_PERSON]
        return (ours[-1].state, ours[-1].description) if ours else (None, "")

    def until_status(self, name, state):
        self.worlds.time.advance(REST.total_seconds())  # webhooks of before keep none waiting
        return self.until(lambda: self.status(name)[0] == state)


@contextlib.contextmanager
def watching(folder, poll, *, hook=True, two_person=False):
    # What is known of main may be 60 s old: at a higher rate that is soon, and no status is set.
    with sandbox(folder, 1.0 if two_person else RATE) as worlds:
        worlds.environment["LEADLINE_POLL_SECONDS"] = f"{poll}"
        worlds.environment["GITHUB_WEBHOOK_SECRET"] = SECRET
        if two_person:
            path = "overlays/example/environment.yaml"
            text = worlds.github.read("main", path).decode()
            files = {path: f"{text}twoPerson: true\n", "roles.yaml": ROLES}
            worlds.github.push("main", files, "Two people.", "bob")
        if hook:
            url = f"{worlds.addresses['leadline']}/github/webhook"
            worlds.github.hooks.add(Hook(url, SECRET, EVENTS))
        with running(worlds, "serve", "work", "watch") as leadline:
            yield Watched(worlds, leadline)


@pytest.fixture(scope="module")
def woken(tmp_path_factory):
    with watching(tmp_path_factory.mktemp("woken"), HOUR) as made:
        yield made


@pytest.fixture(scope="module")
def polled(tmp_path_factory):
    with watching(tmp_path_factory.mktemp("polled"), 5, hook=False) as made:
        yield made


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    with watching(tmp_path_factory.mktemp("pair"), HOUR, two_person=True) as made:
        yield made


@pytest.fixture
def name():
    return f"w{next(_numbers)}"


def acts_on(talk, name, how):
    """Do to a pull request what people and CI do; yield what the card and the thread must show.

    That a check has begun wakes nobody: a push has too many of those.
    """
    github, number = talk.worlds.github, talk.pull(name)["number"]
    branch = f"llm/example/{name}"
    github.check(branch, "lint", status="in_progress")
    if how == "polled":
        yield ["⏳ lint"], None
    github.check(branch, "lint", "failure")
    yield ["❌ lint"], f"#{number}> failed: lint"
    github.check(branch, "lint")
    yield ["✅ 1"], None
    github.review(number, "bob", "COMMENT", "why two <groups>?")
    yield [], "bob commented: «why two &lt;groups&gt;?»"
    github.review(number, "carol", "REQUEST_CHANGES", "too large")
    yield ["carol changes requested"], "carol changes requested: «too large»"
    github.review(number, "bob")
    yield ["bob approved"], "bob approved"
    github.close(number, "carol")
    yield ["closed without a merge"], None
    talk.worlds.acts["reopen"].perform({"number": number})
    yield ["pull request open"], None
    github.close(number, "carol")
    yield ["closed without a merge"], None
    talk.worlds.acts["reopen"].perform({"number": number})
    yield ["pull request open"], None
    github.merge(number, "bob")
    yield ["merged"], f"Pull request #{number} merged by bob"


@pytest.mark.parametrize("how", ["woken", "polled"])
def test_whatever_happens_to_a_pull_request_moves_its_card_and_is_told_once(request, how, name):
    talk = request.getfixturevalue(how)
    talk.type(f"deploy qwen3-32b sglang {name}")
    seconds, told = [], []
    for on_card, in_thread in acts_on(talk, name, how):
        seconds.append(talk.until_card(name, *on_card))
        if in_thread:
            talk.until_thread(name, in_thread)
            told.append(in_thread)

    assert [len(talk.said(name, text)) for text in told] == [1] * len(told)
    assert len(talk.said(name, "was closed without a merge")) == 2
    assert len(talk.said(name, "is open again")) == 2
    if how == "woken":
        assert statistics.median(seconds) < 1.0, seconds
    assert not [line for line in talk.leadline.said if "Traceback" in line]


@pytest.mark.parametrize("fault", ["duplicate", "swap"])
def test_a_webhook_that_comes_twice_or_out_of_order_has_one_effect(woken, name, fault):
    woken.type(f"deploy qwen3-32b sglang {name}")
    number = woken.pull(name)["number"]
    woken.worlds.github.hooks.drain()
    woken.worlds.github.hooks.arm(HookFault("pull_request_review", fault))

    woken.worlds.github.review(number, "bob", "APPROVE", "fine")
    woken.worlds.merge(number)

    woken.until_thread(name, "merged by bob")
    woken.worlds.github.hooks.drain()
    assert len(woken.said(name, "bob approved: «fine»")) == 1
    assert len(woken.said(name, "merged by bob")) == 1


@pytest.mark.parametrize("fault", ["lose", "late"])
def test_a_webhook_that_is_lost_or_late_is_made_good_by_polling(tmp_path, name, fault):
    with watching(tmp_path, 5) as talk:
        talk.worlds.github.hooks.arm(HookFault(".*", fault, times=1000, seconds=40))
        talk.type(f"deploy qwen3-32b sglang {name}")
        number = talk.pull(name)["number"]
        talk.worlds.github.review(number, "bob", "APPROVE", "fine")
        talk.until_thread(name, "bob approved: «fine»")
        talk.worlds.merge(number)
        talk.until_thread(name, "merged by bob")

        if fault == "late":
            taken = itertools.count(1)
            assert talk.worlds.journal.wait(
                lambda e: e.call == "webhook pull_request" and next(taken) >= 2, 0, 20
            )
        assert len(talk.said(name, "bob approved")) == len(talk.said(name, "merged by bob")) == 1


def test_what_is_not_signed_with_our_secret_moves_nothing(woken, name):
    woken.type(f"deploy qwen3-32b sglang {name}")
    url = f"{woken.worlds.addresses['leadline']}/github/webhook"
    hooks = woken.worlds.github.hooks
    added = hooks.add(Hook(url, "guessed", EVENTS))
    woken.worlds.github.review(woken.pull(name)["number"], "bob")
    woken.until_thread(name, "bob approved")
    assert hooks.drain()
    hooks.remove(added)

    answers = [one.status_code for one in hooks.deliveries() if one.hook == added]
    assert answers
    assert set(answers) == {401}


def test_a_second_person_must_approve_before_the_required_status_lets_it_merge(pair, name):
    github = pair.worlds.github
    github.protect(Protection(approvals=1, contexts=(TWO_PERSON,)))
    pair.type(f"deploy qwen3-32b sglang {name}", CAROL)
    number = pair.pull(name)["number"]
    pair.until_status(name, "pending")

    pair.worlds.time.advance(REST.total_seconds())
    github.review(number, "carol")  # she may, on GitHub: the bot is the author
    pair.until(lambda: "carol is the requester" in pair.status(name)[1])
    assert pair.status(name)[0] == "pending"
    assert_blocked(pair, number)
    github.review(number, "bob", "APPROVE", "fine")
    pair.until_status(name, "success")
    pair.until_card(name, "✅ 1", "bob approved")

    github.push(f"llm/example/{name}", {f"overlays/example/{name}/custom/a": "a"}, "More.", "bob")
    pair.until_status(name, "pending")
    assert_blocked(pair, number)
    github.review(number, "bob")
    pair.until_status(name, "success")
    github.merge(number, "bob")
    pair.until_thread(name, "merged by bob")
    assert len(pair.said(name, "Traceback")) == 0


def assert_blocked(talk, number):
    answer = talk.worlds.acts["merge"]
    with pytest.raises(Exception, match=f'"{TWO_PERSON}" is pending'):
        answer.perform({"number": number})


def test_somebody_who_asks_for_the_same_does_not_free_the_first_to_approve(pair, name):
    roles = f"{ROLES}  - {{role: approver, users: [{CAROL}]}}\n"
    pair.worlds.github.push("main", {"roles.yaml": roles}, "Carol approves.", "bob")
    pair.type(f"deploy qwen3-32b sglang {name}", CAROL)
    pair.type(f"deploy qwen3-32b sglang {name}", BOB)
    pair.until_thread(name, "asked for the same")
    pair.until_status(name, "pending")

    pair.worlds.github.review(pair.pull(name)["number"], "carol")
    pair.until(lambda: "carol is the requester" in pair.status(name)[1])

    assert pair.status(name)[0] == "pending"


def test_an_administrator_breaks_the_glass_for_all_to_see_and_for_one_commit(pair, name):
    github = pair.worlds.github
    github.protect(Protection(contexts=(TWO_PERSON,)))
    pair.type(f"deploy qwen3-32b sglang {name}", CAROL)
    number = pair.pull(name)["number"]
    pair.until_status(name, "pending")
    assert "needs the role admin" in pair.last(f"break-glass {name} --reason outage", BOB)
    assert pair.status(name)[0] == "pending"

    pair.type(f"break-glass {name} --reason 'the site is <down>'", ALICE)

    assert pair.status(name) == ("success", f"break-glass by {ALICE}: the site is <down>")
    [told] = [m for m in pair.worlds.slack.messages(CHANNEL) if "Break-glass" in m["text"]
              and m["thread_ts"] == pair.card(name)["ts"]]  # fmt: skip
    assert f"<@{ALICE}> let pull request #{number} go without a second person" in told["text"]
    assert "the site is &lt;down&gt;" in told["text"]
    audited = [line for line in pair.leadline.printed if '"act":"break-glass"' in line]
    assert ['"outcome":"denied"' in line or '"outcome":"refused"' in line for line in audited] == [
        True, False,
    ]  # fmt: skip

    github.push(f"llm/example/{name}", {f"overlays/example/{name}/custom/a": "a"}, "More.", "bob")
    pair.until_status(name, "pending")
    assert_blocked(pair, number)
    pair.type(f"break-glass {name} --reason again", ALICE)
    assert pair.status(name)[0] == "success"
    github.merge(number, "bob")
    pair.until_thread(name, "merged by bob")
    assert len(pair.said(name, "Break-glass")) == 2


def test_a_rollback_during_a_rollout_restores_the_exact_bytes_custom_files_too(tmp_path, name):
    folder = f"overlays/example/{name}"
    note, more = f"{folder}/custom/note.txt", f"{folder}/custom/more.txt"
    with watching(tmp_path, 5) as talk:
        talk.merged(name, f"deploy qwen3-32b sglang {name} --replicas 2")
        talk.worlds.time.advance(2)  # GitHub's times are whole seconds, and history goes by them
        talk.worlds.github.push("main", {note: "漢字, no newline"}, "By hand.", "bob")
        talk.until_card(name, "serving · 2/2")
        first, running_first = files(talk, folder), template(talk, name)
        talk.merged(name, f"update {name} --context 8192")
        talk.worlds.time.advance(2)
        talk.worlds.github.push("main", {note: "worse\n", more: "x"}, "Worse.", "bob")
        talk.until(lambda: "8192" in template(talk, name))
        talk.until(lambda: "serving · 2/2" not in talk.shown(name))

        talk.merged(name, f"rollback {name} --to 2")

        assert files(talk, folder) == first
        talk.until(lambda: template(talk, name) == running_first)
        talk.until_card(name, "serving · 2/2")
        titles = [pull["title"] for pull in talk.worlds.github.state()["pulls"]]
        assert [title.partition("(")[0] for title in titles] == ["deploy", "update", "rollback"]


def template(talk, name):
    """Return what the cluster runs of a deployment, as one text."""
    return str(talk.worlds.cluster.state()["leaderworkersets"][f"default/{name}"]["spec"])


def files(talk, folder):
    repository = talk.worlds.github._site.repository
    entries = repository.files(repository.tree_of("main"))
    found = [entry.path for entry in entries if entry.path.startswith(f"{folder}/")]
    return {path: talk.worlds.github.read("main", path) for path in found}
