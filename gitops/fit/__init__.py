"""Pure: GPU fit: does this model, divided so, hold this context on these GPUs?"""

from gitops.fit.alternatives import Wanted, alternatives, describe
from gitops.fit.budget import Fit, Setting, Verdict, default_setting, fit
from gitops.fit.engines import default_overhead, default_utilisation, prefill_step
from gitops.fit.overhead import Figure, Overhead
from gitops.fit.placement import Headroom, Pool, placeable, rolling_headroom
from gitops.fit.served import SGLANG_SHARE, served_setting
from gitops.fit.text import as_data, as_text, title

__all__ = [
    "SGLANG_SHARE",
    "Figure",
    "Fit",
    "Headroom",
    "Overhead",
    "Pool",
    "Setting",
    "Verdict",
    "Wanted",
    "alternatives",
    "as_data",
    "as_text",
    "default_overhead",
    "default_setting",
    "default_utilisation",
    "describe",
    "fit",
    "placeable",
    "prefill_step",
    "rolling_headroom",
    "served_setting",
    "title",
]
