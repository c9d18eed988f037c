"""Make the reference values that tests compare with: oracle.json and three lists.

Run ``python tests/data/make_oracle.py`` to write the files beside this script anew.
Everything in them is random. Event- and segment-based scores come from sed_eval; all
else from the definitions, as slowly and plainly as they can be written, in whole
microseconds and without a line of the package.
"""

import json
import math
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import sed_eval

HERE = Path(__file__).parent
SCENARIOS = {
    "psds1": {"dtc": "0.7", "gtc": "0.7", "cttc": None, "alpha_ct": 0, "alpha_st": 1},
    "psds2": {
        "dtc": "0.1",
        "gtc": "0.1",
        "cttc": "0.3",
        "alpha_ct": 0.5,
        "alpha_st": 1,
    },
    "psds_plain": {
        "dtc": "0.5",
        "gtc": "0.5",
        "cttc": None,
        "alpha_ct": 0,
        "alpha_st": 0,
    },
}
CLASSES = [
    "Alarm_bell_ringing", "Blender", "Cat", "Dishes", "Dog", "Frying",
    "Electric_shaver_toothbrush", "Running_water", "Speech", "Vacuum_cleaner",
]  # fmt: skip


# Random problems


def make_problem(rng):
    """Return clips with events, estimates of them, and frame scores in per cent."""
    labels = [f"class_{index}" for index in range(rng.integers(2, 5))]
    resolution = float(rng.choice([0.1, 0.05]))
    names = [f"clip_{index}" for index in range(rng.integers(2, 5))]
    durations = {name: float(rng.choice([2.5, 4.0, 6.0])) for name in names}
    problem = {
        "labels": labels,
        "time_resolution": resolution,
        "durations": durations,
        "max_efpr": float(rng.choice([100, 2000, 8000])),
        "reference": {},
        "estimated": {},
        "scores": {},
    }
    for name, duration in durations.items():
        reference = make_events(rng, labels, duration, rng.integers(0, 6))
        moved = [
            move(rng, event, duration) for event in reference if rng.random() < 0.7
        ]
        extra = make_events(rng, labels, duration, rng.integers(0, 3))
        problem["reference"][name] = sorted(reference)
        problem["estimated"][name] = sorted([*moved, *extra])
        n_frames = math.ceil(duration / resolution)
        scores = rng.integers(0, 60, (n_frames, len(labels)))
        for onset, offset, label in reference:
            first, stop = int(onset / resolution), math.ceil(offset / resolution)
            scores[first:stop, labels.index(label)] += 40
        problem["scores"][name] = scores.tolist()
    return problem


def make_events(rng, labels, duration, n_events):
    events = []
    for _ in range(n_events):
        onset = rng.uniform(0, duration - 0.1)
        offset = min(duration, onset + rng.uniform(0.1, 2.0))
        events.append([round(onset, 2), round(offset, 2), str(rng.choice(labels))])
    return events


def move(rng, event, duration):
    onset, offset = np.array(event[:2]) + rng.normal(0, 0.15, 2)
    onset = min(max(0.0, onset), duration - 0.05)
    offset = min(max(onset + 0.05, offset), duration)
    return [round(float(onset), 2), round(float(offset), 2), event[2]]


# sed_eval


def ask_sed_eval(problem):
    """Return the event- and segment-based scores."""
    labels = problem["labels"]
    metrics = {
        "event_based": sed_eval.sound_event.EventBasedMetrics(
            labels, t_collar=0.2, percentage_of_length=0.2
        ),
        "segment_based": sed_eval.sound_event.SegmentBasedMetrics(
            labels, time_resolution=1.0
        ),
    }
    for name, duration in problem["durations"].items():
        lists = [
            [
                {"file": name, "onset": a, "offset": b, "event_label": label}
                for a, b, label in problem[side][name]
            ]
            for side in ("reference", "estimated")
        ]
        metrics["event_based"].evaluate(*lists)
        metrics["segment_based"].evaluate(*lists, evaluated_length_seconds=duration)
    results = {}
    for key, metric in metrics.items():
        overall = metric.results_overall_metrics()
        by_class = {
            label: metric.class_wise_f_measure(label)["f_measure"] for label in labels
        }
        results[key] = {
            "micro_f": defined(overall["f_measure"]["f_measure"]),
            "error_rate": defined(overall["error_rate"]["error_rate"]),
            "class_wise_f": {label: defined(f) for label, f in by_class.items()},
        }
    return results


