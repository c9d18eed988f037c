"""How early and how late trained detectors find bursts of a tone, and by how much.

Learns from tags which tones are in two seconds of noise. Prints the mean signed error
of onsets and offsets over other clips, in milliseconds, for settings of the decoder and
of training: `python benchmarks/bursts.py`, some minutes.
"""

import argparse

import numpy as np

from sklearn_sed import EventDecoder, LogMelTransformer, WeakEventDetector
from sklearn_sed.events import make_events, stack_tables, to_tags

TONES = {"low": 500, "high": 2000}
FEATURES = {
    "frames of 8 ms": {
        "sample_rate": 8000,
        "n_fft": 256,
        "hop_length": 64,
        "n_mels": 16,
    },
    "default features": {},
}
TRAINING = {
    "default": {},
    "mixup=0": {"mixup": 0},
    "pooling='max'": {"pooling": "max"},
}
DECODERS = {
    "default": {},
    "low_threshold='tenth'": {"low_threshold": "tenth"},
    "low_threshold='half'": {"low_threshold": "half"},
    "one threshold, 0.5": {"low_threshold": None},
    "one threshold, 0.8": {"threshold": 0.8, "low_threshold": None},
    "one threshold, 0.97": {"threshold": 0.97, "low_threshold": None},
    "0.5 of rescaled curves": {"rescale": True, "low_threshold": None},
}


def make_bursts(n_clips, seed, sample_rate):
    """Return waveforms of noise, with a burst of each tone or none, and events."""
    rng = np.random.default_rng(seed)
    time = np.arange(2 * sample_rate) / sample_rate
    sounds = 0.2 * rng.normal(size=(n_clips, len(time)))
    tables = []
    for i, sound in enumerate(sounds):
        labels = [["low"], ["high"], ["low", "high"], []][i % 4]
        onsets = rng.uniform(0.2, 1.2, len(labels))
        offsets = onsets + rng.uniform(0.3, 0.7, len(labels))
        for label, onset, offset in zip(labels, onsets, offsets):
            inside = (time >= onset) & (time < offset)
            sound += 0.1 * inside * np.sin(2 * np.pi * TONES[label] * time)
        tables.append(make_events(onsets, offsets, labels))
    return sounds.astype(np.float32), stack_tables(tables)


def mean_errors(truth, found):
    """Return the mean error of onsets and offsets, and how many were not one to one."""
    errors, n_wrong = [], 0
    for true, own in zip(truth, found, strict=True):
        for label in {*true["event_label"], *own["event_label"]}:
            a, b = (
                t.loc[t["event_label"] == label, ["onset", "offset"]].to_numpy()
                for t in (true, own)
            )
            if len(a) == len(b) == 1:
                errors.append((b - a)[0])
            else:
                n_wrong += 1
    return *(1000 * np.mean(errors, axis=0)), n_wrong


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    for features, options in FEATURES.items():
        transformer = LogMelTransformer(**options)
        rate = transformer.sample_rate
        x, y = make_bursts(96, 0, rate)
        x_new, y_new = make_bursts(96, 1, rate)
        x, x_new = transformer.fit_transform(x), transformer.transform(x_new)
        for training, settings in TRAINING.items():
            rows = {name: [] for name in DECODERS}
            for seed in args.seeds:
                detector = WeakEventDetector(
                    max_epochs=20, batch_size=8, random_state=seed, **settings
                ).fit(x, to_tags(y))
                for name, decoder in DECODERS.items():
                    detector.decoder = EventDecoder(**decoder)
                    found = detector.predict(x_new, tags=to_tags(y_new))
                    rows[name].append(mean_errors(y_new, found))
            print(f"{features}, {training}: onset, offset in ms, not one to one")
            for name, errors in rows.items():
                onset, offset, wrong = np.mean(errors, axis=0)
                print(f"  {name:24} {onset:+6.0f} {offset:+6.0f} {wrong:5.1f}")


if __name__ == "__main__":
    main()
