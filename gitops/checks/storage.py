"""Pure: lints on volumes and claims of storage units.

Sources: the review of the ACK guide (findings 8 to 10); the OSS driver reads its Secret from the
namespace that the volume names; an admission plugin gives a claim without class the default one.
"""

from collections.abc import Iterator

from gitops.checks.finding import Found
from gitops.checks.subject import (
    GIB,
    Manifest,
    Subject,
    amount,
    maps,
    name_of,
    spec_of,
    title,
    within,
)


def secret_is_beside_claim(subject: Subject) -> Iterator[Found]:
    """The Secret that a volume names must lie in its claim's namespace."""
    for volume in subject.of_kind("PersistentVolume"):
        secret = within(volume, "spec", "csi", "nodePublishSecretRef")
        for namespace in sorted(_namespaces(subject, volume)):
            if secret and secret.get("namespace") != namespace:
                yield Found(
                    title(volume),
                    f"{title(volume)} reads its Secret from {secret.get('namespace')}, its claim is"
                    f" in {namespace}; name that namespace",
                )


def claims_are_offered(subject: Subject) -> Iterator[Found]:
    """A deployment may only mount claims that environment.yaml lists, where it lists any."""
    offered = subject.facts.claims
    mounted = {(name, claim) for name, _, pod in subject.pods for claim in _mounted(pod)}
    for name, claim in sorted(mounted):
        if offered and claim not in offered:
            yield Found(
                f"LeaderWorkerSet {name}",
                f"LeaderWorkerSet {name} mounts the claim {claim}; the environment offers"
                f" {', '.join(sorted(offered))}: name one of those, or add it to claims in"
                " environment.yaml",
            )


def capacity_is_true(subject: Subject) -> Iterator[Found]:
    """A volume must be as large as the weights that lie on it, where they are known."""
    for volume in subject.of_kind("PersistentVolume"):
        claim = within(volume, "spec", "claimRef").get("name", name_of(volume))
        weights = subject.facts.weights_gib.get(str(claim))
        size = amount(within(volume, "spec", "capacity").get("storage"))
        if weights is not None and size is not None and size / GIB < weights:
            yield Found(
                title(volume),
                f"{title(volume)} has {size / GIB:g} GiB, its weights {weights:.1f} GiB; raise"
                " capacity and the claim's request",
            )


def static_claims_have_no_class(subject: Subject) -> Iterator[Found]:
    """A claim of a named volume must have the empty class, or it may never bind."""
    for claim in subject.of_kind("PersistentVolumeClaim"):
        spec = spec_of(claim)
        if spec.get("volumeName") and "storageClassName" not in spec:
            yield Found(
                title(claim),
                f'{title(claim)} names a volume; set storageClassName: "", or the default class'
                " keeps it from binding",
            )


def _mounted(pod: Manifest) -> Iterator[str]:
    for volume in maps(pod, "volumes"):
        if claim := within(volume, "persistentVolumeClaim").get("claimName"):
            yield str(claim)


def _namespaces(subject: Subject, volume: Manifest) -> set[str]:
    reference = within(volume, "spec", "claimRef")
    claims = [
        claim
        for claim in subject.of_kind("PersistentVolumeClaim")
        if spec_of(claim).get("volumeName") == name_of(volume)
        or name_of(claim) == reference.get("name")
    ]
    named = {str(within(claim, "metadata").get("namespace", "default")) for claim in claims}
    return named | ({str(reference["namespace"])} if "namespace" in reference else set())
