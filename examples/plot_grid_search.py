"""
Grid search of the cosine weight
================================

*Which weight of the penalty suits my clips?*

Everything is a scikit-learn parameter, so an ordinary grid search answers. One ``y`` of
event tables serves both sides: the detector is fitted on its tags, the scorer compares
times.
"""

# %%
# Clips in which two classes mostly come together, and folds that give every class its
# share.
from sklearn.model_selection import GridSearchCV

from sklearn_sed import LogMelTransformer, WeakEventDetector
from sklearn_sed.datasets import make_soundscapes
from sklearn_sed.metrics import segment_based_f1_scorer
from sklearn_sed.model_selection import MultilabelStratifiedKFold

data = make_soundscapes(
    36,
    classes=["Alarm_bell_ringing", "Dog", "Speech"],
    co_occurrence={("Alarm_bell_ringing", "Speech"): 0.5},
    events_per_clip=(1, 2),
    duration=3,
    random_state=0,
)
X = LogMelTransformer(n_mels=32).fit_transform(data.X)

detector = WeakEventDetector(
    network_params={"n_filters": (16, 32, 32), "n_rnn": 32},
    batch_size=8,
    learning_rate=3e-3,
    max_epochs=12,
    device="cpu",
    random_state=0,
)
search = GridSearchCV(
    detector,
    {"cosine_weight": [0.0, 0.1, 0.5, 1.0]},
    scoring=segment_based_f1_scorer,
    cv=MultilabelStratifiedKFold(3),
    refit=False,
).fit(X, data.y)

# %%
# The mean over the folds, and how far they spread. So few clips and epochs spread
# widely: where the bars overlap, the data do not decide, and the default may stay.
import matplotlib.pyplot as plt

results = search.cv_results_
weights = [str(weight) for weight in results["param_cosine_weight"]]
figure, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.errorbar(
    weights,
    results["mean_test_score"],
    results["std_test_score"],
    fmt="o",
    color="#0072B2",
    capsize=4,
)
ax.set(xlabel="cosine_weight", ylabel="Segment-based F1 (macro)", ylim=(0, 1))
plt.show()
