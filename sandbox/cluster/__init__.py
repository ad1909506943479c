"""A loopback Kubernetes cluster: API server, LWS installation, scheduler and kubelet."""

from sandbox.cluster.cluster import Cluster
from sandbox.cluster.kubelet import Speeds
from sandbox.cluster.nodes import Node
from sandbox.cluster.quirks import LWS_0_10_0, Quirks

__all__ = ["LWS_0_10_0", "Cluster", "Node", "Quirks", "Speeds"]
