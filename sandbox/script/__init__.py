"""Stories: YAML files in which people and fate act, and what the worlds must show then."""

from sandbox.script.errors import StoryError
from sandbox.script.player import Player
from sandbox.script.reading import Line, Story, read
from sandbox.script.told import Print, line_of

__all__ = ["Line", "Player", "Print", "Story", "StoryError", "line_of", "read"]
