"""GitHub in trouble: each refusal ends in the right error, or in a bounded number of new looks."""

import pytest

from gitops.errors import ConflictError, ForgeBusyError, ForgeUnavailableError
from gitops.forge import Outcome
from gitops.github.connection import ATTEMPTS
from sandbox.faults import Fault
from sandbox.github.limits import Limits
from sandbox.github.troubles import Trouble
from tests.adapters.test_forge_bench import ALICE_AGAIN, BRANCH, Stage

WRITES = ["POST git/trees", "POST git/commits", "POST git/refs", "POST pulls", "POST issues/.*"]
READS = ["GET branches/main", "GET git/trees/.*", "GET git/ref/.*"]
MOVE = f"PATCH git/refs/heads/{BRANCH}"


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path).served() as made:
        yield made


def check_one_of_everything(stage):
    assert stage.branches() == [BRANCH]
    [pull] = stage.pulls()
    assert pull["labels"] != []
    assert len(stage.github._site.repository.commits_between("main", BRANCH)) == 1


@pytest.mark.parametrize(
    ("call", "name"),
    [
        *((call, "unavailable") for call in [*READS, *WRITES]),
        ("POST pulls", "server_error"),
        ("POST pulls", "bad_gateway"),
    ],
)
def test_a_sick_server_is_asked_again(stage, call, name):
    stage.github.arm(Trouble(call, name))

    assert stage.propose().outcome is Outcome.OPENED
    check_one_of_everything(stage)


@pytest.mark.parametrize(
    ("call", "moment", "act"),
    [
        *((call, "after", "refuse") for call in WRITES),
        *((call, "after", "drop") for call in WRITES),
        *((call, "before", "drop") for call in [*READS, *WRITES]),
    ],
)
def test_an_answer_that_is_lost_is_looked_for_before_the_call_is_made_again(
    stage, call, moment, act
):
    stage.faults.arm(Fault("github", call, moment, act, status=502))

    assert stage.propose().outcome is Outcome.OPENED
    check_one_of_everything(stage)


@pytest.mark.parametrize("act", ["cut", "page"])
@pytest.mark.parametrize(
    ("call", "moment"),
    [
        *((call, "before") for call in [*READS, *WRITES[:-1]]),  # nothing of labels is read
        *((call, "after") for call in WRITES),
    ],
)
def test_an_answer_that_nobody_can_read_counts_as_none(stage, call, moment, act):
    stage.faults.arm(Fault("github", call, moment, act))

    assert stage.propose().outcome is Outcome.OPENED
    check_one_of_everything(stage)


@pytest.mark.parametrize("call", ["GET branches/main", "POST pulls"])
def test_a_page_of_a_proxy_that_stays_is_said(stage, call):
    stage.faults.arm(Fault("github", call, "before", "page", times=99))

    with pytest.raises(ForgeUnavailableError, match=r"an answer that makes no sense \(\w+\); try"):
        stage.propose()

    assert stage.calls().count(call) <= ATTEMPTS


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    "call", [MOVE, "PATCH pulls/1", "POST issues/1/labels", "DELETE issues/.*"]
)
def test_an_amendment_whose_answer_is_lost_is_one_commit(stage, call, moment):
    stage.propose(replicas=2)
    stage.faults.arm(Fault("github", call, moment, "drop"))

    done = stage.propose(ALICE_AGAIN, replicas=1)

    assert stage.faults[0].reached.is_set()
    assert done.outcome is Outcome.AMENDED
    assert len(stage.github._site.repository.commits_between("main", BRANCH)) == 2


def test_no_answer_at_all_is_a_new_look_after_the_timeout(stage):
    stage.faults.arm(Fault("github", "POST pulls", "after", "hold"))

    assert stage.propose(forge=stage.forge(timeout=1)).outcome is Outcome.OPENED
    check_one_of_everything(stage)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("POST git/refs", "reference_exists"),
        ("POST git/refs", "reference_update_failed"),
        ("POST git/commits", "tree_missing"),
        ("POST pulls", "bare_422"),
        ("POST git/refs", "head_modified"),
    ],
)
def test_a_race_that_is_lost_is_looked_at_again(stage, call, name):
    stage.github.arm(Trouble(call, name))

    assert stage.propose().outcome is Outcome.OPENED
    check_one_of_everything(stage)


