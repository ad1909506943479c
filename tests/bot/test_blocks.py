"""How notices look in Slack: whole messages, within the limits, and nothing from outside acts."""

import typing

import pytest

from bot import notice as notices
from bot.access import Denied
from bot.notice import (
    Amended,
    Applied,
    Asked,
    Attached,
    BrokeGlass,
    Card,
    ChecksFailed,
    Closed,
    Degraded,
    Elsewhere,
    Facts,
    Footer,
    GroupLine,
    Listing,
    Merged,
    Missing,
    NotApplied,
    Notice,
    Planned,
    Progress,
    Proposed,
    Proved,
    Rank,
    Reachable,
    Recovered,
    Refused,
    Removed,
    Reopened,
    Restarted,
    Reviewed,
    Serving,
    Unproved,
    Unreachable,
    Usage,
)
from bot.slack.blocks import blocks
from bot.slack.escaping import escape, inert, our_words
from bot.slack.wording import text
from gitops.roles import Role
from tests.sandbox.test_slack_judges_bench import ours, slack_sdk_takes, slackblocks_takes

EVIL = "<!channel> <@U1> <https://evil|bank> *b* `c` & \u202e\x1b[0m"
LONG = "x" * 100_000

READY, LOADING = Rank(0, "ready", ready=True), Rank(1, "loading", ready=False)

CARD = Card(
    name="m1", environment="example", model="qwen3-32b", engine="vllm 0.10.0",
    shape="1×(2×1 GPU)", parallel="TP 2", gpus=2, pull_number=7, pull_url="https://git.example/7",
    requested_by="U1", phase="serving · 1/1 groups proved", pull="open, proposes 4 GPUs",
    groups=(GroupLine(0, (READY, LOADING), 0.4),),
)  # fmt: skip

URL = "https://git.example/7"


def told(outside):
    """Return every notice, with the text from outside in each field that takes some."""
    return [
        Card(outside, outside, outside, outside, outside, outside, 2, 7, URL, "U1", outside,
             (GroupLine(0, (Rank(0, outside, ready=False),), None),),
             fit=outside, pull=outside, checks=outside, note=outside),
        Planned(outside, (outside, outside), outside),
        Proposed(outside, 7, URL, 4, outside + "```"),
        Amended(outside, 7, URL, "U1", outside),
        Attached(7, URL, "U1"),
        Reviewed(7, outside, "changes requested", outside),
        Reviewed(7, outside, "approved", outside, outside),
        ChecksFailed(7, URL, (outside, "llm/check")),
        BrokeGlass(7, "U1", outside),
        Merged(7, outside),
        Closed(7),
        Reopened(7),
        Applied("m1", outside),
        NotApplied("m1", 11, outside),
        Removed(outside),
        Missing(outside),
        Progress("m1", "pulling", outside),
        Proved("m1", 0, 1, 2, 0.5),
        Unproved(outside, outside),
        Serving("m1", 2, 0.61),
        Degraded("m1", 0, 2, outside),
        Restarted("m1", 0, 2, outside),
        Recovered("m1", 0, 0.5),
        Unreachable(outside, "14:03"),
        Reachable(outside, 12),
        Asked("U1", outside, outside),
        Footer(outside, 0.5, 30, 44.1, outside, 12, outside),
        Denied("deploy", Role.REQUESTER, outside, None, ("U1",), ("S1",), ("C1",)),
        Refused(outside),
        Usage("`/llm help` says this"),
        Elsewhere(outside, URL, URL),
        Listing(outside, (outside, outside), ((outside, outside),) * 50, 1, 2, outside),
        Facts(outside, ((outside, outside),) * 12, (outside + "```",)),
    ]  # fmt: skip


ALL = [CARD, *told("some text")[1:]]
OURS = ("<@U1>", "<!subteam^S1>", "<#C1>", f"<{URL}|")
"""What may act in a message: the people and links that are ours."""


def test_every_notice_is_in_this_file():
    assert {type(notice) for notice in ALL} == set(typing.get_args(Notice))


