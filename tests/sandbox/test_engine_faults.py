"""Faults of engines on demand: what a caller sees of each, over raw HTTP and the openai client."""

import contextlib
import http.client
import json

import openai
import pytest

from sandbox.engine import Pace
from tests.engine.raw import HELLO, until
from tests.sandbox.test_engine_bench import OFF, POD, network

AT_ONCE = Pace(first=0, token=0)
METADATA = "169.254.169.254"


@pytest.fixture(scope="module")
def served():
    with network(pace=AT_ONCE) as found:
        found.bench.wait("lws.available")
        yield found


@pytest.fixture
def net(served):
    yield served
    served.engine.heal()


def streamed(net, **options):
    """Return the raw bytes of a stream."""
    return net.raw().chat(**OFF, stream=True, **options)


@contextlib.contextmanager
def opened(net, *, streams=True):
    """Ask, and give what the answer is read from."""
    side = net.raw()
    with contextlib.closing(side.connect()) as connection:
        body = HELLO | OFF | {"stream": streams}
        side.send(connection, "POST", "/v1/chat/completions", body)
        yield connection


def tokens(raw):
    return [line for line in raw.split(b"\n\n") if b'"content": " ' in line]


def test_refuse_closes_every_connection(net):
    net.engine.fault("qwen", "refuse")

    assert net.raw().health() == "refused"
    with pytest.raises(openai.APIConnectionError):
        net.chat()


def test_hang_is_silent_until_it_is_healed(net):
    net.engine.fault("qwen", "hang")
    with opened(net) as connection:
        connection.sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.getresponse()
        assert net.raw().health() == 200
        connection.sock.settimeout(5)
        net.engine.heal("qwen")
        with pytest.raises(http.client.RemoteDisconnected):
            http.client.HTTPResponse(connection.sock).begin()


def test_the_openai_client_times_out_on_a_hanging_engine(net):
    net.engine.fault("qwen", "hang")
    with pytest.raises(openai.APITimeoutError), net.client() as client:
        client.with_options(timeout=0.2).chat.completions.create(**HELLO)


@pytest.mark.parametrize("after", [1, 4])
def test_stall_stops_in_the_stream(net, after):
    net.engine.fault("qwen", "stall", after_tokens=after)
    with net.client() as client:
        quick = client.with_options(timeout=0.3)
        stream = quick.chat.completions.create(**HELLO, extra_body=OFF, stream=True)
        chunks = [next(stream) for _ in range(1 + after)]  # the first one holds the role
        with pytest.raises(openai.APITimeoutError):
            next(stream)

    assert [bool(chunk.choices[0].delta.content) for chunk in chunks] == [False, *[True] * after]


def test_reset_resets_the_connection(net):
    net.engine.fault("qwen", "reset", after_tokens=2)
    with opened(net) as connection, pytest.raises(ConnectionResetError):
        connection.getresponse().read()


def test_cut_ends_well_formed_without_a_reason(net):
    net.engine.fault("qwen", "cut", after_tokens=2)
    raw = streamed(net).body

    assert len(tokens(raw)) == 1
    assert b"[DONE]" not in raw
    assert [c.choices[0].finish_reason for c in net.stream(extra_body=OFF)] == [None] * 3


def test_no_finish_leaves_the_reason_out(net):
    net.engine.fault("qwen", "no_finish")
    raw = streamed(net).body

    assert raw.endswith(b"data: [DONE]\n\n")
    assert b'"finish_reason": "' not in raw


def test_no_done_leaves_the_last_line_out(net):
    net.engine.fault("qwen", "no_done")
    raw = streamed(net).body

    assert b'"finish_reason": "stop"' in raw
    assert b"[DONE]" not in raw


def test_error_comes_in_the_middle_of_a_stream(net):
    net.engine.fault("qwen", "error", after_tokens=2)
    *_, last = streamed(net).events()

    assert last["error"]["code"] == 500
    with pytest.raises(openai.APIError, match="EngineCore encountered an issue"):
        list(net.stream())


def test_error_fails_a_whole_answer(net):
    net.engine.fault("qwen", "error")
    with pytest.raises(openai.InternalServerError):
        net.chat()


