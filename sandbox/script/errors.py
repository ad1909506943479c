"""What ends a story.

StoryError    something that the story tells did not happen (exit 1)

A story that cannot be read is an InvalidRequestError (exit 1) of `gitops.errors`.
"""


class StoryError(Exception):
    """A step did not hold; the text names its line, what was wanted and what was there."""

    exit_code = 1
