"""Make the reference values of scores over all thresholds: scores_oracle.json.

Run ``python tests/data/make_scores_oracle.py`` where sed_scores_eval 0.0.4 is installed
(with pandas below 3). Everything in the file is random, the values are those of
sed_scores_eval. Every class occurs, for it divides by nothing otherwise, and events of
a class lie apart, for it pairs events first come, first served. No boundary is just a
collar away from one of a frame, where rounding would decide.
"""

import json
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
LABELS = ["Cat", "Dog", "Speech"]
RESOLUTION = 0.1
SCENARIOS = {
    "1": {"dtc_threshold": 0.7, "gtc_threshold": 0.7, "alpha_st": 1.0},
    "2": {
        "dtc_threshold": 0.1,
        "gtc_threshold": 0.1,
        "cttc_threshold": 0.3,
        "alpha_ct": 0.5,
        "alpha_st": 1.0,
    },
}


def make_problem(rng):
    """Return clips with events, and three sets of frame scores in per cent."""
    durations = rng.choice([3.0, 4.4, 5.0], 5).tolist()
    reference = []
    for clip, duration in enumerate(durations):
        events = []
        for index, label in enumerate(LABELS):
            time = rng.uniform(0, 2)
            while time < duration - 0.3 and (rng.random() < 0.5 or clip == index):
                end = min(time + rng.uniform(0.2, 1.5), duration)
                span = round(round(time, 2) + 0.003, 3), round(round(end, 2) - 0.003, 3)
                events.append([*span, label])
                time = end + rng.uniform(0.6, 2)
        reference.append(sorted(events))
    sets = []
    for smoothing in (1, 3, 5):
        scores = []
        for duration, events in zip(durations, reference):
            times = RESOLUTION * (np.arange(round(duration / RESOLUTION)) + 0.5)
            curve = rng.integers(0, 60, (len(times), len(LABELS)))
            for onset, offset, label in events:
                loud = (times > onset) & (times < offset)
                curve[loud, LABELS.index(label)] += rng.integers(10, 40)
            kernel = np.ones(smoothing) / smoothing
            smooth = [np.convolve(column, kernel, "same") for column in curve.T]
            scores.append(np.transpose(smooth).astype(int).tolist())
        sets.append(scores)
    return {"durations": durations, "reference": reference, "sets": sets}


def frames(scores):
    """Return scores as sed_scores_eval takes them."""
    from sed_scores_eval.base_modules.scores import create_score_dataframe

    return {
        str(clip): create_score_dataframe(
            np.array(curve) / 100,
            np.round(np.arange(len(curve) + 1) * RESOLUTION, 6),
            LABELS,
        )
        for clip, curve in enumerate(scores)
    }


def plain(values):
    """Return class-wise values as floats."""
    return {label: float(values[label]) for label in LABELS}


def ask(problem):
    """Return the values that sed_scores_eval gives the problem."""
    from sed_scores_eval import collar_based, intersection_based, segment_based

    truth = {str(clip): events for clip, events in enumerate(problem["reference"])}
    durations = {str(clip): d for clip, d in enumerate(problem["durations"])}
    first, *_ = sets = [frames(scores) for scores in problem["sets"]]
    expected = {}
    for name, scenario in SCENARIOS.items():
        options = scenario | {"max_efpr": 2000.0}
        value, by_class, *_ = intersection_based.psds(
            first, truth, durations, **options
        )
        expected[f"psds{name}"] = [float(value), plain(by_class)]
        value, *_ = intersection_based.postprocessing_independent_psds(
            None,
            truth,
            durations,
            postprocessing_functions=None,
            scores_processed=sets,
            num_jobs=len(sets),
            **options,
        )
        expected[f"pi_psds{name}"] = float(value)
    for key, max_fpr in (("mpauc", 0.1), ("auc", 1.0)):
        areas, _ = segment_based.auroc(
            first, truth, durations, segment_length=1.0, max_fpr=max_fpr
        )
        expected[key] = plain(areas)
    f1, *_ = segment_based.best_fscore(first, truth, durations, segment_length=1.0)
    expected["best_segment_f1"] = plain(f1)
    f1, *_ = collar_based.best_fscore(
        first, truth, onset_collar=0.2, offset_collar=0.2, offset_collar_rate=0.2
    )
    expected["best_event_f1"] = plain(f1)
    return expected


def main():
    rng = np.random.default_rng(1)
    problems = [make_problem(rng) for _ in range(4)]
    for problem in problems:
        problem["expected"] = ask(problem)
    content = {"labels": LABELS, "time_resolution": RESOLUTION, "problems": problems}
    text = json.dumps(content, separators=(",", ":"))
    (HERE / "scores_oracle.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
