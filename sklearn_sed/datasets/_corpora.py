"""Readers of the folders and lists of DCASE 2018 task 4 and of DESED."""

import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.utils import Bunch

from sklearn_sed.datasets._sources import SYNTHETIC_SOURCES
from sklearn_sed.events import (
    TagArray,
    make_events,
    read_events,
    read_tags,
    stack_tables,
)
from sklearn_sed.events._records import shorten
from sklearn_sed.events._tables import check_labels
from sklearn_sed.events._tags import read_tag_table
from sklearn_sed.exceptions import AnnotationError, AudioError, AudioWarning

__all__ = ["load_dcase2018", "load_desed"]

_CLASSES = tuple(sorted(SYNTHETIC_SOURCES))  # the synthetic sounds bear their names


class _Subset(NamedTuple):
    """A subset of a corpus.

    ``lists`` are tried in turn, for the corpora have moved their folders over the
    years. Each is a file in the folder `metadata`, without its ending; the folder of
    its clips has the same name in `audio`.
    """

    labels: Literal["weak", "strong", "none"]
    side: Literal["train", "test", "synthetic"]
    lists: tuple[str, ...]


_BOTH = {
    "weak": _Subset("weak", "train", ("train/weak",)),
    "unlabel_in_domain": _Subset("none", "train", ("train/unlabel_in_domain",)),
}
_DCASE2018 = {
    **_BOTH,
    "unlabel_out_of_domain": _Subset("none", "train", ("train/unlabel_out_of_domain",)),
    "test": _Subset("strong", "test", ("test/test",)),
    "eval": _Subset("strong", "test", ("eval/eval",)),
}
_DESED = {
    **_BOTH,
    "strong": _Subset("strong", "train", ("train/audioset_strong",)),
    "synthetic": _Subset(
        "strong",
        "synthetic",
        (
            "train/synthetic21_train/soundscapes",
            "train/synthetic20_train/soundscapes",
            "train/synthetic20/soundscapes",
            "train/synthetic",
        ),
    ),
    "synthetic_validation": _Subset(
        "strong",
        "synthetic",
        (
            "validation/synthetic21_validation/soundscapes",
            "validation/synthetic20_validation/soundscapes",
            "validation/synthetic",
        ),
    ),
    "validation": _Subset("strong", "test", ("validation/validation",)),
    "public_eval": _Subset("strong", "test", ("eval/public",)),
}
# Where the folder of the clips does not have the name of the list.
_CLIPS_OF = {"train/audioset_strong": "train/strong_label_real"}


