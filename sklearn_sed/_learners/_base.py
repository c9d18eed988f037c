"""What tagger and detector share: parameters, training, thresholds."""

import math
import numbers
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import chain
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.special import expit
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_sed._clips._check import ClipSet, check_clips
from sklearn_sed._fingerprint import fingerprint
from sklearn_sed._labels._check import (
    UNLABELLED,
    Tags,
    check_class_weight,
    check_tags,
    check_weights,
    warn_odd_names,
    warn_rare_classes,
)
from sklearn_sed._labels._folds import MultilabelStratifiedKFold
from sklearn_sed._labels._thresholds import given_thresholds, tag_thresholds
from sklearn_sed._learners._checkpoint import Checkpoint
from sklearn_sed._learners._parts import PartsMixin
from sklearn_sed._learners._predict import PredictMixin, Scored
from sklearn_sed._learners._record import held_back_record, training_record
from sklearn_sed._learners._state import NetAsArrays
from sklearn_sed._learners._times import KnownFrames
from sklearn_sed.exceptions import LabelError

# A threshold is learned for a class when so many held-back clips have it, and so
# many do not; from fewer, one half is the better guess.
MIN_HELD_BACK = 4
# What max_epochs="auto" is: so many epochs, or as many as so many steps take where
# these are more, up to the last number.
AUTO_EPOCHS, AUTO_STEPS, MOST_AUTO_EPOCHS = 25, 500, 100
# Parameters that make the net what it is: a net goes on with those it was built by.
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


class Labelled(NamedTuple):
    """Clips with their tags and weights, and what times teach of their frames."""

    clips: ClipSet
    tags: Tags
    weight: np.ndarray  # (n_clips,)
    frames: KnownFrames | None = None

    def take(self, index: np.ndarray) -> "Labelled":
        """Return some of them."""
        frames = None if self.frames is None else self.frames.take(index)
        clips, tags = self.clips.take(index), self.tags.take(index)
        return Labelled(clips, tags, self.weight[index], frames)

    def followed_by(self, other: "Labelled") -> "Labelled":
        """Return them and others, both with what times teach, or neither."""
        frames = None
        if self.frames is not None and other.frames is not None:
            frames = self.frames.followed_by(other.frames)
        return Labelled(
            self.clips.followed_by(other.clips),
            self.tags.followed_by(other.tags),
            np.append(self.weight, other.weight),
            frames,
        )


class Lesson(NamedTuple):
    """What a network learns from."""

    data: Labelled
    indicator: np.ndarray  # (n_clips, n_classes): their tags, or what stands for them
    train: np.ndarray  # clips to train on
    held_back: Labelled | None = None  # clips to watch the loss on
    frames: Sequence | None = None  # what the frames of each clip are taken to be


