"""What an unfinished training needs to go on, kept in a folder from call to call."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from sklearn_sed._storage import replace_file
from sklearn_sed._version import __version__
from sklearn_sed.exceptions import ModelFileError

FORMAT = 2
DESCRIPTION = "description"  # the array that holds JSON
ADVICE = "delete it to train from the start, or name another folder as checkpoint"


class Checkpoint:
    """The file of one training in a folder.

    Parameters
    ----------
    folder : str or Path
        The folder, which is made if there is none.
    name : str
        The file's name, but for its ending.
    device : str
        Where training computes.
    seed : int or None
        What training draws its random numbers from, if its parameters do not say.

    Attributes
    ----------
    path : Path
        The file.
    arrays : dict from str to ndarray, or None
        What it holds; None when training has not begun.
    finished : bool
        Whether training has ended.
    seed : int or None
        The seed, that of the file if there is one.

    Raises
    ------
    ModelFileError
        If the file is damaged, or of another version or device.
    """

    def __init__(self, folder: Any, name: str, device: str, seed: int | None):
        self.path = Path(folder, f"{name}.checkpoint")
        self.seed = seed
        self.arrays: dict[str, np.ndarray] | None = None
        self.finished = False
        # Bitwise the same is only promised where these are.
        self._circumstances = {
            "sklearn_sed": __version__,
            "torch": version("torch"),
            "device": device,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            with self.reading():
                self._read()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what tells of a bad file, and nothing else, into one error."""
        try:
            yield
        except (BadZipFile, EOFError, KeyError, TypeError, ValueError) as error:
            reason = str(error) if isinstance(error, ValueError) else repr(error)
            raise ModelFileError(self.path, f"{reason}; {ADVICE}") from error

    def _read(self) -> None:
        """Read the file."""
        try:
            with ZipFile(self.path) as archive:
                damaged = archive.testzip()
        except BadZipFile as error:
            raise ValueError("it is not a checkpoint, or it was cut short") from error
        if damaged is not None:
            raise ValueError(f"it is damaged, in {damaged!r}")
        with np.load(self.path, allow_pickle=False) as file:
            arrays = dict(file)
        description = arrays.pop(DESCRIPTION, np.empty(0, np.uint8)).tobytes()
        match json.loads(description or "null"):
            case {
                "format": 2,
                "circumstances": dict(circumstances),
                "seed": int() | None as seed,
                "finished": bool(finished),
                **rest,
            } if not rest:
                pass
            case _:
                raise ValueError("it is not a checkpoint of this version")
        if circumstances != self._circumstances:
            raise ValueError(
                f"it was written with {_in_words(circumstances)}, and this is "
                f"{_in_words(self._circumstances)}: go on there"
            )
        self.seed, self.finished, self.arrays = seed, finished, arrays

    def next_round(self) -> "Checkpoint":
        """Return the file of the training that follows this one."""
        stem, _, number = self.path.stem.partition("-round-")
        name = f"{stem}-round-{int(number or 1) + 1}"
        device = self._circumstances["device"]
        return Checkpoint(self.path.parent, name, device, self.seed)

    def write(self, arrays: Mapping[str, np.ndarray], *, finished: bool) -> None:
        """Replace what the file holds, as a whole or not at all."""
        description = {
            "format": FORMAT,
            "circumstances": self._circumstances,
            "seed": self.seed,
            "finished": finished,
        }
        text = np.frombuffer(json.dumps(description).encode(), np.uint8)
        content = BytesIO()
        np.savez(content, allow_pickle=False, **{DESCRIPTION: text}, **arrays)
        replace_file(self.path, content.getvalue())


def _in_words(circumstances: Mapping[str, Any]) -> str:
    """Return circumstances as an error message has them."""
    return ", ".join(f"{name} {value}" for name, value in circumstances.items())
