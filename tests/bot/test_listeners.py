"""Slack's edge over the sandbox's Slack, by HTTP and by Socket Mode: the real bolt app in both."""

import pytest

from bot.chat import Person, Place
from bot.errors import ChatUnavailableError
from bot.notice import Asked, Usage
from bot.slack.cancelling import Ended, Running, cancelled
from bot.slack.intake import of_button
from bot.slack.seal import Seal
from bot.store import Lane, Origin, Proposal
from bot.store.cancels import RedisCancels
from bot.store.connection import EDGE, connect
from bot.store.redis import RedisStore
from sandbox.faults import Fault
from tests.adapters.edge_bench import ALICE, AWAY, BOB, EVE, OPS, TEAM, bench
from tests.bot.test_access import ALLOWED, LETTERS, OWN


@pytest.fixture(params=["http", "socket"], scope="module")
def running(request):
    with bench(request.param) as made:
        yield made


@pytest.fixture
def edge(running):
    """Give an edge with an empty queue and no open forms, its desired state read just now."""
    running.forget_jobs()
    running.publish()
    for view in running.slack.state()["views"]:
        running.slack.people.close(view["id"], view["user"])
    running.time.advance(10)  # beyond a double click
    return running


def type_(edge, text, user=ALICE, channel=OPS):
    return edge.slack.people.type(f"/llm {text}", user, channel)


# -- commands and mentions -------------------------------------------------------------------------


def test_a_command_is_queued_as_it_was_typed_and_answered_with_its_reference(edge):
    seen = type_(edge, "deploy qwen3-32b sglang --reason “a & b”")

    [job] = edge.jobs()
    assert (job.text, job.person, job.team) == (
        "deploy qwen3-32b sglang --reason “a & b”", ALICE, TEAM.id,
    )  # fmt: skip
    assert (job.channel, job.thread, job.origin) == (OPS, None, Origin.SLASH)
    assert job.response_url.startswith(f"{edge.slack.base_url}/respond/")
    assert f"(ref {job.id})" in seen.notes[0]


@pytest.mark.parametrize("text", ["ask m1 what is a payload?", "help payload", '{"a": 1}'])
def test_no_word_of_a_command_changes_how_it_is_read(edge, text):
    assert type_(edge, text).status == 200

    assert edge.texts(Lane.CHANGE) + edge.texts(Lane.ASK) == [text]


def test_a_question_waits_in_its_own_lane(edge):
    type_(edge, "ask m1 測試一下")

    assert (edge.texts(Lane.ASK), edge.texts(Lane.CHANGE)) == (["ask m1 測試一下"], [])


def test_a_mention_in_a_thread_is_a_job_of_that_thread(edge):
    root = edge.slack.say(BOB, OPS, "a card")["ts"]

    edge.slack.people.mention("scale 2", ALICE, OPS, root)

    [job] = edge.jobs()
    assert (job.text, job.thread, job.origin) == ("scale 2", root, Origin.MENTION)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("<@U0LEADLINE> status m1", "status m1"),
        ("please <@U0LEADLINE>  status m1 ", "status m1"),
        ("status m1 <@U0LEADLINE>", "status m1"),
        ("<@U0BOB> look: <@U0LEADLINE|leadline> status m1", "status m1"),
        ("<@U0LEADLINE> ask m1 who is <@U0BOB>?", "ask m1 who is <@U0BOB>?"),
        ("<@U0LEADLINE> ask m1 1 &lt; 2 &amp;&amp; 3 &gt; 2", "ask m1 1 < 2 && 3 > 2"),
        ("<@U0LEADLINE> status <http://m1.ai|m1.ai>", "status m1.ai"),
        ("<@U0LEADLINE> ask m1 see <https://x.test/a?b=1&amp;c=2>",
         "ask m1 see https://x.test/a?b=1&c=2"),
        ("<@U0LEADLINE> ask m1 &lt;!channel&gt;", "ask m1 <!channel>"),
        ("<@U0LEADLINE> ask m1 half \ud83d a smile", "ask m1 half ? a smile"),
    ],
)  # fmt: skip
def test_a_mention_is_read_as_it_was_typed(edge, said, text):
    edge.slack.deliver("events_api", event(said))

    assert edge.texts(Lane.CHANGE) + edge.texts(Lane.ASK) == [text]


