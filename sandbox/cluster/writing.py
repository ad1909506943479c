"""Answers create, apply, patch, update and delete, of an object or of its status.

Server-side apply merges maps and replaces lists; which manager owns which field is not kept.
Source: the API concepts page (dry run, field validation, subresources).
"""

from werkzeug.wrappers import Response

from sandbox.clock import Time
from sandbox.cluster.admission import admit, admit_change
from sandbox.cluster.calls import Call
from sandbox.cluster.deletion import delete
from sandbox.cluster.fate import Fate
from sandbox.cluster.fields import prune, unknown
from sandbox.cluster.objects import Key, Object
from sandbox.cluster.patches import json_patch, merge
from sandbox.cluster.quirks import Quirks
from sandbox.cluster.reading import answer
from sandbox.cluster.refusals import bad_request, conflict, not_found
from sandbox.cluster.store import Store


class Writing:
    """The verbs that change something."""

    def __init__(self, store: Store, time: Time, fate: Fate, quirks: Quirks) -> None:
        self._store = store
        self._time = time
        self._fate = fate
        self._quirks = quirks

    def create(self, call: Call) -> Response:
        """Answer the new object."""
        return self._create(call, _identified(call, call.body()))

    def apply(self, call: Call) -> Response:
        """Create the object, or lay what is applied over what is there."""
        item = _identified(call, call.body())
        if "fieldManager" not in call.request.args:
            raise bad_request("fieldManager is required for apply patch")
        if call.subresource != "status":
            item.pop("status", None)
        with self._store.changed:
            live = self._store.get(call.key)
            if live is None:
                return self._create(call, item)
            return self._replace(call, live, merge(live, item))

    def patch(self, call: Call) -> Response:
        """Merge the patch into the object, or carry its operations out."""
        with self._store.changed:
            live = self._live(call)
            if call.is_json_patch:
                return self._replace(call, live, json_patch(live, call.steps()))
            return self._replace(call, live, merge(live, call.body()))

    def update(self, call: Call) -> Response:
        """Put the object in place of the old one."""
        item = _identified(call, call.body())
        with self._store.changed:
            live = self._live(call)
            if item["metadata"].get("resourceVersion", _version(live)) != _version(live):
                raise conflict(call.key)
            return self._replace(call, live, item)

    def delete(self, call: Call) -> Response:
        """Begin the deletion, in the background unless the caller wants otherwise."""
        item = self._live(call)
        policy = call.request.args.get("propagationPolicy") or call.body().get("propagationPolicy")
        if not (call.dry or call.body().get("dryRun")):
            item = delete(self._store, self._time, call.key, policy or "Background")
        if call.kind.plural == "pods":
            return answer(item)
        details = {"name": call.name, "kind": call.kind.plural, "uid": item["metadata"]["uid"]}
        body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return answer({**body, "details": details})

    def _live(self, call: Call) -> Object:
        if (live := self._store.get(call.key)) is None:
            raise not_found(call.key)
        return live

    def _create(self, call: Call, item: Object) -> Response:
        key = Key(*call.key[:2], item["metadata"]["name"])
        if key.namespace and self._store.get(Key("namespaces", "", key.namespace)) is None:
            raise not_found(Key("namespaces", "", key.namespace))
        warnings = _validated(call, item)
        self._fate.check_webhook(key.kind)
        admit(key.kind, item, self._quirks)
        return _warned(answer(self._store.create(key, item, dry=call.dry), 201), warnings)

    def _replace(self, call: Call, live: Object, item: Object) -> Response:
        if call.subresource == "status":
            item = {**live, "status": item.get("status", {})}
        else:
            item.pop("status", None)
            item |= {"status": live["status"]} if "status" in live else {}
        warnings = _validated(call, item)
        if call.kind.plural != "pods":  # a pod's webhook acts on creation only
            self._fate.check_webhook(call.kind.plural)
            admit(call.kind.plural, item, self._quirks)
            admit_change(call.kind.plural, live, item, self._quirks)
        return _warned(answer(self._store.replace(call.key, item, dry=call.dry)), warnings)


def _validated(call: Call, item: Object) -> list[str]:
    """Refuse unknown fields or drop them, as `fieldValidation` wants; return the warnings."""
    found = [f'unknown field "{path}"' for path in unknown(call.kind.plural, item)]
    wanted = call.request.args.get("fieldValidation", "Warn")
    if found and wanted == "Strict":
        raise bad_request(
            f"{call.kind.name} in version {call.kind.version!r} cannot be handled as a "
            f"{call.kind.name}: strict decoding error: {', '.join(found)}".replace("'", '"')
        )
    prune(call.kind.plural, item)
    return found if wanted == "Warn" else []


def _warned(response: Response, warnings: list[str]) -> Response:
    for warning in warnings:
        text = warning.replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{text}"')
    return response


def _identified(call: Call, item: Object) -> Object:
    kind = call.kind
    item.setdefault("apiVersion", kind.api_version)
    item.setdefault("kind", kind.name)
    if (item["apiVersion"], item["kind"]) != (kind.api_version, kind.name):
        raise bad_request(
            f"the object is a {item['kind']} of {item['apiVersion']}, not {kind.name}"
        )
    metadata = item.setdefault("metadata", {})
    if call.namespace:
        metadata.setdefault("namespace", call.namespace)
    if not metadata.setdefault("name", call.name):
        raise bad_request("name is required")
    if call.name not in ("", metadata["name"]):
        raise bad_request(f"the name of the object ({metadata['name']}) does not match the URL")
    return item


def _version(item: Object) -> str:
    return str(item["metadata"]["resourceVersion"])
