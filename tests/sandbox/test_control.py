"""The control API over a socket: acts with their types, faults, the clock, the root."""

import http.server
import json
import re
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from sandbox.acting import Act, Named
from sandbox.worlds import sandbox

LWS = "/apis/leaderworkerset.x-k8s.io/v1/namespaces/default/leaderworkersets"


@pytest.fixture
def worlds(tmp_path):
    with sandbox(tmp_path, 50.0) as made:
        yield made


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """One sandbox for all refusals: none of them may change anything."""
    with sandbox(tmp_path_factory.mktemp("still"), 50.0) as made:
        yield made


def ask(url, body=None, headers=None, method=None):
    """Return status and body of a call."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def act(worlds, act, /, **body):
    return ask(f"{worlds.addresses['control']}/acts/{act}", body)


def state(worlds, world):
    return ask(f"{worlds.addresses['control']}/state/{world}")[1]


def github(worlds, method, path, body=None, login="bob"):
    url = f"{worlds.addresses['github']}/repos/acme/gitops/{path}"
    return ask(url, body, {"Authorization": f"Bearer ghp_{login}"}, method)[1]


def pull_request(worlds, branch="change"):
    """Let alice propose a change; return its number."""
    assert act(worlds, "push", branch=branch, files={"a.txt": branch}, by="alice")[0] == 200
    body = {"title": "Change", "head": branch, "base": "main"}
    return github(worlds, "POST", "pulls", body, "alice")["number"]


def test_the_root_lists_addresses_acts_worlds_and_calls(still):
    status, root = ask(still.addresses["control"])

    assert status == 200
    assert root["addresses"] == still.addresses
    assert set(root["addresses"]) == {
        "control", "slack", "github", "cluster", "admin", "engine", "leadline", "redis",
    }  # fmt: skip
    assert root["acts"]["merge"] == {
        "number": "int",
        "by": "str = 'bob'",
        "method": "str = 'merge'",
    }
    assert root["acts"] == ask(f"{still.addresses['control']}/acts")[1]
    assert root["states"] == ["agent", "cluster", "engine", "github", "slack"]
    assert "POST /acts/<act>" in root["calls"]


def documented_acts():
    """Return the words that docs/sandbox.md gives for each act."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "sandbox.md").read_text("utf-8")
    section = page.partition("## Acts\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*`) \|([^|]*)\|", section, re.MULTILINE)
    acts = [(re.findall(r"`([^`]+)`", names), words.strip()) for names, words in rows]
    return {name: set(words.split(", ")) - {""} for names, words in acts for name in names}


def test_the_page_names_every_act_with_its_words(still):
    found = {name: set(act.words) for name, act in still.acts.items()}

    assert documented_acts() == found


def test_an_unknown_act_is_a_404_with_the_list(still):
    status, said = act(still, "explode")

    assert status == 404
    assert said["message"].startswith("no act explode; there are ")
    assert " merge, " in said["message"]


@pytest.mark.parametrize("path", ["/state/gitlab", "/faults/99", "/nothing"])
def test_what_is_not_there_is_a_404(still, path):
    assert ask(still.addresses["control"] + path)[0] == 404


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/acts/merge", {}, "missing required field number"),
        ("/acts/merge", {"number": "one"}, "Expected int, got str - at number"),
        ("/acts/merge", {"number": 1, "who": "bob"}, "unknown field who"),
        ("/acts/kill", {"pod": 3}, "Expected str, got int - at pod"),
        ("/acts/hook_fault", {"event": "push", "act": "eat"}, "at act"),
        ("/acts/push", {"branch": "b", "files": {"a": 1}}, "at files"),
        ("/acts/trouble", {"call": ".*", "name": "bad luck"}, "no trouble bad luck; there are"),
        ("/acts/trouble", {"call": ".*", "name": "x", "nth": 1.5}, "at nth"),
        ("/clock/advance", {"seconds": "long"}, "at seconds"),
        ("/clock/sleep", {}, "missing required field seconds"),
        ("/faults", {"world": "gitlab", "call": ".*"}, "at world"),
        ("/faults", {"world": "github", "call": "("}, "no regular expression"),
        ("/faults", {"world": "github", "call": ".*", "act": "explode"}, "at act"),
        ("/acts/merge", [1], "the body must be one JSON object"),
        ("/acts/merge", b"{", "the body is not JSON"),
    ],
)
def test_a_wrong_body_is_a_400_that_names_the_field(still, path, body, said):
    status, answer = ask(still.addresses["control"] + path, body)

    assert status == 400
    assert said in answer["message"]


