"""docs/chat.md against the code: every verb, its role, and examples that mean something."""

import re
from pathlib import Path

import pytest

from bot.access import NEEDED
from bot.commands.command import Help
from bot.commands.grammar import parse
from bot.commands.verbs import EXAMPLES
from bot.errors import QueueFullError, StoreUnavailableError, StoreUncertainError
from bot.slack.blocks import BUTTONS
from bot.slack.desk import BARE
from bot.slack.untaken import TOO_MANY, UNSEALED, refusal_of

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "chat.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([a-z-]+)` \| `/llm ([^`]+)` \| (?:\w*) ?\|", TEXT, re.MULTILINE))
TYPED = [t for t in re.findall(r"`/llm ([^`]+)`", TEXT) if "NAME" not in t and not BARE.match(t)]


def test_every_verb_stands_in_the_table_with_its_example():
    assert dict(EXAMPLES) == ROWS


@pytest.mark.parametrize("verb", sorted(EXAMPLES))
def test_the_table_names_the_role_that_a_verb_needs(verb):
    role = NEEDED[verb].value if verb in NEEDED else ""

    row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{verb}` |"))

    assert row.split("|")[3].strip() == role


@pytest.mark.parametrize("text", TYPED)
def test_every_command_on_the_page_can_be_typed(text):
    assert text == "help" or text.startswith("help ") or not isinstance(parse(text), Help)


def test_every_button_of_a_card_is_explained():
    labels = re.findall(r"^\| ([A-Z]\w+) \| ", TEXT, re.MULTILINE)

    assert labels == [label for _, label in BUTTONS]


@pytest.mark.parametrize("error", [StoreUnavailableError, StoreUncertainError, QueueFullError])
def test_what_is_said_while_nothing_can_be_taken_is_explained(error):
    said = refusal_of(error("x"))

    assert said.partition(". ")[0].partition(";")[0] in TEXT
    assert TOO_MANY.partition("; ")[0] in TEXT
    assert UNSEALED.partition("; ")[0] in TEXT
