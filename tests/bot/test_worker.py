"""What a worker makes of a job: run, refused, too late, interrupted, broken.

It is heard in Slack, and the audit log has it once.
"""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from prometheus_client import REGISTRY

from bot.audit import Entry
from bot.commands.pace import Pace
from bot.commands.work import PutOff, Running
from bot.commands.worker import Worker
from bot.errors import NotFoundError, StaleError, StoreUnavailableError
from bot.settings import SlackSettings
from bot.slack.client import SlackChat
from bot.store import Fence, Job, Lane
from bot.store.audit import RedisAudit
from bot.store.claims import RedisClaims
from bot.store.connection import EDGE, WORKER, connect
from bot.store.holding import Begun, Hall
from bot.store.locks import RedisLocks
from bot.store.queue import RedisQueue
from gitops.errors import ForgeBusyError
from sandbox.redis import serving_redis
from tests.sandbox.test_slack_bench import OPS, TEAM, Slack

NOON = datetime(2026, 11, 24, 20, tzinfo=UTC)
"""The time in the sandbox's Slack, where it stands still."""

JOB = Job("abc", Lane.CHANGE, "deploy q vllm", "U0ALICE", TEAM.id, OPS, NOON)
ASK = replace(JOB, lane=Lane.ASK, text="ask q hi")


LONG = 60.0
"""Real seconds in which anything comes, on a busy machine too."""


@pytest.fixture
def slack():
    with Slack().served() as served:
        yield served


@pytest.fixture
def redis_url():
    with serving_redis() as url:
        yield url


@pytest.fixture
def raw(redis_url):
    with connect(redis_url, WORKER) as client:
        yield client


@pytest.fixture
def worker(slack, raw):
    """Give a worker with a command; its chat is the sandbox's Slack."""
    settings = SlackSettings("xoxb-leadline", "shh", f"{slack.workspace.base_url}/api/")

    def make(command, hall=None, paces=None):
        made = Worker(
            hall, SlackChat.connect(settings, slack.time), RedisAudit(raw), slack.time, command,
            lambda job: f"dev/{job.text.split()[1]}",
        )  # fmt: skip
        return replace(made, paces=paces) if paces else made

    return make


def audited(raw):
    entries = raw.xrange("leadline:audit")
    return [msgspec.json.decode(fields["entry"], type=Entry) for _, fields in entries]


def ends(raw):
    return [(entry.act, entry.outcome, entry.detail) for entry in audited(raw)]


def first(job, at=NOON):
    """Return a job that runs for the first time, now or at another time."""
    return Running(job, Begun(1, at))


def again(job, since=NOON, tries=2, *, put_off=False):
    """Return a job that began before."""
    return Running(job, Begun(tries, since, again=True, put_off=put_off))


def heard(slack):
    return [detail["text"] for detail in slack.heard("chat.postEphemeral")]


def refuse(error):
    def command(running):
        raise error

    return command


def test_a_command_that_could_not_be_done_is_told_to_the_person_alone(slack, worker):
    worker(refuse(NotFoundError("no deployment q; deploy it first"))).perform(first(JOB))

    [note] = slack.heard("chat.postEphemeral")
    assert "no deployment q; deploy it first" in note["text"]
    assert (note["user"], note["channel"]) == ("U0ALICE", OPS)


@pytest.mark.parametrize("error", [StaleError("x"), StoreUnavailableError("x")])
def test_what_only_concerns_the_queue_is_not_told(error, slack, worker):
    with pytest.raises(type(error)):
        worker(refuse(error)).perform(first(JOB))
    assert heard(slack) == []


@pytest.mark.parametrize(
    ("job", "minutes", "words"),
    [
        (ASK, 2.1, "your command waited for more than 2 min and was not run; type it again"),
        (JOB, 16, "your command waited for more than 15 min and was not run; type it again"),
    ],
    ids=["ask", "change"],
)
def test_a_command_that_waited_too_long_is_told_and_not_run(job, minutes, words, slack, worker):
    ran = []
    old = replace(job, at=NOON - timedelta(minutes=minutes))

    worker(ran.append).perform(first(old))

    assert ran == []
    assert words in heard(slack)[0]


