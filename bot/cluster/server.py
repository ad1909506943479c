"""Port: an API server as whoever follows it needs it, and what can go wrong with a call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import msgspec
import urllib3

from bot.cluster.objects import Meta
from bot.errors import ClusterUnavailableError


class Item(Protocol):
    """An object of the API."""

    @property
    def metadata(self) -> Meta:
        """Its ObjectMeta."""
        ...


I = TypeVar("I", bound=Item)  # noqa: E741 - a type variable


class ExpiredError(Exception):
    """The API server no longer has the version that a watch wanted to go on from."""


class BrokenError(Exception):
    """A call was answered, but not as the API answers; it is tried again."""


class RefusedError(Exception):
    """The API server does not let us, or does not know the kind."""


class EndedError(Exception):
    """Nobody wants to follow any more."""


TRANSIENT = (
    urllib3.exceptions.HTTPError,
    OSError,
    BrokenError,
    RefusedError,
    ClusterUnavailableError,
    msgspec.DecodeError,
)
"""What a later try may mend."""


class Server(Protocol):
    """An API server."""

    def get(self, path: str, query: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """Return the answer to a GET, whose body has not been read yet.

        Raises:
            ExpiredError, RefusedError, BrokenError: 410, 401/403/404, any other refusal.
            ClusterUnavailableError: no credentials.
            urllib3.exceptions.HTTPError, OSError: no answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Kind(Generic[I]):
    """What is followed: a collection's path, the type it is read as, and its selectors.

    `optional` things may be missing or forbidden: that is logged once and bothers nobody.
    """

    path: str
    type: type[I]
    selectors: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False