def defined(value):
    return None if math.isnan(value) else round(float(value), 10)


# Spans of whole microseconds


def spans(events, label):
    return [
        (round(1e6 * onset), round(1e6 * offset))
        for onset, offset, name in events
        if name == label
    ]


def join(pieces):
    """Return the union of spans as spans that do not touch."""
    joined = []
    for start, stop in sorted(pieces):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], stop)
        else:
            joined.append((start, stop))
    return joined


def shared(span, pieces):
    """Return how much of a span lies within the union of others."""
    return sum(
        max(0, min(span[1], stop) - max(span[0], start)) for start, stop in join(pieces)
    )


def meets(span, pieces, share):
    common = shared(span, pieces)
    return common > 0 and common >= Fraction(share) * (span[1] - span[0])


def count(reference, found, label, labels, dtc, gtc, cttc):
    """Count in one clip: false and true positives, cross-triggers of each class."""
    own = spans(reference, label)
    relevant = [span for span in found if meets(span, own, dtc)]
    false = [span for span in found if span not in relevant]
    crossing = {
        other: sum(meets(span, spans(reference, other), cttc) for span in false)
        for other in labels
        if cttc is not None and other != label
    }
    return len(false), sum(meets(span, relevant, gtc) for span in own), crossing


def intersection_f(problem):
    """Return the intersection-based F1: of each class, their mean, from all counts."""
    labels, total, by_class = problem["labels"], np.zeros(3), {}
    for label in labels:
        counts = np.zeros(3)
        for name, reference in problem["reference"].items():
            found = spans(problem["estimated"][name], label)
            fp, tp, _ = count(reference, found, label, labels, "0.5", "0.5", None)
            counts += tp, fp, len(spans(reference, label)) - tp
        by_class[label] = f_score(*counts)
        total += counts
    mean = sum(by_class.values()) / len(by_class)
    return by_class | {"macro_average": mean, "micro_average": f_score(*total)}


def f_score(tp, fp, fn):
    return float(2 * tp / (2 * tp + fp + fn)) if tp else 0.0


# PSDS


def detections(scores, threshold, duration, resolution):
    """Return the runs of frames above a threshold, cut at the end of the clip."""
    runs, begun = [], None
    for frame, score in enumerate([*scores, -1]):
        if score > threshold and begun is None:
            begun = frame
        if score <= threshold and begun is not None:
            times = (round(1e6 * resolution * edge) for edge in (begun, frame))
            start, stop = (min(time, round(1e6 * duration)) for time in times)
            runs += [(start, stop)] * (start < stop)
            begun = None
    return runs


def operating_points(problem, label, scenario):
    """Return the rates at every threshold that makes a difference."""
    labels = problem["labels"]
    hours = sum(problem["durations"].values()) / 3600
    heard = {
        other: sum(
            stop - start
            for reference in problem["reference"].values()
            for start, stop in join(spans(reference, other))
        )
        / 3.6e9
        for other in labels
    }
    n_events = sum(len(spans(r, label)) for r in problem["reference"].values())
    points = [(0.0, 0.0)]
    for threshold in range(-1, 101):
        fp = tp = 0
        crossing = dict.fromkeys(labels, 0)
        for name, reference in problem["reference"].items():
            column = [row[labels.index(label)] for row in problem["scores"][name]]
            found = detections(
                column,
                threshold,
                problem["durations"][name],
                problem["time_resolution"],
            )
            criteria = (scenario[key] for key in ("dtc", "gtc", "cttc"))
            counts = count(reference, found, label, labels, *criteria)
            fp, tp = fp + counts[0], tp + counts[1]
            for other, number in counts[2].items():
                crossing[other] += number
        crossed = [
            crossing[other] / heard[other] if heard[other] else 0.0
            for other in labels
            if other != label
        ]
        rate = fp / hours + scenario["alpha_ct"] * sum(crossed) / len(crossed)
        points.append((rate, tp / n_events if n_events else 0.0))
    return points


