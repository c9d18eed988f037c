"""Model files of strangers are refused: fast, in little memory, unexecuted."""

import errno
import io
import json
import os
import pickle
import re
import subprocess
import sys
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load, save

from sklearn_sed import WeakEventDetector, load_model, save_model
from sklearn_sed._persistence import _files
from sklearn_sed.exceptions import ModelFileError


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the bytes of a good file, for others to spoil."""
    X = np.random.default_rng(0).normal(size=(8, 12, 6))
    detector = WeakEventDetector(
        network_params={"n_filters": (2, 3, 3, 4, 4), "n_rnn": 4},
        max_epochs=1,
        class_weight="balanced",
        random_state=0,
    ).fit(X, [["Dog"], ["Cat"]] * 4)
    path = tmp_path_factory.mktemp("models") / "detector.sed"
    save_model(detector, path)
    return path.read_bytes()


class Bomb:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self):
        return (open, (os.environ["SED_TEST_TRACE"], "w"))


def apart(content):
    """Take a file apart: its header, its description and its tensors' bytes."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    description = json.loads(header["__metadata__"]["sklearn_sed"])
    return header, description, content[8 + size :]


def together(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def described(content, change):
    """Change the description, or give another text in its place."""
    header, description, data = apart(content)
    changed = change(description)
    if not isinstance(changed, str):
        changed = json.dumps(description if changed is None else changed)
    header["__metadata__"]["sklearn_sed"] = changed
    return together(header, data)


def params(**values):
    return lambda content: described(
        content, lambda d: d["estimators"][-1]["params"].update(values)
    )


def learned(**values):
    return lambda content: described(
        content, lambda d: d["estimators"][-1]["learned"].update(values)
    )


def tensors(change):
    def spoil(content):
        header, _, _ = apart(content)
        arrays = {name: array.copy() for name, array in load(content).items()}
        change(arrays)
        return save(arrays, metadata=header["__metadata__"])

    return spoil


def entry(change):
    """Change what the header says of one tensor."""

    def spoil(content):
        header, _, data = apart(content)
        change(header["1/module/mean"])
        return together(header, data)

    return spoil


def zipped(name, payload):
    def spoil(content):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("model.json", "{}")
            archive.writestr(name, payload())
        return stream.getvalue()

    return spoil


def replaced(old, new):
    return lambda content: described(content, lambda d: json.dumps(d).replace(old, new))


def array(dtype, values, shape=None):
    return {
        "array": {"dtype": dtype, "shape": shape or [len(values)], "values": values}
    }


def forget(description):
    """Take one of the things away that were learned."""
    del description["estimators"][-1]["learned"]["n_iter_"]


def nested(depth):
    return lambda content: described(content, lambda d: "[" * depth)


def one_estimator(name, params, n=1):
    """Describe n estimators, of which the last one is the model."""
    described = {"class": name, "params": params, "learned": {}}
    text = json.dumps({"format": 1, "sklearn_sed": "1", "estimators": [described] * n})
    return lambda content: together({"__metadata__": {"sklearn_sed": text}}, b"")


MEAN = "1/module/mean"
HEAD = "1/module/network.head.weight"
HOSTILE = {
    "pickle": (lambda content: pickle.dumps(Bomb()), "not a file of save_model"),
    "pickle_in_zip": (
        zipped("archive/data.pkl", lambda: pickle.dumps(Bomb())),
        "not a file of save_model",
    ),
    "path_traversal": (zipped("../../evil.py", lambda: "1"), "not a file of"),
    "zip_bomb": (zipped("weights", lambda: bytes(2**26)), "not a file of save_model"),
    "empty": (lambda content: b"", "not a file of save_model"),
    "text": (lambda content: b"just some text, no model", "not a file of save_model"),
    "cut_in_header": (lambda content: content[:300], "cut short"),
    "cut_in_tensors": (lambda content: content[:-1], "incomplete metadata"),
    "trailing_garbage": (lambda content: content + b"x", "not fully covered"),
    "huge_header_length": (lambda content: b"\xff" * 8 + content[8:], "not a file of"),
    "huge_header": (
        lambda content: together(b"[" * 5 * 2**20, b""),
        "not a file of save_model",
    ),
    "header_of_lists": (
        lambda content: together(b"[" + b"[]," * 10**6 + b"[]]", b""),
        "longer than any",
    ),
    "header_of_less_lists": (
        lambda content: together(b"[" + b"[]," * 124_998 + b"[]]", b""),
        "description is missing",
    ),
    "long_list": (params(schedule=[1] * 240_000), "schedule"),
    "broken_header": (lambda content: together(b"{]", b""), "not JSON"),
    "header_of_no_text": (lambda content: together(b"\xff\xfe{}", b""), "not JSON"),
    "plain_safetensors": (
        lambda content: save({"x": np.zeros(3)}),
        "description is missing",
    ),
    "broken_description": (replaced("}", ""), "not JSON"),
    "deep_description": (nested(10_000), "not JSON"),
    "other_description": (lambda c: described(c, lambda d: "42"), "not one that"),
    "name_twice": (
        replaced('"class":', '"class": "Pipeline", "class":'),
        "holds a name twice",
    ),
    "tensor_name_twice": (
        lambda content: content.replace(b'"1/module/scale"', b'"1/module/mean" ', 1),
        "holds a name twice",
    ),
    "nan_in_description": (params(learning_rate=float("nan")), "holds NaN"),
    "infinity_by_exponent": (
        replaced('"learning_rate": 0.001', '"learning_rate": 1e999'),
        "no known form",
    ),
    "hidden_nan": (params(learning_rate={"float": "nan"}), "learning_rate"),
    "future_version": (
        lambda c: described(c, lambda d: d | {"format": 2, "estimators": {}}),
        "upgrade sklearn_sed",
    ),
    "strange_version": (
        lambda c: described(c, lambda d: d | {"format": "1"}),
        "not one that save_model writes",
    ),
    "more_than_described": (
        lambda c: described(c, lambda d: d | {"code": "import os"}),
        "not one that save_model writes",
    ),
    "unknown_class": (replaced("WeakEventDetector", "os.system"), "no known estimator"),
    "inner_class": (replaced("WeakEventDetector", "__class__"), "no known estimator"),
    "no_estimators": (
        lambda c: described(c, lambda d: d | {"estimators": []}),
        "0 est",
    ),
    "many_estimators": (one_estimator("EventDecoder", {}, 9_999), "9999 estimators"),
    "unknown_parameter": (params(evil=1), "WeakEventDetector has no 'evil'"),
    "unknown_attribute": (learned(predict=1), "WeakEventDetector has no 'predict'"),
    "impossible_parameter": (params(learning_rate=-1.0), "learning_rate"),
    "endless_number": (params(batch_size=10**400), "no known form"),
    "unknown_form": (params(schedule={"eval": "1"}), "no known form"),
    "unhashable_key": (params(schedule={"dict": [[[], 1]]}), "unhashable"),
    "later_estimator": (params(decoder={"estimator": 2}), "list index out of range"),
    "own_network": (params(network={"network": "os.system"}), "networks={'os.system'"),
    "unknown_network": (params(network="evil"), "network='evil' is unknown"),
    "too_many_layers": (
        params(network_params={"dict": [["n_filters", [1] * 10**5]]}),
        "100000 layers",
    ),
    "too_wide_layers": (
        params(network_params={"dict": [["n_filters", [10**9] * 5]]}),
        "overflow",
    ),
    "wide_layers": (
        params(network_params={"dict": [["n_rnn", 10**5], ["n_filters", [9] * 5]]}),
        "the shape",
    ),
    "layers_of_text": (
        params(network_params={"dict": [["n_filters", "abcde"]]}),
        "damaged",
    ),
    "many_bands": (learned(n_features_in_=10**15), "have the shape"),
    "class_twice": (learned(classes_=array("<U3", ["Dog", "Dog"])), "classes_"),
    "more_classes": (learned(classes_=array("<i8", [*range(9)])), "contradict"),
    "many_classes": (
        lambda c: learned(
            classes_=array("<i8", [*range(99_999)]),
            thresholds_=array("<f8", [0.5] * 99_999),
        )(c),
        "have the shape",
    ),
    "wide_texts": (learned(classes_=array("<U999999", ["a", "b"] * 999)), "<U999999"),
    "long_text": (learned(classes_=array("<U1", ["a", "bc"])), "not <U1"),
    "structured_array": (learned(classes_=array("O,O", [1])), "unknown type 'O,O'"),
    "texts_for_numbers": (learned(thresholds_=array("<f8", ["1", "2"])), "not <f8"),
    "wrong_array_shape": (
        learned(thresholds_=array("<f8", [0.5, 0.5], [3])),
        "cannot reshape",
    ),
    "nan_thresholds": (
        learned(thresholds_=array("<f8", [{"float": "nan"}] * 2)),
        "thresholds_ is not of its kind",
    ),
    "endless_history": (learned(n_iter_=7), "contradict"),
    "no_decoder": (learned(decoder_="none"), "decoder_ is not of its kind"),
    "half_learned": (
        lambda content: described(content, forget),
        "what WeakEventDetector has learned is incomplete",
    ),
    "no_steps": (one_estimator("Pipeline", {"steps": []}), "impossible step"),
    "foreign_step": (
        one_estimator("Pipeline", {"steps": [{"tuple": ["scaler", 3]}]}),
        "impossible step",
    ),
    "cache": (
        one_estimator(
            "Pipeline", {"steps": [{"tuple": ["a", "passthrough"]}], "memory": "/tmp"}
        ),
        "asks for a place on this machine, as memory",
    ),
    "nothing_frozen": (
        one_estimator("FrozenEstimator", {"estimator": 3}),
        "holds no estimator",
    ),
    "key_twice": (
        params(schedule={"dict": [[0.5, 1], [0.5, 2]]}),
        "no known form",
    ),
    "classes_of_numbers": (learned(classes_=3), "classes_ is not of its kind"),
    "nan_weights": (tensors(lambda t: t[HEAD].fill(np.nan)), "not finite"),
    "infinite_weights": (tensors(lambda t: t[HEAD].fill(np.inf)), "not finite"),
    "wrong_shape": (tensors(lambda t: t.update({HEAD: t[HEAD].T.copy()})), "the shape"),
    "wrong_dtype": (
        tensors(lambda t: t.update({HEAD: t[HEAD].astype(float)})),
        "float64, expected torch.float32",
    ),
    "integers": (
        tensors(lambda t: t.update({HEAD: t[HEAD].astype(np.int32)})),
        "int32, expected",
    ),
    "missing_tensor": (tensors(lambda t: t.pop(HEAD)), "1 of the net's arrays are mis"),
    "extra_tensor": (
        tensors(lambda t: t.update({"1/module/evil": t[HEAD]})),
        "1 are not the net's, such as 'module/evil'",
    ),
    "tensor_for_nobody": (tensors(lambda t: t.update({"9/x": t[HEAD]})), "for nobody"),
    "half_a_memory": (
        tensors(lambda t: t.pop("1/optimizer/exp_avg/network.head.weight")),
        "1 of the net's arrays are missing",
    ),
    "overlapping_tensors": (
        entry(lambda e: e.update(data_offsets=[0, 24])),
        "invalid offset",
    ),
    "huge_tensor": (
        entry(lambda e: e.update(shape=[2**40], data_offsets=[0, 2**42])),
        "header",
    ),
    "negative_shape": (entry(lambda e: e.update(shape=[-6])), "header"),
    "unknown_dtype": (
        entry(lambda e: e.update(dtype="PICKLE")),
        "header",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused(kind, saved, tmp_path, monkeypatch):
    spoil, message = HOSTILE[kind]
    path = tmp_path / "model.sed"
    monkeypatch.setenv("SED_TEST_TRACE", str(tmp_path / "trace"))
    path.write_bytes(spoil(saved))
    start = time.process_time()
    with pytest.raises(ModelFileError, match=re.escape(message)) as caught:
        load_model(path)
    assert time.process_time() - start < 1
    assert str(caught.value).startswith(str(path))
    assert len(caught.value.reason) <= 500
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError):
            load_model(path)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
    assert os.listdir(tmp_path) == ["model.sed"]


LOAD_ALL = """
import resource, sys, time
from pathlib import Path
from sklearn_sed import load_model
from sklearn_sed.exceptions import ModelFileError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000  # MB on Linux

load_model("good.sed")
before, slowest = peak(), 0.0
for path in sorted(Path("hostile").iterdir()):
    start = time.process_time()
    try:
        load_model(path)
        sys.exit(f"{path} was loaded")
    except ModelFileError:
        slowest = max(slowest, time.process_time() - start)
print(peak() - before, slowest)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted otherwise")
def test_memory_of_the_whole_process(saved, tmp_path):
    (tmp_path / "good.sed").write_bytes(saved)
    (tmp_path / "hostile").mkdir()
    for kind, (spoil, _) in HOSTILE.items():
        if kind not in ("pickle", "pickle_in_zip"):  # these need their trace's place
            (tmp_path / "hostile" / kind).write_bytes(spoil(saved))
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ALL], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    megabytes, seconds = map(float, done.stdout.split())
    assert megabytes < 100
    assert seconds < 1


def test_damage_anywhere_is_refused_or_harmless(saved, tmp_path):
    path = tmp_path / "model.sed"
    n_header = int.from_bytes(saved[:8], "little")
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, 8 + n_header, 80):
        content = bytearray(saved)
        content[place] = rng.integers(256)
        path.write_bytes(content)
        try:
            assert isinstance(load_model(path), WeakEventDetector)
        except ModelFileError:
            refused += 1
    assert refused > 40


def test_a_sparse_file_of_terabytes_is_refused_unread(saved, tmp_path):
    header, _, _ = apart(saved)
    header[MEAN].update(shape=[2**36], data_offsets=[0, 2**38])
    path = tmp_path / "model.sed"
    content = together({key: header[key] for key in ("__metadata__", MEAN)}, b"")
    with path.open("wb") as stream:
        stream.write(content)
        try:
            stream.truncate(len(content) + 2**38)
        except OSError:
            pytest.skip("no sparse files here")
    start = time.process_time()
    with pytest.raises(ModelFileError, match="have the shape"):
        load_model(path)
    assert time.process_time() - start < 1


def test_the_file_taken_apart_and_put_together_is_the_same(saved, tmp_path):
    path = tmp_path / "model.sed"
    for spoil in (params(), learned(), tensors(len), entry(len)):
        path.write_bytes(spoil(saved))
        assert isinstance(load_model(path), WeakEventDetector)


def _denied(stream):
    raise PermissionError(errno.EACCES, "Permission denied")


def test_what_is_no_file(tmp_path, monkeypatch):
    with pytest.raises(ModelFileError, match="it does not exist"):
        load_model(tmp_path / "model.sed")
    with pytest.raises(ModelFileError, match="it is not a file"):
        load_model(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.sed")
        with pytest.raises(ModelFileError, match="it is not a file"):
            load_model(tmp_path / "pipe.sed")
    with monkeypatch.context() as patch:
        patch.setattr(_files, "_read_description", _denied)
        (tmp_path / "model.sed").write_bytes(b"")
        with pytest.raises(ModelFileError, match="cannot be read: Permission denied"):
            load_model(tmp_path / "model.sed")
    error = pickle.loads(pickle.dumps(ModelFileError("a.sed", "cut short")))
    assert (error.path, error.reason, str(error)) == (
        "a.sed",
        "cut short",
        "a.sed: cut short",
    )
