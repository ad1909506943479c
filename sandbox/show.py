"""What the verb `sandbox` does: plays a story, or stays until it is interrupted."""

import contextlib
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitops.errors import UsageError
from gitops.files import text_of
from sandbox import environments, stories
from sandbox.leadline import running
from sandbox.script import Player, Print, read
from sandbox.script.player import verbs
from sandbox.setup import Setup
from sandbox.story import Cast, tell
from sandbox.worlds import Sandbox, sandbox

CASTS = (Cast("sglang", "qwen3-32b-sglang"), Cast("vllm", "qwen3-32b-vllm"))
_GLANCE = 0.2  # real seconds between two looks whether it should end
_STOPPED = 128 + signal.SIGTERM  # what a shell calls a process that SIGTERM ended


def story(folder: Path, rate: float, setup: Setup, out: Print) -> None:
    """Play the story with SGLang, then with vLLM.

    Raises:
        StoryError: something that the story tells did not happen.
    """
    with _ended_by_sigterm(), sandbox(fresh(folder), rate, setup=setup) as worlds, running(worlds):
        for cast in CASTS:
            out("")
            tell(worlds, cast, out)
    out("\nThe whole loop ran: Slack → plan → overlay → pull request → rollout → ask → recovery.")


@dataclass(frozen=True, slots=True)
class Script:
    """A story to play: a file or the name of one that travels along, its values, and with whom."""

    name: str
    values: Mapping[str, str | int]
    with_leadline: bool = True

    @property
    def path(self) -> Path:
        """Return the file.

        Raises:
            UsageError: there is none of that name.
        """
        if Path(self.name).is_file():
            return Path(self.name)
        if self.name not in stories.names():
            raise UsageError(
                f"no file {self.name}; the stories that travel along: {', '.join(stories.names())}"
            )
        return stories.path(self.name)


def script(folder: Path, rate: float, setup: Setup, wanted: Script, out: Print) -> None:
    """Play a story on a sandbox of its own.

    Raises:
        StoryError: a step did not hold.
        InvalidRequestError: the file is no story.
    """
    text = text_of(wanted.path)
    with _ended_by_sigterm(), sandbox(fresh(folder), rate, setup=setup) as worlds:
        told = read(text, str(wanted.path), verbs(worlds), wanted.values)
        with running(worlds) if wanted.with_leadline else contextlib.nullcontext():
            Player(worlds, out).play(told)
    out(f"{wanted.path}: all {len(told.lines)} steps held")


def stay(folder: Path, rate: float, setup: Setup, out: Print) -> None:
    """Run the worlds, print where they are, and stay until SIGINT or SIGTERM."""
    ended: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.append(1))  # no lock: it may strike anywhere
    with sandbox(fresh(folder), rate, setup=setup) as worlds:
        files = environments.write(worlds)
        for line in _directions(worlds, files):
            out(line)
        pause = threading.Event()
        while not ended:  # a signal that another thread took does not end a wait of this one
            pause.wait(_GLANCE)
    out("stopped")


def _directions(worlds: Sandbox, files: Mapping[str, Path]) -> Iterator[str]:
    """Yield where everything listens, and which file leads which client there."""
    for name, address in worlds.addresses.items():
        yield f"{name:9} {address}"
    yield ""
    for client, file in files.items():
        yield f". {file}  # for {_FOR[client]}"
    yield ""
    yield f"ready; {worlds.addresses['control']} lists what can be done; end with Ctrl-C"


_FOR = {
    "leadline": "leadline run",
    "slack": "the Slack SDKs, as the app",
    "git": "git clone https://github.com/acme/gitops.git, as bob",
    "kubectl": "kubectl get lws,pods,svc, with all rights",
    "curl": "curl of GitHub, Slack, the control API and, by their names, of engines",
    "openai": "the openai client, once qwen3-32b-sglang serves",
}


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as an exception does, so that nothing is left running."""

    def end(*_: object) -> None:
        sys.exit(_STOPPED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def fresh(folder: Path) -> Path:
    """Return the folder, empty: a sandbox keeps nothing from the one before.

    Raises:
        UsageError: the folder holds something that no sandbox made.
    """
    marker = folder / ".sandbox"
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise UsageError(f"{folder} is not empty and no sandbox made it; name another")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    marker.touch()
    return folder.resolve()
