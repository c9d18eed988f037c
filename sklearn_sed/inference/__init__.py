"""Events of long recordings and of folders of files, in bounded memory, resumable.

:func:`iter_events` goes through one recording of any length in overlapping windows and
yields its events as they are found; :func:`detect_events` collects them in a table;
:func:`detect_files` does so for thousands of files, survives being killed, and writes
one annotation file. :func:`iter_frame_scores` yields what events are found in, and
:func:`tag_files` tells how probable it is that a class is in a file at all.
:func:`tune_files` tunes the decoder of a trained model on recordings whose events are
known, and tells what that gains. :func:`extract_clips` cuts events out, to be listened
to.
"""

from sklearn_sed.inference._clips import extract_clips
from sklearn_sed.inference._files import detect_files
from sklearn_sed.inference._recording import (
    Event,
    detect_events,
    iter_events,
    iter_frame_scores,
)
from sklearn_sed.inference._tags import tag_files
from sklearn_sed.inference._tuning import Tuned, tune_files

__all__ = [
    "Event",
    "Tuned",
    "detect_events",
    "detect_files",
    "extract_clips",
    "iter_events",
    "iter_frame_scores",
    "tag_files",
    "tune_files",
]
