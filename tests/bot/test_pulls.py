"""Looking at pull requests on a GitHub over sockets: what it costs, and what our status says."""

import queue
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from bot.desired import Desired
from bot.errors import DesiredUnknownError
from bot.notice import ChecksFailed, Closed, Merged, Reopened, Reviewed
from bot.rollout.inbox import Wake
from bot.rollout.looks import CLOSED, REST, SPACING, Looks, Turns
from bot.rollout.pulls import Pulls
from bot.rollout.recalling import Lost
from bot.rollout.reviewing import review
from bot.store import Proposal, Rollout
from gitops.forge import Revision
from gitops.github.past import GithubPast
from gitops.github.reviews import GithubReviews
from gitops.reviews import TWO_PERSON, State
from gitops.roles import read_roles
from gitops.workspace import WorkingCopy
from sandbox.github.site import Account
from sandbox.github.troubles import Trouble
from tests.adapters.test_forge_bench import ACCOUNTS, ALICE_AGAIN, BRANCH, FOLDER, Stage

ROLES = read_roles(
    """
people: {UALICE: alice, UBOB: bob}
roles: [{role: approver, users: [UALICE], groups: [S0LEADS]}, {role: requester, everyone: true}]
"""
)
PROPOSAL = Proposal(
    "example", "qwen3-32b-sglang", "default", "qwen3-32b", "m", "sglang 1", "s", "tp2", 2, "st",
    1, "u", "C1", "1.1", "UALICE", two_person=True,
)  # fmt: skip
WAITS = "waits for an approver other than the requester"


class Leads:
    """A directory in which Bob is one of the leads."""

    def groups(self, person, among):
        return among & {"S0LEADS"} if person.id == "UBOB" else frozenset()


class Desk:
    """One proposal and what the watch remembers of it."""

    def __init__(self, stage, folder):
        self.stage, self.known = stage, True
        (folder / "overlays" / "prod").mkdir(parents=True)
        self.prod = folder / "overlays" / "prod" / "environment.yaml"
        self.copy = WorkingCopy(folder)
        reviews = GithubReviews.connect(stage.settings(), stage.clock)
        past = GithubPast.connect(stage.settings(), stage.clock)
        ports = (stage.forge(), reviews, past, Leads(), self.desired)
        self.pulls = Pulls(*ports, stage.settings().branch, stage.clock)
        self.looks = Looks(self.pulls, stage.clock)
        self.proposal, self.rollout = PROPOSAL, Rollout(1)

    def desired(self):
        if not self.known:
            raise DesiredUnknownError("main is not known")
        return Desired(Revision("c", "t"), self.stage.clock.now(), self.copy, ROLES, None)

    def look(self, *, woken=True):
        """Look, remember, and return what is news."""
        self.looks._woken.clear()  # as if some time had gone by
        now = self.stage.clock.now()
        self.looks.ask(self.rollout, self.proposal, now, woken=woken)
        read = self.looks.reader.step()
        if read is None:
            return []
        step = review(self.rollout, read.looked, now)
        self.rollout = step.rollout
        return [news.notice for news in step.news]

    def calls(self, **words):
        since = len(self.stage.calls())
        self.look(**words)
        return self.stage.calls(since)

    def status(self):
        """Return our status on the head as GitHub shows it; None where there is none."""
        site = self.stage.github._site
        ours = [s for s in site.statuses[self.stage.head()] if s.context == TWO_PERSON]
        return (ours[-1].state, ours[-1].description) if ours else None


@pytest.fixture
def stage(tmp_path, monkeypatch):
    monkeypatch.setitem(ACCOUNTS, "alice", Account("alice"))
    with Stage(tmp_path).served() as made:
        made.propose()
        yield made


@pytest.fixture
def desk(stage, tmp_path):
    return Desk(stage, tmp_path / "main")


def test_a_look_takes_four_calls_while_open_two_when_it_ends_and_none_after(desk, stage):
    desk.look()
    head = stage.head()
    assert desk.calls() == [
        "GET pulls/1", "GET pulls/1/reviews", f"GET commits/{head}/status",
        f"GET commits/{head}/check-runs",
    ]  # fmt: skip

    stage.github.merge(1, "bob")

    assert desk.calls() == ["GET pulls/1", "GET pulls/1/reviews"]
    assert desk.calls() == []


