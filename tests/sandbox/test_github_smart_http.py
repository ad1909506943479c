"""The sandbox's GitHub: real git clones, fetches and pushes over HTTP."""

import os
import subprocess

import pytest

from sandbox.faults import Faults
from sandbox.github.hooks import Hook
from sandbox.github.protection import Protection
from sandbox.serving import serving
from tests.sandbox.test_github_bench import ALICE, BOT, BRANCH, Hub, proposed
from tests.sandbox.test_github_hooks import SECRET, Receiver


@pytest.fixture
def hub(tmp_path):
    with Hub(tmp_path).served() as found:
        yield found


def git(*words, folder=None, check=True):
    alone = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Alice", "GIT_AUTHOR_EMAIL": "alice@users.noreply.github.com",
        "GIT_COMMITTER_NAME": "Alice", "GIT_COMMITTER_EMAIL": "alice@users.noreply.github.com",
    }  # fmt: skip
    done = subprocess.run(
        ["git", *words], cwd=folder, env=alone, capture_output=True, text=True, check=False
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


def address(hub, token=ALICE, name="acme/gitops.git"):
    return hub.url.replace("//", f"//x-access-token:{token}@") + f"/{name}"


def clone(hub, folder, token=ALICE):
    git("clone", "--quiet", address(hub, token), str(folder))
    return folder


def commit(folder, path="new.txt", content="new\n", message="New."):
    (folder / path).write_text(content)
    git("add", ".", folder=folder)
    git("commit", "--quiet", "-m", message, folder=folder)
    return git("rev-parse", "HEAD", folder=folder).stdout.strip()


def test_a_clone_has_what_the_api_wrote_and_a_fetch_what_came_later(hub, tmp_path):
    folder = clone(hub, tmp_path / "clone", BOT)
    pull = proposed(hub)

    git("fetch", "--quiet", folder=folder)

    assert (folder / "README.md").read_text() == "# gitops\n"
    found = git("rev-parse", f"origin/{BRANCH}", folder=folder).stdout.strip()
    assert found == pull.head.sha


def test_a_push_makes_a_branch_that_the_api_opens_a_pull_request_of(hub, tmp_path):
    folder = clone(hub, tmp_path / "clone")
    git("switch", "--quiet", "-c", BRANCH, folder=folder)
    sha = commit(folder)

    git("push", "--quiet", "origin", BRANCH, folder=folder)

    pull = hub.repository().create_pull("main", BRANCH, title="New", body="")
    assert pull.head.sha == sha
    assert [file.filename for file in pull.get_files()] == ["new.txt"]
    (push,) = hub.heard("POST git-receive-pack")
    assert (push["by"], push["moved"]) == ("alice", [BRANCH])


def test_a_push_to_main_tells_the_same_listeners_as_the_api(hub, tmp_path):
    told = []
    hub.github.on_push.append(lambda *move: told.append(move))
    folder = clone(hub, tmp_path / "clone")
    sha = commit(folder)

    git("push", "--quiet", "origin", "main", folder=folder)

    assert told == [("main", sha)]


def test_a_push_is_told_to_webhooks_as_those_of_the_api_are(hub, tmp_path):
    proposed(hub)
    folder = clone(hub, tmp_path / "clone")
    git("switch", "--quiet", BRANCH, folder=folder)
    receiver = Receiver()
    with serving(receiver.world(), Faults()) as server:
        hub.github.hooks.add(Hook(server.url, SECRET))
        sha = commit(folder)
        git("push", "--quiet", "origin", BRANCH, folder=folder)
        _, push = receiver.next()
        _, synchronized = receiver.next()

    assert (push["after"], push["head_commit"]["added"]) == (sha, ["new.txt"])
    assert (synchronized["action"], synchronized["after"]) == ("synchronize", sha)
    assert push["sender"]["login"] == synchronized["sender"]["login"] == "alice"


def test_a_push_larger_than_one_buffer_arrives_whole(hub, tmp_path):
    folder = clone(hub, tmp_path / "clone")
    noise = "\n".join(f"{number * 7919 % 1000003:x}" for number in range(600_000))
    sha = commit(folder, "big.txt", noise)

    git("-c", "core.compression=0", "push", "--quiet", "origin", "main", folder=folder)

    assert hub.github.state()["branches"]["main"] == sha


def test_the_bot_cannot_push_to_main(hub, tmp_path):
    folder = clone(hub, tmp_path / "clone", BOT)
    commit(folder)
    done = git("push", "origin", "main", folder=folder, check=False)

    assert done.returncode != 0
    assert (
        "remote: error: GH006: Protected branch update failed for refs/heads/main." in done.stderr
    )
    assert "remote: error: Changes must be made through a pull request." in done.stderr
    assert "! [remote rejected] main -> main" in done.stderr
    assert hub.github.state()["branches"]["main"] == hub.first


def test_a_person_whom_the_rules_bind_cannot_push_to_main_either(hub, tmp_path):
    hub.github.protect(Protection(direct=frozenset()))
    folder = clone(hub, tmp_path / "clone")
    commit(folder)

    assert git("push", "origin", "main", folder=folder, check=False).returncode != 0
    assert hub.github.state()["branches"]["main"] == hub.first


@pytest.mark.parametrize(
    ("refspec", "said"), [(":main", "Cannot delete"), ("+HEAD~1:main", "Cannot force-push to")]
)
def test_nobody_deletes_or_rewinds_the_protected_branch(hub, tmp_path, refspec, said):
    hub.github.push("main", {"a.txt": "a"}, "More.", "alice")
    sha = hub.github.state()["branches"]["main"]
    folder = clone(hub, tmp_path / "clone")

    done = git("push", "origin", refspec, folder=folder, check=False)

    assert f"remote: error: {said} this branch." in done.stderr
    assert hub.github.state()["branches"]["main"] == sha


def test_a_force_push_moves_the_head_of_an_open_pull_request(hub, tmp_path):
    pull = proposed(hub)
    folder = clone(hub, tmp_path / "clone")
    git("switch", "--quiet", "-c", "mine", folder=folder)
    sha = commit(folder)

    git("push", "--quiet", "--force", "origin", f"mine:{BRANCH}", folder=folder)

    pull.update()
    assert pull.head.sha == sha


def test_a_push_that_lost_the_race_is_refused_by_git_itself(hub, tmp_path):
    folder = clone(hub, tmp_path / "clone")
    commit(folder)
    hub.github.push("main", {"README.md": "# theirs\n"}, "Reword.", "bob")
    done = git("push", "origin", "main", folder=folder, check=False)

    assert done.returncode != 0
    assert "[rejected]" in done.stderr


def test_a_merge_made_at_home_and_pushed_merges_the_pull_request(hub, tmp_path):
    pull = proposed(hub)
    folder = clone(hub, tmp_path / "clone")
    git("merge", "--quiet", "--no-ff", "-m", "Merge.", f"origin/{BRANCH}", folder=folder)
    git("push", "--quiet", "origin", "main", folder=folder)
    pull.update()

    assert (pull.merged, pull.state, pull.merged_by.login) == (True, "closed", "alice")
    assert pull.merge_commit_sha == hub.github.state()["branches"]["main"]
    assert [file.filename for file in pull.get_files()] == ["overlays/prod/qwen/llm.yaml"]


def test_a_deleted_branch_closes_its_pull_request(hub, tmp_path):
    proposed(hub)
    folder = clone(hub, tmp_path / "clone")
    git("push", "--quiet", "origin", f":{BRANCH}", folder=folder)

    assert hub.github.state()["pulls"][0]["state"] == "closed"


@pytest.mark.parametrize(
    ("token", "name", "said"),
    [
        ("nobody", "acme/gitops.git", "Authentication failed"),
        (ALICE, "acme/other.git", "not found"),
    ],
)
def test_git_says_what_is_wrong_with_an_address(hub, token, name, said):
    done = git("ls-remote", address(hub, token, name), check=False)

    assert done.returncode != 0
    assert said in done.stderr


def test_git_without_a_token_is_asked_for_one(hub):
    done = git("ls-remote", f"{hub.url}/acme/gitops.git", check=False)

    assert "could not read Username" in done.stderr
