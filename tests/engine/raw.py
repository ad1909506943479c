"""Asking an engine over raw HTTP or through the openai client, directly or by a proxy."""

import contextlib
import http.client
import json
import time

import openai

MODEL = "qwen3-32b"
HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}


class Raw:
    """One answer as it came over the wire."""

    def __init__(self, status, headers, body):
        self.status = status
        self.type = headers.get("Content-Type", "")
        self.body = body

    def json(self):
        return json.loads(self.body)

    def events(self):
        """Return the data of a stream's events; the last one must be [DONE]."""
        lines = [line for line in self.body.decode().split("\n\n") if line]
        assert lines[-1] == "data: [DONE]"
        return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


class Side:
    """An engine to ask: over raw HTTP, or through the openai client."""

    def __init__(self, address, *, host=None, key=None):
        self._address = address
        self._host = host or address
        self._key = key

    @contextlib.contextmanager
    def client(self, key=None):
        proxy = None if self._host == self._address else f"http://{self._address}"
        with (
            openai.DefaultHttpxClient(proxy=proxy, trust_env=False) as http_client,
            openai.OpenAI(
                base_url=f"http://{self._host}/v1",
                api_key=key or self._key or "none",
                max_retries=0,
                timeout=60,
                http_client=http_client,
            ) as client,
        ):
            yield client

    def connect(self):
        return http.client.HTTPConnection(self._address, timeout=60)

    def send(self, connection, method, path, body=None, **headers):
        """Send a request; through a proxy its target is a whole address."""
        if self._key:
            headers.setdefault("Authorization", f"Bearer {self._key}")
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        text = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        wanted = {name: value for name, value in headers.items() if value}
        connection.request(method, f"http://{self._host}{path}", text, wanted)

    def call(self, method, path, body=None, **headers):
        with contextlib.closing(self.connect()) as connection:
            self.send(connection, method, path, body, **headers)
            answer = connection.getresponse()
            return Raw(answer.status, answer.headers, answer.read())

    def chat(self, **options):
        return self.call("POST", "/v1/chat/completions", HELLO | options)

    def metric(self, name):
        """Return the value of a series without labels that matter."""
        lines = self.call("GET", "/metrics").body.decode().splitlines()
        [value] = [line.split()[-1] for line in lines if line.startswith(name + "{")]
        return float(value)

    def health(self):
        try:
            return self.call("GET", "/health").status
        except (OSError, http.client.HTTPException):
            return "refused"


def until(wanted, at_most):
    """Ask again and again until an answer is wanted; say after how many seconds, or None."""
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < at_most:
        if wanted():
            return passed
    return None
