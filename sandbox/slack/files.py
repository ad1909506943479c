"""files.getUploadURLExternal, the address it gives, and files.completeUploadExternal.

Sources: docs.slack.dev, messaging/working-with-files and the two method pages. Guesses: the words
that the upload address answers with, and that a body of another length is a 400. In Slack the
sharing happens a little after the last call; here, before its answer.
"""

from typing import Any

from werkzeug.wrappers import Request, Response

from sandbox.slack.calls import Call
from sandbox.slack.errors import RefusedError, invalid_arguments
from sandbox.slack.records import File, Json, Message
from sandbox.slack.store import Store

UPLOAD = "/upload/v1/"
_LARGEST_SNIPPET = 1024 * 1024
_LONGEST_ALT_TEXT = 1000
_MOST_CHANNELS = 100


def upload_url(store: Store, call: Call) -> Json:
    """files.getUploadURLExternal: an address for so many bytes, used once."""
    try:
        size = int(call.text("length"))
    except ValueError as error:
        raise invalid_arguments("must be an integer [json-pointer:/length]") from error
    if size <= 0:
        raise RefusedError("missing_argument")
    if call.maybe("snippet_type") and size > _LARGEST_SNIPPET:
        raise RefusedError("snippet_too_large")
    if len(call.text("alt_txt")) > _LONGEST_ALT_TEXT:
        raise RefusedError("alt_txt_too_large")
    file = File(store.new_id("F"), call.text("filename"), size, store.new_id("ticket-"))
    store.files[file.id] = file
    return {"upload_url": f"{store.base_url}{UPLOAD}{file.ticket}", "file_id": file.id}


def receive(store: Store, request: Request, ticket: str) -> Response:
    """Take the bytes of a file, raw or as a form's only file."""
    with store.lock:
        file = next((f for f in store.files.values() if f.ticket == ticket), None)
        if file is None or file.content is not None:
            return Response("invalid ticket", 404, mimetype="text/plain")
        body = _body(request)
        if len(body) != file.size:
            return Response("wrong length", 400, mimetype="text/plain")
        file.content = body
    return Response(f"OK - {file.size}", mimetype="text/plain")


def _body(request: Request) -> bytes:
    if request.mimetype != "multipart/form-data":
        return request.get_data()
    with request:  # closes the files of the form
        sent = next(iter(request.files.values()), None)
        return sent.read() if sent else b""


def complete(store: Store, call: Call) -> Json:
    """files.completeUploadExternal: give the files their titles and share them."""
    files = [_uploaded(store, given) for given in _listed(call)]
    channels = [store.writable(store.addressed(name)) for name in _channels(call)]
    for channel in channels:
        message = Message(
            ts=store.new_ts(),
            user=store.team.bot_user,
            text=call.text("initial_comment"),
            thread_ts=call.maybe("thread_ts"),
            files=[file.id for file in files],
        )
        store.post(channel, message)
    for file in files:
        file.channels += channels
    return {"files": [{"id": file.id, "title": file.title or file.name} for file in files]}


def _listed(call: Call) -> list[Any]:
    given = call.arguments.get("files")
    if not isinstance(given, list) or not given:
        raise invalid_arguments("missing required field: files")
    return given


def _channels(call: Call) -> list[str]:
    names = [name for name in call.text("channels").split(",") if name]
    if channel := call.maybe("channel_id"):
        names.append(channel)
    if len(names) > _MOST_CHANNELS:
        raise RefusedError("channels_limit_exceeded")
    return names


def _uploaded(store: Store, given: Any) -> File:  # noqa: ANN401 - any JSON
    file = store.files.get(str(given.get("id"))) if isinstance(given, dict) else None
    if file is None or file.content is None:
        raise RefusedError("file_not_found")
    file.title = str(given.get("title") or "")
    return file
