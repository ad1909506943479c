"""What processes tell each other through Redis, and main as they share it."""

import datetime as dt

import pytest

from bot.desired import OLDEST, FromForge, FromSnapshot, Main, Mirror
from bot.errors import DesiredUnknownError
from bot.notice import Card, GroupLine, Rank
from bot.store.connection import WORKER, connect
from bot.store.shared import RedisShared
from gitops.forge import Revision
from gitops.github import GithubForge
from gitops.roles import NOBODY, Role
from gitops.settings import ForgeSettings
from sandbox.clock import Time
from sandbox.faults import Faults
from sandbox.github.host import GitHub
from sandbox.github.site import Account, Place
from sandbox.journal import Journal
from sandbox.serving import serving

ROLES = "roles: [{role: viewer, everyone: true}]\n"
FILES = {
    "README.md": "Ours.\n",
    "roles.yaml": ROLES,
    "overlays/staging/environment.yaml": "name: staging\n",
    "overlays/broken/environment.yaml": "name: other\n",
}


@pytest.fixture
def shared(redis_url):
    client = connect(redis_url, WORKER)
    yield RedisShared(client)
    client.close()


@pytest.fixture
def github(tmp_path):
    host = GitHub(
        Time(), Journal(), Place(tmp_path / "r.git"), {"bot": Account("bot", is_bot=True)}
    )
    host.seed(FILES)
    with serving(host.world(), Faults()) as server:
        host.address_for_tests = server.url
        yield host


def forge(github):
    return GithubForge.connect(ForgeSettings("acme/gitops", "bot", github.address_for_tests))


def main(commit="c1", minutes=0, **files):
    at = dt.datetime(2026, 11, 24, 9, minutes, tzinfo=dt.UTC)
    return Main(Revision(commit, "t1"), at, files)


def test_the_newest_card_of_each_deployment_is_kept(shared):
    card = Card("m1", "e", "m", "e", "s", "p", 2, 7, "u", "U1", "serving",
                (GroupLine(0, (Rank(0, "ready", ready=True),), 0.4),), "fits", "✅ 1")  # fmt: skip

    shared.show("e/m1", card)
    shared.show("e/m2", card)
    shared.show("e/m1", card)

    assert shared.cards() == {"e/m1": card, "e/m2": card}


def test_wake_up_calls_come_in_order(shared):
    kept = [shared.wake(7, "a"), shared.wake(8, "b"), shared.wake(7, "a"), shared.wake(7, "c")]
    calls = shared.numbers()

    assert kept == [True, True, False, True]  # the same delivery twice has one effect
    assert [next(calls) for _ in range(3)] == [7, 8, 7]


def test_nothing_is_published_at_first(shared):
    assert shared.published() is None


def test_main_is_published_whole_and_read_without_files_by_who_knows_it(shared):
    first = main(a="測試\n", b="")
    shared.publish(first)

    assert shared.published() == first
    assert shared.published("c1") == Main(first.revision, first.at)


def test_a_reading_without_files_only_renews_what_is_kept(shared):
    shared.publish(main(a="x"))
    shared.publish(main(minutes=1))
    assert shared.published() == main(minutes=1, a="x")

    shared.publish(main("c2", minutes=2))  # of another commit: its files are not known here
    assert shared.published() == main(minutes=1, a="x")


def test_a_worker_reads_main_and_the_edge_answers_from_what_it_published(shared, github):
    clock = Time()
    worker = Mirror(FromForge(forge(github), shared, clock))
    edge = Mirror(FromSnapshot(shared, clock))
    with pytest.raises(DesiredUnknownError, match="nothing is known of the GitOps repository yet"):
        edge.desired()

    read = worker.desired()

    for desired in (read, edge.desired()):
        assert [e.name for e in desired.environments] == ["staging"]
        assert desired.roles.roles[0].role is Role.VIEWER
        assert (desired.copy.root / "roles.yaml").read_text() == ROLES
        assert not (desired.copy.root / "README.md").exists()
    assert edge.known().revision == read.revision


def test_what_redis_lost_is_published_again_also_when_main_has_not_moved(shared, github):
    clock = Time()
    worker, edge = Mirror(FromForge(forge(github), shared, clock)), FromSnapshot(shared, clock)
    worker.desired()
    before = edge.read("")
    shared._redis.flushall()

    worker.desired()

    assert edge.read("").files == before.files


def test_what_is_too_old_is_not_decided_by(shared, github):
    clock = Time(rate=0)
    Mirror(FromForge(forge(github), shared, clock)).desired()
    edge = Mirror(FromSnapshot(shared, clock))

    clock.advance(OLDEST.total_seconds() - 1)
    assert edge.desired().environments
    clock.advance(2)
    with pytest.raises(DesiredUnknownError, match="too old to decide by"):
        edge.desired()


def test_main_that_has_not_moved_costs_one_call_and_one_that_has_is_laid_out_anew(shared, github):
    worker = Mirror(FromForge(forge(github), shared, Time()))
    first = worker.desired()
    again = worker.desired()
    github.push("main", {"roles.yaml": "roles: [{role: boss}]\n"}, "Worse.", "bob")

    third = worker.desired()

    assert again.copy.root == first.copy.root
    assert third.copy.root != first.copy.root
    assert first.copy.root.is_dir()  # for as long as somebody holds it
    assert third.roles == NOBODY  # a file that makes no sense gives nobody anything
    root = first.copy.root
    del first, again
    assert not root.exists()
