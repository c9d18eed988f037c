"""Training that was killed goes on where it was; what is interrupted says so."""

import itertools
import json
import os
import signal
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import skorch
import soundfile
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold, cross_val_score
from sklearn.utils.validation import check_is_fitted

from sklearn_sed import (
    EventDecoder,
    LogMelTransformer,
    SeedEnsemble,
    StoredFeatures,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
    load_model,
    save_model,
    store_features,
)
from sklearn_sed._learners import _checkpoint
from sklearn_sed.calibration import CalibratedTaggerCV
from sklearn_sed.events import make_events, stack_tables
from sklearn_sed.exceptions import ModelFileError
from sklearn_sed.model_selection import TunedDecoderCV
from sklearn_sed.nn import _training
from sklearn_sed.nn._state import net_arrays
from tests._networks import LEARNERS, TINY_CRNN, TinyNet, tones

X, Y = tones()
# Everything that draws random numbers or has a memory: dropout and batch statistics,
# augmentation, early stopping, a schedule.
OPTIONS = {
    "network_params": TINY_CRNN,
    "max_epochs": 5,
    "batch_size": 5,
    "time_mask": 0.1,
    "early_stopping": True,
    "n_iter_no_change": 4,
    "validation_fraction": 0.25,
    "random_state": 0,
}


class Killed(Exception):
    """Takes the place of a kill."""


# Batches that each kind of training has left: no part of a callback, by which a
# training is known, too.
COUNTDOWN = {}


class KillAt(skorch.callbacks.Callback):
    """Raises when its countdown is over."""

    def __init__(self, name="training"):
        self.name = name

    def on_batch_end(self, net, training=False, **kwargs):
        COUNTDOWN[self.name] -= training
        if COUNTDOWN[self.name] == 0:
            raise Killed


def killing(batch, name="training"):
    """Return the callback, set to a batch of all that this process trains."""
    COUNTDOWN[name] = batch
    return [KillAt(name)]


def learned(model):
    return {
        **net_arrays(model.net_),
        "thresholds": model.thresholds_,
        "history": np.array([[row[k] for k in sorted(row)] for row in model.history_]),
    }


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name, array in a.items():
        np.testing.assert_array_equal(array, b[name], err_msg=name)


def quick(learner, **options):
    """Return a learner that trains in no time, for 12 batches."""
    usual = {
        "batch_size": 8,
        "max_epochs": 4,
        "validation_fraction": 0.0,
        "random_state": 0,
    }
    return learner(network=TinyNet, **{**usual, **options})


def kill(model, batch, X=X, y=Y):
    """Begin training and be killed in a batch."""
    model = clone(model).set_params(callbacks=killing(batch))
    with pytest.raises(Killed):
        model.fit(X, y)


def go_on(model, X=X, y=Y):
    """Train, with the same callbacks as those that were killed."""
    return clone(model).set_params(callbacks=killing(999)).fit(X, y)


def is_not_repeated(model, X=X, y=Y):
    """Tell whether the same call finds training done."""
    clone(model).set_params(callbacks=killing(1)).fit(X, y)
    return True


@pytest.fixture(params=LEARNERS)
def learner(request):
    return request.param


@pytest.mark.parametrize(
    ("optimizer", "n_rounds"), [("adamw", 0), ("adamw", 1), ("rmsprop", 0), ("sgd", 0)]
)
def test_a_killed_training_goes_on_to_the_same_end(
    learner, optimizer, n_rounds, tmp_path
):
    options = {**OPTIONS, "optimizer": optimizer, "self_training": n_rounds}
    whole = learned(learner(**options).fit(X, Y))
    model = learner(**options, checkpoint=tmp_path)
    for batch in (2, 6, 9):  # of 4 in an epoch: the first comes before one is over
        kill(model, batch)
    if n_rounds:
        kill(model, 11)
    assert len(list(tmp_path.iterdir())) == 1 + n_rounds
    assert_same(learned(go_on(model)), whole)
    assert is_not_repeated(model)


def test_a_kill_at_any_step_of_writing(tmp_path, monkeypatch):
    model = quick(WeakTagger, checkpoint=tmp_path, optimizer="adam")
    whole = learned(quick(WeakTagger, optimizer="adam").fit(X, Y))
    for step, count in itertools.product(("fsync", "replace"), (1, 2, 3)):
        calls = itertools.count(1)
        real = getattr(os, step)

        def fail(*args, calls=calls, count=count, real=real):
            if next(calls) == count:
                raise Killed
            return real(*args)

        with monkeypatch.context() as patch:
            patch.setattr(os, step, fail)
            with pytest.raises(Killed):
                go_on(model)
    assert_same(learned(go_on(model)), whole)


