"""What differs between LWS versions, by recordings of real controllers and LWS's release notes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirks:
    """One installed LWS version.

    `recreate_reason` is the reason of the Event that tells of a group's recreation;
    `modern_events` whether LWS writes Events through events.k8s.io;
    `counts_available` whether a group is ready only when its workers are, not merely there;
    `observes_generation` whether the status says which generation it speaks of;
    `size_is_fixed` whether `size` may not change;
    `finishes_surge` whether a rollout with maxUnavailable 0 ends;
    `skips_terminating` whether a LeaderWorkerSet that is being deleted is left alone;
    `checks_owner` whether a worker of an earlier leader can no longer recreate a group;
    `explains` whether Events carry the text of the error;
    `knows_after_start` whether RecreateGroupAfterStart and its annotation are known;
    `counts_missing` whether a group without a worker StatefulSet counts as not updated;
    `forgets_new_groups` whether groups still to be made count as ready during a scale-up.
    """

    version: str
    recreate_reason: str = "RecreateGroup"
    modern_events: bool = True
    counts_available: bool = True
    observes_generation: bool = True
    size_is_fixed: bool = False
    finishes_surge: bool = True
    skips_terminating: bool = True
    checks_owner: bool = True
    explains: bool = True
    knows_after_start: bool = True
    counts_missing: bool = False
    forgets_new_groups: bool = False


_OLD = "RecreateGroupOnPodRestart"

LWS_0_10_0 = Quirks("v0.10.0")
LWS_0_8_0_PLUS = Quirks(
    "v0.8.0plus",
    counts_available=False,
    observes_generation=False,
    finishes_surge=False,
    checks_owner=False,
    explains=False,
)
LWS_0_7_0 = Quirks(
    "v0.7.0",
    knows_after_start=False,
    recreate_reason=_OLD,
    modern_events=False,
    counts_available=False,
    observes_generation=False,
    finishes_surge=False,
    checks_owner=False,
    explains=False,
)
LWS_0_6_0 = Quirks(
    "v0.6.0",
    knows_after_start=False,
    recreate_reason=_OLD,
    modern_events=False,
    counts_available=False,
    observes_generation=False,
    size_is_fixed=True,
    finishes_surge=False,
    skips_terminating=False,
    checks_owner=False,
    explains=False,
    counts_missing=True,
    forgets_new_groups=True,
)

VERSIONS = (LWS_0_10_0, LWS_0_8_0_PLUS, LWS_0_7_0, LWS_0_6_0)
