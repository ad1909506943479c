"""What CI runs on a pull request: every overlay proved, built, linted, under the base's rules.

Policy, environments and catalogue are read from the base revision, so that a pull request cannot
waive what it is judged by; where the base has none (a new environment), the head's is taken.
"""

import datetime as dt
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitops.batch import Output, build_all
from gitops.catalog import Catalog
from gitops.checks import Facts, Finding, Policy, Severity, review_all
from gitops.deployment import NEWEST_LWS
from gitops.environment import Environment
from gitops.errors import GitOpsError
from gitops.files import text_of
from gitops.history import changed_paths, check_out, touched_overlays
from gitops.overlay import read
from gitops.proof import prove
from gitops.roles import PATH as ROLES
from gitops.roles import Role, Roles, read_roles
from gitops.workspace import WorkingCopy

RULES = ("policy.yaml", "catalog/", "kustomize/catalog/")
"""Paths whose change in a pull request must not change how that pull request is judged."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything found in one overlay; `folder` is its path in the repository."""

    folder: str
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> bool:
        """Say whether an error stands among the findings."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Rules:
    """What overlays are judged by."""

    policy: Policy
    catalog: Catalog
    environments: Mapping[str, Environment]


def overlays_below(root: Path, places: Sequence[Path]) -> list[Path]:
    """Return the overlay and storage folders at or below places, relative to the root, in order."""
    files = {
        file
        for place in places
        for file in (place.rglob("kustomization.yaml") if place.is_dir() else ())
        if "custom" not in file.relative_to(root).parts
    }
    return sorted(file.parent.relative_to(root) for file in files)


def inspect(
    copy: WorkingCopy, overlays: Sequence[Path], today: dt.date, base: str | None = None
) -> list[Report]:
    """Inspect overlays, only those that a change since `base` touches where one is named.

    Raises:
        InvalidRequestError: policy, catalogue or an environment of the base is wrong.
    """
    changed = changed_paths(copy.root, base) if base else ()
    if base:
        overlays = touched_overlays(copy.root, changed, overlays)
    rules = _rules(copy, base, changed)
    reports: list[Report] = []
    for name, group in _by_environment(overlays).items():
        reports += _inspect_environment(copy, name, group, rules, today)
    return reports


def inspect_roles(copy: WorkingCopy, base: str | None = None) -> list[Report]:
    """Inspect roles.yaml as it will be: while it makes no sense, nobody may anything.

    Where `base` is named, only if a change since then touches it; else only what is wrong is told.
    """
    path = copy.root / ROLES
    if not path.is_file() or (base and ROLES not in changed_paths(copy.root, base)):
        return []
    try:
        roles = read_roles(text_of(path))
        found = tuple(_of_roles(roles, copy))
    except GitOpsError as error:
        found = (_error("roles", error),)
    return [Report(ROLES, found)] if found or base else []


def _of_roles(roles: Roles, copy: WorkingCopy) -> Iterator[Finding]:
    names = copy.environments()
    for binding in roles.roles:
        for name in sorted({*binding.environments} - {*names}):
            there = ", ".join(names) or "none"
            text = f"{ROLES}: {binding.role} names environment {name}; there are: {there}"
            yield Finding("roles", Severity.ERROR, "", text)
    for name in names:
        able = [b for b in roles.roles if b.role.covers(Role.APPROVER) and b.reaches(name)]
        if not able and copy.environment(name).two_person:
            text = f"{ROLES}: {name} wants two people, and nobody is an approver of it"
            yield Finding("roles", Severity.WARNING, "", text)


def _inspect_environment(
    copy: WorkingCopy, name: str, overlays: Sequence[Path], rules: Rules, today: dt.date
) -> Iterator[Report]:
    own = {overlay: tuple(_look(copy, overlay, rules, today)) for overlay in overlays}
    built = build_all(copy.root, overlays)
    outputs = {o.as_posix(): b.manifests for o, b in built.items() if isinstance(b, Output)}
    facts = _facts(copy, rules, name, overlays)
    found = review_all(outputs, today, rules.policy, facts)
    for overlay in overlays:
        failed = built.get(overlay)
        broken = () if failed is None or isinstance(failed, Output) else (_error("build", failed),)
        yield Report(
            overlay.as_posix(), (*own[overlay], *broken, *found.get(overlay.as_posix(), ()))
        )


def _look(copy: WorkingCopy, overlay: Path, rules: Rules, today: dt.date) -> Iterator[Finding]:
    """Yield what can be found without building; where a kustomization leads, the build looks at."""
    try:
        for finding in prove(copy.root / overlay, rules.catalog, rules.environments):
            yield rules.policy.apply(finding, overlay.as_posix(), today)
        for finding in _twins(copy, overlay, rules):
            yield rules.policy.apply(finding, overlay.as_posix(), today)
    except GitOpsError as error:
        yield _error("source", error)


def _twins(copy: WorkingCopy, overlay: Path, rules: Rules) -> Iterator[Finding]:
    source = copy.root / overlay / "llm.yaml"
    if source.is_file():
        deployment = read(text_of(source), (overlay / "llm.yaml").as_posix())
        for text in copy.twins(deployment, rules.environments):
            yield Finding("one-owner", Severity.ERROR, deployment.name, text)


def _error(rule: str, error: Exception) -> Finding:
    return Finding(rule, Severity.ERROR, "", str(error))


def _facts(copy: WorkingCopy, rules: Rules, name: str, overlays: Sequence[Path]) -> Facts:
    """Return what is known beside the manifests: LWS, claims on offer, what weighs on each."""
    stored = any("storage" in overlay.parts for overlay in overlays)
    weights = _weights(copy, rules, name) if stored else {}
    environment = rules.environments.get(name)
    if environment is None:
        return Facts(lws=NEWEST_LWS, weights_gib=weights)
    return Facts(lws=environment.lws, weights_gib=weights, claims=environment.claims)


def _weights(copy: WorkingCopy, rules: Rules, name: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for deployment in copy.readable(name):
        model = rules.catalog.models.get(deployment.model)
        if model:
            claim = deployment.claim
            weights[claim] = max(weights.get(claim, 0.0), model.weights_gib)
    return weights


def _by_environment(overlays: Sequence[Path]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for overlay in overlays:
        groups.setdefault(overlay.parts[1] if len(overlay.parts) > 1 else "", []).append(overlay)
    return groups


def _rules(copy: WorkingCopy, base: str | None, changed: Sequence[str]) -> Rules:
    touched = [p for p in changed if p.startswith(RULES) or p.endswith("/environment.yaml")]
    if not base or not touched:
        return _read_rules(copy)
    with tempfile.TemporaryDirectory(prefix="leadline-base-") as name:
        check_out(copy.root, base, Path(name))
        old, new = _read_rules(WorkingCopy(Path(name))), _read_rules(copy)
    return Rules(old.policy, old.catalog, {**new.environments, **old.environments})


def _read_rules(copy: WorkingCopy) -> Rules:
    return Rules(
        copy.policy(),
        copy.catalog(),
        {name: copy.environment(name) for name in copy.environments()},
    )
