"""Make the model file that tests of later versions must still read.

``python -m tests.persistence.make_model`` writes ``tests/data/model_v<format>.sed``
and, beside it, what the model says of two chirps.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.pipeline import make_pipeline

from sklearn_sed import (
    EventDecoder,
    LogMelTransformer,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
    save_model,
)
from sklearn_sed._persistence._files import FORMAT

DATA = Path(__file__).parents[1] / "data"


def chirps():
    """Waveforms that no random generator is needed for."""
    t = np.arange(4000) / 8000
    return np.array([0.3 * np.sin(2 * np.pi * f * t * (1 + t)) for f in (300, 700)])


def main():
    options = {
        "network_params": {"n_filters": (2, 3, 3, 4, 4), "n_rnn": 4},
        "random_state": 0,
        "max_epochs": 10,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "precision": "float32",
    }
    decoder = EventDecoder(threshold={"high": 0.4, "low": 0.5}, smoothing_length=0.1)
    sed = make_pipeline(
        LogMelTransformer(sample_rate=8000, n_fft=512, hop_length=512, n_mels=16),
        TwoPassSED(
            tagger=WeakTagger(**options),
            detector=WeakEventDetector(**options, decoder=decoder),
        ),
    )
    sed.fit(np.concatenate([chirps()] * 8), [["low"], ["high"]] * 8)
    features = sed[:-1].transform(chirps())
    facts = {
        "classes": sed.classes_.tolist(),
        "frame_proba": np.round(sed[-1].predict_frame_proba(features), 7).tolist(),
        "proba": np.round(sed[-1].predict_proba(features), 7).tolist(),
        "n_events": [len(table) for table in sed.predict(chirps())],
    }
    save_model(
        sed.set_params(logmeltransformer__device="cuda:63"),
        DATA / f"model_v{FORMAT}.sed",
    )
    (DATA / f"model_v{FORMAT}.json").write_text(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
