"""The detector: pass 2, which says when the sounds of a clip happen."""

import numbers
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from sklearn_sed._clips._check import ClipSet, check_time_resolution
from sklearn_sed._decoding._decoder import EventDecoder
from sklearn_sed._decoding._lengths import event_lengths, follow_lengths
from sklearn_sed._labels._check import Tags
from sklearn_sed._learners._base import Labelled, WeakLearner
from sklearn_sed._learners._times import check_times, known_frames
from sklearn_sed.exceptions import LabelError

# Clips of each class that tell how long its sounds last.
MOST_CLIPS = 50


@dataclass(kw_only=True, eq=False, repr=False)
class WeakEventDetector(WeakLearner):
    """Find when sounds happen, learning from tags alone.

    A network scores every frame for every class; training sees the tags of whole
    clips, through a pooling of the frame scores (multiple-instance learning), and a
    penalty on the cosine similarity between the score curves of classes that a clip
    is tagged with [1]_. The curves are decoded to events.

    Parameters
    ----------
    cosine_weight : float, default=0.1
        Weight α of the cosine penalty; 0 leaves it out.
    cosine_margin : float, default=0.0
        Similarity below which nothing is penalised; the paper's is 0.
    cosine_pairs : {"correlated", "all"}, default="correlated"
        Which classes the penalty keeps apart. "correlated" weighs each pair by the
        correlation of its tags over the training clips (0 where that is negative), so
        that it acts where tags hardly tell classes apart. "all" is the paper's: any
        two classes of a clip.
    cosine_warmup : int, default=0
        Epochs over which the penalty's weight rises to its full value.
    loss : {"clip", "max_min", "max_mean_min", "strong"}, default="clip"
        Loss against the tags: binary cross-entropy of the clip score; with terms on
        the lowest frame, or on mean and lowest frame, added (``pooling="max"``); or
        the tags copied to every frame (false strong labelling), for which clip
        scores are pooled in prediction alone.
    times : {"ignore", "learn"}, default="ignore"
        What the times of event tables are for. "ignore" learns from their tags, so that
        the times of the same clips can choose among models. "learn" learns from both:
        each frame whose class is known, by an event or the lack of one, has a term in
        the loss. Choose it where more clips have times than you need to judge models.
    strong_weight : float, default=1.0
        Weight of the loss of frames beside that of tags, where times are learned from:
        of its mean over the clips with times in each batch, however few they are.
    network : {"crnn", "embedding", "paper_crnn", "paper_att"} or callable, \
            default="crnn"
        "crnn" is the recommended network for log-mel features, "embedding" that for
        embeddings of a pre-trained model; the others are the published ones [1]_.
        A callable is called with ``n_mels, n_classes`` (and ``network_params``) and
        returns a torch module, see :mod:`sklearn_sed.nn`.
    network_params : dict, default=None
        More keyword arguments of the network, such as ``{"n_rnn": 128}``.
    pooling : str, default="linear_softmax"
        From frame scores to the clip score: "max", "mean", "linear_softmax",
        "exp_softmax", "attention", "auto", "power", "top_k" or "noisy_or".
    activation : {"relu", "glu"}, default="relu"
        Activation of the convolutions: plain, or gated linear units.
    standardize : bool, default=True
        Whether each band is brought to zero mean and unit variance, as measured on
        the training clips.
    label_smoothing : float, default=0.0
        How far tags are moved towards one half, from 0 (not) to 1 (all the way).
    mixup : float, default=0.2
        Parameter α of the Beta distribution that pairs of clips are mixed by; 0
        mixes none.
    time_roll : bool, default=True
        Whether training clips are turned in time by a random amount.
    time_mask, mel_mask : float, default=0.0 and 0.1
        Longest share of a training clip's frames, and of its bands, that is masked.
    optimizer : {"adam", "adamw", "rmsprop", "sgd"}, default="adamw"
        Optimiser.
    learning_rate : float, default=0.001
        Learning rate, the highest of the schedule.
    schedule : {"constant", "cosine"} or dict, default="cosine"
        How the learning rate changes: not; up over the first twentieth of training
        and down along a cosine; or a mapping from the share of training that is over
        to the factor from there on, such as ``{0.6: 0.1}``.
    weight_decay : float, default=0.01
        Weight decay.
    max_epochs : int or "auto", default="auto"
        Passes over the training clips, in each round. "auto" is 25, or as many as 500
        steps take where these are more, up to 100.
    batch_size : int, default=16
        Clips per step, in training and in prediction.
    class_weight : "balanced", dict or array-like of shape (n_classes,), default=None
        Weight of each class in the loss. With one label per clip it weighs the
        clips of that class, as in scikit-learn's classifiers.
    threshold : {"f1", "annealing", "roc", "mean_prf"}, float or array-like, \
            default="f1"
        A clip has a class when its score is above the class's threshold. "f1" finds
        the thresholds that maximise F1 on the clips held back; the others are the
        published system's ways. Classes that fewer than four of those clips have, or
        have not, keep one half.
    validation_fraction : float, default=0.1
        Share of the clips that is held back, with the same share of each class, where
        somebody looks at them: thresholds that are learned (from eight clips on), early
        stopping, callbacks, the best epoch of ``on_interrupt="keep"``. All clips are
        learned from where nobody does, and where ``fit`` is given ``X_val``.
    early_stopping : bool or "event_f1", default=False
        Whether to stop when the loss on held-back clips no longer falls, and return
        to the best epoch. "event_f1" watches the event-based F1 of these clips instead,
        given their tags: it needs their times, as event tables in ``y_val`` or ``y``.
    n_iter_no_change : int, default=10
        Epochs without improvement before stopping early.
    self_training : int, default=0
        Rounds of self-training. In each a new network learns, for `max_epochs` epochs
        more, from the tags and from the frame scores of the one before, zero for
        classes that are not tagged. Clips without tags are learned from in these
        rounds, by their scores. Networks that score clips alone need such clips: there
        is no other use of a round.
    callbacks : list of skorch callbacks, default=None
        Called during training; what they record of an epoch is in `history_`. One that
        stops training, as skorch's do by raising KeyboardInterrupt, leaves a fitted
        estimator. An ``LRScheduler`` among them takes the place of `schedule`.
    checkpoint : str or Path, default=None
        Folder that ``fit`` keeps its state in after every epoch: when the process
        ends before training does, by whatever means, the same call goes on there,
        with the same result. Each training has a file of its own in the folder, which
        knows it by its parameters, clips and labels, and by the code of networks and
        callbacks of your own; a finished one is not repeated.
        Delete the folder when it is no longer needed.
    on_interrupt : {"raise", "keep"}, default="raise"
        What an interruption (Ctrl-C) of ``fit`` leaves. "raise" raises it, and the
        estimator is not fitted. "keep" ends training with a warning and goes back to
        the best epoch so far: that of the lowest loss on held-back clips, or the last
        whole one if none are held back. Before the first is over, it raises, too.
    device : str, default="auto"
        Where to compute: "cpu", "cuda", ... "auto" is a GPU where there is one.
    precision : {"auto", "float32", "bfloat16", "float64"}, default="float32"
        Numbers that training computes with. "bfloat16" is mixed precision; "auto" is
        that where the hardware has it. Predictions are computed in float32, or
        float64 after training in it.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the order of clips and augmentation.
    verbose : int, default=0
        1 shows a progress bar.
    warm_start : bool, default=False
        Whether ``fit`` goes on from what the last call learned, by the parameters of
        today; the network itself cannot change.
    decoder : EventDecoder, default=None
        From score curves to events; the default decoder when None. Settings of it that
        are "auto" follow `event_lengths_`.
    time_resolution : float, default=None
        Seconds per frame. None reads the features' own, which
        :class:`LogMelTransformer` gives them.

    Attributes
    ----------
    decoder_ : EventDecoder
        The decoder in use: `decoder`, or a default one, with settings for each class
        where `decoder` leaves them at "auto". It follows `decoder` at once, also when
        that is changed after ``fit``.
    event_lengths_ : ndarray of shape (n_classes,)
        How long the sounds of each class last in the training clips, in seconds, as
        the detector hears them: the mean over its active frames, those that score above
        one half, of the length of the unbroken run of them that each is part of. 0
        where there is none, and where neither clips nor `time_resolution` tell the
        length of a frame. ``partial_fit`` leaves it as it is.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    thresholds_ : ndarray of shape (n_classes,)
        Threshold of each class's clip score: `threshold` where it holds numbers, which
        act at once also when set after ``fit``, else as learned.
    n_features_in_ : int
        Number of bands.
    n_iter_ : int
        Epochs trained.
    history_ : list of dict
        What was recorded of each epoch: ``epoch``, ``train_loss``, ``valid_loss`` where
        clips were held back, and what callbacks add.
    net_ : skorch.NeuralNet
        The trained net: ``net_.predict_proba``, ``net_.forward`` and
        ``net_.forward_iter`` take clips.
    precision_ : str
        The precision that was chosen.
    clip_duration_ : float or None
        Median length of the clips in ``fit`` in seconds, where their clock is known.
    training_ : dict or None
        The `date` on which training ended (UTC); how many clips were learned from,
        `n_clips`, and how many of them hold each class, `class_count`. `held_back` is
        None, or says so of the clips that were held back, and how well they were tagged
        in the end: `f1` and `average_precision` of each class, None where no clip holds
        it. Thresholds are chosen on the same clips.

    See Also
    --------
    WeakTagger : Says what is in a clip.
    TwoPassSED : Both together.

    References
    ----------
    .. [1] T. Pellegrini, L. Cances, "Cosine-similarity penalty to discriminate
       sound classes in weakly-supervised sound event detection", IJCNN 2019,
       arXiv 1901.03146.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed import WeakEventDetector
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(8, 20, 16)).astype("float32")
    >>> X[::2, 5:10, :4] += 5
    >>> y = [["low"], []] * 4
    >>> detector = WeakEventDetector(
    ...     max_epochs=2, time_resolution=0.02, random_state=0
    ... ).fit(X, y)
    >>> detector.predict_frame_proba(X).shape
    (8, 20, 1)
    >>> list(detector.predict(X)[0].columns)
    ['onset', 'offset', 'event_label', 'score']
    """

    cosine_weight: float = 0.1
    cosine_margin: float = 0.0
    cosine_pairs: str = "correlated"
    cosine_warmup: int = 0
    loss: str = "clip"
    times: str = "ignore"
    strong_weight: float = 1.0
    decoder: Any = None
    time_resolution: float | None = None

    _default_parts: ClassVar[dict[str, type]] = {"decoder": EventDecoder}
    _later_parameters: ClassVar[frozenset[str]] = frozenset({"times", "strong_weight"})
    _parameter_constraints: ClassVar[dict] = {
        **WeakLearner._parameter_constraints,
        "cosine_weight": [Interval(numbers.Real, 0, None, closed="left")],
        "cosine_margin": [Interval(numbers.Real, 0, 1, closed="left")],
        "cosine_pairs": [StrOptions({"correlated", "all"})],
        "cosine_warmup": [Interval(numbers.Integral, 0, None, closed="left")],
        "loss": [StrOptions({"clip", "max_min", "max_mean_min", "strong"})],
        "times": [StrOptions({"ignore", "learn"})],
        "strong_weight": [Interval(numbers.Real, 0, None, closed="neither")],
        "early_stopping": ["boolean", StrOptions({"event_f1"})],
        "decoder": [HasMethods("decode"), None],
        "time_resolution": [Interval(numbers.Real, 0, None, closed="neither"), None],
    }

    def _loss_params(self) -> dict[str, Any]:
        if self.loss in ("max_min", "max_mean_min") and self.pooling != "max":
            raise ValueError(
                f"loss={self.loss!r} adds to the loss of the highest frame: it goes "
                f"with pooling='max', not {self.pooling!r}"
            )
        if self.loss == "strong" and self.pooling == "attention":
            raise ValueError(
                "pooling='attention' learns its weights from the clip score, which "
                "loss='strong' does not use: choose another of the two"
            )
        return {
            **super()._loss_params(),
            "kind": self.loss,
            "cosine_weight": self.cosine_weight,
            "cosine_margin": self.cosine_margin,
            "cosine_warmup": self.cosine_warmup,
            "frame_weight": self.strong_weight if self.times == "learn" else 1.0,
        }

    def _check_state(self) -> None:
        super()._check_state()
        if not hasattr(self, "thresholds_"):
            return
        lengths = np.asarray(getattr(self, "event_lengths_", self.thresholds_))
        if lengths.shape != self.thresholds_.shape or not np.isfinite(lengths).all():
            raise ValueError(f"{len(self.classes_)} classes have the lengths {lengths}")
        if not hasattr(self.decoder_, "decode"):
            raise ValueError(f"decoder_={self.decoder_!r} decodes nothing")

    def _loss_weights(self, tags: Tags, weight: np.ndarray) -> dict[str, Any]:
        known = tags.labelled
        pairs = (
            tag_correlation(tags.indicator[known], weight[known])
            if self.cosine_pairs == "correlated"
            else None
        )
        return {**super()._loss_weights(tags, weight), "pair_weight": pairs}

    def _watched_score(self, held_back: Labelled) -> Callable[[Any], float] | None:
        if self.early_stopping != "event_f1":
            return None
        from sklearn_sed.metrics import event_based_f1_score

        timed = np.flatnonzero(held_back.tags.timed)
        if not len(timed):
            raise LabelError(
                "early_stopping='event_f1' watches times, and no clip that is held "
                "back has them: pass event tables as y_val, or in y"
            )
        clips, tags, *_ = held_back.take(timed)
        clips = self._timed(clips)
        resolution = check_time_resolution(None, clips.time_resolution)

        def score(net: Any) -> float:
            _, probas = self._run(clips, frames=True, net=net)
            events = self.decoder_.decode(
                clips.with_clock(probas), resolution, self.classes_, tags.indicator
            )
            return event_based_f1_score(tags.events, events, labels=self.classes_)

        return score

    def _teaches(self, tags: Tags) -> np.ndarray:
        if self.times == "ignore":
            return super()._teaches(tags)
        return super()._teaches(tags) | tags.located

    def _check_labels(
        self, clips: ClipSet, tags: Tags, name: str = "y", *, needed: bool = True
    ) -> None:
        if self.times == "learn":
            check_times(self._timed(clips), tags, name, needed=needed)

    def _with_frames(self, data: Labelled) -> Labelled:
        if self.times == "ignore":
            return data
        return data._replace(frames=known_frames(self._timed(data.clips), data.tags))

    def _check_settings(self, tags: Tags, goes_on: bool) -> None:
        super()._check_settings(tags, goes_on)
        if isinstance(self.decoder, EventDecoder):
            self.decoder._check(tags.classes.tolist())

    @property
    def decoder_(self) -> Any:
        """The decoder in use."""
        decoder = self._default_decoder if self.decoder is None else self.decoder
        lengths = getattr(self, "event_lengths_", None)
        if lengths is None or not isinstance(decoder, EventDecoder):
            return decoder
        return follow_lengths(decoder, lengths, self.classes_.tolist())

    def _start(self, *args: Any) -> None:
        self._default_decoder = EventDecoder()
        self.__dict__.pop("event_lengths_", None)
        super()._start(*args)

    def _learn_from(self, data: Labelled) -> None:
        """Learn how long sounds last, from a few training clips of each class."""
        tags = data.tags.indicator > 0
        self.event_lengths_ = np.zeros(tags.shape[1])
        resolution = self._timed(data.clips).time_resolution
        if resolution is None:
            return
        index = np.flatnonzero((tags & (tags.cumsum(axis=0) <= MOST_CLIPS)).any(axis=1))
        frames = self._run(data.clips.take(index), frames=True)[1]
        if frames:
            self.event_lengths_ = event_lengths(frames, tags[index], resolution)

    def _timed(self, clips: ClipSet) -> ClipSet:
        """Return clips with the time resolution that is given, if one is."""
        if self.time_resolution is None:
            return clips
        return replace(clips, time_resolution=self.time_resolution)

    def _check_clips(self, X: Any) -> ClipSet:
        return self._timed(super()._check_clips(X))


def tag_correlation(indicator: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return how the tags of each two classes correlate over weighted clips.

    Negative values, the diagonal, and classes that all clips or none have, are 0.
    """
    covariance = np.atleast_2d(np.cov(indicator.T, ddof=0, aweights=weight))
    spread = np.sqrt(np.diag(covariance))
    scale = np.outer(spread, spread)
    correlation = np.divide(
        covariance, scale, out=np.zeros_like(scale), where=scale > 0
    )
    np.fill_diagonal(correlation, 0.0)
    return correlation.clip(min=0.0)
