"""The watcher as a whole, without its threads: killed at any call it says everything once."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bot.chat import Place
from bot.cluster import Contact, Listed, Observation, Pod, Scope, Unit
from bot.desired import Desired
from bot.errors import DesiredUnknownError, StoreUnavailableError
from bot.rollout.ages import Ages
from bot.rollout.card import card
from bot.rollout.inbox import ROOM, Inbox, Tick, Wake
from bot.rollout.looks import SPACING, Looks
from bot.rollout.proving import Proof, Prover
from bot.rollout.reading import Reader
from bot.rollout.recalling import Strays
from bot.rollout.reviewing import Looked, Read
from bot.rollout.watch import Ports, Watcher
from bot.rollout.watches import Watches
from bot.settings import SlackSettings
from bot.slack.client import SlackChat
from bot.speaker import Speaker
from bot.store import Proposal
from bot.store.connection import WORKER, connect
from bot.store.redis import RedisStore
from bot.store.shared import RedisShared
from gitops.environment import Controller
from gitops.errors import ForgeUnavailableError
from gitops.forge import PullRequest, Review, Revision
from gitops.overlay import state_of
from gitops.roles import NOBODY
from gitops.workspace import WorkingCopy
from sandbox.clock import Time
from sandbox.faults import Fault
from sandbox.redis import serving_redis
from tests.sandbox.test_slack_bench import OPS, Slack

NAME, KEY = "m", "dev/m"


class KilledError(BaseException):
    """SIGKILL, as far as one thread can have it."""


class Mortal:
    """A port at whose calls one dies: at each different call once before and once after it."""

    def __init__(self, port, deaths):
        self._port = port
        self._deaths = deaths

    def __getattr__(self, name):
        method = getattr(self._port, name)
        if not callable(method):
            return Mortal(method, self._deaths)

        def call(*args):
            what = (name, str(args))
            self._deaths.die("before", what)
            answer = method(*args)
            self._deaths.die("after", what)
            return answer

        return call


class Deaths:
    """Which moments kill; each kills once for each different call."""

    def __init__(self, *moments):
        self.moments = moments
        self.died = []

    def die(self, moment, what):
        if moment in self.moments and (moment, what) not in self.died:
            self.died.append((moment, what))
            raise KilledError


class Pulls:
    """A pull request that a test merges."""

    def __init__(self):
        self.pull = PullRequest(7, "u", Review.OPEN, head="h")
        self.away = False

    def look(self, rollout, proposal):
        if self.away:
            raise ForgeUnavailableError("GitHub is away")
        return Read(self.pull.number, Looked(self.pull))

    def strays(self):
        return Strays(())

    def merge(self):
        self.pull = replace(self.pull, review=Review.MERGED, merged_by="bob", merge_commit="abc")


class Quiet:
    """Clusters whose watches report nothing: the test says what they found."""

    def __init__(self):
        self.followed, self.ended = [], []
        self.changed = threading.Condition()

    def follow(self, scope, report, stop):
        self._note(self.followed, scope)
        stop.wait()
        self._note(self.ended, scope)

    def _note(self, what, scope):
        with self.changed:
            what.append(scope)
            self.changed.notify_all()

    def wait(self, followed, ended):
        """Wait until just these have begun and just those have ended."""
        with self.changed:
            assert self.changed.wait_for(
                lambda: (set(self.followed), set(self.ended)) == (followed, ended), 5
            )


class Bench:
    """A watcher on real Redis and Slack calls, restarted whenever it dies."""

    def __init__(self, folder, url, slack, deaths):
        overlay = folder / "overlays" / "dev"
        overlay.mkdir(parents=True)
        (overlay / "environment.yaml").write_text("name: dev\nnamespace: ml\n")
        self.copy, self.clock, self.deaths = WorkingCopy(folder), slack.time, deaths
        self.store, self.shared = RedisStore.connect(url), RedisShared(connect(url, WORKER))
        settings = SlackSettings("xoxb-leadline", "shh", f"{slack.workspace.base_url}/api/")
        self.chat = SlackChat.connect(settings, self.clock)
        self.slack, self.pulls, self.clusters = slack, Pulls(), Quiet()
        self.known, self.commit = True, "abc"
        self.current = []
        speaker = Speaker(self.chat, self.store, self.clock)
        self.proposal = Proposal(
            "dev", NAME, "ml", "qwen", "qwen", "vllm", "1×2", "TP 2", 2, "s1", 7, "u", OPS, "", "U1"
        )
        root = speaker.say(Place(OPS), "card", card(self.proposal, None, None))
        self.proposal = replace(self.proposal, card=root)
        self.store.propose(self.proposal)
        self.restart()

    def desired(self):
        if not self.known:
            raise DesiredUnknownError("main is not known")
        return Desired(Revision(self.commit, "t"), self.clock.now(), self.copy, NOBODY, None)

    def restart(self):
        mortal = [Mortal(port, self.deaths) for port in (self.store, self.shared, self.chat)]
        store, shared, chat = mortal
        self.looks = Looks(self.pulls, self.clock)
        ports = Ports(
            self.clusters, self.desired, self.looks, store, shared, self.shared,
            Speaker(chat, store, self.clock), Prover(None, None, self.clock), self.clock,
        )  # fmt: skip
        self.watcher = Watcher(ports, 10.0)
        self.watches = Watches(self.clusters, lambda found: None)

    def handle(self, *events):
        """Hand events over; after a death the next watcher sees the cluster as it is by then."""
        for event in events:
            if isinstance(event, Observation):
                self.current = [Listed("", "ml", frozenset({NAME})), event]
            self._handle(event)

    def _handle(self, event):
        queue = [event]
        while queue:
            try:
                while queue:
                    self.watcher.handle([queue[0]], self.watches)
                    while found := self.looks.reader.step():
                        self.watcher.handle([found], self.watches)
                    del queue[0]
            except KilledError:
                self.watches.end()
                self.restart()
                queue = [Tick(), *self.current, event]

    @property
    def said(self):
        return [
            message["text"]
            for message in self.slack.workspace.messages(OPS)
            if message["thread_ts"] == self.proposal.card and message["ts"] != self.proposal.card
        ]


def pod(index=0, uid="", **fields):
    values = {"revision": "r1", "state": "ready", "ready": True, "deleting": False, "failure": ""}
    name = f"{NAME}-0" + (f"-{index}" if index else "")
    return Pod(name=name, uid=uid or f"p{index}", group=0, index=index, **values | fields)


def waiting(state, index=0, uid="", **fields):
    return pod(index, uid, state=state, ready=False, **fields)


def shows(*pods, **fields):
    values = {"uid": "lws1", "state": "s1", "replicas": 1, "size": 2, "current": True}
    return Observation("ml", NAME, pods=pods, **values | fields)


def story(bench):
    """A pull request is merged, the model starts, serves, loses a worker and recovers."""
    bench.handle(Tick())
    bench.pulls.merge()
    bench.handle(Wake(7), Listed("", "ml", frozenset()), Contact("", "ml", ok=True))
    bench.handle(
        shows(waiting("Unschedulable", said="0/4 nodes")),
        shows(waiting("ContainerCreating"), waiting("ContainerCreating", 1)),
        shows(waiting("loading"), waiting("loading", 1)),
        shows(waiting("loading"), pod(1)),
        shows(pod(), pod(1)),
        Proof("", "ml", NAME, 0, "p0", 0.4),
        shows(pod(), waiting("loading", 1, failure="OOMKilled (exit 137)")),
        shows(waiting("loading", uid="q0"), waiting("loading", 1, "q1")),
        shows(pod(uid="q0"), pod(1, "q1")),
        Proof("", "ml", NAME, 0, "q0", 0.5),
        Tick(),
    )


STARTS = (
    ":twisted_rightwards_arrows:", ":gear:",
    ":hourglass_flowing_sand: scheduling", ":hourglass_flowing_sand: pulling",
    ":hourglass_flowing_sand: loading", ":hourglass_flowing_sand: ranks",
    ":large_green_circle: *Serving*", ":warning:", ":large_green_circle: Group 0 recovered",
)  # fmt: skip


@pytest.fixture
def bench(tmp_path):
    made = []
    with serving_redis() as url, Slack().served() as slack:

        def make(*moments):
            made.append(Bench(tmp_path / str(len(made)), url, slack, Deaths(*moments)))
            return made[-1]

        yield make
        for each in made:
            each.watches.end()


@pytest.mark.parametrize(
    "moments", [(), ("before",), ("after",), ("before", "after")], ids="+".join
)
def test_a_watcher_killed_at_every_call_says_everything_once_and_in_order(moments, bench):
    made = bench(*moments)

    story(made)

    assert [text.startswith(start) for text, start in zip(made.said, STARTS, strict=True)] == [
        True for _ in STARTS
    ]
    assert "OOMKilled (exit 137)" in made.said[-2]
    assert made.shared.cards()[KEY].phase == "serving · 1/1 groups proved"
    calls = {what[0] for _, what in made.deaths.died}
    everything = {"proposals", "rollout", "intend", "stands", "post", "advance", "update", "show"}
    assert not moments or calls >= everything


def applied(bench):
    made = bench()
    made.handle(Tick())
    made.pulls.merge()
    made.handle(Wake(7), Contact("", "ml", ok=True))
    made.handle(shows(pod(), pod(1)), Proof("", "ml", NAME, 0, "p0", 0.4))
    assert made.said[-1].startswith(":large_green_circle: *Serving*")
    return made


def test_what_slack_did_not_take_is_said_with_the_next_look(bench):
    made = bench()
    made.handle(Tick())
    made.pulls.merge()
    made.slack.faults.arm(Fault("slack", r"chat\.postMessage", act="refuse", times=2))

    made.handle(Wake(7))
    assert made.said == []
    made.clock.advance(SPACING.total_seconds())
    made.handle(Tick())

    assert [text.partition(" ")[0] for text in made.said] == [":twisted_rightwards_arrows:"]


def test_an_outage_of_github_does_not_hide_the_cluster(bench):
    made = applied(bench)
    made.pulls.away = True

    made.handle(shows(pod(uid="q0"), pod(1, "q1")), Tick())

    assert made.said[-1].startswith(":warning:")


def test_a_set_that_went_while_nobody_watched_is_missed_once(bench):
    made = applied(bench)
    made.restart()

    made.handle(Tick(), Listed("", "ml", frozenset()), Tick(), Listed("", "ml", frozenset()))

    assert len([text for text in made.said if "gone" in text or "no longer" in text]) == 1
    assert made.shared.cards()[KEY].phase == "gone from the cluster"


def test_a_new_list_alone_is_no_news(bench):
    made = applied(bench)
    before = made.said

    for _ in range(2):
        made.handle(Listed("", "ml", frozenset({NAME})), shows(pod(), pod(1)), Tick())
        made.restart()

    assert made.said == before


def test_another_clusters_set_of_the_same_name_is_another(bench):
    made = applied(bench)
    before = made.said
    (made.copy.root / "overlays/lab").mkdir()
    lab = made.copy.root / "overlays/lab/environment.yaml"
    lab.write_text("name: lab\ncontext: two\nnamespace: ml\n")
    made.commit = "def"
    made.handle(Tick())

    made.handle(
        replace(shows(), context="two", deleted=True),
        Listed("two", "ml", frozenset()),
        replace(shows(pod(uid="z")), context="two"),
    )

    assert made.said == before
    assert Scope("two", "ml") in made.clusters.followed


def test_watches_begin_and_end_with_their_environments(bench):
    made = bench()
    made.known = False
    made.handle(Tick(), shows(pod(), pod(1)))
    assert made.clusters.followed == []

    made.known = True
    made.handle(Tick())
    wanted = {Scope("", "ml"), Scope("", "argocd", Controller.ARGOCD)}
    made.clusters.wait(wanted, set())

    made.known = False  # what was known still holds
    made.handle(Tick())
    made.known = True
    (made.copy.root / "overlays/dev/environment.yaml").unlink()
    made.commit = "def"
    made.handle(Tick())
    made.clusters.wait(wanted, wanted)


def test_the_age_of_a_watch_begins_with_it_follows_the_cluster_and_ends_with_it(bench):
    made, told = bench(), {}
    made.watcher.ages = Ages(lambda name, at: told.update({name: at}), made.clock.monotonic)
    made.handle(Tick())
    begun = told["dev"]
    made.clock.advance(100)
    made.handle(Contact("", "ml", ok=False), Contact("", "other", ok=True), Tick())
    assert told == {"dev": begun}
    made.handle(Contact("", "ml", ok=True))
    assert told["dev"] >= begun + 100

    (made.copy.root / "overlays/dev/environment.yaml").unlink()
    made.commit = "def"
    made.handle(Tick())
    assert told == {"dev": None}


def test_a_cluster_out_of_reach_is_told_once_and_the_card_keeps_what_it_showed(bench):
    made = applied(bench)
    before = len(made.said)
    made.handle(Contact("", "ml", ok=False))
    for _ in range(3):
        made.clock.advance(25)
        made.handle(Tick())
    assert ["has not answered" in text for text in made.said[before:]] == [True]

    made.restart()
    made.handle(Tick(), Contact("", "ml", ok=False))
    made.clock.advance(600)
    made.handle(Tick())
    shown = made.shared.cards()[KEY]
    assert shown.phase == "serving · 1/1 groups proved"
    assert shown.note.startswith("the cluster has not answered since")
    made.handle(Contact("", "ml", ok=True), Listed("", "ml", frozenset({NAME})))
    made.handle(shows(pod(), pod(1)), Tick(), Tick())

    told = made.said[before:]
    assert ["answers again after 11 min" in text for text in told] == [False, True]
    assert made.shared.cards()[KEY].note == ""


def test_what_the_controller_says_of_a_merge_is_told_and_stands_on_the_card(bench):
    made = bench()
    made.handle(Tick())
    made.pulls.merge()
    made.handle(Wake(7), Contact("", "ml", ok=True), Listed("", "ml", frozenset()))
    unit = Unit("", "argocd", "llm-dev-m", "overlays/dev/m", "denied: no quota", "abc")

    made.handle(replace(unit, failure="an older failure", tried="old"), Tick())
    assert len(made.said) == 1
    made.handle(unit, Tick(), Tick())

    assert ["denied: no quota" in text for text in made.said] == [False, True]
    assert made.shared.cards()[KEY].note == "denied: no quota"
    made.handle(replace(unit, failure=""), shows(pod(), pod(1)), Tick())
    assert made.shared.cards()[KEY].note == ""


def test_a_merge_that_waits_stands_on_the_card_beside_what_runs(bench):
    made = applied(bench)
    made.store.propose(replace(made.proposal, pull_number=8, state="s2"))
    made.pulls.pull = PullRequest(8, "u8", Review.MERGED, merged_by="bob", head="h8")

    made.handle(Wake(8), Tick())
    runs = "serving · 1/1 groups proved, the earlier state; #8 merged, "
    assert made.shared.cards()[KEY].phase == f"{runs}waiting for the cluster"
    made.clock.advance(600)
    made.handle(Tick())
    assert made.shared.cards()[KEY].phase == f"{runs}not applied"

    made.handle(shows(pod(), pod(1), state="s2"), Proof("", "ml", NAME, 0, "p0", 0.4))
    assert made.shared.cards()[KEY].phase == "serving · 1/1 groups proved"


EXAMPLE = WorkingCopy(Path(__file__).parents[2])


def commits(made, commit, served_name):
    """Let main hold a deployment whose state depends on the name it serves; return the state."""
    source = EXAMPLE.deployments()["example", "qwen3-32b-vllm"].read_text()
    asks = {"name": NAME, "environment": "dev", "namespace": "ml", "servedModelName": served_name}
    lines = [line for line in source.splitlines() if line.partition(":")[0] not in asks]
    file = made.copy.root / f"overlays/dev/{NAME}/llm.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join([*lines, *(f"{key}: {value}" for key, value in asks.items())]))
    made.commit = commit
    held = made.copy.deployment(NAME, "dev")
    return state_of(held, made.copy.files(held.folder))


def test_a_change_is_followed_to_its_end_though_the_next_pull_request_is_open(bench):
    made = applied(bench)
    first, before = commits(made, "c1", "one"), len(made.said)
    made.store.propose(replace(made.proposal, pull_number=8, state=first))
    made.pulls.pull = PullRequest(8, "u8", Review.MERGED, merged_by="bob", merge_commit="c1")
    made.handle(Wake(8), Tick())
    made.store.propose(replace(made.proposal, pull_number=9, state="later"))
    made.pulls.pull = PullRequest(9, "u9", Review.OPEN, head="h9")
    made.handle(Wake(9), Tick())
    runs = "serving · 1/1 groups proved"
    waits = f"{runs}, the earlier state; main has another, waiting for the cluster"
    assert made.shared.cards()[KEY].phase == waits
    unit = Unit("", "argocd", "llm-dev-m", "overlays/dev/m", "denied: no quota", "c1")
    made.handle(unit, Tick())
    assert made.shared.cards()[KEY].note == "denied: no quota"

    made.handle(shows(pod(), pod(1), state=first), Proof("", "ml", NAME, 0, "p0", 0.4), Tick())

    assert [text.partition(" ")[0] for text in made.said[before:]] == [
        ":twisted_rightwards_arrows:", ":hourglass:", ":gear:", ":large_green_circle:",
    ]  # fmt: skip
    assert made.shared.cards()[KEY].phase == runs
    by_hand = commits(made, "c2", "two")
    made.handle(Tick(), shows(pod(), pod(1), state=by_hand))
    made.handle(Proof("", "ml", NAME, 0, "p0", 0.4), Tick())
    assert made.said[-1].startswith(":large_green_circle: *Serving*")
    assert made.shared.cards()[KEY].phase == runs


@pytest.mark.parametrize(
    "moments", [(), ("before",), ("after",), ("before", "after")], ids="+".join
)
def test_a_group_that_goes_and_comes_back_twice_is_told_each_time(moments, bench):
    made = applied(bench)
    made.deaths.moments, before = moments, len(made.said)
    for _ in range(2):
        made.handle(shows(pod(), waiting("loading", 1)), Tick())
        made.clock.advance(60)
        made.handle(Tick(), Tick())
        assert made.shared.cards()[KEY].phase == "degraded · 0/1 groups proved"
        made.handle(shows(pod(), pod(1)), Proof("", "ml", NAME, 0, "p0", 0.5), Tick())

    starts = [":red_circle: *Degraded*", ":large_green_circle: Group 0 recovered"] * 2
    assert [text[: len(start)] for text, start in zip(made.said[before:], starts, strict=True)] == (
        starts
    )
    assert made.shared.cards()[KEY].phase == "serving · 1/1 groups proved"


def test_a_proof_that_only_takes_another_time_edits_no_card(bench):
    made = applied(bench)
    made.handle(Tick())
    edits = len(made.slack.heard("chat.update"))

    for seconds in (0.5, 0.6, 0.7):
        made.handle(Proof("", "ml", NAME, 0, "p0", seconds), Tick())

    assert made.store.rollout(KEY).groups[0].proved == 0.7
    assert len(made.slack.heard("chat.update")) == edits
    made.handle(shows(pod(), waiting("loading", 1)), Tick())
    assert made.shared.cards()[KEY].phase == "degraded · 0/1 groups proved"


def test_ten_minutes_of_silence_after_a_merge_are_told(bench):
    made = bench()
    made.handle(Tick())
    made.pulls.merge()
    made.handle(Wake(7))
    made.clock.advance(600)

    made.handle(Tick(), Tick())

    assert len(made.said) == 2
    assert "10 min" in made.said[1]


@pytest.mark.parametrize("late", [Review.OPEN, Review.CLOSED])
def test_a_look_from_before_the_merge_that_comes_after_it_says_nothing(bench, late):
    made = applied(bench)
    before, rollout = made.said, made.store.rollout(KEY)

    made.handle(Read(7, Looked(replace(made.pulls.pull, review=late, head="old"))), Tick())

    assert (made.said, made.store.rollout(KEY)) == (before, rollout)


def test_a_look_at_an_earlier_pull_request_says_nothing(bench):
    made = applied(bench)
    made.store.propose(replace(made.proposal, pull_number=8, state="s2"))
    made.pulls.pull = PullRequest(8, "u8", Review.OPEN, head="h8")
    made.handle(Tick())
    before, rollout = made.said, made.store.rollout(KEY)

    made.handle(Read(7, Looked(PullRequest(7, "u", Review.CLOSED, head="h"))), Tick())

    assert (made.said, made.store.rollout(KEY)) == (before, rollout)
    assert (rollout.pull_number, rollout.review) == (8, "open")


# What is read beside it.


def told(reader):
    return list(iter(reader.step, None))


def test_what_is_asked_for_again_is_read_once_and_newest_and_what_is_urgent_first():
    reader = Reader()
    for name, number in (("a", 1), ("b", 2), ("c", 3), ("a", 4)):
        reader.ask(name, lambda n=number: Wake(n))
    reader.ask("c", lambda: Wake(5), urgent=True)
    reader.ask("c", lambda: Wake(6))  # it stays urgent

    assert told(reader) == [Wake(6), Wake(4), Wake(2)]
    assert told(reader) == []


def test_what_is_not_due_waits_and_holds_up_nothing():
    reader, due = Reader(), threading.Event()
    reader.ask("a", lambda: Wake(1), urgent=True, due=due.is_set)
    reader.ask("b", lambda: Wake(2))

    assert told(reader) == [Wake(2)]
    due.set()
    assert told(reader) == [Wake(1)]


def test_a_look_that_fails_leaves_the_others():
    reader = Reader()

    def away():
        raise ForgeUnavailableError("GitHub is away")

    reader.ask("a", away)
    reader.ask("b", lambda: Wake(2))

    assert reader.step() is None
    assert reader.step() == Wake(2)


def test_while_one_look_hangs_the_reader_can_be_asked_and_left():
    reader, reached, held, read = Reader(), threading.Event(), threading.Event(), []

    def hang():
        reached.set()
        held.wait(10)
        return Wake(1)

    with reader.answering(read.append):
        reader.ask("a", hang)
        assert reached.wait(5)
        reader.ask("a", lambda: Wake(2))
        assert read == []
    held.set()

    reader._thread.join(5)
    assert not reader._thread.is_alive()
    assert read == [Wake(1)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_reader_that_has_ended_by_an_error_of_ours_ends_the_watch():
    reader = Reader()
    with reader.answering(lambda event: None):
        reader.ask("a", lambda: 1 / 0)
        reader._thread.join(5)

        with pytest.raises(RuntimeError, match="the thread that reads has ended"):
            reader.ask("a", lambda: Wake(1))


# The threads around it.


def test_a_full_inbox_holds_readers_up_until_it_is_closed():
    inbox = Inbox(Time(rate=0))
    for _ in range(ROOM):
        inbox.put(Tick())
    held = threading.Thread(target=inbox.put, args=(Tick(),))
    held.start()

    inbox.close()

    held.join(5)
    assert not held.is_alive()


def test_a_source_that_fails_is_read_again():
    inbox, tries = Inbox(Time(rate=1000)), []

    def source():
        tries.append(1)
        if len(tries) < 3:
            raise StoreUnavailableError("Redis is away")
        yield Wake(7)
        threading.Event().wait(5)

    inbox.read("wakes", source)
    taken = next(found for found in iter(inbox.take, None) if found)
    inbox.close()

    assert taken == [Wake(7)]
    assert len(tries) == 3


def test_a_watcher_that_is_stopped_ends_its_watches(bench):
    made = bench()
    stop = threading.Event()
    running = threading.Thread(target=made.watcher.run, args=(stop,))
    running.start()
    made.clusters.wait({Scope("", "ml"), Scope("", "argocd", Controller.ARGOCD)}, set())

    stop.set()

    running.join(10)
    assert not running.is_alive()
    made.clusters.wait(set(made.clusters.followed), set(made.clusters.followed))
