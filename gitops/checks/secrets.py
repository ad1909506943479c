"""Pure: lints that keep secrets out of Git, also where they are wrapped in base64.

The patterns are the published prefixes of the vendors' keys. A finding never repeats the value.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator

from gitops.checks.finding import Found
from gitops.checks.subject import Subject, title

_LOOKS = re.compile(
    r"""(?<![A-Za-z0-9])(?:
        (?P<Alibaba_Cloud_key>LTAI[A-Za-z0-9]{12,})
        |(?P<GitHub_token>gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})
        |(?P<Slack_token>xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,})
        |(?P<AWS_key>(?:AKIA|ASIA)[A-Z0-9]{16})
        |(?P<Hugging_Face_token>hf_[A-Za-z0-9]{20,})
        |(?P<API_key>sk-[A-Za-z0-9_-]{16,})
        |(?P<private_key>-----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY)
    )""",
    re.VERBOSE,
)
_WRAPPED = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_NAMED = re.compile(r"(?:^|_)(?:TOKEN|PASSWORD|PASSWD|SECRET|API_KEY|ACCESS_KEY)\Z")


def no_secret(subject: Subject) -> Iterator[Found]:
    """A Secret must not be in Git, whatever it holds."""
    for secret in subject.of_kind("Secret"):
        yield Found(title(secret), f"{title(secret)} must not be in Git; refer to it by name")


def no_secret_value(subject: Subject) -> Iterator[Found]:
    """No text of an object may look like a key, as it stands or decoded from base64."""
    for manifest in subject.manifests:
        for kind in sorted(_kinds(json.dumps(manifest, ensure_ascii=False))):
            yield Found(
                title(manifest),
                f"{title(manifest)} holds what looks like a {kind.replace('_', ' ')};"
                " remove it, revoke it, and refer to a Secret by name",
            )


def no_literal_variable(subject: Subject) -> Iterator[Found]:
    """A variable with a secret's name must come from a Secret."""
    for container in subject.containers:
        for entry in container.environment:
            if entry.get("value") and _NAMED.search(str(entry.get("name"))):
                yield Found(
                    container.where,
                    f"{container.where}: {entry['name']} has its value in Git; take it from a"
                    " secretKeyRef",
                )


def secrets_in(text: str) -> list[str]:
    """Return what kinds of keys a text seems to hold, in words; never the keys themselves."""
    return sorted(kind.replace("_", " ") for kind in _kinds(text))


def _kinds(text: str) -> set[str]:
    found = {str(match.lastgroup) for match in _LOOKS.finditer(text)}
    for wrapped in set(_WRAPPED.findall(text.replace("\\n", ""))):
        found |= {str(match.lastgroup) for match in _LOOKS.finditer(_unwrapped(wrapped))}
    return found


def _unwrapped(text: str) -> str:
    padded = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        decoded = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except binascii.Error:
        return ""
    return decoded.decode("utf-8", "replace")
