"""What the engine tests share: a deployment, the network before it, the real OpenAI client."""

from contextlib import contextmanager
from urllib.parse import urlsplit

import openai

from sandbox.engine import Engine
from sandbox.serving import serving
from tests.engine.raw import Side
from tests.sandbox.test_cluster_bench import LWS, Bench, lws

SERVICE = "qwen-leader.default.svc:8000"
POD = "qwen-0.qwen.default:8000"
OFF = {"chat_template_kwargs": {"enable_thinking": False}}


class Net:
    """A cluster with one deployment, and the network before it."""

    def __init__(self, bench, engine, server):
        self.bench = bench
        self.engine = engine
        self.proxy = server.url

    @contextmanager
    def client(self, host=SERVICE):
        with (
            openai.DefaultHttpxClient(proxy=self.proxy) as http,
            openai.OpenAI(
                base_url=f"http://{host}/v1",
                api_key="none",
                max_retries=0,
                timeout=5,
                http_client=http,
            ) as client,
        ):
            yield client

    def get(self, path, host=SERVICE):
        with openai.DefaultHttpxClient(proxy=self.proxy) as http:
            return http.get(f"http://{host}{path}")

    def raw(self, host=SERVICE, key=None):
        """Give the network over raw HTTP, as the engine's contract asks it."""
        return Side(urlsplit(self.proxy).netloc, host=host, key=key)

    def chat(self, host=SERVICE, said="hello", **options):
        asked = {"model": "qwen3-32b", "messages": [{"role": "user", "content": said}]}
        with self.client(host) as client:
            return client.chat.completions.create(**asked | options)

    def stream(self, host=SERVICE, **options):
        asked = {"model": "qwen3-32b", "messages": [{"role": "user", "content": "hello"}]}
        with self.client(host) as client:
            yield from client.chat.completions.create(**asked | options, stream=True)

    def chats(self):
        entries = self.bench.journal.entries()
        return [dict(e.detail) for e in entries if e.call == "POST chat/completions"]


@contextmanager
def network(body=None, pace=None, **settings):
    with Bench(**settings).served() as bench:
        engine = Engine(bench.time, bench.journal, bench.cluster, pace)
        bench.core.create_namespaced_service("default", service())
        bench.custom.create_namespaced_custom_object(*LWS, body or lws())
        with serving(engine.world(), bench.faults) as server:
            yield Net(bench, engine, server)


def service():
    mark = "leaderworkerset.sigs.k8s.io/"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "qwen-leader"},
        "spec": {
            "ports": [{"name": "http", "port": 8000, "targetPort": "http"}],
            "selector": {f"{mark}name": "qwen", f"{mark}worker-index": "0"},
        },
    }


def with_leader(command, args=(), **wishes):
    body = lws(**wishes)
    container = body["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["spec"]["containers"][0]
    container["command"] = command
    container["args"] = [*container["args"], *args]
    return body


def vllm(*args, image="vllm:v0.10.0", **wishes):
    command = ["python3", "-m", "vllm.entrypoints.openai.api_server"]
    return with_leader(command, args, image=image, **wishes)


def sglang(*args, image="sglang:v0.4.10.post2", **wishes):
    """Return a deployment whose pods all run the server, as SGLang's do."""
    listen = ["--host", "0.0.0.0", "--port", "8000"]  # noqa: S104 - as inside of a pod
    command = ["python3", "-m", "sglang.launch_server"]
    body = with_leader(command, [*listen, *args], image=image, **wishes)
    worker = body["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"]["containers"][0]
    worker |= {"command": command, "args": listen}
    return body
