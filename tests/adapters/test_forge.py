"""The promises of the Forge port, over PyGithub and the sandbox's GitHub on real sockets."""

import pytest

from gitops.assess import assess
from gitops.catalog import Catalog
from gitops.engine import Engine
from gitops.environment import Environment
from gitops.errors import ConflictError, ForgeUnavailableError
from gitops.forge import PullRequest, Review
from gitops.github import GithubForge
from gitops.overlay import render
from gitops.plan import plan
from gitops.pull_request import Requested, body, labels, message
from gitops.request import Changes, DeployRequest
from gitops.resolve import resolve
from gitops.settings import ForgeSettings
from sandbox.clock import Time
from sandbox.faults import Fault, Faults
from sandbox.github.host import GitHub
from sandbox.github.site import Account, Place
from sandbox.journal import Journal
from sandbox.serving import serving

BRANCH = "llm/example/qwen3-32b-sglang"
FOLDER = "overlays/example/qwen3-32b-sglang"
COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages: []\n"


class Stage:
    """A GitHub with one commit, and the means to look into it."""

    def __init__(self, folder):
        self.journal, self.faults = Journal(), Faults()
        accounts = {"bot": Account("leadline[bot]", is_bot=True), "bob": Account("bob")}
        self.github = GitHub(Time(), self.journal, Place(folder / "r.git"), accounts)
        self.github.seed({"README.md": "Ours.\n"})

    def calls(self):
        return [e.call for e in self.journal.entries() if e.world == "github"]


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path)
    with serving(made.github.world(), made.faults) as server:
        made.url = server.url
        yield made


def forge(stage, token="bot", repository="acme/gitops"):  # noqa: S107 - opens a test server
    return GithubForge.connect(ForgeSettings(repository, token, stage.url))


def make_plan(current=None, **words):
    catalog = Catalog.load()
    request = DeployRequest("qwen3-32b", Engine.SGLANG, changes=Changes(**words))
    overlay = render(resolve(request, Environment(name="example"), catalog))
    return plan(overlay, current or {})


def propose(stage, made):
    requested = Requested("slack:U1", "k1")
    current = forge(stage).files(FOLDER)
    assessed = assess(made, current, Environment(name="example"), Catalog.load())
    text = body(assessed, requested)
    return forge(stage).propose(made, message(made, requested), text, labels(assessed))


def test_a_folder_that_is_not_there_is_empty(stage):
    assert forge(stage).files(FOLDER) == {}


def test_a_new_proposal_is_one_commit_one_branch_one_pull_request(stage):
    made = make_plan()

    pull = propose(stage, made)

    assert (pull.number, pull.review) == (1, Review.OPEN)
    assert pull.url == f"{stage.url}/acme/gitops/pull/1"
    for path, text in ((change.path, change.new) for change in made.changes):
        assert stage.github.read(BRANCH, path).decode() == text
        assert stage.github.read("main", path) is None


def test_a_new_proposal_takes_at_most_eight_calls(stage):
    propose(stage, make_plan())

    calls = [call for call in stage.calls() if not call.startswith("GET contents")]
    assert len(calls) <= 8


def test_the_same_proposal_again_writes_nothing(stage):
    first = propose(stage, make_plan())
    before = len(stage.calls())

    assert propose(stage, make_plan()) == first
    assert [call for call in stage.calls()[before:] if not call.startswith("GET")] == []


def test_a_merged_overlay_is_read_back_and_changes_nothing(stage):
    made = make_plan()
    propose(stage, made)
    stage.github.merge(1, "bob")

    current = forge(stage).files(FOLDER)

    assert current == {change.path: change.new for change in made.changes}
    assert forge(stage).pull_request(1) == PullRequest(
        1, f"{stage.url}/acme/gitops/pull/1", Review.MERGED, "bob"
    )


def test_a_change_after_a_merge_replaces_the_branch_that_was_left(stage):
    propose(stage, make_plan())
    stage.github.merge(1, "bob")

    second = propose(stage, make_plan(forge(stage).files(FOLDER), replicas=2))

    assert second.number == 2
    assert b"replicas: 2" in stage.github.read(BRANCH, f"{FOLDER}/llm.yaml")


def test_another_proposal_while_one_is_open_is_refused_with_its_link(stage):
    first = propose(stage, make_plan())

    with pytest.raises(ConflictError, match=first.url):
        propose(stage, make_plan(replicas=2))


def test_a_branch_with_a_persons_commit_is_left_alone(stage):
    stage.github.push(BRANCH, {"notes.md": "Mine.\n"}, "My work.", "bob")

    with pytest.raises(ConflictError, match="a commit of somebody else"):
        propose(stage, make_plan())

    assert stage.github.read(BRANCH, "notes.md") == b"Mine.\n"


def test_a_closed_pull_request_is_closed_and_not_merged(stage):
    propose(stage, make_plan())
    stage.github.close(1, "bob")

    assert forge(stage).pull_request(1).review is Review.CLOSED


@pytest.mark.parametrize(
    ("token", "repository", "advice"),
    [
        ("nobody", "acme/gitops", "401 Bad credentials; check GITHUB_TOKEN"),
        ("bot", "acme/other", "404 Not Found; check LEADLINE_GITOPS_REPOSITORY"),
    ],
)
def test_a_refusal_names_the_setting_to_check(stage, token, repository, advice):
    made = make_plan()

    with pytest.raises(ForgeUnavailableError) as refusal:
        forge(stage, token, repository).propose(made, "m", "b")

    assert str(refusal.value) == f"proposing {BRANCH} on GitHub: {advice}"


def test_a_read_is_tried_again_and_a_write_is_not(stage):
    stage.faults.arm(Fault("github", "GET pulls", "before", "refuse", status=502))
    stage.faults.arm(Fault("github", "POST pulls", "before", "refuse", status=502))

    with pytest.raises(ForgeUnavailableError, match="502"):
        propose(stage, make_plan())

    assert stage.faults[0].seen == 2
    assert stage.faults[1].seen == 1


def test_the_newest_pull_request_of_a_branch_is_found_whatever_became_of_it(stage):
    assert forge(stage).newest(BRANCH) is None
    propose(stage, make_plan())
    stage.github.close(1, "bob")
    propose(stage, make_plan(replicas=2))

    assert forge(stage).newest(BRANCH).number == 2


def test_the_same_state_after_a_merge_was_undone_is_a_new_pull_request(stage):
    made = make_plan()
    propose(stage, made)
    stage.github.merge(1, "bob")
    paths = [change.path for change in made.changes]
    stage.github.push("main", {"x.md": "Undone.\n"}, "Undo.", "bob", without=paths)

    assert propose(stage, make_plan()).number == 2
    assert stage.github.read(BRANCH, paths[0]) is not None


def test_a_file_that_is_no_longer_rendered_is_removed_and_custom_files_stay(stage):
    made = make_plan()
    propose(stage, made)
    stage.github.merge(1, "bob")
    old, own = f"{FOLDER}/old.yaml", f"{FOLDER}/custom/kustomization.yaml"
    stage.github.push("main", {old: "x: 1\n", own: COMPONENT}, "More.", "bob")

    propose(stage, make_plan(forge(stage).files(FOLDER)))

    assert stage.github.read(BRANCH, old) is None
    assert stage.github.read(BRANCH, own) is not None
