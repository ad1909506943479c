"""Adapter: the Endpoint port through the openai client."""

import contextlib
from collections.abc import Iterator

import openai

from bot.errors import EngineUnavailableError
from bot.relay import PORT, Piece, Question

TIMEOUT = openai.Timeout(60.0, connect=5.0)
"""Seconds to connect, and to wait for each next piece: a cold engine's first token takes 30 s."""


class OpenAIEndpoint:
    """Engines behind one HTTP client; redirects are not followed and nothing is retried."""

    def __init__(self, client: openai.DefaultHttpxClient) -> None:
        self._http = client

    @classmethod
    def connect(cls, proxy: str | None) -> "OpenAIEndpoint":
        """Return an endpoint; `proxy` leads to in-cluster addresses from outside."""
        return cls(
            openai.DefaultHttpxClient(
                proxy=proxy, timeout=TIMEOUT, trust_env=False, follow_redirects=False
            )
        )

    def model(self, host: str) -> str:
        """Return the first model id of the engine."""
        with _said(host):
            models = self._client(host).models.list().data
        if not models:
            raise EngineUnavailableError(f"asking {host}: it serves no model")
        return models[0].id

    def stream(self, host: str, model: str, question: Question) -> Iterator[Piece]:
        """Ask and yield the answer; see the port."""
        finish, tokens = "", 0
        with _said(host), self._open(host, model, question) as chunks:
            for chunk in chunks:
                tokens = chunk.usage.completion_tokens if chunk.usage else tokens
                for choice in chunk.choices:
                    finish = choice.finish_reason or finish
                    if text := choice.delta.content:
                        yield Piece(text)
        if not finish:
            raise EngineUnavailableError(f"asking {host}: the answer broke off; ask again")
        yield Piece(finish=finish, tokens=tokens)

    def _open(
        self, host: str, model: str, question: Question
    ) -> openai.Stream[openai.types.chat.ChatCompletionChunk]:
        return self._client(host).chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": question.prompt}],
            max_tokens=question.max_tokens,
            temperature=question.temperature,
            top_p=question.top_p,
            seed=question.seed,
            stream=True,
            stream_options={"include_usage": True},
        )

    def _client(self, host: str) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=f"http://{host}:{PORT}/v1",
            api_key="none",
            max_retries=0,
            timeout=TIMEOUT,
            http_client=self._http,
        )


@contextlib.contextmanager
def _said(host: str) -> Iterator[None]:
    try:
        yield
    except openai.APIStatusError as error:
        raise EngineUnavailableError(
            f"asking {host}: {error.status_code} {_message(error)}"
        ) from error
    except openai.APIError as error:
        raise EngineUnavailableError(
            f"asking {host}: no answer; it may still be loading, see the deployment's thread"
        ) from error


def _message(error: openai.APIStatusError) -> str:
    return " ".join(error.message.split())[:200]
