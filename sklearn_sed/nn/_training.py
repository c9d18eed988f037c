"""Training and prediction through skorch: the only module that imports it."""

import contextlib
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import skorch
import torch
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from sklearn_sed.nn._augment import Augment
from sklearn_sed.nn._losses import WeakLabelLoss
from sklearn_sed.nn._memory import kept_memory
from sklearn_sed.nn._networks import WeakLabelNet, frame_proba
from sklearn_sed.nn._pooling import make_pooling
from sklearn_sed.nn._resume import Checkpoint, TrainingState

__all__ = ["NetSpec", "Plan", "build_net", "predict", "train"]

OPTIMIZERS: dict[str, tuple[type, dict]] = {
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
    # Keras's averaging factor and stabiliser, which the published system used.
    "rmsprop": (torch.optim.RMSprop, {"alpha": 0.9, "eps": 1e-7}),
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
}


@dataclass(frozen=True)
class Plan:
    """How to train: what an estimator's parameters say about it."""

    batch_size: int
    optimizer: str
    learning_rate: float
    schedule: str | Mapping[float, float]
    weight_decay: float
    device: str
    precision: str
    patience: int | None
    keep_best: bool
    verbose: int
    title: str
    callbacks: list = field(default_factory=list)


@dataclass(frozen=True)
class NetSpec:
    """What a net is built from, but for its weights.

    ``make_network`` builds the network from ``n_mels`` and ``n_classes``; ``pooling``
    names the clip pooling; ``loss`` and ``augment`` are keyword arguments of
    :class:`WeakLabelLoss` and :class:`Augment`.
    """

    make_network: Callable[[int, int], nn.Module]
    pooling: str
    n_classes: int
    loss: Mapping[str, Any]
    augment: Mapping[str, Any]
    plan: Plan

    @property
    def dtype(self) -> torch.dtype:
        """The weights' type."""
        return torch.float64 if self.plan.precision == "float64" else torch.float32


class Clips(Dataset):
    """Clips with their tags and weights, cast one at a time.

    ``frames`` holds what each frame of a clip is taken to be, (n_frames_i, n_classes),
    NaN where that is not known; None where nothing is.
    """

    def __init__(
        self,
        clips: Any,
        y: np.ndarray | None = None,
        weight: np.ndarray | None = None,
        dtype: type = np.float32,
        frames: Any = None,
    ):
        n_clips = len(clips)
        self.clips = clips
        self.y = np.zeros((n_clips, 1)) if y is None else y
        self.weight = np.ones(n_clips) if weight is None else weight
        self.dtype = dtype
        self.frames = frames

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, i: int):
        clip: np.ndarray = np.array(self.clips[i], dtype=self.dtype)
        item = clip, self.y[i].astype(self.dtype), self.dtype(self.weight[i])
        return item if self.frames is None else (*item, self.frames[i])


def collate(items: list):
    """Pad clips to the longest and stack them.

    Returns ``({"x", "n_frames"}, (y, weight))``, with the frames' targets as third
    member of the second tuple where there are any.
    """
    clips, y, weight, *frames = zip(*items)
    x = _pad(clips, 0.0)
    n_frames = torch.tensor([len(clip) for clip in clips])
    target = torch.from_numpy(np.stack(y)), torch.from_numpy(np.array(weight))
    padded = [_pad(clips, math.nan).to(x.dtype) for clips in frames]
    return {"x": x, "n_frames": n_frames}, (*target, *padded)


def _pad(clips: Any, fill: float) -> torch.Tensor:
    """Stack clips, continued by ``fill`` to the length of the longest."""
    shape = len(clips), max(map(len, clips)), clips[0].shape[1]
    padded = np.full(shape, fill, clips[0].dtype)
    for row, clip in zip(padded, clips):
        row[: len(clip)] = clip
    return torch.from_numpy(padded)