def test_everything_that_happens_between_two_looks_is_told_in_order(desk, stage):
    desk.look()
    stage.github.check(BRANCH, "lint", "failure")
    stage.github.review(1, "bob", "REQUEST_CHANGES", "too large")
    first = desk.look()
    stage.github.review(1, "bob", "APPROVE", "now it is")
    stage.github.merge(1, "bob")
    second = desk.look()

    assert first == [
        Reviewed(1, "bob", "changes requested", "too large"),
        ChecksFailed(1, first[1].pull_url, ("lint",)),
    ]
    assert second == [Reviewed(1, "bob", "approved", "now it is"), Merged(1, "bob")]


def test_a_closed_one_is_looked_at_rarely_or_when_a_webhook_says_so(desk, stage):
    desk.look()
    stage.github.close(1, "bob")
    assert desk.look() == [Closed(1)]
    assert len(desk.calls(woken=False)) == 1  # its first turn
    stage.time.advance(CLOSED.total_seconds() - 1)
    assert desk.calls(woken=False) == []

    stage.time.advance(1)
    assert desk.calls(woken=False) == ["GET pulls/1"]
    stage.forge("bob")._connection.repository.get_pull(1).edit(state="open")
    assert desk.look(woken=False) == []
    assert desk.look(woken=True) == [Reopened(1)]
    assert len(desk.calls(woken=False)) == 4  # open again, it takes turns as open ones do


def test_the_first_webhook_is_a_look_at_once_and_those_soon_after_it_are_one_more(desk, stage):
    def wake():
        now = stage.clock.now()
        desk.looks.ask(desk.rollout, desk.proposal, now, woken=True)
        return desk.looks.reader.step()

    assert wake().number == 1
    for _ in range(14):
        assert wake() is None
    stage.time.advance(REST.total_seconds() / 2)
    assert wake() is None
    stage.time.advance(REST.total_seconds() / 2)
    since = len(stage.calls())

    assert desk.looks.reader.step() == Wake(1)
    assert desk.looks.reader.step() is None
    assert stage.calls(since) == []
    assert wake().number == 1
    assert stage.calls(since)[0] == "GET pulls/1"


def test_what_is_kept_comes_back_by_itself(desk, stage):
    found = queue.Queue()
    with desk.looks.answering(found.put):
        for _ in range(2):
            desk.looks.ask(desk.rollout, desk.proposal, stage.clock.now(), woken=True)
        assert found.get(timeout=10).number == 1
        stage.time.advance(REST.total_seconds())
        assert found.get(timeout=10) == Wake(1)


def test_looks_in_turn_go_on_while_a_webhook_is_kept(desk, stage):
    for _ in range(2):
        desk.looks.ask(desk.rollout, desk.proposal, stage.clock.now(), woken=True)
    assert desk.looks.reader.step().number == 1
    desk.looks.ask(desk.rollout, desk.proposal, stage.clock.now(), woken=False)

    assert desk.looks.reader.step().looked.pull.number == 1


@pytest.mark.parametrize("open_ones", [1, 2, 12, 200])
def test_looks_that_nobody_asked_for_keep_to_githubs_hour_however_many_are_open(stage, open_ones):
    turns, start, ticks = Turns(), stage.clock.now(), 360
    keys = [f"e/m{number}" for number in range(open_ones)]
    looks = [
        (tick, key)
        for tick in range(ticks)
        for key in keys
        if turns.take(Rollout(1), key, start + tick * timedelta(seconds=10))
    ]
    later = [look for look in looks if look[0] > 0]

    assert len(later) <= ticks * timedelta(seconds=10) / SPACING
    assert {key for _, key in later} == set(keys)
    wait = max(10.0, open_ones * SPACING.total_seconds())
    seen = [tick * 10 for tick, key in looks if key == keys[-1]]
    assert all(later - earlier <= wait + 10 for earlier, later in pairwise(seen))


def test_a_new_pull_request_of_a_deployment_is_looked_at_at_once(stage):
    turns, now = Turns(), stage.clock.now()

    assert turns.take(Rollout(1), "e/m", now)
    assert not turns.take(Rollout(1), "e/m", now)
    assert turns.take(Rollout(2), "e/m", now)


