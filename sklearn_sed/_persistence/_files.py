"""Model files: written whole or not at all, read with suspicion.

A model file is a safetensors file whose metadata hold one JSON text, the description
of the model; the tensors are what its nets have learned.
"""

import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_sed._persistence._description import Reader, Writer, short
from sklearn_sed._storage import pack, read_description, replace_file
from sklearn_sed._version import __version__
from sklearn_sed.exceptions import ModelFileError

FORMAT = 1
NAME = "sklearn_sed"  # the description's
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
    damaged files of a :class:`LogMelTransformer`, the folder of `checkpoint`, and
    details of the training history beyond the losses of ``history_``. Ordinary pickle
    and joblib keep all, for those who trust the file.

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
    writer = Writer()
    writer.encode_estimator(model, type(model).__name__)
    description = {
        "format": FORMAT,
        "sklearn_sed": __version__,
        "estimators": writer.entries,
    }
    content = pack(writer.tensors, NAME, description)
    replace_file(
        Path(os.path.realpath(path)),
        content,
        check=lambda unfinished: _load(unfinished, writer.networks),
    )
    if writer.dropped:
        warnings.warn(
            f"not stored: {', '.join(writer.dropped)}. The loaded model will have the "
            "defaults in their place",
            stacklevel=2,
        )


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
    loaded with ``device="auto"``: onto the GPU that there is, else onto the CPU. The
    device of a :class:`LogMelTransformer` becomes "cpu" there.

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
    """Return the entries of the estimators, after a look at what is around them."""
    description = read_description(stream, NAME, "file of save_model")
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
