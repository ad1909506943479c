"""The Forge adapter's main road, against a GitHub that is not ours: npm's emulate.

Only what emulate answers as GitHub does (docs/sandbox-github.md); all the promises of the port are
held by `tests/adapters/test_forge*.py`, over our own server.
"""

import pytest

from gitops.clock import SystemClock
from gitops.errors import ConflictError
from gitops.forge import Outcome, Review
from gitops.github import GithubForge
from gitops.github.budget import ContentBudget
from gitops.settings import forge_settings
from tests.adapters.test_forge_bench import (
    ALICE,
    ALICE_AGAIN,
    BOB,
    BRANCH,
    FOLDER,
    removal,
    written,
)


def connected(host, **signed_in):
    """Connect as the variables of a real process say."""
    where = {"LEADLINE_GITOPS_REPOSITORY": host.repository, "GITHUB_API_URL": host.url}
    clock = SystemClock()
    return GithubForge.connect(forge_settings(where | signed_in), clock, ContentBudget(clock))


@pytest.fixture
def forge(emulate_github):
    return connected(emulate_github, GITHUB_TOKEN=emulate_github.author)


def propose(forge, requested=ALICE, **words):
    main = forge.main()
    return forge.propose(written(forge.files(FOLDER, main), requested, **words), main)


def contents(changed):
    return {change.path: change.new for change in changed.plan.changes}


def test_a_proposal_is_one_commit_one_branch_one_labelled_pull_request(forge, emulate_github):
    asked = written()
    made = propose(forge)

    pull = emulate_github.repo().get_pull(made.pull.number)
    assert (pull.head.ref, pull.base.ref, pull.title) == (BRANCH, "main", asked.plan.title)
    assert sorted(label.name for label in pull.labels) == sorted(asked.labels)
    commit = emulate_github.repo().get_commit(BRANCH)
    assert [parent.sha for parent in commit.parents] == [forge.main().commit]
    assert {file.filename for file in commit.files} == set(contents(asked))


def test_an_identical_request_attaches_to_the_same_pull_request(forge):
    first, second = propose(forge), propose(forge, BOB)

    assert (first.outcome, second.outcome) == (Outcome.OPENED, Outcome.ATTACHED)
    assert (first.pull.number, first.pull.head) == (second.pull.number, second.pull.head)


def test_the_same_requester_amends_by_a_commit_on_the_head(forge, emulate_github):
    # Not of another size: emulate cannot take a label off whose name has a slash.
    first = propose(forge, max_model_len=8192)
    second = propose(forge, ALICE_AGAIN, max_model_len=4096)

    assert (second.outcome, second.pull.number) == (Outcome.AMENDED, first.pull.number)
    commit = emulate_github.repo().get_branch(BRANCH).commit
    assert commit.sha == second.pull.head
    assert [parent.sha for parent in commit.parents] == [first.pull.head]


def test_anyone_else_is_refused_with_the_link(forge):
    first = propose(forge)

    with pytest.raises(ConflictError, match=first.pull.url):
        propose(forge, BOB, replicas=2)


def test_a_merged_overlay_is_read_back_and_removed_by_a_new_pull_request(forge, emulate_github):
    first = propose(forge)
    emulate_github.repo(emulate_github.reviewer).get_pull(first.pull.number).merge()
    assert forge.pull_request(first.pull.number).review is Review.MERGED
    standing = forge.files(FOLDER)

    second = forge.propose(removal(standing))

    assert {path: standing[path] for path in contents(written())} == contents(written())
    assert second.pull.number != first.pull.number
    assert {file.status for file in emulate_github.repo().get_commit(BRANCH).files} == {"removed"}


def test_an_app_signs_itself_in_and_reads(forge, emulate_github):
    app = emulate_github.app
    variables = {"GITHUB_APP_ID": str(app.id), "GITHUB_APP_PRIVATE_KEY": app.key}

    assert connected(emulate_github, **variables).main() == forge.main()
