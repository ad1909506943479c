"""The age of each environment's watch: what is told for the metric, and when it is taken back."""

from dataclasses import dataclass, field

from bot.rollout.ages import Ages

STAGING = {"staging": {("a", "default")}}
BOTH = {"staging": {("a", "default"), ("a", "team")}, "live": {("b", "default")}}


@dataclass
class Shown:
    """Ages with what a scrape would show: the last word of each environment."""

    time: float = 0.0
    told: dict = field(default_factory=dict)

    def __post_init__(self):
        self.ages = Ages(self.tell, lambda: self.time)

    def tell(self, environment, at):
        if at is None:
            del self.told[environment]
        else:
            self.told[environment] = at

    def hear(self, at, *place):
        self.time = at
        self.ages.hear(place)


def test_what_was_never_heard_counts_from_when_it_was_wanted():
    shown = Shown(time=5.0)
    shown.ages.watch(BOTH)
    shown.time = 50.0
    shown.ages.watch(BOTH)

    assert shown.told == {"staging": 5.0, "live": 5.0}


def test_an_environment_is_as_old_as_its_namespace_that_is_silent_longest():
    shown = Shown()
    shown.ages.watch(BOTH)
    shown.hear(10.0, "a", "default")
    assert shown.told == {"staging": 0.0, "live": 0.0}
    shown.hear(20.0, "a", "team")
    assert shown.told == {"staging": 10.0, "live": 0.0}
    shown.hear(30.0, "b", "default")

    assert shown.told == {"staging": 10.0, "live": 30.0}


def test_an_environment_that_is_gone_is_taken_back_and_so_are_its_namespaces():
    shown = Shown()
    shown.ages.watch(BOTH)
    shown.ages.watch(STAGING)
    assert shown.told == {"staging": 0.0}
    shown.hear(9.0, "b", "default")
    shown.hear(9.0, "a", "team")
    assert shown.told == {"staging": 0.0}
    shown.hear(9.0, "a", "default")

    assert shown.told == {"staging": 9.0}


def test_a_namespace_that_comes_anew_is_not_older_than_that():
    shown = Shown()
    shown.ages.watch(STAGING)
    shown.hear(100.0, "a", "default")
    shown.ages.watch(BOTH)

    assert shown.told == {"staging": 100.0, "live": 100.0}