@pytest.mark.parametrize(("job", "minutes"), [(ASK, 1.9), (JOB, 14)], ids=["ask", "change"])
def test_a_command_that_waited_a_little_is_run(job, minutes, slack, worker):
    ran = []
    old = replace(job, at=NOON - timedelta(minutes=minutes))
    running = Running(old, Begun(1, NOON), Fence("k", 3, "w"))

    worker(ran.append).perform(running)

    assert ran == [running]
    assert heard(slack) == []


LIMIT = "GitHub's hourly limit on requests"
BUSY = ForgeBusyError("writing to GitHub: its 80 writes a minute are used up", 41.2, LIMIT)
WAITS = f"{LIMIT} is used up; your command runs by itself in about 42 s"
REFUSED = "its 80 writes a minute are used up; try again in 42 s"


@pytest.mark.parametrize(
    ("job", "age", "put_off", "line"),
    [
        (JOB, 0, False, WAITS),
        (JOB, 300, True, None),
        (JOB, 900 - 41.2, False, WAITS),
        (JOB, 900 - 41.2, True, None),
        (JOB, 900 - 41, False, REFUSED),
        (JOB, 900 - 41, True, REFUSED),
        (ASK, 0, False, REFUSED),
    ],
    ids=["new", "again", "just", "just-again", "too-old", "too-old-again", "ask"],
)
def test_a_change_that_finds_github_busy_is_put_off_and_told_once_while_it_is_young(
    job, age, put_off, line, slack, worker
):
    made = worker(refuse(BUSY))
    old = replace(job, at=NOON - timedelta(seconds=age))

    until = made.perform(again(old, old.at, 1, put_off=True) if put_off else first(old))

    waits = line != REFUSED
    assert until == (PutOff(slack.time.monotonic() + 41.2, slack.time) if waits else None)
    assert [line in text for text in heard(slack)] == ([True] if line else [])


def test_a_wait_of_no_time_is_a_second_so_that_a_lane_does_not_spin(slack, worker):
    until = worker(refuse(ForgeBusyError("x", 0.0, LIMIT))).perform(first(JOB))

    assert until == PutOff(slack.time.monotonic() + 1, slack.time)


