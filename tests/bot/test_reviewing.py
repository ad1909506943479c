"""From looks at a pull request to news, and whether a second person stands behind it."""

import datetime as dt
from dataclasses import replace

import pytest

from bot.notice import ChecksFailed, Closed, Merged, Reopened, Reviewed
from bot.rollout.reviewing import Looked, review
from bot.rollout.two_person import LAPSE, Asked, excuse, judge
from bot.store import Rollout
from gitops.forge import PullRequest, Review
from gitops.reviews import TWO_PERSON, Check, Given, State, Verdict, standing
from gitops.roles import Binding, Role, Roles

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
OPEN = PullRequest(7, "u", Review.OPEN, head="h1")
APPROVED = Given(1, "bob", Verdict.APPROVED, "looks good", "h1", NOW)


def look(rollout=Rollout(7), *, pull=OPEN, given=(), checks=()):  # noqa: B008 - a frozen value
    return review(rollout, Looked(pull, given, checks), NOW)


def notices(step):
    return [news.notice for news in step.news]


def test_a_merge_is_told_once_with_who_merged_and_when():
    merged = replace(OPEN, review=Review.MERGED, merged_by="bob")

    step = look(pull=merged)

    assert notices(step) == [Merged(7, "bob")]
    assert step.rollout.merged_at == NOW.isoformat()
    assert look(step.rollout, pull=merged).news == ()


def test_a_close_and_a_reopening_are_told_each_time():
    closed = replace(OPEN, review=Review.CLOSED)
    steps = [look(pull=closed)]
    for pull in (OPEN, closed, OPEN, replace(OPEN, review=Review.MERGED)):
        assert (
            look(
                steps[-1].rollout, pull=replace(OPEN, review=Review(steps[-1].rollout.review))
            ).news
            == ()
        )
        steps.append(look(steps[-1].rollout, pull=pull))

    assert [notice for step in steps for notice in notices(step)] == [
        Closed(7), Reopened(7), Closed(7), Reopened(7), Merged(7, ""),
    ]  # fmt: skip
    keys = [news.key for step in steps for news in step.news]
    assert len(set(keys)) == len(keys)


def test_a_review_just_before_the_merge_is_told_before_it():
    merged = replace(OPEN, review=Review.MERGED, merged_by="bob")

    assert notices(look(pull=merged, given=[APPROVED])) == [
        Reviewed(7, "bob", "approved", "looks good"),
        Merged(7, "bob"),
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (APPROVED, [Reviewed(7, "bob", "approved", "looks good")]),
        (replace(APPROVED, comment=""), [Reviewed(7, "bob", "approved", "")]),
        (replace(APPROVED, verdict=Verdict.CHANGES, comment="no"),
         [Reviewed(7, "bob", "changes requested", "no")]),
        (replace(APPROVED, verdict=Verdict.COMMENTED, comment="why?"),
         [Reviewed(7, "bob", "commented", "why?")]),
        (replace(APPROVED, verdict=Verdict.COMMENTED, comment=""), []),
    ],
)  # fmt: skip
def test_a_review_is_told_once(given, told):
    step = look(given=[given])

    assert notices(step) == told
    assert look(step.rollout, given=[given]).news == ()


def test_failed_checks_are_told_once_a_head_and_only_the_new_ones():
    lint, build = Check("lint", State.FAILURE), Check("build", State.FAILURE)
    first = look(checks=[lint, Check("build", State.PENDING)])
    both = look(first.rollout, checks=[build, lint])
    again = look(both.rollout, checks=[build, lint])
    pushed = look(both.rollout, pull=replace(OPEN, head="h2"), checks=[lint])

    assert notices(first) == [ChecksFailed(7, "u", ("lint",))]
    assert notices(both) == [ChecksFailed(7, "u", ("build",))]
    assert again.news == ()
    assert notices(pushed) == [ChecksFailed(7, "u", ("lint",))]


