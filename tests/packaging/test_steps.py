"""The README's steps for a Slack, GitHub and cluster of one's own, taken in the sandbox."""

import json
import os
import re
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from sandbox.worlds import sandbox

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
ROLES = """
roles:
  - {role: viewer, everyone: true}
  - {role: requester, users: [U0ALICE]}
  - {role: approver, users: [U0BOB]}
people: {U0ALICE: alice, U0BOB: bob}
"""
GIT = ["git", "-c", "user.name=bob", "-c", "user.email=bob@users.noreply.github.com"]


@pytest.fixture
def worlds(tmp_path):
    with sandbox(tmp_path / "box", 5.0) as made:
        yield made


def run(*words, folder=None, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | variables
    result = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def act(worlds, name, **body):
    url = f"{worlds.addresses['control']}/acts/{name}"
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def make_repository(worlds, folder):
    """Take step 1: init, say who may what and what is there, check, push to main."""
    run(BIN / "leadline", "init", "llm", "--with", "argocd", "--leadline-source",
        "./wheels/leadline.whl", "--owners", "@bob", folder=folder)  # fmt: skip
    made = folder / "llm"
    (made / "roles.yaml").write_text(ROLES)
    place = made / "overlays" / "staging" / "environment.yaml"
    text = place.read_text().replace("claims: []", "claims: [llm-model]")
    pools = "pools: [{name: l20, gpu: l20, nodes: 4}]"
    place.write_text(text.replace("pools: []", pools) + "slack: {channel: C0MLSERVING}\n")
    give_storage(made)
    run(BIN / "leadline", "check", folder=made)
    host = worlds.addresses["github"].partition("//")[2]
    run("git", "init", "--quiet", "--initial-branch", "main", folder=made)
    run("git", "remote", "add", "origin", f"http://x-access-token:ghp_bob@{host}/acme/gitops.git",
        folder=made)  # fmt: skip
    run("git", "fetch", "--quiet", "origin", "main", folder=made)
    run("git", "reset", "--quiet", "--soft", "FETCH_HEAD", folder=made)
    run("git", "add", "--all", folder=made)
    run(*GIT, "commit", "--quiet", "--message", "Begin.", folder=made)
    run("git", "push", "--quiet", "origin", "HEAD:main", folder=made)


def give_storage(made):
    """Bring the storage of the example along, which a team has in its own way."""
    source = ROOT / "overlays" / "example" / "storage" / "llm-model"
    for file in source.iterdir():
        target = made / "overlays" / "staging" / "storage" / "llm-model" / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.read_text().replace("example", "staging"))


def give_rights(worlds):
    """Take step 4: the Roles of what is watched."""
    for folder in ("watched", "controller"):
        said = run(BIN / "kubectl", "apply", "-k", ROOT / "kustomize" / "leadline" / folder,
                   KUBECONFIG=str(worlds.folder / "kubeconfig-admin"))  # fmt: skip
        assert "role.rbac.authorization.k8s.io/leadline-watch created" in said


def settings(worlds):
    """Take step 5: the names that the README exports, with the sandbox's values."""
    section = (ROOT / "README.md").read_text("utf-8").partition("**Settings**")[2]
    names = re.findall(r"([A-Z][A-Z_]+)=", section.partition("```sh")[2].partition("```")[0])
    given = worlds.environment | {
        "SLACK_APP_TOKEN": "xapp-sandbox",
        "LEADLINE_ENVIRONMENT": "staging",
    }
    only_here = {name for name in given if name.endswith(("_URL", "_HOST", "_PORT", "_PROXY"))}
    assert "SLACK_BOT_TOKEN" in names
    return {name: given[name] for name in only_here | set(names)}


def follow(worlds, text, at_most=40):
    found = worlds.journal.wait(lambda e: text in str(e.detail.get("text")), 0, at_most)
    assert found, text


def test_a_team_gets_from_nothing_to_an_answer_by_the_steps_of_the_readme(worlds, tmp_path):
    make_repository(worlds, tmp_path)
    give_rights(worlds)
    variables = settings(worlds)
    act(worlds, "app_settings", socket_mode=True, events=["app_mention"])
    hook = f"http://127.0.0.1:{variables['LEADLINE_PORT']}/github/webhook"
    act(worlds, "hook_add", url=hook, secret="hush")
    with subprocess.Popen(
        [BIN / "leadline", "run"],
        env={"PATH": os.environ["PATH"], "GITHUB_WEBHOOK_SECRET": "hush"} | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        ready = {word for _, word in zip(range(3), readies(process), strict=False)}
        threading.Thread(target=process.stderr.read, daemon=True).start()  # so that it never fills
        assert act(worlds, "type", text="whoami")["status"] == 200
        act(worlds, "type", text="deploy qwen3-32b sglang")
        follow(worlds, "opened: deploy(staging/qwen3-32b-sglang)")
        act(worlds, "review", number=1)
        follow(worlds, "bob approved")
        act(worlds, "merge", number=1)
        follow(worlds, "*Serving*")
        act(worlds, "type", text="ask qwen3-32b-sglang 測試一下")
        follow(worlds, "<@U0ALICE> asked *qwen3-32b-sglang*: “測試一下”")
        process.terminate()
        assert process.wait(10) == 0

    assert ready == {"serve", "work", "watch"}


def readies(process):
    for line in process.stderr:
        if found := re.search(r" ready role=(\w+)", line):
            yield found[1]