def batches_on(loader: Iterable, device: str) -> Iterable:
    """Return a loader's batches as they are, or prefetched where there is a GPU."""
    return prefetched(loader, device) if is_gpu(device) else loader


def prefetched(loader: Iterable, device: str) -> Iterator:
    """Yield batches on a device; while one is used, a thread prepares the next.

    The first is prepared in the caller's thread: that is when the loader draws the
    order of the clips from torch's generator, which other draws come from, too.
    """
    batches, end = iter(loader), object()
    with ThreadPoolExecutor(1, "prefetch") as thread:
        batch = next(batches, end)
        while batch is not end:
            following = thread.submit(next, batches, end)
            yield _moved(batch, device)
            batch = following.result()


def _moved(batch: Any, device: str) -> Any:
    """Copy a batch to a device, out of pinned memory without waiting for the end."""
    inputs, target = batch
    inputs = {k: v.to(device, non_blocking=True) for k, v in inputs.items()}
    return inputs, tuple(v.to(device, non_blocking=True) for v in target)


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
    """Keeps the state of training, from its begin and after each epoch."""

    def __init__(self, checkpoint: Checkpoint, state: TrainingState):
        self.checkpoint = checkpoint
        self.state = state

    def on_train_begin(self, net, **kwargs):
        """Complete the state of an earlier call, or keep the first one."""
        if self.checkpoint.arrays is not None:
            with self.checkpoint.reading():
                self.state.restore_watch(self.checkpoint.arrays)
        else:  # at once, so that a folder that cannot be written to is found now
            self.on_epoch_end(net)

    def on_epoch_end(self, net, **kwargs):
        """Keep the state."""
        self.checkpoint.write(self.state.arrays(), finished=False)


class WeakLabelTrainer(skorch.NeuralNet):
    """skorch's loop over batches of padded clips, with augmentation and autocast.

    ``fit_loop`` takes a pair of data sets, for training and for validation (or
    None), in the place of X.
    """

    def __init__(
        self, *args: Any, augment: Augment, autocast: torch.dtype | None, **kwargs: Any
    ):
        super().__init__(*args, **kwargs)
        self.augment = augment
        self.autocast = autocast

    def get_split_datasets(self, X, y=None, **fit_params):
        """Return the pair that came as X."""
        return X

    def on_epoch_begin(self, net, **kwargs):
        """Tell the loss which epoch it is."""
        super().on_epoch_begin(net, **kwargs)
        self.criterion_.epoch = len(self.history) - 1
        for row in self.history[-2:-1]:
            row["batches"].clear()  # or memory would grow with every epoch

    def run_single_epoch(self, iterator, *args, **kwargs):
        """Go once through the batches."""
        if iterator is not None:
            iterator = batches_on(iterator, self.device)
        super().run_single_epoch(iterator, *args, **kwargs)

    def train_step_single(self, batch, **fit_params):
        """Augment the batch and learn from it."""
        with self._autocast():
            step = super().train_step_single(self.augment(batch), **fit_params)
        if not torch.isfinite(step["loss"]):
            raise FloatingPointError(
                f"the training loss became {step['loss'].item()} in epoch "
                f"{len(self.history)}: lower learning_rate, or look for extreme values "
                "in the features"
            )
        return step

    def _autocast(self):
        if self.autocast is None:
            return contextlib.nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=self.autocast)


def has_device(device: str, dtype: torch.dtype = torch.float32) -> bool:
    """Tell whether torch can compute on this device here, in numbers of this type."""
    try:
        return bool(torch.ones(1, device=device, dtype=dtype).item())
    except (AssertionError, ImportError, RuntimeError, TypeError):
        return False


def resolve_device(device: str) -> str:
    """Turn "auto" into a GPU where there is one."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


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
) -> WeakLabelTrainer:
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
    WeakLabelTrainer
        An untrained net on the plan's device.
    """
    with seeded(seed, spec.plan.device):
        module = make_module(spec, torch.from_numpy(mean), torch.from_numpy(scale))
    return make_trainer(spec, module, make_loss(spec))


