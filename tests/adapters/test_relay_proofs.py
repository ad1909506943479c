"""Proofs of groups over the sandbox's engines: with API keys, and in other clusters than ours."""

import queue
import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from bot.cluster import Observation, Pod
from bot.desired import Desired
from bot.rollout.proving import Prover
from bot.settings import Settings
from bot.wiring.engines import engines
from gitops.assets import root
from gitops.clock import SystemClock
from gitops.forge import Revision
from gitops.roles import NOBODY
from gitops.workspace import WorkingCopy
from sandbox.cluster import Speeds
from sandbox.engine import Pace
from sandbox.worlds import sandbox
from tests.adapters.test_relay_routes import placed
from tests.engine.raw import until
from tests.sandbox.test_cluster_bench import lws
from tests.sandbox.test_engine_bench import network, service, vllm

SETTINGS = {
    "SLACK_BOT_TOKEN": "t", "SLACK_SIGNING_SECRET": "s", "GITHUB_TOKEN": "g",
    "LEADLINE_GITOPS_REPOSITORY": "acme/gitops", "REDIS_URL": "redis://nowhere",
}  # fmt: skip
LEADER = Pod("qwen-0", "uid-0", 0, 0, "r1", "ready", ready=True, deleting=False, failure="")
AT_ONCE = Speeds(pull=0, start=0, load=0, worker_ready=0, stop=0)


def main_of(folder, secret=""):
    """Return main with one deployment `qwen` of `example`, which may want an API key."""
    example = folder / "main/overlays/example"
    (example / "qwen").mkdir(parents=True)
    text = (root() / "overlays/example/qwen3-32b-vllm/llm.yaml").read_text()
    text = text.replace("name: qwen3-32b-vllm", "name: qwen")
    (example / "qwen/llm.yaml").write_text(text + (f"apiKeySecret: {secret}\n" if secret else ""))
    copy = WorkingCopy(folder / "main")
    now = datetime(2026, 11, 25, tzinfo=UTC)
    return Desired(Revision("c", "t"), now, copy, NOBODY, None)


def proof_of(folder, secret="", context="", **settings):
    """Ask the leader as the watch would with these settings; return its proof."""
    proofs = queue.Queue()
    wanted = engines(Settings.load({**SETTINGS, **settings}))
    main = main_of(folder, secret)
    prover = Prover(wanted, lambda: main, SystemClock())
    seen = Observation(
        "default", "qwen", "lws1", "s1", 1, 2, current=True, pods=(LEADER,), context=context
    )
    with prover.answering(proofs.put):
        prover.ask("example", seen, LEADER)
        return proofs.get(timeout=20)


def test_an_error_that_is_none_of_ours_is_logged_and_the_leader_is_asked_again(tmp_path, caplog):
    main, asked = main_of(tmp_path), threading.Semaphore(0)

    def broken(context):
        asked.release()
        raise RuntimeError(f"odd {context}")

    prover = Prover(broken, lambda: main, SystemClock())
    seen = Observation(
        "default", "qwen", "lws1", "s1", 1, 2, current=True, pods=(LEADER,), context="far"
    )
    proofs = queue.Queue()
    with prover.answering(proofs.put):
        prover.ask("example", seen, LEADER)
        assert asked.acquire(timeout=10)
        assert until(lambda: LEADER.uid not in prover._asking, 10) is not None
        prover.ask("example", seen, LEADER)
        assert asked.acquire(timeout=10)

    assert "RuntimeError: odd far" in caplog.text
    assert proofs.empty()


@pytest.fixture(scope="module")
def locked():
    """Give an engine that wants an API key."""
    with network(vllm("--api-key", "sesame", image="vllm:v0.32.0"), Pace(first=0, token=0)) as net:
        net.bench.wait("lws.available")
        yield net


def keys(folder, text):
    (folder / "keys/example").mkdir(parents=True)
    (folder / "keys/example/qwen-key").write_text(text)
    return str(folder / "keys")


def test_a_group_with_an_api_key_is_proved_with_its_mounted_file(locked, tmp_path):
    folder = keys(tmp_path, "sesame\n")
    proof = proof_of(
        tmp_path, "qwen-key", LEADLINE_ENGINE_PROXY=locked.proxy, LEADLINE_API_KEYS=folder
    )

    assert proof.first_token is not None
    assert (proof.why, proof.shut) == ("", False)


