"""What the wiring of several roles needs."""

import threading
from collections.abc import Callable
from typing import TypeVar

from bot.settings import Settings
from gitops.clock import Clock, SandboxClock, SystemClock

T = TypeVar("T")


def clock(settings: Settings) -> Clock:
    """Return the machine's clock, or the sandbox's where one is set."""
    return SandboxClock(settings.sandbox_url) if settings.sandbox_url else SystemClock()


def per_thread(make: Callable[[], T]) -> Callable[[], T]:
    """Return a function that gives each thread its own: PyGithub promises nothing between them."""
    local = threading.local()

    def get() -> T:
        if not hasattr(local, "made"):
            local.made = make()
        made: T = local.made
        return made

    return get
