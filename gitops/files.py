"""Reading text files that people wrote: UTF-8, and no larger than anybody reviews."""

from pathlib import Path

from gitops.documents import MAX_BYTES
from gitops.errors import InvalidRequestError


def text_of(path: Path) -> str:
    """Return the text of a file.

    Raises:
        InvalidRequestError: it is not UTF-8, or larger than what we read.
    """
    if path.is_symlink():
        raise InvalidRequestError(f"{path.name}: is a symbolic link; write the file itself")
    if path.stat().st_size > MAX_BYTES:
        raise InvalidRequestError(f"{path.name}: larger than {MAX_BYTES} bytes")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"{path.name}: is not UTF-8 text; write it anew") from error