def load_dcase2018(
    root: str | Path,
    subset: str | Sequence[str],
    *,
    classes: Sequence[str] | str | None = "corpus",
) -> Bunch:
    """Load a subset of DCASE 2018 task 4 from the folders its organisers laid out.

    The corpus holds domestic clips of 10 s from YouTube, with ten classes of sound. It
    is downloaded with the task's baseline [1]_; nothing is downloaded here.

    Parameters
    ----------
    root : str or Path
        The folder with the sub-folders `metadata` and `audio`, or the one that holds
        it as `dataset`.
    subset : {"weak", "unlabel_in_domain", "unlabel_out_of_domain", "test", "eval"} \
            or sequence of these
        The subset, or several to learn from together. "weak" has tags, "test" and
        "eval" have events, the others have no labels.
    classes : "corpus", sequence of str of length n_classes, or None, default="corpus"
        The classes: the ten of the corpus; others, for lists of your own in the same
        folders; or, if None, those that occur in any list of the corpus that is there,
        so that all subsets have the same.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With these attributes:

        X : list of str
            The paths of the clips whose files are there, in the order of the list.
        y : ndarray of shape (n_clips,), dtype object
            The events of each clip (strong labels): a DataFrame with the columns
            `onset`, `offset` (seconds) and `event_label`. Only there for subsets with
            events, and where there are several: what is known of each clip, as
            ``fit`` takes it; a list of tags, or None, where there are no events.
        y_weak : TagArray of shape (n_clips, n_classes), dtype int64
            1 where the class occurs in the clip; a row of -1 is an unlabelled clip.
        classes : ndarray of shape (n_classes,), dtype str
            The names of the classes, sorted unless given.
        filenames : list of str
            The name of each clip in the list.
        missing : list of str
            The clips of the list whose files are not there; they have no row.
        overlap : list of str
            The clips of the list that a list of the other side holds too: training
            clips in test or evaluation lists, test and evaluation clips in training
            lists.

    Raises
    ------
    ValueError
        If `subset` is not one of the above.
    AnnotationError
        If the list is not there, breaks the rules of its format, or has a label that is
        not one of the corpus's classes.
    AudioError
        If not one clip of the list is there.

    Warns
    -----
    AudioWarning
        If files are missing: videos disappear from YouTube.
    UserWarning
        If labels are not among the given `classes`: they are left out. If training and
        test lists overlap. The test list of the challenge's first
        months shares 46 clips with the training list; the one of 6 July 2018 does not.

    References
    ----------
    .. [1] R. Serizel, N. Turpault, H. Eghbal-Zadeh, A. P. Shah, "Large-scale weakly
       labeled semi-supervised sound event detection in domestic environments", DCASE
       Workshop, 2018. https://github.com/DCASE-REPO/dcase2018_baseline

    Examples
    --------
    >>> from sklearn_sed.datasets import load_dcase2018
    >>> train = load_dcase2018("dcase2018/task4", "weak")  # doctest: +SKIP
    >>> train.y_weak.shape  # doctest: +SKIP
    (1578, 10)
    """
    return _load(Path(root), subset, _DCASE2018, classes)


def load_desed(
    root: str | Path,
    subset: str | Sequence[str],
    *,
    classes: Sequence[str] | str | None = "corpus",
) -> Bunch:
    """Load a subset of DESED from the folders its download makes.

    DESED holds the clips of DCASE 2018 task 4, more clips with events, and synthetic
    soundscapes; the tasks 4 of DCASE 2019 to 2023 use it [1]_. Nothing is downloaded
    here.

    Parameters
    ----------
    root : str or Path
        The folder with the sub-folders `metadata` and `audio`, or the one that holds
        it as `dataset`. Synthetic soundscapes may lie in `dcase_synth` or
        `dcase21_synth` there.
    subset : {"weak", "unlabel_in_domain", "strong", "synthetic", \
            "synthetic_validation", "validation", "public_eval"} or sequence of these
        The subset, or several to learn from together. "weak" has tags,
        "unlabel_in_domain" has no labels, the others have events: "strong" are the
        AudioSet clips added in 2022, "synthetic" and "synthetic_validation" the
        soundscapes of the newest year that is there.
    classes : "corpus", sequence of str of length n_classes, or None, default="corpus"
        The classes: the ten of the corpus; others, for lists of your own in the same
        folders; or, if None, those that occur in any list of the corpus that is there,
        so that all subsets have the same.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes of :func:`load_dcase2018`: `X`, `y` (for subsets with
        events, or several), `y_weak`, `classes`, `filenames`, `missing`, `overlap`.
        Synthetic soundscapes overlap with nothing.

    Raises
    ------
    ValueError
        If `subset` is not one of the above.
    AnnotationError
        If the list is not there, breaks the rules of its format, or has a label that is
        not one of the corpus's classes.
    AudioError
        If not one clip of the list is there.

    Warns
    -----
    AudioWarning
        If files are missing.
    UserWarning
        If labels are not among the given `classes`: they are left out. If training and
        test lists overlap.

    References
    ----------
    .. [1] N. Turpault, R. Serizel, A. P. Shah, J. Salamon, "Sound event detection in
       domestic environments with weakly labeled data and soundscape synthesis", DCASE
       Workshop, 2019. https://project.inria.fr/desed/

    Examples
    --------
    >>> from sklearn_sed.datasets import load_desed
    >>> validation = load_desed("desed", "validation")  # doctest: +SKIP
    >>> len(validation.X)  # doctest: +SKIP
    1168

    The training set of the challenge, of which some clips have times, some tags and
    many neither:

    >>> subsets = ["weak", "strong", "synthetic", "unlabel_in_domain"]
    >>> train = load_desed("desed", subsets)  # doctest: +SKIP
    """
    return _load(Path(root), subset, _DESED, classes)


