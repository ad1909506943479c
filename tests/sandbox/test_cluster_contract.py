"""What every API server with LeaderWorkerSets answers: the sandbox's and, if there is one, a real.

LEADLINE_TEST_KUBECONFIG names the kubeconfig of a cluster with the LWS CRD and controller; its
user may make and delete a namespace. Everything happens in a namespace of its own, which is
deleted in the end. Both sides are reached through a kubeconfig file and the same client.
"""

import json
import os
import uuid
from contextlib import contextmanager

import pytest
from kubernetes import client, config, watch

from tests.sandbox.test_cluster_bench import Bench, lws

GROUP = ("leaderworkerset.x-k8s.io", "v1")
REAL = os.environ.get("LEADLINE_TEST_KUBECONFIG", "")


class Side:
    """An API server and a namespace of our own on it."""

    def __init__(self, kubeconfig):
        self.api = config.new_client_from_config(config_file=str(kubeconfig))
        self.core, self.custom = client.CoreV1Api(self.api), client.CustomObjectsApi(self.api)
        self.namespace = f"leadline-{uuid.uuid4().hex[:10]}"

    @contextmanager
    def furnished(self):
        self.core.create_namespace({"metadata": {"name": self.namespace}})
        try:
            yield self
        finally:
            self.core.delete_namespace(self.namespace)

    def config_map(self, name, **data):
        body = {"metadata": {"name": name, "labels": {"letter": name}}, "data": data}
        return self.core.create_namespaced_config_map(self.namespace, body)

    def create(self, **wishes):
        body = lws(**wishes)
        return self.custom.create_namespaced_custom_object(
            *GROUP, self.namespace, "leaderworkersets", body
        )

    def patch(self, name, body):
        return self.custom.patch_namespaced_custom_object(
            *GROUP, self.namespace, "leaderworkersets", name, body
        )

    def apply(self, body):
        """Send a server-side apply, as kubectl does."""
        return self.core.patch_namespaced_config_map(
            body["metadata"]["name"],
            self.namespace,
            body,
            field_manager="contract",
            force=True,
            _content_type="application/apply-patch+yaml",
        )

    def watched(self, listing, until, **options):
        """Return `type name` of what a watch brings, to the first that is awaited."""
        seen, stream = [], watch.Watch()
        for event in stream.stream(listing, self.namespace, timeout_seconds=60, **options):
            seen.append(f"{event['type']} {event['object'].metadata.name}")
            if seen[-1] == until:
                stream.stop()
        return seen


@pytest.fixture(params=["sandbox", "real"])
def side(request, tmp_path):
    if request.param == "real":
        if not REAL:
            pytest.skip("LEADLINE_TEST_KUBECONFIG names no kubeconfig of a real cluster")
        with Side(REAL).furnished() as found:
            yield found
        return
    with Bench().served() as bench:
        path = tmp_path / "kubeconfig"
        path.write_text(bench.cluster.kubeconfig(bench.url, "writer"), encoding="utf-8")
        with Side(path).furnished() as found:
            yield found


def refusal(act):
    with pytest.raises(client.ApiException) as caught:
        act()
    body = json.loads(caught.value.body)
    return caught.value.status, body["kind"], body["reason"], body["message"]


def test_an_unknown_object_is_a_404(side):
    act = lambda: side.core.read_namespaced_pod("x", side.namespace)  # noqa: E731

    assert refusal(act) == (404, "Status", "NotFound", 'pods "x" not found')


def test_a_taken_name_is_a_409(side):
    side.config_map("a")

    said = 'configmaps "a" already exists'
    assert refusal(lambda: side.config_map("a")) == (409, "Status", "AlreadyExists", said)


def test_a_missing_namespace_is_a_404(side):
    nowhere = f"{side.namespace}-not"
    act = lambda: side.core.create_namespaced_config_map(nowhere, {"metadata": {"name": "a"}})  # noqa: E731

    said = f'namespaces "{nowhere}" not found'
    assert refusal(act) == (404, "Status", "NotFound", said)


def test_a_write_over_a_newer_state_is_a_409(side):
    old = side.config_map("a", x="1")
    side.core.patch_namespaced_config_map("a", side.namespace, {"data": {"x": "2"}})
    act = lambda: side.core.replace_namespaced_config_map("a", side.namespace, old)  # noqa: E731

    assert refusal(act)[:3] == (409, "Status", "Conflict")