@dataclass(kw_only=True, eq=False, repr=False)
class WeakLearner(NetAsArrays, PredictMixin, PartsMixin):
    """A network trained on tags; base of :class:`WeakTagger`, `WeakEventDetector`.

    Its fields are the parameters that both have, and their defaults.
    """

    network: str | Callable = "crnn"
    network_params: dict | None = None
    pooling: str = "linear_softmax"
    activation: str = "relu"
    standardize: bool = True
    label_smoothing: float = 0.0
    mixup: float = 0.2
    time_roll: bool = True
    time_mask: float = 0.0
    mel_mask: float = 0.1
    optimizer: str = "adamw"
    learning_rate: float = 0.001
    schedule: str | Mapping[float, float] = "cosine"
    weight_decay: float = 0.01
    max_epochs: Any = "auto"
    batch_size: int = 16
    class_weight: Any = None
    threshold: Any = "f1"
    validation_fraction: float = 0.1
    early_stopping: bool | str = False
    n_iter_no_change: int = 10
    self_training: int = 0
    callbacks: Sequence | None = None
    checkpoint: str | os.PathLike | None = None
    on_interrupt: str = "raise"
    device: str = "auto"
    precision: str = "float32"
    random_state: Any = None
    verbose: int = 0
    warm_start: bool = False

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

    # What model files of the same format may lack: they are older.
    _later_attributes: ClassVar[frozenset[str]] = frozenset(
        {"clip_duration_", "training_"}
    )
    # Networks that go by a name, and how each is called in ``sklearn_sed.nn``.
    _networks: ClassVar[dict[str, str]] = {
        "crnn": "CRNN",
        "embedding": "EmbeddingNet",
        "paper_att": "PaperATT",
        "paper_crnn": "PaperCRNN",
        "paper_tagger": "PaperTagger",
    }
    _takes_checked = True  # clips and labels, as other parts have checked them

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Learn from clips and their tags.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels), or sequence of n_clips \
                arrays (n_frames_i, n_mels)
            Features, in dB for the defaults. A 2-D X holds one frame per clip.
        y : array-like of n_clips labels
            Weak labels: an indicator (n_clips, n_classes) as array, sparse matrix or
            DataFrame whose columns name the classes, a list or set of labels per clip,
            or one label per clip. Or what is known of each clip: an event table
            (`onset`, `offset`, `event_label`), of which the tags count, and the times
            too where a detector has ``times="learn"``; a table with NaN in the place of
            all times, or a list of labels, where only tags are known; a table from
            :func:`~sklearn_sed.events.partial_events` where a part is known; None where
            nothing is. Unlabelled clips, None or a row of −1, are learned from in
            rounds of `self_training`.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip; equal when None.
        X_val : array of shape (n_clips, n_frames, n_mels) or sequence of arrays, \
                default=None
            Clips that are not learned from: thresholds, early stopping and callbacks
            are shown these instead of a `validation_fraction` of X.
        y_val : array-like of labels, default=None
            Their labels, weak or strong.

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
        ValueError
            If a parameter is impossible: early stopping without clips to watch, or,
            with `warm_start`, another network than the one that shall go on.
        """
        warm = self.warm_start and hasattr(self, "net_")
        clips = check_clips(X, self, reset=not warm)
        tags = check_tags(y, len(clips), self.classes_ if warm else None)
        warn_odd_names(y, tags)
        self._check_labels(clips, tags)
        unlabelled = self.self_training > 0
        data = self._usable(clips, tags, sample_weight, unlabelled=unlabelled)
        warn_rare_classes(data.tags)
        self._check_settings(tags, warm)
        given = self._check_validation(X_val, y_val, tags)
        rng = self._generator(warm)
        checkpoint = self._open_checkpoint(data, given, rng, warm)
        if checkpoint is not None and checkpoint.seed is not None:
            rng = np.random.RandomState(checkpoint.seed)
        # Drawn first: the initial weights do not depend on the number of clips.
        seed = _draw_seed(rng)
        lesson = self._lesson(data, given, rng)
        taught_tags = data.tags.indicator[lesson.train]
        if not warm:
            self._start(data, lesson.train, seed)
        else:
            self._follow(data)
            if self.self_training:
                lesson = self._teach(lesson) or lesson
        ended = self._train(lesson, rng, checkpoint)
        for _ in range(0 if warm else self.self_training):
            taught = self._teach(lesson) if ended else None
            if taught is None:
                break
            lesson = taught
            self._start(data, lesson.train, _draw_seed(rng))
            if checkpoint is not None:
                checkpoint = checkpoint.next_round()
            ended = self._train(lesson, rng, checkpoint)
        self._learn_from(data)
        held_back, proba = lesson.held_back, None
        if held_back is not None:
            proba = self._proba(self._run(held_back.clips, frames=False)[0])
        self._learn_thresholds(held_back, proba, rng)
        self.training_ = training_record(taught_tags)
        if held_back is not None:
            self.training_["held_back"] = held_back_record(
                held_back.tags.indicator, self._found(proba), proba
            )
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None, replay=None):
        """Pass once over more clips, keeping what was learned.

        The learning rate stays at ``learning_rate``. The first call sets the classes,
        the standardisation, and what is counted over its clips: balanced class weights
        and the correlation of tags. Thresholds stay as they are: one half unless given,
        or learned by ``fit``.

        A few clips alone, such as those that were corrected, make a network forget what
        it learned from others. Pass these as `replay`: half of each batch is drawn from
        them.

        `checkpoint` and `on_interrupt` are for ``fit``: an interruption is raised, and
        leaves the estimator unfitted.

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
        replay : tuple (X, y), default=None
            Earlier clips, in memory or on disk, and their labels. So many of them are
            drawn, at random, as are needed beside the new ones; none is read but these.

        Returns
        -------
        self : estimator
            The estimator, fitted so far.

        Raises
        ------
        LabelError
            If ``classes`` are not those of the first call.
        ValueError
            If nothing was learned yet that `replay` could keep, or a batch has no room
            for two clips.
        """
        first = not hasattr(self, "net_")
        clips = check_clips(X, self, reset=first)
        if not first and classes is not None:
            asked = np.asarray(classes).tolist()
            if asked != self.classes_.tolist():
                raise LabelError(
                    f"classes={asked} are not those of the first call, "
                    f"{self.classes_.tolist()}: leave classes out, or fit anew"
                )
        tags = check_tags(y, len(clips), classes if first else self.classes_)
        if first and classes is None:
            warn_odd_names(y, tags)
        self._check_labels(clips, tags, needed=False)
        data = self._usable(clips, tags, sample_weight, unlabelled=False)
        self._check_settings(tags, not first)
        rng = self._generator(not first)
        lesson = Lesson(
            data,
            _targets(data.tags),
            np.arange(len(data.clips)),
            frames=data.frames,
        )
        if replay is not None:
            lesson = self._replayed(data, replay, rng)
        if first:
            self._start(data, lesson.train, _draw_seed(rng))
        else:
            self._follow(data, counted=False)
        thresholds, record = vars(self).get("_thresholds"), vars(self).get("training_")
        self._train(lesson, rng, once=True, in_order=replay is not None)
        self._thresholds = thresholds
        if thresholds is None:
            self._learn_thresholds(None, None, rng)
        self.training_ = training_record(data.tags.indicator, record)
        return self

    def _replayed(
        self, data: Labelled, replay: tuple[Any, Any], rng: np.random.RandomState
    ) -> Lesson:
        """Mix clips with earlier ones, half of them in each batch."""
        if not hasattr(self, "net_"):
            raise ValueError(
                "replay keeps what was learned, and nothing was learned yet: fit to "
                "the earlier clips first"
            )
        if not isinstance(replay, tuple | list) or len(replay) != 2:
            raise ValueError(
                f"replay is a {type(replay).__name__}; pass earlier clips and their "
                "labels as a tuple, (X, y)"
            )
        if self.batch_size < 2:
            raise ValueError(
                f"batch_size={self.batch_size} has no room for a new clip and an "
                "earlier one: raise it, or leave replay out"
            )
        X, y = replay
        clips = check_clips(X, self, reset=False)
        tags = check_tags(y, len(clips), self.classes_, name="y of replay")
        self._check_labels(clips, tags, "y of replay", needed=False)
        earlier = self._usable(clips, tags, None, unlabelled=False)
        both = data.followed_by(earlier)
        n_new, n_old = len(data.clips), len(earlier.clips)
        train = _interleave(n_new, n_old, self.batch_size, rng)
        return Lesson(both, _targets(both.tags), train, frames=both.frames)

    def _check_settings(self, tags: Tags, goes_on: bool) -> None:
        """Complain, before training, about what will not do."""
        if not isinstance(self.threshold, str):
            given_thresholds(self.threshold, len(tags.classes))
        if goes_on:
            for name, value in self._current_net_params().items():
                if fingerprint(value) != fingerprint(self._net_params[name]):
                    raise ValueError(
                        f"{name} is {value!r}, but the net that shall go on was built "
                        f"with {self._net_params[name]!r}: set it back, or fit anew "
                        "without warm_start"
                    )

    def _generator(self, goes_on: bool) -> np.random.RandomState:
        """Return random numbers: by the seed, and others in each call that goes on."""
        if goes_on and isinstance(self.random_state, numbers.Integral):
            return np.random.RandomState([int(self.random_state), self.n_iter_])
        return check_random_state(self.random_state)

    def _check_validation(self, X: Any, y: Any, tags: Tags) -> Labelled | None:
        """Check the clips that the user gives to watch, if any."""
        if (X is None) != (y is None):
            raise ValueError("X_val and y_val belong together: pass both, or neither")
        if X is None:
            return None
        clips = check_clips(X, self, reset=False)
        held_back = check_tags(y, len(clips), tags.classes, name="y_val")
        self._check_labels(clips, held_back, "y_val", needed=False)
        index = np.flatnonzero(held_back.labelled)
        if not len(index):
            raise LabelError("y_val labels no clip: pass clips with tags, or leave out")
        data = Labelled(clips, held_back, np.ones(len(clips))).take(index)
        return self._with_frames(data)

    def _lesson(
        self, data: Labelled, given: Labelled | None, rng: np.random.RandomState
    ) -> Lesson:
        """Divide clips into those to learn from and those held back."""
        labelled = np.flatnonzero(data.tags.labelled)
        index = labelled[:0]
        if given is None:
            index = self._choose_held_back(data.tags, labelled, rng)
            if len(index):
                given = data.take(index)
        if given is None and self.early_stopping:
            raise ValueError(
                f"early_stopping={self.early_stopping!r} has no clips to watch: "
                f"validation_fraction={self.validation_fraction} of {len(labelled)} "
                "clips is none; raise it, or pass X_val and y_val"
            )
        train = np.setdiff1d(np.flatnonzero(self._teaches(data.tags)), index)
        return Lesson(data, _targets(data.tags), train, given, data.frames)

    def _n_held_back(self, tags: Tags, given: Labelled | None) -> int:
        """Return how many clips to hold back: none where nobody looks at them."""
        n_held_back = int(self.validation_fraction * tags.labelled.sum())
        learns = isinstance(self.threshold, str) and not tags.single
        used = (
            self.early_stopping
            or self.callbacks
            or self.on_interrupt == "keep"
            or (learns and n_held_back >= 2 * MIN_HELD_BACK)
        )
        return n_held_back if used and given is None else 0

    def _choose_held_back(
        self, tags: Tags, labelled: np.ndarray, rng: np.random.RandomState
    ) -> np.ndarray:
        """Return clips to hold back, with the same share of each class."""
        n_held_back = self._n_held_back(tags, None)
        if not n_held_back:
            return labelled[:0]
        share = Fraction(self.validation_fraction).limit_denominator(20)
        if share.numerator == 0 or len(labelled) < share.denominator:
            return np.sort(rng.permutation(labelled)[:n_held_back])
        folds = MultilabelStratifiedKFold(
            share.denominator, shuffle=True, random_state=_draw_seed(rng)
        )._iter_test_indices(labelled, tags.take(labelled), None)
        chosen = list(folds)[: share.numerator]
        return np.sort(labelled[np.concatenate(chosen)])

    def _open_checkpoint(
        self,
        data: Labelled,
        given: Labelled | None,
        rng: np.random.RandomState,
        warm: bool,
    ) -> Checkpoint | None:
        """Return where this training is kept between calls, if it shall be."""
        if self.checkpoint is None:
            return None
        from sklearn_sed.nn import _state, _training

        device = _training.resolve_device(self.device)
        params = self.get_params(deep=False)
        params = {key: params[key] for key in params.keys() - NOT_FOR_TRAINING}
        start = _state.net_arrays(self.net_) if warm else {}
        clips, tags, weight, frames = data
        watched = [] if given is None else [given.tags.indicator, given.tags.events]
        taught = [] if frames is None else [[fingerprint(clip) for clip in frames]]
        seen = chain(clips.clips, () if given is None else given.clips.clips)
        key = fingerprint(
            params,
            _training.resolve_precision(self.precision, device),
            list(self.callbacks or []),
            self._n_held_back(tags, given),
            start,
            [tags.classes, tags.single, tags.indicator],
            weight,
            watched,
            [fingerprint(clip) for clip in seen],  # one at a time
            *taught,
        )
        seed = _draw_seed(rng) if self.random_state is None else None
        name = f"{type(self).__name__}-{key}"
        return Checkpoint(self.checkpoint, name, device, seed)

    def _usable(
        self, clips: ClipSet, tags: Tags, sample_weight: Any, *, unlabelled: bool
    ) -> Labelled:
        """Leave out clips that teach nothing; fold in single-label weights."""
        weight = check_weights(sample_weight, len(clips))
        teaches = self._teaches(tags) & (weight > 0)
        if not teaches.any():
            raise LabelError("y labels no clip: fit needs clips with tags")
        if tags.single and self.class_weight is not None:
            known = tags.take(np.flatnonzero(teaches))
            balance = check_class_weight(self.class_weight, known)
            weight = weight * np.where(
                teaches, tags.indicator.clip(min=0) @ balance, 1.0
            )
        weight = weight / weight[teaches].mean()
        used = weight > 0 if unlabelled else teaches
        data = Labelled(clips, tags, weight)
        data = data if used.all() else data.take(np.flatnonzero(used))
        return self._with_frames(data)

    def _teaches(self, tags: Tags) -> np.ndarray:
        """Tell which clips a network learns from before it has taught itself."""
        return tags.known

    def _with_frames(self, data: Labelled) -> Labelled:
        """Add what times teach, where they do."""
        return data

    def _check_labels(
        self, clips: ClipSet, tags: Tags, name: str = "y", *, needed: bool = True
    ) -> None:
        """Complain, before training, about labels that do not teach what they shall."""

    def _start(self, data: Labelled, train: np.ndarray, seed: int) -> None:
        """Build the network, and its input's standardisation from the clips."""
        from sklearn_sed.nn._training import build_net

        self._single = data.tags.single
        self.classes_ = data.tags.classes
        self.clip_duration_ = data.clips.typical_duration
        mean, scale = np.zeros(data.clips.n_mels), np.ones(data.clips.n_mels)
        if self.standardize:
            mean, scale = _band_statistics(data.clips, data.weight, train)
        spec = self._net_spec(self._loss_weights(data.tags, data.weight))
        self.net_ = build_net(spec, mean, scale, seed)
        self._net_params = self._current_net_params()
        self.precision_ = spec.precision
        self.n_iter_ = 0
        self.history_: list[dict[str, Any]] = []

    def _follow(self, data: Labelled, *, counted: bool = True) -> None:
        """Have the net go on by what the parameters say now.

        What was counted over earlier clips stays, unless it is counted anew.
        """
        from sklearn_sed.nn._training import follow

        weights = self._loss_weights(data.tags, data.weight)
        if not counted:
            earlier = self.net_.criterion_
            if self.class_weight == "balanced" and earlier.class_weight is not None:
                weights["class_weight"] = earlier.class_weight
            if weights.get("pair_weight") is not None:
                weights["pair_weight"] = earlier.pair_weight
        follow(self.net_, self._net_spec(weights))

    def _loss_weights(self, tags: Tags, weight: np.ndarray) -> dict[str, Any]:
        """Return the parameters of the loss that depend on the labels."""
        if tags.single:  # the clips are weighted instead
            return {}
        return {"class_weight": check_class_weight(self.class_weight, tags)}

    def _net_spec(self, loss_weights: Mapping[str, Any]):
        """Collect what the net is built from."""
        from sklearn_sed import nn
        from sklearn_sed.nn import _training

        device = _training.resolve_device(self.device)
        return _training.NetSpec(
            make_network=self._network_factory(nn),
            pooling=self.pooling,
            n_classes=len(self.classes_),
            loss={**self._loss_params(), **loss_weights},
            augment=_training.Augment(
                self.mixup, self.time_roll, self.time_mask, self.mel_mask
            ),
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            batch_size=self.batch_size,
            device=device,
            precision=_training.resolve_precision(self.precision, device),
        )

    def _current_net_params(self) -> dict[str, Any]:
        """Return a copy of the parameters that a built net can no longer follow."""
        params = {name: getattr(self, name) for name in NET_PARAMS}
        return {**params, "network_params": deepcopy(self.network_params)}

    def _network_factory(self, nn: Any):
        """Return what builds the network from n_mels and n_classes, or complain."""
        attends = nn.make_pooling(self.pooling, 1).needs_attention
        options = dict(self.network_params or {})
        if callable(self.network):
            return partial(self.network, **options)
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
        return partial(getattr(nn, self._networks[self.network]), **options)

    def _loss_params(self) -> dict[str, Any]:
        """Return the loss's own parameters."""
        return {"label_smoothing": self.label_smoothing}

    def _watched_score(self, held_back: Labelled) -> Callable[[Any], float] | None:
        """Return what early stopping watches, where that is not the loss."""
        return None

    def _teach(self, lesson: Lesson) -> Lesson | None:
        """Return what the trained network teaches the next one, if anything.

        Its frame scores, but for classes that a clip is known not to have; and its
        clip scores, where there are no tags.
        """
        clips, tags, _, known = lesson.data
        logits, frames = self._run(clips, frames=True)
        unlabelled = np.flatnonzero(~tags.labelled)
        if not frames and not len(unlabelled):
            return None
        possible = tags.indicator != 0
        frames = [clip * row for clip, row in zip(frames, possible)]
        if known is not None:
            frames = [
                np.where(np.isnan(own), clip, own) for own, clip in zip(known, frames)
            ]
        return lesson._replace(
            indicator=np.where(tags.indicator < 0, expit(logits), tags.indicator),
            train=np.union1d(lesson.train, unlabelled),
            frames=frames or None,
        )

    def _train(
        self,
        lesson: Lesson,
        rng: np.random.RandomState,
        checkpoint: Checkpoint | None = None,
        *,
        once: bool = False,
        in_order: bool = False,
    ) -> bool:
        """Train on some clips, watching the loss on the others.

        ``once`` passes over them a single time, at the full learning rate;
        ``in_order``, as they stand.

        Returns whether training came to its end.
        """
        from sklearn_sed.nn import _training

        # Without thresholds an estimator is not fitted: an interruption leaves it so.
        self.__dict__.pop("_thresholds", None)
        held_back, (clips, _, weight, _) = lesson.held_back, lesson.data
        plan: dict[str, Any] = {"n_epochs": 1}
        if not once:
            plan = {
                "n_epochs": self._n_epochs(len(lesson.train)),
                "schedule": self.schedule,
                "patience": self.n_iter_no_change if self.early_stopping else None,
                "keep_best": self.on_interrupt == "keep",
                "score": held_back and self._watched_score(held_back),
                "checkpoint": checkpoint,
            }
        net = self.__dict__.pop("net_")  # gone where training does not come to its end
        data = partial(_training.Clips, dtype=net.dataset__dtype)
        everything = data(clips.clips, lesson.indicator, weight, lesson.frames)
        valid = held_back and data(
            held_back.clips.clips,
            held_back.tags.indicator,
            held_back.weight,
            held_back.frames,
        )
        best = _training.train(
            net,
            _training.Subset(everything, lesson.train.tolist()),
            valid,
            seed=_draw_seed(rng),
            callbacks=self.callbacks or (),
            title=type(self).__name__ if self.verbose else None,
            in_order=in_order,
            **plan,
        )
        self.net_ = net
        self.history_ = _training.epochs_of(net)
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

    def _learn_from(self, data: Labelled) -> None:
        """Learn what a trained network has to say of its training clips, if anything.

        Called before thresholds are learned, which make an estimator fitted.
        """

    def _learn_thresholds(
        self, held_back: Labelled | None, proba: np.ndarray | None, rng: Any
    ) -> None:
        """Learn thresholds on the clips held back, where they say enough."""
        self._thresholds = np.full(len(self.classes_), 0.5)
        learns = isinstance(self.threshold, str) and not self._single
        if held_back is None or proba is None or not learns:
            return
        y = held_back.tags.indicator
        n_present = y.sum(axis=0)
        known = np.minimum(n_present, len(y) - n_present) >= MIN_HELD_BACK
        if not known.any():
            return
        self._thresholds[known] = tag_thresholds(
            y[:, known], proba[:, known], method=self.threshold, random_state=rng
        )

    @property
    def thresholds_(self) -> np.ndarray:
        """Threshold of each class's clip score: as given, else as learned."""
        if "_thresholds" not in vars(self):
            raise AttributeError(f"this {type(self).__name__} is not fitted yet")
        if isinstance(self.threshold, str):
            return self._thresholds
        return given_thresholds(self.threshold, len(self.classes_))

    @thresholds_.setter
    def thresholds_(self, thresholds: np.ndarray) -> None:
        self._thresholds = thresholds

    def __sklearn_is_fitted__(self) -> bool:
        return "_thresholds" in vars(self)

    def _check_clips(self, X: Any) -> ClipSet:
        """Check the clips to predict."""
        check_is_fitted(self)
        return check_clips(X, self, reset=False)

    def _run(
        self, clips: ClipSet, *, frames: bool, net: Any = None
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the logits of clips and, if wanted, the scores of their frames."""
        from sklearn_sed.nn._training import predict

        net = self.net_ if net is None else net
        net.batch_size = self.batch_size
        return predict(net, clips.clips, clips.n_frames, frames)

    def _proba(self, logits: np.ndarray) -> np.ndarray:
        """Turn clip logits into probabilities."""
        return expit(logits)

    def _score(self, X: Any, *, tags: bool = True, frames: bool = True) -> Scored:
        """Pass once over clips."""
        clips = self._check_clips(X)
        logits, probas = self._run(clips, frames=frames)
        proba = self._proba(logits)
        found = self._found(proba)
        if not frames:
            return Scored(proba, found)
        if not probas:
            raise ValueError(
                f"network={self.network!r} scores clips alone: finding events needs a "
                "network that scores frames"
            )
        return Scored(proba, found, clips.with_clock(probas))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


def _interleave(
    n_new: int, n_old: int, batch_size: int, rng: np.random.RandomState
) -> np.ndarray:
    """Return an order of new clips and, after them, earlier ones: in each batch both.

    Each new clip comes once, earlier ones as often as they are drawn.
    """
    per_batch = batch_size // 2
    new = np.array_split(rng.permutation(n_new), range(per_batch, n_new, per_batch))
    n_drawn = (batch_size - per_batch) * len(new)
    drawn = [rng.permutation(n_old) for _ in range(math.ceil(n_drawn / n_old))]
    old = np.concatenate(drawn)[:n_drawn].reshape(len(new), -1) + n_new
    return np.concatenate([np.append(*both) for both in zip(new, old)])


def _targets(tags: Tags) -> np.ndarray:
    """Return tags as the loss takes them: NaN where they are not known."""
    return np.where(tags.indicator == UNLABELLED, np.nan, tags.indicator)


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
