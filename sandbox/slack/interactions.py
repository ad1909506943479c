"""Interactions on their way to the app, and what its answer does to a modal.

Sources: docs.slack.dev, interactivity/handling-user-interaction and surfaces/modals (an empty 200
closes the modal; response_action errors, update, clear). The sentence under a modal whose app did
not answer well is quoted in many issues of slackapi/bolt-python (1318 for one). response_action
push is not here. Interactions are not sent twice.
"""

import json
from typing import Any

from sandbox.journal import Journal
from sandbox.slack.delivery import Courier, Delivery, Parcel
from sandbox.slack.errors import RefusedError
from sandbox.slack.records import Json, View
from sandbox.slack.settings import AppSettings
from sandbox.slack.store import Store
from sandbox.slack.views import checked_view, show

TROUBLE = "We had some trouble connecting. Try again?"


class Interactions:
    """Sends interactions and carries out the app's answers to them."""

    def __init__(self, store: Store, journal: Journal, courier: Courier) -> None:
        self._store = store
        self._journal = journal
        self._courier = courier

    def send(self, payload: Json, settings: AppSettings) -> Delivery:
        """Deliver one interaction."""
        delivery = self._courier.carry(Parcel("interactive", payload), settings)
        actions = [done["action_id"] for done in payload.get("actions", [])]
        view = payload.get("view", {})
        self._journal.add(
            "slack",
            "interaction.delivered",
            ok=not delivery.failure,
            type=payload["type"],
            user=payload["user"]["id"],
            actions=actions,
            view=view.get("id"),
            callback_id=view.get("callback_id"),
            status=delivery.status,
            body=delivery.body,
        )
        return delivery

    def answer_submission(self, view: View, delivery: Delivery) -> str:
        """Close, change or keep a modal after its app answered; return what stands under it."""
        with self._store.lock:
            try:
                return self._carry_out(view, _answer(delivery))
            except RefusedError as error:
                self._journal.add("slack", "view.refused", view=view.id, **error.as_json())
                return TROUBLE

    def remove(self, view: View, *, all_of_them: bool = False) -> None:
        """Take a modal off the screen, or every modal of its person."""
        with self._store.lock:
            self._store.views = [
                other
                for other in self._store.views
                if other is not view and not (all_of_them and other.user == view.user)
            ]

    def _carry_out(self, view: View, answer: Json) -> str:
        match answer.get("response_action"):
            case None:
                self.remove(view)
            case "clear":
                self.remove(view, all_of_them=True)
            case "update":
                show(self._store, view, checked_view(answer.get("view")))
            case "errors":
                view.errors = _checked_errors(view, answer.get("errors"))
            case other:
                raise RefusedError("invalid_response_action", given=str(other))
        return ""


def _answer(delivery: Delivery) -> Json:
    if delivery.failure:
        raise RefusedError(delivery.failure)
    if not delivery.body.strip():
        return {}
    try:
        found = json.loads(delivery.body)
    except ValueError as error:
        raise RefusedError("not_json") from error
    if not isinstance(found, dict):
        raise RefusedError("not_an_object")
    return found


def _checked_errors(view: View, errors: Any) -> dict[str, str]:  # noqa: ANN401 - any JSON
    """Return errors that name input blocks of the modal; Slack shows no others."""
    inputs = {block["block_id"] for block in view.content["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
        raise RefusedError("errors_name_no_input_block")
    return {block: str(words) for block, words in errors.items()}
