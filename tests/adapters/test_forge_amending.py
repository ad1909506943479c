"""One open pull request for each deployment: who attaches, who amends, who is refused."""

import dataclasses

import pytest

from gitops.errors import ConflictError, ForgeUnavailableError
from gitops.forge import Outcome, newest
from gitops.github import GithubForge
from gitops.github.budget import ContentBudget
from gitops.pull_request import Thread, escape, replacing, trailers_of
from sandbox.github.objects import Change
from sandbox.github.troubles import Trouble
from tests.adapters.test_forge_bench import (
    ALICE,
    ALICE_AGAIN,
    BOB,
    BRANCH,
    FOLDER,
    FastClock,
    Stage,
    planned,
    written,
)


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path).served() as made:
        yield made


@pytest.mark.parametrize("requested", [ALICE_AGAIN, BOB], ids=["the same person", "another"])
def test_an_identical_request_attaches_and_writes_nothing(stage, requested):
    first = stage.propose()
    since = len(stage.calls())

    second = stage.propose(requested)

    assert (second.outcome, second.pull) == (Outcome.ATTACHED, first.pull)
    assert stage.writes(since) == []


def test_the_same_requester_amends_by_a_commit_on_the_head_just_read(stage):
    first = stage.propose(replicas=2)

    second = stage.propose(ALICE_AGAIN, replicas=3)

    wanted = replacing(written(requested=ALICE_AGAIN, replicas=3), first.pull.title)
    assert (second.outcome, second.pull.number, second.rebased) == (Outcome.AMENDED, 1, False)
    assert second.replaced == first.pull.title != wanted.plan.title
    assert second.pull.head == stage.head() != first.pull.head
    assert stage.commit(stage.head()).parents == (first.pull.head,)
    assert stage.folder(BRANCH) == {change.path: change.new for change in wanted.plan.changes}
    [pull] = stage.pulls()
    assert (pull["title"], pull["body"]) == (wanted.plan.title, wanted.body)
    assert second.pull.metadata == wanted.metadata


def test_an_amendment_lets_approvals_lapse(stage):
    stage.propose(replicas=2)
    stage.github.review(1, "bob")

    stage.propose(ALICE_AGAIN, replicas=3)

    [review] = stage.pulls()[0]["reviews"]
    assert review["commit_id"] != stage.head()


def test_an_amendment_exchanges_the_plans_labels_and_keeps_peoples(stage):
    stage.propose(replicas=2)
    client = stage.forge()._connection.repository.get_issue(1)
    client.add_to_labels("urgent")
    since = len(stage.calls())

    stage.propose(ALICE_AGAIN, replicas=3)

    there = set(stage.pulls()[0]["labels"])
    assert there == {*written(requested=ALICE_AGAIN, replicas=3).labels, "urgent"}
    assert "PATCH git/refs/heads/" + BRANCH in stage.writes(since)


def test_a_label_that_somebody_takes_off_meanwhile_is_gone(stage):
    stage.propose(replicas=2)
    stage.github.arm(Trouble("DELETE issues/1/labels/.*", "not_found"))

    assert stage.propose(ALICE_AGAIN, replicas=3).outcome is Outcome.AMENDED


def test_back_to_an_earlier_wish_is_an_amendment_too(stage):
    stage.propose(replicas=2)
    stage.propose(ALICE_AGAIN, replicas=3)

    third = stage.propose(dataclasses.replace(ALICE, key="k9"), replicas=2)

    assert third.outcome is Outcome.AMENDED
    again = written(requested=dataclasses.replace(ALICE, key="k9"), replicas=2)
    assert third.pull.metadata == replacing(again, third.replaced).metadata


@pytest.mark.parametrize("lost", [r"PATCH pulls/1", r"POST issues/1/labels"])
def test_what_is_replaced_is_known_also_to_the_run_that_takes_an_amendment_up_again(stage, lost):
    first = stage.propose(replicas=2)
    stage.github.arm(Trouble(lost, "forbidden"))
    with pytest.raises(ForgeUnavailableError):
        stage.propose(ALICE_AGAIN, replicas=3)

    second = stage.propose(ALICE_AGAIN, replicas=3)
    third = stage.propose(ALICE_AGAIN, replicas=3)

    assert (second.outcome, second.replaced) == (Outcome.AMENDED, first.pull.title)
    assert third == second
    assert f"Replaces: {escape(first.pull.title)}\n" in stage.pulls()[0]["body"]


def test_the_commit_says_who_asked_and_what_for(stage):
    thread = Thread("https://chat.example/archives/C1/p1", "C1", "1.1")
    stage.propose(dataclasses.replace(ALICE, thread=thread))

    commit = stage.commit(stage.head())

    assert trailers_of(commit.message) == {
        "Requested-by": "slack:UALICE",
        "Slack-Thread": "https://chat.example/archives/C1/p1",
        "Request-Id": "k1",
        "Desired-State": planned().state,
        "Written-Tree": commit.tree,
    }


