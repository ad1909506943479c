"""Pure: what became of a pull request since it was looked at last, and what is news of it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.notice import ChecksFailed, Closed, Merged, Notice, Reopened, Reviewed
from bot.rollout.step import News, Step, counted, times
from bot.store import Rollout
from gitops.forge import PullRequest, Review
from gitops.reviews import TWO_PERSON, Check, Given, State, Verdict, standing

_OF_PULL = (
    "review", "head", "reviews", "failed", "checks", "marked", "merged_at", "merge",
    "closes", "requesters", "removed",
)  # fmt: skip

NAMED, LONGEST = 3, 60
"""Most checks that the card names of each state, and most characters of a name."""

MARKS = {State.SUCCESS: "✅", State.PENDING: "⏳", State.FAILURE: "❌"}


@dataclass(frozen=True, slots=True)
class Looked:
    """A pull request as one look found it; reviews and checks only matter while it is open.

    `marked` is our own status as that look left it, empty where it set none; `refused` is why
    approvals do not count as a second person's, by login.
    """

    pull: PullRequest
    given: Sequence[Given] = ()
    checks: Sequence[Check] = ()
    marked: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Read:
    """A look at the pull request of that number."""

    number: int
    looked: Looked


def anew(rollout: Rollout, number: int) -> Rollout:
    """Return the record of a deployment for another pull request: what runs goes on.

    What was removed is proposed again like anything new.
    """
    fresh = Rollout(number)
    return replace(rollout, pull_number=number, **{name: getattr(fresh, name) for name in _OF_PULL})


def review(rollout: Rollout, looked: Looked, now: datetime) -> Step:
    """Take note of where the pull request stands, and of what was said of it."""
    pull = looked.pull
    reviewed, told = _reviews(rollout, looked)
    failed = _failed(rollout, looked)
    ended = _ended(rollout, pull)
    after = replace(
        rollout,
        review=pull.review.value,
        head=pull.head,
        closes=rollout.closes + _closes(rollout, pull),
        reviews=told,
        failed=failed,
        checks=summary(looked),
        marked=looked.marked or rollout.marked,
        merged_at=_merged_at(rollout, pull, now),
        merge=pull.merge_commit,
    )
    failing = _failing(rollout, looked, failed)
    after = counted(after, "failed") if failing else after
    return Step(after, (*reviewed, *failing, *ended))


def summary(looked: Looked) -> str:
    """Return checks and standing reviews as the card shows them."""
    if looked.pull.review is not Review.OPEN:
        return ""
    counts = list(_counts(looked.checks))
    words = standing(looked.given, looked.pull.head)
    stand = {who: word for who, word in words.items() if word is not Verdict.DISMISSED}
    said = [f"{who} {word.value}{_uncounted(looked, who, word)}" for who, word in stand.items()]
    lapsed = sum(word is Verdict.DISMISSED for word in words.values())
    rest = [f"{lapsed} lapsed"] if lapsed else []
    return " · ".join([" ".join(counts), *said, *rest] if counts else [*said, *rest])


def _uncounted(looked: Looked, who: str, word: Verdict) -> str:
    return ", which does not count" if word is Verdict.APPROVED and who in looked.refused else ""


def _counts(checks: Sequence[Check]) -> Iterator[str]:
    """Yield how many checks stand so; of those that hold a merge up, the first names."""
    for state, mark in MARKS.items():
        names = [check.name[:LONGEST] for check in checks if check.state is state]
        if names and state is not State.SUCCESS:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            yield f"{mark} {', '.join(names[:NAMED])}{more}"
        elif names:
            yield f"{mark} {len(names)}"


def _closes(rollout: Rollout, pull: PullRequest) -> bool:
    return pull.review is Review.CLOSED and rollout.review != Review.CLOSED


def _ended(rollout: Rollout, pull: PullRequest) -> tuple[News, ...]:
    """Return a change of where it stands; a close and what reopens it have a number in common."""
    if rollout.review == pull.review.value:
        return ()
    notice: Notice
    word, turn = pull.review.value, rollout.closes + _closes(rollout, pull)
    match pull.review:
        case Review.MERGED:
            notice = Merged(pull.number, pull.merged_by)
        case Review.CLOSED:
            notice = Closed(pull.number)
        case Review.OPEN:
            notice, word = Reopened(pull.number), "reopened"
    return (News(f"pull:{pull.number}:{word}:{turn}", notice),)


def _reviews(rollout: Rollout, looked: Looked) -> tuple[tuple[News, ...], tuple[int, ...]]:
    number = looked.pull.number
    fresh = [given for given in looked.given if given.id not in rollout.reviews]
    news = tuple(
        News(
            f"review:{number}:{given.id}",
            Reviewed(number, given.by, given.verdict.value, given.comment, _refused(looked, given)),
        )
        for given in fresh
        if given.comment or given.verdict is not Verdict.COMMENTED
    )
    return news, (*rollout.reviews, *(given.id for given in fresh))


def _refused(looked: Looked, given: Given) -> str:
    approved = given.verdict is Verdict.APPROVED
    return looked.refused.get(given.by, "") if approved else ""


def _failed(rollout: Rollout, looked: Looked) -> tuple[str, ...]:
    """Return the names of failed checks, which a new head commit begins anew."""
    if looked.pull.review is not Review.OPEN:
        return rollout.failed
    failing = [check.name for check in looked.checks if check.state is State.FAILURE]
    return tuple(sorted(name for name in failing if name != TWO_PERSON))


def _failing(rollout: Rollout, looked: Looked, failed: tuple[str, ...]) -> tuple[News, ...]:
    pull = looked.pull
    before = rollout.failed if rollout.head == pull.head else ()
    names = tuple(name for name in failed if name not in before)
    if not names:
        return ()
    which = hashlib.sha256("\n".join(failed).encode()).hexdigest()[:16]  # names may be long
    key = f"failed:{pull.number}:{pull.head}:{which}:{times(rollout, 'failed')}"
    return (News(key, ChecksFailed(pull.number, pull.url, names)),)


def _merged_at(rollout: Rollout, pull: PullRequest, now: datetime) -> str:
    if pull.review is not Review.MERGED:
        return ""
    return rollout.merged_at or now.isoformat()
