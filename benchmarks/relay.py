"""Script: what the relay costs from an engine's bytes to text: CPU a token, and the first token.

An engine that says what it is told, as a process of its own, streams 4,000 tokens as events of 300
bytes; each way reads the same stream in turn, in this process, so machines and noise are the same:

bare     a socket and `in`: nothing is decoded; what the first token takes at the least
relay    bot.relay.openai: an event becomes a Piece, reasoning parted, limits kept
openai   openai-python's own loop over the same call
litellm  openai-python's loop through a LiteLLM proxy: its process's CPU only, the loop is not in it

CPU is user and system time. Slack's calls are apart: `--slack` sends the relay's text through the
Stream adapter to the sandbox's Slack and counts calls and the CPU of this side. The run fails where
a target is missed: the relay takes at most 15 µs a token and adds at most 3 ms to the first.
"""

import contextlib
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import openai

from bot.chat import Person, Place
from bot.notice import Footer
from bot.relay import Address, Question
from bot.relay.openai import OpenAIEndpoint
from bot.slack.client import SlackChat
from gitops.clock import SystemClock

PER_TOKEN = 15.0
"""Most CPU of the relay, in µs a token."""

FIRST = 3.0
"""Most that the relay adds to the first token, in ms of wall time, as the median."""

MODEL = "qwen3-32b"

ENGINE = """
import json, re, socket, sys, threading
tokens = int(sys.argv[1])
head = {"id": "chatcmpl-" + "0" * 32, "object": "chat.completion.chunk", "created": 1732000000,
        "model": "qwen3-32b"}
def sent(body):
    data = b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\\n\\n"
    return b"%x\\r\\n%s\\r\\n" % (len(data), data)
def chunk(text, reason=None):
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": reason}
    body = {**head, "choices": [choice], "token_ids": None}
    body["pad"] = "x" * max(0, 300 - len(sent(body)))
    return sent(body)
usage = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": tokens + 9}
words = [chunk(f"w{number % 100:02} ") for number in range(tokens - 1)]
last = chunk("end", "stop") + sent({**head, "choices": [], "usage": usage})
done = b"e\\r\\ndata: [DONE]\\n\\n\\r\\n0\\r\\n\\r\\n"
def serve(connection):
    data = b""
    while b"\\r\\n\\r\\n" not in data:
        data += connection.recv(65536)
    top, _, body = data.partition(b"\\r\\n\\r\\n")
    lengths = [line for line in top.lower().split(b"\\r\\n") if line.startswith(b"content-length")]
    while lengths and len(body) < int(lengths[0].split(b":")[1]):
        body += connection.recv(65536)
    while b"chunked" in top.lower() and not body.endswith(b"0\\r\\n\\r\\n"):
        body += connection.recv(65536)
    wanted = re.search(rb'"max_tokens": ?(\\d+)', body)
    if not wanted:
        connection.sendall(b"HTTP/1.1 404 Not Found\\r\\nContent-Length: 0\\r\\n\\r\\n")
        return connection.close()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\n"
                       b"Transfer-Encoding: chunked\\r\\n\\r\\n")
    short = int(wanted[1]) < tokens
    for word in words[:20] if short else words:
        connection.sendall(word)
    connection.sendall(last + done)
    connection.close()
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""

Ask = Callable[[int], Iterator[str]]
"""Asks for so many tokens and yields texts as they come."""


@dataclass(slots=True)
class Cost:
    """What one way cost: µs of CPU a token of each long answer, ms to the first of short ones."""

    cpu: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)


@click.command()
@click.option("--tokens", default=4_000, show_default=True)
@click.option("--rounds", default=5, show_default=True, help="Long answers of each way.")
@click.option("--firsts", default=40, show_default=True, help="Short answers of each way.")
@click.option("--litellm", type=click.Path(exists=True), help="The proxy's program, `litellm`.")
@click.option("--slack", is_flag=True, help="Also count what showing an answer in Slack takes.")
def main(tokens: int, rounds: int, firsts: int, litellm: str | None, *, slack: bool) -> None:
    """Measure all ways in turns, print a table, and fail where a target is missed."""
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(engine(tokens))
        base = f"http://127.0.0.1:{port}/v1"
        ways: dict[str, Ask] = {"bare": bare(port), "relay": relay(base), "openai": loop(base)}
        clocks = dict.fromkeys(ways, time.process_time)
        if litellm:
            key = f"sk-{secrets.token_hex(24)}"
            proxy, process = stack.enter_context(litellm_proxy(litellm, base, key))
            ways["litellm"] = loop(proxy, key)
            clocks["litellm"] = lambda: cpu_of(process)
        costs = measure(ways, clocks, tokens, rounds, firsts)
        fine = report(costs)
        if slack:
            show_in_slack(ways["relay"], tokens)
    if not fine:
        raise SystemExit(1)


def measure(
    ways: dict[str, Ask],
    clocks: dict[str, Callable[[], float]],
    tokens: int,
    rounds: int,
    firsts: int,
) -> dict[str, Cost]:
    """Run every way once to warm up, then all of them in turns."""
    costs = {name: Cost() for name in ways}
    for ask in ways.values():
        list(ask(tokens))
    for _ in range(rounds):
        for name, ask in ways.items():
            before = clocks[name]()
            text = "".join(ask(tokens))
            costs[name].cpu.append((clocks[name]() - before) / tokens * 1e6)
            if name != "bare" and len(text) < tokens * 4 - 10:
                raise SystemExit(f"{name}: the text is not whole: {len(text)} characters")
    for _ in range(firsts):
        for name, ask in ways.items():
            begun = time.perf_counter()
            answer = ask(20)
            next(answer)
            costs[name].first.append((time.perf_counter() - begun) * 1000)
            list(answer)
    return costs


def report(costs: dict[str, Cost]) -> bool:
    """Print the table; return whether the targets are met."""
    ours, floor = costs["relay"], statistics.median(costs["bare"].first)
    row("", "CPU µs a token", "of the relay's", "first, ms p50", "added to bare")
    for name, cost in costs.items():
        cpu, first = statistics.median(cost.cpu), statistics.median(cost.first)
        ratio = cpu / statistics.median(ours.cpu)
        row(name, f"{cpu:.1f}", f"{ratio:.1f}x", f"{first:.2f}", f"{first - floor:.2f}")
    added = statistics.median(ours.first) - floor
    return statistics.median(ours.cpu) <= PER_TOKEN and added <= FIRST


def row(*cells: str) -> None:
    """Print one line of the table."""
    print("".join(cell.ljust(18) for cell in cells))


@contextlib.contextmanager
def engine(tokens: int) -> Iterator[int]:
    """Run the engine that says what it is told; give its port."""
    command = [sys.executable, "-c", ENGINE, str(tokens)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own text
        assert process.stdout  # noqa: S101 - for mypy: it is a pipe
        yield int(process.stdout.readline())
        process.kill()


def bare(port: int) -> Ask:
    """Return a reader of the socket that looks for nothing but the end."""

    def ask(tokens: int) -> Iterator[str]:
        body = json.dumps({"max_tokens": tokens}).encode()
        with socket.create_connection(("127.0.0.1", port)) as connection:
            head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            while data := connection.recv(65536):
                if b"data:" in data:
                    yield ""

    return ask


class Direct:
    """The Route port to one address."""

    def __init__(self, base: str) -> None:
        self._base = base

    def address(self, host: str, api_key: str) -> Address:  # noqa: ARG002 - as the port has it
        """Return the address."""
        return Address(self._base)


def relay(base: str) -> Ask:
    """Return our own way."""
    endpoint = OpenAIEndpoint(Direct(base))

    def ask(tokens: int) -> Iterator[str]:
        for piece in endpoint.stream("engine", MODEL, Question("hi", tokens)):
            if piece.text:
                yield piece.text

    return ask


def loop(base: str, key: str = "none") -> Ask:
    """Return openai-python's way."""
    client = openai.OpenAI(base_url=base, api_key=key, max_retries=0, timeout=60)

    def ask(tokens: int) -> Iterator[str]:
        stream = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "hi"}],
            max_tokens=tokens,
            stream=True,
            stream_options={"include_usage": True},
        )
        for chunk in stream:
            for choice in chunk.choices:
                if choice.delta.content:
                    yield choice.delta.content

    return ask


