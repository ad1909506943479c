"""All worlds together: real tools as people type them, wiring, seeds, ports, the time it takes."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import openai
import pytest
import redis

from gitops.errors import UsageError
from sandbox import environments
from sandbox.faults import Fault
from sandbox.serving import claim
from sandbox.setup import PORTS, Setup
from sandbox.worlds import sandbox
from tests.sandbox.test_cluster_bench import KUBECTL

NAME = "qwen3-32b-sglang"
SERVICE = f"/api/v1/namespaces/default/services/{NAME}-leader:8000/proxy"
MANIFEST = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "note", "namespace": "default"},
    "data": {"a": "1"},
}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """One sandbox that serves the guide's model, applied by its administrator with kubectl."""
    with sandbox(tmp_path_factory.mktemp("worlds"), 50.0) as made:
        environments.write(made)
        for item in group():
            shell(made, "kubectl", f"{KUBECTL} apply --server-side -f -", json.dumps(item))
        shell(made, "kubectl", f"{KUBECTL} wait lws/{NAME} --for=condition=Available --timeout=20s")
        yield made


def group():
    """Return a LeaderWorkerSet with an engine and the Service of its leaders."""
    limits = {"nvidia.com/gpu": "1"}
    container = {
        "name": "leader",
        "image": "lmsysorg/sglang:v0.5.9",
        "command": ["python3", "-m", "sglang.launch_server"],
        "args": [
            "--model-path",
            "/models/Qwen3-32B",
            "--served-model-name",
            "qwen3-32b",
            "--host",
            "::",
            "--port",
            "8000",
        ],
        "ports": [{"name": "http", "containerPort": 8000}],
        "resources": {"limits": limits},
        "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}},
    }
    worker = {**container, "name": "worker", "readinessProbe": None, "ports": []}
    worker = {key: value for key, value in worker.items() if value is not None}
    yield {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": NAME},
        "spec": {
            "replicas": 1,
            "leaderWorkerTemplate": {
                "size": 2,
                "leaderTemplate": {"spec": {"containers": [container]}},
                "workerTemplate": {"spec": {"containers": [worker]}},
            },
        },
    }
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"{NAME}-leader"},
        "spec": {
            "selector": {
                "leaderworkerset.sigs.k8s.io/name": NAME,
                "leaderworkerset.sigs.k8s.io/worker-index": "0",
            },
            "ports": [{"name": "http", "port": 8000, "targetPort": 8000}],
        },
    }


