"""Training and prediction through skorch: the only module that imports it."""

import contextlib
import json
import math
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import skorch
import torch
from sklearn.base import ClassifierMixin
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, LRScheduler
from skorch.utils import noop, to_tensor
from torch.nn.utils.rnn import pad_sequence
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Subset

from sklearn_sed.nn._augment import Augment
from sklearn_sed.nn._devices import check_device
from sklearn_sed.nn._losses import Scores, WeakLabelLoss
from sklearn_sed.nn._networks import WeakLabelNet
from sklearn_sed.nn._pooling import make_pooling
from sklearn_sed.nn._state import (
    epochs_of,
    net_arrays,
    remember,
    set_memory,
    set_net,
    to_array,
    to_tensors,
    under,
)

OPTIMIZERS: dict[str, tuple[type, dict]] = {
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
    # Keras's averaging factor and stabiliser, which the published system used.
    "rmsprop": (torch.optim.RMSprop, {"alpha": 0.9, "eps": 1e-7}),
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
}
# What early stopping remembers beside the best weights.
WATCHED = ("misses_", "dynamic_threshold_", "best_epoch_")


@dataclass(frozen=True)
class NetSpec:
    """What a net is built from, but for its weights.

    ``make_network`` builds the network from ``n_mels`` and ``n_classes``; ``pooling``
    names the clip pooling; ``loss`` are keyword arguments of :class:`WeakLabelLoss`.
    """

    make_network: Callable[[int, int], Any]
    pooling: str
    n_classes: int
    loss: Mapping[str, Any]
    augment: Augment
    optimizer: str
    learning_rate: float
    weight_decay: float
    batch_size: int
    device: str
    precision: str

    @property
    def dtype(self) -> torch.dtype:
        """The weights' type."""
        return torch.float64 if self.precision == "float64" else torch.float32


class Clips(skorch.dataset.Dataset):
    """Clips with their tags and weights, cast one at a time.

    Parameters
    ----------
    X : sequence of array (n_frames_i, n_mels)
        The clips.
    y : array of shape (n_clips, n_classes) or None, default=None
        Tags.
    weight : array of shape (n_clips,) or None, default=None
        Weight of each clip; 1 when None.
    frames : sequence of array (n_frames_i, n_classes) or None, default=None
        What each frame of a clip is taken to be, NaN where that is not known.
    dtype : type, default=float32
        What the numbers are cast to.
    """

    def __init__(
        self,
        X: Any,
        y: np.ndarray | None = None,
        weight: np.ndarray | None = None,
        frames: Any = None,
        dtype: type = np.float32,
    ):
        self.X, self.y, self.frames, self.dtype = X, y, frames, dtype
        self.weight = np.ones(len(X)) if weight is None else weight

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, i: int):
        clip: np.ndarray = np.array(self.X[i], dtype=self.dtype)
        inputs = {"x": clip, "weight": self.dtype(self.weight[i])}
        if self.frames is not None:
            inputs["frames"] = self.frames[i]
        y = np.zeros(1) if self.y is None else self.y[i]
        return inputs, np.asarray(y, dtype=self.dtype)


def collate(items: list):
    """Pad clips to the longest and stack them.

    Returns ``({"x", "n_frames", "weight"}, y)``, with ``"frames"`` among the inputs
    where there are targets of frames.
    """
    clips = [inputs["x"] for inputs, _ in items]
    batch = {
        "x": _pad(clips, 0.0),
        "n_frames": torch.tensor([len(clip) for clip in clips]),
        "weight": torch.from_numpy(np.array([inputs["weight"] for inputs, _ in items])),
    }
    if "frames" in items[0][0]:
        frames = _pad([inputs["frames"] for inputs, _ in items], math.nan)
        batch["frames"] = frames.to(batch["x"].dtype)
    return batch, torch.from_numpy(np.stack([y for _, y in items]))


def _pad(clips: Any, fill: float) -> torch.Tensor:
    """Stack clips, continued by ``fill`` to the length of the longest."""
    shape = len(clips), max(map(len, clips)), clips[0].shape[1]
    padded = np.full(shape, fill, clips[0].dtype)
    for row, clip in zip(padded, clips):
        row[: len(clip)] = clip
    return torch.from_numpy(padded)


