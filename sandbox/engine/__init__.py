"""A loopback pod network with OpenAI-compatible engines on the leaders of the sandbox cluster."""

from sandbox.engine.engine import Engine
from sandbox.engine.speech import Pace

__all__ = ["Engine", "Pace"]
