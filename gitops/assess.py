"""What a plan means before anybody reviews it: build, checks, fit, impact. Writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitops.build import Manifest, build_files
from gitops.catalog import Catalog, scheme_of
from gitops.checks import Facts, Finding, Severity, review
from gitops.deployment import ModelDeployment
from gitops.difference import ResourceDiff, differences
from gitops.environment import Environment
from gitops.errors import CheckFailedError
from gitops.fit import Fit, fit, served_setting
from gitops.gpus import find_gpu
from gitops.impact import Impact, check_in_place, impact
from gitops.plan import Action, Plan
from gitops.proof import known_faults
from gitops.room import room


@dataclass(frozen=True, slots=True)
class Assessment:
    """A plan and everything that is known of it; `fit` is None where no GPU pool is declared."""

    plan: Plan
    environment: Environment
    impact: Impact
    differences: tuple[ResourceDiff, ...]
    findings: tuple[Finding, ...]
    fit: Fit | None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that refuse the plan."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)

    def refuse(self) -> None:
        """Refuse a plan that a check refuses.

        Raises:
            CheckFailedError: with every finding.
        """
        if self.errors:
            texts = "; ".join(finding.text for finding in self.errors)
            raise CheckFailedError(f"checking {self.plan.deployment.name}: {texts}")


def assess(
    plan: Plan,
    current: Mapping[str, str],
    environment: Environment,
    catalog: Catalog,
    bases: Path | None = None,
) -> Assessment:
    """Build what stands and what would stand, and judge the difference.

    `current` are the files of the overlay's folder as they are; `bases` holds `kustomize/`.

    Raises:
        BuildError: kustomize refuses the result.
        InvalidRequestError: the change cannot be made in place.
    """
    before = _build(current, plan, bases)
    after = _build(plan.files_after(current), plan, bases)
    old, new = _lws(before), _lws(after)
    if old and new:
        check_in_place(old, new, environment.lws)
    return Assessment(
        plan=plan,
        environment=environment,
        impact=impact(old, new, environment.price),
        differences=tuple(differences(before, after)),
        findings=_findings(plan.deployment, after, environment, catalog) if after else (),
        fit=None if plan.action is Action.REMOVE else fit_of(plan.deployment, environment, catalog),
    )


def fit_of(deployment: ModelDeployment, environment: Environment, catalog: Catalog) -> Fit | None:
    """Return the GPU fit of a deployment on the environment's first fitting pool of GPUs."""
    pools = [p for p in environment.pools if p.gpus_per_node >= deployment.resources.gpus]
    if not pools:
        return None
    gpu = find_gpu(catalog.gpus, pools[0].gpu)
    model = catalog.model(deployment.model)
    scheme = scheme_of(model, deployment.quantization)
    context = deployment.max_model_len or model.length(model.standard)
    engine, version = deployment.engine, deployment.engine_version
    args = deployment.engine_args
    setting = served_setting(engine, version, gpu, deployment.parallel, context, args)
    return fit(model, scheme, gpu, deployment.parallel, setting)


def _build(files: Mapping[str, str], plan: Plan, bases: Path | None) -> list[Manifest]:
    if f"{plan.folder}/kustomization.yaml" not in files:
        return []
    return build_files(files, plan.folder, bases)


def _lws(manifests: Sequence[Manifest]) -> Manifest | None:
    return next((m for m in manifests if m.get("kind") == "LeaderWorkerSet"), None)


def _findings(
    deployment: ModelDeployment,
    manifests: list[Manifest],
    environment: Environment,
    catalog: Catalog,
) -> tuple[Finding, ...]:
    found = review(manifests, _facts(deployment, environment, catalog))
    return (*found, *known_faults(deployment, catalog), *room(deployment, environment))


def _facts(deployment: ModelDeployment, environment: Environment, catalog: Catalog) -> Facts:
    weights = catalog.model(deployment.model).weights_gib
    return Facts(
        lws=environment.lws, weights_gib={deployment.claim: weights}, claims=environment.claims
    )