def counted(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_change_that_was_put_off_is_counted_when_it_ends_and_its_wait_once(slack, worker):
    def counts():
        ended = [
            counted("leadline_commands_total", act="deploy", outcome=outcome)
            for outcome in ("done", "refused")
        ]
        return (*ended, counted("leadline_command_wait_seconds_count", lane="change"))

    before = counts()
    worker(refuse(BUSY)).perform(first(JOB))
    between = counts()
    worker(lambda running: None).perform(again(JOB, NOON, 1, put_off=True))

    assert [a - b for a, b in zip(between, before, strict=True)] == [0, 0, 1]
    assert [a - b for a, b in zip(counts(), before, strict=True)] == [1, 0, 1]


@pytest.mark.parametrize("tries", [1, 2], ids=["given back", "died with its worker"])
def test_a_question_that_had_begun_is_not_asked_again(tries, slack, worker, raw):
    ran = []

    worker(ran.append).perform(again(ASK, tries=tries))

    assert ran == []
    assert "your question was interrupted; ask again" in heard(slack)[0]
    assert ends(raw) == [("ask", "interrupted", "")]
    assert audited(raw)[0].question_length == 2


@pytest.mark.parametrize("tries", [1, 2], ids=["given back", "died with its worker"])
@pytest.mark.parametrize("put_off", [False, True])
def test_a_change_that_had_begun_goes_on_however_late(tries, put_off, slack, worker, raw):
    ran, yesterday = [], NOON - timedelta(days=1)
    running = again(replace(JOB, at=yesterday), yesterday, tries, put_off=put_off)

    worker(ran.append).perform(running)

    assert ran == [running]
    assert heard(slack) == []
    assert ends(raw) == [("deploy", "done", "")]


def test_what_was_too_late_when_it_began_is_not_run_when_it_begins_again(slack, worker, raw):
    ran = []
    late = replace(JOB, at=NOON - timedelta(minutes=16))

    worker(ran.append).perform(again(late, NOON))

    assert ran == []
    assert "was not run; type it again" in heard(slack)[0]


SECRET = "our merger with ACME"
COMMANDS = [
    (JOB, "no deployment q"),
    (replace(JOB, text="status q"), "no deployment q"),
    (replace(ASK, text=f"ask q {SECRET}"), "NotFoundError"),
    (replace(JOB, text=SECRET), "NotFoundError"),
    (replace(JOB, text=f"aks q {SECRET}"), "NotFoundError"),
    (replace(JOB, text=f"deploy\n{SECRET}"), "NotFoundError"),
]


@pytest.mark.parametrize(("job", "detail"), COMMANDS, ids=[j.text for j, _ in COMMANDS])
def test_what_may_be_a_question_is_in_no_log_but_its_person_reads_why(
    job, detail, slack, worker, raw, caplog
):
    caplog.set_level("INFO")
    worker(refuse(NotFoundError(f"no deployment {job.text.split()[1]}"))).perform(first(job))

    assert "no deployment" in heard(slack)[0]
    assert [entry.detail for entry in audited(raw)] == [detail]
    assert f"refused ref=abc error={detail}" in caplog.text
    assert "merger" not in caplog.text


def test_every_end_is_one_line_also_when_a_step_is_done_again(slack, worker, raw, capsys):
    def denied(running):
        running.account.denied = True

    def asked(running):
        running.account.act, running.account.question = "ask", SECRET
        running.account.environment, running.account.name = "dev", "q"

    old = replace(JOB, at=NOON - timedelta(hours=1))
    late = replace(ASK, at=old.at)
    ways = {
        "done": lambda job: worker(print).perform(first(job)),
        "denied": lambda job: worker(denied).perform(first(job)),
        "refused": lambda job: worker(refuse(NotFoundError("x"))).perform(first(job)),
        "busy": lambda job: worker(refuse(BUSY)).perform(first(replace(job, at=old.at), old.at)),
        "late": lambda job: worker(print).perform(first(replace(old, id=job.id))),
        "late ask": lambda job: worker(print).perform(first(replace(late, id=job.id))),
        "interrupted": lambda job: worker(print).perform(again(replace(ASK, id=job.id))),
        "parked": lambda job: worker(print).broken(job),
        "lost": lambda job: worker(print).lost(job),
        "asked": lambda job: worker(asked).perform(first(replace(ASK, id=job.id))),
    }
    for ref, way in ways.items():
        for _ in range(2):
            way(replace(JOB, id=ref))

    change, none = ("dev", "q"), ("", "")
    told = [(e.ref, e.act, e.outcome, (e.environment, e.name)) for e in audited(raw)]
    assert told == [
        ("done", "deploy", "done", none),
        ("denied", "deploy", "denied", none),
        ("refused", "deploy", "refused", none),
        ("busy", "deploy", "refused", none),
        ("late", "deploy", "late", change),
        ("late ask", "ask", "late", none),
        ("interrupted", "ask", "interrupted", none),
        ("parked", "deploy", "parked", change),
        ("lost", "deploy", "lost", change),
        ("asked", "ask", "done", change),
    ]
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [json.loads(line)["audit"]["ref"] for line in lines] == [*ways]
    assert "merger" not in "".join(lines)


def test_what_is_put_off_has_not_ended(slack, worker, raw):
    worker(refuse(BUSY)).perform(first(JOB))

    assert audited(raw) == []


def test_an_audit_line_needs_no_redis(slack, worker, raw, capsys, caplog):
    made = replace(worker(print), audit=RedisAudit(connect("redis://127.0.0.1:1/0", EDGE)))

    made.perform(first(JOB))

    assert '"outcome":"done"' in capsys.readouterr().out
    assert "audit entry only on standard output ref=abc" in caplog.text


def test_a_broken_command_is_told_with_its_reference(slack, worker):
    worker(print).broken(JOB)

    assert "Something broke (ref abc)" in heard(slack)[0]


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (JOB, "look at its pull request, if there is one, and type it again (ref abc)"),
        (ASK, "your question was interrupted; ask again"),
    ],
    ids=["change", "ask"],
)
def test_a_command_that_redis_lost_is_told_and_counted(job, words, slack, worker):
    act = job.text.split()[0]

    def interrupted():
        return counted("leadline_commands_total", act=act, outcome="interrupted")

    before = interrupted()
    worker(print).lost(job)

    assert words in heard(slack)[0]
    assert interrupted() == before + 1