class Prefetched:
    """Batches of a loader on a device; while one is used, a thread prepares the next.

    The first is prepared in the caller's thread: that is when the loader draws the
    order of the clips from torch's generator, which other draws come from, too.
    """

    def __init__(self, loader: Iterable, device: str):
        self.loader, self.device = loader, device

    def __iter__(self) -> Iterator:
        batches, end = iter(self.loader), object()
        with ThreadPoolExecutor(1, "prefetch") as thread:
            batch = next(batches, end)
            while batch is not end:
                following = thread.submit(next, batches, end)
                yield _moved(batch, self.device)
                batch = following.result()


def _moved(batch: Any, device: str) -> Any:
    """Copy a batch to a device, out of pinned memory without waiting for the end."""
    inputs, y = batch
    inputs = {k: v.to(device, non_blocking=True) for k, v in inputs.items()}
    return inputs, y.to(device, non_blocking=True)


class Schedule:
    """Factor on the learning rate at each step.

    "constant"; "cosine", which rises linearly over the first twentieth and then
    falls along a cosine to zero; or a mapping from the share of training that is
    over to the factor from there on.
    """

    def __init__(self, schedule: str | Mapping[float, float], n_steps: int):
        self.schedule = schedule
        self.n_steps = max(n_steps, 1)

    def __call__(self, step: int) -> float:
        """Return the factor for this step."""
        progress = step / self.n_steps
        if self.schedule == "constant":
            return 1.0
        if isinstance(self.schedule, Mapping):
            reached = [start for start in self.schedule if progress >= start]
            return float(self.schedule[max(reached)]) if reached else 1.0
        warm_up = min(1.0, (step + 1) / math.ceil(0.05 * self.n_steps))
        return warm_up * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


class ProgressBar(Callback):
    """One bar over all batches of all epochs, with the losses beside it."""

    def __init__(self, title: str, n_steps: int, n_done: int):
        self.title = title
        self.n_steps = n_steps
        self.n_done = n_done

    def on_train_begin(self, net, **kwargs):
        """Open the bar."""
        from tqdm.auto import tqdm

        self.bar_ = tqdm(
            total=self.n_steps, initial=self.n_done, desc=self.title, unit="batch"
        )

    def on_batch_end(self, net, training=False, **kwargs):
        """Move on by one batch."""
        self.bar_.update(int(training))

    def on_epoch_end(self, net, **kwargs):
        """Show the epoch's losses."""
        row = net.history[-1]
        losses = {k: f"{row[k]:.3f}" for k in ("train_loss", "valid_loss") if k in row}
        self.bar_.set_postfix(epoch=len(net.history), **losses)

    def on_train_end(self, net, **kwargs):
        """Close the bar."""
        self.bar_.close()
        del self.bar_


