"""What one engine counts while it works, and the text of its /metrics.

Sources: the metrics of vLLM 0.10.0 to 0.32.0 and SGLang 0.4.10.post2; the exposition format of
Prometheus. Only the series that Leadline reads are here, under each engine's own names.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandbox.engine.profile import Profile

KV_TOKENS = 131_072
"""Tokens that the KV cache holds, as the sandbox's engines log it."""

MIMETYPE = "text/plain; version=1.0.0; charset=utf-8"

_EDGES = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5)
_LAST_GPU_USAGE = (0, 10, 0)
_LOOK = 0.1  # real seconds between two looks at a caller who waits for a seat


class Meter:
    """The counts of one engine's life: a restarted engine has a new one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._waiting = 0
        self._held = 0
        self._prompt_tokens = 0
        self._generated = 0
        self._firsts: list[float] = []

    @contextmanager
    def seat(
        self, profile: Profile, prompt_tokens: int, stay: Callable[[], None]
    ) -> Iterator[None]:
        """Hold one of the places of running requests, after a wait for it."""
        self._sit(profile.seats, prompt_tokens, stay)
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._held -= prompt_tokens
                self._changed.notify_all()

    def first(self, seconds: float) -> None:
        """Count the time that a first token took."""
        with self._changed:
            self._firsts.append(seconds)

    def token(self) -> None:
        """Count a token."""
        with self._changed:
            self._generated += 1

    def state(self) -> dict[str, int]:
        """Return how many requests run and wait."""
        with self._changed:
            return {"running": self._running, "waiting": self._waiting}

    def _sit(self, seats: int, prompt_tokens: int, stay: Callable[[], None]) -> None:
        with self._changed:
            self._waiting += 1
            try:
                while self._running >= seats:
                    self._changed.wait(_LOOK)
                    stay()
                self._running += 1
                self._held += prompt_tokens
                self._prompt_tokens += prompt_tokens
            finally:
                self._waiting -= 1

    def text(self, profile: Profile) -> str:
        """Return the counts in Prometheus' exposition format."""
        with self._changed:
            usage = min(1.0, self._held / KV_TOKENS)
            names = _NAMES[profile.flavour]
            lines = [
                *_single(profile, names[0], "gauge", self._running),
                *_single(profile, names[1], "gauge", self._waiting),
                *_single(profile, names[2], "gauge", usage),
                *_single(profile, f"{profile.flavour}:prompt_tokens_total", "counter",
                         self._prompt_tokens),
                *_single(profile, f"{profile.flavour}:generation_tokens_total", "counter",
                         self._generated),
                *_histogram(profile, self._firsts),
            ]  # fmt: skip
        if profile.vllm and profile.version <= _LAST_GPU_USAGE:
            lines += _single(profile, "vllm:gpu_cache_usage_perc", "gauge", usage)
        return "\n".join([*lines, ""])


_NAMES = {
    "vllm": ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"),
    "sglang": ("sglang:num_running_reqs", "sglang:num_queue_reqs", "sglang:token_usage"),
}


def _labels(profile: Profile, **more: str) -> str:
    engine = {"engine": "0"} if profile.vllm else {}
    found = {**engine, **more, "model_name": profile.model}
    escaped = {
        name: value.replace("\\", r"\\").replace('"', r"\"") for name, value in found.items()
    }
    return ",".join(f'{name}="{value}"' for name, value in escaped.items())


def _single(profile: Profile, name: str, kind: str, value: float) -> list[str]:
    return [f"# TYPE {name} {kind}", f"{name}{{{_labels(profile)}}} {float(value)}"]


def _histogram(profile: Profile, seen: list[float]) -> list[str]:
    name = f"{profile.flavour}:time_to_first_token_seconds"
    lines = [f"# TYPE {name} histogram"]
    for edge in (*_EDGES, float("inf")):
        shown = "+Inf" if edge == float("inf") else str(edge)
        count = sum(each <= edge for each in seen)
        lines.append(f"{name}_bucket{{{_labels(profile, le=shown)}}} {float(count)}")
    lines.append(f"{name}_count{{{_labels(profile)}}} {float(len(seen))}")
    lines.append(f"{name}_sum{{{_labels(profile)}}} {sum(seen)}")
    return lines
