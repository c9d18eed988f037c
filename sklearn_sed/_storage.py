"""Files written whole or not at all, and JSON beside tensors, read with suspicion.

A file of tensors is a safetensors file whose metadata hold one JSON text, which
describes them. Neither part can hold code.
"""

import json
import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

# The header is parsed before anything in it can be trusted: bounds on what that costs.
MAX_HEADER = 4 * 2**20  # bytes
MAX_VALUES = 250_000  # commas and brackets, of which one class takes about ten


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


def pack(
    tensors: Mapping[str, np.ndarray], name: str, description: Mapping[str, Any]
) -> bytes:
    """Return the content of a file of tensors.

    Parameters
    ----------
    tensors : mapping from str to ndarray
        The tensors.
    name : str
        What the description goes by, which tells one kind of file from another.
    description : mapping
        What JSON can hold.

    Raises
    ------
    ValueError
        If the description is too long to be read again.
    """
    from safetensors.numpy import save

    text = json.dumps(description, allow_nan=False, separators=(",", ":"))
    content = save(dict(tensors), metadata={name: text})
    if not _is_small(content[8 : 8 + int.from_bytes(content[:8], "little")]):
        raise ValueError(
            "the model has too many classes, settings or training epochs for a model "
            f"file: its description may take {MAX_HEADER} bytes and {MAX_VALUES} values"
        )
    return content


def read_description(stream: BinaryIO, name: str, kind: str) -> Any:
    """Return the description of a file of tensors, after a look at the file around it.

    Parameters
    ----------
    stream : file opened in binary mode
        The file.
    name : str
        What the description goes by.
    kind : str
        What to call such a file.

    Raises
    ------
    ValueError
        If it is no such file.
    """
    size = os.fstat(stream.fileno()).st_size
    n_header = int.from_bytes(stream.read(8), "little")
    if not 2 <= n_header <= min(MAX_HEADER, size - 8):
        raise ValueError(f"it is not a {kind}, or it was cut short")
    header = stream.read(n_header)
    if not _is_small(header):
        raise ValueError(f"its description is longer than any of a {kind}")
    match _parse(header):
        case {"__metadata__": dict(metadata)} if metadata.keys() == {name}:
            text = metadata[name]
            if isinstance(text, str):
                return _parse(text)
    raise ValueError(f"it is not a {kind}: its description is missing")


def _is_small(header: bytes) -> bool:
    """Tell whether a header is quickly parsed, whatever it holds."""
    n_values = sum(map(header.count, (b",", b"[", b"{")))
    return len(header) <= MAX_HEADER and n_values <= MAX_VALUES


def _parse(text: str | bytes) -> Any:
    """Parse strict JSON: no name twice, no NaN, no endless nesting."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            raise ValueError("its description holds a name twice")
        return values

    def refuse(constant: str) -> None:
        raise ValueError(f"its description holds {constant}")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"its description is not JSON: {error}") from error
