"""Slash commands: what a person typed on its way to the app, and what the person then sees.

Source: docs.slack.dev/interactivity/implementing-slash-commands. Slack does not send a command
twice: one that was not answered is lost, and the person reads why.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.journal import Journal
from sandbox.slack.calls import Call
from sandbox.slack.delivery import Courier, Delivery, Parcel
from sandbox.slack.errors import RefusedError
from sandbox.slack.records import Json
from sandbox.slack.responses import Responses, ResponseUrl
from sandbox.slack.settings import AppSettings
from sandbox.slack.store import Store


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as a person typed it."""

    command: str
    text: str
    user: str
    channel: str


class Commands:
    """Sends commands to the app and shows its answers."""

    def __init__(
        self, store: Store, responses: Responses, journal: Journal, courier: Courier
    ) -> None:
        self._store = store
        self._responses = responses
        self._journal = journal
        self._courier = courier

    def send(self, typed: Typed, settings: AppSettings) -> Delivery:
        """Deliver one command and show its answer to the person."""
        url = self._responses.open(typed.user, typed.channel)
        payload = self._payload(typed, f"{self._store.base_url}/respond/{url.id}")
        delivery = self._courier.carry(Parcel("slash_commands", payload), settings)
        self._show(delivery, typed, url)
        self._journal.add(
            "slack",
            "command.delivered",
            ok=not delivery.failure,
            user=typed.user,
            channel=typed.channel,
            command=typed.command,
            text=typed.text,
            response_url=payload["response_url"],
            trigger_id=payload["trigger_id"],
            **delivery.as_json(),
        )
        return delivery

    def _payload(self, typed: Typed, response_url: str) -> Json:
        team, store = self._store.team, self._store
        with store.lock:
            trigger = store.triggers.issue(typed.user, store.new_ts())
        return {
            "token": "verification-token-of-old",
            "team_id": team.id,
            "team_domain": team.domain,
            "channel_id": typed.channel,
            "channel_name": store.channels[typed.channel].name,
            "user_id": typed.user,
            "user_name": team.people[typed.user],
            "command": typed.command,
            "text": typed.text,
            "api_app_id": team.app_id,
            "is_enterprise_install": "false",
            "response_url": response_url,
            "trigger_id": trigger,
        }

    def _show(self, delivery: Delivery, typed: Typed, url: ResponseUrl) -> None:
        try:
            answer = _answer(delivery)
            if answer.get("text") or answer.get("blocks"):
                with self._store.lock:
                    self._responses.show(url, Call("command", answer))
        except RefusedError as error:
            sorry = {"text": f'{typed.command} failed with the error "{error.code}"'}
            with self._store.lock:
                self._responses.show(url, Call("command", sorry))


def _answer(delivery: Delivery) -> Mapping[str, object]:
    if delivery.failure:
        raise RefusedError(delivery.failure)
    if not delivery.content_type.startswith("application/json"):
        return {"text": delivery.body}
    try:
        return dict(json.loads(delivery.body or "{}"))
    except (ValueError, TypeError) as error:
        raise RefusedError("invalid_command_response") from error
