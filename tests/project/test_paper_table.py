"""The published table: complete, resumable, the same again, without leaks."""

import dataclasses
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sklearn_sed import EventDecoder, FeatureArray
from sklearn_sed.events import events_to_frames, make_events, stack_tables, to_tags
from sklearn_sed.metrics import event_based_f1_score, psds1_scorer
from sklearn_sed.nn import PaperCRNN, PaperTagger, count_parameters

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "paper_table.py"
if not SCRIPT.exists():
    pytest.skip("the benchmarks are not beside these tests", allow_module_level=True)
paper_table = importlib.import_module("paper_table")

SMALL = [
    *("--clips", "10", "--test-clips", "10", "--duration", "1"),
    *("--epochs-scale", "0.001", "--seeds", "0", "1"),
]
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_sed.exceptions.RareClassWarning"
)


def run(folder, *options):
    paper_table.main([*SMALL, "--out", str(folder), *options])
    return json.loads((folder / "table.json").read_text(encoding="utf-8"))


def without_seconds(table):
    for summary in table["systems"].values():
        del summary["seconds"]
    return table


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a finished run of two systems and two seeds."""
    folder = tmp_path_factory.mktemp("paper_table")
    run(folder, "--systems", "glu_mil_cos", "recommended")
    return folder


def test_one_result_per_system_and_seed(finished):
    names = {path.name for path in finished.iterdir()}
    for name in ("glu_mil_cos", "recommended", "tagger"):
        assert {f"{name}-seed0.json", f"{name}-seed1.json"} <= names
    assert {"whole_clip.json", "table.json", "table.txt"} <= names
    assert not [name for name in names if name.endswith("unfinished")]


def test_results_hold_every_score(finished):
    result = json.loads((finished / "glu_mil_cos-seed1.json").read_text())
    assert result["settings"]["clips"] == 10
    assert result["n_weights"] == count_parameters(
        PaperTagger(64, 10)
    ) + count_parameters(PaperCRNN(64, 10, activation="glu"))
    assert 0 <= result["tag_f1"] <= 1
    tagger = json.loads((finished / "tagger-seed1.json").read_text())
    assert result["seconds"] > tagger["seconds"] > 0
    for kind in ("predicted", "oracle"):
        scores = result[kind]
        assert len(scores["class_event_f1"]) == 10
        mean = np.mean(list(scores["class_event_f1"].values()))
        assert scores["event_f1"] == pytest.approx(mean)
        for name in ("segment_f1", "psds1", "psds2"):
            assert 0 <= scores[name] <= 1


def test_the_table_sums_up_the_seeds(finished):
    table = json.loads((finished / "table.json").read_text())
    by_seed = [
        json.loads((finished / f"recommended-seed{seed}.json").read_text())
        for seed in (0, 1)
    ]
    values = [result["oracle"]["segment_f1"] for result in by_seed]
    summary = table["systems"]["recommended"]["oracle"]["segment_f1"]
    assert summary["mean"] == pytest.approx(np.mean(values))
    assert summary["std"] == pytest.approx(np.std(values, ddof=1))
    assert summary["best"] == max(values)
    assert values[summary["best_seed"]] == max(values)


def test_the_text_has_every_row(finished):
    text = (finished / "table.txt").read_text(encoding="utf-8")
    for row in ("GLU-MIL+cos", "TwoPassSED()", "whole clip", "Vacuum_cleaner"):
        assert f"\n{row} " in text
    assert "31.50 ± 1.83" in text
    assert "nan" not in text.lower()


def test_a_finished_run_trains_nothing_again(finished, monkeypatch, capsys):
    def refuse(*args):
        raise AssertionError("nothing was missing")

    monkeypatch.setattr(paper_table, "make_train_and_test", refuse)
    before = (finished / "table.txt").read_text(encoding="utf-8")
    run(finished, "--systems", "recommended", "glu_mil_cos")
    assert (finished / "table.txt").read_text(encoding="utf-8") == before
    assert "4 of 4 systems and seeds are there already" in capsys.readouterr().out


def test_a_stopped_run_goes_on_and_comes_to_the_same(finished, tmp_path, monkeypatch):
    train_and_score = paper_table.run_system
    done = []

    def stop_after_one(name, seed, *args):
        if done:
            raise KeyboardInterrupt
        done.append((name, seed))
        return train_and_score(name, seed, *args)

    systems = ("--systems", "glu_mil_cos", "recommended")
    with monkeypatch.context() as patch:
        patch.setattr(paper_table, "run_system", stop_after_one)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, *systems)
    (name, seed), *_ = done
    files = [tmp_path / f"{name}-seed{seed}.json", tmp_path / "tagger-seed0.sed"]
    kept = [path.stat().st_mtime_ns for path in files]
    table = run(tmp_path, *systems)
    assert [path.stat().st_mtime_ns for path in files] == kept
    expected = json.loads((finished / "table.json").read_text())
    assert without_seconds(table) == without_seconds(expected)


def test_other_settings_are_not_mixed_in(finished):
    before = (finished / "table.txt").read_text(encoding="utf-8")
    with pytest.raises(SystemExit, match=r"made with clips=10, not 20: .*--out"):
        run(finished, "--clips", "20", "--systems", "recommended")
    assert (finished / "table.txt").read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--clips", "0"], "--clips must be positive"),
        (["--epochs-scale", "-1"], "--epochs-scale must be positive"),
        (["--co-occurrence", "1.5"], "within 0..1"),
        (["--sources", "nowhere"], "no folder nowhere"),
        (["--systems", "mill"], "invalid choice: 'mill'"),
    ],
)
def test_impossible_options_are_refused(options, complaint, capsys):
    with pytest.raises(SystemExit):
        paper_table.main(options)
    assert complaint in capsys.readouterr().err


def test_too_few_clips_to_hear_every_class(tmp_path):
    with pytest.raises(SystemExit, match="--test-clips 2: not every one of the 10"):
        run(tmp_path, "--test-clips", "2")


def test_quick_changes_defaults_only():
    args, _ = paper_table.read_arguments(["--quick", "--clips", "7"])
    assert args.clips == 7
    assert args.seeds == paper_table.QUICK["seeds"]
    assert paper_table.read_arguments([])[1].tagger_epochs_scale == 1


@pytest.mark.parametrize(
    ("development", "train", "test"), [(False, "123", "4"), (True, "12", "3")]
)
def test_development_leaves_the_test_recordings_alone(
    tmp_path, development, train, test
):
    (tmp_path / "Dog").mkdir()
    for fold in range(1, 5):
        (tmp_path / "Dog" / f"{fold}-10-A.wav").touch()
    chosen = settings(sources=str(tmp_path), development=development)
    (to_train, to_test), classes = paper_table.sources_and_classes(chosen)
    assert classes == ["Dog"]
    assert [path.name[0] for path in to_train["Dog"]] == list(train)
    assert [path.name[0] for path in to_test["Dog"]] == list(test)


def test_systems_train_as_long_as_asked_for():
    system = paper_table.make_system(
        "glu_mil_cos", 3, settings(epochs_scale=0.2, tagger_epochs_scale=0.1)
    )
    assert system.detector.cosine_weight == 0.1
    assert (system.tagger.max_epochs, system.detector.max_epochs) == (10, 2)
    assert system.tagger.random_state == system.detector.random_state == 3
    recommended = paper_table.make_system("recommended", 4, settings())
    assert recommended.detector.network == "crnn"
    assert recommended.detector.max_epochs == 1
    whole = paper_table.make_system("recommended", 4, settings(epochs_scale=1.0))
    assert whole.detector.max_epochs == "auto"
    half = paper_table.make_system("recommended", 4, settings(epochs_scale=0.5))
    assert half.detector.max_epochs == 12
    assert recommended.tagger is None
    assert recommended.detector.random_state == 4


def settings(**changes):
    values = {
        "sources": None,
        "clips": 30,
        "test_clips": 10,
        "duration": 1.0,
        "co_occurrence": 1.0,
        "epochs_scale": 0.001,
        "tagger_epochs_scale": 0.001,
        "precision": "float32",
    }
    return paper_table.Settings(**(values | changes))


def test_classes_come_in_pairs():
    train, _ = paper_table.make_train_and_test(settings(), n_jobs=1)
    tags = np.asarray(train.tags)
    np.testing.assert_array_equal(tags[:, ::2], tags[:, 1::2])
    alone, _ = paper_table.make_train_and_test(settings(co_occurrence=0), n_jobs=1)
    tags = np.asarray(alone.tags)
    assert (tags[:, ::2] != tags[:, 1::2]).any()


def test_blocks_are_different_clips_with_their_own_truth(monkeypatch):
    monkeypatch.setattr(paper_table, "BLOCK", 12)
    train, test = paper_table.make_train_and_test(settings(), n_jobs=1)
    clips = [*train.features, *test.features]
    assert len({clip.tobytes() for clip in clips}) == 40
    np.testing.assert_array_equal(train.tags, to_tags(train.events, train.classes))
    assert train.X.time_resolution == pytest.approx(512 / 22050)
    np.testing.assert_allclose(train.X.durations, 1.0)


def test_test_recordings_are_not_trained_on(monkeypatch, recordings):
    used, used_family = [], []

    def remember(n_clips, sources, **parameters):
        used.append(sources)
        used_family.append(parameters.get("family"))
        return paper_table.Clips(None, 0.02, 0, None, None, np.ones((n_clips, 10)), [])

    monkeypatch.setattr(paper_table, "make_clips", remember)
    paper_table.make_train_and_test(
        settings(sources=str(recordings), test_family="dense"), n_jobs=1
    )
    assert used_family == [None, "dense"]
    folds = [
        {path.name[0] for paths in sources.values() for path in paths}
        for sources in used
    ]
    assert folds == [{"1", "2", "3"}, {"4"}]


def test_clips_keep_their_clock():
    train, _ = paper_table.make_train_and_test(settings(), n_jobs=1)
    assert train.X.time_offset == -train.time_resolution / 2


def test_the_baseline_knows_tags_but_no_times():
    _, test = paper_table.make_train_and_test(settings(), n_jobs=1)
    scores = paper_table.score_whole_clip(test)
    assert scores["segment_f1"] > 0.9
    assert scores["event_f1"] < 1


def true_frames(clips):
    n_frames = clips.features.shape[1]
    return np.stack(
        [
            events_to_frames(table, clips.classes, n_frames, clips.time_resolution)
            for table in clips.events
        ]
    ).astype(float)


def test_scores_of_the_truth_and_of_silence():
    _, test = paper_table.make_train_and_test(settings(), n_jobs=1)
    truth = true_frames(test)
    scores = paper_table.score(test.events, truth, test)
    for name in ("event_f1", "segment_f1", "psds1", "psds2"):
        assert scores[name] == pytest.approx(1)
    assert set(scores["class_event_f1"].values()) == {1}
    nothing = stack_tables([make_events([], [], [])] * len(test.events))
    scores = paper_table.score(nothing, np.zeros(truth.shape), test)
    assert {scores[name] for name in ("event_f1", "segment_f1", "psds1")} == {0}


def test_training_looks_at_no_times(tmp_path):
    train, test = paper_table.make_train_and_test(settings(), n_jobs=1)
    results = paper_table.Results(tmp_path, settings())
    paper_table.run_system(
        "recommended", 0, dataclasses.replace(train, events=None), test, results
    )
    assert results.has("recommended-seed0")


class NoisySystem:
    """Stands in for a trained system: the true curves, with noise in every class."""

    def __init__(self, clips, tags):
        noise = np.random.default_rng(0).random(true_frames(clips).shape)
        self.frames = 0.49 * true_frames(clips) + 0.51 * noise
        self.clips, self.tags, self.classes_ = clips, tags, clips.classes

    def predict_tags(self, X):
        return self.tags

    def predict_frame_proba(self, X):
        return FeatureArray(self.frames, X.time_resolution, X.durations)

    def predict(self, X, tags=None):
        tags = self.tags if tags is None else tags
        return EventDecoder().decode(
            self.frames, X.time_resolution, self.classes_, tags, X.durations
        )


def test_both_kinds_of_tags_are_scored():
    _, test = paper_table.make_train_and_test(settings(), n_jobs=1)
    every_tag = np.ones((10, 10), dtype=int)
    system = NoisySystem(test, every_tag)
    scores = paper_table.score_system(system, test)
    for kind, events in (
        ("predicted", system.predict(test.X)),
        ("oracle", system.predict(test.X, tags=test.tags)),
    ):
        expected = event_based_f1_score(test.events, events, labels=test.classes)
        assert scores[kind]["event_f1"] == pytest.approx(expected)
    of_every_curve = psds1_scorer(system, test.X, test.events)
    assert 0 < scores["predicted"]["psds1"] == pytest.approx(of_every_curve)
    assert scores["oracle"]["psds1"] > of_every_curve
    none = paper_table.score_system(NoisySystem(test, 0 * every_tag), test)
    assert none["predicted"]["psds2"] == none["predicted"]["event_f1"] == 0


def test_sum_up():
    summed = paper_table.sum_up({3: {"a": {"b": 1.0}}, 5: {"a": {"b": 2.0}}})
    assert summed == {
        "a": {"b": {"mean": 1.5, "std": 0.5**0.5, "best": 2.0, "best_seed": 5}}
    }
    assert paper_table.sum_up({7: 0.25}) == {
        "mean": 0.25,
        "std": None,
        "best": 0.25,
        "best_seed": 7,
    }


def test_show():
    assert paper_table.show({"mean": 0.1234, "std": 0.02}, percent=True) == "12.3 ± 2.0"
    assert paper_table.show({"mean": 0.1234, "std": None}) == "0.123"
    assert paper_table.show({"mean": 0.5, "std": 0.0}) == "0.500 ± 0.000"


@pytest.mark.slow
def test_all_systems_in_parallel_processes(tmp_path):
    command = [sys.executable, SCRIPT, *SMALL, "--out", tmp_path, "--n-jobs", "2"]
    printed = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=True
    ).stdout
    assert "[14/14] seed" in printed
    table = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    assert list(table["systems"]) == list(paper_table.SYSTEMS)
    assert (tmp_path / "table.txt").read_text(encoding="utf-8") in printed
