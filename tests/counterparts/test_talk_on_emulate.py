"""The conversation with a GitHub that is not ours: npm's emulate, behind the same typed words."""

import pytest

from sandbox.leadline import running
from sandbox.worlds import CHANNEL, sandbox, seed
from tests.scenarios.conftest import RATE
from tests.scenarios.test_talk import Talk

NAME = "m1"


@pytest.fixture
def talk(emulate_github, tmp_path):
    begin(emulate_github)
    with sandbox(tmp_path / "worlds", RATE) as worlds:
        worlds.environment.update(
            GITHUB_API_URL=emulate_github.url,
            GITHUB_TOKEN=emulate_github.author,
            LEADLINE_GITOPS_REPOSITORY=emulate_github.repository,
        )
        with running(worlds, "serve", "work") as leadline:
            yield Talk(worlds, leadline)


def begin(host):
    """Give main the first files of a GitOps repository, in one commit."""
    repo = host.repo()
    files = [{"path": p, "mode": "100644", "type": "blob", "content": t} for p, t in seed().items()]
    tree = host.call("git/trees", "POST", sent={"tree": files}).json()
    head = repo.get_branch("main").commit.sha
    sent = {"message": "Begin.", "tree": tree["sha"], "parents": [head]}
    commit = host.call("git/commits", "POST", sent=sent).json()
    done = host.call("git/refs/heads/main", "PATCH", sent={"sha": commit["sha"]})
    assert done.status_code == 200, done.text


def test_a_deploy_is_a_card_a_thread_and_a_pull_request_and_the_same_again_attaches(
    talk, emulate_github
):
    talk.type(f"deploy qwen3-32b sglang {NAME}")
    talk.type(f"deploy qwen3-32b sglang {NAME}")
    talk.type(f"deploy qwen3-32b sglang {NAME} --context 8192")

    [pull] = emulate_github.repo().get_pulls("open")
    assert pull.title == f"deploy(example/{NAME}): sglang 0.5.23 · 1×(2×1 GPU) · TP 2"
    assert f'"channel": "{CHANNEL}"' in pull.body.replace('":"', '": "')
    assert [text.partition(" ")[0] for text in talk.thread(NAME)] == [
        ":mag:", ":memo:", ":link:", ":mag:", ":pencil2:",
    ]  # fmt: skip


def test_what_is_merged_there_is_listed_changed_and_rolled_back(talk, emulate_github):
    for text in (f"deploy qwen3-32b sglang {NAME}", f"scale {NAME} 2"):
        talk.type(text)
        [pull] = emulate_github.repo().get_pulls("open")
        pull.merge()

    assert f"example/{NAME} · qwen3-32b" in talk.last("list")
    assert "1 → 2 groups" in talk.last(f"history {NAME}")
    talk.type(f"rollback {NAME}")

    [pull] = emulate_github.repo().get_pulls("open")
    assert pull.title.startswith(f"rollback(example/{NAME}): ")