def test_anyone_else_is_refused_with_the_link_and_the_holder(stage):
    first = stage.propose()
    since = len(stage.calls())

    with pytest.raises(ConflictError) as refusal:
        stage.propose(BOB, replicas=2)

    assert str(refusal.value) == (
        f"pull request #1 of this deployment ({first.pull.url}) is still open and slack:UALICE"
        " holds it; agree with them, or merge or close it, and ask again"
    )
    assert stage.writes(since) == []


def test_who_amended_last_holds_it_whatever_a_body_says(stage):
    stage.propose()
    pull = stage.forge()._connection.repository.get_pull(1)
    pull.edit(body=pull.body.replace("slack:UALICE", "slack:UBOB"))

    with pytest.raises(ConflictError, match="slack:UALICE holds it"):
        stage.propose(BOB, replicas=2)


def test_a_persons_commit_on_top_is_never_written_over(stage):
    first = stage.propose()
    theirs = stage.github.push(BRANCH, {f"{FOLDER}/custom/x.yaml": "x: 1\n"}, "By hand.", "bob")

    with pytest.raises(ConflictError) as refusal:
        stage.propose(ALICE_AGAIN, replicas=2)

    assert str(refusal.value) == (
        f"pull request #1 of this deployment ({first.pull.url}) ends in a commit of bob"
        f" ({theirs[:7]}), which Leadline does not write over; merge or close it, or take that"
        " commit off, and ask again"
    )
    assert stage.head() == theirs


def test_a_commit_of_ours_that_a_person_changed_is_a_persons(stage):
    stage.propose()
    git = stage.github._site.repository
    ours, bob = stage.commit(stage.head()), stage.github._site.person("bob")
    (blob,) = git.write_blobs([b"x: 1\n"])
    tree = git.write_tree(ours.tree, [Change(f"{FOLDER}/custom/x.yaml", "100644", blob)])
    amended = git.write_commit(tree, list(ours.parents), ours.message, bob, bob)
    git._run("update-ref", f"refs/heads/{BRANCH}", amended)

    with pytest.raises(ConflictError, match=r"ends in a commit of bob"):
        stage.propose(ALICE_AGAIN, replicas=2)

    assert stage.head() == amended


def test_an_identical_request_attaches_though_a_person_added_a_commit(stage):
    stage.propose()
    stage.github.push(BRANCH, {"notes.md": "Mine.\n"}, "By hand.", "bob")

    assert stage.propose(ALICE_AGAIN).outcome is Outcome.ATTACHED


def test_a_push_between_the_look_and_the_write_is_not_written_over(stage):
    stage.propose()
    pushed, since = [], len(stage.calls())

    def push():
        if not pushed and "POST git/commits" in stage.writes(since):
            pushed.append(stage.github.push(BRANCH, {"notes.md": "Mine.\n"}, "By hand.", "bob"))

    forge = GithubForge.connect(stage.settings(), stage.clock, ContentBudget(Acting(stage, push)))
    with pytest.raises(ConflictError, match="ends in a commit of bob"):
        forge.propose(written(requested=ALICE_AGAIN, replicas=2))

    assert f"PATCH git/refs/heads/{BRANCH}" in stage.writes(since)
    assert stage.head() == pushed[0]
    assert stage.folder(BRANCH) == {change.path: change.new for change in planned().changes}


class Acting(FastClock):
    """A clock under which something else happens before a write is made."""

    def __init__(self, stage, act):
        super().__init__(stage.time)
        self.act = act

    def monotonic(self):
        self.act()
        return super().monotonic()


def test_main_that_moved_elsewhere_comes_along_with_an_amendment(stage):
    first = stage.propose()
    main = stage.github.push("main", {"other.md": "x\n"}, "Elsewhere.", "bob")

    second = stage.propose(ALICE_AGAIN, replicas=2)

    assert (second.outcome, second.rebased) == (Outcome.AMENDED, False)
    assert stage.commit(stage.head()).parents == (first.pull.head, main)
    assert stage.github.read(BRANCH, "other.md") == b"x\n"


def test_main_that_moved_in_the_overlay_is_planned_against_and_said(stage):
    stage.propose()
    stage.github.merge(1, "bob")
    first = stage.propose(replicas=2)
    kept = f"{FOLDER}/custom/kustomization.yaml"
    main = stage.github.push("main", {kept: "# by hand\n"}, "By hand.", "bob")

    second = stage.propose(ALICE_AGAIN, replicas=2)

    assert (second.outcome, second.rebased) == (Outcome.AMENDED, True)
    assert stage.commit(stage.head()).parents == (first.pull.head, main)
    assert stage.folder(BRANCH)[kept] == "# by hand\n"
    assert "replicas: 2" in stage.folder(BRANCH)[f"{FOLDER}/llm.yaml"]
    assert stage.propose(ALICE_AGAIN, replicas=2).outcome is Outcome.AMENDED
    assert stage.propose(BOB, replicas=2).outcome is Outcome.ATTACHED


