"""
Hysteresis and smoothing
========================

*How does a wavering score curve become whole events?*

Score curves dip within an event and jump between events. One threshold then breaks
events apart and invents short ones. The decoder has two remedies, and they go together.
"""

# %%
# A curve drawn by hand: two events, the first with a dip, a click that is no event, and
# noise.
import numpy as np

from sklearn_sed import EventDecoder
from sklearn_sed.events import make_events
from sklearn_sed.plotting import EventsDisplay, FrameScoresDisplay

time_resolution = 0.02
time = np.arange(0, 6, time_resolution)
truth = make_events([0.8, 4.0], [2.6, 4.9], ["Speech", "Speech"])
curve = np.full(len(time), 0.12)
for onset, offset in zip(truth["onset"], truth["offset"]):
    curve[(time >= onset) & (time < offset)] = 0.75
curve[(time >= 1.5) & (time < 2.0)] = 0.42
curve[(time >= 3.3) & (time < 3.36)] = 0.9
curve += np.random.default_rng(0).normal(0, 0.11, len(time))
curve = np.clip(np.convolve(curve, [0.25, 0.5, 0.25], mode="same"), 0, 1)

# %%
# Four decoders, from one bare threshold to smoothing and hysteresis: where an unbroken
# run of frames above the low threshold holds one above the high threshold, all of it is
# one event.
bare = {"smoothing": None, "min_gap": 0, "min_duration": 0}
smooth = {**bare, "smoothing": "median", "smoothing_length": 0.3}
decoders = {
    "threshold 0.5": EventDecoder(threshold=0.5, low_threshold=None, **bare),
    "median 0.3 s": EventDecoder(threshold=0.5, low_threshold=None, **smooth),
    "hysteresis 0.3, 0.6": EventDecoder(threshold=0.6, low_threshold=0.3, **bare),
    "both": EventDecoder(threshold=0.6, low_threshold=0.3, **smooth),
}
scores = curve[None, :, None]
found = {
    name: decoder.decode(scores, time_resolution, ["Speech"])[0]
    for name, decoder in decoders.items()
}
{name: len(events) for name, events in found.items()}

# %%
# The curve with a threshold of 0.5 (dotted), and below it what each decoder makes of
# it. Smoothing removes the click, hysteresis bridges the dip; together they find the
# two events.
import matplotlib.pyplot as plt
import pandas as pd

figure, (above, below) = plt.subplots(
    2, sharex=True, figsize=(6, 4), height_ratios=[1, 1.6], layout="constrained"
)
FrameScoresDisplay(
    scores[0],
    ["Speech"],
    events_true=truth,
    threshold=0.5,
    time_resolution=time_resolution,
).plot(above)
above.set_xlabel("")
EventsDisplay(
    pd.concat([truth.assign(event_label=name) for name in decoders]),
    pd.concat([events.assign(event_label=name) for name, events in found.items()]),
    labels=list(decoders),
    duration=time[-1] + time_resolution,
).plot(below)
plt.show()