def test_a_wrong_body_is_answered_with_what_the_act_takes(still):
    _, answer = act(still, "merge")

    assert "it takes number: int, by: str = 'bob', method: str = 'merge'" in answer["message"]


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("merge", {"number": 7}, 409),
        ("review", {"number": 7}, 409),
        ("comment", {"number": 7, "body": "hi", "by": "mallory"}, 409),
        ("hook_redeliver", {"delivery_id": 7}, 409),
        ("type", {"text": "help", "by": "mallory"}, 409),
        ("delete_message", {"ts": "1.2"}, 409),
        ("oom", {"pod": "ghost"}, 404),
        ("cordon", {"node": "ghost"}, 404),
    ],
)
def test_what_a_world_refuses_is_said_with_its_reason(still, name, body, status):
    answered, answer = act(still, name, **body)

    assert answered == status
    assert answer["message"]


def meet(who: threading.Thread) -> None:
    """Take what no JSON can give."""


def gather(*who: str) -> None:
    """Take words without names."""


def test_an_act_that_no_body_can_give_is_an_error_at_the_start():
    with pytest.raises(TypeError, match="no JSON body can give a Thread"):
        Act.of(meet)
    with pytest.raises(TypeError, match=r"\*who cannot be in a body"):
        Act.of(gather)


def test_a_word_for_a_parameter_that_is_gone_is_an_error_at_the_start():
    with pytest.raises(TypeError, match="has no parameter login"):
        Act.of(threading.Event().set, by=Named("login"))


def test_people_review_comment_close_and_reopen_a_pull_request(worlds):
    number = pull_request(worlds)

    assert act(worlds, "protect", approvals=1, contexts=["ci"])[0] == 200
    assert act(worlds, "merge", number=number)[0] == 409
    assert act(worlds, "comment", number=number, body="Why?", by="carol") == (200, None)
    assert act(worlds, "close", number=number) == (200, None)
    assert state(worlds, "github")["pulls"][0]["state"] == "closed"
    assert act(worlds, "reopen", number=number, by="alice") == (200, None)
    assert act(worlds, "review", number=number, by="carol") == (200, None)
    assert act(worlds, "status", ref="change", context="ci") == (200, None)
    status, sha = act(worlds, "merge", number=number)

    assert status == 200
    assert state(worlds, "github")["branches"]["main"] == sha
    [comment] = github(worlds, "GET", f"issues/{number}/comments")
    assert (comment["user"]["login"], comment["body"]) == ("carol", "Why?")


def test_a_draft_becomes_ready_and_a_check_run_ends(worlds):
    act(worlds, "push", branch="draft", files={"a.txt": "b"}, by="alice")
    body = {"title": "Draft", "head": "draft", "base": "main", "draft": True}
    number = github(worlds, "POST", "pulls", body, "alice")["number"]

    assert act(worlds, "ready", number=number, by="alice") == (200, None)
    assert act(worlds, "check", ref="draft", name="ci", conclusion="failure") == (200, None)

    assert github(worlds, "GET", f"pulls/{number}")["draft"] is False
    runs = github(worlds, "GET", "commits/draft/check-runs")["check_runs"]
    assert [(run["name"], run["conclusion"]) for run in runs] == [("ci", "failure")]


def test_a_trouble_strikes_a_call_once(worlds):
    number = pull_request(worlds)

    act(worlds, "trouble", call=f"GET pulls/{number}", name="bad_gateway")

    first = github(worlds, "GET", f"pulls/{number}")
    assert first["message"] == "Server Error"
    assert github(worlds, "GET", f"pulls/{number}")["number"] == number


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes webhooks."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.events.append(self.headers["X-GitHub-Event"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.events = []
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_webhooks_are_added_lost_and_delivered_again(worlds, receiver):
    url = f"http://127.0.0.1:{receiver.server_port}/"
    assert act(worlds, "hook_add", url=url, secret="s", events=["push"]) == (200, 1)
    act(worlds, "hook_fault", event="push", act="lose")

    act(worlds, "push", branch="x", files={"a.txt": "1"})
    assert worlds.github.hooks.drain()
    assert receiver.events == []
    lost = worlds.github.hooks.deliveries()[0].id
    act(worlds, "hook_redeliver", delivery_id=lost)
    assert worlds.github.hooks.drain()

    assert receiver.events == ["push"]


