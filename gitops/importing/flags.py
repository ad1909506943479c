"""Pure: an engine's flags as the fields of a deployment.

Sources: the engines' argument definitions (names, aliases, and what must not become an argument).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.flags import check_args
from gitops.importing.commands import Flags, Start
from gitops.names import printable

_FIELDS: Mapping[Engine, Mapping[str, str]] = {
    Engine.VLLM: {
        "--model": "model",
        "--served-model-name": "served",
        "--tensor-parallel-size": "tensor",
        "-tp": "tensor",
        "--pipeline-parallel-size": "pipeline",
        "-pp": "pipeline",
        "--data-parallel-size": "data",
        "-dp": "data",
        "--enable-expert-parallel": "experts",
        "--max-model-len": "length",
        "--api-key": "key",
        "--trust-remote-code": "trust",
        "--port": "port",
    },
    Engine.SGLANG: {
        "--model-path": "model",
        "--model": "model",
        "--served-model-name": "served",
        "--tensor-parallel-size": "tensor",
        "--tp-size": "tensor",
        "--tp": "tensor",
        "--pipeline-parallel-size": "pipeline",
        "--pp-size": "pipeline",
        "--pp": "pipeline",
        "--data-parallel-size": "data",
        "--dp-size": "data",
        "--dp": "data",
        "--expert-parallel-size": "expert",
        "--ep-size": "expert",
        "--ep": "expert",
        "--attn-dp-size": "data",
        "--enable-dp-attention": "attention",
        "--context-length": "length",
        "--api-key": "key",
        "--trust-remote-code": "trust",
        "--port": "port",
    },
}
"""Flags that are fields of a deployment, by engine."""

_OURS: Mapping[Engine, frozenset[str]] = {
    Engine.VLLM: frozenset(
        "--host --distributed-executor-backend --nnodes --node-rank --master-addr --master-port"  # noqa: SIM905 - reads as words
        " --headless".split()
    ),
    Engine.SGLANG: frozenset(
        "--host --dist-init-addr --nccl-init-addr --nnodes --node-rank --enable-metrics".split()  # noqa: SIM905 - as above
    ),
}
"""Flags that the engine's base sets in its own way."""

_SECRET = re.compile(r"-(?:key|token|password|secret)\Z")
_LENGTH = re.compile(r"([0-9]+)([kKmM]?)\Z")
_SCALE = {"": 1, "k": 1000, "K": 1024, "m": 1000**2, "M": 1024**2}


@dataclass(frozen=True, slots=True)
class Launched:
    """What an engine's flags say; `notes` what of them was not carried."""

    engine: Engine
    model: str
    served: tuple[str, ...] = ()
    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1
    length: int | None = None
    key: str = ""
    extra: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_flags(start: Start, version: str) -> Launched:
    """Return what the flags of a started engine of a version say.

    Raises:
        InvalidRequestError: no engine, no model, or a number that is none.
    """
    if start.engine is None:
        raise InvalidRequestError("its leader starts no server; import needs one")
    fields, others = _divided(start.engine, start.flags)
    model = fields.get("model", ("",))[0].rstrip("/")
    if not model:
        raise InvalidRequestError("its command names no model; add --model")
    sizes, said = _sizes(fields)
    extra, notes = _extra(others, start.engine, version)
    return Launched(
        engine=start.engine,
        model=model,
        served=fields.get("served", ()),
        **sizes,
        length=_length(fields),
        key=fields.get("key", ("",))[0],
        extra=extra,
        notes=(*start.notes, *_port(fields), *_trust(fields), *said, *notes),
    )


def foreign_flags(leader: Start, worker: Start) -> tuple[str, ...]:
    """Return the flags that a worker has otherwise than its leader, without the base's own."""
    ours = _OURS[worker.engine] | {"--port"} if worker.engine else frozenset()
    return tuple(
        n for n, values in worker.flags if n not in ours and (n, values) not in leader.flags
    )


def _divided(engine: Engine, flags: Flags) -> tuple[dict[str, tuple[str, ...]], Flags]:
    known, ours = _FIELDS[engine], _OURS[engine]
    fields = {known[name]: values for name, values in flags if name in known}
    others = [(name, values) for name, values in flags if name not in known and name not in ours]
    return {name: values or ("",) for name, values in fields.items()}, tuple(others)


def _number(name: str, fields: Mapping[str, tuple[str, ...]]) -> int:
    value = fields.get(name, ("1",))[0]
    if not re.fullmatch(r"[1-9][0-9]{0,3}", value):
        raise InvalidRequestError(f"{name} parallel size {printable(value)}: expected a number")
    return int(value)


def _length(fields: Mapping[str, tuple[str, ...]]) -> int | None:
    """Return the context length; vLLM reads 32k as 32,000 and 32K as 32,768."""
    if "length" not in fields:
        return None
    found = _LENGTH.match(fields["length"][0])
    if not found:
        value = printable(fields["length"][0])
        raise InvalidRequestError(f"context length {value}: expected a number such as 32768")
    return int(found[1]) * _SCALE[found[2]]


def _sizes(fields: Mapping[str, tuple[str, ...]]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the parallel sizes. SGLang's DP attention divides the ranks of TP, ours multiply.

    Expert parallelism is over all tensor and data ranks or off.
    """
    sizes = {name: _number(name, fields) for name in ("tensor", "pipeline", "data", "expert")}
    tensor, data = sizes["tensor"], sizes["data"]
    said: tuple[str, ...] = ()
    if ("attention" in fields and data > 1) and tensor % data == 0:
        sizes["tensor"] = tensor // data
        said = (f"DP {data} inside TP {tensor} is written as TP {tensor // data} × DP {data}",)
    if "experts" in fields or sizes["expert"] > 1:
        sizes["expert"] = sizes["tensor"] * data
    return sizes, said


def _port(fields: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    port = fields.get("port", ("8000",))[0]
    return () if port == "8000" else (f"port {printable(port)} was not carried: 8000 is served",)


def _trust(fields: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if "trust" not in fields:
        return ()
    return ("--trust-remote-code was dropped: it would run code that lies beside the weights",)


def _extra(others: Flags, engine: Engine, version: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the other flags as arguments, and notes on those that cannot be."""
    extra: list[str] = []
    notes = []
    for name, values in others:
        if values and _SECRET.search(name):
            notes.append(f"{name} was not carried: a secret does not stand on a command line")
        elif any("$" in value for value in values):
            notes.append(f"{name} was not carried: its value comes from a variable")
        elif reason := _refusal(engine, version, (name, *values)):
            notes.append(f"{printable(name)} was not carried: {reason}")
        else:
            extra += [name, *values]
    return tuple(extra), tuple(notes)


def _refusal(engine: Engine, version: str, words: tuple[str, ...]) -> str:
    try:
        check_args(engine, version, words)
    except InvalidRequestError as error:
        return str(error).removeprefix(f"extra argument {words[0]}").lstrip(": ")
    return ""
