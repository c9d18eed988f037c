"""DCASE 2018 task 4 and DESED, as tiny corpora in the same folders."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklearn_sed.datasets import load_dcase2018, load_desed
from sklearn_sed.datasets._sources import SYNTHETIC_SOURCES
from sklearn_sed.exceptions import AnnotationError, AudioError, AudioWarning, LabelError

A, B, C, D = (f"Y{letter * 11}_30.000_40.000.wav" for letter in "abcd")
STRONG = "filename\tonset\toffset\tevent_label\n"
WEAK = "filename\tevent_labels\n"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"RIFF")


@pytest.fixture
def dcase(tmp_path):
    """Lay out the baseline's folder, every clip of it there."""
    root = tmp_path / "task4" / "dataset"
    lists, audio = root / "metadata", root / "audio"
    write(lists / "train/weak.csv", WEAK + f"{A}\tSpeech,Dog\n{B}\tCat\n")
    write(lists / "train/unlabel_in_domain.csv", f"filename\n{C}\n")
    write(lists / "train/unlabel_out_of_domain.csv", f"filename\n{D}\n")
    write(
        lists / "test/test.csv",
        STRONG + "T1.wav\t2.5\t3.0\tDog\nT1.wav\t0.0\t10.0\tFrying\n"
        "T2.wav\t1.0\t2.0\tDishes\n",
    )
    write(lists / "eval/eval.csv", STRONG + "E1.wav\t0.5\t1.5\tCat\n")
    touch(audio / "train/weak", A, B)
    touch(audio / "train/unlabel_in_domain", C)
    touch(audio / "train/unlabel_out_of_domain", D)
    touch(audio / "test", "T1.wav", "T2.wav")
    touch(audio / "eval", "E1.wav")
    return root


@pytest.mark.parametrize("up", [False, True])
def test_weak(dcase, up):
    data = load_dcase2018(dcase.parent if up else dcase, "weak")
    assert [str(dcase / "audio/train/weak" / name) for name in (A, B)] == data.X
    assert data.filenames == [A, B]
    assert data.classes.tolist() == sorted(SYNTHETIC_SOURCES)
    tags = pd.DataFrame(data.y_weak, columns=data.classes, index=data.filenames)
    assert tags.loc[A][tags.loc[A] == 1].index.tolist() == ["Dog", "Speech"]
    assert tags.loc[B][tags.loc[B] == 1].index.tolist() == ["Cat"]
    assert set(np.unique(data.y_weak)) == {0, 1}
    assert "y" not in data
    assert data.missing == data.overlap == []


def test_strong(dcase):
    data = load_dcase2018(str(dcase), "test")
    assert [
        str(dcase / "audio/test/T1.wav"),
        str(dcase / "audio/test/T2.wav"),
    ] == data.X
    assert data.y.shape == (2,)
    expected = pd.DataFrame(
        {"onset": [0.0, 2.5], "offset": [10.0, 3.0], "event_label": ["Frying", "Dog"]}
    )
    pd.testing.assert_frame_equal(data.y[0], expected, check_dtype=False)
    assert data.classes[data.y_weak[1] == 1].tolist() == ["Dishes"]
    assert load_dcase2018(dcase, "eval").y[0]["event_label"].tolist() == ["Cat"]


@pytest.mark.parametrize("subset", ["unlabel_in_domain", "unlabel_out_of_domain"])
def test_unlabelled(dcase, subset):
    data = load_dcase2018(dcase, subset)
    assert len(data.X) == 1
    np.testing.assert_array_equal(data.y_weak, np.full((1, 10), -1))
    assert "y" not in data


def test_missing_files_are_reported(dcase):
    (dcase / "audio/train/weak" / A).unlink()
    with pytest.warns(AudioWarning, match=r"1 of 2 clips are not in .*weak.*'Yaaaa"):
        data = load_dcase2018(dcase, "weak")
    assert data.missing == [A]
    assert data.filenames == [B]
    assert len(data.X) == len(data.y_weak) == 1
    assert data.classes[data.y_weak[0] == 1].tolist() == ["Cat"]

    (dcase / "audio/test/T1.wav").unlink()
    with pytest.warns(AudioWarning, match="1 of 2 clips"):
        data = load_dcase2018(dcase, "test")
    assert [table["event_label"].tolist() for table in data.y] == [["Dishes"]]


def test_no_file_at_all(dcase):
    (dcase / "audio/eval/E1.wav").unlink()
    with pytest.raises(AudioError, match=r"eval: none of the 1 clips listed in .*eval"):
        load_dcase2018(dcase, "eval")
    (dcase / "audio/eval").rmdir()
    with pytest.raises(AudioError, match="none of the 1 clips"):
        load_dcase2018(dcase, "eval")


