"""Annotations in tiers: TextGrid files of Praat, EAF files of ELAN.

Both are read through libraries made for them, and not written: events of a table may
overlap, those of a tier must not.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn_sed.events._records import Annotations, Reading, read_text, shorten
from sklearn_sed.exceptions import AnnotationError

# Onset, offset and label of what is in a tier.
_Entries = list[tuple[Any, Any, str]]


def parse_textgrid(path: Path, recording: str, reading: Reading) -> Annotations:
    """Read the labelled intervals and points of all tiers, or of the one asked for."""
    try:
        from praatio.utilities.errors import PraatioException
        from praatio.utilities.textgrid_io import parseTextgridStr
    except ImportError as error:
        raise ImportError(
            "TextGrid files need the praatio library; install it with: "
            "pip install 'sklearn-sed[textgrid]'"
        ) from error
    text = read_text(path, reading.encoding)
    try:
        document = parseTextgridStr(f"{text}\n", includeEmptyIntervals=False)
        tiers = [
            (
                tier["name"],
                [(entry[0], entry[-2], entry[-1]) for entry in tier["entries"]],
            )
            for tier in document["tiers"]
        ]
    except (
        AttributeError,
        IndexError,
        KeyError,
        PraatioException,
        TypeError,
        ValueError,
    ) as error:
        raise AnnotationError(str(path), f"not a TextGrid file ({error})") from error
    names = [name for name, _ in tiers]
    chosen = _choose(path, names, names, reading.label_column)
    tiers = [(name, entries) for name, entries in tiers if name in chosen]
    return _join(path, recording, reading, tiers)


def parse_elan(path: Path, recording: str, reading: Reading) -> Annotations:
    """Read the annotations of all tiers that have times, or of the tier asked for."""
    try:
        from pympi import Eaf
    except ImportError as error:
        raise ImportError(
            "ELAN files need the pympi-ling library; install it with: "
            "pip install 'sklearn-sed[elan]'"
        ) from error
    try:
        document = Eaf(str(path), suppress_version_warning=True)
        tiers = {
            name: [
                (start / 1000, end / 1000, value.strip())  # from milliseconds
                for start, end, value, *_ in document.get_annotation_data_for_tier(name)
            ]
            for name in document.get_tier_names()
        }
        dependent = [name for name in tiers if document.tiers[name][1]]
    except OSError:
        raise
    except Exception as error:  # the library raises nothing more particular
        raise AnnotationError(str(path), f"not an ELAN file ({error!r})") from error
    timed = [name for name in tiers if name not in dependent]
    chosen = _choose(path, list(tiers), timed, reading.label_column)
    annotations = _join(path, recording, reading, [(n, tiers[n]) for n in chosen])
    if dependent and reading.label_column is None:
        annotations.notes.append(
            f"{path}: the tiers {shorten(dependent)} describe annotations of others "
            "and are left out; pass label_column= to read one of them instead"
        )
    return annotations


def _choose(
    path: Path, names: Sequence[str], usual: Sequence[str], wanted: str | None
) -> Sequence[str]:
    """Return the tiers to read: the usual ones, or the one that is wanted."""
    if wanted is None:
        return usual
    if wanted not in names:
        raise AnnotationError(
            str(path), f"there is no tier {wanted!r}, only {', '.join(names)}"
        )
    return [wanted]


def _join(
    path: Path,
    recording: str,
    reading: Reading,
    tiers: Sequence[tuple[str, _Entries]],
) -> Annotations:
    """Return the events of tiers; a column names the tier where there are several."""
    columns = ["tier"] * (sum(bool(entries) for _, entries in tiers) > 1)
    annotations = Annotations(
        path, reading, [recording], columns=columns, names_recordings=False
    )
    for name, entries in tiers:
        for index, (onset, offset, label) in enumerate(entries, 1):
            where = f"{path}, tier {name!r}, annotation {index}"
            extra = dict.fromkeys(columns, name)
            annotations.add(where, recording, label, onset, offset, extra=extra)
    return annotations
