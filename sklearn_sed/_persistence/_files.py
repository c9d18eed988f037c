"""Model files: written whole or not at all, read with suspicion."""

import os
import warnings
from collections.abc import Collection
from pathlib import Path

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_sed._persistence._archive import check_archive, tidy
from sklearn_sed._persistence._estimators import (
    check_model,
    check_names,
    is_estimator,
    portable,
)
from sklearn_sed._persistence._trust import full_names, judge
from sklearn_sed._storage import check_targets, replace_file
from sklearn_sed._version import __version__
from sklearn_sed.exceptions import ModelFileError

FORMAT = 2  # 1 was safetensors
MAX_FILE = 2**31  # bytes
MAX_MESSAGE = 2000  # characters of what a stranger's file can have an error say


def save_model(model, path, *, overwrite=True):
    """Save a fitted model to one file, without pickle.

    The file holds arrays and JSON, as skops writes them, and no code: opening one
    from a stranger with :func:`load_model` runs nothing of theirs. It is written
    beside its place, read back, and only then put there: whatever happens on the way,
    `path` holds the old file or the new one.

    Parameters
    ----------
    model : estimator
        A fitted estimator of this library or of scikit-learn, or a
        :class:`~sklearn.pipeline.Pipeline` of them. Estimators, networks and functions
        of your own are stored by their names, which :func:`load_model` will ask for.
    path : str or Path
        Where to save it; ".sed" is the usual ending.
    overwrite : bool, default=True
        Whether to replace an existing file.

    Raises
    ------
    FileExistsError
        If the file exists and shall not be replaced.
    NotFittedError
        If the model is not fitted.
    ValueError
        If it holds something that cannot be stored.

    Warns
    -----
    UserWarning
        Where a parameter that only training needs cannot be stored: skorch callbacks, a
        Pipeline's ``memory``, a scorer or splitter. The default takes its place.

    See Also
    --------
    load_model : Load it again.

    Notes
    -----
    What is kept: parameters, what was learned, the optimizer's memory, so that
    ``partial_fit`` goes on as if nothing had happened. What is not: the report of
    damaged files of a :class:`LogMelTransformer`, the folder of `checkpoint`, and what
    the training history says of single batches.

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
    from skops.io import dumps

    path = Path(path)
    check_targets([path], overwrite=overwrite)
    kind = type(model).__name__
    if not is_estimator(model):
        raise TypeError(f"a model is a fitted estimator, got a {kind}")
    if hasattr(model, "fit"):
        check_is_fitted(model)
    stored, left_out = portable(model)
    try:
        content = dumps(stored)
        check_names(content)
        content = tidy(content, format=FORMAT, sklearn_sed=__version__)
        trusted, others = judge(content, check_archive(content))
    except Exception as error:
        raise ValueError(f"{kind} cannot be saved: {error}") from error

    def read_back(unfinished: Path) -> None:
        try:
            _load(unfinished, trusted | others)
        except (AttributeError, RuntimeError, TypeError) as error:
            raise ValueError(f"{kind} cannot be saved: read back, {error!r}") from error

    replace_file(path, content, check=read_back)
    if left_out:
        warnings.warn(
            f"not stored: {', '.join(left_out)}. The loaded model will have the "
            "defaults in their place",
            stacklevel=2,
        )


def load_model(path, *, trusted=()):
    """Load a model that :func:`save_model` saved.

    The file is checked before anything is built from it, and nothing in it is
    executed. A model predicts what it predicted when it was saved: on the same
    machine and device to the last bit.

    Parameters
    ----------
    path : str or Path
        The file.
    trusted : sequence of str or type, default=()
        Types that the file may hold beside those of scikit-learn, NumPy and this
        library, by their full names (``"my_module.MyNetwork"``) or themselves:
        estimators, networks and functions of your own. Where one is missing, the
        error lists the names to pass. What is trusted is imported and called.

    Returns
    -------
    estimator
        The fitted model.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, from a newer version, not a model, or holds
        types that are not trusted.

    See Also
    --------
    save_model : Save a model.

    Notes
    -----
    A model trained on a device that this machine does not have, such as a GPU, is
    loaded with ``device="auto"``: onto the GPU that there is, else onto the CPU. The
    device of a :class:`LogMelTransformer` becomes "cpu" there.

    Trees and neighbours of scikit-learn have to be trusted by name, too: the compiled
    code that predicts with them believes the indices in the file, so that a crafted
    one could crash the process.

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
        return _load(path, full_names(trusted))
    except OSError as error:
        raise ModelFileError(path, f"it cannot be read: {error.strerror}") from error
    except (MemoryError, Warning):  # which are no fault of the file
        raise
    except Exception as error:
        reason = str(error) if isinstance(error, ValueError) else f"damaged: {error!r}"
        raise ModelFileError(path, reason[:MAX_MESSAGE]) from error


def _load(path: Path, trusted: Collection[str]) -> BaseEstimator:
    """Load a model, with whatever exception a bad file leads to."""
    from skops.io import loads

    if not path.is_file():
        raise ValueError("it is not a file" if path.exists() else "it does not exist")
    with path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size > MAX_FILE:
            raise ValueError(f"it is larger than any model file, {MAX_FILE} bytes")
        content = stream.read()
    schema = check_archive(content)
    match schema:
        case {"format": int(version), **rest} if version > FORMAT:
            raise ValueError(
                f"it was saved in format {version} by sklearn_sed "
                f"{rest.get('sklearn_sed')!r}; sklearn_sed {__version__} reads format "
                f"{FORMAT}: upgrade sklearn_sed"
            )
        case {"format": 2, "sklearn_sed": str()}:
            pass
        case _:
            raise ValueError(
                "it is not a file of save_model: its schema is another one"
            )
    known, others = judge(content, schema)
    missing = sorted(others - set(trusted))
    if missing:
        raise ValueError(
            f"it holds what is not trusted unasked; if you know it and who made the "
            f"file, pass trusted={missing} to load_model"
        )
    model = loads(content, trusted=[*known, *trusted])
    check_model(model)
    return model
