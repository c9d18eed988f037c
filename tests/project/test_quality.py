"""The quality table: complete, resumable, every variant can be built."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

if not (Path(__file__).parents[2] / "benchmarks" / "quality.py").exists():
    pytest.skip("the benchmarks are not beside these tests", allow_module_level=True)
quality = importlib.import_module("quality")

SMALL = [
    *("--clips", "10", "--test-clips", "10", "--duration", "1", "--epochs-scale"),
    *("0.001", "--seeds", "0", "1", "2", "--train", "tagger", "detector", "penalty-0"),
    "tagger-no-mixup",
]
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_sed.exceptions.RareClassWarning"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quality")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality, "TUNING_CLIPS", 10)
        quality.main([*SMALL, "--out", str(folder)])
    return folder


@pytest.mark.slow
def test_every_row_has_every_score(folder):
    table = json.loads((folder / "quality.json").read_text(encoding="utf-8"))
    rows = table["rows"]
    assert {"tuned", "best decoding", "detector", "tagger", "penalty-0"} <= rows.keys()
    assert {"tagger-no-mixup", "tagger-no-mixup, mean of clip scores"} <= rows.keys()
    assert "mean of 2 other seeds" in rows
    for row in rows.values():
        for kind in ("predicted", "oracle"):
            scores = [row[kind][key]["mean"] for key in ("event_f1", "psds2")]
            assert np.isfinite(scores).all()
        assert 0 <= row["tag_map"]["mean"] <= 1
    assert table["training"].keys() == {*SMALL[SMALL.index("--train") + 1 :]}
    text = (folder / "quality.txt").read_text(encoding="utf-8")
    assert all(row in text for row in rows)


@pytest.mark.slow
def test_nothing_is_trained_or_scored_twice(folder, monkeypatch):
    def refuse(*args):
        raise AssertionError("done again")

    before = (folder / "quality.txt").read_text(encoding="utf-8")
    monkeypatch.setattr(quality, "train_learner", refuse)
    monkeypatch.setattr(quality, "judge", refuse)
    quality.main([*SMALL, "--out", str(folder)])
    assert (folder / "quality.txt").read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("default", "name"),
    [
        *(("tagger", name) for name in quality.TAGGERS),
        *(("detector", name) for name in quality.DETECTORS),
    ],
)
def test_every_variant_differs_from_the_default_in_what_it_says(default, name):
    settings = quality.read_arguments(["--precision", "bfloat16"])[1]
    params = quality.make_learner(name, 0, settings).get_params()
    before = quality.make_learner(default, 0, settings).get_params()
    changed = {key for key in params if params[key] != before[key]}
    assert changed == {**quality.TAGGERS, **quality.DETECTORS}[name].keys()


@pytest.mark.parametrize("n_untagged", [0, 3])
def test_the_tags_of_the_last_clips_to_train_on_can_be_hidden(n_untagged):
    settings = quality.read_arguments([*SMALL, "--untagged", str(n_untagged)])[1]
    shown = quality.read_arguments(SMALL)[1]
    (train, test), (whole, same) = (
        quality.make_train_and_test(each, 1) for each in (settings, shown)
    )
    n_tagged = len(train.tags) - n_untagged
    assert (train.tags[n_tagged:] == -1).all()
    assert np.array_equal(train.tags[:n_tagged], whole.tags[:n_tagged])
    assert np.array_equal(train.features, whole.features)
    assert np.array_equal(test.tags, same.tags)


def test_a_variant_of_the_tagger_needs_a_detector(capsys):
    with pytest.raises(SystemExit):
        quality.read_arguments(["--train", "tagger", "tagger-no-mixup"])
    assert "add it to --train" in capsys.readouterr().err


@pytest.mark.parametrize("n_untagged", ["-1", "10"])
def test_some_clips_must_keep_their_tags(n_untagged, capsys):
    with pytest.raises(SystemExit):
        quality.read_arguments([*SMALL, "--untagged", n_untagged])
    assert "--untagged must leave some of --clips their tags" in capsys.readouterr().err
