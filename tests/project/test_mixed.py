"""The table of mixed labels: what each row knows, complete, resumable."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from sklearn_sed._labels._check import check_tags
from sklearn_sed.events import TagArray, make_events, stack_tables

if not (Path(__file__).parents[2] / "benchmarks" / "mixed.py").exists():
    pytest.skip("the benchmarks are not beside these tests", allow_module_level=True)
mixed = importlib.import_module("mixed")
paper_table = importlib.import_module("paper_table")

SMALL = [
    *("--clips", "12", "--untagged", "4", "--test-clips", "20", "--duration", "1"),
    *("--epochs-scale", "0.001", "--times", "2", "4", "--seeds", "0"),
]
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_sed.exceptions.RareClassWarning"
)


def test_defaults_are_those_of_the_issue():
    args, settings = mixed.read_arguments([])
    assert (settings.clips, settings.untagged) == (800, 400)
    rows = mixed.make_rows(args.times, None, settings)
    assert [row[:2] for row in rows] == [
        *((n, False) for n in (0, 25, 50, 100, 200, 400)),
        (0, True),
        (100, True),
    ]
    assert len({row.name for row in rows}) == len(rows)


def test_names_tell_another_weight():
    row = mixed.Row(100, True, 3.0)
    assert row.name == "times100-unlabelled-weight3"
    assert mixed.Row(0, False, 3.0).name == "times0"


def test_what_each_row_knows():
    bark = make_events([0.0], [0.5], ["Dog"])
    clips = paper_table.Clips(
        features=np.zeros((6, 5, 4)),
        time_resolution=0.1,
        time_offset=0.0,
        durations=np.full(6, 0.5),
        events=stack_tables([bark] * 6),
        tags=TagArray([[0, 1]] * 4 + [[-1, -1]] * 2, ["Cat", "Dog"]),
        classes=["Cat", "Dog"],
    )
    for row, timed, known in [
        (mixed.Row(0), 0, 4),
        (mixed.Row(3), 3, 4),
        (mixed.Row(4), 4, 4),
        (mixed.Row(2, True), 2, 4),
    ]:
        X, y = mixed.known_of(row, clips, n_tagged=4)
        assert len(X) == len(y) == (6 if row.unlabelled else 4)
        tags = check_tags(y, len(y))
        assert tags.timed.sum() == timed
        assert tags.labelled.sum() == known


@pytest.mark.parametrize("times", ["0", "8", "2 9"])
def test_impossible_numbers(times, capsys):
    with pytest.raises(SystemExit):
        mixed.read_arguments([*SMALL, "--times", *times.split()])
    assert "--times must lie between 1 and 7" in capsys.readouterr().err


@pytest.mark.slow
def test_every_row_has_every_score(tmp_path, capsys):
    mixed.main([*SMALL, "--out", str(tmp_path)])
    table = json.loads((tmp_path / "mixed.json").read_text(encoding="utf-8"))
    rows = ["times0", "times2", "times4", "times8"]
    assert {*rows, "times0-unlabelled", "times4-unlabelled"} < table.keys()
    for name in rows:
        for kind in ("predicted", "oracle"):
            assert {"event_f1", "psds1", "psds2"} <= table[name][kind].keys()
    assert (tmp_path / "mixed.png").stat().st_size
    before = (tmp_path / "mixed.txt").read_text(encoding="utf-8")
    capsys.readouterr()
    mixed.main([*SMALL, "--out", str(tmp_path)])
    assert "6 of 6 rows and seeds are there already" in capsys.readouterr().out
    assert (tmp_path / "mixed.txt").read_text(encoding="utf-8") == before
