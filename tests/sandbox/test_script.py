"""Stories: how they are read, what their steps mean, and how they end."""

import re
from pathlib import Path

import pytest

from gitops.errors import InvalidRequestError
from sandbox import stories
from sandbox.cli import _LWS
from sandbox.cli import sandbox as verb
from sandbox.script import Player, StoryError, line_of, read
from sandbox.script.patterns import filled, found, matches
from sandbox.script.player import verbs
from sandbox.script.steps import WORLDS
from sandbox.script.told import sentence
from sandbox.setup import LWS
from sandbox.worlds import sandbox


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """One sandbox for stories that are refused before they are played."""
    with sandbox(tmp_path_factory.mktemp("still"), 50.0) as made:
        yield made


@pytest.fixture
def worlds(tmp_path):
    with sandbox(tmp_path, 50.0) as made:
        yield made


def story(worlds, *steps, head=""):
    text = f"{head}steps:\n" + "".join(f"  - {step}\n" for step in steps)
    return read(text, "story.yaml", verbs(worlds))


def play(worlds, *steps, head="", within=50.0):
    """Play a story; return what it printed."""
    said = []
    Player(worlds, said.append, within).play(story(worlds, *steps, head=head))
    return said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: []\nstep: 1\n", "unknown field step; did you mean steps?"),
        ("title: x\n", "missing required field steps"),
        ("steps: [{say: hi}]\n", "a list with a `- ` in front of each"),
        ("steps:\n  - say: hi\n  - shout: hi\n", "line 3: no verb 'shout'; there are"),
        ("steps:\n  - sya: hi\n", "line 2: no verb 'sya'; did you mean say?"),
        ("steps:\n  - sleep: 3\n", "line 2: no verb 'sleep'; "),
        ("steps:\n\n  # a remark\n  - say: hi\n    to: bob\n", "line 4: unknown field to"),
        ("steps:\n  - merge: 1\n    who: bob\n", "line 2: merge knows no who; it takes number, by"),
        ("steps:\n  - merge: one\n", "line 2: Expected int, got str - at number"),
        ("steps:\n  - compact: 1\n", "line 2: compact knows no compact"),
        ("steps:\n  - kill: {pod: a, node: b}\n", "line 2: kill knows no node"),
        ("steps:\n  - fault: gitlab\n    call: x\n", "line 2: "),
        ("steps:\n  - wait: {moon: full}\n", "line 2: wait one of journal, state, thread"),
        ("steps:\n  - wait: {state: a, thread: b}\n", "line 2: wait one of"),
        ("steps:\n  - expect: {state: github, where: {}}\n", "line 2: unknown field where"),
        (
            "steps:\n  - expect: {state: moon.phase}\n",
            "line 2: no world in 'moon.phase'; there are agent",
        ),
        ("steps:\n  - wait: {journal: '('}\n", "line 2: '(' is no regular expression"),
        ("steps:\n  - wait: {journal: slack x}\n    within: long\n", "line 2: Expected float"),
        ("steps:\n  - say: ${who}\n", "line 2: nothing before it names who"),
        ("steps:\n  - say: a\n  - say: b\n  - say: b\n    say: c\n", "the key 'say' stands twice"),
        ("show: all\nsteps:\n  - say: a\n", "at show"),
    ],
)
def test_a_story_that_is_wrong_is_refused_with_its_line(still, text, said):
    with pytest.raises(InvalidRequestError) as caught:
        read(text, "story.yaml", verbs(still))

    assert str(caught.value).startswith("story.yaml: ")
    assert said in str(caught.value)


def test_a_value_that_the_story_does_not_have_is_refused(still):
    with pytest.raises(InvalidRequestError, match="the story has no value nam"):
        read("with: {name: a}\nsteps:\n  - say: a\n", "s", verbs(still), {"nam": "b"})


@pytest.mark.parametrize("name", stories.names())
def test_every_story_that_travels_along_can_be_read(still, name):
    text = stories.path(name).read_text("utf-8")

    assert read(text, name, verbs(still)).lines


