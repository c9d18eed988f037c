"""Training: time and memory, beside a plain loop over the same network in torch.

Run ``python benchmarks/bench_training.py`` (about four minutes; Linux, 6 GB of memory).
On one core, each row in processes of its own, in turn, ours within ``kept_memory()`` as
``sklearn-sed train`` does it:

- the published GLU-MIL detector (``make_paper_system("glu_mil").detector``) in float32
  and bfloat16, beside its plain translation: the same layers and optimizer, a loop of
  ten lines over the same clips, float32,
- with ``--keras PYTHON``, an interpreter that has tensorflow, the same network in
  Keras, which its authors used,
- the recommended detector and tagger in float32 and bfloat16,
- the recommended detector with more clips and with more epochs.

Prints medians over epochs of the processor's time per clip and step, and the memory
above what the process had before. The first epoch warms up and is left out. The same
run checks that the plain translation is the same network: with the same weights it has
the same loss and the same gradients. Clips are noise of 431 frames x 64 bands, 32 to a
batch.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, max_pool2d

from sklearn_sed import WeakEventDetector, WeakTagger, make_paper_system
from sklearn_sed.nn import PaperCRNN, kept_memory

BATCH = 32
MODELS = {
    "published detector": lambda: make_paper_system("glu_mil").detector,
    "recommended detector": WeakEventDetector,
    "recommended tagger": WeakTagger,
}


class PlainGLU(nn.Module):
    """The published GLU-MIL detector, as one would write it down."""

    def __init__(self, n_classes=10):
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(n_in, 128, 3, padding=1, bias=False),
                nn.BatchNorm2d(128, eps=1e-3, momentum=0.01),
            )
            for n_in in (1, 64, 64)
        )
        self.dropout = nn.Dropout2d(0.1)
        self.gru = nn.GRU(64, 64, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(128, 64)
        self.head = nn.Linear(64, n_classes)

    def forward(self, x):
        """Return frame logits of (batch, n_frames, 64)."""
        x = x[:, None]
        for block in self.blocks:
            linear, gate = block(x).chunk(2, dim=1)
            x = max_pool2d(linear * gate.sigmoid(), (1, 4))
        x = self.dropout(x).permute(0, 2, 1, 3).flatten(2)
        return self.head(self.dense(self.gru(x)[0]).relu())


def plain_loss(network, x, y):
    """Return the cross-entropy of the tags and the highest frames."""
    return binary_cross_entropy_with_logits(network(x).amax(dim=1), y)


def make_clips(n_clips):
    """Return noise and random tags; every class is somewhere."""
    rng = np.random.default_rng(0)
    X = rng.normal(-40, 10, size=(n_clips, 431, 64)).astype(np.float32)
    y = (rng.random((n_clips, 10)) < 0.25).astype(int)
    y[:10] = np.eye(10, dtype=int)
    return X, y


def memory(name):
    """Return this process's memory ("VmRSS"), or its peak ("VmHWM"), in MB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    line = next(line for line in lines if line.startswith(name))
    return int(line.split()[1]) / 1024


class Watch(Callback):
    """Keep the time and the memory of each epoch."""

    def __init__(self):
        self.seconds = []
        self.resident = []

    def on_epoch_begin(self, net=None, **kwargs):
        """Start the clock."""
        self.start = process_time()

    def on_epoch_end(self, net=None, **kwargs):
        """Stop it."""
        self.seconds.append(process_time() - self.start)
        self.resident.append(memory("VmRSS"))


def train_ours(model, precision, n_epochs, X, y, watch):
    """Fit one of our estimators; return the precision it took."""
    model.set_params(
        precision=precision,
        max_epochs=n_epochs,
        batch_size=BATCH,
        validation_fraction=0,
        callbacks=[watch],
        device="cpu",
        random_state=0,
    )
    with kept_memory():
        return model.fit(X, y).precision_


def train_plain(n_epochs, X, y, watch):
    """Train the plain translation in a plain loop."""
    torch.manual_seed(0)
    X, y = torch.from_numpy(X), torch.from_numpy(y).float()
    network = PlainGLU()
    optimizer = torch.optim.RMSprop(network.parameters(), 1e-3, alpha=0.9, eps=1e-7)
    for _ in range(n_epochs):
        watch.on_epoch_begin()
        for batch in torch.randperm(len(X)).split(BATCH):
            optimizer.zero_grad()
            plain_loss(network, X[batch], y[batch]).backward()
            optimizer.step()
        watch.on_epoch_end()
    return "float32"


