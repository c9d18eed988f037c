"""The tagger: pass 1, which says what is in a clip."""

import numpy as np
from scipy.special import log_expit, logit
from sklearn.base import ClassifierMixin

from sklearn_sed._labels._score import score_tags
from sklearn_sed._learners._base import WeakLearner


class WeakTagger(ClassifierMixin, WeakLearner):
    """Multi-label classifier of clips: which sounds are in a recording.

    A convolutional recurrent network over log-mel frames, trained on tags. It is the
    first pass of :class:`TwoPassSED`, and a scikit-learn classifier of its own.

    Labels may be several per clip (an indicator, label lists, event tables): then
    each class is decided by itself and ``predict`` returns an indicator. With one
    label per clip the classes exclude each other, as in any scikit-learn classifier:
    probabilities sum to one and ``predict`` returns labels.

    Parameters
    ----------
    network : {"crnn", "embedding", "paper_tagger"} or callable, default="crnn"
        "crnn" is the recommended network for log-mel features, "embedding" that for
        embeddings of a pre-trained model; "paper_tagger" is the published one [1]_.
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
    early_stopping : bool, default=False
        Whether to stop when the loss on held-back clips no longer falls, and return
        to the best epoch.
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

    Attributes
    ----------
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
    WeakEventDetector : Says when the sounds happen.
    TwoPassSED : Both together.

    References
    ----------
    .. [1] T. Pellegrini, L. Cances, "Cosine-similarity penalty to discriminate
       sound classes in weakly-supervised sound event detection", IJCNN 2019,
       arXiv 1901.03146.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed import WeakTagger
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(8, 20, 16)).astype("float32")
    >>> X[::2, 5:10, :4] += 5
    >>> y = [["low"], []] * 4
    >>> tagger = WeakTagger(max_epochs=2, random_state=0).fit(X, y)
    >>> tagger.predict_proba(X).shape
    (8, 1)
    """

    _scores_frames = False

    def decision_function(self, X):
        """Say how far each clip lies above (or below) each class's threshold.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_clips, n_classes), or (n_clips,)
            Difference of the logits of score and threshold; positive where the
            class is predicted. With one label out of two per clip, 1-D: positive
            for ``classes_[1]``.
        """
        logits, _ = self._run(self._check_clips(X), frames=False)
        if not self._single:
            tiny = np.finfo(float).eps
            return logits - logit(np.clip(self.thresholds_, tiny, 1 - tiny))
        if len(self.classes_) == 2:
            log_proba = log_expit(logits)
            return log_proba[:, 1] - log_proba[:, 0]
        return logits

    def predict(self, X):
        """Say which classes each clip holds.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.

        Returns
        -------
        ndarray of int of shape (n_clips, n_classes), or (n_clips,)
            1 where the score is above the class's threshold; with one label per
            clip, that label.
        """
        return self._labelled(self.predict_tags(X))

    def score(self, X, y, sample_weight=None):
        """Return the macro-averaged F1 of the predicted tags.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.
        y : array-like of n_clips labels
            Reference labels, in any form that ``fit`` takes; unlabelled clips (rows
            of −1) are left out.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip.

        Returns
        -------
        float
            Macro F1; a class that is neither present nor predicted counts 0.
        """
        return score_tags(
            y,
            self.predict(X),
            self.classes_,
            single=self._single,
            sample_weight=sample_weight,
        )

    def _proba(self, logits: np.ndarray) -> np.ndarray:
        if not self._single:
            return super()._proba(logits)
        # The classes exclude each other: probabilities sum to one.
        log_proba = log_expit(logits)
        proba = np.exp(log_proba - log_proba.max(axis=1, keepdims=True))
        return proba / proba.sum(axis=1, keepdims=True)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def tagger_of(detector: WeakLearner) -> WeakTagger:
    """Return the fitted tagger that a fitted detector's network is."""
    params = detector.get_params(deep=False)
    tagger = WeakTagger(**{name: params[name] for name in WeakTagger().get_params()})
    learned = vars(detector).keys() - params.keys() - {"_default_decoder"}
    for name in learned:
        setattr(tagger, name, getattr(detector, name))
    return tagger.set_params(checkpoint=None)
