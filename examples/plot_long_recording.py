"""
An hour-long recording
======================

*What happened in this hour?*

A model learns from clips of a few seconds, and then goes through a recording of any
length in overlapping windows, without ever holding more than a part of it in memory.
"""

# %%
# A pipeline that takes files, trained on the tags of short clips. Half of them hold
# nothing but background: so does most of the hour.
from sklearn.pipeline import make_pipeline

from sklearn_sed import LogMelTransformer, WeakEventDetector
from sklearn_sed.datasets import make_soundscapes

settings = {"classes": ["Alarm_bell_ringing", "Dog", "Speech"], "sample_rate": 16000}
train = make_soundscapes(
    80, duration=3, events_per_clip=(0, 1), random_state=0, **settings
)
sed = make_pipeline(
    LogMelTransformer(sample_rate=16000, hop_length=512, n_mels=32),
    WeakEventDetector(
        network_params={"n_filters": (16, 32, 32), "n_rnn": 32},
        batch_size=8,
        learning_rate=3e-3,
        max_epochs=20,
        device="cpu",
        random_state=0,
    ),
).fit(train.X, train.y_weak)

# %%
# The hour is made minute by minute and goes to the disk at once. People talk at first,
# a dog barks around half past, and towards the end an alarm rings.
import tempfile
from pathlib import Path

import pandas as pd
import soundfile

heard = {
    "Speech": range(2, 15),
    "Dog": range(27, 39),
    "Alarm_bell_ringing": range(46, 54),
}
folder = tempfile.TemporaryDirectory()
path = Path(folder.name, "hour.wav")
tables = []
with soundfile.SoundFile(path, "w", samplerate=16000, channels=1) as file:
    for minute in range(60):
        present = [label for label, minutes in heard.items() if minute in minutes]
        block = make_soundscapes(
            1,
            classes=present or ["Dog"],
            duration=60,
            events_per_clip=(4, 10) if present else 0,
            sample_rate=16000,
            random_state=minute,
        )
        file.write(block.X[0])
        tables.append(block.y[0])
        tables[-1][["onset", "offset"]] += 60 * minute
truth = pd.concat(tables, ignore_index=True)

# %%
# ``window`` is the length of the clips in training. ``iter_events`` would yield the
# events one by one, as they are found.
from sklearn_sed.inference import detect_events

found = detect_events(sed, path, window=3.0)
folder.cleanup()
found.head()

# %%
# Events per minute, as they were and as they were found.
import matplotlib.pyplot as plt
import numpy as np

figure, axes = plt.subplots(3, sharex=True, figsize=(6, 4), layout="constrained")
for ax, label in zip(axes, heard):
    for events, style in (
        (truth, {"color": "#0072B2", "alpha": 0.4, "label": "true", "fill": True}),
        (found, {"color": "#D55E00", "label": "found", "linewidth": 1.5}),
    ):
        onset = events.loc[events["event_label"] == label, "onset"]
        counts, edges = np.histogram(onset / 60, bins=60, range=(0, 60))
        ax.stairs(counts, edges, **style)
    ax.set_title(label.replace("_", " "), loc="left", fontsize="medium")
    ax.set(ylim=(0, None))
axes[0].legend(frameon=False, ncols=2, loc="upper right")
axes[1].set_ylabel("Events per minute")
axes[2].set(xlabel="Time (minutes)", xlim=(0, 60))
plt.show()
