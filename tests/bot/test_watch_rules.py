"""What the watcher decides by rules alone: scopes, reach, whose failure it is, notes, hosts."""

import datetime as dt
import queue
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from bot.cluster import Contact, Listed, Observation, Pod, Scope, Unit
from bot.cluster.controllers import Application, Kustomization, unit
from bot.desired import Desired
from bot.notice import Reachable, Unreachable
from bot.relay import Engines
from bot.rollout.blame import failure, unit_of
from bot.rollout.card import card, note
from bot.rollout.ground import Ground, scopes, survey
from bot.rollout.phases import Phase, detail_of
from bot.rollout.proving import AGAIN, SHARE, SPREAD, Prover, host_of, interval
from bot.rollout.reach import reach
from bot.rollout.sight import Sight
from bot.rollout.step import Step
from bot.store import Proposal, Rollout
from gitops.environment import Controller, Environment
from gitops.forge import Revision
from gitops.overlay import state_of
from gitops.roles import NOBODY
from gitops.workspace import WorkingCopy
from tests.engine.raw import until

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
PROPOSAL = Proposal(
    "dev", "m", "ml", "qwen", "qwen", "vllm", "1×1", "TP 1", 1, "s1", 7, "u", "C1", "1.1", "U1"
)
RUNS = Rollout(7, review="merged", merged_at=NOW.isoformat(), merge="abc", uid="lws1")


def after(**time):
    return NOW + dt.timedelta(**time)


# Which namespaces are watched.


def ground(*environments, **namespaces):
    by_name = {each.name: each for each in environments}
    return Ground("c1", NOW, by_name, {k: frozenset(v) for k, v in namespaces.items()})


DEV = Environment(name="dev", context="one", namespace="ml")
LAB = Environment(name="lab", context="one", namespace="ml")
PROD = Environment(name="prod", context="two", namespace="ml", controller=Controller.FLUX)


@pytest.mark.parametrize(
    ("seen", "proposals", "wanted"),
    [
        (ground(DEV), [], {Scope("one", "ml"), Scope("one", "argocd", Controller.ARGOCD)}),
        (ground(DEV, LAB), [], {Scope("one", "ml"), Scope("one", "argocd", Controller.ARGOCD)}),
        (ground(DEV, dev={"ml", "big"}), [],
         {Scope("one", "ml"), Scope("one", "big"), Scope("one", "argocd", Controller.ARGOCD)}),
        (ground(PROD), [],
         {Scope("two", "ml"), Scope("two", "flux-system", Controller.FLUX)}),
        (ground(msgspec.structs.replace(DEV, controller_namespace="cd")), [],
         {Scope("one", "ml"), Scope("one", "cd", Controller.ARGOCD)}),
        (ground(DEV), [replace(PROPOSAL, namespace="old")],
         {Scope("one", "ml"), Scope("one", "old"), Scope("one", "argocd", Controller.ARGOCD)}),
        (ground(DEV), [replace(PROPOSAL, environment="gone", namespace="old")],
         {Scope("one", "ml"), Scope("one", "argocd", Controller.ARGOCD)}),
        (ground(), [PROPOSAL], set()),
    ],
)  # fmt: skip
def test_each_namespace_that_is_used_is_watched_once(seen, proposals, wanted):
    assert scopes(seen, proposals) == wanted


def desired(folder, commit, **files):
    for name, text in files.items():
        path = folder / "overlays" / name / "environment.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Desired(Revision(commit, "t"), NOW, WorkingCopy(folder), NOBODY, None)


def test_a_typing_error_in_an_environment_ends_no_watch_and_a_removed_one_does(tmp_path):
    first = survey(desired(tmp_path, "c1", dev="name: dev\ncontext: one\n"), None)
    broken = survey(desired(tmp_path, "c2", dev="name: dev\ncontxt: one\n"), first)
    (tmp_path / "overlays" / "dev" / "environment.yaml").unlink()
    gone = survey(desired(tmp_path, "c3"), broken)

    assert first.context("dev") == broken.context("dev") == "one"
    assert gone.context("dev") is None
    assert survey(desired(tmp_path, "c1"), first).environments is first.environments


