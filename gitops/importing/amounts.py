"""Pure: GPUs, CPUs and memory of a foreign pod as the amounts of a deployment."""

import math
import re

from gitops.checks import Facts
from gitops.deployment import Resources
from gitops.environment import Environment
from gitops.errors import InvalidRequestError
from gitops.importing.pods import SHARED_MEMORY, Pod
from gitops.importing.reading import Reading
from gitops.names import printable
from gitops.resolve import memory_gib

GIB = 1024**3
_UNITS = {"Ki": 1024, "Mi": 1024**2, "Gi": GIB, "Ti": 1024**4, "": 1, "k": 1e3, "M": 1e6, "G": 1e9}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(Ki|Mi|Gi|Ti|k|M|G|)\Z")


def read_resources(
    reading: Reading, leader: Pod, share_gib: float, environment: Environment
) -> Resources:
    """Return what each pod takes; `share_gib` is its share of the weights.

    Raises:
        InvalidRequestError: no GPUs, or an amount that is none.
    """
    if "nvidia.com/gpu" not in leader.limits:
        raise InvalidRequestError("its leader asks for no nvidia.com/gpu; import knows no other")
    shared = gibi(leader.shared_memory) or gibi(environment.defaults.shared_memory)
    if not leader.shared_memory:
        reading.note(f"{SHARED_MEMORY} had no size: {shared}Gi was written")
    return Resources(
        memory=_memory(reading, leader, shared, share_gib),
        gpus=_whole(leader.limits["nvidia.com/gpu"]),
        cpu=_whole(leader.limits.get("cpu", environment.defaults.cpu)),
        shared_memory=leader.shared_memory or f"{shared}Gi",
    )


def _memory(reading: Reading, leader: Pod, shared: int, share_gib: float) -> str:
    """Return the memory as given, or what is needed where `leadline check` would refuse it."""
    given = leader.limits.get("memory", "")
    wanted = memory_gib(shared, share_gib)
    left = gibi(given) - shared
    if not given:
        reading.note(f"memory had no limit: {wanted}Gi was written")
        return f"{wanted}Gi"
    said = f"memory {given} with {shared}Gi of {SHARED_MEMORY} leaves {left}Gi for the engine"
    if left < Facts().engine_gib:
        reading.note(f"{said}: {wanted}Gi was written, check refuses less than it needs")
        return f"{wanted}Gi"
    if gibi(given) < wanted:
        reading.note(f"{said}: it was kept, {wanted}Gi would be safe")
    return given if re.fullmatch(r"[1-9][0-9]*(Ki|Mi|Gi|Ti)", given) else f"{gibi(given)}Gi"


def gibi(quantity: str) -> int:
    """Return a quantity in whole GiB, rounded down; 0 where it says nothing."""
    found = _QUANTITY.match(quantity)
    return int(float(found[1]) * _UNITS[found[2]] / GIB) if found else 0


def _whole(quantity: object) -> int:
    """Return a CPU quantity in whole cores, rounded up.

    Raises:
        InvalidRequestError: not a quantity of CPUs.
    """
    found = re.fullmatch(r"([0-9]{1,7})(m?)", str(quantity))
    if not found:
        raise InvalidRequestError(f"CPU {printable(str(quantity))}: expected a number of cores")
    return max(1, math.ceil(int(found[1]) / (1000 if found[2] else 1)))