def group(worlds, name="qwen", **pod):
    """Let the administrator apply a LeaderWorkerSet of two pods; return when its pods are there."""
    container = {
        "name": "c",
        "image": "vllm:v0.10.0",
        "resources": {"limits": {"nvidia.com/gpu": 1}},
    }
    template = {"spec": {"containers": [container], **pod}}
    body = {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "leaderWorkerTemplate": {
                "size": 2, "leaderTemplate": template, "workerTemplate": template,
            },
        },
    }  # fmt: skip
    headers = {"Content-Type": "application/json"}
    assert ask(worlds.addresses["admin"] + LWS, body, headers)[0] == 201


def happened(worlds, call, since=0, **detail):
    entry = worlds.journal.wait(
        lambda e: e.call == call and all(e.detail.get(k) == v for k, v in detail.items()), since
    )
    assert entry, [e.call for e in worlds.journal.entries()]
    return entry


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("kill", {"pod": "qwen-0-1", "reason": "Error", "exit_code": 1}, "Error"),
        ("oom", {"pod": "qwen-0-1"}, "OOMKilled"),
    ],
)
def test_a_container_dies(worlds, name, body, reason):
    group(worlds)
    happened(worlds, "lws.available", name="qwen")

    assert act(worlds, name, **body) == (200, None)

    assert happened(worlds, "pod.died", name="qwen-0-1").detail["reason"] == reason


def test_a_pod_is_evicted(worlds):
    group(worlds)
    happened(worlds, "lws.available", name="qwen")

    assert act(worlds, "evict", pod="qwen-0-1") == (200, None)

    gone = happened(worlds, "pod.gone", name="qwen-0-1")
    happened(worlds, "pod.created", name="qwen-0-1", since=gone.number)


@pytest.mark.parametrize(
    ("acts", "message"),
    [
        ([("cordon", {"node": f"gpu-node-{n}"}) for n in range(4)], "were unschedulable"),
        ([("shrink", {"node": f"gpu-node-{n}", "gpus": 0}) for n in range(4)], "Insufficient"),
        ([("lose_node", {"node": f"gpu-node-{n}"}) for n in range(4)], "untolerated taint"),
    ],
)
def test_nodes_have_no_room_and_have_it_again(worlds, acts, message):
    for name, body in acts:
        assert act(worlds, name, **body) == (200, None)
    group(worlds)
    told = happened(worlds, "pod.unschedulable", name="qwen-0").detail["message"]
    for number in range(4):
        node = f"gpu-node-{number}"
        act(worlds, "cordon", node=node, closed=False)
        act(worlds, "shrink", node=node, gpus=1)
        act(worlds, "find_node", node=node)

    assert message in told
    happened(worlds, "lws.available", name="qwen")


def test_an_image_is_missing_and_is_there_again(worlds):
    act(worlds, "image_missing", image="vllm:v0.10.0")
    group(worlds)
    happened(worlds, "pod.scheduled", name="qwen-0")

    def waiting():
        pod = state(worlds, "cluster")["pods"]["default/qwen-0"]
        return [c["state"].get("waiting") for c in pod["status"].get("containerStatuses", [])]

    assert worlds.journal.wait(lambda _: "ImagePullBackOff" in str(waiting()))
    act(worlds, "image_missing", image="vllm:v0.10.0", missing=False)

    happened(worlds, "lws.available", name="qwen")


def test_pods_run_and_are_never_ready_until_they_may(worlds):
    act(worlds, "never_ready", pod="qwen-*")
    group(worlds)
    happened(worlds, "pod.running", name="qwen-0-1")
    since = len(worlds.journal.entries())

    act(worlds, "never_ready", pod="qwen-*", ready=True)

    happened(worlds, "lws.available", name="qwen")
    assert not [e for e in worlds.journal.entries()[:since] if e.call == "pod.ready"]


def test_a_claim_goes_a_webhook_is_down_and_history_is_compacted(worlds):
    assert "default/llm-model" in state(worlds, "cluster")["persistentvolumeclaims"]
    act(worlds, "claim_missing", name="llm-model")
    act(worlds, "webhook_down")
    body = {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet",
            "metadata": {"name": "x"}, "spec": {}}  # fmt: skip
    headers = {"Content-Type": "application/json"}
    refused = ask(worlds.addresses["admin"] + LWS, body, headers)
    act(worlds, "compact")
    watch = f"{worlds.addresses['admin']}{LWS}?watch=true&resourceVersion=1&timeoutSeconds=1"

    assert "default/llm-model" not in state(worlds, "cluster")["persistentvolumeclaims"]
    assert refused[0] == 500
    assert "failed calling webhook" in refused[1]["message"]
    assert ask(watch)[1]["object"]["code"] == 410


