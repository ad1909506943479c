"""The deeper calls of the sandbox's API server: patches, dry runs, validation, logs, proxy."""

import json
import threading
import urllib.error
import urllib.request

import pytest
from kubernetes import client, watch
from werkzeug.wrappers import Response

from sandbox.clock import Time
from sandbox.cluster import LWS_0_6_0, Speeds
from tests.sandbox.test_cluster_bench import SPEEDS, Bench, lws

LWS_PATH = "/apis/leaderworkerset.x-k8s.io/v1/namespaces/default/leaderworkersets"


@pytest.fixture
def bench():
    with Bench().served() as found:
        yield found


def call(bench, method, path, body=None, form="application/json", caller="writer"):
    request = urllib.request.Request(
        bench.url + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {caller}", "Content-Type": form},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, json.load(error), error.headers


def config(bench, **data):
    bench.core.create_namespaced_config_map(
        "default", {"metadata": {"name": "a", "labels": {"x": "1"}}, "data": data}
    )
    return "/api/v1/namespaces/default/configmaps/a"


def json_patch(bench, path, *steps):
    return call(bench, "PATCH", path, list(steps), "application/json-patch+json")


def test_a_json_patch_is_carried_out_step_by_step(bench):
    path = config(bench, a="1", b="2")
    _, after, _ = json_patch(
        bench,
        path,
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "replace", "path": "/data/a", "value": "3"},
        {"op": "move", "from": "/data/b", "path": "/data/c"},
        {"op": "add", "path": "/metadata/labels/a~1b", "value": "y"},
        {"op": "remove", "path": "/metadata/labels/x"},
    )

    assert after["data"] == {"a": "3", "c": "2"}
    assert after["metadata"]["labels"] == {"a/b": "y"}


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"op": "test", "path": "/data/a", "value": "2"}, 422),
        ({"op": "remove", "path": "/data/z"}, 422),
        ({"op": "shuffle", "path": "/data/a"}, 400),
        ({"op": "add"}, 400),
    ],
)
def test_a_json_patch_that_does_not_apply_changes_nothing(bench, step, code):
    path = config(bench, a="1")
    status, body, _ = json_patch(bench, path, {"op": "remove", "path": "/metadata/labels"}, step)

    assert (status, body["kind"]) == (code, "Status")
    assert call(bench, "GET", path)[1]["metadata"]["labels"] == {"x": "1"}


def test_the_status_is_written_through_its_subresource_only(bench):
    bench.running()
    path = f"{LWS_PATH}/qwen"
    wrong = {"status": {"readyReplicas": 7}}
    merge = "application/merge-patch+json"
    _, unchanged, _ = call(bench, "PATCH", path, wrong, merge)
    _, shown, _ = call(bench, "GET", f"{path}/status")

    assert unchanged["status"]["readyReplicas"] == 1
    assert shown["status"]["readyReplicas"] == 1
    status, changed, _ = call(
        bench, "PATCH", f"{path}/status", {**wrong, "spec": {"replicas": 9}}, merge
    )
    assert (status, changed["status"]["readyReplicas"], changed["spec"]["replicas"]) == (200, 7, 1)


def test_a_dry_run_says_what_would_be_and_changes_nothing(bench):
    created, made, _ = call(bench, "POST", f"{LWS_PATH}?dryRun=All", lws())
    refused, _, _ = call(bench, "POST", f"{LWS_PATH}?dryRun=All", lws(replicas=-1))
    bench.running()
    before = bench.version()
    _, patched, _ = call(
        bench,
        "PATCH",
        f"{LWS_PATH}/qwen?dryRun=All",
        {"spec": {"replicas": 3}},
        "application/merge-patch+json",
    )
    deleted, _, _ = call(bench, "DELETE", f"{LWS_PATH}/qwen?dryRun=All")

    assert (created, refused, deleted) == (201, 403, 200)
    assert made["spec"]["startupPolicy"] == "LeaderCreated"
    assert (patched["spec"]["replicas"], patched["metadata"]["generation"]) == (3, 2)
    assert bench.version() == before
    assert call(bench, "GET", f"{LWS_PATH}/qwen")[1]["spec"]["replicas"] == 1


def typing_errors():
    body = lws()
    body["spec"]["replica"] = 2
    pod = body["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"]
    pod["containers"][0]["comand"] = ["x"]
    return body


def test_strict_validation_refuses_unknown_fields(bench):
    status, body, _ = call(bench, "POST", f"{LWS_PATH}?fieldValidation=Strict", typing_errors())

    assert (status, body["reason"]) == (400, "BadRequest")
    assert body["message"].endswith(
        'strict decoding error: unknown field "spec.replica", '
        'unknown field "spec.leaderWorkerTemplate.workerTemplate.spec.containers[0].comand"'
    ) or body["message"].endswith('containers[0].comand", unknown field "spec.replica"')


def test_without_strict_validation_unknown_fields_are_dropped_with_a_warning(bench):
    status, body, headers = call(bench, "POST", LWS_PATH, typing_errors())

    assert status == 201
    assert "replica" not in body["spec"]
    assert any('unknown field \\"spec.replica\\"' in each for each in headers.get_all("Warning"))


