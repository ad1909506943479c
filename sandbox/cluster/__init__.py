"""A loopback Kubernetes cluster: API server, LWS installation, scheduler and kubelet."""

from sandbox.cluster.cluster import Cluster
from sandbox.cluster.kubelet import Speeds
from sandbox.cluster.nodes import Node
from sandbox.cluster.pace import Drawn, Pace, Prompt
from sandbox.cluster.proxying import Forward, Target
from sandbox.cluster.quirks import (
    LWS_0_6_0,
    LWS_0_7_0,
    LWS_0_8_0_PLUS,
    LWS_0_10_0,
    VERSIONS,
    Quirks,
)

__all__ = [
    "LWS_0_6_0",
    "LWS_0_7_0",
    "LWS_0_8_0_PLUS",
    "LWS_0_10_0",
    "VERSIONS",
    "Cluster",
    "Drawn",
    "Forward",
    "Node",
    "Pace",
    "Prompt",
    "Quirks",
    "Speeds",
    "Target",
]