def test_a_check_that_fails_again_after_a_run_that_passed_is_told_again():
    lint = Check("lint", State.FAILURE)
    first = look(checks=[lint])
    passed = look(first.rollout, checks=[Check("lint", State.SUCCESS)])
    again = look(passed.rollout, checks=[lint])

    assert notices(first) == notices(again) == [ChecksFailed(7, "u", ("lint",))]
    assert look(passed.rollout, checks=[lint]).news == again.news  # after a kill
    assert first.news[0].key != again.news[0].key


def test_our_own_status_is_remembered_as_the_look_left_it():
    marked = review(Rollout(7), Looked(OPEN, marked="h1:success:fine"), NOW).rollout

    assert marked.marked == "h1:success:fine"
    assert look(marked).rollout.marked == marked.marked  # a look that set none


def test_our_own_status_is_no_failed_check():
    assert look(checks=[Check(TWO_PERSON, State.FAILURE)]).news == ()


def test_the_card_shows_checks_and_standing_reviews():
    checks = [Check("a", State.SUCCESS), Check("b", State.SUCCESS), Check("c", State.PENDING)]
    given = [APPROVED, Given(2, "eve", Verdict.APPROVED, "", "h0", NOW)]

    assert look(given=given, checks=checks).rollout.checks == "✅ 2 ⏳ c · bob approved · 1 lapsed"
    assert look(pull=replace(OPEN, review=Review.MERGED), checks=checks).rollout.checks == ""


def test_the_card_names_the_checks_that_hold_a_merge_up_and_not_too_many():
    failed = [Check(f"check {n}", State.FAILURE) for n in range(5)]
    checks = [*failed, Check(TWO_PERSON, State.PENDING), Check("x" * 500, State.PENDING)]

    assert look(checks=checks).rollout.checks == (
        f"⏳ {TWO_PERSON}, {'x' * 60} ❌ check 0, check 1, check 2 and 2 more"
    )


def test_an_approval_that_does_not_count_says_why():
    alice = replace(APPROVED, by="alice")
    why = {"alice": "alice is the requester"}
    changes = replace(alice, id=2, verdict=Verdict.CHANGES)

    step = review(Rollout(7), Looked(OPEN, [alice, changes], refused=why), NOW)

    assert notices(step) == [
        Reviewed(7, "alice", "approved", "looks good", "alice is the requester"),
        Reviewed(7, "alice", "changes requested", "looks good"),
    ]


def test_the_card_says_which_approvals_do_not_count():
    given = [replace(APPROVED, by="alice"), replace(APPROVED, id=2, by="bob")]
    why = {"alice": "alice is the requester"}

    step = review(Rollout(7), Looked(OPEN, given, refused=why), NOW)

    assert step.rollout.checks == "alice approved, which does not count · bob approved"


def test_the_newest_word_of_each_person_on_the_head_counts():
    given = [
        APPROVED,
        Given(2, "bob", Verdict.COMMENTED, "hm", "h1", NOW),
        Given(3, "eve", Verdict.APPROVED, "", "h1", NOW),
        Given(4, "eve", Verdict.CHANGES, "", "h1", NOW),
        Given(5, "dan", Verdict.APPROVED, "", "h0", NOW),
    ]

    assert standing(given, "h1") == {
        "bob": Verdict.APPROVED,
        "eve": Verdict.CHANGES,
        "dan": Verdict.DISMISSED,
    }


ROLES = Roles(
    (Binding(Role.APPROVER, users=("U0BOB", "U0ALICE"), groups=("S0LEADS",)),),
    {"U0BOB": "bob", "U0ALICE": "alice", "U0DAN": "dan", "U0EVE": "eve"},
)
WAITS = "waits for an approver other than the requester"


