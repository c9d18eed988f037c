"""What tagger and detector share: parameters, training, clip scores, thresholds."""

import math
import numbers
import os
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_sed._clips._array import FeatureArray
from sklearn_sed._clips._check import ClipSet, check_clips
from sklearn_sed._labels._check import (
    Tags,
    check_class_weight,
    check_tags,
    check_weights,
    warn_rare_classes,
)
from sklearn_sed._labels._thresholds import tag_thresholds
from sklearn_sed._learners._checkpoint import Checkpoint, training_key
from sklearn_sed.exceptions import LabelError

# A threshold is learned for a class when so many held-back clips have it, and so
# many do not; from fewer, one half is the better guess.
MIN_HELD_BACK = 4
# What max_epochs="auto" is: so many epochs, or as many as so many steps take where
# these are more, up to the last number.
AUTO_EPOCHS, AUTO_STEPS, MOST_AUTO_EPOCHS = 25, 500, 100
# Parameters that make the net what it is: set after fit, they wait for the next fit.
NET_PARAMS = ("network", "network_params", "pooling", "activation", "optimizer")
# Parameters that training does not depend on, or (the last three) not by their name.
NOT_FOR_TRAINING = {
    "checkpoint",
    "decoder",
    "threshold",
    "time_resolution",
    "verbose",
    "warm_start",
    "callbacks",
    "device",
    "precision",
}


class Lesson(NamedTuple):
    """What a network learns from."""

    clips: ClipSet
    indicator: np.ndarray  # (n_clips, n_classes)
    weight: np.ndarray  # (n_clips,)
    train: np.ndarray  # clips to train on
    held_back: np.ndarray  # clips to watch the loss on
    frames: list | None = None  # what the frames of each clip are taken to be


class DefaultParts(BaseEstimator):
    """Estimators some of whose parts, left at None, still take nested parameters.

    ``set_params(part__x=1)`` on a part that is None makes the default part and sets
    ``x`` on it, which is what lets a grid search reach into parts left out.
    """

    _default_parts: ClassVar[dict[str, type]] = {}

    def set_params(self, **params: Any):
        """Set parameters, of nested parts too.

        Parameters
        ----------
        **params : dict
            Parameters; ``part__name`` reaches into a part, and makes the default one
            where the part is None.

        Returns
        -------
        self : estimator
            The estimator itself.
        """
        nested = {key: params.pop(key) for key in list(params) if "__" in key}
        super().set_params(**params)
        for part, default in self._default_parts.items():
            reached = any(key.startswith(part + "__") for key in nested)
            if reached and getattr(self, part) is None:
                setattr(self, part, default())
        super().set_params(**nested)
        return self