def event(text, number=[0], **more):  # noqa: B006 - counts the events of all tests
    number[0] += 1
    inner = {"type": "app_mention", "user": ALICE, "text": text, "channel": OPS, "ts": "1.2"}
    return {
        "type": "event_callback", "team_id": TEAM.id, "api_app_id": TEAM.app_id,
        "event_id": f"Ev{number[0]}", "event": inner | more,
        "authorizations": [{"user_id": TEAM.bot_user}],
    }  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        {"bot_id": "B0OTHER"},
        {"bot_id": TEAM.bot_id, "user": TEAM.bot_user},
        {"user": TEAM.bot_user},
        {"user": None},
    ],
)
def test_what_apps_say_starts_nothing(edge, more):
    delivered = edge.slack.deliver("events_api", event("<@U0LEADLINE> deploy a sglang", **more))

    assert (delivered.status, edge.jobs()) == (200, [])


def test_an_event_that_is_delivered_again_is_one_job(edge):
    again = event("<@U0LEADLINE> status m1")

    statuses = [edge.slack.deliver("events_api", again).status for _ in range(3)]

    assert (statuses, edge.texts()) == ([200] * 3, ["status m1"])


@pytest.mark.parametrize("text", ["deploy qwen3-32b sglang", "deploy", "undeploy m1"])
def test_a_command_that_is_delivered_again_has_no_second_effect_and_no_answer(edge, text):
    type_(edge, text)
    before = (edge.texts(), len(edge.slack.state()["views"]))
    sent = edge.heard("command.delivered")[-1]
    payload = {
        "command": "/llm", "text": sent["text"], "user_id": ALICE, "channel_id": OPS,
        "team_id": TEAM.id, "api_app_id": TEAM.app_id, "trigger_id": sent["trigger_id"],
        "response_url": sent["response_url"],
    }  # fmt: skip

    again = edge.slack.deliver("slash_commands", payload)

    assert (again.status, again.body) == (200, "")
    assert (edge.texts(), len(edge.slack.state()["views"])) == before


def test_one_who_sends_a_hundred_commands_a_minute_is_bounded_and_nobody_else_is(edge):
    edge.time.advance(60)
    edge.publish()

    said = [type_(edge, f"status m{number}", EVE).notes[0] for number in range(100)]

    assert [note.startswith(":hourglass") for note in said] == [True] * 60 + [False] * 40
    assert said[-1].startswith(
        "You sent more than 60 commands within 60 s; this one was not taken."
    )
    assert ":hourglass" in type_(edge, "status m1", BOB).notes[0]
    assert edge.slack.people.mention("status m1", EVE, OPS).notes == (said[-1],)
    assert len(edge.jobs()) == 61
    edge.time.advance(61)
    assert ":hourglass" in type_(edge, "status m1", EVE).notes[0]


# -- plain words -----------------------------------------------------------------------------------

THREAD = "1790000000.000100"


@pytest.fixture(params=["http", "socket"], scope="module")
def hearing(request):
    """Give an edge that hears plain words, with the thread of one card."""
    told = ("app_mention", "message.channels", "message.groups")
    with bench(request.param, events=told, plain=True) as made:
        RedisStore.connect(made.redis_url).propose(proposal(OPS, THREAD))
        yield made


@pytest.fixture
def heard(hearing):
    hearing.forget_jobs()
    return hearing


def proposal(channel, card):
    return Proposal(
        environment="example", name="m1", namespace="default", model="qwen3-32b",
        served_model_name="m1", engine="sglang", shape="1x(2x1 GPU)", parallel="TP 2", gpus=2,
        state="s", pull_number=7, pull_url="https://git.example/7", channel=channel, card=card,
        requested_by=ALICE,
    )  # fmt: skip


def said(text, **more):
    reply = {"type": "message", "channel_type": "channel", "thread_ts": THREAD, "ts": "1790.2"}
    return event(text, **reply | more)


