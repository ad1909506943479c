"""GitHub hangs: what clusters show is told all the same, and what GitHub knows once it is back."""

import time

import pytest

from sandbox.faults import Fault
from tests.scenarios.test_pulls import HOUR, watching


@pytest.fixture
def talk(request, tmp_path):
    with watching(tmp_path, request.param) as made:
        yield made


@pytest.mark.parametrize("talk", [5], indirect=True)
def test_a_look_that_hangs_holds_up_neither_the_cluster_nor_the_proofs(talk):
    worlds, reviewed = talk.worlds, "m2"
    talk.merged("m1", "deploy qwen3-32b sglang m1")
    talk.until_card("m1", "serving · 1/1")
    talk.type(f"deploy qwen3-32b sglang {reviewed}")
    number = talk.pull(reviewed)["number"]
    talk.until_card(reviewed, "pull request open")
    hang = Fault("github", f"GET pulls/{number}", times=1000)
    worlds.faults.arm(hang)
    assert hang.reached.wait(20)
    worlds.github.review(number, "bob", "APPROVE", "fine")

    begun = time.monotonic()
    worlds.cluster.oom("default", "m1-0-1")
    talk.until_thread("m1", "recovered")
    talk.until_card("m1", "serving · 1/1")
    took = time.monotonic() - begun

    assert not hang.released.is_set()
    assert took < 10, "as long as the first try of the look takes"
    assert talk.said(reviewed, "bob approved") == []
    hang.times = 0  # GitHub is back: the next try gets an answer
    hang.released.set()
    talk.until_thread(reviewed, "bob approved: «fine»")
    assert len(talk.said(reviewed, "bob approved")) == 1


@pytest.mark.parametrize("talk", [HOUR], indirect=True)
def test_what_a_webhook_woke_goes_before_the_looks_that_nobody_asked_for(talk):
    """Here a restarted watch looks at all pull requests at once, and each look takes a while."""
    worlds, names = talk.worlds, [f"m{number}" for number in range(1, 5)]
    for name in names:
        talk.type(f"deploy qwen3-32b sglang {name}")
    numbers = [talk.pull(name)["number"] for name in names]
    talk.until_card(names[-1], "pull request open")
    talk.leadline.kill("watch")
    hang = Fault("github", r"GET pulls/\d+")
    worlds.faults.arm(hang)
    talk.leadline.start("watch")
    assert hang.reached.wait(20)
    since = len(worlds.journal.entries())

    worlds.github.review(numbers[-1], "bob", "APPROVE", "fine")
    talk.until(lambda: any(e.call == "webhook pull_request_review" for e in entries(talk, since)))
    hang.released.set()

    talk.until_thread(names[-1], "bob approved: «fine»")
    looked = [e.call for e in entries(talk, since) if e.call in {f"GET pulls/{n}" for n in numbers}]
    assert looked[1] == f"GET pulls/{numbers[-1]}"


@pytest.mark.parametrize("talk", [5], indirect=True)
def test_a_watch_that_is_killed_in_a_look_looks_again_and_tells_it_once(talk):
    worlds = talk.worlds
    talk.type("deploy qwen3-32b sglang m1")
    number = talk.pull("m1")["number"]
    talk.until_card("m1", "pull request open")
    hang = Fault("github", f"GET pulls/{number}/reviews", "after")
    worlds.faults.arm(hang)
    assert hang.reached.wait(20)
    worlds.github.review(number, "bob", "APPROVE", "fine")

    talk.leadline.kill("watch")
    hang.released.set()
    assert talk.said("m1", "bob approved") == []
    talk.leadline.start("watch")

    talk.until_thread("m1", "bob approved: «fine»")
    worlds.merge(number)
    talk.until_thread("m1", "merged by bob")
    assert len(talk.said("m1", "bob approved")) == len(talk.said("m1", "merged by bob")) == 1


def entries(talk, since):
    return talk.worlds.journal.entries()[since:]
