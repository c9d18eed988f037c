"""Model files of strangers are refused: fast, in little memory, unexecuted."""

import copy
import errno
import io
import json
import operator
import os
import pickle
import re
import subprocess
import sys
import time
import tracemalloc
import zipfile
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from skops.io import dumps

from sklearn_sed import (
    EventDecoder,
    SeedEnsemble,
    TwoPassSED,
    WeakEventDetector,
    load_model,
    save_model,
)
from sklearn_sed._persistence._archive import tidy
from sklearn_sed.calibration import CalibratedTaggerCV
from sklearn_sed.exceptions import ModelFileError
from sklearn_sed.model_selection import TunedDecoderCV
from sklearn_sed.nn._training import SoundEventNet


class Good:
    """A good file, for others to spoil."""

    def __init__(self, folder):
        X = np.random.default_rng(0).normal(size=(8, 12, 6))
        self.model = WeakEventDetector(
            network_params={"n_filters": (2, 3, 3, 4, 4), "n_rnn": 4},
            max_epochs=1,
            class_weight="balanced",
            random_state=0,
        ).fit(X, [["Dog"], ["Cat"]] * 4)
        path = folder / "detector.sed"
        save_model(self.model, path)
        self.content = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            self.files = {name: archive.read(name) for name in archive.namelist()}
        self.schema = json.loads(self.files.pop("schema.json"))


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return Good(tmp_path_factory.mktemp("models"))


class Bomb:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self):
        return (open, (os.environ["SED_TEST_TRACE"], "w"))


# ---- Three ways to make a file: of Python objects, of a schema, of bytes ----------


def written(model):
    """Write what skops makes of a model, unchecked."""
    return tidy(dumps(model), format=2, sklearn_sed="1")


def claims_to_be(kind, state):
    """Return an object that skops writes as one of a class with this state."""
    namespace = {"__module__": kind.__module__, "__getstate__": lambda self: state}
    return type(kind.__name__, (), namespace)()


def stated(change):
    """Change the state of the detector."""

    def spoil(good):
        state = copy.deepcopy(good.model.__getstate__())
        change(state)
        return written(claims_to_be(WeakEventDetector, state))

    return spoil


def having(**values):
    return stated(lambda state: state.update(values))


def record(**values):
    return stated(lambda state: state["training_"].update(values))


def net_params(**values):
    return stated(lambda state: state["_net_params"].update(values))


def weights(change):
    return stated(lambda state: change(state["net_"]["arrays"]))


def of(model):
    return lambda good: written(model)


def whole(kind, **state):
    """Put the detector into every place of an estimator of parts."""

    def spoil(good):
        return written(claims_to_be(kind, {**made_of(good.model, kind), **state}))

    return spoil


def made_of(part, kind):
    attributes = {
        TwoPassSED: {"tagger_": part, "detector_": part},
        SeedEnsemble: {"estimators_": [part]},
        CalibratedTaggerCV: {"estimator_": part, "calibrators_": [None, None]},
        TunedDecoderCV: {
            "estimator_": part,
            "decoder_": part.decoder_,
            "class_scores_": np.ones(2),
            "best_score_": 1.0,
        },
    }[kind]
    named = {} if kind is TunedDecoderCV else {"classes_": part.classes_}
    model = kind() if kind in (TwoPassSED, SeedEnsemble) else kind(part)
    return {**vars(model), "n_features_in_": 6, "_single": False, **named, **attributes}


def decoder(**state):
    return of(claims_to_be(EventDecoder, {**vars(EventDecoder()), **state}))


def pipeline(**state):
    default = {"steps": [("a", "passthrough")], "memory": None, "verbose": False}
    default |= {"transform_input": None, "_sklearn_version": sklearn.__version__}
    return of(claims_to_be(Pipeline, {**default, **state}))


