"""
Labels from another program
===========================

*Do labels survive the way from Audacity to Raven and back?*

Annotations come as Audacity label tracks, Raven selection tables, DCASE tables, RTTM
or JAMS files. :func:`~sklearn_sed.events.read_events` turns each into the same event
tables and :func:`~sklearn_sed.events.write_events` writes them.
"""

# %%
# A label track as Audacity exports it: onset, offset and label, separated by tabs. The
# line with a backslash is the frequency range of the label before it.
import tempfile
from pathlib import Path

from sklearn_sed.events import EventsHTML, read_events, write_events

folder = Path(tempfile.mkdtemp())
track = folder / "garden.txt"
track.write_text(
    "0.500000\t1.250000\tDog\n"
    "2.000000\t4.500000\tBird\n"
    "\\\t2000.000000\t7000.000000\n"
    "4.000000\t4.750000\tDog\n"
)
names, events = read_events(track, format="audacity")

# %%
# In a notebook ``EventsHTML`` shows event tables: a timeline for each recording, and a
# table to unfold.
EventsHTML(events, filenames=names, durations=6)

# %%
# The same events as a Raven selection table,
raven = folder / "garden.selections.txt"
write_events(raven, names, events)
print(raven.read_text())

# %%
# as a DCASE table of many recordings,
dcase = folder / "all.tsv"
write_events(dcase, ["garden.wav"], events)
print(dcase.read_text())

# %%
# and as RTTM, which has no place for frequencies and says so.
import warnings

rttm = folder / "all.rttm"
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    write_events(rttm, ["garden.wav"], events)
print(rttm.read_text(), *(warning.message for warning in caught), sep="\n")

# %%
# Read again from the Raven table, the times are the same to the microsecond.
from sklearn_sed.plotting import EventsDisplay

_, returned = read_events(raven)
EventsDisplay.from_predictions(
    events,
    returned,
    duration=6,
    true_kwargs={"label": "Audacity"},
    pred_kwargs={"label": "back from Raven"},
)
