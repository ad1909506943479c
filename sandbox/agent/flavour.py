"""Pure: what tells Argo CD from Flux, and how one of them is set up.

Sources: Argo CD's pages on automated sync, sync options and resource health, its Application type
(argoproj.io/v1alpha1) and controller (timeout.reconciliation 120 s, self-heal 5 s, retry 5 s x 2 up
to 3 min, 5 times); Flux's Kustomization page (kustomize.toolkit.fluxcd.io/v1) and the defaults that
`leadline init` writes (interval 10 min, retryInterval 1 min, timeout 5 min, source 1 min).
"""

from dataclasses import dataclass
from typing import Literal

Units = Literal["folder", "environment", "all"]
Propagation = Literal["Background", "Foreground", "Orphan"]


@dataclass(frozen=True, slots=True)
class Flavour:
    """One controller's habits. Durations are seconds.

    `resync` is how often an object in order is looked at again, `retry` the wait after a failure;
    `keep` are the annotation and the option in it that keep an object from being pruned, and
    `keep_whole` what keeps it when the whole Application goes.
    """

    name: Literal["argocd", "flux"]
    kind: str
    plural: str
    api_version: str
    namespace: str
    manager: str
    account: str
    units: Units
    propagation: Propagation
    keep: tuple[str, str]
    keep_whole: tuple[str, str]
    poll: float
    resync: float
    retry: float
    watches: bool


ARGO_CD = Flavour(
    name="argocd",
    kind="Application",
    plural="applications",
    api_version="argoproj.io/v1alpha1",
    namespace="argocd",
    manager="argocd-controller",
    account="system:serviceaccount:argocd:argocd-application-controller",
    units="folder",
    propagation="Foreground",
    keep=("argocd.argoproj.io/sync-options", "Prune=false"),
    keep_whole=("argocd.argoproj.io/sync-options", "Delete=false"),
    poll=120.0,
    resync=120.0,
    retry=5.0,
    watches=True,
)

FLUX = Flavour(
    name="flux",
    kind="Kustomization",
    plural="kustomizations",
    api_version="kustomize.toolkit.fluxcd.io/v1",
    namespace="flux-system",
    manager="kustomize-controller",
    account="system:serviceaccount:flux-system:kustomize-controller",
    units="environment",
    propagation="Background",
    keep=("kustomize.toolkit.fluxcd.io/prune", "disabled"),
    keep_whole=("kustomize.toolkit.fluxcd.io/prune", "disabled"),
    poll=60.0,
    resync=600.0,
    retry=60.0,
    watches=False,
)


FLAVOURS = {flavour.name: flavour for flavour in (ARGO_CD, FLUX)}
"""The two by the names that environment.yaml gives them."""

RETRIES = 5
"""How often Argo CD tries a sync again when nobody said."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a team has set its agent up; the defaults are those of `leadline init`.

    `units` is what one Application or Kustomization covers, None for what `leadline init` writes:
    a folder of the overlays for Argo CD, an environment for Flux. `propagation` None is the
    vendor's own default. `lws_health` says whether a health check for LeaderWorkerSets is
    installed: Lua in argocd-cm, or `wait` and healthCheckExprs in the Kustomization. With
    `webhook` a push is noticed after `delay` seconds, without it at the next poll.
    """

    flavour: Flavour = ARGO_CD
    units: Units | None = None
    propagation: Propagation | None = "Background"
    prune: bool = True
    self_heal: bool = True
    allow_empty: bool = False
    lws_health: bool = False
    webhook: bool = True
    delay: float = 5.0
    retries: int = RETRIES
    repository_url: str = "https://github.com/acme/gitops.git"

    def __post_init__(self) -> None:
        """Refuse what the flavour does not offer.

        Raises:
            ValueError: Flux prunes in the background and always corrects drift.
        """
        if self.flavour is FLUX and self.propagation not in (None, FLUX.propagation):
            raise ValueError(
                f"setting up Flux: it prunes in the background, not {self.propagation}"
            )
        if self.flavour is FLUX and not self.self_heal:
            raise ValueError("setting up Flux: it always corrects drift; leave self_heal True")

    @property
    def covers(self) -> Units:
        """What one Application or Kustomization covers."""
        return self.units or self.flavour.units

    @property
    def policy(self) -> Propagation:
        """How what is pruned is deleted."""
        return self.propagation or self.flavour.propagation
