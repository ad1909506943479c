"""Pure: what a reviewer should not have to check by eye, on built manifests.

`review` looks at one overlay, `review_all` at the overlays of one environment together; both put
the policy over what they find. `find` and `check` know no policy and tell only what refuses.
"""

import datetime as dt
from collections.abc import Iterator, Mapping

from gitops.checks import across, containers, engines, probes, rollout, secrets, services, storage
from gitops.checks.finding import Finding, Lint, Severity
from gitops.checks.policy import Policy
from gitops.checks.subject import LABEL, Facts, Manifest, Subject
from gitops.errors import CheckFailedError

__all__ = [
    "ACROSS",
    "LABEL",
    "LINTS",
    "Facts",
    "Finding",
    "Lint",
    "Policy",
    "Severity",
    "check",
    "find",
    "load_policy",
    "review",
    "review_all",
]

LINTS: tuple[Lint, ...] = (
    Lint("schema", Severity.ERROR, rollout.fits_schema),
    Lint("known-kind", Severity.ERROR, rollout.kind_is_known),
    Lint("no-secret", Severity.ERROR, secrets.no_secret),
    Lint("no-secret-value", Severity.ERROR, secrets.no_secret_value),
    Lint("no-literal-variable", Severity.ERROR, secrets.no_literal_variable),
    Lint("service-selects-leader", Severity.ERROR, services.selects_leader),
    Lint("service-name", Severity.ERROR, services.keeps_names_free),
    Lint("service-type", Severity.ERROR, services.stays_inside),
    Lint("image-pinned", Severity.ERROR, containers.image_is_pinned),
    Lint("gpu-limits", Severity.ERROR, containers.gpus_are_limits),
    Lint("model-read-only", Severity.ERROR, containers.model_is_read_only),
    Lint("shared-memory", Severity.ERROR, containers.shared_memory_fits),
    Lint("service-links", Severity.ERROR, containers.no_service_links),
    Lint("readiness-http", Severity.ERROR, probes.readiness_is_http),
    Lint("startup-budget", Severity.ERROR, probes.start_has_time),
    Lint("worker-probe", Severity.ERROR, probes.workers_are_probed),
    Lint("served-model-name", Severity.ERROR, engines.model_has_a_name),
    Lint("trust-remote-code", Severity.ERROR, engines.no_remote_code),
    Lint("api-key", Severity.ERROR, engines.no_literal_key),
    Lint("variables", Severity.ERROR, engines.variables_exist),
    Lint("ray-image", Severity.ERROR, engines.ray_is_there),
    Lint("secret-namespace", Severity.ERROR, storage.secret_is_beside_claim),
    Lint("claim-offered", Severity.ERROR, storage.claims_are_offered),
    Lint("volume-capacity", Severity.WARNING, storage.capacity_is_true),
    Lint("storage-class", Severity.ERROR, storage.static_claims_have_no_class),
    Lint("lws-version", Severity.ERROR, rollout.fits_version),
    Lint("lws-surge", Severity.ERROR, rollout.surge_ends),
    Lint("lws-startup-policy", Severity.ERROR, rollout.leader_does_not_wait),
    Lint("lws-restart-policy", Severity.ERROR, rollout.restart_is_said),
    Lint("lws-foreground-deletion", Severity.ERROR, rollout.deletion_ends),
    Lint("lws-name", Severity.ERROR, rollout.name_fits),
)
"""The lints on one overlay, in the order of their findings."""

ACROSS = {
    "duplicate-object": across.objects_are_unique,
    "service-unique": across.services_are_unique,
    "volume-handle": across.handles_are_unique,
    "lws-name-clash": across.names_do_not_clash,
}
"""The lints between overlays of one environment, by id; all are errors."""

OF_SOURCES = (
    "vulnerable-engine",
    "environment-lws",
    "groups-placeable",
    "rollout-room",
    "one-owner",
)
"""The lints on llm.yaml itself, by `gitops.proof` and, in plans, `gitops.room`: all warnings, but
for the last, by `gitops.inspection`, over all environments."""

NO_POLICY = Policy()


def load_policy(text: str, source: str = "policy.yaml") -> Policy:
    """Read a policy over the lints of this package.

    Raises:
        InvalidRequestError: as `Policy.load`.
    """
    return Policy.load(text, source, [*(lint.id for lint in LINTS), *ACROSS, *OF_SOURCES])


def review(manifests: list[Manifest], facts: Facts | None = None) -> tuple[Finding, ...]:
    """Return everything found in one overlay, at the lints' own severities."""
    subject = Subject(manifests, facts or Facts())
    return tuple(finding for lint in LINTS for finding in lint.findings(subject))


def review_all(
    overlays: Mapping[str, list[Manifest]],
    today: dt.date,
    policy: Policy = NO_POLICY,
    facts: Facts | None = None,
) -> dict[str, tuple[Finding, ...]]:
    """Return everything found in the overlays (by folder) of one environment, after the policy.

    `today` decides which waivers have run out.
    """
    found = {overlay: list(review(manifests, facts)) for overlay, manifests in overlays.items()}
    for rule, look in ACROSS.items():
        for overlay, (thing, text) in look(overlays):
            found[overlay].append(Finding(rule, Severity.ERROR, thing, text))
    return {
        overlay: tuple(policy.apply(finding, overlay, today) for finding in findings)
        for overlay, findings in found.items()
    }


def find(manifests: list[Manifest], facts: Facts | None = None) -> Iterator[str]:
    """Yield every error in one overlay, in words."""
    for finding in review(manifests, facts):
        if finding.severity is Severity.ERROR:
            yield finding.text


def check(manifests: list[Manifest], name: str, facts: Facts | None = None) -> None:
    """Refuse manifests that break a rule; `name` says whose they are.

    Raises:
        CheckFailedError: with every finding.
    """
    if findings := list(find(manifests, facts)):
        raise CheckFailedError(f"checking {name}: " + "; ".join(findings))