def make_module(spec: NetSpec, mean: torch.Tensor, scale: torch.Tensor) -> WeakLabelNet:
    """Build the network between standardisation and pooling."""
    network: Any = spec.make_network(len(mean), spec.n_classes)
    pooling = make_pooling(spec.pooling, spec.n_classes)
    network = network.to(memory_format=torch.channels_last)
    return WeakLabelNet(network, pooling, mean, scale).to(spec.dtype)


def make_loss(spec: NetSpec) -> WeakLabelLoss:
    """Build the loss."""
    return WeakLabelLoss(**spec.loss).to(spec.dtype)


def make_trainer(
    spec: NetSpec, module: WeakLabelNet, loss: WeakLabelLoss
) -> WeakLabelTrainer:
    """Put module and loss into a skorch net on the plan's device."""
    plan = spec.plan
    optimizer, options = OPTIMIZERS[plan.optimizer]
    return WeakLabelTrainer(
        module,
        loss,
        optimizer=optimizer,
        lr=plan.learning_rate,
        batch_size=plan.batch_size,
        train_split=None,
        iterator_train__shuffle=True,
        iterator_train__collate_fn=collate,
        iterator_train__pin_memory=is_gpu(plan.device),
        iterator_valid__collate_fn=collate,
        iterator_valid__pin_memory=is_gpu(plan.device),
        callbacks__print_log=None,
        predict_nonlinearity=None,
        device=plan.device,
        verbose=0,
        augment=Augment(**spec.augment, fill=module.mean.cpu()),
        autocast=torch.bfloat16 if plan.precision == "bfloat16" else None,
        **{f"optimizer__{key}": value for key, value in options.items()},
        optimizer__weight_decay=plan.weight_decay,
    ).initialize()


