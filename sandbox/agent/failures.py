"""What goes wrong in the agent on purpose.

`build`: kustomize fails. `refused`: an admission webhook denies every object. `forbidden`: the
agent's account has no right to write. `slow`: a sync takes `seconds` longer. `stuck`: a sync begins
and never ends, until `repair`. (A webhook that is down, or a cluster that hangs up, comes by itself
from the cluster's own faults.) The texts of the API server are those of `sandbox.cluster.refusals`.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from sandbox.agent.target import RefusedError
from sandbox.agent.units import Manifest
from sandbox.cluster.kinds import by_object, key_of
from sandbox.cluster.refusals import denied, forbidden

FailureKind = Literal["build", "refused", "forbidden", "slow", "stuck"]

BUILD_TEXT = "accumulating resources: the sandbox was told to fail this build"
_WEBHOOK = "validate.sandbox.example"
_DENIED = "the sandbox was told to refuse"


@dataclass(slots=True)
class Failure:
    """The next `times` attempts of a unit ("" for any) go wrong."""

    kind: FailureKind
    times: int
    unit: str
    seconds: float


class Failures:
    """The failures that are still to come."""

    def __init__(self) -> None:
        self._armed: list[Failure] = []

    def arm(self, kind: FailureKind, times: int, unit: str, seconds: float) -> None:
        """Let attempts fail.

        Raises:
            ValueError: there is no such failure, or it would strike no attempt.
        """
        kinds = get_args(FailureKind)
        if kind not in kinds or times < 1:
            raise ValueError(
                f"letting the agent fail: {kind!r} {times} times; "
                f"the failures are {', '.join(kinds)}, once or more"
            )
        self._armed.append(Failure(kind, times, unit, seconds))

    def take(self, unit: str, *kinds: FailureKind) -> Failure | None:
        """Return the failure that strikes this attempt of a unit, if any, and count it."""
        for failure in self._armed:
            if failure.times and failure.kind in kinds and failure.unit in ("", unit):
                failure.times -= 1
                return failure
        return None

    def clear(self) -> None:
        """Let nothing more fail."""
        self._armed.clear()


def refusal(failure: Failure, manifest: Manifest, account: str) -> RefusedError:
    """Return what the API server answers to a write that a failure strikes."""
    if failure.kind == "forbidden":
        group = by_object(manifest["apiVersion"], manifest["kind"]).group
        answer = forbidden(account, "patch", key_of(manifest), group)
    else:
        answer = denied(_WEBHOOK, _DENIED)
    return RefusedError(answer.reason, str(answer), answer.code)