@pytest.mark.parametrize("limit", ["GitHub's limit on writes", "GitHub's secondary rate limit"])
def test_a_wait_names_the_limit_that_is_used_up(limit, slack, worker):
    worker(refuse(ForgeBusyError("x", 5.0, limit))).perform(first(JOB))

    assert f"{limit} is used up; your command runs by itself in about 5 s" in heard(slack)[0]


def test_what_slack_does_not_take_is_in_the_log(slack, worker, caplog):
    elsewhere = replace(JOB, channel="C0NOWHERE")

    worker(print).broken(elsewhere)

    assert "unsaid ref=abc" in caplog.text


def test_only_changes_have_a_deployment_of_their_own(worker):
    made = worker(print)

    assert (made.key(JOB), made.key(ASK)) == ("dev/q", None)


def test_a_worker_runs_both_lanes_with_a_fence_for_changes_until_it_is_stopped(worker, redis_url):
    ran, stop, both = {}, threading.Event(), threading.Event()

    def command(running):
        ran[running.job.id] = running
        if len(ran) == 2:
            both.set()

    queue = RedisQueue.connect(redis_url, WORKER)
    queue.put(replace(JOB, id="change"))
    queue.put(replace(ASK, id="ask"))
    claims = RedisClaims.connect(redis_url, "w1")
    hall = Hall("w1", claims, claims, RedisLocks.connect(redis_url))
    pace = Pace(idle=0.1)
    made = worker(command, hall, {Lane.CHANGE: pace, Lane.ASK: pace})
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    assert both.wait(LONG)
    stop.set()
    thread.join(LONG)

    assert ran["ask"].fence is None
    assert (ran["change"].fence.key, ran["change"].begun.tries) == ("dev/q", 1)
    assert not thread.is_alive()


def test_a_lane_that_fails_ends_the_worker(worker, redis_url):
    claims = RedisClaims.connect(redis_url, "w1")
    hall = Hall("w1", claims, claims, RedisLocks.connect(redis_url))

    with pytest.raises(KeyError):  # the lane of asks was given no pace
        worker(print, hall, {Lane.CHANGE: Pace(idle=0.1)}).run(threading.Event())


def test_a_change_that_finds_github_busy_runs_by_itself_when_there_is_room(
    slack, worker, redis_url
):
    ran, stop, told, done = [], threading.Event(), threading.Event(), threading.Event()

    def command(running):
        ran.append((running.job.id, running.begun.tries))
        if running.job.id == "late":
            done.set()
        elif running.job.id == "other":
            told.set()
        elif slack.time.monotonic() < 41:
            raise BUSY

    queue = RedisQueue.connect(redis_url, WORKER)
    for name, text in (("busy", "deploy q"), ("late", "deploy q"), ("other", "deploy r")):
        queue.put(replace(JOB, id=name, text=text))
    claims = RedisClaims.connect(redis_url, "w1")
    hall = Hall("w1", claims, claims, RedisLocks.connect(redis_url))
    pace = Pace(threads=1, idle=0.1)
    made = worker(command, hall, {Lane.CHANGE: pace, Lane.ASK: pace})
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    assert told.wait(LONG)
    before = list(ran)
    slack.time.advance(42)
    assert done.wait(LONG)
    stop.set()
    thread.join(LONG)

    assert before == [("busy", 1), ("other", 1)]
    assert ran == [*before, ("busy", 1), ("late", 1)]
    assert [WAITS in text for text in heard(slack)] == [True]


def test_a_person_hears_of_a_wait_once_also_when_its_worker_stops_and_others_go_on(
    slack, worker, redis_url
):
    ran, called = [], threading.Semaphore(0)

    def command(running):
        ran.append(running.begun.put_off)
        called.release()
        if slack.time.monotonic() < 41:
            raise BUSY

    RedisQueue.connect(redis_url, WORKER).put(JOB)
    for name in ("w1", "w2", "w3"):
        claims, stop = RedisClaims.connect(redis_url, name), threading.Event()
        hall = Hall(name, claims, claims, RedisLocks.connect(redis_url))
        pace = Pace(idle=0.1, look=0.1)
        made = worker(command, hall, {Lane.CHANGE: pace, Lane.ASK: pace})
        thread = threading.Thread(target=made.run, args=(stop,))
        thread.start()
        assert called.acquire(timeout=LONG)
        stop.set()
        thread.join(LONG)
        slack.time.advance(21)

    assert ran == [False, True, True]
    assert [WAITS in text for text in heard(slack)] == [True]
