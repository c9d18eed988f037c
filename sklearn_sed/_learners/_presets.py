"""The published systems, ready to fit."""

from typing import Any

from sklearn_sed._decoding._decoder import EventDecoder
from sklearn_sed._learners._detector import WeakEventDetector
from sklearn_sed._learners._tagger import WeakTagger
from sklearn_sed._learners._two_pass import TwoPassSED

# What all published networks share: features as they are, no augmentation.
_PLAIN: dict[str, Any] = {
    "standardize": False,
    "mixup": 0.0,
    "time_roll": False,
    "mel_mask": 0.0,
    "weight_decay": 0.0,
    "self_training": 0,
    "batch_size": 32,
    "learning_rate": 1e-3,
    "validation_fraction": 0.2,
}
_RELU = {"network": "paper_crnn", "activation": "relu", "optimizer": "adam"}
_GLU = {"network": "paper_crnn", "activation": "glu", "optimizer": "rmsprop"}
_VARIANTS: dict[str, dict[str, Any]] = {
    "fsl": {**_RELU, "loss": "strong", "pooling": "mean", "cosine_weight": 0.0},
    "att": {
        "network": "paper_att",
        "optimizer": "adam",
        "pooling": "attention",
        "cosine_weight": 0.0,
    },
    "mil": {**_RELU, "pooling": "max", "cosine_weight": 0.0},
    "glu_mil": {**_GLU, "pooling": "max", "cosine_weight": 0.0},
    "glu_mil_cos": {**_GLU, "pooling": "max", "cosine_weight": 0.1},
}


def make_paper_system(variant="glu_mil_cos", *, random_state=None, verbose=0):
    """Build a two-pass system as it was published.

    Networks, losses, optimisers, schedules and decoding are those of Pellegrini and
    Cances [1]_; features are log-mel frames of :class:`LogMelTransformer` with its
    defaults.

    Parameters
    ----------
    variant : {"fsl", "att", "mil", "glu_mil", "glu_mil_cos"}, default="glu_mil_cos"
        The detector: false strong labelling; gated attention, after Xu et al. [2]_;
        multiple-instance learning with the highest frame; the same with gated
        convolutions; and with the cosine penalty.
    random_state : int, RandomState instance or None, default=None
        Seed of both networks.
    verbose : int, default=0
        1 shows progress bars.

    Returns
    -------
    TwoPassSED
        An unfitted estimator.

    Raises
    ------
    ValueError
        If there is no such variant; the message lists those there are.

    Notes
    -----
    Tag thresholds are annealed on held-back clips, as published;
    ``set_params(tagger__threshold="f1")`` finds the best ones exactly.

    References
    ----------
    .. [1] T. Pellegrini, L. Cances, "Cosine-similarity penalty to discriminate
       sound classes in weakly-supervised sound event detection", IJCNN 2019,
       arXiv 1901.03146.
    .. [2] Y. Xu et al., "Large-scale weakly supervised audio classification using
       gated convolutional neural network", ICASSP 2018, arXiv 1710.00343.

    Examples
    --------
    >>> from sklearn_sed import make_paper_system
    >>> system = make_paper_system("glu_mil_cos")
    >>> system.detector.cosine_weight
    0.1
    """
    if variant not in _VARIANTS:
        raise ValueError(
            f"variant={variant!r} is unknown; choose one of {sorted(_VARIANTS)}"
        )
    common = {**_PLAIN, "random_state": random_state, "verbose": verbose}
    tagger = WeakTagger(
        network="paper_tagger",
        optimizer="adam",
        schedule={0.3: 0.5, 0.6: 0.1},
        max_epochs=100,
        threshold="annealing",
        **common,
    )
    decoder = EventDecoder(
        rescale=True,
        smoothing="mean",
        smoothing_length=0.44,
        threshold=0.05,
        low_threshold=None,
        min_gap=0.0,
        min_duration=0.0,
    )
    detector = WeakEventDetector(
        cosine_pairs="all",
        schedule={0.6: 0.1},
        max_epochs=10,
        decoder=decoder,
        **_VARIANTS[variant],
        **common,
    )
    return TwoPassSED(tagger=tagger, detector=detector)