def test_overlap_is_reported_from_both_sides(dcase):
    with (dcase / "metadata/test/test.csv").open("a") as file:
        file.write(f"{B}\t0\t1\tCat\n")
    touch(dcase / "audio/test", B)
    with pytest.warns(UserWarning, match=r"1 clips of 'test' .*listed in 'weak' \(1\)"):
        test = load_dcase2018(dcase, "test")
    assert test.overlap == [B]
    assert len(test.X) == 3
    with pytest.warns(UserWarning, match=r"1 clips of 'weak' .*listed in 'test' \(1\)"):
        weak = load_dcase2018(dcase, "weak")
    assert weak.overlap == [B]
    assert load_dcase2018(dcase, "eval").overlap == []


def test_overlap_of_whole_lists(data, tmp_path):
    """As in 2018, when the first test list shared clips with the training list."""
    for name, shared in [("test_shared.csv", 5), ("test.csv", 0)]:
        root = tmp_path / name
        write(root / "metadata/train/weak.csv", (data / "weak.csv").read_text())
        write(root / "metadata/test/test.csv", (data / name).read_text())
        filenames = pd.read_csv(data / "weak.csv", sep="\t")["filename"]
        touch(root / "audio/train/weak", *filenames)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = load_dcase2018(root, "weak")
        assert len(found.X) == 80
        assert sorted(found.overlap) == sorted(filenames[:shared])
        assert len(caught) == bool(shared)


def test_bad_corpora(dcase):
    with pytest.raises(ValueError, match="subset='train' must be one of weak, unlabel"):
        load_dcase2018(dcase, "train")
    with pytest.raises(AnnotationError, match=r"'weak' is not there; .*weak\.tsv"):
        load_dcase2018(Path(dcase) / "audio", "weak")
    write(dcase / "metadata/train/weak.csv", WEAK + f"{A}\tDgo\n")
    with pytest.raises(AnnotationError, match=f"{A}: the label 'Dgo' is not one of"):
        load_dcase2018(dcase, "weak")
    write(dcase / "metadata/train/weak.csv", f"{A}\tDog\n")
    with pytest.raises(AnnotationError, match="column 'filename' is missing"):
        load_dcase2018(dcase, "weak")


def test_other_classes(dcase):
    for subset in ("weak", "unlabel_in_domain"):
        data = load_dcase2018(dcase, subset, classes=None)
        # Those of all lists: subsets go together.
        names = ["Cat", "Dishes", "Dog", "Frying", "Speech"]
        assert data.classes.tolist() == data.y_weak.classes.tolist() == names
    weak = load_dcase2018(dcase, "weak", classes=None)
    assert weak.y_weak.tolist() == [[0, 0, 1, 0, 1], [1, 0, 0, 0, 0]]
    write(dcase / "metadata/train/weak.csv", WEAK + f"{A}\tOwl,Dog\n{B}\t\n")
    with pytest.raises(
        AnnotationError, match=r"'Owl' is not one .*; pass .*classes=None"
    ):
        load_dcase2018(dcase, "weak")
    given = load_dcase2018(dcase, "weak", classes=["Owl", "Dog", "Cat"])
    assert given.classes.tolist() == ["Owl", "Dog", "Cat"]
    assert given.y_weak.tolist() == [[1, 1, 0], [0, 0, 0]]
    assert "Owl" in load_dcase2018(dcase, "test", classes=None).classes
    for wrong in ("Dog", ["Dog", "Dog"]):
        with pytest.raises(LabelError, match="classes must be"):
            load_dcase2018(dcase, "weak", classes=wrong)


def test_labels_outside_the_given_classes_are_left_out_with_a_warning(dcase):
    with pytest.warns(
        UserWarning, match=r"2 labels .* left out: Cat, Speech$"
    ) as caught:
        data = load_dcase2018(dcase, "weak", classes=["Dog"])
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert data.y_weak.tolist() == [[1], [0]]
    with pytest.warns(UserWarning, match=r"2 labels .* left out: Dishes, Frying$"):
        data = load_dcase2018(dcase, "test", classes=["Dog"])
    assert data.y_weak.tolist() == [[1], [0]]
    assert [table["event_label"].tolist() for table in data.y] == [["Dog"], []]
    write(dcase / "metadata/test/test.csv", STRONG + "T1.wav\t0\t1\tHowl\n")
    with pytest.raises(AnnotationError, match=r"test\.csv, T1.* 'Howl' is not one"):
        load_dcase2018(dcase, "test")


def test_unlabelled_lists_name_no_classes(tmp_path):
    write(tmp_path / "metadata/train/unlabel_in_domain.tsv", f"filename\n{C}\n")
    touch(tmp_path / "audio/train/unlabel_in_domain", C)
    with pytest.raises(
        AnnotationError, match="no list with labels is there to read cl"
    ):
        load_desed(tmp_path, "unlabel_in_domain", classes=None)


def test_labelled_and_unlabelled_sets_join(dcase, desed):
    for load, root, options in [
        (load_dcase2018, dcase, {}),
        (load_desed, desed, {"classes": None}),
    ]:
        weak = load(root, "weak", **options)
        unlabelled = load(root, "unlabel_in_domain", **options)
        y = np.concatenate([weak.y_weak, unlabelled.y_weak])
        assert y.classes.tolist() == weak.classes.tolist()
        assert (y[len(weak.X) :] == -1).all()


