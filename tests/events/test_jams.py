"""JAMS files."""

import importlib
import json
import warnings

import pytest
from pandas.testing import assert_frame_equal

from sklearn_sed.events import (
    make_events,
    read_events,
    write_events,
)
from sklearn_sed.exceptions import AnnotationError
from tests.events._annotations import DOG, EMPTY, assert_same_events, write

# jams calls jsonschema in a way that it is about to give up.
JAMS_WARNS = pytest.mark.filterwarnings("ignore:Passing a schema:DeprecationWarning")


def jams_file(tmp_path, *annotations):
    jams = pytest.importorskip("jams")
    document = jams.JAMS()
    document.file_metadata.duration = 10.0
    for namespace, value in annotations:
        annotation = jams.Annotation(namespace, time=0, duration=10.0)
        annotation.append(time=0.1, duration=0.2, value=value, confidence=0.5)
        document.annotations.append(annotation)
    document.save(str(tmp_path / "rec.jams"), strict=False)
    return tmp_path / "rec.jams"


@JAMS_WARNS
def test_jams_reads_what_we_write(tmp_path):
    jams = pytest.importorskip("jams")
    path = tmp_path / "rec.jams"
    table = make_events([0.5, 0.1], [1.25, 0.3], ["Dog", "Cat"], [0.75, 0.25])
    write_events(path, ["rec.wav"], [table])
    document = jams.load(str(path))  # validates
    assert document.file_metadata.duration == 1.25
    found = document.annotations[0].to_dataframe()
    assert found["time"].tolist() == [0.1, 0.5]
    assert found["duration"].tolist() == [0.2, 0.75]
    assert found["value"].tolist() == ["Cat", "Dog"]
    assert found["confidence"].tolist() == [0.25, 0.75]
    write_events(tmp_path / "none.jams", ["none.wav"], [EMPTY])
    assert jams.load(str(tmp_path / "none.jams")).file_metadata.duration == 0.0


@JAMS_WARNS
def test_jams_of_others(tmp_path):
    expected = make_events([0.1], [0.3], ["Dog"], [0.5])
    names, events = read_events(jams_file(tmp_path, ("tag_open", "Dog")))
    assert names == ["rec"]
    assert_same_events(events, [expected])
    path = jams_file(tmp_path, ("tag_open", "Cat"), ("segment_open", "Dog"))
    with pytest.warns(UserWarning, match="only segment annotations are read"):
        assert_same_events(read_events(path)[1], [expected])


def scaper_sound(label, role, time=0.1, duration=0.2):
    value = {"label": label, "role": role, "source_file": "x.wav", "snr": 6.0}
    return {"time": time, "duration": duration, "value": value, "confidence": 1.0}


@JAMS_WARNS
@pytest.mark.parametrize("namespace", ["scaper", "sound_event"])
def test_jams_of_mixtures(tmp_path, namespace):
    """scaper writes the one, and wrote URBAN-SED with the other."""
    pytest.importorskip("jams")
    park = scaper_sound("park", "background", 0.0, 10.0)
    siren, dog = scaper_sound("siren", "foreground", 2.0, 1.5), scaper_sound("dog", "f")

    def read(*data):
        annotation = {"namespace": namespace, "data": data, "sandbox": {}}
        annotation["annotation_metadata"] = {}
        tags = annotation | {"namespace": "tag_open", "data": []}
        document = {"annotations": [annotation, tags], "file_metadata": {}}
        write(tmp_path / "mix.jams", json.dumps(document | {"sandbox": {}}))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            (table,) = read_events(tmp_path / "mix.jams")[1]
        assert f"only {namespace} annotations are read" in str(caught[-1].message)
        return table

    expected = make_events([0.1, 2.0], [0.3, 3.5], ["dog", "siren"], [1.0, 1.0])
    assert_frame_equal(read(park, siren, dog), expected)
    assert len(read(park)) == 0
    del siren["value"]["label"]
    with pytest.raises(
        AnnotationError, match=r"observation 1: the value \{'role'.* is"
    ):
        read(park, siren)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (("tempo", 120.0), "no segment or tag annotation, only the namespaces tempo"),
        (("segment_open", 3), "annotation 0, observation 0: the value 3 is not a lab"),
        (("segment_open", " "), "annotation 0, observation 0: event_label is missing"),
    ],
)
@JAMS_WARNS
@pytest.mark.filterwarnings("ignore:3 is not of type:UserWarning")
def test_faults_in_jams(tmp_path, annotation, message):
    with pytest.raises(AnnotationError, match=message):
        read_events(jams_file(tmp_path, annotation))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"annotations": [{}]}',
        '{"annotations": [{"namespace": 5, "data": [], "sandbox": {}}]}',
        "[" * 100_000,
        '{"annotations":' * 100_000,
    ],
)
def test_what_is_no_jams_file(tmp_path, text):
    pytest.importorskip("jams")
    with pytest.raises(AnnotationError, match=r"rec\.jams: not a JAMS file"):
        read_events(write(tmp_path / "rec.jams", text))


def test_without_jams_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(importlib.import_module("sys").modules, "jams", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-sed\[jams\]'"):
        write_events(tmp_path / "a.jams", ["a"], [DOG])
    with pytest.raises(ImportError, match=r"pip install 'sklearn-sed\[jams\]'"):
        read_events(write(tmp_path / "a.jams", "{}"))
