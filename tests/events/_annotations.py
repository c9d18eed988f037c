"""What the tests of annotation files share."""

from pandas.testing import assert_frame_equal

from sklearn_sed.events import make_events

EMPTY = make_events([], [], [])
DOG = make_events([0.5], [1.25], ["Dog"])
LIST = "filename\tonset\toffset\tevent_label\na.wav\t0.5\t1.25\tDog\nb.wav\t\t\t\n"
RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\t"
    "High Freq (Hz)\tAnnotation\n"
    "1\tSpectrogram 1\t1\t0.5\t1.25\t100\t8000\tDog\n"
)


def write(path, text, encoding="utf-8"):
    """Write a text file and return its path."""
    path.write_bytes(text.encode(encoding))
    return path


def assert_same_events(read, expected):
    """Compare the tables of recordings."""
    assert len(read) == len(expected)
    for ours, theirs in zip(read, expected):
        assert_frame_equal(ours, theirs)
