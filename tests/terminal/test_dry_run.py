"""`leadline check --server`: the sandbox's API server judges, asked by the real kubectl."""

import json

import pytest

from sandbox.cluster.quirks import LWS_0_6_0
from tests.sandbox.test_cluster_bench import LWS, TOKENS, Bench

FOLDER = "overlays/staging/chat"


@pytest.fixture
def bench():
    with Bench(quirks=LWS_0_6_0).served() as found:
        yield found


@pytest.fixture
def typed(bench, repository, tmp_path, monkeypatch):
    """Type `leadline check --server` in a repository with one deployment."""
    repository("deploy", "qwen3-32b", "sglang", "chat")
    named = repository.folder / "overlays/staging/environment.yaml"
    named.write_text(named.read_text() + "context: sandbox\n")

    def type_(url=None):
        config = tmp_path / "kubeconfig"
        config.write_text(bench.cluster.kubeconfig(url or bench.url, "writer"))
        monkeypatch.setenv("KUBECONFIG", str(config))
        return repository.attempt("check", "--server", "--json")

    return type_


def test_a_dry_run_that_the_server_takes_adds_nothing_and_stores_nothing(bench, typed):
    said = typed()

    assert said.code == 0, said
    assert [r["folder"] for r in json.loads(said.out)] == [FOLDER]
    assert bench.custom.list_namespaced_custom_object(*LWS)["items"] == []


def test_what_the_server_refuses_is_a_finding(bench, typed):
    """LWS 0.6 does not let the size of what runs change; only the server knows what runs."""
    bench.create(name="chat", size=5)

    said = typed()

    [report] = json.loads(said.out)
    [found] = [f for f in report["findings"] if f["rule"] == "server"]
    assert (said.code, found["severity"]) == (1, "error")
    assert "field is immutable" in found["text"]


def test_a_person_without_the_right_is_told_so(typed, monkeypatch):
    monkeypatch.setitem(TOKENS, "", "read")  # kubectl sends no token over plain HTTP

    said = typed()

    assert said.code == 3
    assert f"dry run of {FOLDER} in context sandbox: " in said.err
    assert "forbidden" in said.err
    assert "check your kubeconfig and your rights" in said.err


def test_a_server_out_of_reach_is_not_a_finding(typed):
    said = typed(url="http://127.0.0.1:9")

    assert said.code == 3
    assert "127.0.0.1:9" in said.err


def test_an_environment_without_a_context_is_refused(repository):
    repository("deploy", "qwen3-32b", "sglang", "chat")

    said = repository.attempt("check", "--server")

    assert said.code == 1
    assert "it has no context; set it in overlays/staging/environment.yaml" in said.err
