"""What the page is told, in files that a browser loads without a server."""

import hashlib
import json
import secrets
from datetime import datetime
from typing import Any

import pandas as pd

from sklearn_sed.events import recording_start
from sklearn_sed.exceptions import AnnotationError
from sklearn_sed.review._picture import Axis

_ROWS = 1000  # events and excerpts in a file


def render_data(
    shown: pd.DataFrame,
    excerpts: pd.DataFrame,
    other: pd.DataFrame,
    *,
    thresholds: dict[Any, float],
    classes: list[str],
    axis: Axis,
    **settings: Any,
) -> list[str]:
    """Return scripts, each of which hands a part of the data to the page.

    Parameters
    ----------
    shown : DataFrame
        The events of the page, with their places in the orders and their `excerpt`.
    excerpts : DataFrame
        The excerpts: `filename`, `start`, `duration`, `slowed`. The index is the name
        of the files.
    other : DataFrame
        The events that are not on the page.
    thresholds : dict from object to float
        The threshold of each class.
    classes : list of str
        Further classes.
    axis : Axis
        The frequencies of the pictures.
    **settings
        What else the page is told.
    """
    recordings = excerpts["filename"].unique().tolist()
    labels = sorted(thresholds, key=str)
    has_scores = "score" in shown
    recording = {name: index for index, name in enumerate(recordings)}
    label = {name: index for index, name in enumerate(labels)}
    place = {name: index for index, name in enumerate(excerpts.index)}
    events = [
        shown["onset"].round(6),
        shown["offset"].round(6),
        shown["event_label"].map(label),
        shown["score"] if has_scores else [None] * len(shown),
        shown["excerpt"].map(place),
        shown["audit"],
        shown["learning"],
        shown["mixed"],
        (shown["sampled_by"] == "audit").astype(int),
    ]
    parts = [
        excerpts["filename"].map(recording),
        excerpts.index,
        excerpts["start"].round(6),
        excerpts["duration"].round(6),
        excerpts["slowed"],
    ]
    rows = {"events": list(zip(*events)), "excerpts": list(zip(*parts))}
    n_files = -(-max(map(len, rows.values()), default=0) // _ROWS)
    head = {
        **settings,
        "id": secrets.token_hex(8),
        "hash": hashlib.blake2b(_json(rows).encode(), digest_size=8).hexdigest(),
        "written": datetime.now().astimezone().isoformat(timespec="seconds"),
        "labels": [str(name) for name in labels],
        "classes": [name for name in classes if name not in map(str, labels)],
        "thresholds": [thresholds[name] for name in labels],
        "hasScores": has_scores,
        "recordings": [[name, _begin(name)] for name in recordings],
        "ticks": axis.ticks(),
        "others": [
            other.loc[other["event_label"] == name, "score"].tolist()
            if has_scores
            else [None] * int((other["event_label"] == name).sum())
            for name in labels
        ],
        "nFiles": n_files,
    }
    chunks = [
        {name: own[i * _ROWS : (i + 1) * _ROWS] for name, own in rows.items()}
        for i in range(n_files)
    ]
    return [f"receive({_json(part)});\n" for part in (head, *chunks)]


def _begin(name: str) -> str | None:
    """Return when a recording began, by the clock of the recorder, if its name says."""
    try:
        start = recording_start(name)
    except AnnotationError:  # one of several times, or of several dates
        return None
    return None if start is None else start.replace(tzinfo=None).isoformat()


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain)


def _plain(number: Any) -> Any:
    """Return a number of numpy as one of Python."""
    return number.item()
