"""What Leadline counts about itself, by prometheus-client; `/metrics` of every role shows it.

The one module that names a metric. They live in the library's registry, as its users expect, and
cost a microsecond or two each. Labels take values of closed lists only: names of people and
deployments stay out. docs/running.md says what each one means.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

UNAVAILABLE = 3
"""Exit code of errors that mean: something outside is unavailable."""

_WAITS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 120, 900)
"""Bounds in seconds; 120 and 900 are how long a question and a change may wait."""

_RUNS = (0.1, 0.3, 1, 3, 10, 30, 60, 120, 300)
_TOKENS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Outcome(StrEnum):
    """What became of a command."""

    DONE = "done"
    REFUSED = "refused"
    LATE = "late"
    INTERRUPTED = "interrupted"
    PARKED = "parked"


class Pull(StrEnum):
    """What became of a pull request."""

    OPENED = "opened"
    AMENDED = "amended"
    ATTACHED = "attached"
    MERGED = "merged"
    CLOSED = "closed"
    REOPENED = "reopened"


class Answer(StrEnum):
    """What became of a question to an engine."""

    ANSWERED = "answered"
    BROKEN = "broken"
    CANCELLED = "cancelled"
    REFUSED = "refused"


_commands = Counter("leadline_commands", "Commands that ended.", ["act", "outcome"])
_waited = Histogram(
    "leadline_command_wait_seconds", "From taken to begun.", ["lane"], buckets=_WAITS
)
_ran = Histogram("leadline_command_run_seconds", "From begun to done.", ["act"], buckets=_RUNS)
_pulls = Counter("leadline_pull_requests", "Steps of pull requests.", ["outcome"])
_asks = Counter("leadline_asks", "Questions to engines that ended.", ["outcome"])
_tokens = Counter("leadline_ask_tokens", "Tokens as the engines count them.", ["kind"])
_first = Histogram(
    "leadline_ask_first_token_seconds", "From asking to the first token.", buckets=_TOKENS
)
_up = Gauge("leadline_dependency_up", "1 while it answers, 0 while it does not.", ["name"])
_watched = Gauge("leadline_watch_age_seconds", "Since the cluster's last word.", ["environment"])


def begun(lane: str, seconds: float) -> None:
    """Count a command that begins, `seconds` after it was taken."""
    _waited.labels(lane).observe(max(0.0, seconds))


def ended(act: str, outcome: Outcome, seconds: float) -> None:
    """Count a command that ended, `seconds` after it began; `act` is its verb, or `unknown`."""
    _commands.labels(act, outcome).inc()
    _ran.labels(act).observe(max(0.0, seconds))


def pulled(outcome: Pull) -> None:
    """Count a step of a pull request."""
    _pulls.labels(outcome).inc()


def asked(
    outcome: Answer, first_token: float | None = None, prompt: int = 0, completion: int = 0
) -> None:
    """Count a question that ended: seconds to its first token, tokens of prompt and answer."""
    _asks.labels(outcome).inc()
    _tokens.labels("prompt").inc(prompt)
    _tokens.labels("completion").inc(completion)
    if first_token is not None:
        _first.observe(first_token)


def watched(environment: str, at: float | None) -> None:
    """Remember when an environment's cluster spoke last, in steady seconds; None forgets it."""
    if at is None:
        _watched.remove(environment)
    else:
        _watched.labels(environment).set_function(lambda: time.monotonic() - at)


@contextlib.contextmanager
def reaching(name: str) -> Iterator[None]:
    """Show whether a dependency answers whose adapter tells refusals from silence by their class.

    An error that means "unavailable" sets its gauge to 0; a refusal is an answer. Errors go on.
    """
    try:
        yield
    except Exception as error:
        answered(name, up=getattr(error, "exit_code", None) != UNAVAILABLE)
        raise
    answered(name, up=True)


def answered(name: str, *, up: bool) -> None:
    """Show what the last call of a dependency said: slack, github, kubernetes, redis, engines."""
    _up.labels(name).set(up)


def connected(name: str, is_connected: Callable[[], bool]) -> None:
    """Show at each scrape whether a connection that a client keeps by itself is there."""
    _up.labels(name).set_function(is_connected)


def queue(
    depths: Callable[[], Iterable[tuple[str, int, float]]], registry: CollectorRegistry = REGISTRY
) -> None:
    """Show the queue at each scrape: lane, jobs that have not ended, seconds since the oldest."""
    registry.register(_Queue(depths))


class _Queue(Collector):
    """Reads the queue when it is asked; without an answer it shows nothing."""

    def __init__(self, depths: Callable[[], Iterable[tuple[str, int, float]]]) -> None:
        self._depths = depths

    def describe(self) -> Iterable[Metric]:
        """Return nothing: so that registering reads nothing."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the depth and age of every lane."""
        jobs = GaugeMetricFamily(
            "leadline_queue_jobs", "Commands that have not ended.", labels=["lane"]
        )
        ages = GaugeMetricFamily(
            "leadline_queue_oldest_seconds", "Age of the oldest of them.", labels=["lane"]
        )
        for lane, count, age in self._depths():
            jobs.add_metric([lane], count)
            ages.add_metric([lane], max(0.0, age))
        yield from (jobs, ages)
