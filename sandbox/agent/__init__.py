"""The GitOps agent of the sandbox: what is merged is built, applied and pruned.

It stands for Argo CD or for Flux: real git, real kustomize, the API server's own answers, and an
Application or Kustomization with its status beside them.
"""

from sandbox.agent.agent import Agent
from sandbox.agent.flavour import ARGO_CD, FLAVOURS, FLUX, Flavour, Settings

__all__ = ["ARGO_CD", "FLAVOURS", "FLUX", "Agent", "Flavour", "Settings"]