def test_the_example_of_the_page_can_be_read_and_its_options_exist(still):
    page = (Path(__file__).resolve().parents[2] / "docs" / "sandbox.md").read_text("utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    table = page.partition("| option | what |")[2].partition("\n\n")[0]
    options = {option for parameter in verb.params for option in parameter.opts}
    options |= {option for parameter in verb.params for option in parameter.secondary_opts}

    assert read(example, "example", verbs(still)).lines
    assert set(re.findall(r"`(--[a-z-]+)", table)) == {o for o in options if o.startswith("--")}


def test_lines_are_found_beside_texts_that_look_like_steps(still):
    text = "steps:\n- say: |\n    a\n    - b\n- say: 'x\n\n  - y'\n- say: z\nwith: {}\n"

    assert [line.number for line in read(text, "s", verbs(still)).lines] == [2, 5, 8]


def test_the_versions_on_the_command_line_are_those_the_cluster_plays():
    assert _LWS == LWS
    assert {"--seed", "--lws", "--agent", "--nodes", "--gpus", "--port", "--redis"} <= {
        option for parameter in verb.params for option in parameter.opts
    }


@pytest.mark.parametrize(
    ("value", "wanted", "held"),
    [
        ("abc", "a.*", True),
        ("xabc", "a.*", False),
        ("a\nb", "a.b", True),
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": {"b": "xyz"}}, {"a": {"b": "x.*"}}, True),
        ({"a": 1}, {"c": 1}, False),
        (1, True, False),
        (True, 1, False),
        (2, 2, True),
        (None, "x", False),
        ([1], [1], True),
    ],
)
def test_a_pattern_matches_as_documented(value, wanted, held):
    assert matches(value, wanted) is held


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("a.b", [1]),
        ("a.*", [1, 2]),
        ("list.*.x", [1, 2]),
        ("list.0.x", [1]),
        ("list.-1", [{}]),
        ("list.7.x", []),
        ("nothing.b", []),
        ("a.b.c", []),
    ],
)
def test_a_path_finds_keys_positions_and_all(path, values):
    tree = {"a": {"b": 1, "c": 2}, "list": [{"x": 1}, {"x": 2}, {}]}

    assert list(found(tree, path.split("."))) == values


def test_names_are_filled_in_with_their_type_and_as_plain_text_in_patterns():
    values = {"n": 2, "name": "a.b"}
    fields = {"count": "${n}", "where": {"text": "${name}.*"}, "say": "${name} ${later}"}

    assert filled(fields, values) == {
        "count": 2,
        "where": {"text": r"a\.b.*"},
        "say": "a.b ${later}",
    }


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{a.b}", "one two"),
        ("{a.b:.3}", "one"),
        ("{list:count} of {nothing}", "2 of ?"),
        ("{a.b:lines}: {a.b:line2}, {a.b:line7}", "2: two, ?"),
        ("{list.1}", "y"),
        ("{a.__class__}", "?"),
        ("{.}", "{'a': {'b': 'one\\n two'}, 'list': ['x', 'y']}"),
    ],
)
def test_a_told_sentence_reads_fields_and_no_attributes(template, text):
    assert sentence(template, {"a": {"b": "one\n two"}, "list": ["x", "y"]}) == text


def test_a_story_acts_waits_expects_and_keeps(worlds):
    said = play(
        worlds,
        "push: main\n    files: {README.md: hello}\n    by: carol\n    keep: {sha: .}",
        'wait: {journal: agent synced, where: {revision: "${sha}"}}',
        "expect: {state: github.branches.main, is: '${sha}'}\n    keep: {again: .}",
        "post: 'main is at ${again}'\n    by: alice",
        "expect: {thread: main is at, contains: '${sha}', count: 1}",
        "say: done",
        head="show: told\n",
    )

    assert said == ["done"]
    assert worlds.github.read("main", "README.md") == b"hello"
    [message] = worlds.slack.messages("C0MLSERVING")
    assert message["text"] == f"main is at {worlds.github.state()['branches']['main']}"


def test_a_story_prints_what_the_worlds_say(worlds):
    said = play(
        worlds,
        "push: main\n    files: {README.md: hello}\n    keep: {sha: .}",
        'wait: {journal: agent synced, where: {revision: "${sha}"}}',
        "kill: ghost\n    refused: .*ghost.*",
        head="title: A push\n",
    )

    assert said[0] == "── A push ──"
    assert "   GitHub │ push by bob" in said
    assert any(line.startswith("    agent │ synced") for line in said)
    assert '  refused │ pods "ghost" not found' in said


def test_time_moves_and_a_wait_sees_it(tmp_path):
    with sandbox(tmp_path, 0.0) as worlds:
        play(worlds, "advance: 3600")

        assert worlds.time.monotonic() == 3600


