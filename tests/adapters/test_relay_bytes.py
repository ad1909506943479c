"""The Endpoint port over servers that send just the bytes they are told to."""

import contextlib
import json
import re
import socket
import socketserver
import threading
import time

import pytest

from bot.errors import EngineAbsentError, EngineUnavailableError
from bot.relay import Question
from bot.relay.guard import Patience
from bot.relay.openai import OpenAIEndpoint

HOST = "qwen-leader.default.svc"
HURRIED = Patience(connect=1, first=0.6, idle=0.6, total=10)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PLAIN = OK + b"Connection: close\r\n\r\n"
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def event(text):
    body = {"choices": [{"delta": {"content": text}}]}
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def chunked(*parts):
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@contextlib.contextmanager
def sending(*parts, forever=b"", stays=False):
    """Serve one answer in parts, each a packet, whatever was asked; give its address."""
    released = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            head, body = b"", b""
            while b"\r\n\r\n" not in head:
                head += self.request.recv(65536)
            head, _, body = head.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            while length and len(body) < int(length[1]):
                body += self.request.recv(65536)
            with contextlib.suppress(OSError):
                for part in parts:
                    self.request.sendall(part)
                while forever:
                    self.request.sendall(forever)
            if stays:
                released.wait(10)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            released.set()
            server.shutdown()


def asked(proxy, patience=HURRIED):
    return list(OpenAIEndpoint.connect(proxy, patience).stream(HOST, "m", Question("hi")))


def text_of(pieces):
    return "".join(piece.text for piece in pieces)


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u0085", "\x1c", "\x0b"], ids=ascii)
def test_only_a_line_feed_ends_a_line_of_a_real_stream(mark):
    body = event(f"one{mark}two") + STOP
    with sending(CHUNKED, chunked(body)) as proxy:
        assert text_of(asked(proxy)) == f"one{mark}two"


def test_a_stream_in_packets_of_one_byte_gives_the_same_text():
    body = event("測試 😀") + event("\u2028ok") + STOP
    with sending(
        CHUNKED, *[chunked(body)[at : at + 1] for at in range(len(chunked(body)))]
    ) as proxy:
        pieces = asked(proxy)

    assert text_of(pieces) == "測試 😀\u2028ok"
    assert pieces[-1].finish == "stop"


def test_a_stream_that_ends_with_its_connection_is_whole_if_it_has_a_reason():
    with sending(PLAIN, event("a"), STOP) as proxy:
        assert asked(proxy)[-1].finish == "stop"
    with sending(PLAIN, event("a")) as proxy, pytest.raises(EngineUnavailableError, match="broke"):
        asked(proxy)


def test_done_ends_an_answer_even_if_the_connection_stays_open():
    with sending(CHUNKED, b"%x\r\n%s\r\n" % (len(STOP), STOP), stays=True) as proxy:
        assert asked(proxy)[-1].finish == "stop"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([b""], "may still be loading"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n\r\n"], "no HTTP that we accept"),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000], "no HTTP that we accept"),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000], "no HTTP that we accept"),
        ([JSON, b'{"object":"error","message":"no stream here"}'], "no stream here"),
        ([JSON, b"{"], "it answered with application/json, no stream"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], "it answered with nothing"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], "204"),
        ([b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n"], "302, a redirect"),
        ([b'HTTP/1.1 500 X\r\n\r\n{"error":{"message":"a\\nb"}}'], "500 a b"),
        ([b'HTTP/1.1 400 X\r\n\r\n{"object":"error","message":"flat"}'], "400 flat"),
        ([b'HTTP/1.1 404 X\r\n\r\n{"detail":"Not Found"}'], "404 Not Found"),
        ([b"HTTP/1.1 500 X\r\n\r\n<h1>secret</h1>"], "svc: 500$"),
        ([CHUNKED, b"zz\r\n"], "broke off"),
        ([CHUNKED, b"fffffff\r\n", event("a")], "broke off"),
        ([PLAIN, b"data: <html>\n\n"], "no chat completion"),
        ([OK + b"Content-Encoding: gzip\r\n\r\n", b"\x1f\x8b\x08" * 9], "broke off"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_said_in_a_line(parts, words):
    with sending(*parts) as proxy, pytest.raises(EngineUnavailableError, match=words) as caught:
        asked(proxy)

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("head", "forever", "words"),
    [
        (PLAIN, b"x" * 65_536, "an event is longer than 1,024 KiB"),
        (PLAIN, b"data: " + b"x" * 60_000 + b"\n", "an event is longer than 1,024 KiB"),
        (PLAIN, b": still here\n" * 5_000, "longer than 65,536 KiB|no first token"),
        (PLAIN, event("word ") * 500, "longer than 220,000 characters"),
        (b"HTTP/1.1 500 X\r\n\r\n", b"x" * 65_536, "500"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"x" * 65_536, "text/html"),
    ],
    ids=["line", "event", "comments", "text", "refusal", "page"],
)
def test_what_never_ends_is_cut_off(head, forever, words):
    with (
        sending(head, forever=forever) as proxy,
        pytest.raises(EngineUnavailableError, match=words),
    ):
        asked(proxy)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "list of models"),
        (b"[]", "list of models"),
        (b'{"data":7}', "list of models"),
        (b'{"data":[]}', "serves no model"),
        (b'{"data":[{"id":"' + b"x" * 100_000 + b'"}]}', "list of models"),
    ],
)
def test_a_list_of_models_that_is_none_is_said(body, words):
    with sending(JSON, body) as proxy, pytest.raises(EngineUnavailableError, match=words):
        OpenAIEndpoint.connect(proxy, HURRIED).model(HOST)


def test_of_several_models_the_wanted_one_is_taken():
    with sending(JSON, b'{"data":[{"id":"base"},{"id":"tuned"}]}') as proxy:
        endpoint = OpenAIEndpoint.connect(proxy, HURRIED)

        assert endpoint.model(HOST) == "base"
        assert endpoint.model(HOST, wanted="tuned") == "tuned"
        assert endpoint.model(HOST, wanted="gone") == "base"


def test_silence_after_the_headers_counts_as_no_first_token():
    with (
        sending(CHUNKED, stays=True) as proxy,
        pytest.raises(EngineUnavailableError, match="no first token"),
    ):
        asked(proxy)


def test_a_port_that_does_not_answer_is_given_up_within_the_limit():
    assert 3 <= Patience().connect <= 5
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        for _ in range(3):  # a queue that is full drops what comes, as a black hole does
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(address)
        begun = time.monotonic()
        with pytest.raises(EngineUnavailableError, match="no connection within 1 s"):
            asked(f"http://127.0.0.1:{address[1]}", Patience(connect=1, first=5))

    assert time.monotonic() - begun < 3


def test_a_redirect_is_not_followed():
    with sending(PLAIN, STOP) as elsewhere:
        head = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}/latest/meta-data\r\n\r\n".encode()
        asked(elsewhere)  # it would answer
        with sending(head) as proxy, pytest.raises(EngineUnavailableError, match="not followed"):
            asked(proxy)


def test_a_port_that_nobody_listens_on_may_be_loading():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(EngineAbsentError):
        asked(f"http://127.0.0.1:{port}")


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with sending(PLAIN, STOP) as proxy:
        assert asked(proxy)[-1].finish == "stop"
