"""Pure: refusal of access keys, which must never stand in Git.

Sources: the OSS driver reads `akId`/`akSecret`, newer ones `accessKeyId`/`accessKeySecret` and
`securityToken` in any case (alibaba-cloud-csi-driver, docs/oss.md); ids of Alibaba Cloud's keys
begin with LTAI.
"""

import re
from collections.abc import Mapping

from gitops.errors import InvalidRequestError
from gitops.names import printable

KEY_FIELDS = frozenset({"akid", "aksecret", "accesskeyid", "accesskeysecret", "securitytoken"})
"""Fields that hold an access key, in small letters."""

ADVICE = (
    "remove it, revoke the key, and name a RAM role (role: …) or a Secret that you make with"
    " kubectl (secret: …)"
)

_KEY_ID = re.compile(r"LTAI[A-Za-z0-9]{12,}")


def refuse_keys(value: object, where: str) -> None:
    """Refuse an access key anywhere in a plain value; `where` names it in errors.

    The text of the error never repeats the key.

    Raises:
        InvalidRequestError: with what to do instead.
    """
    if isinstance(value, Mapping):
        for key, inner in value.items():
            refuse_keys(key, where)
            if str(key).lower() in KEY_FIELDS:
                raise InvalidRequestError(f"{where}: {printable(key)} is an access key; {ADVICE}")
            refuse_keys(inner, where)
    elif isinstance(value, list | tuple):
        for inner in value:
            refuse_keys(inner, where)
    elif isinstance(value, str) and _KEY_ID.search(value):
        raise InvalidRequestError(f"{where}: holds what looks like an access key; {ADVICE}")
