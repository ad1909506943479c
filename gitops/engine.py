"""Pure: the inference engines that Leadline deploys."""

from enum import StrEnum


class Engine(StrEnum):
    """An inference engine, by the name that people type."""

    VLLM = "vllm"
    SGLANG = "sglang"
