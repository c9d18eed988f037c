"""
The PSD-ROC curve
=================

*How good are the scores, whatever the threshold?*

An F1 score judges one choice of thresholds. The PSD-ROC curve goes through all of them:
how many events are found, against how many false ones per hour one has to put up with.
Its area is the PSDS.
"""

# %%
# A small detector, trained on tags.
from sklearn_sed import LogMelTransformer, WeakEventDetector
from sklearn_sed.datasets import make_soundscapes
from sklearn_sed.plotting import PSDROCDisplay

settings = {
    "classes": ["Alarm_bell_ringing", "Dog", "Speech"],
    "events_per_clip": (0, 2),
    "duration": 3,
}
train = make_soundscapes(48, random_state=0, **settings)
test = make_soundscapes(36, random_state=1, **settings)
log_mel = LogMelTransformer(n_mels=32)
detector = WeakEventDetector(
    network_params={"n_filters": (16, 32, 32), "n_rnn": 32},
    batch_size=8,
    learning_rate=3e-3,
    max_epochs=20,
    device="cpu",
    random_state=0,
).fit(log_mel.fit_transform(train.X), train.y_weak)

# %%
# Scenario 2 forgives loose boundaries and punishes confusion of classes; scenario 1,
# the default, wants events placed well. The curve over all classes is the mean of those
# of the classes less their standard deviation: one class that is never found pulls it
# down.
PSDROCDisplay.from_estimator(detector, log_mel.transform(test.X), test.y, scenario=2)