@pytest.mark.parametrize(
    ("words", "lane", "text"),
    [
        ("scale 2", Lane.CHANGE, "scale 2"),
        ("  status", Lane.CHANGE, "status"),
        ("break-glass --reason outage", Lane.CHANGE, "break-glass --reason outage"),
        ("scale\u00a02", Lane.CHANGE, "scale\u00a02"),
        ("ask who is <@U0BOB>, 1 &lt; 2?", Lane.ASK, "ask who is <@U0BOB>, 1 < 2?"),
    ],
)
def test_a_reply_to_a_card_that_starts_with_a_verb_is_a_job_of_that_thread(
    heard, words, lane, text
):
    assert heard.slack.deliver("events_api", said(words)).status == 200

    [job] = heard.jobs(lane)
    assert (job.text, job.channel, job.thread) == (text, OPS, THREAD)
    assert (job.person, job.team, job.origin) == (ALICE, TEAM.id, Origin.MENTION)


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("looks good", {}),
        ("", {}),
        ("Scale 2", {}),
        ("scales 2", {}),
        ("please scale 2", {}),
        ("<@U0BOB> scale 2", {}),
        ("scale 2 <@U0LEADLINE>", {}),
        ("scale 2", {"thread_ts": None}),
        ("scale 2", {"ts": THREAD}),
        ("scale 2", {"thread_ts": "1790000000.000200"}),
        ("scale 2", {"channel": AWAY}),
        ("scale 2", {"subtype": "message_changed"}),
        ("scale 2", {"subtype": "file_share"}),
        ("scale 2", {"bot_id": "B0OTHER"}),
        ("scale 2", {"user": TEAM.bot_user}),
        ("scale 2", {"user": None}),
    ],
)
def test_other_talk_is_acknowledged_and_starts_nothing(heard, words, more):
    assert heard.slack.deliver("events_api", said(words, **more)).status == 200

    assert heard.jobs() == []


def test_a_reply_that_is_delivered_again_is_one_job(heard):
    again = said("scale 2")

    statuses = [heard.slack.deliver("events_api", again).status for _ in range(3)]

    assert (statuses, heard.texts()) == ([200] * 3, ["scale 2"])


def test_a_mention_that_arrives_as_a_message_too_is_one_job(heard):
    root = heard.slack.say(BOB, OPS, "a card")["ts"]
    RedisStore.connect(heard.redis_url).propose(proposal(OPS, root))
    try:
        heard.slack.people.mention("scale 2", ALICE, OPS, root)
        heard.slack.people.say("scale 3", ALICE, OPS, root)
    finally:
        RedisStore.connect(heard.redis_url).propose(proposal(OPS, THREAD))

    assert heard.texts() == ["scale 2", "scale 3"]


def test_a_reply_is_not_heard_where_nobody_asked_for_that(edge):
    RedisStore.connect(edge.redis_url).propose(proposal(OPS, THREAD))

    assert edge.slack.deliver("events_api", said("scale 2")).status == 200
    assert edge.jobs() == []


def test_a_reply_while_redis_is_away_is_acknowledged_and_nobody_is_told():
    with bench("http", redis_url="redis://127.0.0.1:1/0", plain=True) as away:
        answer = away.slack.deliver("events_api", said("scale 2"))

        assert answer.status == 200
        assert away.slack.state()["ephemerals"] == []


@pytest.mark.parametrize("text", ["deploy", "update m1", "status m1"])
def test_while_redis_is_away_every_verb_is_answered_with_the_same_words(text):
    with bench("http", redis_url="redis://127.0.0.1:1/0") as away:
        [said] = type_(away, text).notes

    assert said == "Leadline cannot take commands now; nothing was done. Try again in a minute."


# -- forms -----------------------------------------------------------------------------------------


def test_a_bare_deploy_opens_a_form_whose_fit_follows_and_whose_answer_is_one_job(edge):
    assert type_(edge, "deploy").notes == ()
    view = edge.view()
    assert (view["callback_id"], view["user"]) == ("leadline:deploy", ALICE)
    people = edge.slack.people

    people.choose(view["id"], "model", "qwen3-32b", ALICE)
    people.choose(view["id"], "engine", "sglang", ALICE)
    assert fit_of(edge).startswith("tight: The KV cache holds")
    people.choose(view["id"], "tensor", "3", ALICE)
    assert "64 attention heads" in fit_of(edge)
    people.choose(view["id"], "tensor", "abc", ALICE)
    assert fit_of(edge) == ":warning: Tensor parallel size of a group: a whole number, such as 2"
    people.choose(view["id"], "tensor", "2", ALICE)
    seen = people.submit(view["id"], {"replicas": "2", "reason": "night"}, ALICE)

    assert (seen.status, seen.errors, seen.view) == (200, {}, "")
    [job] = edge.jobs()
    assert job.text == (
        "deploy qwen3-32b sglang --environment example --replicas 2 --tp 2 --reason night"
    )
    assert (job.channel, job.person, job.origin) == (OPS, ALICE, Origin.MODAL)