def test_two_passes_share_a_folder_and_train_each_once(tmp_path):
    def system(n_batches_tagger=99, n_batches_detector=99, checkpoint=tmp_path):
        options = {"checkpoint": checkpoint}
        return TwoPassSED(
            tagger=quick(
                WeakTagger, callbacks=killing(n_batches_tagger, "tagger"), **options
            ),
            detector=quick(
                WeakEventDetector,
                callbacks=killing(n_batches_detector, "detector"),
                **options,
            ),
        )

    whole = system(checkpoint=None).fit(X, Y)
    with pytest.raises(Killed):
        system(99, 7).fit(X, Y)
    again = system(1, 99).fit(X, Y)  # the tagger is not trained again
    for part in ("tagger_", "detector_"):
        assert_same(learned(getattr(again, part)), learned(getattr(whole, part)))
    assert {p.name.partition("-")[0] for p in tmp_path.iterdir()} == {
        "WeakTagger",
        "WeakEventDetector",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.1},
        {"max_epochs": 5},
        {"random_state": 1},
        {"network_params": {}},
        {"schedule": {0.5: 0.1}},
        {"class_weight": [1.0, 2.0]},
        {"precision": "float64"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_parameters_train_anew_beside_the_old(change, tmp_path):
    model = quick(WeakTagger, checkpoint=tmp_path)
    kill(model, 7)
    (old,) = tmp_path.iterdir()
    content = old.read_bytes()
    other = clone(model).set_params(**change)
    expected = clone(other).set_params(checkpoint=None).fit(X, Y)
    assert_same(learned(go_on(other)), learned(expected))
    assert old.read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 2


def shifting(shift):
    class Shifted(TinyNet):
        def forward(self, x, mask=None):
            return super().forward(x) + shift

    return Shifted


class Nothing(skorch.callbacks.Callback):
    def __init__(self, number):
        self.number = number


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            {"network": lambda n, k: TinyNet(n, k)},
            {"network": lambda n, k: TinyNet(n, k).double().float()},
        ),
        ({"network": shifting(0.0)}, {"network": shifting(1.0)}),
        ({"callbacks": [Nothing(1)]}, {"callbacks": [Nothing(2)]}),
    ],
    ids=["lambdas", "closures", "callbacks"],
)
def test_networks_and_callbacks_are_known_by_what_they_do(one, other, tmp_path):
    for options in (one, other, one):
        options = {"network": TinyNet, "max_epochs": 1, "random_state": 0, **options}
        model = WeakTagger(**options, checkpoint=tmp_path).fit(X, Y)
        expected = clone(model).set_params(checkpoint=None).fit(X, Y)
        assert_same(learned(model), learned(expected))
    assert len(list(tmp_path.iterdir())) == 2


def test_an_edited_class_trains_anew(tmp_path):
    text = (
        "from tests._networks import TinyNet\n"
        "class Net(TinyNet):\n"
        "    def forward(self, x, mask=None):\n"
        "        return {} * super().forward(x)\n"
    )
    for factor, n_files in ((1, 1), (2, 2), (1, 2)):
        module = {"__name__": "mine"}
        exec(text.format(factor), module)
        model = WeakTagger(network=module["Net"], max_epochs=1, random_state=0)
        model.set_params(checkpoint=tmp_path).fit(X, Y)
        assert len(list(tmp_path.iterdir())) == n_files


def test_other_clips_labels_weights_and_classes_train_anew(tmp_path):
    model = quick(WeakTagger, checkpoint=tmp_path)
    kill(model, 7)
    louder = np.asarray(X) + [0, 0, 0, 0, 0, 1e-3]
    other = [["dog"] if a else ["cat"] if b else [] for a, b in Y]
    for n_files, (x, y, weight) in enumerate(
        (
            (louder, Y, None),
            (X, 1 - Y, None),
            (X, Y, np.arange(1, 25)),
            (X, other, None),
        )
    ):
        new = clone(model).fit(x, y, sample_weight=weight)
        expected = quick(WeakTagger).fit(x, y, sample_weight=weight)
        assert_same(learned(new), learned(expected))
        assert len(list(tmp_path.iterdir())) == n_files + 2


