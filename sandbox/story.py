"""The story of the demo, told by `sandbox/stories/demo.yaml`: the whole loop for one deployment."""

from dataclasses import dataclass

from sandbox import stories
from sandbox.script import Player, Print, StoryError, read
from sandbox.script.player import verbs
from sandbox.worlds import Sandbox

__all__ = ["Cast", "StoryError", "tell"]


@dataclass(frozen=True, slots=True)
class Cast:
    """What one deployment of the story is about."""

    engine: str
    name: str
    prompt: str = "測試一下"
    groups: int = 1
    options: str = ""

    def values(self) -> dict[str, str | int]:
        """Return the values of the story's names."""
        return {
            "engine": self.engine,
            "name": self.name,
            "prompt": self.prompt,
            "groups": self.groups,
            "options": self.options,
            "last_worker": f"{self.name}-{self.groups - 1}-1",
        }


def tell(sandbox: Sandbox, cast: Cast, out: Print, at_most: float = 20.0) -> None:
    """Play and tell the story of one deployment; a step takes `at_most` real seconds.

    Raises:
        StoryError: something that should happen did not.
    """
    file = stories.path("demo")
    text = file.read_text(encoding="utf-8")
    story = read(text, file.name, verbs(sandbox), cast.values())
    Player(sandbox, out, at_most * (sandbox.time.rate or 1.0)).play(story)