def shell(worlds, client, line, text="", status=0):
    """Type a line in a shell that has read a client's environment file; return what it prints."""
    suffix = "" if client == "leadline" else f".{client}"
    done = subprocess.run(
        ["/bin/sh", "-c", f". '{worlds.folder}/environment{suffix}'; {line}"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd=worlds.folder,
        env={"HOME": str(worlds.folder), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        timeout=60,
    )
    assert done.returncode == status, done.stderr + done.stdout
    return done.stdout + done.stderr


curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")


def test_git_clones_and_pushes_as_a_person_types_it(worlds):
    shell(worlds, "git", "git clone -q https://github.com/acme/gitops.git working")
    shell(
        worlds, "git",
        "cd working && git switch -q -c typed && echo hello > hello.txt && git add hello.txt"
        " && git commit -q -m 'Say hello.' && git push -q origin typed",
    )  # fmt: skip
    sha = shell(worlds, "git", "cd working && git rev-parse typed").strip()

    assert worlds.github.state()["branches"]["typed"] == sha
    assert worlds.github.read("typed", "hello.txt") == b"hello\n"
    assert (worlds.folder / "working" / "kustomize" / "engines").is_dir()
    author = shell(worlds, "git", "cd working && git log -1 --format=%an typed").strip()
    assert author == "bob"


def test_kubectl_gets_describes_and_reads_logs(worlds):
    listed = shell(worlds, "kubectl", f"{KUBECTL} get lws,pods,svc")
    described = shell(worlds, "kubectl", f"{KUBECTL} describe lws {NAME}")
    log = shell(worlds, "kubectl", f"{KUBECTL} logs {NAME}-0 --tail=1")

    assert f"pod/{NAME}-0-1" in listed
    assert f"service/{NAME}-leader" in listed
    assert "All replicas are ready" in described
    assert "fired up" in log or "startup complete" in log


def test_kubectl_takes_the_kubeconfig_on_its_command_line(worlds):
    line = f"{KUBECTL} --kubeconfig {worlds.folder}/kubeconfig get nodes -o name"

    assert shell(worlds, "git", line).split() == [f"node/gpu-node-{n}" for n in range(4)]


def test_kubectl_applies_server_side_and_waits_for_what_it_deletes(worlds):
    text = json.dumps(MANIFEST)
    applied = shell(worlds, "kubectl", f"{KUBECTL} apply --server-side -f -", text)
    data = shell(worlds, "kubectl", f"{KUBECTL} get cm note -o jsonpath='{{.data.a}}'")
    shell(worlds, "kubectl", f"{KUBECTL} delete cm note --wait=false")
    shell(worlds, "kubectl", f"{KUBECTL} wait --for=delete cm/note --timeout=10s")

    assert applied == "configmap/note serverside-applied\n"
    assert data == "1"


def test_kubectl_with_leadlines_own_kubeconfig_only_reads(worlds):
    text = json.dumps(MANIFEST)
    told = shell(worlds, "leadline", f"{KUBECTL} apply --server-side -f -", text, status=1)

    assert "forbidden" in told


def test_kubectl_watches_while_something_changes(worlds):
    line = f"{KUBECTL} get cm --watch-only -o name --request-timeout=3s"
    command = ["/bin/sh", "-c", f". '{worlds.folder}/environment.kubectl'; exec {line}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=worlds.folder
    ) as watching:
        seen = worlds.journal.wait(lambda e: e.call == "WATCH configmaps")
        shell(worlds, "kubectl", f"{KUBECTL} apply --server-side -f -", json.dumps(MANIFEST))
        first = watching.stdout.readline()
        watching.terminate()
        watching.communicate()
    shell(worlds, "kubectl", f"{KUBECTL} delete cm note")

    assert seen
    assert first == "configmap/note\n"


def test_kubectl_reads_an_engine_through_the_service_proxy(worlds):
    models = json.loads(shell(worlds, "kubectl", f"{KUBECTL} get --raw {SERVICE}/v1/models"))

    assert [model["id"] for model in models["data"]] == ["qwen3-32b"]


@curl
def test_curl_reads_github_and_a_wrong_token_is_refused(worlds):
    line = 'curl -sS -H "Authorization: Bearer $GITHUB_TOKEN" $GITHUB_API_URL/repos/acme/gitops'
    repository = json.loads(shell(worlds, "curl", line))
    refused = json.loads(shell(worlds, "curl", line.replace("$GITHUB_TOKEN", "wrong")))

    assert repository["full_name"] == "acme/gitops"
    assert refused["message"] == "Bad credentials"


@curl
def test_curl_reads_an_engine_by_its_in_cluster_name_and_through_the_api_server(worlds):
    by_name = shell(worlds, "curl", f"curl -sS http://{NAME}-leader.default.svc:8000/v1/models")
    by_proxy = shell(worlds, "curl", f"curl -sS $KUBERNETES_URL{SERVICE}/v1/models")

    assert json.loads(by_name)["data"][0]["id"] == "qwen3-32b"
    assert json.loads(by_proxy)["data"][0]["id"] == "qwen3-32b"


@curl
def test_curl_streams_an_answer_through_the_api_server(worlds):
    body = json.dumps(
        {
            "model": "qwen3-32b",
            "stream": True,
            "messages": [{"role": "user", "content": "Say yes."}],
            "chat_template_kwargs": {"enable_thinking": False},
        }
    )
    line = (
        "curl -sSN -H 'Content-Type: application/json' -d @- "
        f"$KUBERNETES_URL{SERVICE}/v1/chat/completions"
    )
    events = [each for each in shell(worlds, "curl", line, body).split("\n\n") if each]

    assert len(events) > 10
    assert events[-1] == "data: [DONE]"
    assert "Say yes." in "".join(
        choice["delta"].get("content") or ""
        for event in events[:-1]
        for choice in json.loads(event.removeprefix("data: "))["choices"]
    ).replace("  ", " ")


@curl
def test_curl_asks_the_control_api_what_can_be_done(worlds):
    root = json.loads(shell(worlds, "curl", "curl -sS $LEADLINE_SANDBOX_URL/"))

    assert root["folder"] == str(worlds.folder)
    assert "merge" in root["acts"]


def test_the_openai_client_needs_the_environment_file_only(worlds):
    code = "import openai; print(openai.OpenAI(max_retries=0).models.list().data[0].id)"
    assert shell(worlds, "openai", f"{sys.executable} -c '{code}'") == "qwen3-32b\n"


def test_the_openai_client_works_through_the_service_proxy(worlds):
    url = f"{worlds.addresses['admin']}{SERVICE}/v1"
    with openai.OpenAI(base_url=url, api_key="admin", max_retries=0) as client:  # the server's key
        assert client.models.list().data[0].id == "qwen3-32b"


def test_the_api_server_keeps_the_callers_credentials_from_the_engine(worlds):
    request = urllib.request.Request(
        f"{worlds.addresses['cluster']}{SERVICE}/v1/models",
        headers={"Authorization": "Bearer leadline"},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


def test_a_refused_connection_behind_the_service_proxy_is_a_503(worlds):
    worlds.engine.down(NAME)
    try:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{worlds.addresses['admin']}{SERVICE}/v1/models")
    finally:
        worlds.engine.up()

    with caught.value as answer:
        assert answer.code == 503
        assert json.load(answer)["message"].startswith("error trying to reach service")


def test_a_fault_of_the_engine_strikes_behind_the_service_proxy_too(worlds):
    worlds.faults.arm(Fault("engine", "GET models", act="refuse", status=502))

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{worlds.addresses['admin']}{SERVICE}/v1/models")

    with caught.value as answer:
        assert answer.code == 502


def ids(folder):
    """Return what a seeded sandbox with a standing clock is like after some acts."""
    with sandbox(folder, 0.0, setup=Setup(seed=7)) as worlds:
        worlds.github.push("x", {"a.txt": "1"}, "Add.", "bob")
        worlds.slack.say("U0BOB", "C0MLSERVING", "hi")
        worlds.time.advance(60)
        return worlds.github.state(), worlds.slack.state(), uids(worlds)


def uids(worlds):
    kinds = ("nodes", "persistentvolumes", "persistentvolumeclaims")
    state = worlds.cluster.state()
    return {name: item["metadata"]["uid"] for kind in kinds for name, item in state[kind].items()}


def test_the_same_seed_gives_the_same_ids(tmp_path):
    first, second = ids(tmp_path / "a"), ids(tmp_path / "b")

    assert first == second
    assert first[0]["branches"]["x"]


def test_without_a_seed_the_clock_is_the_machines(tmp_path):
    before = time.time()
    with sandbox(tmp_path, 0.0) as worlds:
        assert before <= worlds.time.now().timestamp() <= time.time()


def test_the_cluster_is_as_large_and_as_old_as_asked_for(tmp_path):
    with sandbox(tmp_path, setup=Setup(nodes=2, gpus=8, lws="v0.6.0")) as worlds:
        nodes = worlds.cluster.state()["nodes"]

        assert {n: node["status"]["capacity"]["nvidia.com/gpu"] for n, node in nodes.items()} == {
            "gpu-node-0": "8", "gpu-node-1": "8",
        }  # fmt: skip


def test_an_unknown_lws_version_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match=r"the sandbox plays v0\.10\.0, v0\.8\.0plus"):
        Setup(lws="v1.0").quirks()


def free_row():
    """Return the first of enough neighbouring ports that are free, below those that are lent."""
    first = 12_000 + os.getpid() % 10_000
    for start in range(first, first + 100 * len(PORTS), len(PORTS)):
        with contextlib.suppress(UsageError):
            for port in range(start, start + len(PORTS)):
                claim(port)
            return start
    raise AssertionError("no row of free ports")


def test_fixed_ports_stand_in_their_order(tmp_path):
    start = free_row()
    with sandbox(tmp_path, setup=Setup(port=start)) as worlds:
        ports = {name: int(url.rpartition(":")[2].partition("/")[0])
                 for name, url in worlds.addresses.items()}  # fmt: skip

    assert ports == {name: start + PORTS.index(name) for name in ports}
    assert set(PORTS) - set(ports) == {"socket"}


def test_a_port_that_is_taken_is_said_and_nothing_stays(tmp_path):
    start = free_row()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", start + PORTS.index("engine")))
        other.listen()
        taken = contextlib.ExitStack()
        with pytest.raises(UsageError, match="name another --port"):
            taken.enter_context(sandbox(tmp_path, setup=Setup(port=start)))

    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", start + PORTS.index("slack"))) != 0


def test_another_redis_is_used_where_one_is_named(tmp_path):
    with sandbox(tmp_path / "a") as one:
        url = one.addresses["redis"]
        with sandbox(tmp_path / "b", setup=Setup(redis=url)) as other:
            with redis.Redis.from_url(other.environment["REDIS_URL"]) as client:
                client.set("key", "value")
            with redis.Redis.from_url(url) as client:
                assert client.get("key") == b"value"


@pytest.mark.parametrize(
    ("agent", "name"), [("argocd", "applications"), ("flux", "kustomizations")]
)
def test_the_agent_is_the_one_that_was_asked_for(tmp_path, agent, name):
    with sandbox(tmp_path, setup=Setup(agent=agent)) as worlds:
        assert worlds.cluster.state()[name]


def test_all_servers_start_in_a_second_of_cpu(tmp_path):
    before = time.process_time() + children()
    with sandbox(tmp_path):
        took = time.process_time() + children() - before

    assert took < 1.0


def children():
    times = os.times()
    return times.children_user + times.children_system


def test_everything_that_listened_is_closed_at_the_end(tmp_path):
    with sandbox(tmp_path) as worlds:
        ports = [int(url.rpartition(":")[2].partition("/")[0]) for url in worlds.addresses.values()]

    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_nothing_is_written_outside_of_the_folder(tmp_path):
    folder = tmp_path / "box"
    folder.mkdir()
    with sandbox(folder) as worlds:
        environments.write(worlds)

    assert [path.name for path in Path(tmp_path).iterdir()] == ["box"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "environment", "environment.curl", "environment.git", "environment.kubectl",
        "environment.openai", "environment.slack", "gitops.git", "kubeconfig", "kubeconfig-admin",
    ]  # fmt: skip