EXAMPLE = WorkingCopy(Path(__file__).parents[2])


def test_the_state_of_each_deployment_on_main_is_known_and_a_broken_one_ends_no_watch(tmp_path):
    shutil.copytree(EXAMPLE.root / "overlays/example", tmp_path / "overlays/example")
    first = survey(desired(tmp_path, "c1"), None)
    (tmp_path / "overlays/example/qwen3-32b-vllm/llm.yaml").write_text("name: [")
    (tmp_path / "overlays/example/qwen3-32b-sglang/custom/a").write_bytes(b"\xff")
    broken = survey(desired(tmp_path, "c2"), first)

    wanted = {
        f"example/{name}": state_of(held, EXAMPLE.files(held.folder))
        for name in ("qwen3-32b-vllm", "qwen3-32b-sglang")
        for held in [EXAMPLE.deployment(name, "example")]
    }
    assert first.states == wanted
    assert [broken.state(key, "") for key in wanted] == ["", ""]
    assert broken.context("example") == first.context("example")


# What has been seen.


def seen(name="m", context="one", **fields):
    values = {"uid": "lws1", "state": "s1", "replicas": 1, "size": 1, "current": True, "pods": ()}
    return Observation("ml", name, context=context, **values | fields)


def test_equal_names_in_two_clusters_are_two_sets():
    sight = Sight()
    sight.take(seen(state="here"), lambda: NOW)
    sight.take(seen(state="there", context="two"), lambda: NOW)

    assert sight.seen("one", "ml", "m").state == "here"
    assert sight.seen("two", "ml", "m").state == "there"
    sight.forget(Scope("two", "ml"))
    assert sight.seen("two", "ml", "m") is None


def test_what_a_list_does_not_have_is_deleted_and_what_it_has_may_come_later():
    sight = Sight()
    assert sight.seen("one", "ml", "m") is None  # not listed yet: nothing is known
    sight.take(Listed("one", "ml", frozenset({"other"})), lambda: NOW)
    assert sight.seen("one", "ml", "m").deleted
    assert sight.seen("one", "ml", "other") is None  # its pods have not been listed yet
    sight.take(seen(), lambda: NOW)
    assert not sight.seen("one", "ml", "m").deleted
    sight.take(Listed("one", "ml", frozenset({"other"})), lambda: NOW)
    assert sight.seen("one", "ml", "m").deleted


def test_a_loss_is_dated_by_its_first_report():
    sight = Sight()
    assert not sight.tried("one", "ml")
    for minutes in (0, 3):
        sight.take(Contact("one", "ml", ok=False), lambda at=minutes: after(minutes=at))
    assert sight.lost_at("one", "ml") == NOW
    sight.take(Contact("one", "ml", ok=True), lambda: NOW)
    assert sight.tried("one", "ml")
    assert sight.lost_at("one", "ml") is None


# A cluster out of reach.


def test_a_loss_is_remembered_at_once_and_told_once_after_a_minute():
    first = reach(RUNS, PROPOSAL, NOW, after(seconds=10))
    assert (first.news, first.rollout.lost) == ((), NOW.isoformat())
    assert reach(first.rollout, PROPOSAL, NOW, after(seconds=59)) == Step(first.rollout)

    told = reach(first.rollout, PROPOSAL, NOW, after(seconds=60))

    assert [news.notice for news in told.news] == [Unreachable("dev", "09:00")]
    assert reach(told.rollout, PROPOSAL, NOW, after(hours=3)) == Step(told.rollout)
    back = reach(told.rollout, PROPOSAL, None, after(minutes=12))
    assert [news.notice for news in back.news] == [Reachable("dev", 12)]
    assert reach(back.rollout, PROPOSAL, None, after(minutes=13)) == Step(back.rollout)


