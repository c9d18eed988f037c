"""The names of recordings: their parts, and which of two lists are the same."""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path

from sklearn_sed.events._records import shorten
from sklearn_sed.exceptions import AnnotationError

_Path = str | os.PathLike
_Parts = list[str]
_DRIVE = re.compile(r"^[A-Za-z]:(?=[\\/])")

# What is a recording by its name. The last three cannot be read, but whoever has them
# shall be told so.
AUDIO_ENDINGS = (
    *(".wav", ".wave", ".bwf", ".w64", ".rf64", ".bw64", ".flac", ".mp3"),
    *(".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"),
    *(".m4a", ".aac", ".wma"),
)


def match_recordings(
    filenames: Sequence[_Path],
    wanted: Sequence[_Path],
    *,
    where: str = "filenames",
) -> dict[str, str]:
    r"""Find out which recording of one list is which of another.

    A recording is its path. Two paths that end alike are the same recording, whatever
    folders come before: lists of labels rely on folders as they were somewhere else.
    The longest common end decides, so that ``unitA/1.wav`` and ``unitB/1.wav`` stay
    apart. ``\`` is equal to ``/``; drive letters, roots and Unicode's several ways to
    write a letter make no difference. Nor does the ending of audio files, where there
    is none or another: it is the last that is looked at.

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
    >>> match_recordings(["D:\\unit1\\a.wav", "D:\\unit2\\a.wav"], ["unit2/a.wav"])
    {'unit2/a.wav': 'D:\\unit2\\a.wav'}
    """
    theirs, ours = _compared(filenames), _compared(wanted)
    match: dict[str, str] = {}
    taken: list[_Parts] = []

    def pair(found: str, name: str) -> None:
        match[name] = found
        taken.extend([theirs.pop(found)[1], ours.pop(name)[1]])

    for name in [name for name in ours if name in theirs]:
        pair(name, name)
    n_parts = min(_longest(theirs), _longest(ours))
    while theirs and ours and n_parts:
        known = set(_ends(taken, n_parts))
        by_end = [
            [_by_end(names, n_parts, key) for key in (0, 1)] for names in (theirs, ours)
        ]
        for their_ends, our_ends in product(*by_end):
            for end in filter(our_ends.__contains__, their_ends):
                found = [name for name in their_ends[end] if name in theirs]
                names = [name for name in our_ends[end] if name in ours]
                if not found or not names:
                    continue
                whole = [name for name in found if len(theirs[name][0]) == n_parts]
                our_whole = [name for name in names if len(ours[name][0]) == n_parts]
                if whole and our_whole:
                    found, names = whole, our_whole
                elif not whole and not our_whole and strip_ending(end) in known:
                    continue  # the same name in other folders
                if len(found) > 1 or len(names) > 1:
                    raise AnnotationError(
                        where,
                        "cannot tell which recording is which: it names "
                        f"{shorten(found)}, wanted are {shorten(names)}; use the same "
                        "names in both",
                    )
                pair(found[0], names[0])
                known.update(_ends(taken[-2:], n_parts))
        n_parts -= 1
    return match


def _compared(paths: Sequence[_Path]) -> dict[str, tuple[_Parts, _Parts]]:
    """Return the parts of each path, with and without the ending of audio."""
    compared = {}
    for name in dict.fromkeys(os.fspath(path) for path in paths):
        parts = path_parts(unicodedata.normalize("NFC", name))
        if parts:
            compared[name] = parts, [*parts[:-1], strip_ending(parts[-1])]
    return compared


def _longest(names: dict[str, tuple[_Parts, _Parts]]) -> int:
    return max((len(parts) for parts, _ in names.values()), default=0)


def _by_end(
    names: dict[str, tuple[_Parts, _Parts]], n_parts: int, key: int
) -> dict[str, list[str]]:
    """Group the names that have so many parts by the last ones."""
    groups = defaultdict(list)
    for name, own in names.items():
        for end in _ends([own[key]], n_parts):
            groups[end].append(name)
    return groups


def _ends(paths: Iterable[_Parts], n_parts: int) -> Iterator[str]:
    """Yield the last parts of those paths that have so many."""
    for parts in paths:
        if len(parts) >= n_parts:
            yield "/".join(parts[-n_parts:])


def path_parts(name: str) -> _Parts:
    """Return the folders and the name of a recording, without drive and root."""
    parts: _Parts = []
    for part in _DRIVE.sub("", name).replace("\\", "/").split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return parts


def strip_ending(name: str) -> str:
    """Return the name of a recording without its ending, if that is one of audio."""
    stem, _, ending = name.rpartition(".")
    return stem if stem and f".{ending}".casefold() in AUDIO_ENDINGS else name


def below_common_folder(filenames: Sequence[str]) -> list[_Parts]:
    """Return the parts of recordings below the folder that they share."""
    parts = [path_parts(name) for name in filenames]
    for name, own in zip(filenames, parts):
        if not own:
            raise AnnotationError("filenames", f"{name!r} is no name of a recording")
    n_common = 0
    for folders in zip(*(own[:-1] for own in parts)):
        if len(set(folders)) > 1:
            break
        n_common += 1
    return [own[n_common:] for own in parts]


def visible_files(folder: Path) -> list[Path]:
    """Return the files in a folder and its sub-folders, sorted, but no hidden ones."""
    return sorted(
        path
        for path in folder.rglob("*")
        if not path.is_dir()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