def zipped(schema, files, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    text = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("schema.json", text)
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def described(change):
    """Change the schema and the files beside it."""

    def spoil(good):
        schema, files = copy.deepcopy(good.schema), dict(good.files)
        changed = change(schema, files)
        return zipped(schema if changed is None else changed, files)

    return spoil


def text(change):
    return described(lambda schema, files: change(json.dumps(schema)).encode())


def replaced(old, new):
    return text(lambda schema: schema.replace(old, new, 1))


def spoilt_bytes(change):
    return lambda good: change(good.content)


def node(loader, kind, content=None, number=10**6, **more):
    """Describe an object."""
    module, _, name = kind.rpartition(".")
    described = {"__class__": name, "__module__": module, "__loader__": loader}
    return {**described, "content": content, "__id__": number, **more}


def given(**nodes):
    """Put nodes where attributes of the detector are."""

    def change(schema, files):
        for name, content in nodes.items():
            assert name in schema["content"]["content"]
            schema["content"]["content"][name] = content

    return described(change)


def word(value, number=10**6):
    return node("JsonNode", "builtins.str", json.dumps(value), number, is_json=True)


def listed(*items, number=10**6 - 1):
    return node("ListNode", "builtins.list", [*items], number)


def first_array(schema):
    """Return the node of an array."""
    if isinstance(schema, dict):
        if schema.get("__loader__") == "NdArrayNode":
            return schema
        schema = [*schema.values()]
    found = map(first_array, schema) if isinstance(schema, list) else []
    return next(filter(None, found), None)


def arrays(change):
    """Change the content of one file, and what is said of it."""

    def spoil(schema, files):
        array = first_array(schema)
        files[array["file"]] = change(files[array["file"]], array)

    return described(spoil)


def npy(header, data=b""):
    """Write an array with a header of one's own."""
    header = header.encode().ljust(118) + b"\n"
    size = len(header).to_bytes(2, "little")
    return b"\x93NUMPY\x01\x00" + size + header + data


def pickled_array(content, array):
    stream = io.BytesIO()
    np.save(stream, np.array([Bomb()], dtype=object), allow_pickle=True)
    return stream.getvalue()


def laughs(depth=60):
    """Describe a list of two lists of two lists ..."""
    inner = word("ha", number=1000)
    for i in range(1001, 1001 + depth // 2):
        seen = {"__loader__": "CachedNode", "__id__": i - 1}
        inner = listed(inner, seen, number=i)
    return inner


class Beyond(np.random.RandomState):
    """A state that ends behind its end."""

    def get_state(self, legacy=True):
        state = super().get_state(legacy=False)
        state["state"]["pos"] = 10**5
        return state


Beyond.__module__, Beyond.__name__ = "numpy.random.mtrand", "RandomState"


def file_twice(good):
    longest = max(map(len, good.files))
    one, other, *_ = (name for name in good.files if len(name) == longest)
    return good.content.replace(one.encode(), other.encode())


def unpickled_net(good):
    """A skorch net unpickles the part of its state that was on a GPU."""
    state = {"__cuda_dependent_attributes__": pickle.dumps(Bomb())}
    return written(claims_to_be(SoundEventNet, state))


def operator_of(kind, *args):
    return listed(
        node("OperatorFuncNode", f"operator.{kind}", attrs=listed(*map(word, args)))
    )


TRACE = "import os; open(os.environ['SED_TEST_TRACE'], 'w')"
FORBIDDEN = ("not trusted", "in which a pickle could be")
HEAD = "module/network.head.weight"
HOSTILE = {
    # Files that are none.
    "pickle": (lambda good: pickle.dumps(Bomb()), "not a file of save_model"),
    "empty": (lambda good: b"", "not a file of save_model"),
    "text": (lambda good: b"just some text, no model", "not a file of save_model"),
    "earlier_format": (
        lambda good: (99).to_bytes(8, "little") + b'{"__metadata__":{}}',
        "by an earlier version of sklearn_sed",
    ),
    "cut_early": (spoilt_bytes(lambda content: content[:300]), "cut short"),
    "cut_late": (spoilt_bytes(lambda content: content[:-1]), "cut short"),
    "cut_inside": (
        spoilt_bytes(lambda content: content[:5000] + content[6000:]),
        "negative seek",
    ),
    "trailing_garbage": (spoilt_bytes(lambda content: content + b"x"), "not a file of"),
    "leading_garbage": (spoilt_bytes(lambda content: b"x" + content), "not a file of"),
    "flipped_weight": (
        spoilt_bytes(
            lambda content: content.replace(b"\0\0\x80\x3f", b"\0\0\x81\x3f", 1)
        ),
        "Bad CRC-32",
    ),
    "other_zip": (lambda good: zipped(b"{}", {}), "its schema is another one"),
    "pickle_in_zip": (
        described(lambda s, files: files.update({"data.pkl": pickle.dumps(Bomb())})),
        "a file for nobody: 'data.pkl'",
    ),
    # Archives.
    "no_schema": (
        spoilt_bytes(lambda content: content.replace(b"schema.json", b"schemo.json")),
        "it has no schema",
    ),
    "path_traversal": (
        arrays(lambda content, array: array.update(file="../../etc/passwd") or content),
        "in a file of no known name: '../../etc/passwd'",
    ),
    "zip_bomb": (
        lambda good: zipped(b" " * 2**27 + b"{}", {}, zipfile.ZIP_DEFLATED),
        "packed or overlap",
    ),
    "file_twice": (file_twice, "holds a file twice"),
    "one_file_for_two_arrays": (
        given(
            classes_=node("NdArrayNode", "numpy.ndarray", type="numpy", file="9.npy"),
        ),
        "in a file of no known name: '9.npy'",
    ),
    "missing_file": (
        described(
            lambda schema, files: files.pop(first_array(schema)["file"]) and None
        ),
        "is missing",
    ),
    "many_files": (
        lambda good: zipped(good.schema, {f"{i}.npy": b"" for i in range(20_001)}),
        "more than 20000 arrays",
    ),
    "file_for_nobody": (
        described(lambda schema, files: files.update({"99999.npy": b"x"})),
        "a file for nobody",
    ),
    # Schemas.
    "huge_schema": (described(lambda s, f: b"[" * 5 * 2**20), "too many parts"),
    "schema_of_lists": (
        described(lambda s, f: b"[" + b"[]," * 10**6 + b"[]]"),
        "too many parts",
    ),
    "schema_of_less_lists": (
        described(lambda s, f: b"[" + b"[]," * 124_998 + b"[]]"),
        "its schema is another one",
    ),
    "broken_schema": (described(lambda s, f: b"{]"), "not JSON"),
    "schema_of_no_text": (described(lambda s, f: b"\xff\xfe{}"), "not JSON"),
    "deep_schema": (described(lambda s, f: b"[" * 100_000), "not JSON"),
    "nested_schema": (
        described(lambda s, f: {**s, "deep": json.loads("[" * 150 + "]" * 150)}),
        "nested more than 120 times",
    ),
    "other_schema": (described(lambda s, f: b"42"), "its schema is another one"),
    "name_twice": (
        replaced('"__class__":', '"__class__": "Pipeline", "__class__":'),
        "holds a name twice",
    ),
    "nan_in_schema": (described(lambda s, f: {**s, "x": float("nan")}), "holds NaN"),
    "future_version": (
        described(lambda s, f: s.update(format=3)),
        "upgrade sklearn_sed",
    ),
    "strange_version": (described(lambda s, f: s.update(format="2")), "another one"),
    "no_version": (described(lambda s, f: s.pop("format") and None), "another one"),
    "future_skops": (described(lambda s, f: s.update(protocol=99)), "protocol"),
    "billion_laughs": (given(schedule=laughs()), "more than 250000 objects"),
    "later_object": (
        given(schedule={"__loader__": "CachedNode", "__id__": 10**7}),
        "refers to an object that is not there",
    ),
    "object_in_itself": (
        given(schedule=listed({"__loader__": "CachedNode", "__id__": 10**6 - 1})),
        "refers to an object that is not there",
    ),
    "number_twice": (given(schedule=word(1, number=1)), "numbers two objects 1"),
    "unknown_loader": (given(schedule=node("EvilNode", "os.system")), "no known form"),
    "generator": (having(mixup=np.random.default_rng(0)), "_generator.Generator'"),
    "sparse_matrix": (
        given(schedule=node("SparseMatrixNode", "scipy.sparse._csr.csr_matrix")),
        "no known form",
    ),
    "no_class": (given(schedule={"__loader__": "ListNode", "__id__": 9**9}), "form"),
    # Code.
    "function": (given(schedule=node("FunctionNode", "os.system")), "['os.system']"),
    "called_type": (
        given(
            schedule=node(
                "ConstructorFromReduceNode",
                "subprocess.Popen",
                listed(word("true", 10**6 - 3), number=10**6 - 2),
            )
        ),
        "['subprocess.Popen']",
    ),
    "called_builtin": (
        given(
            schedule=node(
                "ConstructorFromReduceNode",
                "builtins.exec",
                listed(word(TRACE, 10**6 - 2)),
            )
        ),
        "['builtins.exec']",
    ),
    "called_by_a_loss": (
        given(
            schedule=node(
                "LossNode",
                "builtins.exec",
                listed(number=10**6 - 2),
                __reduce__={"args": listed(word(TRACE, 10**6 - 3))},
            )
        ),
        "builtins.exec",
    ),
    "called_on_keys": (
        given(
            schedule=node(
                "DictNode",
                "builtins.dict",
                {TRACE: word(1, 10**6 - 3)},
                key_types=listed(node("TypeNode", "builtins.exec", number=10**6 - 2)),
            )
        ),
        "builtins.exec",
    ),
    "called_on_a_list": (
        given(schedule=node("ListNode", "builtins.exec", [word(TRACE, 10**6 - 2)])),
        "builtins.exec",
    ),
    "called_on_an_array": (
        arrays(
            lambda c, array: array.update(__module__="numpy", __class__="load") or c
        ),
        "numpy.load",
    ),
    "memory_map": (
        arrays(lambda c, array: array.update(__class__="memmap") or c),
        "numpy.memmap",
    ),
    "void_of_any_size": (
        arrays(lambda c, array: array.update(__class__="void") or c),
        "is no number",
    ),
    "method": (
        of(FunctionTransformer(StandardScaler().fit)),
        "sklearn.preprocessing._data.StandardScaler.fit",
    ),
    "method_of_another": (
        given(
            schedule=node(
                "MethodNode",
                "builtins.str",
                {
                    "func": "system",
                    "obj": node("TypeNode", "os.path", number=10**6 - 2),
                },
            )
        ),
        "Expected object of type builtins.str",
    ),
    "partial": (
        of(FunctionTransformer(partial(os.system, "true"))),
        "functools.partial",
    ),
    "method_caller": (
        of(FunctionTransformer(operator.methodcaller("tofile", "evil"))),
        "operator.methodcaller",
    ),
    "eval": (of(FunctionTransformer(eval)), "builtins.eval"),
    "load_text": (of(FunctionTransformer(np.load)), "load"),
    "to_a_file": (of(FunctionTransformer(np.savetxt)), "savetxt"),
    "joblib": (of(FunctionTransformer(joblib.load)), "joblib.numpy_pickle.load"),
    "estimator_as_function": (
        given(
            schedule=node(
                "ConstructorFromReduceNode",
                "sklearn_sed._decoding._decoder.EventDecoder",
                listed(number=10**6 - 2),
            )
        ),
        "sklearn_sed._decoding._decoder.EventDecoder",
    ),
    "unpickled_net": (unpickled_net, "in which a pickle could be"),
    "main_module": (
        replaced('"sklearn_sed._learners._detector"', '"sklearn_sed.__main__"'),
        "sklearn_sed.__main__.WeakEventDetector",
    ),
    "unknown_module": (
        replaced('"sklearn_sed._learners._detector"', '"sklearn_sed._evil"'),
        "sklearn_sed._evil.WeakEventDetector",
    ),
    "unknown_class": (replaced("WeakEventDetector", "system"), "not trusted"),
    "inner_class": (replaced("WeakEventDetector", "__class__"), "not trusted"),
    "function_of_ours": (
        replaced('"WeakEventDetector"', '"check_random_state"'),
        "not trusted",
    ),
    "own_network": (having(network=os.system), "trusted=['"),
    "tree": (
        of(DecisionTreeClassifier().fit([[0], [1]], [0, 1])),
        "sklearn.tree._tree.Tree",
    ),
    "neighbours": (
        of(KNeighborsClassifier(1, algorithm="kd_tree").fit([[0], [1]], [0, 1])),
        "sklearn.neighbors._kd_tree.KDTree",
    ),
    "random_state": (having(random_state=Beyond(0)), "a RandomState that is none"),
    # Arrays.
    "pickled_array": (arrays(pickled_array), "is not |O"),
    "object_array": (
        arrays(
            lambda c, a: npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}")
        ),
        "is not |O",
    ),
    "huge_array": (
        arrays(
            lambda c, a: npy(
                f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({2**40},)}}"
            )
        ),
        "is not <f8 of the shape",
    ),
    "negative_shape": (
        arrays(
            lambda c, a: npy(
                "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -2)}",
                bytes(16),
            )
        ),
        "only specify one unknown dimension",
    ),
    "nothing_often": (
        arrays(
            lambda c, a: npy(
                f"{{'descr': '<U0', 'fortran_order': False, 'shape': ({2**40},)}}"
            )
        ),
        "is not <U0",
    ),
    "unknown_dtype": (
        arrays(lambda c, a: npy("{'descr': 'PICKLE', 'fortran_order': False}")),
        "damaged",
    ),
    "header_of_code": (
        arrays(lambda c, a: npy("__import__('os').system('true')")),
        "damaged",
    ),
    "cut_array": (arrays(lambda content, array: content[:-1]), "is not <"),
    "text_for_an_array": (arrays(lambda content, array: b"hello"), "damaged"),
    # Parameters.
    "long_list": (having(schedule=[*range(60_000)]), "too many parts"),
    "list": (having(schedule=[1] * 1_000), "schedule"),
    "infinity_by_exponent": (
        given(learning_rate=node("JsonNode", "builtins.str", "1e999")),
        "learning_rate",
    ),
    "hidden_nan": (having(learning_rate=float("nan")), "learning rate"),
    "unknown_parameter": (having(evil=1), "WeakEventDetector has no 'evil'"),
    "unknown_attribute": (having(predict=1), "in the place of its method predict"),
    "impossible_parameter": (having(mixup=-1.0), "mixup"),
    "missing_parameter": (stated(lambda state: state.pop("mixup")), "mixup"),
    "endless_number": (having(batch_size=10**400), "no known form"),
    "endless_text": (
        given(batch_size=node("JsonNode", "builtins.str", "[" * 10**5)),
        "no known form",
    ),
    "mapping_in_a_scalar": (
        given(batch_size=node("JsonNode", "builtins.str", '{"__loader__": 1}')),
        "no known form",
    ),
    "unknown_network": (net_params(network="evil"), "network='evil' is unknown"),
    "network_of_the_package": (
        net_params(network="__init__"),
        "network='__init__' is unknown",
    ),
    "too_many_layers": (
        net_params(network_params={"n_filters": np.ones(10**5, int)}),
        "100000 layers",
    ),
    "too_many_listed_layers": (
        net_params(network_params={"n_filters": [1] * 10**4}),
        "10000 layers",
    ),
    "too_wide_layers": (
        net_params(network_params={"n_filters": [10**9] * 5}),
        "overflow",
    ),
    "wide_layers": (
        net_params(network_params={"n_rnn": 10**5, "n_filters": [9] * 5}),
        "the shape",
    ),
    "layers_of_text": (net_params(network_params={"n_filters": "abcde"}), "damaged"),
    "unknown_optimizer": (net_params(optimizer="evil"), "'optimizer' parameter"),
    "no_steps": (pipeline(steps=[]), "impossible step"),
    "foreign_step": (pipeline(steps=[("scaler", 3)]), "impossible step"),
    "cache": (pipeline(memory="/tmp"), "asks for a place on this machine, as memory"),
    "folder": (
        having(checkpoint="/tmp"),
        "asks for a place on this machine, as checkpoint",
    ),
    "nothing_frozen": (of(FrozenEstimator(3)), "__sklearn_tags__"),
    "impossible_decoder": (decoder(threshold="all"), "threshold"),
    "decoder_without_parameters": (of(claims_to_be(EventDecoder, {})), "damaged"),
    "no_estimator": (of({"model": 1}), "it holds no estimator, but a dict"),
    "unfitted": (of(WeakEventDetector()), "not fitted"),
    "unfitted_classifier": (of(LogisticRegression()), "not fitted"),
    # What was learned.
    "many_bands": (having(n_features_in_=10**15), "the net has 6 bands"),
    "class_twice": (
        having(classes_=np.array(["Dog", "Dog"])),
        "a class is there twice",
    ),
    "more_classes": (having(classes_=np.arange(9)), "the shape"),
    "many_classes": (
        having(classes_=np.arange(99_999), _thresholds=np.full(99_999, 0.5)),
        "the shape",
    ),
    "text_of_no_letters": (
        having(classes_=np.array([2**31, 5], "<u4").view("<U1")),
        "invalid maximum character",
    ),
    "more_thresholds": (having(_thresholds=np.full(3, 0.5)), "have the thresholds"),
    "texts_for_numbers": (having(_thresholds=np.array(["1", "2"])), "isfinite"),
    "nan_thresholds": (having(_thresholds=np.full(2, np.nan)), "have the thresholds"),
    "endless_history": (having(n_iter_=7), "7 epochs have 1 losses"),
    "length_of_no_clip": (having(clip_duration_=-1.0), "have lasted -1.0 s"),
    "text_for_a_length": (having(clip_duration_="10"), "have lasted '10' s"),
    "no_record": (having(training_="yesterday"), "damaged"),
    "no_date": (record(date="\x1b[2J"), "isoformat"),
    "too_many_counts": (record(class_count=[1] * 9), "are counted"),
    "no_counts": (record(class_count=["1", "2"]), "has had"),
    "no_score": (
        record(
            held_back={
                **{"n_clips": 1, "class_count": [1, 0]},
                **{"f1": [2.0, None], "average_precision": [1.0, None]},
            }
        ),
        "have the score 2.0",
    ),
    "no_decoder": (having(_default_decoder="none"), "decoder"),
    "half_learned": (stated(lambda state: state.pop("n_iter_")), "n_iter_"),
    "nothing_learned": (stated(lambda state: state.pop("_thresholds")), "not fitted"),
    "no_net": (stated(lambda state: state.pop("net_")), "net_"),
    "classes_of_numbers": (having(classes_=3), "damaged"),
    "unknown_precision": (having(precision_="float8"), "'precision' parameter"),
    # Parts that contradict each other.
    "other_classes_than_the_parts": (
        whole(TwoPassSED, classes_=np.array(["Cat", "Cow"])),
        "the same classes",
    ),
    "other_features_than_the_parts": (
        whole(TwoPassSED, n_features_in_=7),
        "has 7 features, a part of it 6",
    ),
    "empty_ensemble": (whole(SeedEnsemble, estimators_=[]), "no part that is fitted"),
    "ensemble_of_others": (
        whole(SeedEnsemble, classes_=np.array(["Cat", "Cow"])),
        "the same classes",
    ),
    "too_few_calibrators": (
        whole(CalibratedTaggerCV, calibrators_=[None]),
        "1 calibrators and the classes ['Cat', 'Dog'] do not fit",
    ),
    "calibrators_of_others": (
        whole(CalibratedTaggerCV, classes_=np.arange(2)),
        "do not fit the estimator's",
    ),
    "too_few_scores": (
        whole(TunedDecoderCV, class_scores_=np.ones(1)),
        "2 classes have 1 scores",
    ),
    # Weights.
    "nan_weights": (weights(lambda t: t[HEAD].fill(np.nan)), "not finite"),
    "infinite_weights": (weights(lambda t: t[HEAD].fill(np.inf)), "not finite"),
    "wrong_shape": (weights(lambda t: t.update({HEAD: t[HEAD].T.copy()})), "the shape"),
    "wrong_dtype": (
        weights(lambda t: t.update({HEAD: t[HEAD].astype(float)})),
        "float64, expected torch.float32",
    ),
    "integers": (
        weights(lambda t: t.update({HEAD: t[HEAD].astype(np.int32)})),
        "int32, expected",
    ),
    "texts": (weights(lambda t: t.update({HEAD: t[HEAD].astype(str)})), "damaged"),
    "missing_weight": (weights(lambda t: t.pop(HEAD)), "1 of the net's arrays are mis"),
    "extra_weight": (
        weights(lambda t: t.update({"module/evil": t[HEAD]})),
        "1 are not the net's, such as 'module/evil'",
    ),
    "half_a_memory": (
        weights(lambda t: t.pop("optimizer/exp_avg/network.head.weight")),
        "1 of the net's arrays are missing",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused(kind, good, tmp_path, monkeypatch):
    spoil, message = HOSTILE[kind]
    path = tmp_path / "model.sed"
    monkeypatch.setenv("SED_TEST_TRACE", str(tmp_path / "trace"))
    path.write_bytes(spoil(good))
    with pytest.raises(ModelFileError, match=re.escape(message)) as caught:
        load_model(path)
    assert str(caught.value).startswith(str(path))
    assert len(caught.value.reason) <= 2000
    start = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError):
            load_model(path)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
    assert os.listdir(tmp_path) == ["model.sed"]
    start = time.process_time()
    with pytest.raises(ModelFileError):
        load_model(path)
    assert time.process_time() - start < 1


