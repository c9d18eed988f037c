"""The names of recordings: their parts, and which of two lists are the same."""

import os
import re
from collections import defaultdict
from collections.abc import Sequence

from sklearn_sed.exceptions import AnnotationError

_Path = str | os.PathLike


def match_recordings(
    filenames: Sequence[_Path],
    wanted: Sequence[_Path],
    *,
    where: str = "filenames",
) -> dict[str, str]:
    """Find out which recording of one list is which of another.

    Names are compared as they are, then without folder, then without ending: lists of
    labels rarely name the files as they lie on the disk.

    Parameters
    ----------
    filenames : sequence of str or Path
        The recordings as a list of labels names them.
    wanted : sequence of str or Path
        The recordings that are looked for, such as the audio files there are.
    where : str, default="filenames"
        What to call the first list in an error.

    Returns
    -------
    dict from str to str
        For those of `wanted` that are among `filenames`, the name there.

    Raises
    ------
    AnnotationError
        If two recordings of a list could be the same one of the other.

    See Also
    --------
    read_events : Reads events, aligned to the recordings that are wanted.

    Examples
    --------
    >>> from sklearn_sed.events import match_recordings
    >>> match_recordings(["a.wav", "b.wav"], ["audio/b.flac", "audio/c.flac"])
    {'audio/b.flac': 'b.wav'}
    """
    found = [os.fspath(name) for name in filenames]
    match: dict[str, str] = {}
    for key in (str, recording_base, recording_stem):
        matched = set(match.values())
        theirs, ours = defaultdict(list), defaultdict(list)
        for name in found:
            if name not in matched:
                theirs[key(name)].append(name)
        for name in dict.fromkeys(os.fspath(path) for path in wanted):
            if name not in match:
                ours[key(name)].append(name)
        for shared in theirs.keys() & ours.keys():
            if len(theirs[shared]) > 1 or len(ours[shared]) > 1:
                raise AnnotationError(
                    where,
                    "cannot tell which recording is which: it names "
                    f"{', '.join(theirs[shared])}, wanted are "
                    f"{', '.join(ours[shared])}; use the same names in both",
                )
            match[ours[shared][0]] = theirs[shared][0]
    return match


def recording_base(name: str) -> str:
    """Return a recording's name without its folder, however that is written."""
    return re.split(r"[\\/]", name)[-1]


def recording_stem(name: str) -> str:
    """Return a recording's name without folder and ending; ".000" is no ending."""
    base = recording_base(name)
    stem, _, ending = base.rpartition(".")
    return stem if stem and re.search(r"[A-Za-z]", ending) else base
