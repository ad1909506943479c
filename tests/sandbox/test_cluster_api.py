"""The sandbox's API server over its sockets, through the real Kubernetes client."""

import json
import urllib.request

import pytest
from kubernetes import client, watch

from sandbox.faults import Fault
from tests.sandbox.test_cluster_bench import LWS, Bench, lws

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}}


@pytest.fixture
def bench():
    with Bench().served() as found:
        yield found


def refusal(act):
    with pytest.raises(client.ApiException) as caught:
        act()
    body = json.loads(caught.value.body)
    assert body["kind"] == "Status"
    return caught.value.status, body["reason"], body["message"]


def configs(bench, *names):
    for name in names:
        body = {**CONFIG, "metadata": {"name": name, "labels": {"letter": name}}}
        bench.core.create_namespaced_config_map("default", body)


def apply(bench, body, path="/api/v1/namespaces/default/configmaps/a"):
    request = urllib.request.Request(
        f"{bench.url}{path}?fieldManager=test&force=true",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": "Bearer writer",
            "Content-Type": "application/apply-patch+yaml",
        },
        method="PATCH",
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.status, json.load(answer)


def test_an_unknown_object_is_a_404(bench):
    assert refusal(lambda: bench.core.read_namespaced_pod("x", "default")) == (
        404,
        "NotFound",
        'pods "x" not found',
    )


def test_a_taken_name_is_a_409(bench):
    configs(bench, "a")

    assert refusal(lambda: configs(bench, "a")) == (
        409,
        "AlreadyExists",
        'configmaps "a" already exists',
    )


def test_a_missing_namespace_is_a_404(bench):
    act = lambda: bench.core.create_namespaced_config_map("nowhere", CONFIG)  # noqa: E731

    assert refusal(act) == (404, "NotFound", 'namespaces "nowhere" not found')


def test_a_namespace_can_be_made(bench):
    bench.core.create_namespace({"metadata": {"name": "llm"}})
    bench.core.create_namespaced_config_map("llm", CONFIG)

    assert bench.core.read_namespace("llm").status.phase == "Active"
    assert len(bench.core.list_config_map_for_all_namespaces().items) == 1
    assert bench.core.list_namespaced_config_map("default").items == []


def test_an_unknown_token_is_a_401(bench):
    stranger = client.CoreV1Api(bench.client_of("stranger"))

    assert refusal(lambda: stranger.list_namespaced_pod("default"))[:2] == (401, "Unauthorized")


def test_a_reader_may_not_write(bench):
    reader = client.CoreV1Api(bench.client_of("reader"))

    assert reader.list_namespaced_config_map("default").items == []
    assert refusal(lambda: reader.create_namespaced_config_map("default", CONFIG)) == (
        403,
        "Forbidden",
        (
            'configmaps is forbidden: User "sandbox-read" cannot create resource "configmaps" '
            'in API group "" in the namespace "default"'
        ),
    )


def test_nobody_may_read_secrets(bench):
    assert refusal(lambda: bench.core.list_namespaced_secret("default"))[:2] == (403, "Forbidden")


def test_a_broken_lws_is_refused_by_its_webhook(bench):
    assert refusal(lambda: bench.create(replicas=-1)) == (
        403,
        "Forbidden",
        (
            'admission webhook "vleaderworkerset.kb.io" denied the request: '
            "spec.replicas: replicas must be equal or greater than 0"
        ),
    )
    assert refusal(lambda: bench.create(name="qwen2.5"))[0] == 403
    assert refusal(lambda: bench.create(restartPolicy="Sometimes"))[:2] == (422, "Invalid")


def test_the_webhook_fills_in_the_defaults(bench):
    stored = bench.create()

    assert "status" not in stored
    assert {
        key: stored["spec"][key] for key in stored["spec"] if key != "leaderWorkerTemplate"
    } == {
        "replicas": 1,
        "startupPolicy": "LeaderCreated",
        "rolloutStrategy": {
            "type": "RollingUpdate",
            "rollingUpdateConfiguration": {"maxSurge": 0, "maxUnavailable": 1, "partition": 0},
        },
        "networkConfig": {"subdomainPolicy": "Shared"},
    }


def test_a_list_comes_in_pages_of_one_resource_version(bench):
    configs(bench, "a", "b", "c")
    first = bench.core.list_namespaced_config_map("default", limit=2)
    configs(bench, "d")
    second = bench.core.list_namespaced_config_map("default", _continue=first.metadata._continue)

    assert [each.metadata.name for each in first.items] == ["a", "b"]
    assert [each.metadata.name for each in second.items] == ["c", "d"]
    assert second.metadata.resource_version == first.metadata.resource_version
    assert second.metadata._continue is None


def test_selectors_choose_by_labels_and_fields(bench):
    configs(bench, "a", "b", "c")

    def names(**selectors):
        found = bench.core.list_namespaced_config_map("default", **selectors).items
        return "".join(each.metadata.name for each in found)

    assert names(label_selector="letter=a") == "a"
    assert names(label_selector="letter!=a") == "bc"
    assert names(label_selector="letter in (a, c),letter") == "ac"
    assert names(label_selector="letter notin (a,c)") == "b"
    assert names(label_selector="!letter") == ""
    assert names(field_selector="metadata.name=b") == "b"


