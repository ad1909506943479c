"""Pure: the JSON web token that a GitHub App signs itself in with (RS256), checked without SDKs.

Sources: docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App"; RFC 7515 and
RFC 8017 (RSASSA-PKCS1-v1_5); texts of refusals are from general knowledge.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sandbox.github.errors import RefusedError

_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")  # DigestInfo of RFC 8017, 9.2
_LONGEST = 600  # seconds a token may be valid
_INTEGER, _BIT_STRING = 0x02, 0x03
_LONG_FORM = 0x80


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An RSA key."""

    modulus: int
    exponent: int

    @classmethod
    def read(cls, pem: str) -> "PublicKey":
        """Read a PEM "PUBLIC KEY" (SubjectPublicKeyInfo) or "RSA PUBLIC KEY"."""
        body = "".join(line for line in pem.splitlines() if "-----" not in line)
        (inside,) = _elements(base64.b64decode(body))
        parts = _elements(inside[1])
        if parts[1][0] == _BIT_STRING:  # the key sits in a bit string with no unused bits
            (inside,) = _elements(parts[1][1][1:])
            parts = _elements(inside[1])
        if [tag for tag, _ in parts] != [_INTEGER, _INTEGER]:
            raise ValueError("not an RSA public key")
        return cls(*(int.from_bytes(value, "big") for _, value in parts))

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Say whether the holder of the private key signed a message with RS256."""
        size = (self.modulus.bit_length() + 7) // 8
        digest = _SHA256 + hashlib.sha256(message).digest()
        padded = b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest
        found = pow(int.from_bytes(signature, "big"), self.exponent, self.modulus)
        return len(signature) == size and found.to_bytes(size, "big") == padded


def claims(token: str, key: PublicKey, now: float) -> dict[str, Any]:
    """Return what a token says, or refuse it as GitHub does."""
    try:
        head, body, signature = token.split(".")
        header, found = json.loads(_decoded(head)), json.loads(_decoded(body))
        good = header["alg"] == "RS256"
        good = good and key.signed(f"{head}.{body}".encode(), _decoded(signature))
    except (ValueError, KeyError, TypeError) as error:
        raise _refused("A JSON web token could not be decoded") from error
    if not good or not isinstance(found, dict):
        raise _refused("A JSON web token could not be decoded")
    _check_times(found, now)
    return found


def _check_times(found: dict[str, Any], now: float) -> None:
    issued, expires = found.get("iat"), found.get("exp")
    if not isinstance(issued, int | float) or issued > now:
        raise _refused(
            "'Issued at' claim ('iat') must be an Integer representing the time that the "
            "assertion was issued"
        )
    if not isinstance(expires, int | float) or expires <= now:
        raise _refused(
            "'Expiration time' claim ('exp') must be a numeric value representing the future "
            "time at which the assertion expires"
        )
    if expires > now + _LONGEST:
        raise _refused("'Expiration time' claim ('exp') is too far in the future")


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """Split DER into its elements: tag and content."""
    found, at = [], 0
    while at < len(der):
        tag, size, at = der[at], der[at + 1], at + 2
        if size >= _LONG_FORM:
            width = size - _LONG_FORM
            size, at = int.from_bytes(der[at : at + width], "big"), at + width
        found.append((tag, der[at : at + size]))
        at += size
    return found


def _refused(message: str) -> RefusedError:
    return RefusedError(401, message)
