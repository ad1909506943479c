"""Pure: which texts may become names, paths, images and values, and how a wrong one is shown.

Rules of names: LeaderWorkerSet names are DNS-1035 labels, and the pods of a StatefulSet carry a
revision label of at most 63 characters, hence 45 here (Kubernetes issue 64023).
"""

import re
import unicodedata
from collections.abc import Sized

from gitops.errors import InvalidRequestError

MAX_NAME = 45
"""Longest deployment name, in characters; leaves room for group, worker and revision suffixes."""

MAX_ITEMS = 64
"""Most extra arguments, variables, tolerations or labels of one deployment."""

MAX_LINE = 300
"""Longest free text of a person, in characters: one line that a reviewer reads."""

IMAGE = re.compile(
    r"[a-z0-9]+([._-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?\Z"
)
QUANTITY = re.compile(r"[1-9][0-9]{0,5}(Ki|Mi|Gi|Ti)\Z")
SERVED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}\Z")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
LABEL_KEY = re.compile(
    r"([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z"
)
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\Z")
SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,20}\Z")
SLACK_GROUP = re.compile(r"S[A-Z0-9]{2,20}\Z")
SLACK_USER_OR_GROUP = re.compile(r"[UWS][A-Z0-9]{2,20}\Z")
DIGEST_OR_TAG = re.compile(r":[^/]+\Z")

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
_PATH = re.compile(r"/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*\Z")
_RESERVED = frozenset({"vllm"})  # a Service of this name breaks every vLLM pod of the namespace


def check_name(field: str, value: str) -> None:
    """Refuse a name that a LeaderWorkerSet, a namespace or a folder could not carry.

    Raises:
        InvalidRequestError: with the offending character or rule.
    """
    if not value:
        raise InvalidRequestError(f"{field}: empty; give a name such as qwen3-32b")
    if len(value) > MAX_NAME:
        raise InvalidRequestError(
            f"{field} {printable(value[:MAX_NAME])}…: longer than {MAX_NAME} characters"
        )
    for character in value:
        if character not in "abcdefghijklmnopqrstuvwxyz0123456789-":
            raise InvalidRequestError(
                f"{field} {printable(value)}: {_called(character)} is not allowed;"
                " use small letters, digits and -"
            )
    if not _NAME.match(value):
        raise InvalidRequestError(
            f"{field} {value}: must begin with a letter and end with a letter or digit"
        )


def check_deployment_name(value: str) -> None:
    """Refuse a deployment name: the rules of `check_name`, and names that break pods.

    Raises:
        InvalidRequestError: with the rule.
    """
    check_name("name", value)
    if value in _RESERVED:
        raise InvalidRequestError(
            f"name {value}: a Service of this name would set VLLM_PORT; choose another"
        )


def check_image(value: str) -> None:
    """Refuse an image that is malformed or not pinned by a version tag or a digest.

    Raises:
        InvalidRequestError: with the form that is expected.
    """
    check_pattern("image", value, IMAGE, "registry/name:tag or name@sha256:digest")
    name = value.partition("@")[0]
    if name.endswith(":latest") or not DIGEST_OR_TAG.search(value):
        raise InvalidRequestError(f"image {value}: pin a version tag or a digest")


def check_path(field: str, value: str) -> None:
    """Refuse a path that is not absolute, or that could lead elsewhere.

    Raises:
        InvalidRequestError: with the form that is expected.
    """
    check_pattern(field, value, _PATH, "an absolute path such as /models/Qwen3-32B")
    if {".", ".."} & set(value.split("/")):
        raise InvalidRequestError(f"{field} {value}: “.” and “..” are not allowed")


def check_count(what: str, items: Sized) -> None:
    """Refuse more items than anybody reviews.

    Raises:
        InvalidRequestError: with the limit.
    """
    if len(items) > MAX_ITEMS:
        raise InvalidRequestError(f"{what}: {len(items)} of them; {MAX_ITEMS} at most")


def check_range(field: str, value: int, low: int, high: int) -> None:
    """Refuse a number outside its range.

    Raises:
        InvalidRequestError: with the range.
    """
    if not low <= value <= high:
        raise InvalidRequestError(f"{field} {str(value)[:20]}: must be between {low} and {high}")


def check_pattern(field: str, value: str, pattern: re.Pattern[str], expected: str) -> None:
    """Refuse a text that does not fit a pattern.

    Raises:
        InvalidRequestError: with what is expected, in words.
    """
    if not pattern.match(value):
        raise InvalidRequestError(f"{field} {printable(value)}: expected {expected}")


def check_text(field: str, value: str, longest: int = MAX_LINE, allowed: str = "") -> None:
    """Refuse a text that is too long or holds control or direction characters.

    `allowed` are control characters that may stand in it, such as a line break in an argument.

    Raises:
        InvalidRequestError: with the character, by its name.
    """
    if len(value) > longest:
        raise InvalidRequestError(f"{field}: longer than {longest} characters")
    for character in value:
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
            if character in allowed:
                continue
            raise InvalidRequestError(f"{field}: {_called(character)} is not allowed")


def printable(text: str) -> str:
    """Return `text` with control and invisible characters replaced, at most 80 characters."""
    shown = "".join(c if unicodedata.category(c)[0] not in "CZ" or c == " " else "�" for c in text)
    return shown if len(shown) <= 80 else shown[:79] + "…"  # noqa: PLR2004 - one line of a terminal


def _called(character: str) -> str:
    if character.isprintable() and not character.isspace():
        return f"“{character}”"
    return unicodedata.name(character, f"the character U+{ord(character):04X}")
