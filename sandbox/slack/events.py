"""The Events API: what an app subscribed to, delivered and retried.

Sources: docs.slack.dev, apis/events-api (a delivery fails after three seconds or without a 2xx; it
is tried again at once, a minute later and five minutes later, with X-Slack-Retry-Num and -Reason;
`X-Slack-No-Retry: 1` on a refusal ends that), reference/events/app_mention and message. The minutes
are the sandbox's, each counted from the failure before. That Socket Mode keeps the same times is a
guess, and so is its reason `timeout`. Edited and deleted messages and reactions send nothing.
"""

import contextlib
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from sandbox.journal import Journal
from sandbox.slack.delivery import NOBODY_THERE, TOO_LATE, Courier, Delivery, Parcel
from sandbox.slack.objects import message_json
from sandbox.slack.records import Channel, Json, Message
from sandbox.slack.settings import AppSettings
from sandbox.slack.store import Store

WAITS = (0.0, 0.0, 60.0, 300.0)
"""Sandbox seconds before each attempt, after the failure of the one before."""

MOST_WAITING = 1000
"""Events that may wait for one attempt; one more is dropped, and the journal says so."""

_SLICE = 0.2  # real seconds between looks at whether the workspace has stopped
_FAILURES = {TOO_LATE: "http_timeout", NOBODY_THERE: "connection_failed"}


@dataclass(slots=True)
class Event:
    """One event on its way: the parcel, when it is due, and what became of its first attempt."""

    parcel: Parcel
    due: float
    first: "Future[Delivery]" = field(default_factory=Future)


class Events:
    """Turns messages into events and delivers them, a thread for each attempt."""

    def __init__(self, store: Store, courier: Courier, journal: Journal) -> None:
        self.settings = AppSettings()
        self._store = store
        self._courier = courier
        self._journal = journal
        self._stages: list[queue.Queue[Event | None]] = [queue.Queue(MOST_WAITING) for _ in WAITS]
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()
        self._of: dict[str, list[Event]] = {}

    def start(self) -> None:
        """Begin to deliver."""
        self._stopped.clear()
        self._stages = [queue.Queue(MOST_WAITING) for _ in WAITS]
        for number in range(len(WAITS)):
            thread = threading.Thread(target=self._work, args=(number,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Deliver no more; events that still wait are forgotten."""
        self._stopped.set()
        for stage in self._stages:
            with contextlib.suppress(queue.Full):  # a full one wakes its thread anyway
                stage.put_nowait(None)
        for thread in self._threads:
            thread.join(self._courier.patience + 2)
        self._threads.clear()

    def posted(self, channel: str, message: Message) -> None:
        """Make the events of a new message, for what the app subscribed to."""
        if not self._threads:
            return
        made = [self._made(inner) for inner in self._inner(channel, message)]
        self._of[message.ts] = made
        while len(self._of) > MOST_WAITING:
            del self._of[next(iter(self._of))]
        for event in made:
            self._put(event, 0)

    def first_deliveries(self, ts: str) -> list[Delivery]:
        """Wait for the first attempt of each event of a message; return how the app took them.

        Raises:
            RuntimeError: the app asked for events, but the workspace was not started.
        """
        if self.settings.events and not self._threads:
            raise RuntimeError("start the workspace: it delivers no events before")
        at_most = self._courier.patience + 5
        return [event.first.result(at_most) for event in self._of.pop(ts, [])]

    def _inner(self, channel: str, message: Message) -> list[Json]:
        found = self._store.channels[channel]
        if not found.is_member:
            return []
        told = self.settings.events
        shown = message_json(self._store, channel, message)
        shown |= {"channel": channel, "event_ts": message.ts}
        events = []
        bot = self._store.team.bot_user
        is_for_us = f"<@{bot}>" in message.text and message.user != bot and not found.is_im
        if "app_mention" in told and is_for_us:
            events.append({**shown, "type": "app_mention"})
        kind, name = _kind_of(found)
        if f"message.{name}" in told:
            events.append({**shown, "type": "message", "channel_type": kind})
        return events

    def _made(self, inner: Json) -> Event:
        team, store = self._store.team, self._store
        payload = {
            "token": "verification-token-of-old",
            "team_id": team.id,
            "api_app_id": team.app_id,
            "event": inner,
            "type": "event_callback",
            "event_id": store.new_id("Ev"),
            "event_time": int(store.time.now().timestamp()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": team.id,
                    "user_id": team.bot_user,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
        }
        return Event(Parcel("events_api", payload), store.time.monotonic())

    def _work(self, stage: int) -> None:
        while not self._stopped.is_set():
            event = self._stages[stage].get()
            if event is not None and self._is_due(event):
                self._attempt(event, stage)

    def _is_due(self, event: Event) -> bool:
        while (left := event.due - self._store.time.monotonic()) > 0:
            if self._stopped.is_set():
                return False
            self._store.time.wait(left, _SLICE)
        return True

    def _attempt(self, event: Event, stage: int) -> None:
        delivery = self._courier.carry(event.parcel, self.settings)
        reason = self._reason(delivery)
        self._journal.add(
            "slack",
            "event.delivered",
            ok=not reason,
            event_id=event.parcel.payload["event_id"],
            type=event.parcel.payload["event"]["type"],
            attempt=stage,
            reason=reason,
            status=delivery.status,
        )
        if stage == 0:
            event.first.set_result(delivery)
        if reason and stage + 1 < len(WAITS) and not delivery.no_retry:
            due = self._store.time.monotonic() + WAITS[stage + 1]
            parcel = replace(event.parcel, attempt=stage + 1, reason=reason)
            self._put(replace(event, parcel=parcel, due=due), stage + 1)

    def _put(self, event: Event, stage: int) -> None:
        try:
            self._stages[stage].put_nowait(event)
        except queue.Full:
            name = event.parcel.payload["event_id"]
            self._journal.add("slack", "event.dropped", ok=False, event_id=name, attempt=stage)
            if stage == 0:
                event.first.set_result(Delivery(0, NOBODY_THERE, 0.0))

    def _reason(self, delivery: Delivery) -> str:
        if 200 <= delivery.status < 300:  # noqa: PLR2004 - the 2xx of HTTP
            return ""
        if self.settings.socket_mode:
            return "timeout"
        return _FAILURES.get(delivery.body, "http_error") if delivery.status == 0 else "http_error"


def _kind_of(channel: Channel) -> tuple[str, str]:
    """Return the channel type as an event names it, and as the subscription does."""
    if channel.is_im:
        return "im", "im"
    return ("group", "groups") if channel.is_private else ("channel", "channels")