def test_our_status_waits_from_the_first_look_for_somebody_else(desk, stage):
    desk.look()
    assert desk.status() == ("pending", WAITS)
    stage.github.review(1, "alice")
    desk.look()
    assert desk.status() == ("pending", f"{WAITS}; alice is the requester")

    stage.github.review(1, "bob")
    desk.look()

    assert desk.status() == ("success", "bob approved; somebody else asked")
    assert desk.rollout.checks == "✅ 1 · alice approved · bob approved"


def test_our_status_lapses_with_a_new_commit_and_with_a_change_of_mind(desk, stage):
    stage.github.review(1, "bob")
    desk.look()
    stage.github.push(BRANCH, {"a.txt": "a"}, "More.", "carol")
    desk.look()
    assert desk.status() == ("pending", f"{WAITS}; bob reviewed an earlier commit")

    stage.github.review(1, "bob")
    desk.look()
    assert desk.status()[0] == "success"
    stage.github.review(1, "bob", "REQUEST_CHANGES", "wait")
    desk.look()

    assert desk.status() == ("pending", WAITS)


def test_our_status_lapses_with_a_force_push_and_comes_back_with_what_was_approved(desk, stage):
    git, first = stage.github._site.repository, stage.head()
    stage.github.review(1, "bob")
    desk.look()
    alice = stage.github._site.person("alice")
    forced = git.write_commit(git.tree_of("main"), [stage.head("main")], "Mine.", alice, alice)

    git._run("update-ref", f"refs/heads/{BRANCH}", forced)
    desk.look()
    assert desk.status() == ("pending", f"{WAITS}; bob reviewed an earlier commit")
    assert desk.rollout.head == forced
    git._run("update-ref", f"refs/heads/{BRANCH}", first)
    desk.look()

    assert desk.status()[0] == "success"


@pytest.mark.parametrize("recorded", ["UCAROL", "UALICE"])
def test_who_the_pull_request_names_as_requester_counts_beside_whom_we_recorded(
    desk, stage, recorded
):
    desk.proposal = replace(PROPOSAL, requested_by=recorded)  # the other asked for the same
    stage.github.review(1, "alice")
    desk.look()

    assert desk.status() == ("pending", f"{WAITS}; alice is the requester")


def test_whom_its_commits_name_counts_too_as_read_when_redis_was_lost(desk, stage):
    desk.proposal = replace(PROPOSAL, requested_by="UCAROL")
    desk.rollout = replace(desk.rollout, requesters=("UBOB", "UCAROL"))
    stage.github.review(1, "bob")
    desk.look()

    assert desk.status() == ("pending", f"{WAITS}; bob is the requester")


def test_an_approval_counts_for_a_day_and_can_be_given_again(desk, stage):
    stage.github.review(1, "bob")
    stage.time.advance(24 * 3600)
    desk.look()
    assert desk.status()[0] == "success"

    stage.time.advance(1)
    desk.look()
    assert desk.status() == ("pending", f"{WAITS}; bob approved more than 24 h ago")

    stage.github.review(1, "bob")
    desk.look()
    assert desk.status()[0] == "success"


def test_an_approval_counts_only_of_whom_the_environment_on_main_names(desk, stage):
    example = desk.copy.root / "overlays" / "example" / "environment.yaml"
    example.parent.mkdir()
    example.write_text("name: example\napprovers: [UCAROL]\n")
    stage.github.review(1, "bob")
    desk.look()
    assert desk.status()[0] == "pending"
    assert "bob is not in `approvers` of overlays/example/environment.yaml" in desk.status()[1]

    example.write_text("name: example\napprovers: nobody knows\n")
    desk.look()
    assert desk.status()[0] == "pending"  # what makes no sense opens nothing
    example.write_text("name: example\napprovers: [UCAROL, S0LEADS]\n")
    desk.look()

    assert desk.status() == ("success", "bob approved; somebody else asked")


def test_our_status_is_set_once_and_set_back_where_somebody_else_sets_it(desk, stage):
    desk.look()
    assert [call for call in desk.calls() if call.startswith("POST")] == []

    commit = stage.forge("alice")._connection.repository.get_commit(stage.head())
    commit.create_status("success", context=TWO_PERSON)
    desk.look()

    assert desk.status() == ("pending", WAITS)


