"""Whether a pull request may merge: conflicts, reviews, code owners, checks, up to date.

Sources: docs.github.com, "About protected branches", "About code owners" and
graphql/reference/enums, MergeStateStatus (REST's `mergeable_state` in small letters). The texts
of refusals are from general knowledge.
"""

from dataclasses import dataclass

from sandbox.github.protection import CODEOWNERS, owners_of, read_owners
from sandbox.github.pulls import Pull
from sandbox.github.site import Site

_GOOD = frozenset({"success", "neutral", "skipped"})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a pull request stands: GitHub's `mergeable` and `mergeable_state`, and what it lacks."""

    mergeable: bool | None
    state: str
    lacks: tuple[str, ...] = ()


def standing(site: Site, pull: Pull) -> Standing:
    """Look at a pull request as it stands now."""
    base = site.branch(pull.base)
    if pull.state == "closed" or base is None:
        return Standing(None, "unknown")
    if site.repository.merged_tree(base, pull.head_sha) is None:
        return Standing(mergeable=False, state="dirty")
    lacks = _lacks(site, pull)
    return Standing(mergeable=True, state=_state(site, pull, base, lacks), lacks=lacks)


def code_owners(site: Site, pull: Pull) -> list[frozenset[str]]:
    """Return, for each owned part of a change, the logins of its owners."""
    base = site.branch(pull.base) or pull.base_sha
    text = site.repository.first_of(base, CODEOWNERS)
    if text is None:
        return []
    paths = [diff.path for diff in site.repository.diff(*site.files_of(pull))]
    groups = owners_of(read_owners(text.decode("utf-8", "replace")), paths)
    return [_people(site, group) for group in sorted(groups)]


def results(site: Site, sha: str) -> dict[str, str]:
    """Return the last state of each status and check of a commit, by its name."""
    statuses = {status.context: status.state for status in site.statuses[sha]}
    return statuses | {check.name: check.conclusion or "pending" for check in site.checks[sha]}


def _state(site: Site, pull: Pull, base: str, lacks: tuple[str, ...]) -> str:
    if pull.draft:
        return "draft"
    if lacks:
        return "blocked"
    if _rules(site, pull) and site.protection.strict and _is_behind(site, pull, base):
        return "behind"
    states = set(results(site, pull.head_sha).values())
    return "unstable" if states - _GOOD else "clean"


def _is_behind(site: Site, pull: Pull, base: str) -> bool:
    return not site.repository.is_ancestor(base, pull.head_sha)


def _rules(site: Site, pull: Pull) -> bool:
    return pull.base == site.place.default_branch


def _lacks(site: Site, pull: Pull) -> tuple[str, ...]:
    if not _rules(site, pull):
        return ()
    return (*_reviews(site, pull), *_owners(site, pull), *_contexts(site, pull))


def _reviews(site: Site, pull: Pull) -> list[str]:
    verdicts, wanted = list(pull.verdicts().values()), site.protection.approvals
    if wanted and "CHANGES_REQUESTED" in verdicts:
        return ["Changes have been requested."]
    if verdicts.count("APPROVED") < wanted:
        reviews = "review is" if wanted == 1 else "reviews are"
        return [f"At least {wanted} approving {reviews} required by reviewers with write access."]
    return []


def _owners(site: Site, pull: Pull) -> list[str]:
    if not site.protection.code_owners:
        return []
    verdicts = pull.verdicts()
    approved = {login for login, verdict in verdicts.items() if verdict == "APPROVED"}
    missing = [group for group in code_owners(site, pull) if not group & approved]
    names = " and/or ".join(sorted(login for group in missing for login in group))
    return [f"Waiting on code owner review from {names}."] if missing else []


def _contexts(site: Site, pull: Pull) -> list[str]:
    found, told = results(site, pull.head_sha), []
    for context in site.protection.contexts:
        state = found.get(context, "expected")
        if state not in _GOOD:
            words = {"error": "failing", "failure": "failing"}.get(state, state)
            told.append(f'Required status check "{context}" is {words}.')
    return told


def _people(site: Site, group: tuple[str, ...]) -> frozenset[str]:
    teams = site.protection.teams
    return frozenset(login for name in group for login in teams.get(name, frozenset({name})))