def test_several_subsets_are_one_set_to_learn_from(desed):
    data = load_desed(desed, ["weak", "strong", "unlabel_in_domain", "validation"])
    assert [Path(path).name for path in data.X] == [A, D, C, B, "quiet.wav"]
    assert data.filenames == [A, D, C, B, "quiet.wav"]
    tags, speech, unknown, cat, quiet = data.y
    assert tags == ["Blender"]
    assert unknown is None
    assert [table["event_label"].tolist() for table in (speech, cat, quiet)] == [
        ["Speech"],
        ["Cat"],
        [],
    ]
    assert data.y_weak.sum(axis=1).tolist() == [1, 1, -10, 1, 0]
    assert data.y_weak.classes.tolist() == data.classes.tolist()
    for bad in ([], ["weak", "weak"]):
        with pytest.raises(ValueError, match="must hold subsets, each once"):
            load_desed(desed, bad)
    with pytest.raises(ValueError, match="subset='other' must be one of"):
        load_desed(desed, ["weak", "other"])


@pytest.fixture
def desed(tmp_path):
    """Lay out DESED as its own downloads do, the soundscapes of 2021 beside it."""
    root = tmp_path / "dataset"
    lists, audio = root / "metadata", root / "audio"
    write(lists / "train/weak.tsv", WEAK + f"{A}\tBlender\n")
    write(lists / "train/unlabel_in_domain.tsv", f"filename\n{C}\n")
    write(lists / "train/audioset_strong.tsv", STRONG + f"{D}\t0.1\t0.9\tSpeech\n")
    write(
        lists / "validation/validation.tsv",
        STRONG + f"{B}\t0.5\t2.0\tCat\nquiet.wav\t\t\t\n",
    )
    write(lists / "eval/public.tsv", STRONG + "abc_0_10.wav\t1.0\t2.0\tDog\n")
    touch(audio / "train/weak_16k", A)
    touch(audio / "train/unlabel_in_domain", C)
    touch(audio / "train/strong_label_real", D)
    touch(audio / "validation/validation", B, "quiet.wav")
    touch(audio / "eval/public", "abc_0_10.wav")
    for part, name in [
        ("train", "synthetic21_train"),
        ("validation", "synthetic21_validation"),
    ]:
        synthetic = root / "dcase_synth"
        write(
            synthetic / "metadata" / part / name / "soundscapes.tsv",
            STRONG + "1.wav\t0.0\t5.0\tRunning_water\n",
        )
        touch(synthetic / "audio" / part / name / "soundscapes", "1.wav")
    return root


@pytest.mark.parametrize(
    ("subset", "folder", "label"),
    [
        ("weak", "audio/train/weak_16k", "Blender"),
        ("strong", "audio/train/strong_label_real", "Speech"),
        ("public_eval", "audio/eval/public", "Dog"),
        (
            "synthetic",
            "dcase_synth/audio/train/synthetic21_train/soundscapes",
            "Running_water",
        ),
        (
            "synthetic_validation",
            "dcase_synth/audio/validation/synthetic21_validation/soundscapes",
            "Running_water",
        ),
    ],
)
def test_desed(desed, subset, folder, label):
    data = load_desed(desed.parent, subset)
    assert [Path(path).parent for path in data.X] == [desed / folder]
    assert data.classes[data.y_weak[0] == 1].tolist() == [label]
    assert ("y" in data) == (subset != "weak")
    assert data.overlap == data.missing == []


@pytest.mark.parametrize("flat", [False, True])
def test_desed_validation(desed, flat):
    """Until 2020 the clips lay directly in `validation`; some clips have no event."""
    folder = desed / "audio/validation/validation"
    if flat:
        folder = folder.rename(desed / "audio/clips")
        (desed / "audio/validation").rmdir()
        folder = folder.rename(desed / "audio/validation")
    data = load_desed(desed, "validation")
    assert [str(folder / B), str(folder / "quiet.wav")] == data.X
    assert [len(table) for table in data.y] == [1, 0]
    assert data.y_weak.sum(axis=1).tolist() == [1, 0]


def test_desed_unlabelled(desed):
    assert (load_desed(desed, "unlabel_in_domain").y_weak == -1).all()


def test_desed_soundscapes_of_2019(tmp_path):
    write(tmp_path / "metadata/train/synthetic.csv", STRONG + "9.wav\t0\t1\tDog\n")
    touch(tmp_path / "audio/train/synthetic", "9.wav")
    data = load_desed(tmp_path, "synthetic")
    assert [str(tmp_path / "audio/train/synthetic/9.wav")] == data.X


def test_desed_overlap(desed):
    write(desed / "metadata/train/audioset_strong.tsv", STRONG + f"{B}\t0\t1\tCat\n")
    with pytest.warns(UserWarning, match=r"listed in 'strong' \(1\)"):
        assert load_desed(desed, "validation").overlap == [B]
