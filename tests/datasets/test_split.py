"""Recordings for training and for testing never share an origin."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_sed.datasets import split_recordings
from sklearn_sed.datasets._split import _first_test_origin
from sklearn_sed.exceptions import AudioError


def make_folder(root, **names):
    for label, recordings in names.items():
        (root / label).mkdir()
        for name in recordings:
            (root / label / f"{name}.wav").touch()
    return root


def stems(paths):
    return [path.stem for path in paths]


def test_takes_of_one_recording_stay_together(tmp_path):
    dog = ["1-10-A", "1-10-B", "2-11-A", "2-11-B", "2-11-C", "3-12-A"]
    cat = ["1-20-A-5", "1-20-B-5", "1-21-A-5", "1-22-A-5"]
    train, test = split_recordings(make_folder(tmp_path, Dog=dog, Cat=cat))
    assert list(train) == list(test) == ["Cat", "Dog"]
    assert stems(train["Dog"]) == dog[:5]
    assert stems(test["Dog"]) == dog[5:]
    assert stems(train["Cat"]) == cat[:3]
    assert stems(test["Cat"]) == cat[3:]


def test_names_of_one_origin_need_not_be_neighbours(tmp_path):
    folder = make_folder(tmp_path, Dog=["a_1", "b_2", "c_1", "d_3"])
    train, test = split_recordings(
        folder, test_size=0.5, origin=lambda path: path.stem[-1]
    )
    assert stems(train["Dog"]) == ["a_1", "c_1"]
    assert stems(test["Dog"]) == ["b_2", "d_3"]


def test_recordings_may_be_given_by_class(tmp_path):
    folder = make_folder(tmp_path, Dog=["3", "1", "2", "4"])
    given_paths = {"Dog": [str(folder / "Dog" / f"{k}.wav") for k in (3, 1, 2, 4)]}
    assert split_recordings(given_paths) == split_recordings(folder)
    with pytest.raises(AudioError, match="no such file"):
        split_recordings({"Dog": [folder / "Dog" / "1.wav", folder / "gone.wav"]})


def test_one_origin_cannot_be_split(tmp_path):
    folder = make_folder(tmp_path, Cat=["1", "2"], Dog=["1-10-A", "1-10-B"])
    with pytest.raises(ValueError, match=r"'Dog' have one origin.*add recordings"):
        split_recordings(folder)


@pytest.mark.parametrize("test_size", [0, 1, -0.1, "half"])
def test_impossible_shares_are_refused(tmp_path, test_size):
    with pytest.raises(ValueError, match="test_size"):
        split_recordings(tmp_path, test_size=test_size)


@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=12),
    st.floats(0.01, 0.99),
)
def test_the_cut_is_the_nearest_and_leaves_both_parts_something(sizes, test_size):
    first = _first_test_origin(sizes, test_size)
    assert 1 <= first < len(sizes)

    def distance(cut):
        return abs(sum(sizes[cut:]) - test_size * sum(sizes))

    nearest = min(distance(cut) for cut in range(1, len(sizes)))
    assert distance(first) == pytest.approx(nearest)


def test_the_last_fold_of_recordings_is_for_testing(recordings):
    train, test = split_recordings(recordings)
    assert len(train) == len(test) == 3
    for label in train:
        assert {path.name[0] for path in train[label]} == set("123")
        assert {path.name[0] for path in test[label]} == {"4"}

    def origins(recordings):
        stems = (path.stem for paths in recordings.values() for path in paths)
        return {re.sub("-[A-Z]$", "", stem) for stem in stems}

    assert not origins(train) & origins(test)