def test_a_watcher_that_starts_during_the_loss_goes_on_with_its_first_date():
    known = reach(RUNS, PROPOSAL, NOW, NOW).rollout
    later = after(minutes=5)  # when the new watcher notices

    told = reach(known, PROPOSAL, later, later)

    assert [news.notice for news in told.news] == [Unreachable("dev", "09:00")]
    same = reach(known, PROPOSAL, after(minutes=6), after(minutes=6))
    assert [news.key for news in same.news] == [news.key for news in told.news]


@pytest.mark.parametrize(
    "rollout", [Rollout(7), Rollout(7, review="closed"), replace(RUNS, uid="", removed=True)]
)
def test_who_expects_nothing_of_the_cluster_is_told_nothing(rollout):
    assert reach(rollout, PROPOSAL, NOW, after(hours=1)) == Step(rollout)


def test_a_short_loss_is_forgotten_without_a_word():
    short = reach(RUNS, PROPOSAL, NOW, after(seconds=30)).rollout

    assert reach(short, PROPOSAL, None, after(seconds=40)) == Step(RUNS)


# The GitOps controller.


def said(path, failure="denied", **fields):
    return Unit("one", "argocd", path, path, failure, **fields)


@pytest.mark.parametrize(
    ("paths", "closest"),
    [
        (["overlays/dev/m"], "overlays/dev/m"),
        (["overlays/dev", "overlays"], "overlays/dev"),
        (["overlays/dev/mm", "overlays/de", "storage"], None),
        ([], None),
    ],
)
def test_the_closest_folder_above_is_the_deployments(paths, closest):
    found = unit_of([said(path) for path in paths], PROPOSAL)

    assert (found.path if found else None) == closest


@pytest.mark.parametrize(
    ("fields", "minutes", "told"),
    [
        ({"tried": "abc"}, 0, True),  # our own merge
        ({"tried": "head"}, 0, True),  # a newer main
        ({"tried": "old"}, 1, False),  # it has not looked at ours yet
        ({"tried": "old"}, 10, True),
        ({"at": after(minutes=1).isoformat()}, 2, True),
        ({"at": after(minutes=-1).isoformat()}, 2, False),
        ({"at": "2026-11-24T09:01:00Z"}, 2, True),
        ({"at": "yesterday"}, 2, False),
        ({}, 2, False),
        ({}, 10, True),
    ],
)
def test_a_failure_counts_when_it_is_about_the_merge(fields, minutes, told):
    found = failure(said("overlays/dev/m", **fields), RUNS, {"abc", "head"}, after(minutes=minutes))

    assert found == ("denied" if told else "")


def test_nothing_is_blamed_before_a_merge_or_without_a_failure():
    assert failure(said("overlays/dev/m", tried="abc"), Rollout(7), {"abc"}, NOW) == ""
    assert failure(said("overlays/dev/m", failure=""), RUNS, {"abc"}, after(hours=1)) == ""
    assert failure(None, RUNS, {"abc"}, after(hours=1)) == ""


ARGO, FLUX = Scope("one", "argocd", Controller.ARGOCD), Scope("one", "flux-system", Controller.FLUX)


def app(**status):
    return msgspec.convert(
        {"metadata": {"name": "llm-dev-m"}, "spec": {"source": {"path": "overlays/dev/m"}},
         "status": status},
        Application,
    )  # fmt: skip


def operation(phase, message, **more):
    return {"phase": phase, "message": message, "syncResult": {"revision": "abc"}, **more}


REFUSED = "one or more objects failed to apply, reason: denied"
AGAIN_AT = "Retrying attempt #2 at 3:04PM."


