"""Pure: lints on the command lines of engines.

Sources: vLLM's and SGLang's arguments; LeaderWorkerSet's pod webhook (pkg/utils/pod) for the
variables it sets; kubelet leaves `$(NAME)` as it stands where no variable of that name exists;
stock vLLM images hold Ray up to 0.17 (kubernetes-sigs/lws#835, requirements of the releases).
"""

import difflib
import re
from collections.abc import Iterator

from gitops.checks.finding import Found
from gitops.checks.subject import Container, Subject, within
from gitops.versions import release

VARIABLES = ("LWS_LEADER_ADDRESS", "LWS_GROUP_SIZE", "LWS_WORKER_INDEX")
"""The variables that LeaderWorkerSet sets first in every container."""

NO_RAY = "0.18.0"
"""First vLLM release whose stock image holds no Ray."""

_EXPANDED = re.compile(r"(?<!\$)\$\(([A-Z_][A-Z0-9_]*)\)")
_LWS = re.compile(r"\$[({]?(L[A-Z]*S_[A-Z_]+)")
_RAY = re.compile(r"\bray start\b|multi-node-serving\.sh|--distributed-executor-backend[ =]ray\b")
_RELEASE = re.compile(r"(?:^|[^0-9.])([0-9]+\.[0-9]+\.[0-9]+(?:\.post[0-9]+)?)(?![0-9.])")


def model_has_a_name(subject: Subject) -> Iterator[Found]:
    """A leader must say under which name it serves; else the name is the model's path."""
    for container in subject.leaders:
        if container.engine and not _has(container, "--served-model-name"):
            yield Found(container.where, f"{container.where}: no --served-model-name; set it")


def no_remote_code(subject: Subject) -> Iterator[Found]:
    """Code that lies beside the weights must not run, unless the policy allows it."""
    for container in subject.engines:
        if _has(container, "--trust-remote-code"):
            yield Found(
                container.where,
                f"{container.where}: --trust-remote-code runs code from the model's bucket; remove"
                " it, or waive trust-remote-code in the policy",
            )


def no_literal_key(subject: Subject) -> Iterator[Found]:
    """An API key must come from a Secret, through a variable."""
    for container in subject.containers:
        kept = {str(e.get("name")) for e in container.environment if _from_secret(e)}
        for value in _values(container, "--api-key"):
            named = re.fullmatch(r"\$[({]?(\w+)[)}]?", value.strip("\"'"))
            if not named or named[1] not in kept:
                yield Found(
                    container.where,
                    f"{container.where}: --api-key must be $(NAME) of a variable from a"
                    " secretKeyRef",
                )


def variables_exist(subject: Subject) -> Iterator[Found]:
    """A variable in a command line must exist: kubelet leaves an unknown one as it stands."""
    for container in subject.containers:
        known = {*VARIABLES, *(str(entry.get("name")) for entry in container.environment)}
        texts = [container.line, *(str(e.get("value", "")) for e in container.environment)]
        used = {name for text in texts for name in (*_EXPANDED.findall(text), *_LWS.findall(text))}
        for name in sorted(used - known) if not container.spec.get("envFrom") else ():
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else "set it in env"
            yield Found(container.where, f"{container.where}: no variable {name}; {hint}")


def ray_is_there(subject: Subject) -> Iterator[Found]:
    """A recipe that starts Ray needs an image that holds it."""
    for container in subject.engines:
        image = str(container.spec.get("image", "")).partition("@")[0]
        version = _RELEASE.search(image.rpartition("/")[2].partition(":")[2])
        if _RAY.search(container.line) and version and release(version[1]) >= release(NO_RAY):
            yield Found(
                container.where,
                f"{container.where}: vLLM {version[1]} holds no Ray; use the recipe with"
                f" --distributed-executor-backend mp, or an image before {NO_RAY}",
            )


def _has(container: Container, option: str) -> bool:
    return bool(re.search(rf"(?:^|\s){option}(?:[\s=]|$)", container.line))


def _values(container: Container, option: str) -> list[str]:
    return re.findall(rf"(?:^|\s){option}[\s=]+(\S+)", container.line)


def _from_secret(entry: dict[str, object]) -> bool:
    return "secretKeyRef" in within(entry, "valueFrom")