def test_a_fault_strikes_and_is_released(worlds):
    play(
        worlds,
        "fault: github\n    call: GET pulls\n    act: hold",
        "release: 0",
    )

    assert worlds.faults[0].released.is_set()


def ended(worlds, *steps, **options):
    with pytest.raises(StoryError) as caught:
        play(worlds, *steps, **options)
    assert caught.value.exit_code == 1
    return str(caught.value)


def test_an_expectation_that_does_not_hold_names_line_wish_and_what_was_there(worlds):
    told = ended(worlds, "say: hi", "expect: {state: github.branches.*, is: nothing}")

    sha = worlds.github.state()["branches"]["main"]
    assert told == (f'line 3: expect: wanted github.branches.* is "nothing"; there was 1 × "{sha}"')


def test_a_step_with_a_name_says_it_first(worlds):
    told = ended(worlds, "expect: {thread: hello}\n    step: the greeting")

    assert told == "the greeting: line 2: expect: wanted thread of 'hello'; there was 0 × nothing"


def test_the_worlds_that_a_story_can_look_at_are_those_of_the_sandbox(still):
    assert sorted(still.states) == [*WORLDS]


def test_a_wait_ends_after_its_seconds_of_the_sandbox(worlds):
    before = worlds.time.monotonic()
    told = ended(worlds, "wait: {journal: slack chat.*}\n    within: 5")

    assert told.startswith("line 2: wait: wanted 1 × slack chat.* within 5 s of the sandbox; ")
    assert 5 <= worlds.time.monotonic() - before < 500


def test_a_wait_on_a_clock_that_stands_is_bounded_by_real_seconds(tmp_path):
    with sandbox(tmp_path, 0.0) as worlds:
        told = ended(worlds, "wait: {state: github.pulls.*}", within=0.2)

    assert "wanted github.pulls.*" in told


def test_an_entry_of_another_kind_is_shown_when_the_wanted_one_does_not_come(worlds):
    told = ended(
        worlds,
        "post: hello",
        "wait: {journal: slack message.said, where: {text: bye}}\n    within: 5",
    )

    assert 'slack message.said {"ok": true, "user": "U0ALICE", "text": "hello"' in told


def test_an_act_that_is_refused_ends_the_story(worlds):
    told = ended(worlds, "merge: 7")

    assert told == "line 2: merge: wanted merge to be done; there was RefusedError: Not Found"


def test_an_act_that_should_be_refused_and_is_done_ends_the_story(worlds):
    told = ended(worlds, "compact:\n    refused: .*")

    assert told == "line 2: compact: wanted compact to be refused with '.*'; there was it was done"


def test_an_act_that_is_refused_for_another_reason_ends_the_story(worlds):
    told = ended(worlds, "merge: 7\n    refused: .*draft.*")

    assert told.endswith("refused with '.*draft.*'; there was RefusedError: Not Found")


def test_a_field_that_is_not_there_cannot_be_kept(worlds):
    told = ended(worlds, "post: hello\n    keep: {x: nothing}")

    assert told.startswith("line 2: post: wanted nothing to keep as x; there was {")


def test_entries_are_met_in_order_unless_a_step_goes_back(worlds):
    steps = (
        "post: first",
        "push: other\n    files: {a: b}",
        "wait: {journal: github push, since: start}",
    )
    play(worlds, *steps, "wait: {journal: slack message.said, since: start}")

    assert "there was no entry of that name but none" in ended(
        worlds, *steps, "wait: {journal: slack message.said}\n    within: 2"
    )


def test_a_count_waits_for_so_many_entries(worlds):
    said = play(
        worlds,
        "push: main\n    files: {a: b}",
        "push: main\n    files: {a: c}",
        "wait: {journal: github push, count: 2, since: start}\n    tell: '{branch}'\n    by: git",
        head="show: told\n",
    )

    assert said == ["      git │ main", "      git │ main"]


def test_calls_that_only_read_are_not_told(worlds):
    reads = [entry for entry in worlds.journal.entries() if entry.call.startswith(("GET", "WATCH"))]

    assert reads
    assert [line_of(entry) for entry in reads] == [None] * len(reads)


def test_characters_that_steer_a_terminal_are_not_printed(worlds):
    entry = worlds.journal.add("slack", "chat.postMessage", ok=True, text="a\x1b[2Jb\u202ec")

    assert line_of(entry) == "    Slack │ chat.postMessage: a�[2Jb�c"