def _load(
    root: Path,
    names: str | Sequence[str],
    corpus: dict[str, _Subset],
    classes: Sequence[str] | str | None,
) -> Bunch:
    """Load a subset of a corpus, or several as one."""
    if isinstance(names, str):
        return _load_one(root, names, corpus, classes)
    if not len(names) or len(set(names)) < len(names):
        raise ValueError(f"subset={names!r} must hold subsets, each once")
    load = partial(_load_one, root, corpus=corpus, classes=classes)
    parts = list(map(load, names))
    joined = {
        key: [item for part in parts for item in part[key]]
        for key in ("X", "filenames", "missing", "overlap")
    }
    return Bunch(
        y=stack_tables(entry for part in parts for entry in _entries(part)),
        y_weak=np.concatenate([part.y_weak for part in parts]),
        classes=parts[0].classes,
        **joined,
    )


def _entries(data: Bunch) -> Iterable[Any]:
    """Return what is known of each clip: its events, its tags, or None."""
    if "y" in data:
        return data.y
    classes = data.classes
    return [None if -1 in row else classes[row == 1].tolist() for row in data.y_weak]


def _load_one(
    root: Path,
    name: str,
    corpus: dict[str, _Subset],
    classes: Sequence[str] | str | None,
) -> Bunch:
    """Load a subset of a corpus."""
    if name not in corpus:
        raise ValueError(f"subset={name!r} must be one of {', '.join(corpus)}")
    subset = corpus[name]
    found = _find_list(root, subset)
    if found is None:
        tried = ", ".join(f"metadata/{name}.tsv" for name in subset.lists)
        raise AnnotationError(
            str(root),
            f"the list of {name!r} is not there; expected {tried} (or .csv) in this "
            "folder or in its sub-folder dataset",
        )
    path, folders = found
    filenames = _read_filenames(path)
    clips = [folder / filename for filename in filenames for folder in folders]
    here = {clip.name: str(clip) for clip in reversed(clips) if clip.is_file()}
    kept = [filename for filename in filenames if filename in here]
    missing = [filename for filename in filenames if filename not in here]
    if missing and not kept:
        raise AudioError(
            folders[0],
            f"none of the {len(filenames)} clips listed in {path} is in this folder; "
            "download them, or correct `root`",
        )
    if missing:
        warnings.warn(
            f"{path}: {len(missing)} of {len(filenames)} clips are not in {folders[0]} "
            f"and are left out, {missing[0]!r} first; `missing` lists them",
            AudioWarning,
            stacklevel=4,
        )
    names = _find_classes(root, corpus, classes)
    return Bunch(
        X=[here[filename] for filename in kept],
        classes=np.array(names),
        filenames=kept,
        missing=missing,
        overlap=_find_overlap(root, name, corpus, filenames),
        **_read_labels(path, subset, kept, names, is_chosen=classes != "corpus"),
    )


def _find_classes(
    root: Path, corpus: dict[str, _Subset], classes: Sequence[str] | str | None
) -> list[str]:
    """Return the classes asked for: the corpus's, given ones, or those of the lists."""
    if isinstance(classes, str) and classes == "corpus":
        return list(_CLASSES)
    if classes is not None:
        return check_labels(classes, "classes")
    found: set[str] = set()
    for subset in corpus.values():
        if subset.labels != "none" and (place := _find_list(root, subset)):
            tags = read_tag_table(place[0], reduce=True).labels
            found.update(label for labels in tags for label in labels)
    if not found:
        raise AnnotationError(
            str(root), "no list with labels is there to read classes from; pass classes"
        )
    return sorted(found)


