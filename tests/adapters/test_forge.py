"""The promises of the Forge port, over PyGithub and the sandbox's GitHub on real sockets."""

import pytest
from github import Auth, Github

from gitops.errors import ConflictError, ForgeUnavailableError, InvalidRequestError
from gitops.forge import Outcome, Review, newest
from sandbox.github import pull_shapes
from sandbox.github.objects import Change
from tests.adapters.test_forge_bench import (
    ALICE_AGAIN,
    BOB,
    BRANCH,
    FOLDER,
    Stage,
    planned,
    removal,
    written,
)

COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages: []\n"


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path).served() as made:
        yield made


def test_a_folder_that_is_not_there_is_empty(stage):
    assert stage.forge().files(FOLDER) == {}


def test_a_new_proposal_is_one_commit_one_branch_one_pull_request(stage):
    done = stage.propose()

    assert done.outcome is Outcome.OPENED
    assert done.pull.url == f"{stage.url}/acme/gitops/pull/1"
    assert (len(stage.pulls()), stage.branches()) == (1, [BRANCH])
    assert stage.folder(BRANCH) == {change.path: change.new for change in planned().changes}
    assert stage.folder("main") == {}
    assert stage.commit(stage.head()).parents == (stage.head("main"),)


def test_a_pull_request_is_read_back_whole(stage):
    made = written()
    stage.propose()

    pull = stage.forge().pull_request(1)

    assert (pull.number, pull.review, pull.draft, pull.author) == (
        1, Review.OPEN, False, "leadline[bot]",
    )  # fmt: skip
    assert (pull.title, pull.branch, pull.head) == (made.plan.title, BRANCH, stage.head())
    assert pull.metadata == made.metadata
    assert (pull.merged_by, pull.merge_commit) == ("", "")


def test_the_labels_are_there(stage):
    stage.propose()

    assert stage.pulls()[0]["labels"] == list(written().labels)


def test_the_same_proposal_again_writes_nothing(stage):
    first = stage.propose()
    since = len(stage.calls())

    assert stage.propose() == first
    assert stage.writes(since) == []


def test_a_merged_overlay_is_read_back_and_changes_nothing(stage):
    stage.propose()
    merged = stage.github.merge(1, "bob")

    current = stage.forge().files(FOLDER)
    pull = stage.forge().pull_request(1)

    assert current == {change.path: change.new for change in planned().changes}
    assert planned(current).changes == ()
    assert (pull.review, pull.merged_by, pull.merge_commit) == (Review.MERGED, "bob", merged)


def test_a_change_after_a_merge_replaces_the_branch_that_was_left(stage):
    stage.propose()
    stage.github.merge(1, "bob")

    second = stage.propose(replicas=2)

    assert (second.pull.number, second.outcome) == (2, Outcome.OPENED)
    assert stage.commit(stage.head()).parents == (stage.head("main"),)
    assert "replicas: 2" in stage.folder(BRANCH)[f"{FOLDER}/llm.yaml"]


def test_a_change_after_a_close_replaces_the_branch_that_was_left(stage):
    stage.propose()
    stage.github.close(1, "bob")

    second = stage.propose(BOB, replicas=2)

    assert (second.pull.number, second.outcome) == (2, Outcome.OPENED)
    assert stage.commit(stage.head()).parents == (stage.head("main"),)


def test_the_same_state_after_a_close_is_a_new_pull_request(stage):
    stage.propose()
    stage.github.close(1, "bob")

    assert stage.propose(ALICE_AGAIN).pull.number == 2


def test_a_branch_left_with_a_persons_commit_is_refused_with_advice(stage):
    stage.propose()
    stage.github.close(1, "bob")
    theirs = stage.github.push(BRANCH, {"notes.md": "Mine.\n"}, "My work.", "bob")

    with pytest.raises(ConflictError) as refusal:
        stage.propose(replicas=2)

    assert str(refusal.value) == (
        f"branch {BRANCH} (left by {stage.url}/acme/gitops/pull/1) ends in a commit of bob"
        f" ({theirs[:7]}); merge it or delete the branch, and ask again"
    )
    assert stage.head() == theirs


def test_a_branch_of_a_persons_own_is_left_alone(stage):
    theirs = stage.github.push(BRANCH, {"notes.md": "Mine.\n"}, "My work.", "bob")

    with pytest.raises(ConflictError, match=f"branch {BRANCH} ends in a commit of bob"):
        stage.propose()

    assert stage.head() == theirs


def test_a_branch_that_has_nothing_to_do_with_main_is_left_alone(stage):
    git, bob = stage.github._site.repository, stage.github._site.person("bob")
    theirs = git.write_commit(git.tree_of("main"), [], "Elsewhere.", bob, bob)
    assert git.set_ref(f"refs/heads/{BRANCH}", theirs, None)

    with pytest.raises(ConflictError, match=f"branch {BRANCH} ends in a commit of somebody else"):
        stage.propose()

    assert stage.head() == theirs


def test_a_closed_pull_request_is_closed_and_not_merged(stage):
    stage.propose()
    stage.github.close(1, "bob")

    assert stage.forge().pull_request(1).review is Review.CLOSED


@pytest.mark.parametrize(
    ("token", "repository", "advice"),
    [
        ("nobody", "acme/gitops", "401 Bad credentials; check GITHUB_TOKEN"),
        ("bot", "acme/other", "404 Not Found; check LEADLINE_GITOPS_REPOSITORY"),
    ],
)
def test_a_refusal_names_the_setting_to_check(stage, token, repository, advice):
    with pytest.raises(ForgeUnavailableError) as refusal:
        stage.forge(token, repository).propose(written())

    assert str(refusal.value) == f"proposing {BRANCH} on GitHub: {advice}"


