"""The composition root: the one place that names every adapter, a module a role.

A role's module is imported when the role starts, since the SDKs together take seconds to load, and
no role needs all of them.
"""

import importlib
import threading
from collections.abc import Callable

from bot.health import Health
from bot.settings import ROLES as NAMES
from bot.settings import Settings
from bot.wiring.parts import clock

__all__ = ["ROLES", "Role", "clock"]

Role = Callable[[Settings, threading.Event, Health], None]


def _role(name: str) -> Role:
    def run(settings: Settings, stop: threading.Event, health: Health) -> None:
        importlib.import_module(f"bot.wiring.{name}").run(settings, stop, health)

    return run


ROLES: dict[str, Role] = {name: _role(name) for name in NAMES}
"""What each role does until `stop` is set, by its name."""
