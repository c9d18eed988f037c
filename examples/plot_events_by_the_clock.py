"""
When do they call?
==================

*At which hours, and on which days, is each class heard?*

Recorders write into the name of a recording when it began. With that, the events of a
season fall into place on the clock.
"""

# %%
# Six weeks of a recorder that wakes every hour for ten minutes; for a week in between
# its batteries were empty. The events are made up: robins sing at dawn, earlier every
# day, nightingales at night, and from May on. Those of your recordings come from
# ``detect_files`` or :func:`~sklearn_sed.events.read_events`.
from datetime import datetime, timedelta

import numpy as np

from sklearn_sed.events import make_events

rng = np.random.default_rng(0)
begin = datetime(2024, 4, 20)
hours = [begin + timedelta(hours=h) for h in range(6 * 7 * 24) if h // 168 != 2]
filenames = [f"WOOD_{start:%Y%m%d_%H%M%S}.wav" for start in hours]


def song(start):
    """Return the events of ten minutes."""
    day, hour = (start - begin).days, start.hour
    dawn = 5.5 - 0.03 * day
    rates = {
        "Robin": 40 * np.exp(-((hour - dawn) ** 2) / 3) + 4 * (6 < hour < 20),
        "Nightingale": 25 * (day > 10) * np.exp(-(((hour + 11) % 24 - 11) ** 2) / 8),
    }
    labels = [label for label, rate in rates.items() for _ in range(rng.poisson(rate))]
    onset = rng.uniform(0, 598, len(labels))
    return make_events(onset, onset + 2, labels)


events = [song(start) for start in hours]

# %%
# :class:`~sklearn_sed.plotting.TimelineDisplay` shows one recording that is too long
# for each event to be seen, here a night put together from its parts.
import matplotlib.pyplot as plt
import pandas as pd

from sklearn_sed.plotting import EventsPerHourDisplay, TimelineDisplay

night = datetime(2024, 5, 12, 20)
tables = []
for k in range(60):
    table = song(night + timedelta(minutes=10 * k))
    tables.append(table.assign(onset=table["onset"] + 600 * k))
    tables[-1]["offset"] += 600 * k
TimelineDisplay(pd.concat(tables), duration=36000.0, start=night).plot()
plt.show()

# %%
# :class:`~sklearn_sed.plotting.EventsPerHourDisplay` shows all of them. It reads the
# times from the names by :func:`~sklearn_sed.events.recording_start`; `starts` takes
# those that no name holds. White is an hour without events. The line is where a week
# without recordings is left out; an hour that was not recorded would be hatched.
EventsPerHourDisplay.from_predictions(filenames, events, durations=600)
plt.show()

# %%
# ``sklearn-sed plot found.tsv audio/ -o pictures/`` draws both without a line of
# Python, the former for each recording and with its spectrogram.
