"""Pure: what the GitOps controller says of a deployment's folder, and whether it is about a merge.

Its object covers the folder or one above it, as `leadline init` writes it (Argo CD: one a folder;
Flux: one an environment). A failure that stood before the merge is no news of it.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from bot.cluster import Unit
from bot.rollout.advance import PATIENCE
from bot.store import Proposal, Rollout


def unit_of(units: Iterable[Unit], proposal: Proposal) -> Unit | None:
    """Return what covers the deployment's folder most closely."""
    folder = f"overlays/{proposal.environment}/{proposal.name}"
    covering = [unit for unit in units if f"{folder}/".startswith(f"{unit.path}/")]
    return max(covering, key=lambda unit: len(unit.path), default=None)


def failure(unit: Unit | None, rollout: Rollout, mains: Collection[str], now: datetime) -> str:
    """Return why a merge is not applied, in the controller's words; empty while it says nothing.

    `mains` are commits of main that have the merge. Past PATIENCE any failure counts.
    """
    if unit is None or not unit.failure or not rollout.merged_at:
        return ""
    merged = datetime.fromisoformat(rollout.merged_at)
    if now - merged >= PATIENCE or unit.tried in mains:
        return unit.failure
    newer = not unit.tried and (looked := _moment(unit.at)) is not None and looked >= merged
    return unit.failure if newer else ""


def _moment(text: str) -> datetime | None:
    """Return a time as Kubernetes writes it; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
