"""Reviews, checks and our own status on a GitHub over sockets, and what they cost in calls."""

from dataclasses import replace

import pytest

from gitops.errors import ForgeBusyError, ForgeUnavailableError
from gitops.github.reviews import GithubReviews
from gitops.reviews import TWO_PERSON, Check, State, Verdict
from sandbox.github.protection import Protection
from sandbox.github.troubles import Trouble
from tests.adapters.test_forge_bench import ALICE_AGAIN, BRANCH, Stage


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path).served() as made:
        made.propose()
        yield made


@pytest.fixture
def reviews(stage):
    return GithubReviews.connect(stage.settings(), stage.clock)


def person_reviews(stage, event, body=""):
    stage.github.review(1, "bob", event, body)


def calls_of(stage, act):
    since = len(stage.calls())
    act()
    return stage.calls(since)


def test_reviews_are_read_oldest_first_with_their_commit_in_one_call(stage, reviews):
    head = stage.head()
    person_reviews(stage, "COMMENT", "why?")
    person_reviews(stage, "REQUEST_CHANGES", "no")
    person_reviews(stage, "APPROVE", "now it is")
    since = len(stage.calls())

    given = reviews.given(1)

    assert [(g.by, g.verdict, g.comment, g.commit) for g in given] == [
        ("bob", Verdict.COMMENTED, "why?", head),
        ("bob", Verdict.CHANGES, "no", head),
        ("bob", Verdict.APPROVED, "now it is", head),
    ]
    assert len({g.id for g in given}) == 3
    assert {g.at for g in given} == {stage.time.now().replace(microsecond=0)}
    assert stage.calls(since) == ["GET pulls/1/reviews"]


def test_the_trailers_are_those_of_our_own_commits_in_one_call(stage, reviews):
    stage.propose(ALICE_AGAIN, replicas=2)
    ours = stage.commit(stage.head()).message
    stage.github.push(BRANCH, {"a.txt": "a"}, ours.replace("slack:UALICE", "slack:UBOB"), "bob")
    since = len(stage.calls())

    told = reviews.trailers(1)

    assert [(each["Requested-by"], each["Request-Id"]) for each in told] == [
        ("slack:UALICE", "k1"),
        ("slack:UALICE", "k2"),
    ]
    assert stage.calls(since) == ["GET pulls/1/commits"]


def test_a_review_that_is_not_submitted_is_left_out(stage, reviews):
    person_reviews(stage, "APPROVE")
    person_reviews(stage, "COMMENT", "later")
    kept = stage.github._site.pull(1).reviews
    kept[0] = replace(kept[0], submitted_at=None)

    assert [(g.verdict, g.at) for g in reviews.given(1)] == [
        (Verdict.COMMENTED, stage.time.now().replace(microsecond=0))
    ]


def test_what_a_commit_changes_is_read_against_main_with_moved_files_in_one_call(stage, reviews):
    stage.github.push("main", {"a.txt": "a" * 100, "b.txt": "b"}, "Both.", "bob")
    stage.github.push("aside", {"c.txt": "a" * 100, "b.txt": "new"}, "Move.", "bob", ["a.txt"])
    head, since = stage.head("aside"), len(stage.calls())

    assert sorted(reviews.paths(head)) == ["a.txt", "b.txt", "c.txt"]
    assert stage.calls(since) == [f"GET compare/main...{head}"]


def test_of_very_many_changed_files_nothing_is_said(stage, reviews):
    stage.github.push("aside", {f"{number}.txt": "a" for number in range(310)}, "Many.", "bob")

    assert reviews.paths(stage.head("aside")) is None


def test_an_approval_that_github_dismissed_says_so(stage, reviews):
    stage.github.protect(Protection(approvals=1, dismiss_stale=True))
    person_reviews(stage, "APPROVE")
    stage.github.push(BRANCH, {"a.txt": "a"}, "More.", "bob")

    assert [g.verdict for g in reviews.given(1)] == [Verdict.DISMISSED]


def test_more_reviews_than_a_page_are_all_read(stage, reviews):
    for number in range(130):
        person_reviews(stage, "COMMENT", f"{number}")

    assert [g.comment for g in reviews.given(1)] == [f"{number}" for number in range(130)]