def fit_of(edge):
    return next(b["text"]["text"] for b in edge.view()["blocks"] if b["block_id"] == "fit")


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"tensor": "3"}, "tensor", "64 attention heads"),
        ({"replicas": "two"}, "replicas", "a whole number"),
        ({"replicas": "99999"}, "replicas", "must be between"),
        ({"name": "../x"}, "name", "not allowed"),
    ],
)
def test_what_is_wrong_with_a_form_stands_on_its_field_and_is_corrected_there(
    edge, values, field, words
):
    type_(edge, "deploy")
    view, chosen = edge.view()["id"], {"model": "qwen3-32b", "engine": "sglang"}

    seen = edge.slack.people.submit(view, chosen | values, ALICE)

    assert (list(seen.errors), edge.jobs()) == ([field], [])
    assert words in seen.errors[field]
    right = {"tensor": "2", "replicas": "1", "name": "m9"}
    assert edge.slack.people.submit(view, chosen | right, ALICE).view == ""
    assert len(edge.jobs()) == 1


def test_a_form_of_change_holds_what_stands_and_asks_only_for_what_differs(edge):
    type_(edge, "update m1")
    view = edge.view()
    stands = {b["block_id"]: b.get("element", {}).get("initial_value") for b in view["blocks"]}
    assert (stands["replicas"], stands["tensor"]) == ("1", "2")

    same = edge.slack.people.submit(view["id"], {"reason": "why"}, ALICE)
    assert "nothing differs" in same.errors["replicas"]
    edge.slack.people.submit(view["id"], {"replicas": "2", "reason": "why"}, ALICE)

    assert edge.texts() == ["update example/m1 --replicas 2 --reason why"]


def test_an_error_about_no_field_of_the_form_stands_on_its_first(edge):
    type_(edge, "update m1")

    seen = edge.slack.people.submit(edge.view()["id"], {"context": "999999999"}, ALICE)

    assert (seen.words, list(seen.errors)) == ("", ["context"])
    seen = edge.slack.people.submit(edge.view()["id"], {"context": "", "version": "no"}, ALICE)
    assert (seen.words, len(seen.errors), edge.jobs()) == ("", 1, [])


def test_undeploy_wants_the_name_typed(edge):
    type_(edge, "undeploy example/m1")
    view, people = edge.view()["id"], edge.slack.people

    wrong = people.submit(view, {"confirm": "m2"}, ALICE)
    assert (wrong.errors, edge.jobs()) == ({"confirm": "type m1"}, [])
    people.submit(view, {"confirm": "m1", "reason": "done"}, ALICE)

    assert edge.texts() == ["undeploy example/m1 --confirm m1 --reason done"]


def test_a_form_that_is_sent_twice_is_one_job(edge):
    type_(edge, "undeploy m1")
    view = edge.view()
    payload = submission(view, {"confirm": {"confirm": {"value": "m1"}}})

    answers = [edge.slack.deliver("interactive", payload) for _ in range(3)]

    assert [a.status for a in answers] == [200] * 3
    assert edge.texts() == ["undeploy example/m1 --confirm m1"]


def submission(view, values, **more):
    kept = {k: view[k] for k in ("id", "type", "hash", "callback_id", "private_metadata", "blocks")}
    return {
        "type": "view_submission", "team": {"id": TEAM.id}, "api_app_id": TEAM.app_id,
        "user": {"id": ALICE, "team_id": TEAM.id}, "view": kept | {"state": {"values": values}},
    } | more  # fmt: skip


@pytest.mark.parametrize(
    "forge",
    [
        lambda _: "",
        lambda _: '{"channel":"C0OPS","thread":null,"name":"example/m1"}',
        lambda ours: ours.replace(OPS, AWAY),
        lambda ours: ours.replace("example/m1", "prod/m1"),
        lambda ours: ours.partition(":")[2],
        lambda _: origin_of_another_form(),
        lambda _: origin_of_another_form(Seal.of("xoxb-before")),
    ],
    ids=["none", "unsealed", "channel", "name", "mark cut off", "kind", "an older token"],
)
def test_a_form_with_forged_metadata_is_refused_on_the_form_and_noted(edge, forge):
    type_(edge, "undeploy m1")
    view = edge.view() | {"private_metadata": forge(edge.view()["private_metadata"])}
    payload = submission(view, {"confirm": {"confirm": {"value": "m1"}}})

    answer = edge.slack.deliver("interactive", payload)

    assert (answer.status, edge.jobs()) == (200, [])
    assert "This form is too old, or not as Leadline made it; nothing was done." in answer.body
    entry = edge.audited()[-1]
    assert (entry.act, entry.outcome, entry.person) == ("undeploy", "refused", ALICE)


