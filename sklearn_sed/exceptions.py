"""The exceptions and warnings of the package, one per kind of problem.

Every one names the culprit (a clip, a file, a line), what is wrong and what to do.
"""

__all__ = [
    "AnnotationError",
    "AudioError",
    "AudioWarning",
    "ClipError",
    "LabelError",
    "LabelWarning",
    "ModelFileError",
    "RareClassWarning",
    "TimeResolutionError",
]


class _Located(ValueError):
    """A ``ValueError`` that says where the problem is, and survives pickling."""

    _template = "{where}: {reason}"

    def __init__(self, where: object, reason: str):
        super().__init__(where, reason)
        self.reason = reason

    def __str__(self) -> str:
        where, reason = self.args
        return self._template.format(where=where, reason=reason)


class AudioError(_Located):
    """An audio file that is missing, unreadable, damaged or implausible.

    Parameters
    ----------
    path : str or Path
        The file.
    reason : str
        What is wrong and what to do.

    Attributes
    ----------
    path : str
        The file.
    reason : str
        What is wrong and what to do.

    Examples
    --------
    >>> from sklearn_sed.exceptions import AudioError
    >>> print(AudioError("dog.wav", "the file is empty"))
    dog.wav: the file is empty
    """

    def __init__(self, path: object, reason: str):
        super().__init__(str(path), reason)
        self.path = str(path)


class ClipError(_Located):
    """A clip (waveform or features) of the wrong shape, empty, or not finite.

    Parameters
    ----------
    clip : int
        Index of the clip in X.
    reason : str
        What is wrong and what to do.

    Attributes
    ----------
    clip : int
        Index of the clip in X.
    reason : str
        What is wrong and what to do.

    Examples
    --------
    >>> from sklearn_sed.exceptions import ClipError
    >>> print(ClipError(3, "it contains NaN"))
    clip 3: it contains NaN
    """

    _template = "clip {where}: {reason}"

    def __init__(self, clip: int, reason: str):
        super().__init__(clip, reason)
        self.clip = clip


class AnnotationError(_Located):
    """An annotation file or event table that breaks the rules of its format.

    Parameters
    ----------
    where : str
        The file and line, or the clip and event, at fault.
    reason : str
        What is wrong and what to do.

    Attributes
    ----------
    where : str
        The file and line, or the clip and event, at fault.
    reason : str
        What is wrong and what to do.

    Examples
    --------
    >>> from sklearn_sed.exceptions import AnnotationError
    >>> print(AnnotationError("test.tsv, line 3", "offset 1.0 lies before onset 2.0"))
    test.tsv, line 3: offset 1.0 lies before onset 2.0
    """

    def __init__(self, where: str, reason: str):
        super().__init__(where, reason)
        self.where = where


class ModelFileError(_Located):
    """A model file, or checkpoint, that is missing, damaged or of another version.

    Parameters
    ----------
    path : str or Path
        The file.
    reason : str
        What is wrong and what to do.

    Attributes
    ----------
    path : str
        The file.
    reason : str
        What is wrong and what to do.

    Examples
    --------
    >>> from sklearn_sed.exceptions import ModelFileError
    >>> print(ModelFileError("birds.sed", "the file is cut short"))
    birds.sed: the file is cut short
    """

    def __init__(self, path: object, reason: str):
        super().__init__(str(path), reason)
        self.path = str(path)


class LabelError(ValueError):
    """Labels that cannot be understood: unknown, of the wrong shape or length.

    Examples
    --------
    >>> from sklearn_sed.events import make_events, to_tags
    >>> from sklearn_sed.exceptions import LabelError
    >>> try:
    ...     to_tags([make_events([0.0], [1.0], ["Owl"])], classes=["Cat", "Dog"])
    ... except LabelError:
    ...     print("no such class")
    no such class
    """


class TimeResolutionError(ValueError):
    """Frame scores cannot be placed in time: nobody said how long a frame lasts.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed.exceptions import TimeResolutionError
    >>> from sklearn_sed.plotting import FrameScoresDisplay
    >>> try:
    ...     FrameScoresDisplay(np.zeros((10, 1)), ["Dog"]).plot()
    ... except TimeResolutionError:
    ...     print("pass time_resolution")
    pass time_resolution
    """


class AudioWarning(UserWarning):
    """An audio file was left out or is not what its header says.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn_sed import LogMelTransformer
    >>> from sklearn_sed.exceptions import AudioWarning
    >>> log_mel = LogMelTransformer(on_error="warn")
    >>> with warnings.catch_warnings(record=True, category=AudioWarning) as caught:
    ...     warnings.simplefilter("always")
    ...     X = log_mel.transform([np.zeros(22050), np.full(22050, np.nan)])
    >>> len(caught)
    1
    """


class LabelWarning(UserWarning):
    """Labels that may not be meant as they are written, such as two in one.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn_sed import WeakTagger
    >>> from sklearn_sed.exceptions import LabelWarning
    >>> X, y = np.zeros((8, 4, 8)), ["Dog", "Cat", "Cat,Dog", "dog"] * 2
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", LabelWarning)
    ...     try:
    ...         WeakTagger(max_epochs=1).fit(X, y)
    ...     except LabelWarning:
    ...         print("'Cat,Dog' may be two labels, and 'dog' may be 'Dog'")
    'Cat,Dog' may be two labels, and 'dog' may be 'Dog'
    """


class RareClassWarning(UserWarning):
    """A class is never present, or always present, in the training clips.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn_sed import WeakTagger
    >>> from sklearn_sed.exceptions import RareClassWarning
    >>> y = [["Dog", "Cat"], ["Cat"]] * 4
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", RareClassWarning)
    ...     try:
    ...         WeakTagger(max_epochs=1).fit(np.zeros((8, 4, 8)), y)
    ...     except RareClassWarning:
    ...         print("no clip is without a cat")
    no clip is without a cat
    """