@pytest.mark.parametrize(
    ("status", "failure", "tried"),
    [
        ({}, "", ""),
        ({"operationState": operation("Succeeded", "successfully synced")}, "", ""),
        ({"operationState": operation("Running", "waiting for healthy state")}, "", ""),
        ({"operationState": operation("Failed", f"{REFUSED} (retried 5 times).")}, REFUSED, "abc"),
        ({"operationState": operation("Running", f"{REFUSED}. {AGAIN_AT}", retryCount=2)},
         REFUSED, "abc"),
        ({"operationState": operation("Error", "no such repository")}, "no such repository", "abc"),
        ({"conditions": [{"type": "ComparisonError", "message": "build failed"}]},
         "build failed", ""),
        ({"conditions": [{"type": "OrphanedResourceWarning", "message": "2 orphans"}]}, "", ""),
        ({"operationState": operation("Succeeded", "synced"),
          "conditions": [{"type": "SyncError", "message": "gave up"}]}, "gave up", ""),
    ],
)  # fmt: skip
def test_an_application_says_what_went_wrong_the_same_at_each_try(status, failure, tried):
    found = unit(app(**status), ARGO)

    assert (found.path, found.failure, found.tried) == ("overlays/dev/m", failure, tried)


@pytest.mark.parametrize(
    ("ready", "failure", "tried"),
    [
        (None, "", ""),
        ({"status": "True", "message": "Applied revision"}, "", ""),
        ({"status": "Unknown", "message": "in progress"}, "", ""),
        ({"status": "False", "message": "dry-run failed: denied"}, "dry-run failed: denied", "abc"),
    ],
)
def test_a_kustomization_says_what_went_wrong(ready, failure, tried):
    read = msgspec.convert(
        {"metadata": {"name": "llm-dev"}, "spec": {"path": "./overlays/dev"},
         "status": {"lastAttemptedRevision": "main@sha1:abc",
                    "conditions": [{"type": "Ready", **ready}] if ready else []}},
        Kustomization,
    )  # fmt: skip

    found = unit(read, FLUX)

    assert (found.path, found.failure, found.tried) == ("overlays/dev", failure, tried)


# What the card and the thread say of waiting pods.


def pod(**fields):
    values = {"name": "m-0", "uid": "p", "group": 0, "index": 0, "revision": "r", "state": "x",
              "ready": False, "deleting": False, "failure": ""}  # fmt: skip
    return Pod(**values | fields)


def test_a_waiting_pods_warning_stands_in_progress_and_on_the_card():
    waiting = seen(pods=(pod(state="ContainerCreating", said="FailedMount: no such Secret"),))

    assert detail_of(waiting, Phase.PULLING).endswith("waiting: FailedMount: no such Secret")
    assert note(RUNS, waiting, "") == "m-0: FailedMount: no such Secret"
    assert card(PROPOSAL, RUNS, waiting).note == "m-0: FailedMount: no such Secret"


def test_the_cluster_comes_before_the_controller_and_the_controller_before_pods():
    waiting = seen(pods=(pod(said="FailedMount: x"),))
    lost = replace(RUNS, lost=NOW.isoformat(), unreachable=True)

    assert note(lost, waiting, "denied").startswith("the cluster has not answered since 09:00 UTC")
    assert note(RUNS, waiting, "denied") == "denied"
    assert note(None, None, "") == ""


# Whom a proof asks, and when.


@pytest.mark.parametrize(("own", "host"), [(False, "m-0.m.ml.svc"), (True, "m-0.m-0.ml.svc")])
def test_a_group_is_asked_at_its_own_leader(own, host):
    assert host_of(seen(own_subdomains=own), pod()) == host


class Asked:
    """An engine that answers, and notes when it was asked."""

    def __init__(self, clock):
        self.clock = clock
        self.times = []
        self.done = []

    def model(self, *_):
        self.times.append(self.clock.monotonic())
        return "m"

    def stream(self, *_):
        yield SimpleNamespace(text="yes")


class Standing:
    """A clock that moves when it is told to."""

    def __init__(self):
        self.at = 0.0

    def now(self):
        return after(seconds=self.at)

    def monotonic(self):
        return self.at

    def sleep(self, seconds):
        self.at += seconds