class KeepState(Callback):
    """Keeps all that decides how training goes on, from its begin and each epoch.

    Parameters
    ----------
    watch : EarlyStopping or None
        What remembers the best epoch.
    checkpoint : Checkpoint
        Where the state is kept.
    n_before : int
        Epochs that the net was trained before.
    """

    def __init__(self, watch: Any, checkpoint: Any, n_before: int):
        self.watch = watch
        self.checkpoint = checkpoint
        self.n_before = n_before

    def on_train_begin(self, net, **kwargs):
        """Complete the state of an earlier call, or keep the first one."""
        if self.checkpoint.arrays is not None:
            with self.checkpoint.reading():
                self._restore_watch(net.device, self.checkpoint.arrays)
        else:  # at once, so that a folder that cannot be written to is found now
            self.on_epoch_end(net)

    def on_epoch_end(self, net, finished=False, **kwargs):
        """Keep copies of all that decides how training goes on."""
        arrays = net_arrays(net)
        epochs = json.dumps(epochs_of(net)[self.n_before :])
        arrays["history"] = np.frombuffer(epochs.encode(), np.uint8)
        arrays["rng/cpu"] = torch.get_rng_state().numpy()
        if is_gpu(net.device):
            arrays["rng/cuda"] = torch.cuda.get_rng_state(net.device).numpy()
        if self.watch is not None:
            memory = [float(getattr(self.watch, name)) for name in WATCHED]
            arrays["watch"] = np.array(memory)
            for name, weight in (self.watch.best_model_weights_ or {}).items():
                arrays[f"best/{name}"] = to_array(weight)
        self.checkpoint.write(arrays, finished=finished)

    def restore(self, net: Any, arrays: Mapping[str, np.ndarray]) -> None:
        """Bring net, history and random numbers to the state of an earlier call."""
        learned = ("module/", "loss/", "optimizer/")
        own = {
            name: array for name, array in arrays.items() if name.startswith(learned)
        }
        set_net(net, own)
        remember(net, arrays["history"].tobytes())
        torch.set_rng_state(_random_state(arrays["rng/cpu"], torch.get_rng_state()))
        if is_gpu(net.device):
            now = torch.cuda.get_rng_state(net.device)
            state = _random_state(arrays["rng/cuda"], now)
            torch.cuda.set_rng_state(state, net.device)

    def _restore_watch(self, device: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Give the watch its memory back, which it loses as training begins."""
        if self.watch is None:
            return
        for name, value in zip(WATCHED, arrays["watch"], strict=True):
            setattr(self.watch, name, float(value))
        best = {
            name: torch.from_numpy(array).to(device)
            for name, array in under("best/", arrays).items()
        }
        self.watch.best_model_weights_ = best or None


def _random_state(array: np.ndarray, now: torch.Tensor) -> torch.Tensor:
    """Return the state of a generator, after a look at its form."""
    state = torch.from_numpy(array)
    if (state.shape, state.dtype) != (now.shape, now.dtype):
        raise ValueError("its random numbers have another form")
    return state


class SoundEventNet(ClassifierMixin, skorch.NeuralNet):
    """A skorch net of clips: padded batches, augmentation, autocast.

    All of skorch works on it: ``predict_proba``, ``forward`` and ``forward_iter`` take
    clips, callbacks see batches ``({"x", "n_frames", "weight"}, y)``, and a scorer of
    scikit-learn, as in ``EpochScoring("f1_macro")``, compares indicators of tags.

    Parameters
    ----------
    *args, **kwargs
        As of :class:`skorch.NeuralNet`; the module is a :class:`WeakLabelNet`.
    n_classes : int, default=1
        Number of classes.
    augment : Augment or None, default=None
        What happens to training batches.
    autocast : torch.dtype or None, default=None
        What training computes in, where that is not the weights' type.
    """

    def __init__(
        self,
        *args: Any,
        n_classes: int = 1,
        augment: Augment | None = None,
        autocast: torch.dtype | None = None,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.n_classes = n_classes
        self.augment = augment
        self.autocast = autocast

    @property
    def classes_(self) -> list[np.ndarray]:
        """What each tag may be: scikit-learn's form for several labels."""
        return [np.array([0, 1])] * self.n_classes

    def get_split_datasets(self, X, y=None, **fit_params):
        """Return data sets for training and validation; X may be the pair of them."""
        if isinstance(X, tuple):
            return X
        return super().get_split_datasets(X, y, **fit_params)

    def get_iterator(self, dataset, training=False):
        """Return the batches of a data set, prefetched where there is a GPU."""
        loader = super().get_iterator(dataset, training=training)
        if not training:
            loader.generator = torch.Generator()  # the global one is the user's
        return Prefetched(loader, self.device) if is_gpu(self.device) else loader

    def infer(self, x, **fit_params):
        """Score a batch."""
        x = to_tensor(x, device=self.device)
        return self.module_(x["x"], x["n_frames"])

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the loss of a batch, its clips weighted."""
        y_true, X = to_tensor((y_true, X), device=self.device)
        target = y_true, X["weight"]
        if "frames" in X:
            frames = self.module_.on_own_frames(X["frames"], X["n_frames"])
            target = *target, frames
        return self.criterion_(y_pred, target)

    def forward(self, X, training=False, device="cpu"):
        """Return clip logits, frame logits and their mask of all clips, padded."""
        clip, frame, mask = [], [], []
        for scores in self.forward_iter(X, training=training, device=device):
            clip += scores.clip
            if scores.frame is not None:
                frame += scores.frame
                whole = torch.ones(scores.frame.shape[:2], dtype=torch.bool)
                mask += whole.to(device) if scores.mask is None else scores.mask
        padded = [
            pad_sequence(part, batch_first=True) for part in (frame, mask) if part
        ]
        return Scores([torch.stack(clip), *padded])

    def predict(self, X):
        """Return an indicator of the classes whose probability is above one half."""
        return (self.predict_proba(X) > 0.5).astype(int)

    def on_epoch_begin(self, net, **kwargs):
        """Tell the loss which epoch it is."""
        super().on_epoch_begin(net, **kwargs)
        self.criterion_.epoch = len(self.history) - 1
        for row in self.history[-2:-1]:
            row["batches"].clear()  # or memory would grow with every epoch

    def train_step_single(self, batch, **fit_params):
        """Augment the batch and learn from it."""
        kind, dtype = torch.device(self.device).type, self.autocast
        with torch.autocast(kind, dtype, enabled=dtype is not None):
            batch = batch if self.augment is None else self.augment(batch)
            step = super().train_step_single(batch, **fit_params)
        if not torch.isfinite(step["loss"]):
            raise FloatingPointError(
                f"the training loss became {step['loss'].item()} in epoch "
                f"{len(self.history)}: lower learning_rate, or look for extreme values "
                "in the features"
            )
        return step


def resolve_device(device: str) -> str:
    """Turn "auto" into a GPU where there is one; complain about one that is not."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return check_device(device)


def is_gpu(device: str) -> bool:
    """Tell whether a device is a GPU of CUDA, which pinned memory is for."""
    return torch.device(device).type == "cuda"


def resolve_precision(precision: str, device: str) -> str:
    """Turn "auto" into bfloat16 where the hardware computes in it."""
    if precision != "auto":
        return precision
    if is_gpu(device):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return "bfloat16" if native else "float32"


# Torch's generators are those of the whole process: one training at a time uses them.
_GENERATORS = threading.RLock()


@contextlib.contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Draw torch's random numbers from ``seed``, and leave its generators alone."""
    devices = [torch.device(device)] if device.startswith("cuda") else []
    with _GENERATORS, torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


def build_net(
    spec: NetSpec, mean: np.ndarray, scale: np.ndarray, seed: int
) -> SoundEventNet:
    """Build an initialised skorch net.

    Parameters
    ----------
    spec : NetSpec
        What it is built from.
    mean, scale : array of shape (n_mels,)
        Standardisation of each band.
    seed : int
        Seed of the initial weights.

    Returns
    -------
    SoundEventNet
        An untrained net on the spec's device.
    """
    with seeded(seed, spec.device):
        module = _make_module(spec, torch.from_numpy(mean), torch.from_numpy(scale))
    return _make_net(spec, module, _make_loss(spec))


def restore_net(
    spec: NetSpec,
    n_mels: int,
    arrays: Mapping[str, np.ndarray],
    epochs: str,
    *,
    on_meta: bool,
) -> SoundEventNet:
    """Build a net around arrays that :func:`net_arrays` returned.

    Parameters
    ----------
    spec : NetSpec
        What the net was built from; whether the loss weighs classes and pairs of
        them is seen from the arrays.
    n_mels : int
        Number of bands.
    arrays : mapping from str to array
        What :func:`net_arrays` returned. No memory is taken for weights before all
        names and shapes are found to be the net's.
    epochs : str
        Its history, as JSON.
    on_meta : bool
        Whether the network's class allows torch's "meta" device, on which building
        takes no memory. If not, it is built with weights, and these are copied.

    Returns
    -------
    SoundEventNet
        The net, on the spec's device.

    Raises
    ------
    ValueError
        If the arrays are not those of such a net.
    """
    n_bands = len(arrays.get("module/mean", ()))
    if n_bands != n_mels:
        raise ValueError(f"the net has {n_bands} bands, expected {n_mels}")
    with seeded(0, "cpu"), torch.device("meta" if on_meta else "cpu"):
        module = _make_module(spec, torch.zeros(n_mels), torch.ones(n_mels))
    # Of the loss's weights the shapes alone, which take no memory.
    zero = torch.zeros((), dtype=spec.dtype)
    weights = {
        name: zero.expand([spec.n_classes] * n_axes)
        for name, n_axes in (("class_weight", 1), ("pair_weight", 2))
        if f"loss/{name}" in arrays
    }
    loss = _make_loss(replace(spec, loss={**spec.loss, **weights}))
    tensors = to_tensors(module, loss, OPTIMIZERS[spec.optimizer][0], arrays)
    module.load_state_dict(under("module/", tensors), assign=on_meta)
    module.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss.load_state_dict(under("loss/", tensors), assign=True)
    net = _make_net(spec, module, loss)
    set_memory(net, tensors)
    remember(net, epochs)
    return net


def _make_module(
    spec: NetSpec, mean: torch.Tensor, scale: torch.Tensor
) -> WeakLabelNet:
    """Build the network between standardisation and pooling."""
    network = spec.make_network(len(mean), spec.n_classes)
    pooling = make_pooling(spec.pooling, spec.n_classes)
    network = network.to(memory_format=torch.channels_last)
    return WeakLabelNet(network, pooling, mean, scale).to(spec.dtype)


def _make_loss(spec: NetSpec) -> WeakLabelLoss:
    return WeakLabelLoss(**spec.loss).to(spec.dtype)


def _make_augment(spec: NetSpec, module: WeakLabelNet) -> Augment:
    return replace(spec.augment, fill=module.mean.cpu())


def _make_net(
    spec: NetSpec, module: WeakLabelNet, loss: WeakLabelLoss
) -> SoundEventNet:
    """Put module and loss into a skorch net on the spec's device."""
    optimizer, options = OPTIMIZERS[spec.optimizer]
    pinned = is_gpu(spec.device)
    return SoundEventNet(
        module,
        loss,
        optimizer=optimizer,
        lr=spec.learning_rate,
        batch_size=spec.batch_size,
        dataset=Clips,
        dataset__dtype=np.float64 if spec.dtype == torch.float64 else np.float32,
        train_split=None,
        iterator_train__shuffle=True,
        iterator_train__collate_fn=collate,
        iterator_train__pin_memory=pinned,
        iterator_valid__collate_fn=collate,
        iterator_valid__pin_memory=pinned,
        callbacks__print_log=None,
        predict_nonlinearity=torch.sigmoid,
        device=spec.device,
        verbose=0,
        n_classes=spec.n_classes,
        augment=_make_augment(spec, module),
        autocast=torch.bfloat16 if spec.precision == "bfloat16" else None,
        **{f"optimizer__{key}": value for key, value in options.items()},
        optimizer__weight_decay=spec.weight_decay,
    ).initialize()


def follow(net: SoundEventNet, spec: NetSpec) -> None:
    """Have a net go on by what the parameters say now, its weights as they are."""
    net.criterion_ = _make_loss(spec).to(spec.device)
    net.augment = _make_augment(spec, net.module_)
    net.batch_size = spec.batch_size
    net.set_params(lr=spec.learning_rate, optimizer__weight_decay=spec.weight_decay)


def train(
    net: SoundEventNet,
    train_set: Any,
    valid_set: Any,
    n_epochs: int,
    seed: int,
    *,
    schedule: str | Mapping[float, float] = "constant",
    patience: int | None = None,
    keep_best: bool = False,
    score: Callable[[Any], float] | None = None,
    callbacks: Sequence[Callback] = (),
    title: str | None = None,
    checkpoint: Any = None,
    in_order: bool = False,
) -> int | None:
    """Train for some epochs more.

    Parameters
    ----------
    net : SoundEventNet
        The net.
    train_set, valid_set : Dataset
        Clips to learn from, and to watch the loss on, if any.
    n_epochs : int
        For how many epochs.
    seed : int
        Seed of torch's random numbers.
    schedule : {"constant", "cosine"} or mapping, default="constant"
        How the learning rate changes, as :class:`Schedule` has it.
    patience : int or None, default=None
        Epochs without improvement before stopping early, if ever.
    keep_best : bool, default=False
        Whether an interruption by the user leaves the best epoch.
    score : callable, default=None
        How the held-back clips are scored where their loss is not watched: called
        with the net, it returns a number, larger is better.
    callbacks : sequence of Callback, default=()
        The user's.
    title : str or None, default=None
        What a progress bar is called, if there is one.
    checkpoint : Checkpoint, default=None
        Where the state is kept after each epoch, and what it is taken up from.
    in_order : bool, default=False
        Whether the clips are learned from as they stand; shuffled in each epoch if not.

    Returns
    -------
    int or None
        When training was interrupted by the user and the best epoch is kept, which
        one that is. Any other interruption by the user is passed on; a callback that
        stops training, as skorch's do by raising KeyboardInterrupt, ends it.
    """
    watch = None
    if patience is not None or keep_best:
        watch = _make_watch(valid_set, score is not None, patience)
    n_before = len(net.history)
    keep = None if checkpoint is None else KeepState(watch, checkpoint, n_before)
    with seeded(seed, net.device), _noting_interrupts() as interrupts:
        if keep is not None and checkpoint.arrays is not None:
            with checkpoint.reading():
                keep.restore(net, checkpoint.arrays)
            if checkpoint.finished:
                return None
        n_over = len(net.history) - n_before  # epochs of an earlier call
        n_batches = math.ceil(len(train_set) / net.batch_size)
        n_steps, n_done = n_epochs * n_batches, n_over * n_batches
        own: list[Any] = []
        if not any(isinstance(callback, LRScheduler) for callback in callbacks):
            factor = Schedule(schedule, n_steps)
            own.append(("schedule", _make_scheduler(net, factor, n_done)))
        if score is not None:
            own.append(("score", _make_scoring(score)))
        if watch is not None:
            own.append(("watch", watch))
        if title is not None:
            own.append(("progress", ProgressBar(title, n_steps, n_done)))
        last = [] if keep is None else [("keep", keep)]
        net.iterator_train__shuffle = not in_order
        net.callbacks = [*own, *callbacks, *last]
        net.initialize_callbacks()
        net.notify("on_train_begin", X=train_set, y=None)
        best = None
        try:
            net.fit_loop((train_set, valid_set), epochs=n_epochs - n_over)
            if watch is not None:
                watch.load_best = patience is not None
        except KeyboardInterrupt:
            if interrupts:
                if not keep_best or not watch or not watch.best_epoch_:
                    raise
                best = int(watch.best_epoch_)
        finally:
            net.notify("on_train_end", X=train_set, y=None)
            net.callbacks = None
            net.initialize_callbacks()
        while net.history and "train_loss" not in net.history[-1]:
            del net.history[-1]  # an epoch that did not come to its end
        if best is None and keep is not None:
            keep.on_epoch_end(net, finished=True)
    return best


def _make_watch(valid_set: Any, scored: bool, patience: int | None) -> EarlyStopping:
    """Return what knows the best epoch, and ends training some epochs after it."""
    monitor = "epoch" if valid_set is None else "valid_loss"
    if scored:
        monitor = "valid_score"
    return EarlyStopping(
        monitor=monitor,
        lower_is_better=monitor == "valid_loss",
        # Where nobody knows which epoch is best, it is the last one.
        threshold=1e-4 if monitor == "valid_loss" else 0.0,
        patience=math.inf if patience is None else patience,
        load_best=True,
        sink=noop,
    )


def _make_scoring(score: Callable[[Any], float]) -> EpochScoring:
    """Return what writes the score of held-back clips into the history."""
    return EpochScoring(
        lambda net, X, y: score(net),
        lower_is_better=False,
        name="valid_score",
        use_caching=False,
    )


def _make_scheduler(net: SoundEventNet, factor: Schedule, n_done: int) -> LRScheduler:
    """Return what sets the learning rate, `n_done` steps being over."""
    for group in net.optimizer_.param_groups:
        group["initial_lr"] = net.lr  # what the factor is for
    return LRScheduler(
        policy=LambdaLR,
        lr_lambda=factor,
        step_every="batch",
        last_epoch=n_done - 1,  # LambdaLR's word for steps
    )


@contextlib.contextmanager
def _noting_interrupts() -> Iterator[list]:
    """Note whether the user interrupts: callbacks end training the same way."""
    noted: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not callable(handler):
        yield noted
        return

    def note(number: int, frame: Any) -> Any:
        noted.append(number)
        return handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, handler)