@pytest.mark.parametrize(
    ("given", "state", "text"),
    [
        ([], State.PENDING, WAITS),
        ([APPROVED], State.SUCCESS, "bob approved; somebody else asked"),
        ([replace(APPROVED, by="BOB")], State.SUCCESS, "BOB approved; somebody else asked"),
        ([replace(APPROVED, by="alice")], State.PENDING, f"{WAITS}; alice is the requester"),
        ([replace(APPROVED, by="dan")], State.SUCCESS, "dan approved; somebody else asked"),
        ([replace(APPROVED, by="eve")], State.PENDING,
         f"{WAITS}; eve is no approver of prod in roles.yaml"),
        ([replace(APPROVED, by="mallory")], State.PENDING,
         f"{WAITS}; mallory is not in `people` of roles.yaml"),
        ([replace(APPROVED, commit="h0")], State.PENDING,
         f"{WAITS}; bob reviewed an earlier commit"),
        ([replace(APPROVED, at=NOW - LAPSE)], State.SUCCESS, "bob approved; somebody else asked"),
        ([replace(APPROVED, at=NOW - LAPSE * 2)], State.PENDING,
         f"{WAITS}; bob approved more than 24 h ago"),
        ([replace(APPROVED, at=NOW - LAPSE * 2), replace(APPROVED, id=2)], State.SUCCESS,
         "bob approved; somebody else asked"),
        ([replace(APPROVED, verdict=Verdict.DISMISSED)], State.PENDING, WAITS),
        ([replace(APPROVED, by="helper[bot]")], State.PENDING,
         f"{WAITS}; helper[bot] is not in `people` of roles.yaml"),
        ([APPROVED, replace(APPROVED, id=2, verdict=Verdict.CHANGES)], State.PENDING, WAITS),
        ([replace(APPROVED, by="alice"), replace(APPROVED, id=2)], State.SUCCESS,
         "bob approved; somebody else asked"),
    ],
)  # fmt: skip
def test_a_second_person_stands_behind_it_or_the_status_says_why_not(given, state, text):
    groups = {"U0DAN": frozenset({"S0LEADS"})}

    asked = Asked("prod", {"U0ALICE"}, NOW)
    judged = judge(given, "h1", asked, ROLES, lambda p, _: groups.get(p, frozenset()))

    assert (judged.state, judged.text) == (state, text)
    assert "; ".join([WAITS, *judged.refused.values()]) == (
        text if state is State.PENDING else WAITS
    )


@pytest.mark.parametrize(
    ("approvers", "state", "asked_for"),
    [
        ((), State.SUCCESS, {"S0LEADS"}),
        (("U0BOB",), State.SUCCESS, {"S0LEADS"}),
        (("S0OPS", "U0EVE"), State.SUCCESS, {"S0LEADS", "S0OPS"}),
        (("S0LEADS", "U0EVE"), State.PENDING, {"S0LEADS"}),
    ],
)
def test_where_an_environment_names_approvers_one_of_them_has_to_approve(
    approvers, state, asked_for
):
    seen = set()

    def of(_, among):
        seen.update(among)
        return among & {"S0OPS"}

    judged = judge([APPROVED], "h1", Asked("prod", {"U0ALICE"}, NOW, approvers), ROLES, of)

    assert (judged.state, seen) == (state, asked_for)
    if state is State.PENDING:
        assert judged.text == (
            f"{WAITS}; bob is not in `approvers` of overlays/prod/environment.yaml"
        )


def test_where_two_people_asked_the_approval_of_neither_counts():
    asked = Asked("prod", {"U0CAROL", "U0ALICE"}, NOW)
    alice, bob = replace(APPROVED, by="alice"), replace(APPROVED, id=2)

    assert judge([alice], "h1", asked, ROLES, lambda *_: frozenset()).state is State.PENDING
    assert judge([alice, bob], "h1", asked, ROLES, lambda *_: frozenset()).state is State.SUCCESS


@pytest.mark.parametrize(
    ("paths", "state"),
    [
        (["overlays/dev/m/llm.yaml", "overlays/dev/m/custom/a.yaml"], State.SUCCESS),
        ([], State.SUCCESS),
        (["overlays/dev/m/llm.yaml", "overlays/prod/m/llm.yaml"], State.PENDING),
        (["overlays/development/m/llm.yaml"], State.PENDING),
        (["roles.yaml"], State.PENDING),
        (None, State.PENDING),
    ],
)
def test_an_environment_for_one_person_is_excused_while_nothing_else_changes(paths, state):
    assert excuse("dev", paths).state is state