def test_a_watch_sees_what_came_after_the_list_and_ends_with_a_bookmark(bench):
    configs(bench, "a")
    start = bench.core.list_namespaced_config_map("default").metadata.resource_version
    configs(bench, "b")
    bench.core.delete_namespaced_config_map("b", "default")
    seen = list(
        watch.Watch().stream(
            bench.core.list_namespaced_config_map,
            "default",
            resource_version=start,
            timeout_seconds=1,
            allow_watch_bookmarks=True,
            _request_timeout=5,
        )
    )

    assert [(each["type"], each["raw_object"]["metadata"].get("name")) for each in seen] == [
        ("ADDED", "b"),
        ("DELETED", "b"),
        ("BOOKMARK", None),
    ]
    assert seen[-1]["raw_object"]["metadata"]["resourceVersion"] == bench.version()


def test_a_watch_without_a_version_begins_with_what_is_there(bench):
    configs(bench, "a", "b")
    stream = watch.Watch()
    names = []
    for event in stream.stream(
        bench.core.list_namespaced_config_map, "default", label_selector="letter=b"
    ):
        names.append(event["object"].metadata.name)
        stream.stop()

    assert names == ["b"]


def test_a_forgotten_version_is_a_410(bench):
    configs(bench, "a")
    first = bench.core.list_namespaced_config_map("default", limit=1)
    start = first.metadata.resource_version
    configs(bench, "b")
    token = bench.core.list_namespaced_config_map("default", limit=1).metadata._continue
    configs(bench, "c")
    bench.cluster.compact()
    stream = watch.Watch().stream(
        bench.core.list_namespaced_config_map, "default", resource_version=start, timeout_seconds=1
    )

    with pytest.raises(client.ApiException) as caught:
        list(stream)
    assert (caught.value.status, caught.value.reason) == (
        410,
        f"Expired: too old resource version: {start} ({bench.version()})",
    )
    act = lambda: bench.core.list_namespaced_config_map("default", _continue=token)  # noqa: E731
    assert refusal(act)[:2] == (410, "Expired")


def test_apply_creates_merges_and_leaves_alone(bench):
    body = {**CONFIG, "metadata": {"name": "a", "labels": {"of": "apply"}}}
    created, first = apply(bench, body)
    again, second = apply(bench, body)
    changed, third = apply(bench, {**CONFIG, "data": {"y": "2"}})

    assert (created, again, changed) == (201, 200, 200)
    assert second == first
    assert third["data"] == {"x": "1", "y": "2"}
    assert third["metadata"]["labels"] == {"of": "apply"}
    assert third["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]


def test_applying_an_lws_twice_changes_nothing(bench):
    bench.running()
    path = "/apis/leaderworkerset.x-k8s.io/v1/namespaces/default/leaderworkersets/qwen"
    before = bench.custom.get_namespaced_custom_object(*LWS, "qwen")
    _, after = apply(bench, lws(), path)

    assert after == before


def test_a_merge_patch_with_null_removes(bench):
    configs(bench, "a")
    bench.core.patch_namespaced_config_map(
        "a", "default", {"metadata": {"labels": {"letter": None, "new": "1"}}}
    )

    assert bench.core.read_namespaced_config_map("a", "default").metadata.labels == {"new": "1"}


def test_a_write_over_a_newer_state_is_a_409(bench):
    configs(bench, "a")
    old = bench.core.read_namespaced_config_map("a", "default")
    bench.core.patch_namespaced_config_map("a", "default", {"data": {"x": "2"}})

    act = lambda: bench.core.replace_namespaced_config_map("a", "default", old)  # noqa: E731
    assert refusal(act)[:2] == (409, "Conflict")


def test_only_a_new_spec_is_a_new_generation(bench):
    bench.running()
    same = bench.patch("qwen", {"metadata": {"labels": {"a": "1"}}})
    more = bench.patch("qwen", {"spec": {"replicas": 2}})

    assert (same["metadata"]["generation"], more["metadata"]["generation"]) == (1, 2)


def test_the_journal_names_the_calls(bench):
    configs(bench, "a")
    bench.core.list_namespaced_pod("default", label_selector="a=b")
    bench.core.delete_namespaced_config_map("a", "default")

    assert [(e.call, dict(e.detail)) for e in bench.journal.entries() if e.world == "cluster"] == [
        ("CREATE configmaps", {"namespace": "default", "name": ""}),
        ("GET pods", {"namespace": "default", "name": "", "labelSelector": "a=b"}),
        ("DELETE configmaps", {"namespace": "default", "name": "a"}),
    ]


def test_a_fault_stops_a_chosen_call(bench):
    bench.faults.arm(Fault("cluster", "GET configmaps", act="refuse", status=503))
    with pytest.raises(client.ApiException) as caught:
        bench.core.list_namespaced_config_map("default")

    assert caught.value.status == 503
    assert bench.core.list_namespaced_config_map("default").items == []


def test_the_state_holds_every_object(bench):
    bench.running()
    state = json.loads(json.dumps(bench.cluster.state()))

    assert sorted(state["pods"]) == ["default/qwen-0", "default/qwen-0-1"]
    assert sorted(state["nodes"]) == [f"gpu-node-{number}" for number in range(4)]
    assert state["leaderworkersets"]["default/qwen"]["status"]["readyReplicas"] == 1
    assert list(state["services"]) == ["default/qwen"]