def area(heights, edges):
    widths = np.diff(edges)
    return float(np.dot(heights, widths) / edges[-1])


def psds(problem, scenario):
    """Return the area under the curve of all classes, and of each."""
    curves = {
        label: operating_points(problem, label, scenario) for label in problem["labels"]
    }
    rates = {rate for points in curves.values() for rate, _ in points}
    edges = sorted(rate for rate in rates if rate < problem["max_efpr"])
    reached = {
        label: [max(tpr for rate, tpr in points if rate <= edge) for edge in edges]
        for label, points in curves.items()
    }
    edges.append(problem["max_efpr"])
    table = np.array(list(reached.values()))
    overall = table.mean(axis=0) - scenario["alpha_st"] * table.std(axis=0)
    by_class = {label: area(heights, edges) for label, heights in reached.items()}
    return area(np.maximum(overall, 0), edges), by_class


# Cosines


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def make_penalty(rng):
    """Return frame scores, tags, and the cosine penalty of each class."""
    scores = rng.uniform(0, 1, (3, 20, 4)).round(3)
    tags = [[1, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 0]]
    penalty = [
        [
            sum(
                cosine(clip[:, c], clip[:, d])
                for d in range(4)
                if d != c and present[c] and present[d]
            )
            for c in range(4)
        ]
        for clip, present in zip(scores, tags)
    ]
    return {"scores": scores.tolist(), "tags": tags, "penalty": penalty}


def make_overlap(problem):
    """Return the mean cosine of activities over the clips that have both classes."""
    labels, matrix = problem["labels"], []
    for a in labels:
        row = []
        for b in labels:
            cosines = []
            for name, events in problem["reference"].items():
                grid = range(0, round(1e6 * problem["durations"][name]), 10_000)
                active = [
                    [
                        any(start <= tick < stop for start, stop in spans(events, c))
                        for tick in grid
                    ]
                    for c in (a, b)
                ]
                if all(map(any, active)):
                    cosines.append(cosine(*active))
            row.append(1.0 if a == b else sum(cosines) / max(len(cosines), 1))
        matrix.append(row)
    return matrix


# Lists


def write_lists(rng):
    """Write lists as DCASE has them; a sixth of test_shared.csv is in weak.csv."""
    names = [
        f"Y{''.join(rng.choice([*'abcXYZ019-_'], 11))}_{start}.000_{start + 10}.000.wav"
        for start in 10 * rng.permutation(110)
    ]
    train, test = names[:80], names[80:]
    tags = [rng.choice(CLASSES, rng.integers(1, 4), replace=False) for _ in train]
    rows = ["filename\tevent_labels"]
    rows += [f"{name}\t{','.join(labels)}" for name, labels in zip(train, tags)]
    write("weak.csv", rows)
    for path, clips in {
        "test.csv": test,
        "test_shared.csv": [*train[:5], *test[5:]],
    }.items():
        rows = ["filename\tonset\toffset\tevent_label"]
        for name in sorted(clips):
            for onset, offset, label in sorted(make_events(rng, CLASSES, 10.0, 3)):
                rows.append(f"{name}\t{onset:.3f}\t{offset:.3f}\t{label}")
        write(path, rows)


def write(name, rows):
    (HERE / name).write_text("\n".join(rows) + "\n", encoding="utf-8")


def main():
    rng = np.random.default_rng(0)
    problems = [make_problem(rng) for _ in range(16)]
    for problem in problems:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem["expected"] = ask_sed_eval(problem)
        problem["expected"]["intersection_based_f"] = intersection_f(problem)
        for key, scenario in SCENARIOS.items():
            value, by_class = psds(problem, scenario)
            problem["expected"] |= {key: value, f"{key}_class_wise": by_class}
        problem["expected"]["overlap"] = make_overlap(problem)
    content = {"problems": problems, "penalty": make_penalty(rng)}
    text = json.dumps(content, separators=(",", ":"))
    (HERE / "oracle.json").write_text(text + "\n", encoding="utf-8")
    write_lists(rng)


if __name__ == "__main__":
    main()
