"""Kill a process again and again while it saves a model over another one.

Run ``python benchmarks/kill_save.py [kills]``; it needs a POSIX system. After every
kill the file must be the old model or the new one, to the last byte, and load. A kill
counts as "in the middle" where it left an unfinished file behind.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sklearn_sed import WeakTagger, load_model, save_model


def save_forever(models: list, path: Path, started) -> None:
    started.set()
    while True:
        for model in models:
            save_model(model, path)


def main(n_kills: int) -> None:
    import torch

    torch.set_num_threads(1)  # a fork does not take threads along
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8, 10, 16))
    models = [
        WeakTagger(max_epochs=1, random_state=seed).fit(X, [["dog"], []] * 4)
        for seed in (0, 1)
    ]
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.sed")
        contents = {}
        for model in models:
            start = time.perf_counter()
            save_model(model, path)
            duration = time.perf_counter() - start
            contents[path.read_bytes()] = model.predict_proba(X)
        seen = dict.fromkeys(contents, 0)
        n_unfinished = 0
        for _ in range(n_kills):
            started = context.Event()
            child = context.Process(target=save_forever, args=(models, path, started))
            child.start()
            started.wait()
            time.sleep(rng.uniform(0, 4 * duration))
            child.kill()
            child.join()
            content = path.read_bytes()
            if content not in contents:
                sys.exit(
                    f"after a kill the file is neither model: {len(content)} bytes"
                )
            loaded = load_model(path).predict_proba(X)
            if not np.array_equal(loaded, contents[content]):
                sys.exit("after a kill the file loads as another model")
            seen[content] += 1
            for unfinished in Path(folder).glob(".*.tmp"):
                unfinished.unlink()
                n_unfinished += 1
    print(
        f"{n_kills} kills, {n_unfinished} of them in the middle of writing; the file "
        f"({len(content) / 1e3:.0f} kB, {1e3 * duration:.0f} ms to save) was "
        f"{' or '.join(map(str, seen.values()))} times one of the two models, whole"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
