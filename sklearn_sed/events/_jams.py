"""JAMS files, through the jams library."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from sklearn_sed.events._records import Annotations, Reading, read_text, written_events
from sklearn_sed.exceptions import AnnotationError

# Namespaces of events, by how they begin: annotators' first, then those of scaper and
# URBAN-SED, which describe each sound of a mixture, then whole-clip tags.
_EVENTS = ("segment_", "scaper", "sound_event", "tag_")


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
    """Read the annotations of a file whose values are labels, or describe a sound."""
    jams = _import_jams()
    try:
        stream = io.StringIO(read_text(path, reading.encoding))
        document = jams.load(stream, validate=False, fmt="jams")
        kind, known = _annotations_of_events(document.annotations)
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
            f"{', '.join(namespaces)}; those that begin with {', '.join(_EVENTS)} are "
            "read",
        )
    if len(known) < len(document.annotations):
        annotations.notes.append(
            f"{path}: of the namespaces {', '.join(namespaces)} only "
            f"{kind.rstrip('_')} annotations are read"
        )
    for index, annotation in enumerate(known):
        for event, observation in enumerate(annotation.data):
            where = f"{path}, annotation {index}, observation {event}"
            time, duration, value, confidence = observation
            label = _label_of(value, where)
            if label is not None:
                extra = {} if confidence is None else {"score": confidence}
                annotations.add(
                    where, recording, label, time, duration=duration, extra=extra
                )
    return annotations


def _annotations_of_events(annotations: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return the first kind of events that occurs, and its annotations."""
    for kind in _EVENTS:
        known = [found for found in annotations if found.namespace.startswith(kind)]
        if known:
            return kind, known
    return "", []


def _label_of(value: Any, where: str) -> str | None:
    """Return the label of an observation, None for a sound in the background."""
    label = value
    if isinstance(value, Mapping):  # as scaper describes what it mixes
        label = value.get("label")
        if value.get("role") == "background":
            return None
    if not isinstance(label, str):
        raise AnnotationError(where, f"the value {value!r} is not a label")
    return label.strip()


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
