"""JAMS files, through the jams library."""

import io
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from sklearn_sed.events._records import (
    Annotations,
    Row,
    check_text,
    number,
    read_text,
    require_label,
)
from sklearn_sed.exceptions import AnnotationError


def _import_jams() -> ModuleType:
    """Return the jams library, or say how to get it."""
    try:
        import jams
    except ImportError as error:
        raise ImportError(
            "JAMS files need the jams library; install it with: "
            "pip install 'sklearn-sed[jams]'"
        ) from error
    return jams


def parse(path: Path, recording: str) -> Annotations:
    """Read the segment and tag annotations of a file, whose values are the labels."""
    jams = _import_jams()
    try:
        document = jams.load(io.StringIO(read_text(path)), validate=False, fmt="jams")
        known = _annotations_of_events(document.annotations)
        namespaces = sorted({found.namespace for found in document.annotations})
    except (
        AttributeError,
        KeyError,
        RecursionError,
        TypeError,
        ValueError,
        jams.JamsError,
    ) as error:
        raise AnnotationError(str(path), f"not a JAMS file ({error})") from error
    annotations = Annotations(
        path, [recording], columns=["score"], names_recordings=False
    )
    if namespaces and not known:
        raise AnnotationError(
            str(path),
            "it has no segment or tag annotation, only the namespaces "
            f"{', '.join(namespaces)}",
        )
    if len(known) < len(document.annotations):
        annotations.notes.append(
            f"{path}: of the namespaces {', '.join(namespaces)} only "
            f"{known[0].namespace.split('_')[0]} annotations are read"
        )
    for index, annotation in enumerate(known):
        for event, observation in enumerate(annotation.data):
            place = f"annotation {index}, observation {event}"
            label = observation.value
            if not isinstance(label, str):
                raise annotations.fault(place, f"the value {label!r} is not a label")
            onset, duration = (
                number(str(getattr(observation, name)), name, annotations, place)
                for name in ("time", "duration")
            )
            # The sum of two decimals, not of their binary neighbours.
            offset = round(onset + duration, 9)
            score = observation.confidence
            extra = {} if score is None else {"score": score}
            require_label(label.strip(), annotations, place)
            annotations.rows.append(
                Row(place, recording, onset, offset, label.strip(), extra)
            )
    return annotations


def _annotations_of_events(annotations: Sequence[Any]) -> list[Any]:
    """Return the segment annotations or, where there are none, the tags."""
    for prefix in ("segment_", "tag_"):
        known = [
            annotation
            for annotation in annotations
            if annotation.namespace.startswith(prefix)
        ]
        if known:
            return known
    return []


def render(path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]) -> str:
    """Return the annotation of one recording, in the namespace segment_open.

    The format asks for the recording's duration, which events do not tell: the end of
    the last one stands in its place.
    """
    jams = _import_jams()
    table = tables[0]
    duration = round(float(table["offset"].max()), 6) if len(table) else 0.0
    annotation = jams.Annotation("segment_open", time=0, duration=duration)
    for event, row in enumerate(table.to_dict("records")):
        where = f"{filenames[0]}, event {event}"
        onset = round(row["onset"], 6)
        annotation.append(
            time=onset,
            duration=round(round(row["offset"], 6) - onset, 6),
            value=check_text(str(row["event_label"]), "event_label", where),
            confidence=row.get("score"),
        )
    document = jams.JAMS(annotations=[annotation])
    document.file_metadata.duration = duration
    return document.dumps(indent=2) + "\n"
