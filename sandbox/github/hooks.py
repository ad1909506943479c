"""Webhooks: signed, sent in the background, in order, and never sent again unless asked.

Sources: docs.github.com, "Webhook events and payloads" (delivery headers), "Validating webhook
deliveries", "Handling failed webhook deliveries" (no automatic redelivery; a redelivery keeps
the X-GitHub-Delivery of the first).
"""

import hashlib
import hmac
import itertools
import json
import queue
import re
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sandbox.clock import Time
from sandbox.journal import Journal

PATIENCE = 10.0
"""Real seconds a receiver has for its answer."""

_TAKEN = range(200, 300)
_LATEST = 250  # what the delivery log of this sandbox keeps
_TYPE = "repository"


@dataclass(frozen=True, slots=True)
class Hook:
    """Where events go; `*` asks for all."""

    url: str
    secret: str
    events: tuple[str, ...] = ("*",)

    def wants(self, event: str) -> bool:
        """Say whether it asked for an event."""
        return "*" in self.events or event in self.events or event == "ping"


@dataclass(slots=True)
class HookFault:
    """What goes wrong with the nth event (and the `times` - 1 after it) whose name matches.

    lose: it is not sent. duplicate: it is sent twice. late: it is sent `seconds` of the sandbox
    later, and others overtake it. swap: it is sent after the next one.
    """

    event: str
    act: Literal["lose", "duplicate", "late", "swap"]
    nth: int = 1
    times: int = 1
    seconds: float = 600.0
    seen: int = 0

    def strikes(self, event: str) -> bool:
        """Say whether this event is hit, counting it if its name matches."""
        if not re.fullmatch(self.event, event):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


@dataclass(frozen=True, slots=True)
class Delivery:
    """One line of the delivery log; `status_code` 0 means that no answer came."""

    id: int
    guid: str
    hook: int
    event: str
    action: str | None
    body: bytes
    redelivery: bool = False
    status_code: int = 0
    delivered_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as `GET hooks/ID/deliveries` lists it."""
        at = self.delivered_at
        return {
            "id": self.id,
            "guid": self.guid,
            "delivered_at": at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None,
            "redelivery": self.redelivery,
            "status": "OK" if self.status_code in _TAKEN else "failed",
            "status_code": self.status_code,
            "event": self.event,
            "action": self.action,
        }


def signature(secret: str, body: bytes) -> str:
    """Return X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Hooks:
    """The hooks of a repository, their log and their faults."""

    def __init__(self, time: Time, journal: Journal) -> None:
        self._time, self._journal = time, journal
        self._hooks: dict[int, Hook] = {}
        self._made = 0
        self._faults: list[HookFault] = []
        self._log: list[Delivery] = []
        self._aside: list[Delivery] = []
        self._ids = itertools.count(1)
        self._waiting: queue.SimpleQueue[Delivery] = queue.SimpleQueue()
        self._pending = 0
        self._changed = threading.Condition()
        self._worker: threading.Thread | None = None
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def add(self, hook: Hook) -> int:
        """Register a hook and return its number."""
        with self._changed:
            self._made += 1
            self._hooks[self._made] = hook
            return self._made

    def remove(self, number: int) -> None:
        """Forget a hook; what is on its way to it is not sent. KeyError if it is not there."""
        with self._changed:
            del self._hooks[number]

    def all(self) -> Mapping[int, Hook]:
        """Return the hooks by number."""
        return dict(self._hooks)

    def arm(self, fault: HookFault) -> None:
        """Put a fault in force."""
        self._faults.append(fault)

    def send(self, event: str, action: str | None, payload: Mapping[str, Any]) -> None:
        """Send an event to every hook that asked for it, in the background."""
        body = json.dumps(payload, ensure_ascii=False).encode()
        for number, hook in self.all().items():
            if hook.wants(event):
                self._queue(Delivery(*self._identity(), number, event, action, body))

    def redeliver(self, delivery_id: int) -> None:
        """Send one of the log again: same GUID, new number; KeyError if it is not there."""
        found = next((one for one in self.deliveries() if one.id == delivery_id), None)
        if found is None:
            raise KeyError(delivery_id)
        again = next(self._ids)
        self._queue(replace(found, id=again, redelivery=True, status_code=0, delivered_at=None))

    def deliveries(self) -> list[Delivery]:
        """Return the log, the newest first."""
        with self._changed:
            return self._log[::-1]

    def drain(self, at_most: float = 10.0) -> bool:
        """Wait until nothing is on its way; late and swapped ones do not count."""
        with self._changed:
            return self._changed.wait_for(lambda: self._pending == 0, at_most)

    def _identity(self) -> tuple[int, str]:
        number = next(self._ids)
        return number, str(uuid.uuid5(uuid.NAMESPACE_URL, f"github delivery {number}"))

    def _queue(self, delivery: Delivery) -> None:
        with self._changed:
            self._pending += 1
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="webhooks", daemon=True)
                self._worker.start()
        self._waiting.put(delivery)

    def _work(self) -> None:
        while True:
            delivery = self._waiting.get()
            self._handle(delivery)
            with self._changed:
                self._pending -= 1
                self._changed.notify_all()

    def _handle(self, delivery: Delivery) -> None:
        struck = [fault for fault in self._faults if fault.strikes(delivery.event)]
        match struck[0].act if struck else None:
            case "lose":
                self._note(delivery, 0)
            case "late":
                arguments = (delivery, struck[0].seconds)
                threading.Thread(target=self._later, args=arguments, daemon=True).start()
            case "swap":
                self._aside.append(delivery)
                return
            case "duplicate":
                self._post(delivery)
                self._post(delivery)
            case None:
                self._post(delivery)
        while self._aside:
            self._post(self._aside.pop(0))

    def _later(self, delivery: Delivery, seconds: float) -> None:
        self._time.sleep(seconds)
        self._post(delivery)

    def _post(self, delivery: Delivery) -> None:
        hook = self._hooks.get(delivery.hook)
        if hook is None:  # removed meanwhile
            return
        request = urllib.request.Request(  # noqa: S310 - whoever set the hook chose the URL
            hook.url, delivery.body, _headers(hook, delivery), method="POST"
        )
        try:
            with self._open(request, timeout=PATIENCE) as answer:
                status = int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                status = error.code
        except OSError:  # refused, reset or out of patience
            status = 0
        self._note(delivery, status)

    def _note(self, delivery: Delivery, status: int) -> None:
        done = replace(delivery, status_code=status, delivered_at=self._time.now())
        with self._changed:
            self._log = [*self._log, done][-_LATEST:]
        told = {"event": done.event, "action": done.action, "guid": done.guid, "status": status}
        ok, again = status in _TAKEN, done.redelivery
        self._journal.add("github", f"webhook {done.event}", ok=ok, redelivery=again, **told)


def _headers(hook: Hook, delivery: Delivery) -> dict[str, str]:
    signed = {"X-Hub-Signature-256": signature(hook.secret, delivery.body)} if hook.secret else {}
    return {
        "User-Agent": "GitHub-Hookshot/sandbox",
        "Content-Type": "application/json",
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Hook-ID": str(delivery.hook),
        "X-GitHub-Hook-Installation-Target-Type": _TYPE,
        **signed,
    }