def test_a_branch_that_would_not_move_is_looked_at_again(stage):
    stage.propose(replicas=2)
    stage.github.arm(Trouble(MOVE, "reference_update_failed"))

    assert stage.propose(ALICE_AGAIN, replicas=3).outcome is Outcome.AMENDED
    assert len(stage.github._site.repository.commits_between("main", BRANCH)) == 2


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("server_error", ForgeUnavailableError, "500 Server Error; try again in a minute"),
        ("bad_gateway", ForgeUnavailableError, "502 Server Error; try again in a minute"),
        ("reference_exists", ConflictError, "422 Reference already exists; look at the branch"),
        ("tree_missing", ConflictError, "422 Tree SHA does not exist; look at the branch"),
        ("head_modified", ConflictError, "409 Head branch was modified"),
    ],
)
def test_a_trouble_that_stays_ends_after_a_few_looks(stage, name, error, text):
    stage.github.arm(Trouble("POST git/refs", name, times=99))

    with pytest.raises(error) as refusal:
        stage.propose()

    assert f"proposing {BRANCH} on GitHub: {text}" in str(refusal.value)
    assert stage.writes().count("POST git/refs") == ATTEMPTS
    assert sum(stage.clock.slept) <= 4 * ATTEMPTS


@pytest.mark.parametrize("call", ["GET branches/main", "POST git/trees", "POST pulls"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bad_credentials", "401 Bad credentials; check GITHUB_TOKEN"),
        ("forbidden", "403 Resource not accessible by integration; check what GITHUB_TOKEN may do"),
        ("not_found", "404 Not Found; check LEADLINE_GITOPS_REPOSITORY"),
    ],
)
def test_a_refusal_for_good_is_not_repeated(stage, call, name, text):
    stage.github.arm(Trouble(call, name, times=99))

    with pytest.raises(ForgeUnavailableError) as refusal:
        stage.propose()

    assert text in str(refusal.value)
    assert not isinstance(refusal.value, ForgeBusyError)
    assert stage.calls().count(call) == 1
    assert stage.clock.slept == []


@pytest.mark.parametrize("call", ["GET branches/main", "POST git/trees", "POST issues/1/labels"])
@pytest.mark.parametrize("name", ["secondary", "secondary_429", "secondary_without_wait"])
def test_a_limit_with_a_long_wait_says_when_to_come_back(stage, call, name):
    stage.github.arm(Trouble(call, name))

    with pytest.raises(ForgeBusyError) as refusal:
        stage.propose()

    assert (refusal.value.wait, refusal.value.limit) == (60, "GitHub's secondary rate limit")
    assert str(refusal.value).endswith("; try again in 60 s")
    assert stage.clock.slept == []
    assert stage.propose().outcome is Outcome.OPENED
    check_one_of_everything(stage)


def test_a_limit_with_a_short_wait_is_waited_for(tmp_path):
    with Stage(tmp_path, Limits(content_a_minute=7)).served() as stage:
        for content in "abcdef":
            stage.forge()._connection.repository.create_git_blob(content, "utf-8")
        stage.time.advance(45)

        assert stage.propose().outcome is Outcome.OPENED
        assert stage.clock.slept == [15]
        check_one_of_everything(stage)


def test_the_hourly_limit_says_when_it_ends(tmp_path):
    with Stage(tmp_path, Limits(hourly=3)).served() as stage:
        stage.time.advance(600)
        with pytest.raises(ForgeBusyError, match="403 API rate limit exceeded") as refusal:
            stage.propose()

        assert refusal.value.wait == 3600
        assert refusal.value.limit == "GitHub's hourly limit on requests"
        assert str(refusal.value).endswith("; try again in 60 min")
        assert stage.clock.slept == []


def test_a_protected_branch_of_that_name_is_said(stage):
    stage.github.arm(Trouble("POST git/refs", "reference_update_failed", times=99))

    with pytest.raises(ConflictError, match="look at the branch and its pull requests"):
        stage.propose()


def test_nobody_at_the_address_is_said(stage):
    stage.url = "http://127.0.0.1:9"

    with pytest.raises(ForgeUnavailableError, match=r"no answer \(ConnectionError\)"):
        stage.forge().main()