@pytest.mark.parametrize(
    ("secret", "key", "words"),
    [
        ("qwen-key", None, "mount it and set LEADLINE_API_KEYS"),
        ("qwen-key", "", "holds no API key"),
        ("qwen-key", "guess", "401 Unauthorized; check the API key file"),
        ("", None, "401 Unauthorized; it wants an API key; name its Secret in Git"),
    ],
    ids=["not mounted", "empty", "wrong", "not named"],
)
def test_what_a_person_must_change_is_said_of_the_deployment(locked, tmp_path, secret, key, words):
    mounted = {} if key is None else {"LEADLINE_API_KEYS": keys(tmp_path, key)}
    proof = proof_of(tmp_path, secret, LEADLINE_ENGINE_PROXY=locked.proxy, **mounted)

    assert proof.shut
    assert proof.first_token is None
    assert proof.why.startswith("asking example/qwen: ")
    assert words in proof.why
    assert key is None or not key or key not in proof.why


def test_an_engine_that_nobody_listens_at_needs_nobody(locked, tmp_path):
    locked.engine.down("qwen")
    try:
        proof = proof_of(tmp_path, LEADLINE_ENGINE_PROXY=locked.proxy)
    finally:
        locked.engine.up()

    assert not proof.shut
    assert "may still be loading" in proof.why


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    """Give two sandboxes and a kubeconfig with a context for each; both run `qwen`."""
    folders = [tmp_path_factory.mktemp(name) for name in ("here", "there")]
    with sandbox(folders[0], 20.0, AT_ONCE) as here, sandbox(folders[1], 20.0, AT_ONCE) as there:
        for made in (here, there):
            made.engine.pace(0, 0)
            made.cluster.apply(placed(service()))
            made.cluster.apply(placed(lws()))
            assert made.journal.wait(lambda e: e.call == "lws.available", at_most=20)
        file = folders[0] / "contexts"
        file.write_text(contexts(here=here.addresses["cluster"], there=there.addresses["cluster"]))
        yield SimpleNamespace(here=here, there=there, file=str(file))


def contexts(**servers):
    lines = ["apiVersion: v1", "kind: Config", "current-context: here", "clusters:"]
    lines += [f"- {{name: {n}, cluster: {{server: '{url}'}}}}" for n, url in servers.items()]
    lines += ["users:", "- {name: leadline, user: {token: leadline}}", "contexts:"]
    lines += [f"- {{name: {n}, context: {{cluster: {n}, user: leadline}}}}" for n in servers]
    return "\n".join(lines) + "\n"


def chats(made):
    return len([e for e in made.journal.entries() if e.call == "POST chat/completions"])


def asked_of(clusters):
    return (chats(clusters.here), chats(clusters.there))


def test_each_environment_is_proved_in_its_own_cluster(clusters, tmp_path):
    way = {"KUBECONFIG": clusters.file, "LEADLINE_ASK_THROUGH": "api-server"}
    for number, (context, wanted) in enumerate([("there", (0, 1)), ("here", (1, 0)), ("", (1, 0))]):
        before = asked_of(clusters)
        proof = proof_of(tmp_path / str(number), context=context, **way)
        after = asked_of(clusters)

        assert proof.first_token is not None, proof.why
        assert (after[0] - before[0], after[1] - before[1]) == wanted


def test_inside_of_a_pod_the_own_cluster_is_asked_by_its_own_network(clusters, tmp_path):
    way = {
        "KUBECONFIG": clusters.file, "LEADLINE_ASK_THROUGH": "api-server",
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "LEADLINE_ENGINE_PROXY": clusters.there.addresses["engine"],
    }  # fmt: skip
    before = asked_of(clusters)

    assert proof_of(tmp_path, **way).first_token is not None
    assert asked_of(clusters) == (before[0], before[1] + 1)


def test_another_cluster_is_out_of_reach_until_its_api_server_is_switched_on(clusters, tmp_path):
    before = asked_of(clusters)
    network = clusters.here.addresses["engine"]
    proof = proof_of(
        tmp_path, "qwen-key", "there", KUBECONFIG=clusters.file, LEADLINE_ENGINE_PROXY=network
    )

    assert proof.shut
    assert "cluster (context there) cannot be reached from here; switch on" in proof.why
    assert proof.why.startswith("asking example/qwen: ")
    assert asked_of(clusters) == before


def test_a_key_is_never_sent_through_an_api_server(clusters, tmp_path):
    before = len(clusters.there.journal.entries())
    way = {"KUBECONFIG": clusters.file, "LEADLINE_ASK_THROUGH": "api-server"}
    folder = keys(tmp_path, "sesame")
    proof = proof_of(tmp_path, "qwen-key", "there", LEADLINE_API_KEYS=folder, **way)

    assert proof.shut
    assert "it takes the API key out of a request; run Leadline inside" in proof.why
    assert [e.call for e in clusters.there.journal.entries()[before:]] == []


def test_a_context_that_the_kubeconfig_does_not_have_is_said(clusters, tmp_path):
    way = {"KUBECONFIG": clusters.file, "LEADLINE_ASK_THROUGH": "api-server"}
    proof = proof_of(tmp_path, context="elsewhere", **way)

    assert proof.shut
    assert "elsewhere" in proof.why