def test_orphans_stay_without_an_owner(bench):
    bench.running()
    uid = bench.cluster.get("pods", "default", "qwen-0")["metadata"]["uid"]
    call(bench, "DELETE", "/apis/apps/v1/namespaces/default/statefulsets/qwen-0"
         "?propagationPolicy=Orphan")  # fmt: skip
    bench.wait("pod.ready", name="qwen-0-1")

    assert bench.cluster.get("pods", "default", "qwen-0")["metadata"]["uid"] == uid


def test_an_object_that_leaves_the_selection_is_deleted_for_the_watch(bench):
    config(bench, a="1")
    start = bench.version()
    bench.core.patch_namespaced_config_map("a", "default", {"metadata": {"labels": {"x": "2"}}})
    bench.core.patch_namespaced_config_map("a", "default", {"metadata": {"labels": {"x": "1"}}})
    bench.core.patch_namespaced_config_map("a", "default", {"data": {"b": "1"}})
    seen = watch.Watch().stream(
        bench.core.list_namespaced_config_map,
        "default",
        label_selector="x=1",
        resource_version=start,
        timeout_seconds=1,
    )

    assert [each["type"] for each in seen] == ["DELETED", "ADDED", "MODIFIED"]


def test_a_watch_that_falls_behind_ends_with_410_in_the_stream(bench):
    config(bench, a="1")
    start = int(bench.version())
    bench.core.patch_namespaced_config_map("a", "default", {"data": {"b": "1"}})
    bench.cluster.compact()
    path = f"/api/v1/namespaces/default/configmaps?watch=true&resourceVersion={start}"
    request = urllib.request.Request(bench.url + path, headers={"Authorization": "Bearer writer"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        lines = [json.loads(line) for line in answer]

    assert [(each["type"], each["object"]["code"], each["object"]["reason"]) for each in lines] == [
        ("ERROR", 410, "Expired")
    ]


def test_a_log_is_followed_until_the_pod_is_gone():
    frozen = Time(rate=0)
    with Bench(time=frozen, speeds=Speeds(pull=0, start=1, load=100, stop=1)).served() as bench:
        bench.create()
        bench.wait("pod.scheduled", name="qwen-0-1")
        frozen.advance(1)
        bench.wait("pod.running", name="qwen-0-1")
        stream = bench.core.read_namespaced_pod_log(
            "qwen-0", "default", follow=True, _preload_content=False
        )
        first = next(iter(stream)).decode()
        frozen.advance(100)
        bench.wait("pod.ready", name="qwen-0")
        rest = []
        reader = threading.Thread(target=lambda: rest.extend(stream), daemon=True)
        reader.start()
        call(bench, "DELETE", f"{LWS_PATH}/qwen")
        bench.wait("pod.stopping", name="qwen-0")
        frozen.advance(2)
        bench.wait("pod.gone", name="qwen-0")
        reader.join(5)

        assert first.startswith("INFO Starting to load model")
        assert not reader.is_alive()


def test_a_log_of_an_unknown_container_is_refused(bench):
    bench.running()
    with pytest.raises(client.ApiException) as caught:
        bench.core.read_namespaced_pod_log("qwen-0", "default", container="nobody")

    assert caught.value.status == 400
    assert "container nobody is not valid for pod qwen-0" in caught.value.body


def forwarding(target, request):
    def answer():
        yield f"{request.method} {target.host}{target.path}?{request.query_string.decode()}\n"
        yield request.get_data(as_text=True)

    return Response(answer(), 201, mimetype="text/event-stream")


def service(bench):
    bench.core.create_namespaced_service(
        "default",
        {
            "metadata": {"name": "qwen-svc"},
            "spec": {
                "selector": {
                    "leaderworkerset.sigs.k8s.io/name": "qwen",
                    "leaderworkerset.sigs.k8s.io/worker-index": "0",
                },
                "ports": [{"name": "http", "port": 8000}],
            },
        },
    )


PROXY = "/api/v1/namespaces/default/services/qwen-svc:http/proxy/v1/chat/completions?a=b"


def test_the_service_proxy_streams_what_stands_behind_a_service():
    with Bench(forward=forwarding).served() as bench:
        service(bench)
        early, refused, _ = call(bench, "POST", PROXY, {"stream": True}, caller="reader")
        bench.running()
        request = urllib.request.Request(
            bench.url + PROXY, b'{"stream": true}', {"Authorization": "Bearer reader"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            status, text = answer.status, answer.read().decode()

        assert (early, refused["reason"]) == (503, "ServiceUnavailable")
        assert refused["message"] == 'no endpoints available for service "qwen-svc:http"'
        assert status == 201
        assert text == ('POST qwen-svc.default.svc:8000/v1/chat/completions?a=b\n{"stream": true}')


def test_on_v0_6_the_size_may_not_change():
    with Bench(quirks=LWS_0_6_0, speeds=SPEEDS).served() as bench:
        bench.running()
        status, body, _ = call(
            bench,
            "PATCH",
            f"{LWS_PATH}/qwen",
            {"spec": {"leaderWorkerTemplate": {"size": 3}}},
            "application/merge-patch+json",
        )

        assert status == 403
        assert body["message"].endswith(
            "spec.leaderWorkerTemplate.size: Invalid value: 3: field is immutable"
        )
