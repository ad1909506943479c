"""The sandbox's GitHub: webhooks, signed, in the background, and what can happen to them."""

import json
import queue
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from werkzeug.wrappers import Response

from sandbox.faults import Faults
from sandbox.github.apps import App
from sandbox.github.hooks import Hook, HookFault, signature
from sandbox.serving import World, serving
from tests.sandbox.test_github_bench import (
    ALICE,
    BRANCH,
    Hub,
    commit_on,
    open_pull,
    proposed,
    ref_of,
    refusal,
    text,
)

SECRET = "s3cret"


class Receiver:
    """Takes webhooks, checks their signatures, and keeps them."""

    def __init__(self):
        self.status, self.got = 202, queue.Queue()

    def take(self, request):
        body = request.get_data()
        assert request.headers["X-Hub-Signature-256"] == signature(SECRET, body)
        self.got.put((dict(request.headers), json.loads(body)))
        return Response("", self.status)

    def world(self):
        return World("receiver", lambda request: request.path, self.take)

    def next(self):
        return self.got.get(timeout=5)


@pytest.fixture
def hub(tmp_path):
    with Hub(tmp_path).served() as found:
        yield found


@pytest.fixture
def receiver(hub):
    made = Receiver()
    with serving(made.world(), Faults()) as server:
        hub.github.hooks.add(Hook(f"{server.url}/hook", SECRET))
        yield made


def told(hub, receiver):
    """Return event and action of everything sent so far, in order."""
    assert hub.github.hooks.drain()
    found = [receiver.got.get() for _ in range(receiver.got.qsize())]
    return [(headers["X-Github-Event"], body.get("action")) for headers, body in found]


def test_a_proposal_is_told_as_a_push_and_an_opened_pull_request(hub, receiver):
    pull = proposed(hub)
    headers, push = receiver.next()
    _, opened = receiver.next()

    assert headers["X-Github-Event"] == "push"
    assert str(uuid.UUID(headers["X-Github-Delivery"])) == headers["X-Github-Delivery"]
    assert headers["Content-Type"] == "application/json"
    assert (push["ref"], push["before"], push["after"]) == (
        f"refs/heads/{BRANCH}", "0" * 40, pull.head.sha,
    )  # fmt: skip
    assert (push["created"], push["deleted"], push["forced"]) == (True, False, False)
    assert push["head_commit"]["added"] == ["overlays/prod/qwen/llm.yaml"]
    assert push["repository"]["full_name"] == "acme/gitops"
    assert (push["pusher"]["name"], push["sender"]["login"]) == ("leadline", "leadline")
    assert (opened["action"], opened["number"]) == ("opened", 1)
    assert opened["pull_request"]["head"]["sha"] == pull.head.sha
    assert opened["pull_request"]["html_url"] == pull.html_url


def test_every_act_on_a_pull_request_is_told(hub, receiver):
    commit_on(hub.repository(), text("a.txt", "a"))
    pull = open_pull(hub.repository(), draft=True)
    hub.github.ready(1, "alice")
    pull.add_to_labels("llm")
    pull.remove_from_labels("llm")
    pull.edit(title="New")
    hub.github.push(BRANCH, {"b.txt": "b"}, "More.", "alice")
    pull.create_issue_comment("hello")
    hub.github.review(1, "alice")
    pull.edit(state="closed")
    pull.edit(state="open")
    hub.repository().get_commit("main").create_status("success", context="ci")
    hub.github.merge(1, "bob")

    assert told(hub, receiver) == [
        ("push", None),
        ("pull_request", "opened"),
        ("pull_request", "ready_for_review"),
        ("pull_request", "labeled"),
        ("pull_request", "unlabeled"),
        ("pull_request", "edited"),
        ("push", None),
        ("pull_request", "synchronize"),
        ("issue_comment", "created"),
        ("pull_request_review", "submitted"),
        ("pull_request", "closed"),
        ("pull_request", "reopened"),
        ("status", None),
        ("push", None),
        ("pull_request", "closed"),
    ]


def test_a_merge_and_a_close_differ_in_merged(hub, receiver):
    proposed(hub)
    hub.github.merge(1, "bob")
    proposed(hub, "x.txt", branch="llm/prod/other")
    ref_of(hub.repository(), "heads/llm/prod/other").delete()
    assert hub.github.hooks.drain()
    found = [receiver.got.get()[1] for _ in range(receiver.got.qsize())]
    closed = [body for body in found if body.get("action") == "closed"]

    assert [body["pull_request"]["merged"] for body in closed] == [True, False]
    assert closed[0]["pull_request"]["merged_by"]["login"] == "bob"
    assert found[-2]["deleted"] is True  # the push that took the branch away


def test_what_is_told_is_what_was_then(hub, receiver):
    pull = proposed(hub)
    pull.edit(title="Second")
    pull.edit(title="Third")
    assert hub.github.hooks.drain()
    found = [receiver.got.get()[1] for _ in range(receiver.got.qsize())]

    titles = [body["pull_request"]["title"] for body in found if "pull_request" in body]
    assert titles == ["Deploy qwen", "Second", "Third"]
    assert found[-1]["changes"] == {"title": {"from": "Second"}}