def _find_list(root: Path, subset: _Subset) -> tuple[Path, list[Path]] | None:
    """Return the first list of a subset that exists, and the folders of its clips."""
    bases = [root, root / "dataset"]
    bases += [
        base / name for base in bases for name in ("dcase_synth", "dcase21_synth")
    ]
    for name, base, ending in product(subset.lists, bases, (".tsv", ".csv")):
        path = base / f"metadata/{name}{ending}"
        if path.is_file():
            clips = base / "audio" / _CLIPS_OF.get(name, name)
            folders = [clips, clips.with_name(f"{clips.name}_16k"), clips.parent]
            return path, [folder for folder in folders if folder.is_dir()] or [clips]
    return None


def _read_filenames(path: Path) -> list[str]:
    """Read the names of the clips in a list, each once."""
    table = pd.read_csv(path, sep="\t", dtype=str)
    if "filename" not in table:
        raise AnnotationError(
            str(path),
            f"the column 'filename' is missing from the header {list(table.columns)}; "
            "the list must be tab-separated",
        )
    return table["filename"].dropna().unique().tolist()


def _read_labels(
    path: Path,
    subset: _Subset,
    filenames: Sequence[str],
    classes: list[str],
    *,
    is_chosen: bool,
) -> dict[str, np.ndarray]:
    """Read the labels of some clips of a list: `y_weak`, and `y` where it has times."""
    if subset.labels == "none":
        unlabelled = np.full((len(filenames), len(classes)), -1)
        return {"y_weak": TagArray(unlabelled, classes)}
    if subset.labels == "strong":
        tables = dict(zip(*read_events(path)))
        no_events = make_events([], [], [])
        events = [tables.get(name, no_events) for name in filenames]
        labels = [table["event_label"].tolist() for table in events]
    else:
        tags = dict(zip(*read_tags(path)))
        labels = [tags[name] for name in filenames]
    outside = [
        (filename, label)
        for filename, own in zip(filenames, labels)
        for label in own
        if label not in classes
    ]
    if outside and not is_chosen:
        filename, label = outside[0]
        raise AnnotationError(
            f"{path}, {filename}",
            f"the label {label!r} is not one of the corpus's classes "
            f"({', '.join(classes)}); pass other classes, or classes=None for those of "
            "the lists",
        )
    if outside:
        others = sorted({label for _, label in outside})
        warnings.warn(
            f"{path}: {len(outside)} labels that are not among classes are left out: "
            f"{shorten(others)}",
            UserWarning,
            stacklevel=5,
        )
    binarizer = MultiLabelBinarizer(classes=classes)
    known = [[label for label in own if label in classes] for own in labels]
    y_weak = TagArray(binarizer.fit_transform(known), classes)
    if subset.labels == "weak":
        return {"y_weak": y_weak}
    kept = [
        table[table["event_label"].isin(classes)].reset_index(drop=True)
        for table in events
    ]
    return {"y": stack_tables(kept), "y_weak": y_weak}


def _find_overlap(
    root: Path, name: str, corpus: dict[str, _Subset], filenames: Sequence[str]
) -> list[str]:
    """Return, and warn of, the clips that are in a list of the other side as well."""
    other_side = {"train": "test", "test": "train"}.get(corpus[name].side)
    shared: dict[str, set[str]] = {}
    for other, subset in corpus.items():
        if subset.side == other_side and (found := _find_list(root, subset)):
            shared[other] = set(filenames).intersection(_read_filenames(found[0]))
    overlap = set().union(*shared.values())
    if overlap:
        where = ", ".join(f"{other!r} ({len(s)})" for other, s in shared.items() if s)
        warnings.warn(
            f"{len(overlap)} clips of {name!r} are also listed in {where}: leave them "
            "out of training or of testing; `overlap` lists them",
            UserWarning,
            stacklevel=5,
        )
    return [filename for filename in filenames if filename in overlap]
