"""Adapters: the Keys port: API keys of deployments, from files that a Secret is mounted as."""

from pathlib import Path

from bot.errors import EngineShutError
from gitops.names import check_name

MOST = 4_096
"""Longest API key, in bytes."""


class MountedKeys:
    """Keys in a folder: ENVIRONMENT/NAME, or ENVIRONMENT/SECRET, or ENVIRONMENT/SECRET/api-key.

    Never outside of the environment's own: who deploys chooses the name of the Secret, and could
    have another environment's key sent to an engine of their own.
    Read at each question, since a mounted Secret changes in place. Nothing of a key is ever said.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def key(self, environment: str, name: str, secret: str) -> str:
        """Return a deployment's key; see the port."""
        for part, said in ((environment, "environment"), (name, "deployment"), (secret, "Secret")):
            check_name(said, part)  # nothing that leads out of the folder
        if self._folder is None:
            raise EngineShutError(
                f"asking {environment}/{name}: it wants the API key of Secret {secret}; mount it"
                " and set LEADLINE_API_KEYS to the folder"
            )
        folder = self._folder / environment
        for file in (folder / name, folder / secret, folder / secret / "api-key"):
            if file.is_file():
                return _read(file, f"{environment}/{name}")
        raise EngineShutError(
            f"asking {environment}/{name}: no API key in LEADLINE_API_KEYS; expected the file"
            f" {environment}/{name}, {environment}/{secret} or {environment}/{secret}/api-key"
        )


class NoKeys:
    """No keys: where no way leads to the engines, or one that would lose them; `why` says which."""

    def __init__(self, why: str) -> None:
        self._why = why

    def key(self, environment: str, name: str, secret: str) -> str:  # noqa: ARG002 - as the port
        """Refuse; see the port."""
        raise EngineShutError(f"asking {environment}/{name}{self._why}")


def _read(file: Path, about: str) -> str:
    try:
        with file.open("rb") as opened:
            key = opened.read(MOST + 1).strip()
    except OSError as error:
        raise EngineShutError(
            f"asking {about}: its API key file cannot be read ({error.strerror})"
        ) from error
    if not key or len(key) > MOST or not all(0x21 <= byte <= 0x7E for byte in key):  # noqa: PLR2004 - printable ASCII
        raise EngineShutError(f"asking {about}: its API key file holds no API key")
    return key.decode("ascii")
