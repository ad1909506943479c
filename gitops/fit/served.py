"""Pure: the setting that a deployment of ours runs at, not the one an engine takes by itself.

Leadline's SGLang recipes pass `--mem-fraction-static`, because SGLang 0.4.10's own rule leaves half
of one 40,960-token request on two 48 GB cards; an argument of a person's comes before it.
"""

from collections.abc import Sequence
from dataclasses import replace

from gitops.engine import Engine
from gitops.fit.budget import Setting, default_setting
from gitops.gpus import Gpu
from gitops.parallel import Parallel

SGLANG_SHARE = 0.88
"""What our SGLang recipes pass as `--mem-fraction-static`, unless a person gives another."""

_FLAGS = {Engine.VLLM: "--gpu-memory-utilization", Engine.SGLANG: "--mem-fraction-static"}


def served_setting(
    engine: Engine,
    version: str,
    gpu: Gpu,
    parallel: Parallel,
    context: int,
    engine_args: Sequence[str] = (),
) -> Setting:
    """Return the setting of a deployment with these extra arguments; `context` in tokens.

    Raises:
        InvalidRequestError: a context below 1, or a version that is none.
    """
    setting = default_setting(engine, version, gpu, parallel, context)
    share = _share(_FLAGS[engine], engine_args)
    if share is None and engine is Engine.SGLANG:
        share = SGLANG_SHARE
    return setting if share is None else replace(setting, utilisation=share)


def _share(flag: str, words: Sequence[str]) -> float | None:
    """Return the value of a flag, the last one where it stands twice; None where it is no share."""
    found = None
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == flag:
            found = value if equals else next(iter(words[place + 1 : place + 2]), "")
    try:
        share = float(found) if found else None
    except ValueError:
        return None
    return share if share is not None and 0 < share <= 1 else None
