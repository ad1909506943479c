"""Answers create, apply, patch, update and delete.

Server-side apply merges maps and replaces lists; which manager owns which field is not kept.
Source: the API concepts page, RFC 7386 (merge patch).
"""

import copy
from typing import Any

from werkzeug.wrappers import Response

from sandbox.clock import Time
from sandbox.cluster.admission import admit
from sandbox.cluster.calls import Call
from sandbox.cluster.deletion import delete
from sandbox.cluster.objects import Key, Object
from sandbox.cluster.reading import answer
from sandbox.cluster.refusals import bad_request, conflict, not_found
from sandbox.cluster.store import Store


class Writing:
    """The verbs that change something."""

    def __init__(self, store: Store, time: Time) -> None:
        self._store = store
        self._time = time

    def create(self, call: Call) -> Response:
        """Answer the new object."""
        item = _identified(call, call.body())
        return answer(self._create(Key(*call.key[:2], item["metadata"]["name"]), item), 201)

    def apply(self, call: Call) -> Response:
        """Create the object, or lay what is applied over what is there."""
        item = _identified(call, call.body())
        if "fieldManager" not in call.request.args:
            raise bad_request("fieldManager is required for apply patch")
        item.pop("status", None)
        with self._store.changed:
            live = self._store.get(call.key)
            if live is None:
                return answer(self._create(call.key, item), 201)
            return answer(self._replace(call.key, _merge(live, item)))

    def patch(self, call: Call) -> Response:
        """Merge the patch into the object; null removes."""
        with self._store.changed:
            live = self._store.get(call.key)
            if live is None:
                raise not_found(call.key)
            return answer(self._replace(call.key, _merge(live, call.body())))

    def update(self, call: Call) -> Response:
        """Put the object in place of the old one, except its status."""
        item = _identified(call, call.body())
        with self._store.changed:
            live = self._store.get(call.key)
            if live is None:
                raise not_found(call.key)
            if item["metadata"].get("resourceVersion", _version(live)) != _version(live):
                raise conflict(call.key)
            item.pop("status", None)
            kept = {"status": live["status"]} if "status" in live else {}
            return answer(self._replace(call.key, {**item, **kept}))

    def delete(self, call: Call) -> Response:
        """Begin the deletion, in the background unless the caller wants the foreground."""
        if self._store.get(call.key) is None:
            raise not_found(call.key)
        policy = call.request.args.get("propagationPolicy") or call.body().get("propagationPolicy")
        item = delete(self._store, self._time, call.key, foreground=policy == "Foreground")
        if call.kind.plural == "pods":
            return answer(item)
        details = {"name": call.name, "kind": call.kind.plural, "uid": item["metadata"]["uid"]}
        body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return answer({**body, "details": details})

    def _create(self, key: Key, item: Object) -> Object:
        if key.namespace and self._store.get(Key("namespaces", "", key.namespace)) is None:
            raise not_found(Key("namespaces", "", key.namespace))
        admit(key.kind, item)
        return self._store.create(key, item)

    def _replace(self, key: Key, item: Object) -> Object:
        if key.kind != "pods":  # a pod's webhook acts on creation only
            admit(key.kind, item)
        return self._store.replace(key, item)


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


def _merge(live: Object, patch: Object) -> Object:
    merged: dict[str, Any] = copy.copy(live)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            below = merged.get(key)
            merged[key] = _merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[key] = value
    return copy.deepcopy(merged)


def _version(item: Object) -> str:
    return str(item["metadata"]["resourceVersion"])
