"""How notices look in Slack: whole messages, within the limits, and nothing from outside acts."""

import typing

import pytest

from bot import notice as notices
from bot.notice import (
    Applied,
    Asked,
    Card,
    Closed,
    Footer,
    GroupLine,
    Merged,
    Notice,
    Proposed,
    Rank,
    Recovered,
    Refused,
    Restarted,
    Serving,
    Usage,
)
from bot.slack.blocks import blocks, escape, inert, text

EVIL = "<!channel> <@U1> <https://evil|bank> *b* `c` & \u202e\x1b[0m"
LONG = "x" * 100_000

READY, LOADING = Rank(0, "ready", ready=True), Rank(1, "loading", ready=False)

CARD = Card(
    name="m1", environment="example", model="qwen3-32b", engine="vllm 0.10.0",
    shape="1×(2×1 GPU)", parallel="TP 2", gpus=2, pull_number=7, pull_url="https://git.example/7",
    requested_by="U1", phase="serving · 1/1 groups proved",
    groups=(GroupLine(0, (READY, LOADING), 0.4),),
)  # fmt: skip

ALL = [
    CARD,
    Proposed("deploy(example/m1)", 7, "https://git.example/7", 4, "-a\n+b"),
    Merged(7, "bob"),
    Closed(7),
    Applied("m1", "abc"),
    Serving("m1", 2, 0.61),
    Restarted("m1", 0, 2, "worker 1 (m1-0-1): OOMKilled (exit 137)"),
    Recovered("m1", 0, 0.5),
    Asked("U1", "m1", "測試一下"),
    Footer("qwen3-32b", 0.5, 30, 44.1, "length"),
    Refused("no verb"),
    Usage("`/llm help` says this"),
]


def test_every_notice_is_in_this_file():
    assert {type(notice) for notice in ALL} == set(typing.get_args(Notice))


@pytest.mark.parametrize("notice", ALL, ids=lambda notice: type(notice).__name__)
def test_every_notice_has_a_line_and_blocks_within_slacks_limits(notice):
    check_limits(notice)


@pytest.mark.parametrize(
    "notice",
    [
        Proposed(LONG, 7, "u", 4, LONG),
        Refused(LONG),
        Asked("U1", "m1", LONG),
        Restarted("m1", 0, 1, LONG),
        Footer(LONG, 0.5, 30, 1.0, LONG),
        Card("x" * 500, "e", "m", "e", "s", "p", 2, 7, "u", "U1", "phase", CARD.groups * 200),
        Card(
            "m1", "e", "m", "e", "s", "p", 2, 7, "u", "U1", "phase",
            (GroupLine(0, (Rank(0, "x" * 100, ready=False),) * 64, None),),
        ),
    ],
)  # fmt: skip
def test_what_is_too_long_is_cut(notice):
    check_limits(notice)


def check_limits(notice):
    shown = blocks(notice)
    assert 1 <= len(text(notice)) <= 40_000
    assert 1 <= len(shown) <= 50
    for block in shown:
        if block["type"] == "header":
            assert 1 <= len(block["text"]["text"]) <= 150
        for part in [block.get("text"), *block.get("elements", ())]:
            assert part is None or 1 <= len(part["text"]) <= 3000
        assert len(block.get("fields", ())) <= 10
        for field in block.get("fields", ()):
            assert 1 <= len(field["text"]) <= 2000


def test_the_card_reads_as_a_whole():
    assert text(CARD) == "m1 · serving · 1/1 groups proved"
    assert blocks(CARD) == [
        {"type": "header", "text": {"type": "plain_text", "text": "m1"}},
        {
            "type": "section",
            "fields": [
                {"type": "mrkdwn", "text": "*Environment*\nexample"},
                {"type": "mrkdwn", "text": "*Model*\nqwen3-32b"},
                {"type": "mrkdwn", "text": "*Engine*\nvllm 0.10.0"},
                {"type": "mrkdwn", "text": "*Shape*\n1×(2×1 GPU) · TP 2 · 2 GPUs"},
                {"type": "mrkdwn", "text": "*Phase*\nserving · 1/1 groups proved"},
                {"type": "mrkdwn", "text": "*Pull request*\n<https://git.example/7|#7>"},
            ],
        },
        {
            "type": "context",
            "elements": [
                {
                    "type": "mrkdwn",
                    "text": "group 0: :large_green_circle: leader ready · :white_circle: worker 1"
                    " loading · proved, first token 0.40 s",
                }
            ],
        },
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "asked by <@U1>"}]},
    ]


@pytest.mark.parametrize(
    "notice",
    [
        Proposed(EVIL, 7, "https://git.example/7", 4, EVIL + "```"),
        Merged(7, EVIL),
        Applied("m1", EVIL),
        Restarted("m1", 0, 1, EVIL),
        Asked("U1", EVIL, EVIL),
        Footer(EVIL, 0.5, 30, 1.0, EVIL),
        Refused(EVIL),
    ],
    ids=lambda notice: type(notice).__name__,
)
def test_text_from_outside_pings_and_links_nobody(notice):
    said = text(notice) + str(blocks(notice))

    for act in ("<!channel>", "<https://evil", "\u202e", "\x1b"):
        assert act not in said
    assert said.replace("<@U1> asked", "").count("<@U1>") == 0


def test_a_fence_in_a_diff_cannot_end_the_fence_around_it():
    [_, section] = blocks(Proposed("t", 7, "u", 1, "```\n<!here>"))

    assert section["text"]["text"].count("```") == 2


def test_a_models_markdown_keeps_its_form_and_mentions_nobody():
    assert inert("**b** `c` <!channel> a&b") == "**b** `c` &lt;!channel&gt; a&amp;b"


def test_escaping_keeps_every_visible_character():
    assert escape("a*b_c").replace("\u200b", "") == "a*b_c"


def test_the_list_of_notices_is_closed():
    classes = {value for value in vars(notices).values() if isinstance(value, type)}

    assert classes - set(typing.get_args(Notice)) == {Rank, GroupLine}
