"""
A first detection
=================

*Can tags alone teach a model when a sound happens?*

Each training clip says what is in it, and nothing about when. The two-pass system
learns from that, and is then asked for onsets and offsets in clips it never heard.
"""

# %%
# The clips are made to order, so that their true times are known: afterwards they can
# be compared with what was found. Training sees ``y_weak``, the tags, and nothing else.
from sklearn.pipeline import make_pipeline

from sklearn_sed import LogMelTransformer, TwoPassSED, WeakEventDetector
from sklearn_sed.datasets import make_soundscapes
from sklearn_sed.plotting import EventsDisplay

settings = {"classes": ["Alarm_bell_ringing", "Dog", "Speech"], "duration": 3}
train = make_soundscapes(200, events_per_clip=(0, 2), random_state=0, **settings)
test = make_soundscapes(6, events_per_clip=(2, 3), random_state=1, **settings)

# %%
# A pipeline from waveforms (or files) to events. The network is made small and its
# training short, so that this page builds quickly; leave these settings out for real
# data.
detector = WeakEventDetector(
    network_params={"n_filters": (16, 32, 32), "n_rnn": 32, "time_pooling": 2},
    batch_size=8,
    learning_rate=3e-3,
    max_epochs=25,
    device="cpu",
    random_state=0,
)
sed = make_pipeline(LogMelTransformer(n_mels=32), TwoPassSED(detector=detector))
sed.fit(train.X, train.y_weak)

# %%
# Predictions are event tables, one per clip.
clip = 4
sed.predict(test.X)[clip]

# %%
# The same events as bars, below the true ones and the spectrogram. An orange bar under
# a blue one is an event that was found; how far their ends lie apart is how well it was
# placed.
EventsDisplay.from_estimator(sed, test.X, test.y, clip=clip)
