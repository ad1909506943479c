"""Lints between overlays of one environment, and manifests that no schema would let through."""

import datetime as dt
import itertools

import pytest

from gitops.checks import ACROSS, Severity, review, review_all
from tests.gitops.test_lints_bench import SGLANG, STORAGE, VLLM, Overlay, add, built, name

TODAY = dt.date(2026, 3, 1)


@pytest.fixture(scope="module")
def examples():
    return built()


def pair(examples, change):
    overlays = {
        f"overlays/example/{key}": Overlay(examples[example])
        for key, example in (("a", SGLANG), ("b", VLLM))
    }
    change(*overlays.values())
    found = review_all({key: overlay.manifests for key, overlay in overlays.items()}, TODAY)
    return {(key, f.rule, f.severity) for key, findings in found.items() for f in findings}


def volume(name, handle):
    csi = {"driver": "d", "volumeHandle": handle}
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadOnlyMany"], "csi": csi}
    return add("PersistentVolume", metadata={"name": name}, spec=spec)


def same(kind, **fields):
    return lambda a, b: [add(kind, metadata={"name": "x"}, **fields)(o) for o in (a, b)]


def share_service(a, b):
    b.one("Service")["metadata"]["name"] = a.one("Service")["metadata"]["name"]


def share_handle(a, b):
    volume("a", "h")(a)
    volume("b", "h")(b)


def take_group_name(a, b):
    name("LeaderWorkerSet", f"{SGLANG}-0")(b)
    b.one("Service")["spec"]["selector"]["leaderworkerset.sigs.k8s.io/name"] = f"{SGLANG}-0"


ACROSS_FOUND = {
    "duplicate-object": same("ConfigMap"),
    "service-unique": share_service,
    "volume-handle": share_handle,
    "lws-name-clash": take_group_name,
}


@pytest.mark.parametrize("rule", ACROSS)
def test_a_fault_between_overlays_is_found_in_the_later_one(examples, rule):
    assert pair(examples, ACROSS_FOUND[rule]) == {("overlays/example/b", rule, Severity.ERROR)}


def elsewhere(a, b):
    share_service(a, b)
    b.one("Service")["metadata"]["namespace"] = "other"


@pytest.mark.parametrize("change", [lambda _a, _b: None, elsewhere])
def test_overlays_that_share_nothing_pass(examples, change):
    assert pair(examples, change) == set()


def test_a_malformed_manifest_is_a_finding_and_no_accident(examples):
    for example, wrong in itertools.product((SGLANG, STORAGE), (None, "x", 7, ["q"], {"q": "q"})):
        for path in paths(examples[example]):
            overlay = Overlay(examples[example])
            put(overlay.manifests, path, wrong)
            review(overlay.manifests)


def paths(value, path=()):
    if path[1:]:
        yield path
    if not isinstance(value, dict | list):
        return
    for step, below in value.items() if isinstance(value, dict) else enumerate(value):
        yield from paths(below, (*path, step))


def put(value, path, wrong):
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = wrong
