"""The Clusters port over an API server that misbehaves: nothing is lost, nothing is made up."""

import json
import socket
import threading

import pytest

from bot.cluster import Contact, Listed, Observation, Scope
from bot.cluster.following import BACKOFF_LIMIT, SERVER_TIMEOUT
from bot.cluster.kube import (
    KEEPALIVE,
    READ_TIMEOUT,
    KubernetesClusters,
    KubernetesServer,
    Timeouts,
)
from sandbox.clock import Time
from tests.adapters.api_server import ApiServer, page, plain, silent, status, stream

LABEL = "leaderworkerset.sigs.k8s.io/"
FAST = 200.0
"""Seconds of the test's clock in a real one: a back-off of 30 s takes 0.15 s."""


def lws(version="5", uid="lws1", name="m"):
    return {
        "metadata": {
            "name": name,
            "namespace": "ml",
            "uid": uid,
            "resourceVersion": version,
            "annotations": {"leadline/desired-state": f"s{version}"},
        },
        "spec": {"replicas": 1, "leaderWorkerTemplate": {"size": 1}},
    }


def pod(uid="p1", *, ready=True, version="6", **labels):
    return {
        "metadata": {
            "name": "m-0",
            "namespace": "ml",
            "uid": uid,
            "resourceVersion": version,
            "labels": {f"{LABEL}name": "m", **labels},
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def line(what, item):
    return json.dumps({"type": what, "object": item}, ensure_ascii=False).encode() + b"\n"


def bookmark(version):
    return line("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": version}})


EXPIRED = line("ERROR", {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410})


class Follow:
    """A scope that is followed in a thread, and what was reported so far."""

    def __init__(self, server, tmp_path, scope=None, timeouts=None):
        self.found = []
        self.told = threading.Condition()
        self.clock = Time(FAST)
        config = tmp_path / "kubeconfig"
        config.write_text(json.dumps(kubeconfig(server.url)))
        clusters = KubernetesClusters(str(config), self.clock, timeouts or Timeouts())
        self.stop = threading.Event()
        args = (scope or Scope("", "ml"), self.report, self.stop)
        self.thread = threading.Thread(target=clusters.follow, args=args, daemon=True)

    def report(self, found):
        with self.told:
            self.found.append(found)
            self.told.notify_all()

    def wait(self, decided, at_most=15):
        with self.told:
            assert self.told.wait_for(lambda: decided(self), at_most), self.found

    def of(self, kind):
        return [found for found in self.found if isinstance(found, kind)]

    @property
    def states(self):
        return [seen.state for seen in self.of(Observation) if not seen.deleted]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(5)
        assert not self.thread.is_alive()


def kubeconfig(url, **contexts):
    servers = {"main": url, **contexts}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": n, "cluster": {"server": u}} for n, u in servers.items()],
        "users": [{"name": "u", "user": {"token": "reader"}}],
        "contexts": [{"name": n, "context": {"cluster": n, "user": "u"}} for n in servers],
        "current-context": "main",
    }


def split(text, *places):
    parts, at = [], 0
    for place in (*places, len(text)):
        parts.append(text[at:place])
        at = place
    return parts


