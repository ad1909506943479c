"""The whole loop over real sockets, asserted on the stores of the worlds, not on printed text."""

import secrets
import subprocess

import pytest

from gitops.documents import load_mapping
from sandbox.faults import Fault
from sandbox.leadline import running
from sandbox.story import Cast, StoryError, tell
from sandbox.worlds import ALICE, BOB, CHANNEL

LABEL = "leaderworkerset.sigs.k8s.io"


def git(worlds, *words):
    command = ["git", "-C", str(worlds.repository), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("engine", ["sglang", "vllm"])
def test_a_model_goes_from_a_typed_line_to_serving_asking_and_recovery(worlds, leadline, engine):
    name = f"m{secrets.token_hex(4)}"
    prompt = f"測試 {secrets.token_hex(6)}"
    cast = Cast(engine, name, prompt, groups=2, options=f"{name} --replicas 2")

    tell(worlds, cast, out=lambda line: None)

    check_repository(worlds, name, engine)
    check_cluster(worlds, name)
    check_slack(worlds, name, prompt)
    check_engine(worlds, name, prompt)
    assert not [line for line in leadline.said if "Traceback" in line]


def check_repository(worlds, name, engine):
    folder = f"overlays/example/{name}"
    files = git(worlds, "ls-tree", "-r", "--name-only", "main", folder).split()
    assert files == [
        f"{folder}/{file}"
        for file in (
            "custom/kustomization.yaml",
            "kustomization.yaml",
            "leaderworkerset.yaml",
            "llm.yaml",
            "service.yaml",
        )
    ]
    source = load_mapping(git(worlds, "show", f"main:{folder}/llm.yaml"), "llm.yaml")
    assert (source["engine"], source["replicas"], source["size"]) == (engine, 2, 2)
    authors = git(worlds, "log", "--format=%an", "main", "--", folder).split("\n")
    assert "leadline[bot]" in authors
    [pull] = worlds.github.state()["pulls"]
    assert (pull["state"], pull["merged_by"], pull["base"]) == ("closed", "bob", "main")


def check_cluster(worlds, name):
    state = worlds.cluster.state()
    lws = state["leaderworkersets"][f"default/{name}"]
    [said] = [
        line
        for line in git(worlds, "log", "--format=%B", "main").splitlines()
        if line.startswith("Desired-State: ")
    ]
    assert said == f"Desired-State: {lws['metadata']['annotations']['leadline/desired-state']}"
    pods = [
        pod
        for pod in state["pods"].values()
        if pod["metadata"].get("labels", {}).get(f"{LABEL}/name") == name
    ]
    assert sorted(pod["metadata"]["name"] for pod in pods) == [
        f"{name}-0", f"{name}-0-1", f"{name}-1", f"{name}-1-1",
    ]  # fmt: skip
    assert f"default/{name}-leader" in state["services"]


def check_slack(worlds, name, prompt):
    messages = worlds.slack.messages(CHANNEL)
    roots = [m for m in messages if not m["thread_ts"] or m["thread_ts"] == m["ts"]]
    card, question = roots
    assert card["text"].startswith(f"{name} · ")
    assert card["edited"] > 0
    thread = [m["text"] for m in messages if m["thread_ts"] == card["ts"] and m is not card]
    phases = [text for text in thread if text.startswith(":hourglass_flowing_sand:")]
    starts = (":mag: Plan", ":memo:", ":twisted_rightwards_arrows:", ":gear:",
              ":white_check_mark: Group", ":large_green_circle: *Serving*", ":warning:",
              ":large_green_circle: Group 1 recovered")  # fmt: skip
    told = [text for text in thread if text not in phases]
    assert len(told) == len(starts)
    for text, start in zip(told, starts, strict=True):
        assert text.startswith(start)
    assert "1/2 groups proved" in told[4]
    assert "2/2 groups answered" in told[5]
    assert f"worker 1 ({name}-1-1): OOMKilled (exit 137)" in told[6]
    assert len(phases) == len(set(phases)) >= 2
    assert "loading weights" in phases[-1] or "ranks joining" in phases[-1]
    assert prompt in question["text"]
    [answer] = [m for m in messages if m["thread_ts"] == question["ts"] and m is not question]
    assert not answer["streaming"]
    assert prompt in answer["text"]


def check_engine(worlds, name, prompt):
    asked = [
        entry.detail
        for entry in worlds.journal.entries()
        if entry.call == "POST chat/completions" and entry.detail["prompt"] == prompt
    ]
    assert len(asked) == 1
    guide = {"max_tokens": 30, "temperature": 0.7, "top_p": 0.9, "seed": 10, "stream": True}
    assert {key: asked[0][key] for key in guide} == guide
    assert asked[0]["host"].startswith(f"{name}-leader.default.svc")


@pytest.mark.parametrize(
    ("world", "call", "nth", "missed"),
    [
        ("github", "POST git/refs", 1, "branching"),
        ("github", "POST pulls", 1, "opening"),
        ("slack", r"chat\.postMessage", 1, "the card"),
        ("slack", r"chat\.postMessage", 2, "the thread"),
        ("cluster", "APPLY leaderworkersets", 1, "applying"),
        ("slack", r"chat\.startStream", 1, "the stream"),
        ("slack", r"chat\.stopStream", 1, "the answer"),
    ],
)
def test_the_story_ends_with_an_error_when_one_request_never_arrives(
    worlds, world, call, nth, missed
):
    worlds.faults.arm(Fault(world, call, "before", "drop", nth=nth, times=100))

    with running(worlds), pytest.raises(StoryError, match=f"^{missed}: "):
        tell(worlds, Cast("sglang", "qwen3-32b-sglang"), lambda line: None, at_most=4)


def test_a_command_typed_in_a_thread_of_two_people_is_one_persons(worlds, leadline):
    worlds.type("help", ALICE)
    worlds.type("help", BOB)

    worlds.journal.wait(lambda e: e.call == "chat.postEphemeral" and e.detail["user"] == BOB)

    shown = [e for e in worlds.slack.state()["ephemerals"] if e["source"] == "chat.postEphemeral"]
    assert [e["user"] for e in shown] == [ALICE, BOB]
    assert all("/llm deploy" in e["text"] for e in shown)
