"""Edge: Slack's requests become jobs. A listener only writes to the queue and returns."""

import hashlib
import logging
from collections.abc import Mapping

from slack_bolt import Ack, App

from bot.errors import StoreUnavailableError
from bot.slack.escaping import quote
from bot.store import Job, Queue

_log = logging.getLogger(__name__)


def register(app: App, queue: Queue) -> None:
    """Register the listeners of the app."""

    def command(ack: Ack, body: Mapping[str, str]) -> None:
        job = _job(body)
        try:
            fresh = queue.put(job)
        except StoreUnavailableError as error:
            _log.warning("refused ref=%s error=%s", job.id, error)
            ack("Leadline cannot take commands now; nothing was done. Try again in a minute.")
            return
        _log.info("queued ref=%s fresh=%s", job.id, fresh)
        ack(f":hourglass_flowing_sand: {quote('/llm ' + job.text)} (ref {job.id})" if fresh else "")

    app.command("/llm")(command)


def _job(body: Mapping[str, str]) -> Job:
    """Return the job of a slash command; its id is the delivery's, so that a replay is one job."""
    delivery = f"{body.get('team_id')}:{body.get('trigger_id')}"
    return Job(
        id=hashlib.sha256(delivery.encode()).hexdigest()[:12],
        text=body.get("text", ""),
        person=body["user_id"],
        team=body["team_id"],
        channel=body["channel_id"],
    )