def test_only_the_events_asked_for_are_sent(hub, receiver):
    hook = next(iter(hub.github.hooks.all().values()))
    only = Hub(hub.path.parent / "other")
    only.github.hooks.add(Hook(hook.url, SECRET, ("pull_request",)))
    with only.served():
        proposed(only)

        assert told(only, receiver) == [("pull_request", "opened")]


def test_a_failed_delivery_is_not_sent_again_until_somebody_asks(hub, receiver):
    receiver.status = 500
    proposed(hub)
    assert told(hub, receiver) == [("push", None), ("pull_request", "opened")]
    receiver.status = 202
    failed = hub.github.hooks.deliveries()[-1]
    assert (failed.status_code, failed.as_json()["status"]) == (500, "failed")

    hub.github.hooks.redeliver(failed.id)

    headers, _ = receiver.next()
    assert headers["X-Github-Delivery"] == failed.guid
    assert hub.github.hooks.drain()
    again = hub.github.hooks.deliveries()[0]
    assert (again.guid, again.redelivery, again.status_code) == (failed.guid, True, 202)


@pytest.mark.parametrize(
    ("fault", "events"),
    [
        (HookFault("push", "lose"), ["pull_request"]),
        (HookFault("push", "duplicate"), ["push", "push", "pull_request"]),
        (HookFault("push", "swap"), ["pull_request", "push"]),
        (HookFault("push", "late"), ["pull_request"]),
    ],
)
def test_webhooks_go_wrong_on_demand(hub, receiver, fault, events):
    hub.github.hooks.arm(fault)
    proposed(hub)

    assert [event for event, _ in told(hub, receiver)] == events


def test_a_late_webhook_comes_when_its_time_has_come(hub, receiver):
    hub.github.hooks.arm(HookFault("push", "late", seconds=600))
    proposed(hub)
    assert told(hub, receiver) == [("pull_request", "opened")]
    assert hub.time.await_sleepers(1)

    hub.time.advance(600)

    assert receiver.next()[0]["X-Github-Event"] == "push"


def test_a_receiver_that_is_not_there_does_not_hold_anything_up(hub):
    hub.github.hooks.add(Hook("http://127.0.0.1:9/", SECRET))
    proposed(hub)

    assert hub.github.hooks.drain()
    assert {one.status_code for one in hub.github.hooks.deliveries()} == {0}


def test_hooks_are_made_and_delivered_again_over_the_api(hub, receiver):
    url = next(iter(hub.github.hooks.all().values())).url
    repository = hub.repository(ALICE)
    config = {"url": url, "content_type": "json", "secret": SECRET}
    made = repository.create_hook("web", config, events=["pull_request"])
    proposed(hub)
    assert hub.github.hooks.drain()

    (delivery,) = repository.get_hook_deliveries(made.id)
    assert (delivery.event, delivery.action, delivery.status) == ("pull_request", "opened", "OK")
    assert made.config["secret"] == "********"
    path = f"{made.url}/deliveries/{delivery.id}/attempts"
    repository.requester.requestJsonAndCheck("POST", path)
    assert hub.github.hooks.drain()
    assert [one.redelivery for one in repository.get_hook_deliveries(made.id)] == [True, False]


def test_a_removed_hook_is_told_nothing_and_its_number_is_not_used_again(hub, receiver):
    repository = hub.repository(ALICE)
    config = {"url": next(iter(hub.github.hooks.all().values())).url, "content_type": "json"}
    made = repository.create_hook("web", config, events=["push"])
    made.delete()
    again = repository.create_hook("web", config, events=["pull_request"])
    proposed(hub)
    assert hub.github.hooks.drain()

    assert again.id != made.id
    assert made.id not in {one.hook for one in hub.github.hooks.deliveries()}
    assert refusal(made.delete).status == 404


def test_a_webhook_names_the_installation_of_the_app(tmp_path):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    taken = Receiver()
    served = Hub(tmp_path, app=App(5, "leadline", pem, 77)).served()
    with served as hub, serving(taken.world(), Faults()) as server:
        hub.github.hooks.add(Hook(server.url, SECRET, ("push",)))
        commit_on(hub.repository(), text("a.txt", "a"))

        assert taken.next()[1]["installation"] == {"id": 77}


def test_a_check_run_is_told_with_the_pull_requests_that_end_in_its_commit(hub, receiver):
    pull = proposed(hub)
    hub.github.check(BRANCH, "ci", status="in_progress")
    hub.github.check(BRANCH, "ci", "failure")
    hub.github.check("main", "ci")
    assert hub.github.hooks.drain()
    found = [receiver.got.get() for _ in range(receiver.got.qsize())]
    runs = [body for headers, body in found if headers["X-Github-Event"] == "check_run"]

    assert [
        (b["action"], b["check_run"]["status"], b["check_run"]["conclusion"]) for b in runs
    ] == [
        ("created", "in_progress", None),
        ("completed", "completed", "failure"),
        ("completed", "completed", "success"),
    ]
    numbers = [[one["number"] for one in b["check_run"]["pull_requests"]] for b in runs]
    assert numbers == [[pull.number], [pull.number], []]
    assert runs[0]["check_run"]["id"] == runs[1]["check_run"]["id"]
    assert runs[0]["repository"]["full_name"] == "acme/gitops"
