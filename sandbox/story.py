"""The story of the demo: people type, merge and lose a worker; each line is what a server received.

Nothing is printed that a world did not see: every line waits for its journal entry, and an entry
that does not come ends the story with an error.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.journal import Entry
from sandbox.worlds import BOB, Sandbox

Print = Callable[[str], None]


class StoryError(Exception):
    """Something that the story tells did not happen."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Cast:
    """What one deployment of the story is about."""

    engine: str
    name: str
    prompt: str = "測試一下"
    groups: int = 1
    options: str = ""


@dataclass(slots=True)
class Teller:
    """Tells one story: waits for entries above `since`, in order, and prints a line each."""

    sandbox: Sandbox
    print: Print
    at_most: float = 20.0
    since: int = 0

    def expect(self, what: str, world: str, call: str, **wanted: object) -> dict[str, Any]:
        """Return the detail of the next entry that matches; texts match as regular expressions.

        Raises:
            StoryError: no such entry within `at_most` real seconds.
        """

        def matches(entry: Entry) -> bool:
            return (entry.world, entry.call) == (world, call) and all(
                _is(entry.detail.get(key), value) for key, value in wanted.items()
            )

        entry = self.sandbox.journal.wait(matches, self.since, self.at_most)
        if entry is None:
            raise StoryError(f"{what}: no {world} {call} {wanted} within {self.at_most:.0f} s")
        self.since = entry.number
        return dict(entry.detail)

    def tell(self, who: str, line: str) -> None:
        """Print one line of the story."""
        self.print(f"{who:>9} │ {html.unescape(line)}")


def tell(sandbox: Sandbox, cast: Cast, out: Print, at_most: float = 20.0) -> None:
    """Play and tell the story of one deployment, from the typed command to the recovery.

    Raises:
        StoryError: something that should happen did not.
    """
    teller = Teller(sandbox, out, at_most, len(sandbox.journal.entries()))
    number = _propose(teller, cast)
    _roll_out(teller, cast, number)
    _ask(teller, cast)
    _lose_a_worker(teller, cast)


def _propose(teller: Teller, cast: Cast) -> int:
    at = teller.since
    teller.sandbox.type(f"deploy qwen3-32b {cast.engine} {cast.options}".strip())
    typed = teller.expect("typing", "slack", "command.delivered", ok=True, text="deploy .*")
    teller.tell("alice", f"types {typed['command']} {typed['text']}")
    teller.tell("Leadline", f"acknowledges: HTTP {typed['status']}")
    teller.since = at  # the worker is fast: its calls may stand before the acknowledgement
    ref = f"refs/heads/llm/[a-z]+/{cast.name}"
    made = teller.expect("branching", "github", "POST git/refs", ok=True, sent={"ref": ref})
    teller.tell("GitHub", f"has branch {made['sent']['ref']} at {made['sent']['sha'][:7]}")
    pull = teller.expect("opening", "github", "POST pulls", ok=True)
    teller.tell("GitHub", f"has pull request #{pull['number']}: {pull['sent']['title']}")
    card = teller.expect("the card", "slack", "chat.postMessage", ok=True, text=f"{cast.name} .*")
    teller.tell("Slack", f"shows the card: {card['text']}")
    said = teller.expect(
        "the thread", "slack", "chat.postMessage", ok=True, thread_ts=card["ts"], text=".*opened.*"
    )
    link = re.search(r"<(\S+?)\|", said["text"])
    lines = said["blocks"][1]["text"]["text"].splitlines()
    teller.tell("Slack", f"thread: pull request {link[1] if link else 'without a link'}")
    teller.tell("Slack", f"thread: overlay diff of {len(lines)} lines, {lines[2]} …")
    return int(pull["number"])


def _roll_out(teller: Teller, cast: Cast, number: int) -> None:
    teller.sandbox.merge(number)
    merged = teller.expect("merging", "github", f"PUT pulls/{number}/merge", ok=True)
    teller.tell(merged["by"], f"merges pull request #{number}: main is {merged['sha'][:7]}")
    synced = teller.expect("applying", "agent", "synced", revision=merged["sha"])
    teller.tell("agent", f"builds and applies {len(synced['applied'])} objects")
    at = teller.since
    for group in range(cast.groups):
        teller.since = at
        teller.expect("starting", "cluster", "pod.ready", name=f"{cast.name}-{group}")
        teller.tell("cluster", f"pod {cast.name}-{group}, the leader, is ready")
    teller.since = at
    proof = teller.expect(
        "proving", "engine", "POST chat/completions", host=rf"{cast.name}-\d+\.{cast.name}\..*"
    )
    teller.tell("engine", f"answers {proof['prompt']!r} as proof, at {proof['host']}")
    said = teller.expect("serving", "slack", "chat.postMessage", ok=True, text=".*Serving.*")
    teller.tell("Slack", f"thread: {said['text']}")
    card = teller.expect(
        "the card", "slack", "chat.update", ok=True, text=f"{cast.name} · serving.*"
    )
    for block in card["blocks"][2:-1]:
        teller.tell("Slack", f"card: {block['elements'][0]['text']}")


def _ask(teller: Teller, cast: Cast) -> None:
    teller.sandbox.type(f"ask {cast.name} {cast.prompt}", BOB)
    at = teller.since
    typed = teller.expect("asking", "slack", "command.delivered", ok=True, text="ask .*")
    teller.tell("bob", f"types {typed['command']} {typed['text']}")
    teller.since = at
    started = teller.expect("the stream", "slack", "chat.startStream", ok=True)
    asked = teller.expect(
        "the question", "engine", "POST chat/completions", host=f"{cast.name}-leader.*"
    )
    settings = ("max_tokens", "temperature", "top_p", "seed")
    parameters = ", ".join(f"{key} {asked[key]}" for key in settings)
    teller.tell("engine", f"is asked {asked['prompt']!r} ({parameters})")
    grown = teller.expect("the answer", "slack", "chat.appendStream", ok=True, ts=started["ts"])
    teller.tell("Slack", f"streams: {' '.join(grown['markdown_text'].split())[:70]} …")
    ended = teller.expect("the end", "slack", "chat.stopStream", ok=True, ts=started["ts"])
    teller.tell("Slack", f"footer: {ended['blocks'][0]['text']['text']}")


def _lose_a_worker(teller: Teller, cast: Cast) -> None:
    worker = f"{cast.name}-{cast.groups - 1}-1"
    teller.sandbox.cluster.kill("default", worker)
    died = teller.expect("dying", "cluster", "pod.died", name=worker)
    teller.tell("cluster", f"pod {died['name']} dies: {died['reason']} (exit {died['exit_code']})")
    said = teller.expect(
        "the restart", "slack", "chat.postMessage", ok=True, text=".*was recreated.*"
    )
    teller.tell("Slack", f"thread: {said['text']}")
    said = teller.expect("the recovery", "slack", "chat.postMessage", ok=True, text=".*recovered.*")
    teller.tell("Slack", f"thread: {said['text']}")


def _is(value: object, wanted: object) -> bool:
    if isinstance(wanted, dict) and isinstance(value, dict):
        return all(_is(value.get(key), inner) for key, inner in wanted.items())
    if isinstance(wanted, str) and isinstance(value, str):
        return bool(re.fullmatch(wanted, value, re.DOTALL))
    return value == wanted
