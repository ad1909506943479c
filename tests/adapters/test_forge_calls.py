"""What a proposal costs in REST calls, and what they are."""

import pytest

from tests.adapters.test_forge_bench import ALICE_AGAIN, BRANCH, FOLDER, Stage

WRITES = ["POST git/trees", "POST git/commits", "POST git/refs", "POST pulls"]


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path).served() as made:
        yield made


def test_a_new_pull_request_takes_eight_calls_the_reading_of_its_folder_included(stage):
    tree = stage.forge().main().tree
    since = len(stage.calls())

    stage.propose()

    assert stage.calls(since) == [
        "GET branches/main", f"GET git/trees/{tree}", f"GET git/ref/heads/{BRANCH}",
        *WRITES, "POST issues/1/labels",
    ]  # fmt: skip


def test_a_forge_that_knows_the_tree_of_main_does_not_read_it_again(stage):
    forge = stage.forge()
    forge.files(FOLDER)
    since = len(stage.calls())

    stage.propose(forge=forge)

    assert stage.calls(since) == [
        "GET branches/main", f"GET git/ref/heads/{BRANCH}", *WRITES, "POST issues/1/labels",
    ]  # fmt: skip


def test_a_file_of_main_is_read_once_for_as_long_as_it_stays_the_same(stage):
    stage.propose()
    stage.github.merge(1, "bob")
    forge = stage.forge()
    stage.propose(forge=forge, replicas=2)
    first, before = blobs(stage), stage.folder("main")
    stage.github.merge(2, "bob")
    since = len(stage.calls())

    stage.propose(forge=forge, replicas=3)

    after = stage.folder("main")
    changed = [path for path, text in after.items() if before[path] != text]
    assert len(first) == len(before)
    assert len(blobs(stage, since)) == len(changed) < len(first)


def blobs(stage, since=0):
    return [call for call in stage.calls(since) if call.startswith("GET git/blobs")]


def test_an_identical_request_takes_five_reads_and_no_write(stage):
    stage.propose()
    since = len(stage.calls())

    stage.propose(ALICE_AGAIN)

    calls = stage.calls(since)
    assert len(calls) == 5
    assert all(call.startswith("GET ") for call in calls)


def test_an_amendment_takes_five_reads_and_at_most_one_write_a_thing(stage):
    stage.propose(replicas=2)
    since = len(stage.calls())

    stage.propose(ALICE_AGAIN, replicas=3)

    calls, writes = stage.calls(since), stage.writes(since)
    assert len(calls) - len(writes) == 5
    assert writes == [
        "POST git/trees", "POST git/commits", f"PATCH git/refs/heads/{BRANCH}", "PATCH pulls/1",
        *writes[4:],
    ]  # fmt: skip
    assert [call for call in writes[4:] if "/labels" not in call] == []