def test_engines_go_down_and_come_back(worlds):
    act(worlds, "engine_down", host_prefix="qwen")
    assert state(worlds, "engine")["down"] == ["qwen"]

    act(worlds, "engine_up")

    assert state(worlds, "engine")["down"] == []


def test_engines_get_faults_and_another_speed_and_are_healed(worlds):
    act(worlds, "engine_fault", host_prefix="qwen", kind="html", times=2)
    act(worlds, "engine_pace", first=1.5, token=0.25)
    found = state(worlds, "engine")
    refused = act(worlds, "engine_fault", host_prefix="qwen", kind="dead_worker")

    assert [(f["kind"], f["times"]) for f in found["faults"]] == [("html", 2)]
    assert found["pace"] == {"first": 1.5, "token": 0.25}
    assert refused[0] == 400
    assert "no leader serves" in refused[1]["message"]
    act(worlds, "engine_heal")
    assert state(worlds, "engine")["faults"] == []


def test_the_agent_fails_is_repaired_pauses_and_resumes(worlds):
    assert act(worlds, "agent_fail", kind="build", times=100) == (200, None)
    files = {"overlays/example/storage/note.txt": "x"}
    sha = act(worlds, "push", branch="main", files=files)[1]
    act(worlds, "agent_sync")
    failed = happened(worlds, "failed")
    act(worlds, "agent_repair")
    act(worlds, "agent_sync")

    assert "told to fail this build" in failed.detail["message"]
    happened(worlds, "synced", revision=sha)
    act(worlds, "agent_pause")
    assert state(worlds, "agent")["paused"] is True
    act(worlds, "agent_resume")
    assert state(worlds, "agent")["paused"] is False


def test_the_slack_app_is_set_up(worlds):
    assert act(worlds, "app_settings", events=["app_mention"], socket_mode=True) == (200, None)
    assert worlds.slack.settings.socket_mode
    assert worlds.slack.settings.events == {"app_mention"}

    status, answer = act(worlds, "app_settings", events=["coffee"])
    assert status == 400
    assert "coffee" in answer["message"]


def test_people_post_in_slack_by_name(worlds):
    status, message = act(worlds, "post", text="hello", by="carol", channel="ml-serving")

    assert status == 200
    [said] = worlds.slack.messages("C0MLSERVING")
    assert (said["user"], said["text"], said["ts"]) == ("U0CAROL", "hello", message["ts"])
    assert act(worlds, "delete_message", ts=message["ts"]) == (200, None)
    assert act(worlds, "change_channel", is_archived=True) == (200, None)
    [channel] = state(worlds, "slack")["channels"].values()
    assert channel["messages"] == []


def test_the_clock_is_moved_and_told_with_its_rate(tmp_path):
    with sandbox(tmp_path, 0.0) as worlds:
        url = worlds.addresses["control"]
        before = ask(f"{url}/clock")[1]

        after = ask(f"{url}/clock/advance", {"seconds": 90})[1]

        assert (before["monotonic"], after["monotonic"]) == (0.0, 90.0)
        assert ask(f"{url}/clock/sleep", {"seconds": 0})[1] == {"remaining": 0.0}
        assert after["rate"] == 0.0


def test_a_held_call_is_reached_and_released(worlds):
    url = worlds.addresses["control"]
    number = ask(f"{url}/faults", {"world": "github", "call": "GET pulls"})[1]["fault"]
    assert ask(f"{url}/faults/{number}")[1] == {"reached": False}
    ended = []

    def call():
        try:
            github(worlds, "GET", "pulls")
        except OSError as error:
            ended.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    assert ask(f"{url}/faults/{number}?wait=10")[1] == {"reached": True}
    ask(f"{url}/faults/{number}/release", {})
    caller.join(10)

    assert len(ended) == 1


def test_the_journal_is_read_from_a_number_on(worlds):
    url = worlds.addresses["control"]
    seen = ask(f"{url}/journal")[1][-1]["number"]

    act(worlds, "post", text="new")

    [entry] = ask(f"{url}/journal?since={seen}")[1]
    assert (entry["world"], entry["call"], entry["number"]) == ("slack", "message.said", seen + 1)
