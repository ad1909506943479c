"""Edge: `leadline init`: a new GitOps repository, and new bases for one that exists."""

from gitops.scaffold.blueprint import Blueprint, check_source
from gitops.scaffold.disk import read_bases, read_folder, write
from gitops.scaffold.files import scaffold
from gitops.scaffold.upgrading import Upgrade, upgrade

__all__ = [
    "Blueprint",
    "Upgrade",
    "check_source",
    "read_bases",
    "read_folder",
    "scaffold",
    "upgrade",
    "write",
]