@pytest.mark.parametrize(
    ("conclusion", "state"),
    [
        ("success", State.SUCCESS),
        ("neutral", State.SUCCESS),
        ("skipped", State.SUCCESS),
        ("failure", State.FAILURE),
        ("cancelled", State.FAILURE),
        ("timed_out", State.FAILURE),
        ("action_required", State.FAILURE),
    ],
)
def test_a_check_run_stands_as_it_was_concluded(stage, reviews, conclusion, state):
    stage.github.check(BRANCH, "lint", conclusion)

    assert reviews.checks(stage.head()) == [Check("lint", state)]


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("success", State.SUCCESS),
        ("pending", State.PENDING),
        ("failure", State.FAILURE),
        ("error", State.FAILURE),
    ],
)
def test_a_status_stands_as_it_was_set(stage, reviews, said, state):
    set_status(stage, said)

    assert reviews.checks(stage.head()) == [Check("ci", state)]


def set_status(stage, state, context="ci"):
    forge = stage.forge("bob")
    repository = forge._connection.repository
    commit = repository.get_commit(stage.head())
    commit.create_status(state, context=context)


def test_checks_are_the_newest_of_each_name_in_two_calls(stage, reviews):
    set_status(stage, "failure", "lint")
    set_status(stage, "success", "lint")
    stage.github.check(BRANCH, "build", status="queued")
    stage.github.check(BRANCH, "build", status="in_progress")
    stage.github.check(BRANCH, "check", "failure")
    head, since = stage.head(), len(stage.calls())

    found = reviews.checks(head)

    assert found == [
        Check("build", State.PENDING),
        Check("check", State.FAILURE),
        Check("lint", State.SUCCESS),
    ]
    assert stage.calls(since) == [f"GET commits/{head}/status", f"GET commits/{head}/check-runs"]


def test_more_checks_than_a_page_are_all_read(stage, reviews):
    names = [f"c{number:03}" for number in range(230)]
    for name in names:
        stage.github.check(BRANCH, name)

    assert [check.name for check in reviews.checks(stage.head())] == names


def test_a_token_that_may_not_read_check_runs_still_sees_statuses(stage, reviews):
    set_status(stage, "success")
    stage.github.check(BRANCH, "lint", "failure")
    stage.github.arm(Trouble("GET commits/.*/check-runs", "forbidden"))

    assert reviews.checks(stage.head()) == [Check("ci", State.SUCCESS)]


@pytest.mark.parametrize("trouble", ["secondary", "secondary_429"])
def test_a_limit_on_reading_check_runs_is_not_taken_for_a_refusal(stage, reviews, trouble):
    stage.github.arm(Trouble("GET commits/.*/check-runs", trouble))

    with pytest.raises(ForgeBusyError):
        reviews.checks(stage.head())


def test_our_status_takes_one_look_and_one_write_and_no_write_when_it_stands(stage, reviews):
    head = stage.head()
    first = calls_of(stage, lambda: reviews.mark(head, State.PENDING, "waits"))
    again = calls_of(stage, lambda: reviews.mark(head, State.PENDING, "waits"))
    changed = calls_of(stage, lambda: reviews.mark(head, State.SUCCESS, "bob approved"))

    look, write = f"GET commits/{head}/status", f"POST statuses/{head}"
    assert (first, again, changed) == ([look, write], [look], [look, write])
    assert reviews.checks(head) == [Check(TWO_PERSON, State.SUCCESS)]


def test_our_status_is_no_longer_than_github_takes_and_long_ones_are_found_again(stage, reviews):
    head = stage.head()
    reviews.mark(head, State.PENDING, "x" * 300)

    again = calls_of(stage, lambda: reviews.mark(head, State.PENDING, "x" * 300))

    assert again == [f"GET commits/{head}/status"]
    [sent] = [e.detail["sent"] for e in stage.journal.entries() if e.call.startswith("POST stat")]
    assert len(sent["description"]) == 140


def test_a_status_set_twice_after_a_lost_answer_stands_once(stage, reviews):
    head = stage.head()
    stage.github.arm(Trouble("POST statuses/.*", "bad_gateway"))

    reviews.mark(head, State.PENDING, "waits")

    assert reviews.checks(head) == [Check(TWO_PERSON, State.PENDING)]


@pytest.mark.parametrize("trouble", ["not_found", "forbidden", "bad_credentials"])
def test_a_refusal_names_the_act_and_what_to_look_at(stage, reviews, trouble):
    stage.github.arm(Trouble("GET pulls/1/reviews", trouble, times=9))

    with pytest.raises(ForgeUnavailableError) as refusal:
        reviews.given(1)

    assert str(refusal.value).startswith("reading the reviews of #1 on GitHub: 4")
    assert "check " in str(refusal.value)