def test_a_broken_glass_holds_for_its_commit_also_when_the_status_was_overtaken(desk, stage):
    desk.look()
    desk.proposal = replace(PROPOSAL, glass=stage.head())
    desk.look()
    assert desk.status()[0] == "success"
    assert [call for call in desk.calls() if call.startswith("POST")] == []

    stage.github.push(BRANCH, {"a.txt": "a"}, "More.", "carol")
    desk.look()

    assert desk.status() == ("pending", WAITS)


def test_the_words_of_who_broke_the_glass_stay(desk, stage):
    desk.look()
    desk.proposal = replace(PROPOSAL, glass=stage.head())
    desk.pulls.reviews.mark(stage.head(), State.SUCCESS, "break-glass by UEVE: outage")
    desk.look()

    assert desk.status() == ("success", "break-glass by UEVE: outage")


def test_while_main_is_not_known_reviews_are_told_and_our_status_stays(desk, stage):
    desk.look()
    desk.known = False
    stage.github.review(1, "bob", "APPROVE", "fine")

    assert desk.look() == [Reviewed(1, "bob", "approved", "fine")]
    assert desk.status() == ("pending", WAITS)
    desk.known = True
    desk.look()
    assert desk.status()[0] == "success"


def test_where_we_may_not_set_a_status_reviews_are_told_all_the_same(desk, stage):
    stage.github.arm(Trouble("POST statuses/.*", "forbidden", times=9))
    stage.github.review(1, "bob", "APPROVE", "fine")

    assert desk.look() == [Reviewed(1, "bob", "approved", "fine")]
    assert desk.status() is None


def test_where_no_environment_wants_two_people_no_status_is_set(desk):
    desk.proposal = replace(PROPOSAL, two_person=False)
    desk.look()

    assert desk.status() is None


def test_where_another_environment_wants_two_people_this_one_is_excused(desk, stage):
    desk.prod.write_text("name: prod\ntwoPerson: true\n")
    desk.proposal = replace(PROPOSAL, two_person=False)
    desk.look()
    assert desk.status() == ("success", "example asks for no second person")
    assert not [call for call in desk.calls() if call.startswith("GET compare")]

    stage.github.push(BRANCH, {"overlays/prod/m/llm.yaml": "a"}, "Slip it in.", "carol")
    desk.look()

    assert desk.status() == (
        "pending", "example asks for no second person; changes overlays/prod/m/llm.yaml",
    )  # fmt: skip


def retarget(stage, base):
    stage.forge("bob")._connection.repository.get_pull(1).edit(base=base)


def hide(stage):
    """Change prod too, in a commit that another branch has: against that one it is not seen."""
    stage.github.push(BRANCH, {"overlays/prod/m/llm.yaml": "a"}, "Slip it in.", "carol")
    stage.github._site.repository._run("update-ref", "refs/heads/hidden", stage.head())
    stage.github.push(BRANCH, {f"{FOLDER}/custom/a": "a"}, "Harmless.", "carol")


def test_what_is_hidden_behind_another_base_is_excused_neither_there_nor_on_main(desk, stage):
    desk.prod.write_text("name: prod\ntwoPerson: true\n")
    desk.proposal = replace(PROPOSAL, two_person=False)
    hide(stage)
    retarget(stage, "hidden")
    desk.look()
    assert desk.status() == ("pending", "goes to hidden; counts once it goes to main")

    retarget(stage, "main")
    desk.look()

    assert desk.status() == (
        "pending", "example asks for no second person; changes overlays/prod/m/llm.yaml",
    )  # fmt: skip


def test_what_a_base_hides_is_seen_also_where_it_is_changed_during_the_look(desk, stage):
    desk.prod.write_text("name: prod\ntwoPerson: true\n")
    desk.proposal = replace(PROPOSAL, two_person=False)
    hide(stage)
    reading = desk.pulls.reviews.given

    def given(number):
        retarget(stage, "hidden")
        return reading(number)

    desk.pulls.reviews.given = given
    desk.look()

    assert desk.status()[0] == "pending"