def test_a_list_comes_in_pages_of_one_resource_version(side):
    for name in "abc":
        side.config_map(name)
    first = side.core.list_namespaced_config_map(side.namespace, limit=2, label_selector="letter")
    rest = side.core.list_namespaced_config_map(
        side.namespace, limit=2, label_selector="letter", _continue=first.metadata._continue
    )

    assert [each.metadata.name for each in [*first.items, *rest.items]] == ["a", "b", "c"]
    assert rest.metadata.resource_version == first.metadata.resource_version
    assert not rest.metadata._continue


def test_selectors_choose_by_labels_and_fields(side):
    for name in "abc":
        side.config_map(name)
    listing = side.core.list_namespaced_config_map

    named = listing(side.namespace, field_selector="metadata.name=b")
    some = listing(side.namespace, label_selector="letter in (a,c)")
    assert [each.metadata.name for each in named.items] == ["b"]
    assert [each.metadata.name for each in some.items] == ["a", "c"]


def test_a_watch_sees_what_came_after_the_list(side):
    listing = side.core.list_namespaced_config_map
    side.config_map("a")
    start = listing(side.namespace).metadata.resource_version
    side.config_map("b")
    side.core.patch_namespaced_config_map("a", side.namespace, {"data": {"x": "1"}})
    side.core.delete_namespaced_config_map("b", side.namespace)

    options = {"resource_version": start, "label_selector": "letter"}
    seen = side.watched(listing, "DELETED b", **options)
    assert seen == ["ADDED b", "MODIFIED a", "DELETED b"]


def test_a_merge_patch_with_null_removes(side):
    side.config_map("a")
    change = {"metadata": {"labels": {"letter": None, "new": "1"}}}
    side.core.patch_namespaced_config_map("a", side.namespace, change)

    assert side.core.read_namespaced_config_map("a", side.namespace).metadata.labels == {"new": "1"}


def test_apply_creates_and_applying_again_changes_nothing(side):
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a"},
        "data": {"x": "1"},
    }
    first, second = side.apply(body), side.apply(body)

    assert first.data == {"x": "1"}
    assert second.metadata.resource_version == first.metadata.resource_version


def test_a_dry_run_leaves_nothing_behind(side):
    side.core.create_namespaced_config_map(
        side.namespace, {"metadata": {"name": "a"}}, dry_run="All"
    )

    act = lambda: side.core.read_namespaced_config_map("a", side.namespace)  # noqa: E731
    assert refusal(act)[:3] == (404, "Status", "NotFound")


def test_the_webhook_fills_in_the_defaults(side):
    spec = side.create(replicas=0)["spec"]

    assert spec["startupPolicy"] == "LeaderCreated"
    assert spec["networkConfig"] == {"subdomainPolicy": "Shared"}
    assert spec["leaderWorkerTemplate"]["restartPolicy"] == "RecreateGroupOnPodRestart"
    assert spec["rolloutStrategy"]["type"] == "RollingUpdate"


def test_a_broken_lws_is_refused(side):
    status, kind, _, message = refusal(lambda: side.create(size=0))

    assert (status // 100, kind) == (4, "Status")
    assert "size must be equal or greater than 1" in message or "size in body" in message


def test_only_a_new_spec_is_a_new_generation(side):
    side.create(replicas=0)
    same = side.patch("qwen", {"metadata": {"labels": {"a": "1"}}})
    more = side.patch("qwen", {"spec": {"startupPolicy": "LeaderReady"}})

    assert (same["metadata"]["generation"], more["metadata"]["generation"]) == (1, 2)


def test_an_lws_without_groups_becomes_available(side):
    listing = side.custom.list_namespaced_custom_object
    side.create(replicas=0)
    stream = watch.Watch()
    for event in stream.stream(
        listing, *GROUP, side.namespace, "leaderworkersets", timeout_seconds=60
    ):
        status = event["object"].get("status", {})
        conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
        if conditions.get("Available") == "True":
            stream.stop()

    assert conditions["Available"] == "True"
    assert "readyReplicas" not in status
