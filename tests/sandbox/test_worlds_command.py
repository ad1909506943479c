"""`leadline sandbox` as a process: what it prints, how it ends, what it leaves."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

LEADLINE = Path(sys.executable).with_name("leadline")


@contextlib.contextmanager
def started(tmp_path, *words):
    """Run the command for the length of a block; it never outlives the test."""
    process = subprocess.Popen(
        [LEADLINE, "sandbox", *words, str(tmp_path / "box")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def run(tmp_path, *words):
    with started(tmp_path, *words) as process:
        out, error = process.communicate(timeout=60)
    return process.returncode, out, error


def listening(address):
    host = address.rpartition("//")[2].partition("/")[0]
    name, _, port = host.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((name, int(port))) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stays_prints_where_it_is_and_stops_cleanly(tmp_path, number):
    with started(tmp_path) as process:
        said = [process.stdout.readline().strip()]
        while not said[-1].startswith("ready; "):
            said.append(process.stdout.readline().strip())
        addresses = dict(line.split() for line in said if len(line.split()) == 2)
        control = said[-1].removeprefix("ready; ").split()[0]
        with urllib.request.urlopen(control) as answer:
            root = json.load(answer)
        live = [name for name, address in addresses.items() if listening(address)]
        process.send_signal(number)
        out, error = process.communicate(timeout=20)

    assert root["addresses"] == addresses
    assert sorted(live) == sorted(set(addresses) - {"leadline"})
    assert (process.returncode, out, error) == (0, "stopped\n", "")
    assert [name for name, address in addresses.items() if listening(address)] == []
    named = [Path(line.split()[1]) for line in said if line.startswith(". ")]
    assert [file.name for file in named if file.is_file()] == [
        "environment", "environment.slack", "environment.git", "environment.kubectl",
        "environment.curl", "environment.openai",
    ]  # fmt: skip


def test_a_folder_that_no_sandbox_made_is_refused(tmp_path):
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "thesis.txt").write_text("years")

    code, out, error = run(tmp_path)

    assert (code, out) == (2, "")
    assert "is not empty and no sandbox made it; name another" in error
    assert (tmp_path / "box" / "thesis.txt").read_text() == "years"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--lws", "v1.0.0"], "'v1.0.0' is not one of 'v0.10.0'"),
        (["--agent", "jenkins"], "'jenkins' is not one of 'argocd', 'flux'"),
        (["--nodes", "0"], "0 is not in the range"),
        (["--story", "--script", "demo"], "choose one"),
        (["--script", "nothing.yaml"], "no file nothing.yaml; the stories that travel along: "),
        (["--script", "demo", "--set", "name"], "--set name: expected NAME=VALUE"),
    ],
)
def test_a_command_line_that_says_nothing_clear_ends_with_2(tmp_path, words, said):
    code, _, error = run(tmp_path, *words)

    assert code == 2
    assert said in error


def script(tmp_path, text):
    file = tmp_path / "story.yaml"
    file.write_text(text)
    return str(file)


def test_a_story_whose_steps_hold_ends_with_0(tmp_path):
    file = script(
        tmp_path,
        "title: ${what} is pushed\nwith: {what: something}\nsteps:\n"
        "  - push: main\n    files: {a.txt: '${what}'}\n    keep: {sha: .}\n"
        "  - wait: {state: agent.synced_revision, is: '${sha}'}\n",
    )
    code, out, error = run(tmp_path, "--script", file, "--without-leadline", "--set", "what=it")

    assert (code, error) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "── it is pushed ──"
    assert lines[-1] == f"{file}: all 2 steps held"


def test_a_story_whose_step_does_not_hold_ends_with_1_and_the_line(tmp_path):
    file = script(tmp_path, "steps:\n  - say: hi\n  - expect: {state: github.pulls.*, count: 1}\n")
    code, out, error = run(tmp_path, "--script", file, "--without-leadline")

    assert code == 1
    assert out == "hi\n"
    assert error == ("leadline: line 3: expect: wanted 1 × github.pulls.*; there was 0 × nothing\n")


def test_a_story_that_is_none_ends_with_1_before_anything_is_played(tmp_path):
    file = script(tmp_path, "steps:\n  - say: hi\n  - wiat: {state: github}\n")
    code, out, error = run(tmp_path, "--script", file)

    assert (code, out) == (1, "")
    assert error == f"leadline: {file}: line 3: no verb 'wiat'; did you mean wait?\n"


@pytest.mark.parametrize("name", ["approval", "no-room"])
def test_a_story_that_travels_along_holds_with_leadline(tmp_path, name):
    code, out, error = run(tmp_path, "--script", name, "--rate", "20")

    assert (code, error) == (0, ""), out
    assert "steps held" in out


def test_sigterm_in_a_story_leaves_no_leadline_running(tmp_path):
    file = script(tmp_path, "steps:\n  - say: begun\n  - wait: {state: github.pulls.*}\n")
    with started(tmp_path, "--script", file) as process:
        assert process.stdout.readline() == "begun\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        handles = [handle for child in children if (handle := handle_of(int(child)))]
        process.terminate()
        process.communicate(timeout=60)
    ended = [bool(select.select([handle], [], [], 5)[0]) for handle in handles]
    for handle in handles:
        os.close(handle)

    assert process.returncode == 128 + signal.SIGTERM
    assert len(children) >= 3  # and perhaps a kustomize of the agent
    assert ended == [True] * len(handles)


def handle_of(pid):
    """Return what becomes readable when a process ends; None if it has."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