@pytest.mark.parametrize("notice", ALL, ids=lambda notice: type(notice).__name__)
def test_every_notice_has_a_line_and_blocks_within_slacks_limits(notice):
    check_limits(notice)


@pytest.mark.parametrize(
    "notice",
    [
        *told(LONG),
        Card("x" * 500, "e", "m", "e", "s", "p", 2, 7, "u", "U1", "phase", CARD.groups * 200),
        Card(
            "m1", "e", "m", "e", "s", "p", 2, 7, "u", "U1", "phase",
            (GroupLine(0, (Rank(0, "x" * 100, ready=False),) * 64, None),),
        ),
        Planned("t", ("x\n" * 50_000,), ""),
    ],
    ids=lambda notice: type(notice).__name__,
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
            shown = part and (part["text"] if part["type"] != "button" else part["text"]["text"])
            assert part is None or 1 <= len(shown) <= (75 if part["type"] == "button" else 3000)
        assert len(block.get("fields", ())) <= 10
        for field in block.get("fields", ()):
            assert 1 <= len(field["text"]) <= 2000


@pytest.mark.parametrize("judge", [ours, slackblocks_takes, slack_sdk_takes])
@pytest.mark.parametrize("outside", ["x", EVIL, LONG, "x\n" * 9_000, "", "&" * 5_000], ids=len)
def test_every_notice_is_taken_by_the_sandbox_and_two_others(judge, outside):
    refused = [type(n).__name__ for n in told(outside) if not judge(blocks(n))]

    assert refused == []


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
                {
                    "type": "mrkdwn",
                    "text": "*Pull request*\n<https://git.example/7|#7> open, proposes 4 GPUs",
                },
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
        {
            "type": "actions",
            "elements": [
                button("status", "Status"),
                button("ask", "Ask"),
                button("update", "Change"),
                button("undeploy", "Undeploy") | {"style": "danger"},
            ],
        },
    ]


def button(act, label):
    return {
        "type": "button",
        "action_id": f"leadline:{act}",
        "value": "example/m1",
        "text": {"type": "plain_text", "text": label},
    }


@pytest.mark.parametrize("notice", told(EVIL), ids=lambda notice: type(notice).__name__)
def test_text_from_outside_pings_and_links_nobody(notice):
    plain = {"header", "actions"}  # plain_text objects: nothing acts there
    said = text(notice) + str([block for block in blocks(notice) if block["type"] not in plain])

    for own in OURS:
        said = said.replace(own, "")
    for act in ("<!", "<@", "<#", "<http", "\u202e", "\x1b", "\u200b\u200b"):
        assert act not in said


@pytest.mark.parametrize("hidden", ["\u200b", "\u2060", "\ufeff", "\u202e", "\u2066", "\x07"])
def test_what_cannot_be_seen_is_shown_as_a_mark(hidden):
    assert escape(f"a{hidden}c") == "a\ufffdc"


def test_a_fence_in_a_diff_cannot_end_the_fence_around_it():
    [_, section] = blocks(Proposed("t", 7, "u", 1, "```\n<!here>"))

    assert section["text"]["text"].count("```") == 2


def test_a_models_markdown_keeps_its_form_and_mentions_nobody():
    assert inert("**b** `c` <!channel> a&b") == "**b** `c` &lt;!channel&gt; a&amp;b"


def test_escaping_keeps_every_visible_character():
    assert escape("a*b_c").replace("\u200b", "") == "a*b_c"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("no verb “x”; did you mean `/llm scale m_1 2`?", "the same"),
        ("check REDIS_URL: not_in_channel (`--max-tokens` & `--raw`).", None),
        ("no deployment `*x*`", "the same"),
        ("no verb “`”; did you mean `/llm list`?", "no verb “`\u200b”; did you mean `/llm list`?"),
        ("no verb “``”; try `/llm <!here>`", "no verb “`\u200b`\u200b”; try `/llm &lt;!here&gt;`"),
        ("`a\u200b` *b* _c_ x`y`z", "`a\ufffd` *\u200bb*\u200b _\u200bc_\u200b x`\u200by`\u200bz"),
        ("`a\nb`", "`\u200ba\nb`\u200b"),
    ],
)
def test_words_of_ours_can_be_copied_and_nothing_in_them_acts(line, shown):
    wanted = {"the same": line, None: line.replace("&", "&amp;")}.get(shown, shown)

    assert our_words(line) == wanted