TWO = line("MODIFIED", lws("7")) + line("MODIFIED", lws("8"))
CASES = {
    "two events in a chunk": [stream(TWO)],
    "an event in three chunks": [stream(*split(TWO, 10, 200), end=True)],
    "split within a character": [
        stream(*split(line("MODIFIED", lws("7") | {"note": "測"}), -5)),
        stream(line("ADDED", lws("8"))),
    ],
    "blank lines": [
        stream(b"\n\n" + line("MODIFIED", lws("7")) + b"\n" + line("MODIFIED", lws("8")))
    ],
    "cut in mid-line": [
        stream(line("MODIFIED", lws("7")) + line("MODIFIED", lws("8"))[:40], end=False),
        stream(line("MODIFIED", lws("8"))),
    ],
    "end of file after each event": [
        stream(line("MODIFIED", lws("7"))), stream(line("MODIFIED", lws("8")))
    ],
    "without chunks": [plain(TWO[:90], TWO[90:])],
    "not JSON": [
        stream(line("MODIFIED", lws("7")) + b"<html>\n"), stream(line("MODIFIED", lws("8")))
    ],
    "an object that is none": [
        stream(line("MODIFIED", {"metadata": {"uid": 7}}) + line("MODIFIED", lws("7"))),
        stream(line("MODIFIED", lws("8"))),
    ],
    "another error in the stream": [
        stream(line("MODIFIED", lws("7")) + line("ERROR", {"code": 500, "message": "etcd"})),
        stream(line("MODIFIED", lws("8"))),
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_event_arrives_once_however_the_stream_is_cut(case, tmp_path):
    with (
        ApiServer(sets=[page(lws("5"), version="5"), *CASES[case]]) as server,
        Follow(server, tmp_path) as follow,
    ):
        follow.wait(lambda f: f.states[-1:] == ["s8"])

    assert follow.states == ["s5", "s7", "s8"]
    assert server.count("sets", limit="500") == 1  # listed once: nothing was forgotten


def test_a_watch_goes_on_from_the_last_version_also_when_only_bookmarks_came(tmp_path):
    watches = [stream(bookmark("9")), stream(line("MODIFIED", lws("11")))]
    with (
        ApiServer(sets=[page(lws("5"), version="5"), *watches]) as server,
        Follow(server, tmp_path),
    ):
        server.wait(lambda: server.count("sets", watch="true") >= 3)

    versions = [query["resourceVersion"] for kind, query in server.calls
                if kind == "sets" and "watch" in query]  # fmt: skip
    assert versions[:3] == ["5", "9", "11"]
    wanted = {"allowWatchBookmarks": "true", "timeoutSeconds": str(SERVER_TIMEOUT)}
    assert server.count("sets", watch="true", **wanted) == server.count("sets", watch="true")


@pytest.mark.parametrize("gone", [status(410, b"{}"), stream(EXPIRED)], ids=["answer", "line"])
def test_after_410_a_list_takes_the_place_of_what_was_known(gone, tmp_path):
    sets = [page(lws("5"), lws("5", "lws2", "n"), version="5"), gone, page(lws("20"), version="20")]
    with (
        ApiServer(sets=sets, pods=[page(pod(), version="6")]) as server,
        Follow(server, tmp_path) as follow,
    ):
        follow.wait(lambda f: f.states[-1:] == ["s20"])

    assert [found.names for found in follow.of(Listed)] == [{"m", "n"}, {"m"}]
    assert [len(seen.pods) for seen in follow.of(Observation) if seen.name == "m"] == [1, 1]
    assert not [seen for seen in follow.of(Observation) if seen.deleted]  # Listed says it


def test_a_list_after_410_shows_a_recreated_pod_and_nothing_in_between(tmp_path):
    pods = [page(pod("p1"), version="6"), stream(EXPIRED), page(pod("p2"), version="30")]
    with (
        ApiServer(sets=[page(lws(), version="5")], pods=pods) as server,
        Follow(server, tmp_path) as follow,
    ):
        follow.wait(lambda f: f.of(Observation) and f.of(Observation)[-1].pods[0].uid == "p2")

    assert [[p.uid for p in seen.pods] for seen in follow.of(Observation)] == [["p1"], ["p2"]]


def test_a_list_that_shows_nothing_new_is_no_news(tmp_path):
    pods = [page(pod(), version="6"), stream(EXPIRED), page(pod(version="6"), version="30"),
            stream(line("MODIFIED", pod(ready=False, version="31")))]  # fmt: skip
    with (
        ApiServer(sets=[page(lws(), version="5")], pods=pods) as server,
        Follow(server, tmp_path) as follow,
    ):
        follow.wait(lambda f: f.of(Observation) and not f.of(Observation)[-1].pods[0].ready)

    assert len(follow.of(Observation)) == 2


def test_a_list_comes_in_pages_and_begins_anew_when_its_token_expires(tmp_path):
    sets = [page(lws("5", "old", "old"), token="t"), status(410, b"{}"),
            page(lws("5"), token="u"), page(lws("5", "lws2", "n"), version="9")]  # fmt: skip
    with (
        ApiServer(sets=sets) as server,
        Follow(server, tmp_path) as follow,
    ):
        follow.wait(lambda f: f.of(Listed))

    assert [found.names for found in follow.of(Listed)] == [{"m", "n"}]
    assert [query.get("continue") for kind, query in server.calls if kind == "sets"][:4] == [
        None, "t", None, "u",
    ]  # fmt: skip


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_refusing_server_is_asked_again_with_pauses_and_told_once(code, tmp_path):
    refusals = [status(code, b"busy", **{"Retry-After": "1"}) for _ in range(6)]
    with (
        ApiServer(sets=[*refusals, page(lws("5"), version="5")]) as server,
        Follow(server, tmp_path) as follow,
    ):
        begun = follow.clock.monotonic()
        follow.wait(lambda f: f.states == ["s5"])
        took = follow.clock.monotonic() - begun

    assert took > 1 + 2 + 4 + 8 + 16
    contacts = [found.ok for found in follow.of(Contact)]
    assert contacts.count(False) == 1
    assert contacts[-1]


def test_a_cluster_that_cannot_be_reached_is_lost_until_it_answers(tmp_path):
    with (
        ApiServer(sets=[page(lws("5"), version="5"), stream(end=False)]) as server,
        Follow(server, tmp_path) as follow,
    ):
        follow.wait(lambda f: f.states == ["s5"])
        server.refuse()
        server.__exit__()
        follow.wait(lambda f: not f.of(Contact)[-1].ok)

    assert follow.states == ["s5"]
    assert not [seen for seen in follow.of(Observation) if seen.deleted]
    assert len(follow.of(Listed)) == 1


def test_a_silent_connection_is_given_up_and_taken_up_where_it_stood(tmp_path):
    sets = [page(lws("5"), version="5"), silent(line("MODIFIED", lws("7"))),
            stream(line("MODIFIED", lws("8")))]  # fmt: skip
    with (
        ApiServer(sets=sets) as server,
        Follow(server, tmp_path, timeouts=Timeouts(read=0.3)) as follow,
    ):
        follow.wait(lambda f: f.states[-1:] == ["s8"])

    assert follow.states == ["s5", "s7", "s8"]


def test_a_silent_connection_is_found_within_35_seconds():
    idle, interval, count = KEEPALIVE

    assert READ_TIMEOUT > SERVER_TIMEOUT  # or a watch on which nothing happens would break
    assert READ_TIMEOUT + 1 <= 35  # and the first try after it begins at once
    assert idle + interval * count <= 35
    assert BACKOFF_LIMIT <= 30


def test_the_kernel_probes_a_connection_that_is_idle(tmp_path):
    config = tmp_path / "kubeconfig"

    def answer_and_hold(connection, closed):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        closed.wait()

    with ApiServer(pods=[answer_and_hold]) as server:
        config.write_text(json.dumps(kubeconfig(server.url)))
        answer = KubernetesServer(str(config), "", Timeouts()).get("/api/v1/pods", {"watch": "1"})
        made = answer.connection.sock
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        assert tuple(made.getsockopt(socket.IPPROTO_TCP, name) for name in names) == KEEPALIVE
        answer.close()


def test_what_is_optional_may_be_forbidden_without_anybody_being_told(tmp_path, caplog):
    forbidden = [status(403, b"no") for _ in range(3)]
    with (
        ApiServer(sets=[page(lws("5"), version="5")], warnings=forbidden) as server,
        Follow(server, tmp_path) as follow,
    ):
        server.wait(lambda: server.count("warnings") >= 2)  # asked again after 5 min

    assert [found.ok for found in follow.of(Contact)].count(False) == 0
    said = [record for record in caplog.records if "events" in record.getMessage()]
    assert len(said) == 1


def test_what_must_be_read_and_is_forbidden_counts_as_lost(tmp_path):
    with ApiServer(pods=[status(403, b"no")]) as server, Follow(server, tmp_path) as follow:
        follow.wait(lambda f: any(not found.ok for found in f.of(Contact)))
        follow.wait(lambda f: f.of(Contact)[-1].ok)


def test_a_context_that_is_not_there_is_lost_and_looked_for_again(tmp_path):
    with (
        ApiServer() as server,
        Follow(server, tmp_path, Scope("prod", "ml")) as follow,
    ):
        follow.wait(lambda f: [found.ok for found in f.of(Contact)] == [False])
        config = tmp_path / "kubeconfig"
        config.write_text(json.dumps(kubeconfig(server.url, prod=server.url)))
        follow.wait(lambda f: f.of(Contact)[-1].ok)

    assert {found.context for found in follow.found} == {"prod"}


def test_each_context_leads_to_its_own_cluster(tmp_path):
    with (
        ApiServer(sets=[page(lws("5"))]) as main,
        ApiServer(sets=[page(lws("6"))]) as other,
        Follow(main, tmp_path, Scope("other", "ml")) as follow,
    ):
        (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig(main.url, other=other.url)))
        follow.wait(lambda f: f.states == ["s6"])

    assert follow.of(Observation)[0].context == "other"


def test_only_the_scopes_namespace_is_read(tmp_path):
    with ApiServer() as server, Follow(server, tmp_path):
        everything = {"sets", "pods", "revisions", "warnings"}
        server.wait(lambda: {kind for kind, _ in server.calls} == everything)

    assert server.count("pods", labelSelector=f"{LABEL}name") == server.count("pods")
    of_sets = f"{LABEL}name,!{LABEL}worker-index,!{LABEL}group-index"
    assert server.count("revisions", labelSelector=of_sets) == server.count("revisions")
    selector = "type=Warning,involvedObject.kind=Pod"
    assert server.count("warnings", fieldSelector=selector) == server.count("warnings")
    assert server.paths == {
        "/apis/leaderworkerset.x-k8s.io/v1/namespaces/ml/leaderworkersets",
        "/apis/apps/v1/namespaces/ml/controllerrevisions",
        "/api/v1/namespaces/ml/pods",
        "/api/v1/namespaces/ml/events",
    }


def test_credentials_are_read_again_after_401(tmp_path):
    with (
        ApiServer(sets=[status(401, b"who?"), page(lws("5"))]) as server,
        Follow(server, tmp_path) as follow,
    ):
        follow.wait(lambda f: f.states == ["s5"])


def test_a_silent_watch_ends_at_once_when_it_is_wanted_no_longer(tmp_path):
    with ApiServer() as server:
        with Follow(server, tmp_path) as follow:
            server.wait(lambda: server.count("pods", watch="true") == 1)
        assert not follow.thread.is_alive()  # joined within 5 s, not after the 30 of a read
