"""What is counted, as a scrape shows it."""

import re
import time
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, CollectorRegistry

from bot import metrics
from bot.errors import NotFoundError, StoreUnavailableError


def shown(metric, **labels):
    return REGISTRY.get_sample_value(metric, labels) or 0.0


def test_commands_are_counted_by_act_and_outcome_with_their_times():
    before = shown("leadline_commands_total", act="scale", outcome="refused")
    metrics.begun("change", 0.02)
    metrics.ended("scale", metrics.Outcome.REFUSED, 1.5)

    assert shown("leadline_commands_total", act="scale", outcome="refused") == before + 1
    assert shown("leadline_command_run_seconds_bucket", act="scale", le="3.0") >= 1
    assert shown("leadline_command_wait_seconds_bucket", lane="change", le="0.03") >= 1


def test_a_question_that_was_refused_has_no_first_token():
    before = shown("leadline_ask_first_token_seconds_count")
    metrics.asked(metrics.Answer.REFUSED)
    assert shown("leadline_ask_first_token_seconds_count") == before
    metrics.asked(metrics.Answer.ANSWERED, first_token=0.3, prompt=5, completion=7)

    assert shown("leadline_ask_first_token_seconds_count") == before + 1


def test_an_error_of_ours_that_says_unavailable_shows_the_dependency_as_away():
    with pytest.raises(StoreUnavailableError), metrics.reaching("thing"):
        raise StoreUnavailableError("no answer")
    assert shown("leadline_dependency_up", name="thing") == 0

    with pytest.raises(NotFoundError), metrics.reaching("thing"):
        raise NotFoundError("a refusal is an answer")
    assert shown("leadline_dependency_up", name="thing") == 1


def test_the_age_of_a_watch_grows_from_the_last_word():
    metrics.watched("staging", time.monotonic() - 100)
    first = shown("leadline_watch_age_seconds", environment="staging")

    assert shown("leadline_watch_age_seconds", environment="staging") > first
    assert 100 <= first < 105
    metrics.watched("staging", None)
    labels = {"environment": "staging"}
    assert REGISTRY.get_sample_value("leadline_watch_age_seconds", labels) is None


def test_the_queue_is_read_at_each_scrape_and_not_before():
    registry, reads = CollectorRegistry(), []

    def depths():
        reads.append(1)
        yield "change", len(reads), 7.0

    metrics.queue(depths, registry)
    assert reads == []

    assert registry.get_sample_value("leadline_queue_jobs", {"lane": "change"}) == 1
    assert registry.get_sample_value("leadline_queue_oldest_seconds", {"lane": "change"}) == 7
    assert registry.get_sample_value("leadline_queue_jobs", {"lane": "change"}) == 3


def test_the_page_on_running_names_every_metric_with_its_labels():
    page = (Path(__file__).resolve().parents[2] / "docs" / "running.md").read_text("utf-8")
    rows = re.findall(r"^\| `(leadline_\w+)` \| ([^|]*)\|", page, re.MULTILINE)
    named = {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    ours = {name: one for name, one in vars(metrics).items() if hasattr(one, "_labelnames")}
    suffix = {"counter": "_total"}
    known = {one._name + suffix.get(one._type, ""): one._labelnames for one in ours.values()}
    metrics.queue(list, registry := CollectorRegistry())
    known |= {family.name: family._labelnames for family in registry.collect()}

    assert named == known
