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
# An event is found when detections cover at least half of it, and a detection is false
# when less than half of it lies within true events. The curve over all classes is the
# mean of theirs less the standard deviation: one class that is hard to find pulls it
# down. (The test clips last under two minutes, so that a single false event is a rate
# of dozens per hour: the curve is drawn further than the customary 100.)
criteria = {"dtc_threshold": 0.5, "gtc_threshold": 0.5, "max_efpr": 1000}
X_test = log_mel.transform(test.X)
PSDROCDisplay.from_estimator(detector, X_test, test.y, scenario=criteria)
