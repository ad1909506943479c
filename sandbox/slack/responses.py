"""Response URLs of slash commands: five uses within thirty minutes.

Source: docs.slack.dev/interactivity/handling-user-interaction (message responses).
"""

import json
from dataclasses import dataclass, field

from werkzeug.wrappers import Request, Response

from sandbox.journal import Journal
from sandbox.slack.blocks import check_blocks
from sandbox.slack.calls import Call, read_arguments
from sandbox.slack.errors import RefusedError
from sandbox.slack.records import Ephemeral, Json, Message
from sandbox.slack.store import Store

_MOST_USES = 5
_LIFETIME = 30 * 60.0


@dataclass(slots=True)
class ResponseUrl:
    """One URL: for whom, since when, and the notes and messages it brought."""

    id: str
    user: str
    channel: str
    made: float
    uses: int = 0
    brought: list[Ephemeral | Message] = field(default_factory=list)


class Responses:
    """All response URLs; answers `/respond/ID`."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self._urls: dict[str, ResponseUrl] = {}
        self._heard: list[Json] = []

    def open(self, user: str, channel: str) -> ResponseUrl:
        """Make a URL for a command that this person typed in this channel."""
        with self._store.lock:
            made = self._store.time.monotonic()
            url = ResponseUrl(f"R{len(self._urls) + 1:08d}", user, channel, made)
            self._urls[url.id] = url
        return url

    def answer(self, request: Request, name: str) -> Response:
        """Answer one POST to a response URL."""
        heard: Json = {}
        try:
            heard = read_arguments(request)
            with self._store.lock:
                body, status = self._take(name, Call("respond", heard)), 200
        except RefusedError as error:
            body, status = error.as_json(), max(error.status, 400)
        detail = {k: v for k, v in heard.items() if k in ("text", "blocks", "response_type")}
        detail |= {k: v for k, v in body.items() if k != "ok"} | {"id": name}
        self._journal.add("slack", "respond", ok=body["ok"], **detail)
        return Response(json.dumps(body), status, mimetype="application/json")

    def show(self, url: ResponseUrl, call: Call) -> str:
        """Show an answer to the person or the channel; return how."""
        blocks = call.arguments.get("blocks") or []
        check_blocks(blocks)
        if not (call.text("text") or blocks):
            raise RefusedError("no_text")
        if call.flag("replace_original"):
            self._forget_last(url)
        if call.text("response_type") == "in_channel":
            url.brought.append(self._say(url, call, blocks))
            return "in_channel"
        url.brought.append(self._whisper(url, call, blocks))
        return "ephemeral"

    def snapshot(self) -> list[Json]:
        """Return what came in through response URLs, in order."""
        return list(self._heard)

    def _take(self, name: str, call: Call) -> Json:
        url = self._urls.get(name)
        if url is None or self._store.time.monotonic() - url.made > _LIFETIME:
            raise RefusedError("expired_url", status=404)
        if url.uses >= _MOST_USES:
            raise RefusedError("used_url", status=404)
        kind = "deleted" if call.flag("delete_original") else self.show(url, call)
        if kind == "deleted":
            self._forget_last(url)
        url.uses += 1
        told = {"user": url.user, "channel": url.channel, "shown": kind, "uses": url.uses}
        given = {"text": call.text("text"), "blocks": call.arguments.get("blocks") or []}
        self._heard.append({"id": url.id, **told, **given})
        return {"ok": True, **told}

    def _say(self, url: ResponseUrl, call: Call, blocks: list[Json]) -> Message:
        store = self._store
        message = Message(
            ts=store.new_ts(),
            user=store.team.bot_user,
            text=call.text("text"),
            thread_ts=call.maybe("thread_ts"),
            blocks=blocks,
        )
        return store.post(url.channel, message)

    def _whisper(self, url: ResponseUrl, call: Call, blocks: list[Json]) -> Ephemeral:
        note = Ephemeral(
            ts=self._store.new_ts(),
            channel=url.channel,
            user=url.user,
            text=call.text("text"),
            source=call.method,
            blocks=blocks,
        )
        self._store.ephemerals.append(note)
        return note

    def _forget_last(self, url: ResponseUrl) -> None:
        if not url.brought:
            return
        match url.brought.pop():
            case Ephemeral() as note:
                self._store.ephemerals.remove(note)
            case Message() as message:
                self._store.messages[url.channel].remove(message)
