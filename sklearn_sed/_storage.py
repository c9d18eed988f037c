"""Files written whole or not at all."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path


def replace_file(
    path: Path, content: bytes, check: Callable[[Path], object] | None = None
) -> None:
    """Write a file as a whole or not at all.

    Parameters
    ----------
    path : Path
        The file. There may be one already.
    content : bytes
        Its content.
    check : callable, default=None
        Called with the file where it was written, before it is put into its place,
        which an exception prevents.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist; create it")
    # Not tempfile: the file shall have the rights of any new file.
    unfinished = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with unfinished.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if check is not None:
            check(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Have the file's new name outlive a power failure, where folders can be synced."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