def measure(name, precision, n_clips, n_epochs):
    """Train in this process and return what it took."""
    torch.set_num_threads(1)
    X, y = make_clips(n_clips)
    before, watch = memory("VmRSS"), Watch()
    if precision == "plain":
        used = train_plain(n_epochs, X, y, watch)
    else:
        used = train_ours(MODELS[name](), precision, n_epochs, X, y, watch)
    return {
        "precision": used,
        "ms": [1e3 * seconds / n_clips for seconds in watch.seconds[1:]],
        "epochs": [resident - before for resident in watch.resident],
        "peak": memory("VmHWM") - before,
        "after": memory("VmRSS") - before,
    }


def run(name, precision, n_clips, n_epochs):
    """Measure in a process of its own."""
    work = [name, precision, str(n_clips), str(n_epochs)]
    command = [sys.executable, __file__, "--measure", *work]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.splitlines()[-1])


def time_keras(python, n_clips, n_epochs):
    """Print what the published detector takes in Keras."""
    command = [python, Path(__file__).with_name("train_keras.py")]
    command += [str(n_clips), str(n_epochs)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result = json.loads(output.splitlines()[-1])
    print(
        f"The published detector in Keras, {result['n_weights']:,} weights: "
        f"{median(result['ms']):.1f} ms per clip",
        flush=True,
    )


def compare_networks():
    """Print how far the plain translation is from the published network."""
    torch.manual_seed(0)
    ours, plain = PaperCRNN(64, 10, activation="glu"), PlainGLU()
    state = zip(plain.state_dict(), ours.state_dict().values(), strict=True)
    plain.load_state_dict(dict(state))
    ours.input_dropout.p = plain.dropout.p = 0.0  # each would draw its own
    X, y = make_clips(16)
    x, y = torch.from_numpy((X + 40) / 10), torch.from_numpy(y).float()
    losses = [plain_loss(network, x, y) for network in (ours, plain)]
    for loss in losses:
        loss.backward()
    trained = [p for p in ours.named_parameters() if p[1].requires_grad]
    others = dict(zip(dict(ours.named_parameters()), plain.parameters(), strict=True))
    worst = max(
        float((p.grad - others[name].grad).norm() / p.grad.norm().clamp(min=1e-6))
        for name, p in trained
    )
    print(
        f"Plain translation: loss {losses[1].item():.6f}, ours {losses[0].item():.6f}; "
        f"gradients differ by {worst:.1e} of themselves at most"
    )


def compare_speed(n_clips, n_epochs, n_rounds):
    """Print time and memory of each model, in turn and then as medians."""
    rows = [("published detector", "plain")]
    rows += [(name, p) for name in MODELS for p in ("float32", "bfloat16")]
    results = {row: [] for row in rows}
    print(f"{'':22}{'':10}{'ms per clip':>12}{'peak MB':>9}{'MB after':>9}")
    for _ in range(n_rounds):
        for row in rows:
            results[row].append(run(*row, n_clips, n_epochs))
            print_row(*row, results[row][-1:])
    if n_rounds > 1:
        print("Medians:")
        for row, parts in results.items():
            print_row(*row, parts)


def print_row(name, kind, parts):
    """Print the median time of all epochs, and the median memory."""
    ms = median(ms for part in parts for ms in part["ms"])
    peak, after = (median(part[key] for part in parts) for key in ("peak", "after"))
    print(f"{name:22}{kind:10}{ms:12.1f}{peak:9.0f}{after:9.0f}", flush=True)


def show_growth(n_clips):
    """Print how the time grows with the clips, and memory with the epochs."""
    name = "recommended detector"
    auto = run(name, "auto", n_clips, 3)
    print(f'precision="auto" is {auto["precision"]} here')
    for factor in (1, 2, 4):
        part = run(name, "auto", factor * n_clips, 3)
        ms = median(part["ms"])
        epoch = ms * factor * n_clips / 1e3
        print(
            f"{factor * n_clips:5} clips: {epoch:6.2f} s an epoch, {ms:.1f} ms each",
            flush=True,
        )
    part = run(name, "auto", n_clips, 20)
    growth = {n: part["epochs"][n - 1] for n in (1, 2, 5, 10, 20)}
    print("MB after epoch", ", ".join(f"{n}: {mb:.0f}" for n, mb in growth.items()))


def main():
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--keras", metavar="PYTHON", help="an interpreter with it")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        name, precision, n_clips, n_epochs = args.measure
        print(json.dumps(measure(name, precision, int(n_clips), int(n_epochs))))
        return
    compare_networks()
    if args.keras:
        time_keras(args.keras, args.clips, args.epochs)
    compare_speed(args.clips, args.epochs, args.rounds)
    show_growth(args.clips)


if __name__ == "__main__":
    main()