def test_a_plan_older_than_what_the_branch_holds_is_not_written_over_it(stage):
    stage.propose(replicas=2)
    forge = stage.forge()
    before = forge.main()
    stage.github.push("main", {"other.md": "x\n"}, "Elsewhere.", "bob")
    second = stage.propose(ALICE_AGAIN, replicas=3)

    with pytest.raises(ConflictError, match="newer commits of main than the plan was made"):
        forge.propose(written(requested=ALICE, replicas=4), before)

    assert stage.head() == second.pull.head


def test_main_that_moves_in_the_overlay_while_a_race_is_lost_ends_the_plan(stage):
    forge = stage.forge()
    before = forge.main()
    stage.github.push("main", {f"{FOLDER}/llm.yaml": "x: 1\n"}, "By hand.", "bob")
    stage.github.arm(Trouble("POST git/refs", "reference_exists"))

    with pytest.raises(ConflictError, match=f"main has changed {FOLDER} since the plan was made"):
        forge.propose(written(), before)

    assert stage.pulls() == []


def test_main_that_moves_elsewhere_while_a_race_is_lost_is_built_upon(stage):
    forge = stage.forge()
    before = forge.main()
    main = stage.github.push("main", {"other.md": "x\n"}, "Elsewhere.", "bob")
    stage.github.arm(Trouble("POST git/refs", "reference_exists"))

    forge.propose(written(), before)

    assert stage.commit(stage.head()).parents == (main,)


def test_a_pull_request_that_is_closed_while_it_is_amended_is_said(stage):
    stage.propose()
    closed, since = [], len(stage.calls())

    def close():
        if not closed and any(call.startswith("PATCH git/refs") for call in stage.writes(since)):
            closed.append(1)
            stage.github.close(1, "bob")

    forge = GithubForge.connect(stage.settings(), stage.clock, ContentBudget(Acting(stage, close)))
    with pytest.raises(ConflictError, match="was closed while it was amended; ask again"):
        forge.propose(written(requested=ALICE_AGAIN, replicas=2))

    assert stage.propose(ALICE_AGAIN, replicas=2).pull.number == 2


@pytest.mark.parametrize(
    ("after", "in_main"),
    [("POST git/commits", False), (f"PATCH git/refs/heads/{BRANCH}", True)],
    ids=["before the branch moves", "after it"],
)
def test_a_pull_request_that_is_merged_while_it_is_amended_is_said(stage, after, in_main):
    stage.propose()
    merged, since = [], len(stage.calls())

    def merge():
        if not merged and after in stage.writes(since):
            merged.append(stage.github.merge(1, "bob"))

    forge = GithubForge.connect(stage.settings(), stage.clock, ContentBudget(Acting(stage, merge)))
    with pytest.raises(ConflictError, match="was merged while it was amended; ask again"):
        forge.propose(written(requested=ALICE_AGAIN, replicas=2))

    assert ("replicas: 2" in stage.folder("main")[f"{FOLDER}/llm.yaml"]) is in_main
    if in_main:
        with pytest.raises(ConflictError, match="main already has it"):
            stage.propose(ALICE_AGAIN, replicas=2)
    else:
        assert stage.propose(ALICE_AGAIN, replicas=2).pull.number == 2


def test_a_thread_that_comes_later_is_written_into_the_body_of_the_same_request(stage):
    stage.propose()
    thread = Thread("https://chat.example/archives/C1/p1", "C1", "1.1")
    since = len(stage.calls())

    again = stage.propose(dataclasses.replace(ALICE, thread=thread))

    assert again.pull.metadata.thread == thread
    assert stage.forge().pull_request(1).metadata.thread == thread
    assert stage.writes(since) == ["PATCH pulls/1"]
    assert again.outcome is Outcome.OPENED


def test_a_title_that_a_person_wrote_stays_while_nothing_changes(stage):
    stage.propose()
    stage.forge()._connection.repository.get_pull(1).edit(title="Mine")

    stage.propose(ALICE_AGAIN)

    assert stage.pulls()[0]["title"] == "Mine"


def test_a_pull_request_reopened_beside_a_newer_closed_one_is_the_one(stage):
    stage.propose()
    stage.github.close(1, "bob")
    repository = stage.forge()._connection.repository
    repository.create_pull("main", BRANCH, title="Mine", body="By hand.")
    stage.github.close(2, "bob")
    repository.get_pull(1).edit(state="open")  # GitHub allows it while the branch stands

    assert stage.propose().pull.number == 1
    assert newest(stage.forge(), BRANCH).number == 1


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_a_branch_left_by_a_merge_that_rewrote_it_is_recreated(tmp_path, method):
    with Stage(tmp_path, methods=(method,)).served() as stage:
        stage.propose()
        stage.github.merge(1, "bob", method)

        second = stage.propose(BOB, replicas=2)

        assert (second.pull.number, second.outcome) == (2, Outcome.OPENED)
        assert stage.commit(stage.head()).parents == (stage.head("main"),)


def test_what_main_has_already_is_not_proposed(stage):
    wanted = written()
    stage.propose()
    stage.github.merge(1, "bob")

    with pytest.raises(ConflictError, match="main already has it"):
        stage.forge().propose(wanted)

    assert len(stage.pulls()) == 1