LOAD_ALL = """
import resource, sys, time
from pathlib import Path
from sklearn_sed import load_model
from sklearn_sed.calibration import CalibratedTaggerCV
from sklearn_sed.exceptions import ModelFileError
from sklearn_sed.model_selection import TunedDecoderCV

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
def test_memory_of_the_whole_process(good, tmp_path, monkeypatch):
    monkeypatch.setenv("SED_TEST_TRACE", str(tmp_path / "trace"))
    (tmp_path / "good.sed").write_bytes(good.content)
    (tmp_path / "hostile").mkdir()
    for kind, (spoil, _) in HOSTILE.items():
        (tmp_path / "hostile" / kind).write_bytes(spoil(good))
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ALL], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    megabytes, seconds = map(float, done.stdout.split())
    assert megabytes < 100
    assert seconds < 1
    assert not (tmp_path / "trace").exists()


def test_damage_anywhere_is_refused_or_harmless(good, tmp_path):
    path = tmp_path / "model.sed"
    X = np.random.default_rng(1).normal(size=(2, 12, 6))
    expected = good.model.predict_proba(X)
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(good.content), 80):
        content = bytearray(good.content)
        content[place] ^= 1 << rng.integers(8)
        path.write_bytes(content)
        try:  # what is harmless is a date or the like
            np.testing.assert_array_equal(load_model(path).predict_proba(X), expected)
        except ModelFileError:
            refused += 1
    assert refused > 40


def test_a_sparse_file_of_terabytes_is_refused_unread(good, tmp_path):
    path = tmp_path / "model.sed"
    with path.open("wb") as stream:
        stream.write(good.content)
        try:
            stream.truncate(2**40)
        except OSError:
            pytest.skip("no sparse files here")
    start = time.process_time()
    with pytest.raises(ModelFileError, match="larger than any model file"):
        load_model(path)
    assert time.process_time() - start < 1


def test_a_file_made_by_each_of_the_ways_is_whole(good, tmp_path):
    path = tmp_path / "model.sed"
    unchanged = [
        stated(len),
        weights(len),
        described(lambda schema, files: None),
        text(str),
        arrays(lambda content, array: content),
        spoilt_bytes(bytes),
        having(random_state=np.random.RandomState(0)),
    ]
    for spoil in unchanged:
        path.write_bytes(spoil(good))
        assert isinstance(load_model(path), WeakEventDetector)
    wholes = (TwoPassSED, SeedEnsemble, CalibratedTaggerCV, TunedDecoderCV)
    for model in (decoder(), pipeline(), *map(whole, wholes)):
        path.write_bytes(model(good))
        load_model(path)


def _denied(*args):
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
        patch.setattr(Path, "open", _denied)
        (tmp_path / "model.sed").touch()
        with pytest.raises(ModelFileError, match="cannot be read: Permission denied"):
            load_model(tmp_path / "model.sed")
    error = pickle.loads(pickle.dumps(ModelFileError("a.sed", "cut short")))
    assert (error.path, error.reason, str(error)) == (
        "a.sed",
        "cut short",
        "a.sed: cut short",
    )
