"""Files written whole or not at all, and never over what shall stay."""

import errno
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def check_targets(
    paths: Iterable[Path],
    *,
    overwrite: bool = True,
    inputs: Iterable[str | os.PathLike[str]] = (),
) -> None:
    """Find what will keep files from being written, before any work is done for them.

    A folder that is not there yet counts as one that can be made where its own folder
    is.

    Parameters
    ----------
    paths : iterable of Path
        The files.
    overwrite : bool, default=True
        Whether they may be there already.
    inputs : iterable of str or Path, default=()
        The files that the work reads. None of them is ever written to.

    Raises
    ------
    OSError
        If a file cannot be written, or is there and shall stay.
    ValueError
        If it is one of `inputs`.
    """
    known = {_identity(file) for file in inputs}
    tried: set[Path] = set()
    for path in paths:
        try:
            found = path.exists()
            if _identity(path) in known:
                raise ValueError(f"{path} is an input as well; write to another file")
            if path.is_dir():
                raise IsADirectoryError(f"{path} is a folder; write to another file")
            if found and not overwrite:
                raise FileExistsError(
                    f"{path} exists; write to another file, or pass overwrite=True"
                )
            if found and not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            folder = next(folder for folder in path.parents if folder.exists())
            if folder not in tried:
                with tempfile.TemporaryFile(dir=folder):
                    tried.add(folder)
        except OSError as error:
            raise _about(path, error) from None


def _about(path: Path, error: OSError) -> OSError:
    """Return an error of the system as one about the file that the user knows."""
    if error.errno is None:  # in our own words
        return error
    return OSError(error.errno, error.strerror, str(path))


def _identity(path: str | os.PathLike[str]) -> object:
    """Return what two names of one file, such as links, have in common."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return status.st_dev, status.st_ino


def replace_file(
    path: Path, content: bytes, check: Callable[[Path], object] | None = None
) -> None:
    """Write a file as a whole or not at all.

    Parameters
    ----------
    path : Path
        The file. There may be one already; of a link, the file that it leads to.
    content : bytes
        Its content.
    check : callable, default=None
        Called with the file where it was written, before it is put into its place,
        which an exception prevents.
    """
    with replacing(path, check) as stream:
        stream.write(content)


@contextmanager
def replacing(
    path: Path, check: Callable[[Path], object] | None = None
) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` once it is written.

    An exception on the way leaves what was there. `check` is that of `replace_file`.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist; create it")
    target = Path(os.path.realpath(path))
    # Not tempfile: the file shall have the rights of any new file.
    unfinished = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with unfinished.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if check is not None:
            check(unfinished)
        os.replace(unfinished, target)
    except OSError as error:
        if error.filename not in (None, str(unfinished)):  # about another file
            raise
        raise _about(path, error) from error
    finally:
        unfinished.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Have the file's new name outlive a power failure, where folders can be synced."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