@pytest.mark.parametrize("glass", [False, True])
def test_neither_approvals_nor_a_broken_glass_count_while_it_goes_to_another_branch(
    desk, stage, glass
):
    stage.github.push("aside", {"a.txt": "a"}, "Aside.", "carol")
    retarget(stage, "aside")
    desk.proposal = replace(PROPOSAL, glass=stage.head() if glass else "")
    stage.github.review(1, "bob")
    desk.look()
    assert desk.status() == ("pending", "goes to aside; counts once it goes to main")

    retarget(stage, "main")
    desk.look()

    assert desk.status()[0] == "success"


def test_an_environment_that_wants_two_people_since_has_its_open_ones_wait(desk, stage):
    example = desk.copy.root / "overlays" / "example" / "environment.yaml"
    desk.prod.write_text("name: prod\ntwoPerson: true\n")
    desk.proposal = replace(PROPOSAL, two_person=False)
    desk.look()
    assert desk.status() == ("success", "example asks for no second person")

    example.parent.mkdir()
    example.write_text("name: example\ntwoPerson: true\n")
    desk.look()
    assert desk.status() == ("pending", WAITS)
    stage.github.review(1, "bob")
    desk.look()
    assert desk.status() == ("success", "bob approved; somebody else asked")


def test_an_environment_that_makes_no_sense_excuses_nothing(desk):
    example = desk.copy.root / "overlays" / "example" / "environment.yaml"
    desk.prod.write_text("name: prod\ntwoPerson: true\n")
    example.parent.mkdir()
    example.write_text("name: example\ntwoPerson: perhaps\n")
    desk.proposal = replace(PROPOSAL, two_person=False)
    desk.look()

    assert desk.status() is None


# What Redis has lost.

LOST = Lost("example", "qwen3-32b-sglang", "c")


def test_open_pull_requests_of_ours_are_listed_in_one_call(desk, stage):
    stage.github.push("notes", {"notes.md": "Mine."}, "Mine.", "bob")
    stage.github.push("llm/example/other", {"other.md": "Mine."}, "Mine.", "bob")
    body = stage.pulls()[0]["body"]
    people = stage.forge("bob")._connection.repository
    people.create_pull("main", "notes", title="x", body="no metadata")
    people.create_pull("main", "llm/example/other", title="x", body=body)  # of another deployment
    since = len(stage.calls())

    assert desk.pulls.strays().names == [("example", "qwen3-32b-sglang")]
    assert stage.calls(since) == ["GET pulls"]
    stage.github.close(1, "bob")
    assert desk.pulls.strays().names == []


def test_an_open_one_is_traced_with_who_asked_by_its_commits_and_its_files(desk, stage):
    pull = stage.forge("bob")._connection.repository.get_pull(1)
    pull.edit(body=pull.body.replace("slack:UALICE", "slack:UBOB"))
    stage.propose(ALICE_AGAIN, replicas=3)
    forged = "By hand.\n\nRequested-by: slack:UBOB\nWritten-Tree: 0123\n"
    stage.github.push(BRANCH, {f"{FOLDER}/custom/x.yaml": "x: 1\n"}, forged, "bob")
    stage.github.review(1, "bob")

    traced = desk.pulls.trace(LOST)

    assert [each["Requested-by"] for each in traced.trailers] == ["slack:UALICE"] * 2
    assert traced.looked.pull.number == 1
    assert [given.by for given in traced.looked.given] == ["bob"]
    assert traced.files == stage.folder(BRANCH)


def test_an_ended_one_is_traced_in_two_calls_and_none_in_one(desk, stage):
    stage.github.merge(1, "bob")
    since = len(stage.calls())
    traced, none = desk.pulls.trace(LOST), desk.pulls.trace(Lost("example", "other", "c"))

    assert (traced.looked.pull.number, len(traced.trailers), traced.files) == (1, 1, {})
    assert none.looked is None
    assert stage.calls(since) == ["GET pulls", "GET pulls/1/commits", "GET pulls"]


def test_files_that_are_not_text_are_left_out(desk, stage):
    stage.github.push(BRANCH, {f"{FOLDER}/custom/x": b"\xff"}, "By hand.", "bob")

    assert desk.pulls.trace(LOST).files == {}
