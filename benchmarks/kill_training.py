"""Kill a process again and again while it trains with a checkpoint.

Run ``python benchmarks/kill_training.py [kills]``; it needs a POSIX system. The same
call is repeated until it ends by itself; then the weights of tagger and detector must
be those of a training without a checkpoint, to the last bit. A kill counts as "while
writing" where it left an unfinished file behind.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sklearn_sed import TwoPassSED, WeakEventDetector, WeakTagger

COMMON = {
    "network_params": {"n_filters": (4, 8, 8), "n_rnn": 8},
    "max_epochs": 30,
    "batch_size": 8,
    "time_mask": 0.1,
    "validation_fraction": 0.25,
    "early_stopping": True,
    "random_state": 0,
}


def make_system(folder: str | None) -> TwoPassSED:
    return TwoPassSED(
        tagger=WeakTagger(**COMMON, checkpoint=folder),
        detector=WeakEventDetector(**COMMON, optimizer="rmsprop", checkpoint=folder),
    )


def make_clips() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(32, 40, 16)).astype(np.float32)
    y = rng.integers(0, 2, (32, 2))
    X[y[:, 0] == 1, 5:15, :4] += 2
    X[y[:, 1] == 1, 20:30, 8:12] += 2
    return X, y


def weights(system: TwoPassSED) -> dict[str, np.ndarray]:
    return {
        f"{part}/{name}": tensor.numpy()
        for part, net in (("tagger", system.tagger_), ("detector", system.detector_))
        for name, tensor in net.net_.module_.state_dict().items()
    }


def main(n_kills: int) -> None:
    import torch

    torch.set_num_threads(1)  # a fork does not take threads along
    rng = np.random.default_rng(0)
    X, y = make_clips()
    start = time.perf_counter()
    system = make_system(None).fit(X, y)
    duration = time.perf_counter() - start
    expected = weights(system)
    context = multiprocessing.get_context("fork")
    n_done = n_while_writing = n_trainings = 0
    while n_done < n_kills:
        n_trainings += 1
        with tempfile.TemporaryDirectory() as folder:
            ended = False
            while not ended:
                fit = make_system(folder).fit
                child = context.Process(target=fit, args=(X, y))
                child.start()
                # Rarely a whole training: most are killed several times.
                child.join(rng.uniform(0, duration / 3) if n_done < n_kills else None)
                ended = child.exitcode is not None
                if ended and child.exitcode:
                    sys.exit("a training that went on ended in an error")
                child.kill()
                child.join()
                n_done += not ended
                for unfinished in Path(folder).glob(".*.tmp"):
                    unfinished.unlink()
                    n_while_writing += 1
            found = weights(make_system(folder).fit(X, y))
        for name, array in expected.items():
            if not np.array_equal(array, found[name]):
                sys.exit(f"after kills, {name} is not what it is without")
    epochs = system.tagger_.n_iter_ + system.detector_.n_iter_
    print(
        f"{n_done} kills, {n_while_writing} of them while writing, in {n_trainings} "
        f"trainings of {epochs} epochs ({duration:.1f} s without a checkpoint): all "
        f"{len(expected)} arrays of weights are the same to the last bit"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