def test_a_leader_that_has_answered_is_asked_again_when_its_time_has_come(tmp_path):
    clock, proofs = Standing(), queue.Queue()
    engine = Asked(clock)
    main = SimpleNamespace(copy=WorkingCopy(tmp_path))
    prover = Prover(lambda _: Engines(engine, None), lambda: main, clock, again=100.0)
    due = interval("p", 100.0)
    with prover.answering(proofs.put):
        for at, asked in ((0.0, 1), (due - 1, 1), (due, 2), (due + 1, 2), (2 * due, 3)):
            clock.at = at
            prover.ask_again("dev", seen(), pod())
            if asked > len(engine.done):
                engine.done.append(proofs.get(timeout=5))
            assert len(engine.times) == asked

    assert engine.times == [0.0, due, 2 * due]
    assert {(proof.context, proof.first_token) for proof in engine.done} == {("one", 0.0)}


class Hanging:
    """Engines of one deployment hang until they are let go; the others answer."""

    def __init__(self):
        self.released, self.asked = threading.Event(), []

    def model(self, host, *_):
        self.asked.append(host)
        if ".hung." in host:
            self.released.wait(10)
        return "m"

    def stream(self, *_):
        yield SimpleNamespace(text="yes")


@pytest.mark.parametrize("served", [False, True])
def test_groups_that_hang_hold_up_no_other_deployments_first_proof(tmp_path, served):
    engine, proofs = Hanging(), queue.Queue()
    main = SimpleNamespace(copy=WorkingCopy(tmp_path))
    prover = Prover(lambda _: Engines(engine, None), lambda: main, Standing())
    ask_hung = prover.ask_again if served else prover.ask
    hung = [pod(name=f"hung-{group}", uid=f"h{group}", group=group) for group in range(64)]
    with prover.answering(proofs.put):
        for leader in hung:
            ask_hung("dev", seen(name="hung"), leader)
        prover.ask("dev", seen(name="other"), pod(name="other-0"))
        assert proofs.get(timeout=5).name == "other"
        if served:  # nor its own first ones
            prover.ask("dev", seen(name="hung"), pod(name="hung-64", uid="h64", group=64))
            assert until(lambda: any("hung-64" in host for host in engine.asked), 5) is not None
        assert len([host for host in engine.asked if ".hung." in host]) == SHARE + served
        engine.released.set()
        answered = {proofs.get(timeout=5).group for _ in range(64 + served)}

    assert answered == set(range(64 + served))
    assert (prover._asking, prover._lanes) == (set(), {})


def test_after_the_end_nobody_is_asked(tmp_path):
    engine, proofs = Hanging(), queue.Queue()
    main = SimpleNamespace(copy=WorkingCopy(tmp_path))
    prover = Prover(lambda _: Engines(engine, None), lambda: main, Standing())
    leaders = [pod(name=f"hung-{group}", uid=f"h{group}", group=group) for group in range(64)]
    with prover.answering(proofs.put):
        for leader in leaders:
            prover.ask("dev", seen(name="hung"), leader)
        assert until(lambda: len(engine.asked) == SHARE, 5) is not None
    engine.released.set()
    for _ in range(SHARE):
        proofs.get(timeout=5)
    prover.ask("dev", seen(name="other"), pod(name="other-0"))

    assert len(engine.asked) == SHARE


def test_groups_are_asked_each_at_its_own_time_and_none_later_than_it_should():
    all_of = [interval(f"uid-{number}", AGAIN) for number in range(1000)]

    assert max(all_of) <= AGAIN
    assert min(all_of) >= AGAIN * (1 - SPREAD)
    tenths = [int((AGAIN - each) / (AGAIN * SPREAD) * 10) for each in all_of]
    assert all(50 < tenths.count(tenth) < 200 for tenth in range(10))