def test_invalid_utf8_stands_in_a_text(net):
    net.engine.fault("qwen", "invalid_utf8", after_tokens=2)
    raw = streamed(net).body

    with pytest.raises(UnicodeDecodeError):
        raw.decode()
    assert raw.endswith(b"data: [DONE]\n\n")


def test_broken_json_ends_an_event_in_the_middle(net):
    net.engine.fault("qwen", "broken_json", after_tokens=2)
    with pytest.raises(json.JSONDecodeError):
        streamed(net).events()

    with pytest.raises(json.JSONDecodeError):
        net.raw().chat().json()


def test_html_is_a_page_with_status_200(net):
    net.engine.fault("qwen", "html")
    answer = streamed(net)

    assert (answer.status, answer.type) == (200, "text/html; charset=utf-8")
    assert b"<html>" in answer.body


def test_huge_line_is_a_hundred_megabytes_without_an_end(net):
    net.engine.fault("qwen", "huge_line", after_tokens=1)
    with opened(net) as connection, connection.getresponse() as answer:
        read = 0
        while read < 10_000_000:
            read += len(answer.read(1_000_000))

    assert until(lambda: net.raw().metric("vllm:num_requests_running") == 0, 5) is not None


def test_endless_repeats_a_token(net):
    net.engine.fault("qwen", "endless", after_tokens=2)
    with opened(net) as connection:
        answer = connection.getresponse()
        lines = [answer.readline() for _ in range(400)]

    assert lines[-2] == lines[-4] != b"\n"


def test_slow_takes_a_second_between_tokens(net):
    net.engine.fault("qwen", "slow")
    begun = net.bench.time.monotonic()
    net.chat(max_tokens=3, extra_body=OFF)

    assert net.bench.time.monotonic() - begun >= 3


def test_trickle_sends_single_bytes(net):
    net.engine.fault("qwen", "trickle")
    begun = net.bench.time.monotonic()
    with opened(net) as connection:
        answer = connection.getresponse()
        first = answer.read(5)

    assert first == b"data:"
    assert net.bench.time.monotonic() - begun >= 4


def test_comments_do_no_harm(net):
    net.engine.fault("qwen", "comments")
    text = "".join(chunk.choices[0].delta.content or "" for chunk in net.stream(extra_body=OFF))

    assert text == net.chat(extra_body=OFF).choices[0].message.content
    assert b": keep-alive\n\n" in streamed(net).body


def test_unavailable_is_a_503_of_a_proxy(net):
    net.engine.fault("qwen", "unavailable")
    with pytest.raises(openai.InternalServerError) as caught:
        net.chat()

    assert (caught.value.status_code, caught.value.response.text) == (503, "no healthy upstream")


def test_redirect_leads_to_the_metadata_service(net):
    net.engine.fault("qwen", "redirect")
    with contextlib.closing(net.raw().connect()) as connection:
        net.raw().send(connection, "POST", "/v1/chat/completions", HELLO)
        answer = connection.getresponse()

    assert (answer.status, METADATA in answer.headers["Location"]) == (307, True)


def test_big_headers_are_a_hundred_kilobytes(net):
    net.engine.fault("qwen", "big_headers")
    with opened(net, streams=False) as connection, pytest.raises(http.client.HTTPException):
        connection.getresponse()  # Python takes a hundred headers at most


def test_a_fault_strikes_as_often_as_it_is_told(net):
    net.engine.fault("qwen", "unavailable", times=2)
    codes = [net.raw().chat(max_tokens=1).status for _ in range(3)]

    assert codes == [503, 503, 200]
    assert net.engine.state()["faults"] == []


def test_a_fault_strikes_only_its_hosts(net):
    net.engine.fault("qwen-leader", "unavailable")

    assert net.raw().chat(max_tokens=1).status == 503
    assert net.raw(POD).chat(max_tokens=1).status == 200


def test_the_state_tells_the_faults_in_force(net):
    net.engine.fault("qwen", "stall", after_tokens=7, times=2)
    told = net.engine.state()["faults"]
    net.engine.heal("other")
    net.engine.heal("qwen")

    assert told == [{"host_prefix": "qwen", "kind": "stall", "after_tokens": 7, "times": 2}]
    assert net.engine.state()["faults"] == []