def test_what_training_does_not_depend_on_may_change(tmp_path):
    detector = quick(WeakEventDetector, checkpoint=tmp_path)
    go_on(detector)
    tuned = clone(detector).set_params(
        threshold=0.3,
        decoder=EventDecoder(threshold=0.9),
        time_resolution=0.1,
        verbose=1,
        warm_start=True,
    )
    assert is_not_repeated(tuned)
    taught = clone(detector).set_params(self_training=1)
    go_on(taught)
    assert is_not_repeated(taught.set_params(time_resolution=0.1))


def test_clips_on_disk_are_known_one_at_a_time(tmp_path, monkeypatch):
    paths = [tmp_path / f"{i}.wav" for i in range(24)]
    for i, path in enumerate(paths):
        soundfile.write(path, np.full(4000, 0.01 * (i + 1)), 8000)
    log_mel = LogMelTransformer(sample_rate=8000, n_mels=6)
    stored = store_features(log_mel, paths, tmp_path / "features")
    read, living, counts = StoredFeatures._read, set(), []

    def watched(self, clip):
        rows = read(self, clip)
        living.add(id(rows))
        weakref.finalize(rows, living.discard, id(rows))
        counts.append(len(living))
        return rows

    monkeypatch.setattr(StoredFeatures, "_read", watched)
    quick(WeakTagger, checkpoint=tmp_path / "kept", batch_size=4).fit(stored, Y)
    assert max(counts) < 12


def test_folds_share_a_folder(tmp_path):
    tagger = quick(WeakTagger, checkpoint=tmp_path)
    scores = cross_val_score(tagger, np.asarray(X), Y, cv=KFold(3))
    assert len(list(tmp_path.iterdir())) == 3
    expected = cross_val_score(quick(WeakTagger), np.asarray(X), Y, cv=KFold(3))
    np.testing.assert_array_equal(scores, expected)


def test_without_a_seed_the_first_call_draws_one(tmp_path):
    model = quick(WeakTagger, checkpoint=tmp_path, random_state=None)
    kill(model, 7)
    (file,) = tmp_path.iterdir()
    before = dict(np.load(file))
    first = go_on(model)
    assert first.n_iter_ == 4
    epochs = json.loads(before["history"].tobytes())
    assert first.history_[0]["train_loss"] == epochs[0]["train_loss"]
    assert_same(learned(go_on(model)), learned(first))
    state = {"random_state": np.random.RandomState(7)}
    expected = quick(WeakTagger, **state).fit(X, Y)
    kill(quick(WeakTagger, checkpoint=tmp_path, **state), 7)
    again = go_on(quick(WeakTagger, checkpoint=tmp_path, random_state=None))
    assert_same(learned(again), learned(first))
    again = go_on(
        quick(WeakTagger, checkpoint=tmp_path, random_state=np.random.RandomState(7))
    )
    assert_same(learned(again), learned(expected))


def test_warm_start_goes_on_from_the_same_start(tmp_path):
    def begun():
        model = quick(WeakTagger, max_epochs=1, warm_start=True).fit(X, Y)
        return model.set_params(checkpoint=tmp_path, max_epochs=4)

    whole = begun().set_params(checkpoint=None).fit(X, Y)
    killed = begun().set_params(callbacks=killing(7))
    with pytest.raises(Killed):
        killed.fit(X, Y)
    again = begun().set_params(callbacks=killing(99)).fit(X, Y)
    assert_same(learned(again), learned(whole))
    assert [row["epoch"] for row in again.history_] == [1, 2, 3, 4, 5]


def test_a_local_network_and_ragged_clips(tmp_path):
    ragged = [x[: 5 + i % 7] for i, x in enumerate(np.asarray(X))]
    options = {
        "network": lambda n_mels, n_classes: TinyNet(n_mels, n_classes),
        "random_state": 0,
        "max_epochs": 3,
        "batch_size": 8,
        "validation_fraction": 0.0,
    }
    whole = WeakTagger(**options).fit(ragged, Y)
    model = WeakTagger(**options, checkpoint=tmp_path)
    kill(model, 5, X=ragged)
    assert_same(learned(go_on(model, X=ragged)), learned(whole))


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


def changed(*without, **arrays):
    def change(path):
        with np.load(path) as file:
            kept = {name: file[name] for name in file if name not in without}
        with path.open("wb") as stream:
            np.savez(stream, **{**kept, **arrays})

    return change


def flip(path):
    content = bytearray(path.read_bytes())
    content[content.index(b"module/mean.npy") + 60] ^= 1
    path.write_bytes(content)