@contextlib.contextmanager
def litellm_proxy(program: str, base: str, key: str) -> Iterator[tuple[str, int]]:
    """Run a LiteLLM proxy before the engine; give its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    wanted: dict[str, Any] = {"model": f"openai/{MODEL}", "api_base": base, "api_key": "none"}
    config = {
        "model_list": [{"model_name": MODEL, "litellm_params": wanted}],
        "general_settings": {"master_key": key},
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_text(json.dumps(config), "utf-8")  # JSON is YAML
        command = [program, "--config", str(file), "--port", str(port), "--host", "127.0.0.1"]
        environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # noqa: TID251 - the proxy's own
        with subprocess.Popen(  # noqa: S603 - the program that the caller named
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        ) as process:
            try:
                wait_for(f"http://127.0.0.1:{port}/health/liveliness")
                yield f"http://127.0.0.1:{port}/v1", process.pid
            finally:
                process.kill()


def wait_for(url: str) -> None:
    """Wait for an answer, a minute at most."""
    for _ in range(120):
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own address
            return
        threading.Event().wait(0.5)
    raise SystemExit(f"{url}: no answer")


def cpu_of(process: int) -> float:
    """Return the CPU seconds of a process, its threads included, from /proc."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show_in_slack(ask: Ask, tokens: int) -> None:
    """Show one answer, of 40 tokens a second, in the sandbox's Slack; print what that took."""
    from tests.sandbox.test_slack_bench import OPS, TEAM, Slack  # noqa: PLC0415 - only with --slack

    texts = list(ask(tokens))[: 40 * 10]
    with Slack().served() as slack:
        clock = SystemClock()
        root = slack.client.chat_postMessage(channel=OPS, text="question")["ts"]
        person = Person("U0ALICE", TEAM.id)
        begun = time.thread_time()
        with SlackChat(slack.client, clock).stream(Place(OPS, root), person) as stream:
            for text in texts:
                stream.append(text)
                threading.Event().wait(1 / 40)
            stream.end(Footer(MODEL, 0.1, len(texts), 40.0, "stop"))
        spent = time.thread_time() - begun
        [shown] = [m for m in slack.workspace.messages(OPS) if m["ts"] != root]
        calls = len(slack.heard("chat.appendStream")) + 2
    whole = shown["text"] == "".join(texts)
    print(
        f"slack: {calls} calls for {len(texts)} tokens in 10 s, {spent / len(texts) * 1e6:.0f} µs"
    )
    print(f"       of CPU a token in the asking thread, waits included; text whole: {whole}")


if __name__ == "__main__":
    main()
