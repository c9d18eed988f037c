"""The exceptions and warnings of the package, one per kind of problem.

Every one names the culprit (a clip, a file, a line), what is wrong and what to do.
"""

__all__ = [
    "AnnotationError",
    "AudioError",
    "AudioWarning",
    "ClipError",
    "LabelError",
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
    """Labels that cannot be understood: unknown, of the wrong shape or length."""


class TimeResolutionError(ValueError):
    """Frame scores cannot be placed in time: nobody said how long a frame lasts."""


class AudioWarning(UserWarning):
    """An audio file was left out or is not what its header says."""


class RareClassWarning(UserWarning):
    """A class is never present, or always present, in the training clips."""
