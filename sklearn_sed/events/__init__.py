"""Event tables: build and check them, turn them into frames, tags and files.

The events of one clip are a :class:`pandas.DataFrame` with the columns ``onset`` and
``offset`` (seconds from the start of the clip) and ``event_label``; estimated events
also have a ``score`` (0 to 1). A table is sorted by onset, then label; a clip without
events is an empty table with the same columns. The events of several clips are a 1-D
object array of such tables.

This package owns the arithmetic between time and frames: frame ``k`` covers
seconds from ``time_offset + k * time_resolution`` to ``time_offset +
(k + 1) * time_resolution``.
"""

from sklearn_sed.events._files import read_durations, read_events, write_events
from sklearn_sed.events._frames import (
    events_to_frames,
    frames_to_events,
    frames_to_time,
    time_to_frames,
)
from sklearn_sed.events._html import EventsHTML
from sklearn_sed.events._long import from_table, to_table
from sklearn_sed.events._names import match_recordings
from sklearn_sed.events._partial import partial_events
from sklearn_sed.events._starts import recording_start
from sklearn_sed.events._tables import (
    TagArray,
    check_events,
    is_event_tables,
    make_events,
    stack_tables,
    to_tags,
)
from sklearn_sed.events._tags import read_tags, write_tags
from sklearn_sed.events._targets import events_to_targets

__all__ = [
    "EventsHTML",
    "TagArray",
    "check_events",
    "events_to_frames",
    "events_to_targets",
    "frames_to_events",
    "frames_to_time",
    "from_table",
    "is_event_tables",
    "make_events",
    "match_recordings",
    "partial_events",
    "read_durations",
    "read_events",
    "read_tags",
    "recording_start",
    "stack_tables",
    "time_to_frames",
    "to_table",
    "to_tags",
    "write_events",
    "write_tags",
]
