"""What Slack hands back: taken as it was given out, and refused in every other form."""

import pytest

from bot.slack.seal import Seal

OURS = Seal.of("xoxb-1")
VALUES = ["example/m1", "a:b:c", "測試 \u200b", "0123456789ab U0ALICE example/m1"]


def button(value, seal=OURS, act="leadline:status"):
    """Return a button as it comes back when it is pressed."""
    rows = [{"type": "actions", "elements": [{"action_id": act, "value": value}]}]
    [row] = seal.buttons(rows)
    return row["elements"][0]


@pytest.mark.parametrize("value", VALUES)
def test_a_process_with_the_same_token_takes_the_value_and_one_with_another_does_not(value):
    assert Seal.of("xoxb-1").pressed(button(value)) == value
    assert Seal.of("xoxb-2").pressed(button(value)) is None


@pytest.mark.parametrize("value", VALUES)
def test_no_character_of_a_value_can_be_changed_added_or_left_out(value):
    closed = button(value)["value"]
    for at in range(len(closed)):
        for put in ("", "0x", "\ud800"):
            changed = closed[:at] + put + closed[at + 1 :]
            assert OURS.pressed(button("") | {"value": changed}) is None, changed
    assert OURS.pressed(button("") | {"value": f"{closed} "}) is None


@pytest.mark.parametrize("value", [None, "", ":", "example/m1", 7, ["x"], "0" * 32 + ":x", "é:x"])
def test_what_bears_no_mark_is_refused(value):
    assert OURS.pressed({"action_id": "leadline:status", "value": value}) is None
    assert OURS.pressed({"action_id": "leadline:status"}) is None


def test_a_value_counts_only_for_the_button_and_the_form_that_it_was_given_to():
    status = button("example/m1")
    form = {"callback_id": "leadline:status", "private_metadata": '{"channel":"C1"}'}

    assert OURS.pressed(status | {"action_id": "leadline:undeploy"}) is None
    assert OURS.origin(OURS.form(form)) == '{"channel":"C1"}'
    assert OURS.origin(OURS.form(form) | {"callback_id": "leadline:undeploy"}) is None
    assert OURS.origin(form) is None


def test_other_blocks_stay_as_they_are_and_the_key_stands_in_no_repr():
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}

    assert OURS.buttons([section]) == [section]
    assert repr(OURS) == "Seal()"
