from . import (
    analysis,
    audio,
    calibration,
    datasets,
    events,
    exceptions,
    metrics,
    model_selection,
    plotting,
)
from ._decoder import EventDecoder
from ._detector import WeakEventDetector
from ._features import FeatureArray, LogMelTransformer
from ._persistence import load_model, save_model
from ._presets import make_paper_system
from ._tagger import WeakTagger
from ._two_pass import TwoPassSED
from ._version import __version__