def origin_of_another_form(seal=None):
    kind = "update" if seal is None else "undeploy"
    form = {"callback_id": f"leadline:{kind}", "private_metadata": '{"channel":"C0OPS"}'}
    return (seal or OURS).form(form)["private_metadata"]


def test_the_fit_line_of_a_form_with_forged_metadata_stays_as_it_is(edge):
    type_(edge, "deploy")
    view = edge.view() | {"private_metadata": '{"channel":"C0OPS","name":""}'}
    kept = {"view": view | {"state": {"values": {}}}, "actions": [{"action_id": "model"}]}

    answer = edge.slack.deliver("interactive", pressed("model", "qwen3-32b") | kept)

    assert answer.status == 200
    assert fit_of(edge).startswith("Choose a model")


def test_a_lost_race_of_the_fit_line_is_harmless(edge):
    type_(edge, "deploy")
    edge.slack.trouble("views.update", "hash_conflict")

    seen = edge.slack.people.choose(edge.view()["id"], "model", "qwen3-32b", ALICE)

    assert (seen.status, seen.words) == (200, "")


@pytest.mark.parametrize("text", ["deploy", "update m1", "undeploy m1"])
def test_who_may_not_is_told_the_rule_and_who_may_instead_of_a_form(edge, text):
    [said] = type_(edge, text, BOB).notes

    assert "needs the role requester (roles.yaml); you are viewer here" in said
    assert f"Who may: <@{ALICE}>" in said
    assert (edge.slack.state()["views"], edge.jobs()) == ([], [])


def test_who_has_no_role_learns_no_names(edge):
    [said] = type_(edge, "update m1", EVE).notes
    [also] = type_(edge, "update nobody", EVE).notes

    assert said == also
    assert "you have no role here" in said


def test_a_form_for_what_is_not_there_says_so(edge):
    [said] = type_(edge, "update nobody").notes

    assert said == "no deployment nobody; try `/llm list`"


def test_desired_state_that_is_too_old_opens_no_form(edge):
    edge.time.advance(61)

    [said] = type_(edge, "deploy").notes

    assert "too old to decide by" in said


def test_a_slow_slack_costs_a_person_the_form_and_never_the_three_seconds(edge):
    edge.time.advance(61)  # what was known of people counts no more
    edge.publish()
    hold = edge.faults[edge.faults.arm(Fault("slack", "usergroups.users.list", act="hold"))]

    [said] = type_(edge, "deploy").notes

    assert hold.reached.is_set()
    assert "in Slack: no answer; try again" in said.replace("\u200b", "")


@pytest.mark.parametrize("seconds", [30, 3600])
def test_a_limit_of_slacks_is_not_waited_out_while_a_person_waits(edge, seconds):
    edge.slack.trouble("views.open", "ratelimited", retry_after=seconds)

    [said] = type_(edge, "deploy").notes

    assert "could not be opened in time" in said


# -- buttons ---------------------------------------------------------------------------------------


def test_a_double_click_on_a_button_is_one_job_beside_the_card(edge):
    card = edge.card()

    seen = [edge.slack.people.press(card, "leadline:status", ALICE) for _ in range(2)]

    [job] = edge.jobs()
    assert [s.status for s in seen] == [200, 200]
    assert (job.text, job.channel, job.thread) == ("status example/m1", OPS, None)
    assert job.origin is Origin.BUTTON


def test_the_same_button_pressed_by_two_or_later_is_as_many_jobs(edge):
    card = edge.card()
    edge.slack.people.press(card, "leadline:status", ALICE)
    edge.slack.people.press(card, "leadline:status", BOB)
    edge.time.advance(60)
    edge.slack.people.press(card, "leadline:status", ALICE)

    assert [job.person for job in edge.jobs()] == [ALICE, BOB, ALICE]


@pytest.mark.parametrize("act", ["ask", "update", "undeploy"])
def test_a_button_of_the_card_opens_its_form(edge, act):
    edge.slack.people.press(edge.card(), f"leadline:{act}", ALICE)

    assert edge.view()["callback_id"] == f"leadline:{act}"
    assert '"example/m1"' in edge.view()["private_metadata"]


