"""SIGKILL of the proposing process at every call it makes: run again, it ends the same."""

import multiprocessing

import pytest

from gitops.forge import Outcome
from gitops.github import GithubForge
from gitops.pull_request import STATE_TRAILER, replacing, trailers_of
from sandbox.faults import Fault
from tests.adapters.test_forge_bench import (
    ALICE,
    ALICE_AGAIN,
    BRANCH,
    FOLDER,
    Stage,
    planned,
    written,
)

# Children come from a process without threads that has imported what they need.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["gitops.github", "tests.adapters.test_forge_bench"])


def opened(stage):
    """Nothing stands yet."""
    return ALICE, {"replicas": 2}, Outcome.OPENED, 1


def amended(stage):
    """The requester's own pull request is open, with other labels."""
    stage.propose(ALICE, replicas=3)
    return ALICE_AGAIN, {"replicas": 2}, Outcome.AMENDED, 2


def recreated(stage):
    """A closed pull request left its branch."""
    stage.propose(ALICE, replicas=3)
    stage.github.close(1, "bob")
    return ALICE_AGAIN, {"replicas": 2}, Outcome.OPENED, 1


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("flow", [opened, amended, recreated])
def test_a_killed_proposal_run_again_leaves_one_of_everything(tmp_path, flow, moment):
    calls = unharmed(tmp_path, flow)

    for nth, call in enumerate(calls, 1):
        with Stage(tmp_path / f"{nth}").served() as stage:
            requested, words, outcome, commits = flow(stage)
            kill_at(stage, nth, moment, requested, words)

            done = stage.propose(requested, **words)

            earlier = planned(replicas=3).title if outcome is Outcome.AMENDED else ""
            assert (call, done.outcome, done.replaced) == (call, outcome, earlier)
            check_whole(stage, written(requested=requested, **words), commits, call)


def unharmed(tmp_path, flow):
    """Return the calls of the flow where nobody is killed."""
    with Stage(tmp_path / "unharmed").served() as stage:
        requested, words, outcome, commits = flow(stage)
        since = len(stage.calls())
        assert stage.propose(requested, **words).outcome is outcome
        check_whole(stage, written(requested=requested, **words), commits, "none")
        return stage.calls(since)


def kill_at(stage, nth, moment, requested, words):
    fault = Fault("github", ".*", moment, "hold", nth=nth)
    stage.faults.arm(fault)
    child = PROCESSES.Process(target=propose, args=(stage.settings(), requested, words))
    child.start()
    assert fault.reached.wait(20)
    child.kill()
    child.join(20)
    fault.released.set()
    assert child.exitcode == -9
    child.close()


def propose(settings, requested, words):
    """Propose as `Stage.propose` does; runs in the child."""
    forge = GithubForge.connect(settings)
    main = forge.main()
    forge.propose(written(forge.files(FOLDER, main), requested, **words), main)


def check_whole(stage, wanted, commits, call):
    """One branch, one open pull request, and on it one commit with the state, all as wanted."""
    assert (call, stage.branches()) == (call, [BRANCH])
    [pull] = [pull for pull in stage.pulls() if pull["state"] == "open"]
    if commits > 1:
        wanted = replacing(wanted, planned(replicas=3).title)
    assert (call, pull["title"], pull["body"]) == (call, wanted.plan.title, wanted.body)
    assert (call, sorted(pull["labels"])) == (call, sorted(wanted.labels))
    assert (call, pull["head_sha"]) == (call, stage.head())
    git = stage.github._site.repository
    on_it = [stage.commit(sha) for sha in git.commits_between("main", BRANCH)]
    states = [trailers_of(commit.message)[STATE_TRAILER] for commit in on_it]
    assert (call, len(on_it), states.count(wanted.plan.state)) == (call, commits, 1)
    files = {change.path: change.new for change in planned(replicas=2).changes}
    assert (call, stage.folder(BRANCH)) == (call, files)