def test_the_newest_pull_request_of_a_branch_is_found_whatever_became_of_it(stage):
    assert newest(stage.forge(), BRANCH) is None
    stage.propose()
    stage.github.close(1, "bob")
    stage.propose(replicas=2)

    assert newest(stage.forge(), BRANCH).number == 2
    stage.github.merge(2, "bob")
    assert newest(stage.forge(), BRANCH).review is Review.MERGED


def test_all_pull_requests_of_a_branch_are_one_call_and_so_are_all_open_ones(stage):
    for replicas in (1, 2, 3):
        stage.propose(replicas=replicas)
        stage.github.merge(replicas, "bob")
    stage.propose(replicas=4)
    stage.github.push("notes", {"notes.md": "Mine.\n"}, "My work.", "bob")
    forge = stage.forge("bob")
    forge._connection.repository.create_pull("main", "notes", title="x", body="hello")
    since = len(stage.calls())

    ours, open_ones = forge.pulls(BRANCH), forge.pulls()

    assert [pull.number for pull in ours] == [4, 3, 2, 1]
    assert [pull.review for pull in ours] == [Review.OPEN, *[Review.MERGED] * 3]
    assert [(pull.number, pull.branch) for pull in open_ones] == [(5, "notes"), (4, BRANCH)]
    assert stage.calls(since) == ["GET pulls"] * 2


def test_a_pull_request_from_a_fork_is_none_of_ours(stage, monkeypatch):
    stage.propose()
    shape = pull_shapes._end

    def forked(shapes, branch, sha):
        """Let the branch lie in a fork of the same owner's, as an organisation may have one."""
        shown = shape(shapes, branch, sha)
        if branch == BRANCH:
            shown["repo"] |= {"id": 1, "full_name": "acme/fork"}
        return shown

    monkeypatch.setattr(pull_shapes, "_end", forked)

    assert stage.forge().pulls() == []
    assert newest(stage.forge(), BRANCH) is None


def test_the_same_state_after_a_merge_was_undone_is_a_new_pull_request(stage):
    stage.propose()
    stage.github.merge(1, "bob")
    paths = [change.path for change in planned().changes]
    stage.github.push("main", {"x.md": "Undone.\n"}, "Undo.", "bob", without=paths)

    assert stage.propose().pull.number == 2
    assert stage.folder(BRANCH) == {change.path: change.new for change in planned().changes}


def test_a_file_that_is_no_longer_rendered_is_removed_and_custom_files_stay(stage):
    stage.propose()
    stage.github.merge(1, "bob")
    old, own = f"{FOLDER}/old.yaml", f"{FOLDER}/custom/kustomization.yaml"
    stage.github.push("main", {old: "x: 1\n", own: COMPONENT}, "More.", "bob")

    stage.propose()

    assert old not in stage.folder(BRANCH)
    assert stage.folder(BRANCH)[own] == COMPONENT


def test_a_removal_takes_every_file_of_the_folder_away(stage):
    stage.propose()
    stage.github.merge(1, "bob")
    forge = stage.forge()

    done = forge.propose(removal(forge.files(FOLDER)))

    assert done.pull.title == "undeploy(example/qwen3-32b-sglang): 2 GPUs released, storage stays"
    assert stage.folder(BRANCH) == {}


def test_several_reads_see_one_revision(stage):
    forge = stage.forge()
    main = forge.main()
    stage.github.push("main", {f"{FOLDER}/llm.yaml": "x: 1\n"}, "More.", "bob")

    assert forge.files(FOLDER, main) == {}
    assert forge.files(FOLDER) == {f"{FOLDER}/llm.yaml": "x: 1\n"}


def test_the_empty_folder_is_the_whole_repository(stage):
    stage.github.push("main", {f"{FOLDER}/llm.yaml": "x: 1\n"}, "More.", "bob")

    assert stage.forge().files("") == {"README.md": "Ours.\n", f"{FOLDER}/llm.yaml": "x: 1\n"}


def test_a_folder_whose_name_begins_like_another_is_not_that(stage):
    stage.github.push("main", {f"{FOLDER}-2/llm.yaml": "x: 1\n"}, "More.", "bob")

    assert stage.forge().files(FOLDER) == {}


def test_links_are_not_read(stage):
    stage.github.push("main", {f"{FOLDER}/a.yaml": "x: 1\n"}, "More.", "bob")
    link(stage, f"{FOLDER}/b.yaml", "../../../README.md")

    assert list(stage.forge().files(FOLDER)) == [f"{FOLDER}/a.yaml"]


def link(stage, path, target):
    git = stage.github._site.repository
    (blob,) = git.write_blobs([target.encode()])
    before = git.commit_of("main")
    tree = git.write_tree(before, [Change(path, "120000", blob)])
    bob = stage.github._site.person("bob")
    assert git.set_ref("refs/heads/main", git.write_commit(tree, [before], "x", bob, bob), before)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"\xff\xfe", "is not UTF-8 text"), (b"#" * 2_000_000, "larger than")]
)
def test_a_file_that_nobody_could_review_is_refused(stage, content, reason):
    stage.github.push("main", {f"{FOLDER}/llm.yaml": content}, "More.", "bob")

    with pytest.raises(InvalidRequestError, match=reason):
        stage.forge().files(FOLDER)


def test_a_pull_request_that_is_not_leadlines_carries_no_metadata(stage):
    stage.github.push("notes", {"notes.md": "Mine.\n"}, "My work.", "bob")
    client = Github(auth=Auth.Token("bob"), base_url=stage.url, lazy=True, seconds_between_writes=0)
    with client:
        client.get_repo("acme/gitops").create_pull("main", "notes", title="x", body="hello")

    assert stage.forge().pull_request(1).metadata is None
    assert stage.forge().pull_request(1).author == "bob"
