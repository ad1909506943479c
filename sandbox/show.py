"""What the verb `sandbox` does: plays the story, or stays until it is interrupted."""

import shutil
import signal
import threading
from pathlib import Path

from gitops.errors import UsageError
from sandbox.leadline import running
from sandbox.story import Cast, Print, tell
from sandbox.worlds import sandbox

CASTS = (Cast("sglang", "qwen3-32b-sglang"), Cast("vllm", "qwen3-32b-vllm"))


def story(folder: Path, rate: float, out: Print) -> None:
    """Play the story with SGLang, then with vLLM.

    Raises:
        StoryError: something that the story tells did not happen.
    """
    with sandbox(_fresh(folder), rate) as worlds, running(worlds):
        for cast in CASTS:
            out(f"\n── Qwen3-32B with {cast.engine} over two 1-GPU nodes ──")
            tell(worlds, cast, out)
    out("\nThe whole loop ran: Slack → plan → overlay → pull request → rollout → ask → recovery.")


def stay(folder: Path, rate: float, out: Print) -> None:
    """Run the worlds, print the settings that lead to them, and stay until interrupted."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with sandbox(_fresh(folder), rate) as worlds:
        file = folder / "environment"
        lines = [f"export {key}={value}" for key, value in sorted(worlds.environment.items())]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        out("\n".join(lines))
        out(f"# the same in {file}; run `. {file}; leadline run` beside this, end with Ctrl-C")
        ended.wait()


def _fresh(folder: Path) -> Path:
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
