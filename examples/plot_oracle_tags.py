"""
Oracle tags
===========

*Is it what or when that goes wrong?*

An event is lost when its class is not noticed in the clip, or when its times are off.
Told which classes are in each clip, the same system can only fail at the times: what
these **oracle tags** bring is what a better tagger would bring.
"""

# %%
# A two-pass system, trained on few clips with faint sounds, so that both passes make
# mistakes.
from sklearn.pipeline import make_pipeline

from sklearn_sed import LogMelTransformer, TwoPassSED, WeakEventDetector
from sklearn_sed.datasets import make_soundscapes

settings = {
    "classes": ["Alarm_bell_ringing", "Cat", "Dog", "Speech"],
    "events_per_clip": (0, 2),
    "duration": 3,
    "snr_db": (-15, 0),
}
train = make_soundscapes(80, random_state=0, **settings)
test = make_soundscapes(100, random_state=1, **settings)

detector = WeakEventDetector(
    network_params={"n_filters": (16, 32, 32), "n_rnn": 32},
    batch_size=8,
    learning_rate=3e-3,
    max_epochs=20,
    device="cpu",
    random_state=0,
)
sed = make_pipeline(LogMelTransformer(n_mels=32), TwoPassSED(detector=detector))
sed.fit(train.X, train.y_weak)

# %%
# The events by the system alone, and those it finds when it is told the tags, judged by
# how much of them overlaps the true ones.
from sklearn_sed.metrics import intersection_f1_score

labels = list(train.classes)
answers = {
    "by itself": sed.predict(test.X),
    "told the tags": sed.predict(test.X, tags=test.y_weak),
}
scores = {
    name: intersection_f1_score(test.y, events, average=None, labels=labels)
    for name, events in answers.items()
}

# %%
# The step from the first to the second bar is owed to the tags; what the second one
# lacks to 1 is owed to the times.
import matplotlib.pyplot as plt
import numpy as np

figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for shift, color, (name, per_class) in zip(
    (-0.2, 0.2), ("#0072B2", "#E69F00"), scores.items()
):
    ax.bar(np.arange(len(labels)) + shift, per_class, 0.38, color=color, label=name)
ax.set_xticks(range(len(labels)), [name.replace("_", " ") for name in labels])
ax.set(ylabel="Intersection-based F1", ylim=(0, 1))
figure.legend(frameon=False, ncols=2, loc="outside upper right")
plt.show()
