"""The sandbox's Slack: Block Kit limits, through the real slack_sdk."""

import pytest

from tests.sandbox.test_slack_bench import OPS, Slack, button, refusal, section


@pytest.fixture
def slack():
    with Slack().served() as found:
        yield found


PLAIN = {"type": "plain_text", "text": "x"}


@pytest.mark.parametrize(
    ("blocks", "pointer"),
    [
        ([{"type": "divider"}] * 51, "/blocks"),
        ([section("x" * 3001)], "/blocks/0/text/text"),
        ([section("")], "/blocks/0/text/text"),
        ([{"type": "section"}], "/blocks/0"),
        ([{"type": "section", "fields": [PLAIN] * 11}], "/blocks/0/fields"),
        (
            [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}],
            "/blocks/0/fields/0/text",
        ),
        ([{"type": "header", "text": PLAIN | {"text": "x" * 151}}], "/blocks/0/text/text"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "/blocks/0/text/type"),
        ([{"type": "context", "elements": [PLAIN] * 11}], "/blocks/0/elements"),
        (
            [{"type": "actions", "elements": [button(n) for n in range(26)]}],
            "/blocks/0/elements",
        ),
        (
            [{"type": "actions", "elements": [button(label="x" * 76)]}],
            "/blocks/0/elements/0/text/text",
        ),
        (
            [{"type": "actions", "elements": [button(value="x" * 2001)]}],
            "/blocks/0/elements/0/value",
        ),
        (
            [{"type": "actions", "elements": [button(style="big")]}],
            "/blocks/0/elements/0/style",
        ),
        (
            [{"type": "actions", "elements": [button(confirm={"title": PLAIN})]}],
            "/blocks/0/elements/0/confirm/text",
        ),
        (
            [{"type": "actions", "elements": [{"type": "overflow", "action_id": "o"}]}],
            "/blocks/0/elements/0/options",
        ),
        ([{"type": "actions", "elements": [button(1), button(1)]}], "/blocks/0/elements"),
        ([section("x") | {"block_id": "a"}] * 2, "/blocks"),
        ([{"type": "sektion"}], "/blocks/0/type"),
        ([{"type": "markdown", "text": "x" * 6001}] * 2, "/blocks"),
        ([{"type": "image", "image_url": "https://x.test/a.png"}], "/blocks/0"),
    ],
)
def test_blocks_above_the_documented_limits_are_refused(slack, blocks, pointer):
    found = refusal(lambda: slack.client.chat_postMessage(channel=OPS, text="x", blocks=blocks))

    assert found["error"] == "invalid_blocks"
    assert f"[json-pointer:{pointer}]" in found["response_metadata"]["messages"][0]


def test_blocks_at_the_documented_limits_are_taken(slack):
    blocks = [
        {"type": "header", "text": PLAIN | {"text": "x" * 150}},
        section("x" * 3000),
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2000}] * 10},
        {"type": "context", "elements": [PLAIN] * 10},
        {"type": "actions", "elements": [button(n, value="v" * 2000) for n in range(25)]},
        *[{"type": "divider"}] * 45,
    ]

    assert slack.client.chat_postMessage(channel=OPS, text="x", blocks=blocks)["ok"]