def test_a_question_asked_in_a_form_is_one_job_of_the_asking_lane(edge):
    edge.slack.people.press(edge.card(), "leadline:ask", BOB)
    view, people = edge.view()["id"], edge.slack.people

    wrong = people.submit(view, {"prompt": "--seed 1\n“測試”", "tokens": "0"}, BOB)
    assert list(wrong.errors) == ["tokens"]
    people.submit(view, {"tokens": "64"}, BOB)

    assert edge.texts(Lane.ASK) == ["ask example/m1 --max-tokens 64 -- --seed 1\n“測試”"]


def test_a_button_that_may_not_be_pressed_says_so_to_its_person_alone(edge):
    seen = edge.slack.people.press(edge.card(), "leadline:undeploy", BOB)

    assert "needs the role requester" in seen.notes[0]
    assert edge.slack.state()["ephemerals"][-1]["user"] == BOB


@pytest.mark.parametrize(
    "value",
    ["", "x", "example/m1", "a/b --confirm b", "../../x", "example/m1\nx", None, "0" * 32 + ":a/b"],
)
def test_a_button_with_a_forged_value_does_nothing_and_is_noted(edge, value):
    for act in ("status", "update", "cancel"):
        answer = edge.slack.deliver("interactive", pressed(f"leadline:{act}", value))

        assert answer.status == 200
        said = edge.slack.state()["ephemerals"][-1]
        assert said["text"].startswith("This button is too old, or not as Leadline made it;")
        entry = edge.audited()[-1]
        assert (entry.act, entry.outcome, entry.detail) == (act, "refused", "not sealed by us")

    assert (edge.jobs(), edge.slack.state()["views"], edge.cancelled) == ([], [], [])


def test_a_value_of_one_button_counts_for_no_other(edge):
    edge.slack.deliver("interactive", pressed("leadline:update", ours("leadline:status", "a/b")))

    assert "too old" in edge.slack.state()["ephemerals"][-1]["text"]


OURS = Seal.of(TEAM.bot_token)


def ours(action_id, value):
    """Return the value as our own button bears it."""
    button = {"action_id": action_id, "value": value}
    [row] = OURS.buttons([{"type": "actions", "elements": [button]}])
    return row["elements"][0]["value"]


def pressed(action_id, value, user=ALICE, **more):
    return {
        "type": "block_actions", "team": {"id": TEAM.id}, "api_app_id": TEAM.app_id,
        "user": {"id": user, "team_id": TEAM.id}, "trigger_id": "1.2.3",
        "channel": {"id": OPS}, "container": {"message_ts": "1.1", "channel_id": OPS},
        "actions": [{"action_id": action_id, "block_id": "b", "type": "button", "value": value}],
    } | more  # fmt: skip


KEY = "0123456789ab"
CANCEL = f"{KEY} {ALICE} example/m1"
STATUS = ours("leadline:status", "example/m1")


def asked(edge):
    """Post a question of Alice with its button; return its time stamp."""
    notice = Asked(ALICE, "m1", "why?", KEY, "example")
    return edge.chat.post(Place(OPS), f"ask:{KEY}", notice)


def test_who_asked_stops_the_answer_and_a_double_click_stops_it_once_more_to_no_harm(edge):
    edge.cancelled.clear()
    question = asked(edge)

    seen = [edge.slack.people.press(question, "leadline:cancel", ALICE) for _ in range(2)]

    assert ([s.notes for s in seen], set(edge.cancelled)) == ([(), ()], {KEY})
    entry = edge.audited()[-1]
    assert (entry.act, entry.outcome, entry.person) == ("cancel", "done", ALICE)
    assert (entry.environment, entry.name, entry.detail) == ("example", "m1", f"answer {KEY}")


@pytest.mark.parametrize(("user", "has"), [(BOB, "viewer"), (EVE, None)])
def test_others_are_told_the_rule_and_who_may_and_the_answer_goes_on(edge, user, has):
    edge.cancelled.clear()

    [said] = edge.slack.people.press(asked(edge), "leadline:cancel", user).notes

    assert edge.cancelled == []
    where = " in example" if has else ""
    has = f"you are {has} here" if has else "you have no role here"
    assert f"`cancel`{where} needs the role approver (roles.yaml); {has}" in said
    assert said.endswith(f"Who asked may too: <@{ALICE}>.")
    entry = edge.audited()[-1]
    assert (entry.act, entry.outcome, entry.person) == ("cancel", "denied", user)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("letter", LETTERS)
