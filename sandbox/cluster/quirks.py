"""What differs between LWS versions. Source: the recordings of real controllers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirks:
    """One installed LWS version.

    `recreate_reason` is the reason of the Event that tells of a group's recreation.
    """

    version: str
    recreate_reason: str


LWS_0_10_0 = Quirks(version="v0.10.0", recreate_reason="RecreateGroup")
