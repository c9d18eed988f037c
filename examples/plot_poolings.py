"""
Pooling functions on the same clip
==================================

*How does the pooling shape the score curves?*

Training compares one score per clip with the clip's tags. The pooling makes that score
from the scores of the frames, and so decides which frames learn. Three detectors, alike
in all but their pooling, score the same clip.
"""

# %%
# The same data, seed and training for each of them; the cosine penalty is left out.
import numpy as np
import pandas as pd

from sklearn_sed import FeatureArray, LogMelTransformer, WeakEventDetector
from sklearn_sed.datasets import make_soundscapes
from sklearn_sed.plotting import FrameScoresDisplay

settings = {"classes": ["Alarm_bell_ringing", "Dog", "Speech"], "duration": 3}
train = make_soundscapes(60, events_per_clip=(0, 2), random_state=0, **settings)
test = make_soundscapes(6, events_per_clip=(1, 2), random_state=1, **settings)
log_mel = LogMelTransformer(n_mels=32)
X_train, X_test = log_mel.fit_transform(train.X), log_mel.transform(test.X)

poolings = ["max", "mean", "linear_softmax"]
label, clip = "Dog", 0
curves = []
for pooling in poolings:
    detector = WeakEventDetector(
        pooling=pooling,
        cosine_weight=0,
        network_params={"n_filters": (16, 32, 32), "n_rnn": 32},
        batch_size=8,
        learning_rate=3e-3,
        max_epochs=20,
        device="cpu",
        random_state=0,
    ).fit(X_train, train.y)
    frame_proba = detector.predict_frame_proba(X_test[[clip]])
    curves.append(frame_proba[0, :, list(detector.classes_).index(label)])

# %%
# One lane for each pooling; the shades are the true events, which no detector was told.
# The maximum trains one frame per clip: its curve picks single moments. The mean wants
# every frame of a tagged clip to be high: its curve hardly comes down. Linear softmax,
# the default, raises the frames above half the clip's score and lowers the others.
truth = test.y[clip].query("event_label == @label")
FrameScoresDisplay.from_predictions(
    [pd.concat([truth.assign(event_label=pooling) for pooling in poolings])],
    FeatureArray(np.stack(curves, axis=-1)[None], X_test.time_resolution),
    classes=poolings,
    X=X_test[[clip]],
    sample_rate=log_mel.sample_rate,
)
