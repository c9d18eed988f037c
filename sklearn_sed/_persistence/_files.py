"""Model files: written whole or not at all, read with suspicion.

A model file is a safetensors file whose metadata hold one JSON text, the description
of the model; the tensors are what its nets have learned.
"""

import json
import os
import uuid
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_sed._persistence._description import Reader, Writer, short
from sklearn_sed._version import __version__
from sklearn_sed.exceptions import ModelFileError

FORMAT = 1
# The header is parsed before anything in it can be trusted: bounds on what that costs.
MAX_HEADER = 4 * 2**20  # bytes
MAX_VALUES = 250_000  # commas and brackets, of which one class takes about ten
MAX_MESSAGE = 500  # characters of what a stranger's file can have an error say


def save_model(model, path):
    """Save a fitted model to one file, without pickle.

    The file holds JSON and numbers, in the safetensors format, and no code: opening
    one from a stranger with :func:`load_model` runs nothing of theirs. It is written
    beside its place, read back, and only then put there: whatever happens on the way,
    `path` holds the old file or the new one.

    Parameters
    ----------
    model : estimator
        A fitted :class:`WeakTagger`, :class:`WeakEventDetector`, :class:`TwoPassSED`
        or :class:`~sklearn_sed.model_selection.TunedDecoderCV`, a
        :class:`LogMelTransformer` or :class:`EventDecoder`, or a
        :class:`~sklearn.pipeline.Pipeline` or
        :class:`~sklearn.frozen.FrozenEstimator` of these.
    path : str or Path
        Where to save it; ".sed" is the usual ending. An existing file is replaced.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If it holds something that cannot be stored; the message names it.

    Warns
    -----
    UserWarning
        Where a parameter that only training needs cannot be stored: skorch callbacks,
        a ``RandomState`` instance, a Pipeline's ``memory``, a scorer or splitter. The
        default takes its place.

    See Also
    --------
    load_model : Load it again.

    Notes
    -----
    What is kept: parameters, what was learned, the optimizer's memory, so that
    ``partial_fit`` goes on as if nothing had happened. What is not: the report of
    damaged files of a :class:`LogMelTransformer`, and details of the training history
    beyond the losses of ``history_``. Ordinary pickle and joblib keep all, for those
    who trust the file.

    A process that is killed while it saves may leave a file ``.<letters>.tmp`` in the
    folder.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sklearn_sed import WeakTagger, load_model, save_model
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(8, 20, 16)).astype("float32")
    >>> tagger = WeakTagger(max_epochs=1, random_state=0).fit(X, [["dog"], []] * 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(tagger, Path(folder, "dogs.sed"))
    ...     loaded = load_model(Path(folder, "dogs.sed"))
    >>> bool((loaded.predict_proba(X) == tagger.predict_proba(X)).all())
    True
    """
    from safetensors.numpy import save

    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist; create it")
    writer = Writer()
    writer.encode_estimator(model, type(model).__name__)
    description = {
        "format": FORMAT,
        "sklearn_sed": __version__,
        "estimators": writer.entries,
    }
    text = json.dumps(description, allow_nan=False, separators=(",", ":"))
    content = save(writer.tensors, metadata={"sklearn_sed": text})
    if not _is_small(content[8 : 8 + int.from_bytes(content[:8], "little")]):
        raise ValueError(
            "the model has too many classes, settings or training epochs for a model "
            f"file: its description may take {MAX_HEADER} bytes and {MAX_VALUES} values"
        )
    # Not tempfile: the file shall have the rights of any new file.
    unfinished = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with unfinished.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        _load(unfinished, writer.networks)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync_folder(path.parent)
    if writer.dropped:
        warnings.warn(
            f"not stored: {', '.join(writer.dropped)}. The loaded model will have the "
            "defaults in their place",
            stacklevel=2,
        )


def _sync_folder(folder: Path) -> None:
    """Have the file's new name outlive a power failure, where folders can be synced."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_model(path, *, networks=None):
    """Load a model that :func:`save_model` saved.

    The file is checked before anything is built from it, and nothing in it is
    executed. A model predicts what it predicted when it was saved: on the same
    machine and device to the last bit.

    Parameters
    ----------
    path : str or Path
        The file.
    networks : dict from str to callable, default=None
        The networks of one's own, by name: a model whose ``network`` parameter is a
        callable stores only its ``__name__``.

    Returns
    -------
    estimator
        The fitted model.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, from a newer version, not a model, or needs a
        network that `networks` does not hold.

    See Also
    --------
    save_model : Save a model.

    Notes
    -----
    A model trained on a device that this machine does not have, such as a GPU, is
    loaded with ``device="auto"``: onto the GPU that there is, else onto the CPU.

    Every version of this package reads the files of all earlier ones; files of a newer
    format are refused.

    A file can still describe a model that is bad at its work, or slow: load models of
    strangers, but do not believe them.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_sed import LogMelTransformer, load_model, save_model
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(LogMelTransformer(n_mels=32), Path(folder, "features.sed"))
    ...     load_model(Path(folder, "features.sed"))
    LogMelTransformer(n_mels=32)
    """
    path = Path(path)
    try:
        return _load(path, networks or {})
    except OSError as error:
        raise ModelFileError(path, f"it cannot be read: {error.strerror}") from error
    except Exception as error:
        reason = str(error) if isinstance(error, ValueError) else f"damaged: {error!r}"
        raise ModelFileError(path, reason[:MAX_MESSAGE]) from error


def _load(path: Path, networks: Mapping[str, Callable]) -> BaseEstimator:
    """Load a model, with whatever exception a bad file leads to."""
    from safetensors import safe_open

    if not path.is_file():
        raise ValueError("it is not a file" if path.exists() else "it does not exist")
    with path.open("rb") as stream:
        entries = _read_description(stream)
        with safe_open(path, framework="numpy") as tensors:
            if not os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                return _load(path, networks)  # another file has taken its place
            reader = Reader(entries, networks)
            reader.restore_nets(tensors)
    model = reader.estimators[-1]
    if hasattr(model, "fit"):
        check_is_fitted(model)
    return model


def _read_description(stream: BinaryIO) -> list[Any]:
    """Return the entries of the estimators, after a look at the file around them."""
    size = os.fstat(stream.fileno()).st_size
    n_header = int.from_bytes(stream.read(8), "little")
    if not 2 <= n_header <= min(MAX_HEADER, size - 8):
        raise ValueError("it is not a file of save_model, or it was cut short")
    header = stream.read(n_header)
    if not _is_small(header):
        raise ValueError("its description is longer than any that save_model writes")
    match _parse(header):
        case {"__metadata__": {"sklearn_sed": str(text), **rest}} if not rest:
            description = _parse(text)
        case _:
            raise ValueError("it is not a file of save_model: no model is described")
    match description:
        case {"format": int(version), **rest} if version > FORMAT:
            raise ValueError(
                f"it was saved in format {short(version)} by sklearn_sed "
                f"{short(rest.get('sklearn_sed'))}; sklearn_sed {__version__} reads "
                f"formats up to {FORMAT}: upgrade sklearn_sed"
            )
        case {"format": 1, "sklearn_sed": str(), "estimators": list(entries), **rest}:
            if not rest:
                return entries
    raise ValueError("its description of the model is not one that save_model writes")


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
