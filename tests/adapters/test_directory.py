"""The Directory port over the sandbox's Slack: who belongs where, as of at most a minute ago."""

import pytest

from bot.chat import Person, Place
from bot.commands.acting import Names
from bot.errors import ChatUnavailableError
from bot.slack.directory import SlackDirectory
from sandbox.faults import Fault
from tests.adapters.edge_bench import ALICE, BOB, GROUP, OPS, TEAM
from tests.adapters.test_chat import slack

GONE = "U0GONE"


@pytest.fixture
def here():
    with slack() as made:
        yield made


@pytest.fixture
def directory(here):
    return SlackDirectory.connect(here.settings, here.time)


def person(user, team=TEAM.id):
    return Person(user, team)


def test_a_person_is_in_the_groups_that_name_them(directory):
    assert directory.groups(person(BOB), frozenset({GROUP})) == {GROUP}
    assert directory.groups(person(ALICE), frozenset({GROUP})) == frozenset()
    assert directory.groups(person(ALICE), frozenset()) == frozenset()


def test_an_unknown_group_fails_and_does_not_allow(directory):
    with pytest.raises(ChatUnavailableError, match="no_such_subteam"):
        directory.groups(person(BOB), frozenset({"S0NOBODY"}))


@pytest.mark.parametrize(
    ("who", "home"),
    [(person(ALICE), True), (person(ALICE, "T0FOREIGN"), False), (person(""), False)],
)
def test_only_people_of_our_workspace_are_at_home(directory, who, home):
    assert directory.is_home(who) is home


def test_who_slack_does_not_know_is_no_guess(directory):
    with pytest.raises(ChatUnavailableError, match="user_not_found"):
        directory.is_home(person("U0NOBODY"))


def test_a_person_is_called_as_slack_shows_them_and_asked_for_once_in_a_minute(here, directory):
    assert [directory.name(who) for who in (ALICE, BOB, ALICE)] == ["alice", "bob", "alice"]
    assert directory.is_home(person(ALICE))

    assert len(here.said("users.info")) == 2


def test_where_slack_does_not_say_the_ids_of_people_stand_and_it_is_asked_once(here, directory):
    names = Names(directory)
    here.workspace.trouble("users.info", "fatal_error")

    called = [names.called(by) for by in (f"slack:{ALICE}", f"slack:{BOB}", "carol")]

    assert called == [ALICE, BOB, "carol"]
    assert len(here.said("users.info")) == 1


def test_an_answer_counts_for_a_minute_and_no_longer(here, directory):
    for seconds, calls in ((0, 1), (59, 1), (2, 2)):
        here.time.advance(seconds)
        directory.groups(person(BOB), frozenset({GROUP}))
        directory.is_home(person(BOB))
        assert len(here.said("usergroups.users.list")) == calls
        assert len(here.said("users.info")) == calls
    assert len(here.said("auth.test")) == 1


def test_a_failure_is_not_kept(here, directory):
    here.workspace.trouble("usergroups.users.list", "fatal_error")
    with pytest.raises(ChatUnavailableError):
        directory.groups(person(BOB), frozenset({GROUP}))

    assert directory.groups(person(BOB), frozenset({GROUP})) == {GROUP}


def test_a_missing_scope_says_what_to_reinstall(here, directory):
    here.workspace.trouble("usergroups.users.list", "missing_scope")

    with pytest.raises(ChatUnavailableError, match="scopes of the manifest"):
        directory.groups(person(BOB), frozenset({GROUP}))


def test_a_hasty_directory_gives_up_within_seconds_and_fails(here):
    here.faults.arm(Fault("slack", "usergroups.users.list", act="hold", times=10))
    hasty = SlackDirectory.connect(here.settings, here.time, hasty=True)

    with pytest.raises(ChatUnavailableError, match="no answer"):
        hasty.groups(person(BOB), frozenset({GROUP, "S0OTHER", "S0MORE"}))

    assert here.faults[0].seen == 1


def test_a_link_leads_to_the_root_of_a_thread_and_is_asked_for_once(here, directory):
    root = here.workspace.say(BOB, OPS, "root")["ts"]

    links = {directory.link(Place(OPS, root)) for _ in range(3)}

    assert len(links) == len(here.said("chat.getPermalink")) == 1
    assert OPS in links.pop()