def train(
    net: WeakLabelTrainer,
    train_set: Clips,
    valid_set: Clips | None,
    plan: Plan,
    n_epochs: int,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> int | None:
    """Train for some epochs more.

    Parameters
    ----------
    net : WeakLabelTrainer
        The net.
    train_set, valid_set : Clips
        Clips to learn from, and to watch the loss on, if any.
    plan : Plan
        How to train.
    n_epochs : int
        For how many epochs.
    seed : int
        Seed of torch's random numbers.
    checkpoint : Checkpoint, default=None
        Where the state is kept after each epoch, and what it is taken up from.

    Returns
    -------
    int or None
        When training was interrupted and the plan says to keep the best epoch, which
        one that is. Any other interruption is passed on.
    """
    watch = _watch(plan, valid_set)
    state = TrainingState(net, plan.optimizer, plan.device, watch)
    net.set_params(lr=plan.learning_rate)
    with seeded(seed, plan.device), kept_memory():
        if checkpoint is not None and checkpoint.arrays is not None:
            with checkpoint.reading():
                state.restore(checkpoint.arrays)
            if checkpoint.finished:
                return None
        keep = None if checkpoint is None else KeepState(checkpoint, state)
        n_batches = math.ceil(len(train_set) / plan.batch_size)
        n_steps, n_done = n_epochs * n_batches, state.n_epochs * n_batches
        _set_callbacks(net, plan, n_steps, n_done, watch, keep)
        net.notify("on_train_begin", X=None, y=None)
        best = None
        try:
            net.fit_loop((train_set, valid_set), epochs=n_epochs - state.n_epochs)
            if watch is not None:
                watch.load_best = plan.patience is not None
        except KeyboardInterrupt:
            # skorch's way to stop early, too.
            if not any(_has_stopped(callback) for _, callback in net.callbacks_):
                if not plan.keep_best or not watch or not watch.best_epoch_:
                    raise
                best = int(watch.best_epoch_)
        finally:
            net.notify("on_train_end", X=None, y=None)
            net.callbacks = None
            net.initialize_callbacks()
        if best is not None:
            _forget_unfinished_epochs(net)
        elif checkpoint is not None:
            checkpoint.write(state.arrays(), finished=True)
    return best


def _watch(plan: Plan, valid_set: Clips | None) -> EarlyStopping | None:
    """Return what remembers the best epoch, if it may be asked for."""
    if valid_set is not None and (plan.patience is not None or plan.keep_best):
        patience = math.inf if plan.patience is None else plan.patience
        return EarlyStopping(patience=patience, load_best=True, sink=_silent)
    if plan.keep_best:  # nobody knows which epoch is best: the last one
        return EarlyStopping(
            monitor="epoch",
            lower_is_better=False,
            threshold=0.0,
            patience=math.inf,
            load_best=True,
            sink=_silent,
        )
    return None


def _set_callbacks(
    net: WeakLabelTrainer,
    plan: Plan,
    n_steps: int,
    n_done: int,
    watch: EarlyStopping | None,
    keep: "KeepState | None",
) -> None:
    """Set what is called during training, of which `n_done` steps are over."""
    for group in net.optimizer_.param_groups:
        group["initial_lr"] = plan.learning_rate  # what the schedule multiplies
    schedule = LRScheduler(
        policy=LambdaLR,
        lr_lambda=Schedule(plan.schedule, n_steps),
        step_every="batch",
        last_epoch=n_done - 1,  # LambdaLR's word for steps
    )
    named: list[tuple[str, Callback]] = [("schedule", schedule)]
    if watch is not None:
        named.append(("watch", watch))
    if plan.verbose:
        bar = ProgressBar(plan.title, n_steps, n_done)
        named.append(("progress", bar))
    last = [] if keep is None else [("keep", keep)]
    net.callbacks = [*named, *plan.callbacks, *last]
    net.initialize_callbacks()


def _has_stopped(callback: Callback) -> bool:
    """Tell whether it was this callback that ended training."""
    return isinstance(callback, EarlyStopping) and callback.misses_ == callback.patience


def _forget_unfinished_epochs(net: WeakLabelTrainer) -> None:
    """Leave epochs that did not come to their end out of the history."""
    while net.history and "train_loss" not in net.history[-1]:
        del net.history[-1]


def _silent(*args: Any) -> None:
    """Print nothing."""


def predict(
    net: WeakLabelTrainer,
    clips: Any,
    n_frames: np.ndarray,
    batch_size: int,
    frames: bool,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Score clips in batches of similar length.

    Parameters
    ----------
    net : WeakLabelTrainer
        A trained net.
    clips : sequence of array (n_frames_i, n_mels)
        The clips.
    n_frames : array of shape (n_clips,)
        Frames of each clip.
    batch_size : int
        Clips per batch.
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
    module = net.module_.eval()
    parameter = next(module.parameters())
    dtype = np.float64 if parameter.dtype == torch.float64 else np.float32
    data, device = Clips(clips, dtype=dtype), str(parameter.device)
    loader = DataLoader(
        data,
        batch_size=batch_size,
        sampler=order.tolist(),
        collate_fn=collate,
        pin_memory=is_gpu(device),
        generator=torch.Generator(),  # the global one is the user's
    )
    logits: list[np.ndarray] = []
    probas: list[Any] = [None] * len(clips) if frames else []
    with torch.inference_mode():
        batches = batches_on(loader, device)
        for start, (inputs, _) in zip(range(0, len(order), batch_size), batches):
            scores = module(**inputs)
            logits.append(scores.clip.double().cpu().numpy())
            if frames and scores.frame is not None:
                length = inputs["x"].shape[1]
                proba = frame_proba(scores, length, module.time_pooling).cpu().numpy()
                for i, rows in zip(order[start : start + batch_size], proba):
                    probas[i] = rows[: n_frames[i]]
    clip_logits = np.concatenate(logits)
    frame_probas = [] if probas and probas[0] is None else probas
    return clip_logits[np.argsort(order, kind="stable")], frame_probas