def predict(
    net: SoundEventNet, clips: Any, n_frames: np.ndarray, frames: bool
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Score clips in batches of similar length.

    Parameters
    ----------
    net : SoundEventNet
        A trained net.
    clips : sequence of array (n_frames_i, n_mels)
        The clips.
    n_frames : array of shape (n_clips,)
        Frames of each clip.
    frames : bool
        Whether frame probabilities are wanted too.

    Returns
    -------
    clip_logits : array of shape (n_clips, n_classes), float64
        Clip logits.
    frame_probas : list of array (n_frames_i, n_classes), float32
        Frame probabilities on the input's frames; empty unless wanted, or where the
        network scores clips alone.
    """
    order = np.argsort(n_frames, kind="stable")
    logits: list[np.ndarray] = []
    probas: list[Any] = [None] * len(clips) if frames else []
    with torch.inference_mode():
        start = 0
        ordered = Subset(net.get_dataset(clips), order.tolist())
        for scores in net.forward_iter(ordered, device=net.device):
            logits.append(scores.clip.double().cpu().numpy())
            batch = order[start : start + len(scores.clip)]
            start += len(batch)
            if frames and scores.frame is not None:
                length = int(n_frames[batch].max())
                proba = net.module_.frame_proba(scores, length)
                for i, rows in zip(batch, proba.cpu().numpy()):
                    probas[i] = rows[: n_frames[i]]
    clip_logits = np.concatenate(logits)
    frame_probas = [] if probas and probas[0] is None else probas
    return clip_logits[np.argsort(order, kind="stable")], frame_probas