def only_description(path):
    with np.load(path) as file:
        description = file["description"]
    with path.open("wb") as stream:
        np.savez(stream, description=description)


DAMAGE = {
    "empty": (lambda path: path.write_bytes(b""), "not a checkpoint"),
    "text": (lambda path: path.write_text("hello world"), "not a checkpoint"),
    "cut": (cut, "not a checkpoint, or it was cut short"),
    "flipped": (flip, r"it is damaged, in 'module/mean\.npy'"),
    "no_description": (changed("description"), "not a checkpoint of this version"),
    "other_description": (
        changed(description=np.frombuffer(b"[]", np.uint8)),
        "not a checkpoint of this version",
    ),
    "no_arrays": (only_description, "arrays are missing"),
    "foreign_array": (changed(**{"module/x": np.zeros(3)}), "'module/x'"),
    "other_shape": (changed(**{"module/mean": np.zeros(3)}), "have the shape"),
    "other_type": (changed(**{"module/mean": np.zeros(6)}), "torch.float64"),
    "random_numbers": (changed(**{"rng/cpu": np.zeros(3, np.uint8)}), "another form"),
    "memory": (changed(watch=np.zeros((3, 2))), "delete it"),
    "pickle": (changed(watch=np.array([{}])), "delete it"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_checkpoint_is_refused(kind, tmp_path):
    model = quick(
        WeakTagger, checkpoint=tmp_path, early_stopping=True, validation_fraction=0.25
    )
    kill(model, 7)
    (path,) = tmp_path.iterdir()
    damage, message = DAMAGE[kind]
    damage(path)
    with pytest.raises(ModelFileError, match=message) as caught:
        go_on(model)
    assert caught.value.path == str(path)
    assert "delete it to train from the start, or name another" in str(caught.value)


def test_a_checkpoint_of_another_version_or_device_is_refused(tmp_path, monkeypatch):
    model = quick(WeakTagger, checkpoint=tmp_path)
    kill(model, 7)
    monkeypatch.setattr(_checkpoint, "__version__", "9.9.9")
    with pytest.raises(ModelFileError, match=r"and this is sklearn_sed 9\.9\.9.*go on"):
        go_on(model)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
    ids=["python", "torch"],
)
def test_no_memory_is_not_the_fault_of_the_checkpoint(error, tmp_path, monkeypatch):
    model = quick(WeakTagger, checkpoint=tmp_path)
    kill(model, 7)

    def full(*args):
        raise error

    monkeypatch.setattr(_training, "set_net", full)
    with pytest.raises(type(error)):
        go_on(model)


def test_a_folder_that_cannot_be_is_found_before_training(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for folder in (file, file / "below"):
        with pytest.raises(OSError, match="file"):
            quick(WeakTagger, checkpoint=folder, callbacks=killing(1)).fit(X, Y)
    with pytest.raises(ValueError, match="checkpoint"):
        quick(WeakTagger, checkpoint=3).fit(X, Y)
    nested = tmp_path / "new" / "folder"
    quick(WeakTagger, checkpoint=nested).fit(X, Y)
    assert len(list(nested.iterdir())) == 1


def test_partial_fit_keeps_no_checkpoint(learner, tmp_path):
    quick(learner, checkpoint=tmp_path).partial_fit(X, Y)
    assert not list(tmp_path.iterdir())


def test_a_model_file_knows_no_folder(tmp_path):
    model = quick(WeakTagger, checkpoint=tmp_path / "folder").fit(X, Y)
    save_model(model, tmp_path / "model.sed")
    loaded = load_model(tmp_path / "model.sed", trusted=[TinyNet])
    assert loaded.checkpoint is None


@pytest.fixture(autouse=True)
def listens_to_ctrl_c():
    """A shell starts its background jobs deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class CtrlC(skorch.callbacks.Callback):
    """Sends this process what Ctrl-C does, when its countdown is over."""

    def on_batch_begin(self, net, training=False, **kwargs):
        COUNTDOWN["ctrl-c"] -= training
        if COUNTDOWN["ctrl-c"] == 0:
            signal.raise_signal(signal.SIGINT)


def interrupting(batch):
    """Return the callback, set to a batch of all that this process trains."""
    COUNTDOWN["ctrl-c"] = batch
    return [CtrlC()]


@pytest.mark.parametrize("batch", [1, 2, 4, 7])
def test_ctrl_c_leaves_it_unfitted(learner, batch):
    model = quick(learner).fit(X, Y)
    model.set_params(callbacks=interrupting(batch))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    with pytest.raises(NotFittedError):
        model.predict_proba(X)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    with pytest.raises(NotFittedError):
        save_model(model, "never.sed")


@pytest.mark.parametrize("again", ["fit", "partial_fit", "warm"])
def test_ctrl_c_leaves_nothing_to_go_on_from(learner, again):
    model = quick(learner).fit(X, Y)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(callbacks=interrupting(2)).partial_fit(X, Y)
    with pytest.raises(NotFittedError):
        model.predict_proba(X)
    model.set_params(callbacks=None, warm_start=again == "warm")
    method = "partial_fit" if again == "partial_fit" else "fit"
    new = quick(learner)
    assert_same(
        learned(getattr(model, method)(X, Y)), learned(getattr(new, method)(X, Y))
    )


def test_ctrl_c_leaves_what_holds_a_learner_unfitted():
    tables = stack_tables(
        [make_events([0.1] * k, [0.5] * k, ["a", "b"][:k]) for k in (0, 1, 2)] * 8
    )
    system = TwoPassSED(tagger=quick(WeakTagger), detector=quick(WeakEventDetector))
    for model, part in (
        (system, "tagger"),
        (clone(system), "detector"),
        (TunedDecoderCV(quick(WeakEventDetector), cv=2), "estimator"),
        (CalibratedTaggerCV(quick(WeakTagger), cv=2), "estimator"),
        (SeedEnsemble(quick(WeakTagger), n_estimators=2), "estimator"),
    ):
        model.fit(X, tables).set_params(**{f"{part}__callbacks": interrupting(5)})
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, tables)
        with pytest.raises(NotFittedError):
            model.predict(X)


@pytest.mark.parametrize(
    "options",
    [{}, {"early_stopping": True}, {"validation_fraction": 0.0}],
    ids=["held_back", "early_stopping", "none_held_back"],
)
def test_ctrl_c_keeps_the_best_epoch_when_asked(learner, options):
    rng = np.random.default_rng(0)
    noise, y = rng.normal(size=(40, 5, 6)), rng.integers(0, 2, (40, 2))
    options = {
        **options,
        "max_epochs": 40,
        "learning_rate": 0.2,
        "schedule": "constant",
        "on_interrupt": "keep",
        "n_iter_no_change": 40,
    }
    if options.get("validation_fraction") != 0.0:
        options["validation_fraction"] = 0.34
    model = quick(learner, **options, callbacks=interrupting(26))
    with pytest.warns(UserWarning, match="was interrupted after") as caught:
        model.fit(noise, y)
    n_epochs = model.n_iter_
    losses = [row.get("valid_loss") for row in model.history_]
    best = n_epochs if losses[0] is None else 1 + int(np.argmin(losses))
    assert 2 < n_epochs < 40
    assert losses[0] is None or best < n_epochs  # otherwise nothing is tested here
    assert f"after {n_epochs} epochs" in str(caught[0].message)
    assert str(caught[0].message).endswith(f"after epoch {best}")
    options.update(max_epochs=best, on_interrupt="raise", early_stopping=False)
    expected = quick(learner, **options).fit(noise, y)
    np.testing.assert_array_equal(
        model.predict_proba(noise), expected.predict_proba(noise)
    )
    model.set_params(callbacks=None).partial_fit(noise, y)


def test_ctrl_c_before_the_first_epoch_is_over_has_nothing_to_keep(learner):
    model = quick(learner, on_interrupt="keep", callbacks=interrupting(2))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    with pytest.raises(NotFittedError):
        model.predict_proba(X)


def test_keeping_changes_nothing_unless_interrupted(learner):
    keep = quick(learner, on_interrupt="keep").fit(X, Y)
    assert_same(learned(keep), learned(quick(learner).fit(X, Y)))


def test_what_was_kept_can_go_on_from_its_checkpoint(learner, tmp_path):
    model = quick(learner, on_interrupt="keep", checkpoint=tmp_path)
    with pytest.warns(UserWarning, match="was interrupted after 2 epochs"):
        clone(model).set_params(callbacks=interrupting(8)).fit(X, Y)
    again = clone(model).set_params(callbacks=interrupting(999)).fit(X, Y)
    assert_same(learned(again), learned(quick(learner).fit(X, Y)))


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs fork")
def test_kills_while_training():
    script = Path(__file__).parents[2] / "benchmarks" / "kill_training.py"
    if not script.exists():
        pytest.skip("the benchmarks are not beside these tests")
    done = subprocess.run(
        [sys.executable, script, "3"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "the same to the last bit" in done.stdout