def test_every_role_by_whose_question_it_is_equals_the_model(edge, letter, own):
    edge.cancelled.clear()
    role = LETTERS[letter]
    roles = f"roles: [{{role: {role.value}, users: [{EVE}]}}]" if role else "roles: []"
    edge.publish(f"c-{letter}", roles=roles)
    value = ours("leadline:cancel", f"{KEY} {EVE if own else ALICE} example/m1")

    edge.slack.deliver("interactive", pressed("leadline:cancel", value, EVE))

    able = (OWN if own else ALLOWED)["cancel"]
    assert edge.cancelled == [KEY] * (letter in able)


def test_while_nobody_knows_who_may_only_who_asked_stops_the_answer(edge):
    edge.cancelled.clear()
    question = asked(edge)
    edge.time.advance(61)

    [said] = edge.slack.people.press(question, "leadline:cancel", BOB).notes
    assert edge.slack.people.press(question, "leadline:cancel", ALICE).notes == ()

    assert "too old to decide by" in said
    assert edge.cancelled == [KEY]


def test_a_cancel_that_redis_does_not_keep_is_said(edge):
    gone = RedisCancels(connect("redis://127.0.0.1:1/0", EDGE)).cancel
    job = of_button(pressed("leadline:cancel", ""), "cancel", edge.time.now())

    ended = cancelled(Running.of(CANCEL), job, edge.edge().desk, gone)

    assert ended == Ended(
        "refused", "The answer could not be cancelled now; press again in a minute."
    )


def test_a_button_pressed_where_leadline_is_not_answers_through_its_response_url(edge):
    type_(edge, "help")
    url = edge.heard("command.delivered")[-1]["response_url"]
    edge.slack.deliver(
        "interactive",
        pressed(
            "leadline:update",
            ours("leadline:update", "example/none"),
            channel={"id": AWAY},
            response_url=url,
        ),
    )

    said = edge.slack.state()["responses"][-1]
    assert "no deployment example/none" in said["text"].replace("\u200b", "")
    assert "/invite @leadline" in said["text"]


# -- everything else -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("events_api", event("", type="team_join")),
        ("events_api", event("", type="message", subtype="message_changed")),
        ("interactive", pressed("elsewhere", "x")),
        ("interactive", {"type": "shortcut", "callback_id": "x", "user": {"id": ALICE},
                         "team": {"id": TEAM.id}, "trigger_id": "1.2"}),
    ],
)  # fmt: skip
def test_what_nobody_asked_for_is_acknowledged_and_does_nothing(edge, kind, payload):
    answer = edge.slack.deliver(kind, payload)

    assert (answer.status, edge.jobs()) == (200, [])


@pytest.mark.parametrize("wrong", [{"team_id": "T0FOREIGN"}, {"api_app_id": "A0FOREIGN"}])
def test_a_command_of_another_workspace_or_app_is_refused(edge, wrong):
    payload = {
        "command": "/llm", "text": "list", "user_id": ALICE, "channel_id": OPS,
        "team_id": TEAM.id, "api_app_id": TEAM.app_id, "trigger_id": "1.2.3",
    }  # fmt: skip

    answer = edge.slack.deliver("slash_commands", payload | wrong)

    assert answer.status == 200
    assert "another workspace" in answer.body
    assert edge.jobs() == []


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("events_api", event("<@U0LEADLINE> list") | {"team_id": "T0FOREIGN"}),
        ("interactive", pressed("leadline:status", STATUS, team={"id": "T0FOREIGN"})),
        ("interactive", pressed("leadline:status", STATUS, api_app_id="A0FOREIGN")),
    ],
)
def test_another_workspaces_events_and_presses_are_acknowledged_and_do_nothing(edge, kind, payload):
    assert (edge.slack.deliver(kind, payload).status, edge.jobs()) == (200, [])


def test_only_slack_is_answered_at_a_response_url(edge):
    place = Place(AWAY, answer_url="http://169.254.169.254/latest")
    before = len(edge.slack.state()["responses"])

    with pytest.raises(ChatUnavailableError, match="invite @leadline"):
        edge.chat.whisper(place, Person(ALICE, TEAM.id), Usage("x"))

    assert len(edge.slack.state()["responses"]) == before
