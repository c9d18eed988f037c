"""JAMS files, through the jams library."""

import io
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from sklearn_sed.events._records import Annotations, Reading, read_text, written_events
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


def parse(path: Path, recording: str, reading: Reading) -> Annotations:
    """Read the segment and tag annotations of a file, whose values are the labels."""
    jams = _import_jams()
    try:
        stream = io.StringIO(read_text(path, reading.encoding))
        document = jams.load(stream, validate=False, fmt="jams")
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
    annotations = Annotations(path, reading, [recording], columns=["score"])
    annotations.names_recordings = False
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
            where = f"{path}, annotation {index}, observation {event}"
            time, duration, label, confidence = observation
            if not isinstance(label, str):
                raise AnnotationError(where, f"the value {label!r} is not a label")
            extra = {} if confidence is None else {"score": confidence}
            annotations.add(
                where, recording, label.strip(), time, duration=duration, extra=extra
            )
    return annotations


def _annotations_of_events(annotations: Sequence[Any]) -> list[Any]:
    """Return the segment annotations or, where there are none, the tags."""
    kinds = {
        prefix: [known for known in annotations if known.namespace.startswith(prefix)]
        for prefix in ("segment_", "tag_")
    }
    return kinds["segment_"] or kinds["tag_"]


def render(path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]) -> str:
    """Return the annotation of one recording, in the namespace segment_open.

    The format asks for the recording's duration, which events do not tell: the end of
    the last one stands in its place.
    """
    jams = _import_jams()
    table = tables[0]
    duration = round(float(table["offset"].max()), 6) if len(table) else 0.0
    annotation = jams.Annotation("segment_open", time=0, duration=duration)
    for _, onset, offset, label, (score,) in written_events(
        filenames[0], table, ["score"]
    ):
        time = float(onset)
        annotation.append(
            time=time,
            duration=round(float(offset) - time, 6),
            value=label,
            confidence=score if "score" in table else None,
        )
    document = jams.JAMS(annotations=[annotation])
    document.file_metadata.duration = duration
    return document.dumps(indent=2) + "\n"
