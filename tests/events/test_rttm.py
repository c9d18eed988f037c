"""RTTM files."""

import pytest

from sklearn_sed.events import (
    make_events,
    read_events,
    write_events,
)
from sklearn_sed.exceptions import AnnotationError
from tests.events._annotations import DOG, assert_same_events, write


def test_rttm(tmp_path):
    path = write(
        tmp_path / "all.rttm",
        ";; a comment\n"
        "SPEAKER a 1  0.1 0.2 <NA> <NA> Dog <NA> <NA>\n"
        "SPEAKER b 1\t1.0 0.5 <NA> <NA> Cat <NA>\n",
    )
    names, events = read_events(path)
    assert names == ["a", "b"]
    assert_same_events(
        events, [make_events([0.1], [0.3], ["Dog"]), make_events([1.0], [1.5], ["Cat"])]
    )


def test_rttm_lines_of_other_types_are_reported(tmp_path):
    path = write(
        tmp_path / "all.rttm",
        "SPKR-INFO a 1 <NA> <NA> <NA> unknown Dog <NA>\n"
        "SPEAKER a 1 0.1 0.2 <NA> <NA> Dog 0.5\n",
    )
    with pytest.warns(
        UserWarning, match=r"all\.rttm: .* left out: 'SPKR-INFO' in line 1"
    ):
        _, (table,) = read_events(path)
    assert table["score"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a 1 0.1 0.2", "line 1: expected 9 or 10 fields separated by blanks, got 5"),
        ("a 1 0.1 0.2 <NA> <NA> Dog", "line 1: expected 9 or 10 fields .*, got 8"),
        ("a 1 0.1 0.2 <NA> <NA> Big dog <NA> <NA>", "got 11; a name or label with a"),
        ("a b 1 0.1 0.2 <NA> <NA> Dog <NA> <NA>", "got 11; a name or label with a bl"),
        ("a b 1 0.1 0.2 <NA> <NA> Dog <NA>", "line 1: event_label is missing"),
        ("a 1 0.1 0.2 <NA> <NA> Big dog <NA>", "line 1: score 'dog' is not a number"),
        ("a 1 0.1 -1 <NA> <NA> x <NA> <NA>", "line 1: the duration -1.0 is negative"),
        ("a 1 0.1 nan <NA> <NA> x <NA> <NA>", "line 1: offset is nan"),
        ("a 1 <NA> 1 <NA> <NA> x <NA> <NA>", "line 1: onset is missing"),
    ],
)
def test_faults_in_rttm(tmp_path, line, message):
    with pytest.raises(AnnotationError, match=message):
        read_events(write(tmp_path / "all.rttm", f"SPEAKER {line}"))


def test_rttm_cannot_hold_blanks(tmp_path):
    for filename, label in (("a b.wav", "Dog"), ("a.wav", "Big dog")):
        with pytest.raises(AnnotationError, match="contains ' ', which this format"):
            write_events(
                tmp_path / "all.rttm", [filename], [DOG.assign(event_label=label)]
            )
    tables = [DOG.assign(event_label=label) for label in ("Dog", "Big dog", "a\xa0b")]
    with pytest.raises(AnnotationError) as caught:
        write_events(tmp_path / "all.rttm", ["a b", "c", "d e"], tables)
    assert caught.value.reason.splitlines() == [
        f"the {names} contain ' ', which this format cannot hold; rename it, or write "
        "another format"
        for names in ("filename 'a b', 'd e'", "event_label 'Big dog', 'a\\xa0b'")
    ]
    assert list(tmp_path.iterdir()) == []