def test_the_list_of_notices_is_closed():
    classes = {value for value in vars(notices).values() if isinstance(value, type)}

    assert classes - set(typing.get_args(Notice)) == {Rank, GroupLine}


@pytest.mark.parametrize(
    ("notice", "line"),
    [
        (Footer("m", 0.5, 30, 44.1, "length", 12),
         ("_m · first token 0.50 s · 12 + 30 tokens · 44.1 tokens/s · finish: length_\n"
         "Cut at `--max-tokens`; raise it for more")),
        (Footer("m", 0.5, 30, 44.1, "length", 12, only_thought=True, thought=1200),
         ("_m · first token 0.50 s · 12 + 30 tokens · 44.1 tokens/s · finish: length"
         " · 1,200 characters of thought folded away_\n"
         "Only thought came before the limit; raise `--max-tokens` or say `--thinking off`")),
        (Footer("m", 0.5, 9, 4.0, "", broken="the connection was reset"),
         ("_m · first token 0.50 s · 9 tokens · 4.0 tokens/s · finish: none_\n"
         ":warning: The answer stops here: the connection was reset")),
        (Footer("m", None, None, None, "", broken="nobody listens"),
         "_m · finish: none_\n:warning: The answer stops here: nobody listens"),
        (Denied("deploy", Role.REQUESTER, "prod", Role.VIEWER, ("U1",), ("S1",), ("C1",)),
         (":lock: `deploy` in prod needs the role requester (roles.yaml); you are viewer here."
         " Who may: <@U1>, <!subteam^S1> in <#C1>")),
        (Denied("list", Role.VIEWER, None, None),
         (":lock: `list` needs the role viewer (roles.yaml); you have no role here."
         " Who may: nobody yet")),
        (NotApplied("m1", 11), (":hourglass: Merged 11 min ago and not in the cluster yet."
         " Look at the GitOps controller.")),
        (NotApplied("m1", 0, "denied"),
         (":hourglass: Merged less than a minute ago and not in the cluster yet."
         " The controller says: “denied” Look at the GitOps controller.")),
        (Reviewed(7, "alice", "approved", "fine", "alice is the requester"),
         (":warning: alice approved: «fine». It does not count: alice is the requester")),
        (Refused("is open and slack:U1ALICE holds it; terminal:bob, slack:<!here>"),
         "is open and <@U1ALICE> holds it; terminal:bob, slack:&lt;!here&gt;"),
        (Amended("restart(e/m1): x", 7, URL, "U1"),
         (f":pencil2: <@U1> changed pull request <{URL}|#7>: restart(e/m1): x."
         " Approvals from before no longer count.")),
        (Amended("restart(e/m1): x", 7, URL, "U1", "update(e/m1): context 8192 → 12000"),
         (f":pencil2: <@U1> changed pull request <{URL}|#7>: restart(e/m1): x."
         " It replaces update(e/m1): context 8192 → 12000, which is no longer proposed."
         " Approvals from before no longer count.")),
        (Elsewhere("scale(e/m1): 1 → 2 groups: pull request #7", URL, "https://chat.example/1"),
         (f":point_right: <{URL}|scale(e/m1): 1 → 2 groups: pull request #7>"
         " · <https://chat.example/1|its thread>")),
        (Listing("Deployments", ("name",), (), 2, 3, "list --page 3"), "*Deployments* · page 2/3"),
    ],
)  # fmt: skip
def test_a_line_says_what_to_do_next(notice, line):
    assert text(notice) == line
