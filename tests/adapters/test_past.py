"""What stood in a deployment's folder before, on a GitHub over sockets, however it was merged."""

import pytest

from gitops.errors import InvalidRequestError
from gitops.github.past import GithubPast
from gitops.past import find
from tests.adapters.test_forge_bench import ALICE, ALICE_AGAIN, BOB, BRANCH, FOLDER, Stage

METHODS = ("merge", "squash", "rebase")
CUSTOM = f"{FOLDER}/custom/kustomization.yaml"


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path, methods=METHODS).served() as made:
        yield made


@pytest.fixture
def past(stage):
    return GithubPast.connect(stage.settings(), stage.clock)


def merged(stage, requested=ALICE, method="merge", **words):
    """Propose, merge a minute later, and return the pull request's number."""
    number = stage.propose(requested, **words).pull.number
    return merge(stage, number, method)


def merge(stage, number, method="merge"):
    stage.time.advance(60)
    stage.github.merge(number, "bob", method)
    stage.time.advance(60)
    return number


def by_hand(stage, text="# by hand\n", path=CUSTOM):
    stage.time.advance(60)
    stage.github.push("main", {path: text}, "Tune it.\n\nWe saw it wait.", "bob")
    stage.time.advance(60)


@pytest.mark.parametrize("method", METHODS)
def test_every_merge_and_every_commit_by_hand_is_one_state_newest_first(stage, past, method):
    one = merged(stage, ALICE, method)
    by_hand(stage)
    two = merged(stage, BOB, method, replicas=2)

    states = past.standings(FOLDER, BRANCH)

    assert [(s.pull, s.by) for s in states] == [(two, "slack:UBOB"), (None, "bob"), (one, ALICE.by)]
    assert [s.title.partition(":")[0].partition("(")[0] for s in states] == [
        "update", "Tune it.", "deploy",
    ]  # fmt: skip
    assert [s.at for s in states] == sorted((s.at for s in states), reverse=True)
    assert states[0].commit == stage.head("main")


@pytest.mark.parametrize("method", METHODS)
def test_each_state_holds_the_exact_files_of_main_then(stage, past, method):
    held = []
    merged(stage, method=method)
    held.append(stage.folder("main"))
    by_hand(stage, "# 漢字, no newline at the end")
    held.append(stage.folder("main"))
    merged(stage, method=method, replicas=3)
    held.append(stage.folder("main"))

    states = past.standings(FOLDER, BRANCH)

    assert [past.files_at(FOLDER, s.commit) for s in reversed(states)] == held
    assert held[1][CUSTOM] == held[2][CUSTOM] == "# 漢字, no newline at the end"


@pytest.mark.parametrize("method", METHODS)
def test_an_amended_pull_request_is_one_state(stage, past, method):
    merged(stage, method=method)
    stage.propose(ALICE, replicas=2)
    number = stage.propose(ALICE_AGAIN, replicas=4).pull.number
    merge(stage, number, method)

    states = past.standings(FOLDER, BRANCH)

    assert [s.pull for s in states] == [2, 1]
    assert "replicas: 4\n" in past.files_at(FOLDER, states[0].commit)[f"{FOLDER}/llm.yaml"]


def test_what_was_closed_without_a_merge_and_other_folders_are_no_states(stage, past):
    number = merged(stage)
    stage.propose(ALICE, replicas=2)
    stage.github.close(2, "bob")
    by_hand(stage, path="overlays/example/other/llm.yaml")
    by_hand(stage, path="README.md")

    assert [s.pull for s in past.standings(FOLDER, BRANCH)] == [number]
    assert past.standings("overlays/example/none", "llm/example/none") == []


def test_history_takes_two_calls(stage, past):
    merged(stage)
    by_hand(stage)
    since = len(stage.calls())

    past.standings(FOLDER, BRANCH)

    assert stage.calls(since) == ["GET pulls", "GET commits"]


def test_files_are_found_by_what_a_person_names(stage, past):
    one = merged(stage)
    first = stage.folder("main")
    merged(stage, replicas=2)
    states = past.standings(FOLDER, BRANCH)

    for to in ("1", f"#{one}", states[1].commit[:8]):
        assert past.files_at(FOLDER, find(states, to).commit) == first


def test_a_commit_that_is_not_there_is_refused_by_name(past):
    with pytest.raises(InvalidRequestError, match="commit 111111111111: not in the repository"):
        past.files_at(FOLDER, "1" * 40)


def test_before_a_deployment_its_folder_was_empty(stage, past):
    before = stage.head("main")
    merged(stage)

    assert past.files_at(FOLDER, before) == {}
