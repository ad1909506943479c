"""Response URLs of slash commands and interactions: five uses within thirty minutes.

Source: docs.slack.dev/interactivity/handling-user-interaction (message responses). The URL of an
interaction replaces or deletes the message that was used; that of a command what it brought itself.
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
    """One URL: for whom, since when, the message it came from and what it brought."""

    id: str
    user: str
    channel: str
    made: float
    uses: int = 0
    source: Ephemeral | Message | None = None
    brought: list[Ephemeral | Message] = field(default_factory=list)


class Responses:
    """All response URLs; answers `/respond/ID`."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self._urls: dict[str, ResponseUrl] = {}
        self._heard: list[Json] = []

    def open(
        self, user: str, channel: str, source: Ephemeral | Message | None = None
    ) -> ResponseUrl:
        """Make a URL for what this person did in this channel, on a message if there is one."""
        with self._store.lock:
            made = self._store.time.monotonic()
            name = f"R{len(self._urls) + 1:08d}"
            url = ResponseUrl(name, user, channel, made, source=source)
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
        if call.flag("replace_original") and url.source is not None:
            return self._replace(url.source, call, blocks)
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

    def _replace(self, source: Ephemeral | Message, call: Call, blocks: list[Json]) -> str:
        source.text, source.blocks = call.text("text"), blocks
        if isinstance(source, Message):
            source.edited += 1
            source.edited_ts = self._store.new_ts()
        return "replaced"

    def _forget_last(self, url: ResponseUrl) -> None:
        last = url.source or (url.brought.pop() if url.brought else None)
        url.source = None
        match last:
            case Ephemeral() as note if note in self._store.ephemerals:
                self._store.ephemerals.remove(note)
            case Message() as message if message in self._store.messages[url.channel]:
                self._store.messages[url.channel].remove(message)
