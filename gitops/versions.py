"""Pure: releases of the engines, in the order in which they came out."""

import re

from gitops.errors import InvalidRequestError

_VERSION = re.compile(
    r"v?(?P<release>[0-9]{1,6}(?:\.[0-9]{1,6}){0,3})"
    r"(?P<pre>\.?(?:a|b|rc|dev)[0-9]{1,9})?(?:\.post(?P<post>[0-9]{1,6}))?(?:\+[A-Za-z0-9.]+)?\Z"
)


def release(version: str) -> tuple[int, ...]:
    """Return a key that orders versions such as 0.10.0, v0.10.1rc2 and 0.4.10.post2.

    A pre-release comes before its release, a post-release after it.

    Raises:
        InvalidRequestError: not a version of this form.
    """
    found = _VERSION.match(version)
    if not found:
        raise InvalidRequestError(
            f"engine version {version:.40}: expected a form such as 0.10.0 or 0.4.10.post2"
        )
    numbers = [int(number) for number in found["release"].split(".")]
    numbers += [0] * (4 - len(numbers))
    return (*numbers, -1 if found["pre"] else 0, int(found["post"] or 0))
