"""Says each thing once: a message has a key, and a restart in the middle finds it again.

Where nothing can be found, since the chat does not let us read, a message may stand twice. The one
whose time stamp was kept first counts; whoever learns of another one takes that away.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from bot.chat import Chat, Place
from bot.errors import ChatUnavailableError
from bot.notice import Notice
from bot.store import Posts
from gitops.clock import Clock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Speaker:
    """The ports that saying something once needs."""

    chat: Chat
    posts: Posts
    clock: Clock

    def say(self, place: Place, key: str, notice: Notice) -> str:
        """Post a notice unless its key stands already; return the message's time stamp.

        The intent is stored first. Only when an earlier try left an intent without a message is
        the chat's history read, from the intent's time on.
        """
        sent = self.posts.intend(key, self.clock.now())
        if sent.message:
            return sent.message
        found = self._found(place, key, sent.at) if sent.again else None
        message = found or self._posted(place, key, notice, sent.at)
        stands = self.posts.stands(key, message)
        if stands != message:  # another process was faster while we waited for the chat
            self._take_away(place, key, message)
        return stands

    def _posted(self, place: Place, key: str, notice: Notice, since: datetime) -> str:
        """Post; where no answer came it may stand all the same, so it is looked for first."""
        try:
            return self.chat.post(place, key, notice)
        except ChatUnavailableError as error:
            try:
                found = self._found(place, key, since)
            except ChatUnavailableError:
                raise error from None
            return found or self.chat.post(place, key, notice)

    def _found(self, place: Place, key: str, since: datetime) -> str | None:
        """Return the message of that key; of several the oldest, and the others go."""
        oldest, *doubles = self.chat.find(place, key, since) or (None,)
        for double in doubles:
            self._take_away(place, key, double)
        return oldest

    def _take_away(self, place: Place, key: str, message: str) -> None:
        try:
            self.chat.update(place, message, None)
        except ChatUnavailableError as error:  # it is of no use to anybody, and does no harm
            _log.warning("message stands twice key=%s message=%s error=%s", key, message, error)

    def begin(self, key: str) -> bool:
        """Say whether this is the first time that `key` begins; what may not be repeated asks."""
        return not self.posts.intend(f"began:{key}", self.clock.now()).again