class WeakLearner(DefaultParts):
    """A network trained on tags; base of :class:`WeakTagger`, `WeakEventDetector`."""

    _parameter_constraints: ClassVar[dict] = {
        "network": [str, callable],
        "network_params": [dict, None],
        "pooling": [str],
        "activation": [StrOptions({"relu", "glu"})],
        "standardize": ["boolean"],
        "label_smoothing": [Interval(numbers.Real, 0, 1, closed="left")],
        "mixup": [Interval(numbers.Real, 0, None, closed="left")],
        "time_roll": ["boolean"],
        "time_mask": [Interval(numbers.Real, 0, 1, closed="left")],
        "mel_mask": [Interval(numbers.Real, 0, 1, closed="left")],
        "optimizer": [StrOptions({"adam", "adamw", "rmsprop", "sgd"})],
        "learning_rate": [Interval(numbers.Real, 0, None, closed="neither")],
        "schedule": [StrOptions({"constant", "cosine"}), Mapping],
        "weight_decay": [Interval(numbers.Real, 0, None, closed="left")],
        "max_epochs": [
            Interval(numbers.Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "batch_size": [Interval(numbers.Integral, 1, None, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, "array-like", None],
        "threshold": [
            StrOptions({"f1", "annealing", "roc", "mean_prf"}),
            Interval(numbers.Real, 0, 1, closed="both"),
            "array-like",
        ],
        "validation_fraction": [Interval(numbers.Real, 0, 1, closed="left")],
        "early_stopping": ["boolean"],
        "n_iter_no_change": [Interval(numbers.Integral, 1, None, closed="left")],
        "self_training": [Interval(numbers.Integral, 0, None, closed="left")],
        "callbacks": [list, tuple, None],
        "checkpoint": [str, os.PathLike, None],
        "on_interrupt": [StrOptions({"raise", "keep"})],
        "device": [str],
        "precision": [StrOptions({"auto", "float32", "bfloat16", "float64"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
    }

    # Networks that go by a name, and how each is called in ``sklearn_sed.nn``.
    _networks: ClassVar[dict[str, str]] = {}

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Learn from clips and their tags.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels), or sequence of n_clips \
                arrays (n_frames_i, n_mels)
            Features, in dB for the defaults. A 2-D X holds one frame per clip.
        y : array-like of n_clips labels
            Weak labels: an indicator (n_clips, n_classes) as array, sparse matrix or
            DataFrame whose columns name the classes (a row of −1 is an unlabelled
            clip, which rounds of `self_training` learn from), a list or set of labels
            per clip, or one label per clip. Strong labels, one event table per clip,
            count by their tags.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip; equal when None.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ClipError
            If a clip is not a finite matrix of as many bands as the others.
        LabelError
            If labels are missing or cannot be understood.
        ModelFileError
            If the checkpoint is damaged, or of another version or device.
        """
        warm = self.warm_start and hasattr(self, "net_")
        clips = check_clips(X, self, reset=not warm)
        tags = check_tags(y, len(clips), self.classes_ if warm else None)
        clips, tags, weight = self._usable(
            clips, tags, sample_weight, unlabelled=self.self_training > 0
        )
        warn_rare_classes(_known(tags))
        rng = check_random_state(self.random_state)
        checkpoint = self._open_checkpoint(clips, tags, weight, rng, warm)
        if checkpoint is not None and checkpoint.seed is not None:
            rng = np.random.RandomState(checkpoint.seed)
        # Drawn first: the initial weights do not depend on the number of clips.
        seed = _draw_seed(rng)
        train, held_back = self._split(np.flatnonzero(tags.labelled), rng)
        lesson = Lesson(clips, tags.indicator, weight, train, held_back)
        if not warm:
            self._start(lesson, tags, seed)
        elif self.self_training:
            lesson = self._teach(lesson, tags) or lesson
        ended = self._train(lesson, rng, checkpoint)
        for _ in range(0 if warm else self.self_training):
            taught = self._teach(lesson, tags) if ended else None
            if taught is None:
                break
            lesson = taught
            self._start(lesson, tags, _draw_seed(rng))
            if checkpoint is not None:
                checkpoint = checkpoint.next_round()
            ended = self._train(lesson, rng, checkpoint)
        self._learn_thresholds(lesson, rng)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Pass once over more clips, keeping what was learned.

        The learning rate stays at ``learning_rate``. The first call sets the classes
        and the standardisation; thresholds stay at one half unless given. `checkpoint`
        and `on_interrupt` are for ``fit``: an interruption is raised, and leaves the
        estimator unfitted.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.
        y : array-like of n_clips labels
            Labels, as in ``fit``.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come, for the first call; those of ``y`` when
            None.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip.

        Returns
        -------
        self : estimator
            The estimator, fitted so far.
        """
        first = not hasattr(self, "net_")
        clips = check_clips(X, self, reset=first)
        known = classes if first else self.classes_
        tags = check_tags(y, len(clips), known)
        clips, tags, weight = self._usable(clips, tags, sample_weight, unlabelled=False)
        rng = check_random_state(self.random_state)
        everything = np.arange(len(clips))
        lesson = Lesson(clips, tags.indicator, weight, everything, everything[:0])
        if first:
            self._start(lesson, tags, _draw_seed(rng))
        thresholds = vars(self).get("thresholds_")
        self._train(lesson, rng, once=True)
        if first:
            self._learn_thresholds(lesson, rng)
        else:
            self.thresholds_ = thresholds
        return self

    def _open_checkpoint(
        self,
        clips: ClipSet,
        tags: Tags,
        weight: np.ndarray,
        rng: np.random.RandomState,
        warm: bool,
    ) -> Checkpoint | None:
        """Return where this training is kept between calls, if it shall be."""
        if self.checkpoint is None:
            return None
        plan = self._plan()
        params = self.get_params(deep=False)
        params = {key: params[key] for key in params.keys() - NOT_FOR_TRAINING}
        # By its name, for a local function cannot be hashed.
        params["network"] = getattr(self.network, "__qualname__", self.network)
        start = {}
        if warm:
            from sklearn_sed.nn._arrays import net_arrays

            start = net_arrays(self.net_, self.optimizer)
        key = training_key(
            params,
            plan.precision,
            [type(callback).__name__ for callback in plan.callbacks],
            start,
            tags.classes.tolist(),
            tags.single,
            tags.indicator,
            weight,
            clips=clips.clips,
        )
        seed = _draw_seed(rng) if self.random_state is None else None
        name = f"{type(self).__name__}-{key}"
        return Checkpoint(self.checkpoint, name, plan.device, seed)

    def _usable(
        self, clips: ClipSet, tags: Tags, sample_weight: Any, *, unlabelled: bool
    ) -> tuple[ClipSet, Tags, np.ndarray]:
        """Leave out clips that teach nothing; fold in single-label weights."""
        weight = check_weights(sample_weight, len(clips))
        labelled = tags.labelled & (weight > 0)
        if not labelled.any():
            raise LabelError("y labels no clip: fit needs clips with tags")
        known = replace(tags, indicator=tags.indicator[labelled])
        if tags.single and self.class_weight is not None:
            balance = check_class_weight(self.class_weight, known)
            weight = weight * np.where(
                labelled, tags.indicator.clip(min=0) @ balance, 1.0
            )
        weight = weight / weight[labelled].mean()
        used = weight > 0 if unlabelled else labelled
        if used.all():
            return clips, tags, weight
        index = np.flatnonzero(used)
        clips = replace(
            clips, clips=_Subset(clips.clips, index), n_frames=clips.n_frames[index]
        )
        return clips, replace(tags, indicator=tags.indicator[index]), weight[index]

    def _split(self, clips: np.ndarray, rng: np.random.RandomState):
        """Return the clips to train on and those held back, in random order."""
        order = rng.permutation(clips)
        n_held_back = int(self.validation_fraction * len(clips))
        return np.sort(order[n_held_back:]), np.sort(order[:n_held_back])

    def _start(self, lesson: Lesson, tags: Tags, seed: int) -> None:
        """Build the network, and its input's standardisation from the clips."""
        from sklearn_sed.nn._training import build_net

        self._single = tags.single
        self.classes_ = tags.classes
        n_mels = lesson.clips.n_mels
        mean, scale = (
            _band_statistics(lesson.clips, lesson.weight, lesson.train)
            if self.standardize
            else (np.zeros(n_mels), np.ones(n_mels))
        )
        plan = self._plan()
        spec = self._net_spec(plan, self._loss_weights(tags, lesson.weight))
        self.net_ = build_net(spec, mean, scale, seed)
        self._net_params = self._current_net_params()
        self.precision_ = plan.precision
        self.n_iter_ = 0
        self.history_: list[dict[str, float]] = []

    def _loss_weights(self, tags: Tags, weight: np.ndarray) -> dict[str, Any]:
        """Return the parameters of the loss that depend on the labels."""
        if tags.single:  # the clips are weighted instead
            return {}
        return {"class_weight": check_class_weight(self.class_weight, _known(tags))}

    def _net_spec(self, plan: Any, loss_weights: Mapping[str, Any]):
        """Collect what the net is built from."""
        from sklearn_sed import nn
        from sklearn_sed.nn._training import NetSpec

        return NetSpec(
            make_network=self._network_factory(nn),
            pooling=self.pooling,
            n_classes=len(self.classes_),
            loss={
                **self._loss_params(),
                "label_smoothing": self.label_smoothing,
                **loss_weights,
            },
            augment={
                "mixup": self.mixup,
                "time_roll": self.time_roll,
                "time_mask": self.time_mask,
                "mel_mask": self.mel_mask,
            },
            plan=plan,
        )

    def _current_net_params(self) -> dict[str, Any]:
        """Return a copy of the parameters that a built net can no longer follow."""
        params = {name: getattr(self, name) for name in NET_PARAMS}
        return {**params, "network_params": deepcopy(self.network_params)}

    def _restore_net(
        self, shapes: Mapping[str, tuple[int, ...]], read: Callable[[str], np.ndarray]
    ) -> None:
        """Rebuild the net from stored arrays, the other attributes being in place."""
        from sklearn_sed.nn._weights import restore_net

        plan = replace(self._plan(), precision=self.precision_)
        self.net_ = restore_net(
            self._net_spec(plan, {}),
            self.n_features_in_,
            shapes,
            read,
            on_meta=isinstance(self.network, str),
        )
        for row in self.history_:
            self.net_.history.new_epoch()
            for key, value in row.items():
                self.net_.history.record(key, value)
        self._net_params = self._current_net_params()

    def _network_factory(self, nn: Any):
        """Return what builds the network from n_mels and n_classes, or complain."""
        if self.pooling not in nn.POOLINGS:
            raise ValueError(
                f"pooling={self.pooling!r} is unknown; choose one of "
                f"{sorted(nn.POOLINGS)}"
            )
        options = dict(self.network_params or {})
        attends = nn.POOLINGS[self.pooling].needs_attention
        if callable(self.network):
            return lambda n_mels, n_classes: self.network(n_mels, n_classes, **options)
        if self.network not in self._networks:
            raise ValueError(
                f"network={self.network!r} is unknown; choose one of "
                f"{sorted(self._networks)} or pass a callable (n_mels, n_classes)"
            )
        if self.network in ("crnn", "paper_crnn"):
            options["activation"] = self.activation
        if self.network in ("crnn", "embedding"):
            options["attention"] = attends
        elif attends and self.network != "paper_att":
            raise ValueError(
                f"pooling='attention' needs a network with an attention head, and "
                f"network={self.network!r} has none: choose 'crnn', 'embedding' or "
                "'paper_att'"
            )
        build = getattr(nn, self._networks[self.network])
        return lambda n_mels, n_classes: build(n_mels, n_classes, **options)

    def _loss_params(self) -> dict[str, Any]:
        """Return the loss's own parameters."""
        return {}

    def _plan(self):
        """Collect the training parameters."""
        from sklearn_sed.nn._training import Plan, resolve_device, resolve_precision

        device = resolve_device(self.device)
        return Plan(
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            weight_decay=self.weight_decay,
            device=device,
            precision=resolve_precision(self.precision, device),
            patience=self.n_iter_no_change if self.early_stopping else None,
            keep_best=self.on_interrupt == "keep",
            verbose=self.verbose,
            title=type(self).__name__,
            callbacks=list(self.callbacks or []),
        )

    def _teach(self, lesson: Lesson, tags: Tags) -> Lesson | None:
        """Return what the trained network teaches the next one, if anything.

        Its frame scores, but for classes that a clip is known not to have; and its
        clip scores, where there are no tags.
        """
        from sklearn_sed.nn._training import predict

        clips = lesson.clips
        logits, frames = predict(
            self.net_, clips.clips, clips.n_frames, self.batch_size, True
        )
        unlabelled = np.flatnonzero(~tags.labelled)
        if not frames and not len(unlabelled):
            return None
        possible = tags.indicator != 0
        return lesson._replace(
            indicator=np.where(tags.indicator < 0, _sigmoid(logits), tags.indicator),
            train=np.union1d(lesson.train, unlabelled),
            frames=[clip * row for clip, row in zip(frames, possible)] or None,
        )

    def _train(
        self,
        lesson: Lesson,
        rng: np.random.RandomState,
        checkpoint: Checkpoint | None = None,
        *,
        once: bool = False,
    ) -> bool:
        """Train on some clips, watching the loss on the others.

        ``once`` passes over them a single time, at the full learning rate.

        Returns whether training came to its end.
        """
        from sklearn_sed.nn import _training

        # Without thresholds an estimator is not fitted: an interruption leaves it so.
        self.__dict__.pop("thresholds_", None)
        plan = self._plan()
        if once:
            plan = replace(plan, schedule="constant")
        n_epochs = 1 if once else self._n_epochs(len(lesson.train))
        dtype = np.float64 if plan.precision == "float64" else np.float32

        def subset(index: np.ndarray, frames: list | None):
            return _training.Clips(
                _Subset(lesson.clips.clips, index),
                lesson.indicator[index],
                lesson.weight[index],
                dtype,
                None if frames is None else _Subset(frames, index),
            )

        train = subset(lesson.train, lesson.frames)
        valid = subset(lesson.held_back, None) if len(lesson.held_back) else None
        seed = _draw_seed(rng)
        net = self.__dict__.pop("net_")  # gone where training does not come to its end
        best = _training.train(net, train, valid, plan, n_epochs, seed, checkpoint)
        self.net_ = net
        self.history_ = [
            {
                "epoch": row["epoch"],
                **{
                    loss: float(row[loss])
                    for loss in ("train_loss", "valid_loss")
                    if loss in row
                },
            }
            for row in self.net_.history
        ]
        self.n_iter_ = len(self.history_)
        if best is not None:
            warnings.warn(
                f"{type(self).__name__} was interrupted after {self.n_iter_} epochs of "
                f"training and is what it was after epoch {best}",
                stacklevel=4,
            )
        return best is None

    def _n_epochs(self, n_clips: int) -> int:
        """Return how often to pass over so many clips."""
        if self.max_epochs != "auto":
            return self.max_epochs
        n_batches = math.ceil(n_clips / self.batch_size)
        n_epochs = max(AUTO_EPOCHS, math.ceil(AUTO_STEPS / n_batches))
        return min(n_epochs, MOST_AUTO_EPOCHS)

    def _learn_thresholds(self, lesson: Lesson, rng: Any) -> None:
        """Set ``thresholds_``: as given, or learned on the clips held back."""
        n_classes = len(self.classes_)
        if not isinstance(self.threshold, str):
            given = np.asarray(self.threshold, dtype=float)
            if given.ndim and given.shape != (n_classes,):
                raise ValueError(
                    f"threshold has shape {given.shape}; pass one value, or one for "
                    f"each of the {n_classes} classes"
                )
            self.thresholds_ = np.broadcast_to(given, (n_classes,)).copy()
            return
        self.thresholds_ = np.full(n_classes, 0.5)
        y = lesson.indicator[lesson.held_back].astype(int)
        n_present = y.sum(axis=0)
        known = np.minimum(n_present, len(y) - n_present) >= MIN_HELD_BACK
        if self._single or not known.any():
            return
        proba = self._clip_proba(_take(lesson.clips, lesson.held_back))
        self.thresholds_[known] = tag_thresholds(
            y[:, known], proba[:, known], method=self.threshold, random_state=rng
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "thresholds_")

    def _check_clips(self, X: Any) -> ClipSet:
        """Check the clips to predict."""
        check_is_fitted(self)
        return check_clips(X, self, reset=False)

    def _clip_logits(self, clips: ClipSet) -> np.ndarray:
        """Return the logit of each clip and class."""
        from sklearn_sed.nn._training import predict

        return predict(self.net_, clips.clips, clips.n_frames, self.batch_size, False)[
            0
        ]

    def _clip_proba(self, clips: ClipSet) -> np.ndarray:
        """Return the probability of each clip and class."""
        return _sigmoid(self._clip_logits(clips))

    def _scores(self, clips: ClipSet) -> tuple[np.ndarray, FeatureArray]:
        """Return the clip and the frame probabilities, these with their clock."""
        from sklearn_sed.nn._training import predict

        logits, probas = predict(
            self.net_, clips.clips, clips.n_frames, self.batch_size, True
        )
        if not probas:
            raise ValueError(
                f"network={self.network!r} scores clips alone: finding events needs a "
                "network that scores frames"
            )
        if len(set(clips.n_frames.tolist())) == 1:
            frames = np.stack(probas)
        else:
            frames = np.empty(len(probas), dtype=object)
            frames[:] = probas
        clock = (clips.time_resolution, clips.durations, clips.time_offset)
        return _sigmoid(logits), FeatureArray(frames, *clock)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags


def _known(tags: Tags) -> Tags:
    """Return the tags of the clips that have some."""
    return replace(tags, indicator=tags.indicator[tags.labelled])


class _Subset:
    """Some of a sequence's items, fetched when asked for."""

    def __init__(self, items: Any, index: np.ndarray):
        self.items, self.index = items, index

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, i: int):
        return self.items[self.index[i]]


def _take(clips: ClipSet, index: np.ndarray) -> ClipSet:
    """Return some of the clips."""
    return replace(
        clips,
        clips=_Subset(clips.clips, index),
        n_frames=clips.n_frames[index],
        durations=None,
    )


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return expit(logits)


def _draw_seed(rng: np.random.RandomState) -> int:
    return int(rng.randint(np.iinfo(np.int32).max))


def _band_statistics(
    clips: ClipSet, weight: np.ndarray, index: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return each band's mean and standard deviation over the weighted frames."""
    total = np.zeros(clips.n_mels)
    squares = np.zeros(clips.n_mels)
    n_frames = 0.0
    for i in index:
        clip = np.asarray(clips.clips[i], dtype=np.float64)
        total += weight[i] * clip.sum(axis=0)
        squares += weight[i] * np.square(clip).sum(axis=0)
        n_frames += weight[i] * len(clip)
    mean = total / n_frames
    spread = np.sqrt(np.maximum(squares / n_frames - mean**2, 0))
    return mean, np.where(spread > 1e-6 * np.maximum(abs(mean), 1), spread, 1.0)
