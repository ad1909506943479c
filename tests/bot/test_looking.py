"""Who only looks is answered while the Git host is away: from main as it was read last."""

import datetime as dt

import pytest

from bot.access import Actor
from bot.chat import Person, Place
from bot.commands.acting import Actions
from bot.commands.changing import Asked
from bot.commands.command import Status
from bot.commands.conversation import Conversation
from bot.commands.scene import Scene, everything
from bot.commands.work import Running
from bot.desired import Desired, Mirror
from bot.errors import DesiredUnknownError
from bot.notice import Card
from bot.store import Job, Lane
from bot.store.holding import Begun
from gitops.errors import ForgeBusyError, ForgeUnavailableError
from gitops.forge import Revision
from gitops.roles import Binding, Role, Roles
from gitops.workspace import WorkingCopy

NOW = dt.datetime(2026, 11, 24, 12, 30, tzinfo=dt.UTC)
ROLES = Roles((Binding(Role.REQUESTER, everyone=True),))
AWAY = ForgeUnavailableError("reading main on GitHub: no answer")
BUSY = ForgeBusyError("reading main on GitHub: too many", 20, "GitHub's limit of 5,000 an hour")


class World:
    """Ports of a conversation of which nothing but the Git host is away."""

    def __init__(self, folder, error, age):
        (folder / "overlays/example").mkdir(parents=True)
        (folder / "overlays/example/environment.yaml").write_text("name: example\n", "utf-8")
        self.error, self.at, self.done = error, NOW - age if age else None, []
        self.copy = WorkingCopy(folder)

    def read(self, known):
        raise self.error

    def last(self):
        if self.at is None:
            raise DesiredUnknownError("nothing is known")
        return Desired(Revision("c", "t"), self.at, self.copy, ROLES, None)

    def now(self):
        return NOW

    def proposals(self):
        return []

    def groups(self, person, among):
        return frozenset()

    def is_home(self, person):
        return True

    def __call__(self, command, scene, asked):
        self.done.append(scene.stale)

    def type(self, text):
        job = Job("j", Lane.CHANGE, text, "U1", "T1", "C1", NOW)
        talk = Conversation(Mirror(self), self, None, self, self, "example", self.last, self)
        talk(Running(job, Begun(1, NOW)))
        return self.done


@pytest.mark.parametrize(
    ("error", "stale"),
    [
        (AWAY, "main as of 11:30 UTC; it cannot be read from GitHub now"),
        (BUSY, "main as of 11:30 UTC; GitHub's limit of 5,000 an hour is used up"),
    ],
)
def test_who_looks_is_told_of_when_that_is(tmp_path, error, stale):
    assert World(tmp_path, error, dt.timedelta(hours=1)).type("list") == [stale]


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("deploy qwen3-32b sglang", dt.timedelta(0, 1)),
        ("plan qwen3-32b sglang", dt.timedelta(0, 1)),
        ("list", dt.timedelta(days=1, seconds=1)),
        ("list", None),
    ],
)
def test_others_and_what_is_too_old_are_refused(tmp_path, text, age):
    world = World(tmp_path, AWAY, age)

    with pytest.raises(ForgeUnavailableError) as refusal:
        world.type(text)

    assert (refusal.value, world.done) == (AWAY, [])


def test_a_status_says_it_on_its_card(tmp_path):
    world = World(tmp_path, AWAY, dt.timedelta(hours=1))
    card = Card("m1", "example", "m", "e", "s", "p", 2, 7, "u", "U1", "serving", note="slow")
    said = []

    class Chat:
        def whisper(self, place, person, notice):
            said.append(notice)

    class Cards:
        def cards(self):
            return {"example/m1": card}

    desired = world.last()
    before = Scene(Actor("U1", "C1"), desired, everything(desired, "C1", world, "example"), "old")
    actions = Actions(Chat(), Cards(), world, None, None, None, None, None)
    actions(Status("m1", "example"), before, Asked("k", Person("U1", "T1"), Place("C1")))

    assert [(notice.phase, notice.note) for notice in said] == [("serving", "slow; old")]
