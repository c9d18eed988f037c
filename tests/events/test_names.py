"""A recording is its path: how lists, label folders and tables name it."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_sed.events import (
    make_events,
    match_recordings,
    read_events,
    write_events,
)
from sklearn_sed.events._names import AUDIO_ENDINGS
from sklearn_sed.exceptions import AnnotationError

DOG = make_events([0.5], [1.25], ["Dog"])
CAT = make_events([0.5], [1.25], ["Cat"])
ONE_FILE_EACH = ["audacity", "raven", "jams"]
NFC = unicodedata.normalize("NFC", "Vögel/Rotkehlchen_früh.wav")
NFD = unicodedata.normalize("NFD", NFC)


# Two lists


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        # folders that only one of the lists has
        ("1.wav", "unitA/1.wav"),
        ("unitA/1.wav", "/mnt/d/unitA/1.wav"),
        ("recordings/unitA/1.wav", "unitA/1.wav"),
        ("a/b/c/d/1.wav", "1.wav"),
        # folders that differ: as far as the name is unique
        ("a/1.wav", "b/1.wav"),
        ("x/unitA/1.wav", "y/unitA/1.wav"),
        # how systems write them
        ("unitA\\1.wav", "unitA/1.wav"),
        ("D:\\arus\\unitA\\1.wav", "unitA/1.wav"),
        ("d:/arus\\unitA/1.wav", "E:\\arus/unitA\\1.wav"),
        ("\\\\nas\\share\\unitA\\1.wav", "/mnt/share/unitA/1.wav"),
        ("\\\\?\\D:\\unitA\\1.wav", "unitA/1.wav"),
        ("./unitA/1.wav", "unitA/./1.wav"),
        ("unitA//1.wav", "unitA/1.wav"),
        ("../unitA/1.wav", "unitA/1.wav"),
        ("unitB/../unitA/1.wav", "unitA/1.wav"),
        (NFC, NFD),
        (NFD, f"C:\\{NFC}"),
        # endings of audio, and only these
        ("song", "song.wav"),
        ("song.wav", "song"),
        ("song.WAV", "song.wav"),
        ("song.wav", "song.flac"),
        ("song.Mp3", "x/song.OGG"),
        ("2024.05.01_north", "2024.05.01_north.wav"),
        ("a.b.c.d.e", "a.b.c.d.e.flac"),
        ("odd.", "odd..wav"),
        ("T. t. troglodytes", "T. t. troglodytes.mp3"),
        ("2024-05-01T05.00.00Z.wav", "2024-05-01T05.00.00Z"),
        ("song.wav", "song.wav.wav"),
        ("song.wav.wav", "song.wav"),
        ("song.wav.flac", "song.wav.mp3"),
        ("wav", "wav.wav"),
        (".wav", ".wav"),
        ("a\\.wav", "a/.wav"),
    ],
)
def test_one_recording_under_two_names(found, wanted):
    assert match_recordings([found], [wanted]) == {wanted: found}
    assert match_recordings([found, "else.wav"], ["other.wav", wanted]) == {
        wanted: found
    }


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("site.A", "site.wav"),
        ("site.A.wav", "site.B.wav"),
        ("2024.05.01", "2024.05.02.wav"),
        ("T. t. troglodytes", "T. t. hirtensis"),
        ("song.old", "song"),
        ("song.old.wav", "song.wav"),
        ("song.1", "song"),
        ("unitA/1.wav", "unitA1.wav"),
        ("Song.wav", "song.wav"),
        ("..", "a.wav"),
        ("", "a.wav"),
    ],
)
def test_two_recordings(found, wanted):
    assert match_recordings([found], [wanted]) == {}


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        # the same names in the folders of several units
        (["unitA\\1.wav", "unitB\\1.wav"], ["unitA/1.wav", "unitB/1.wav"]),
        (["/mnt/d/A/1.wav", "/mnt/d/B/1.wav"], ["A/1", "B/1"]),
        (["x/A/1", "x/B/1"], ["y/A/1.wav", "y/B/1.wav"]),
        (["A/day/1.wav", "A/night/1.wav"], ["r/s/A/day/1.wav", "r/s/A/night/1.wav"]),
        (["A/1/x.wav", "B/1/x.wav", "B/2/x.wav"], ["A/1/x", "B/1/x", "B/2/x"]),
        # the longest common end decides, whatever is left for the others
        (["1.wav", "A/1.wav"], ["rec/1.wav", "rec/A/1.wav"]),
        (["1.wav", "A/1.wav"], ["./1.wav", "./A/1.wav"]),
        # the ending where the name is not enough
        (["a.wav", "a.flac"], ["x/a.wav", "x/a.flac"]),
        (["a.wav", "a.flac"], ["a.wav", "a.mp3"]),
        (["site.A", "site.B"], ["site.A.wav", "site.B.wav"]),
        (["song.wav", "song.wav.wav"], ["x/song.wav", "x/song.wav.wav"]),
        (["1.wav", "A/1.wav"], ["1.flac", "A/1.flac"]),
        # two that are one, but for their exact names
        (["./a.wav", "a.wav"], ["./a.wav", "a.wav"]),
        ([NFC, NFD], [NFC, NFD]),
    ],
)
def test_lists_of_several(found, wanted):
    expected = dict(zip(wanted, found))
    for order in (1, -1):
        assert match_recordings(found[::order], wanted) == expected
        assert match_recordings(found, wanted[::order]) == expected


@pytest.mark.parametrize(
    ("found", "wanted", "candidates"),
    [
        (["1.wav"], ["A/1.wav", "B/1.wav"], "names 1.wav, wanted are A/1.wav, B/1.wav"),
        (["A/1.wav", "B/1.wav"], ["1.wav"], "names A/1.wav, B/1.wav, wanted are 1.wav"),
        (["A/1.wav", "B/1.wav"], ["C/1"], "names A/1.wav, B/1.wav, wanted are C/1"),
        (["x/A/1"], ["y/A/1", "z/A/1"], "names x/A/1, wanted are y/A/1, z/A/1"),
        (["1", "A/1"], ["B/1"], "names 1, A/1, wanted are B/1"),
        (["a.wav", "a.flac"], ["a.mp3"], "names a.wav, a.flac, wanted are a.mp3"),
        (["a"], ["a.wav", "a.flac"], "names a, wanted are a.wav, a.flac"),
        (["./a.wav", "a.wav"], ["b/../a.wav"], r"names ./a.wav, a.wav, wanted are"),
        ([NFC, NFD], ["x/" + NFC], "cannot tell which recording is which"),
        ([f"{i}/a" for i in range(9)], ["a"], "4/a and 4 more, wanted are a; use"),
    ],
)
def test_ambiguity_lists_the_candidates(found, wanted, candidates):
    with pytest.raises(AnnotationError) as caught:
        match_recordings(found, wanted, where="list.tsv")
    assert candidates in caught.value.reason
    assert caught.value.where == "list.tsv"


def test_a_name_of_several_folders_means_no_other_folder():
    found, wanted = ["A/1.wav", "C/1.wav"], ["A/1.wav", "B/1.wav"]
    assert match_recordings(found, wanted) == {"A/1.wav": "A/1.wav"}
    found, wanted = ["x/A/1.wav", "x/C/1.wav"], ["y/A/1.wav", "y/B/1.wav"]
    assert match_recordings(found, wanted) == {"y/A/1.wav": "x/A/1.wav"}


def test_a_whole_path_comes_before_an_end():
    assert match_recordings(["1", "A/1"], ["1.wav"]) == {"1.wav": "1"}
    assert match_recordings(["1"], ["A/1.wav", "1.wav"]) == {"1.wav": "1"}
    found, wanted = ["1.wav", "A/1.flac"], ["./1.wav", "B/1.mp3"]
    assert match_recordings(found, wanted) == {"./1.wav": "1.wav"}


def test_an_exact_name_goes_first():
    found, wanted = ["song", "song.wav"], ["song.wav", "song.wav.wav"]
    assert match_recordings(found, wanted) == {"song.wav": "song.wav"}


def test_names_given_twice_are_one():
    assert match_recordings(["a.wav"] * 2, ["x/a.wav"] * 2) == {"x/a.wav": "a.wav"}
    assert match_recordings([], ["a.wav"]) == match_recordings(["a.wav"], []) == {}


folders = st.lists(st.sampled_from(["A", "B", "x.y", "é"]), max_size=4)
names = st.tuples(folders, st.sampled_from(["1", "2", "a.b", "1.wav"]))


@given(
    st.lists(names, unique_by=lambda name: (tuple(name[0]), name[1]), max_size=8),
    st.data(),
)
def test_ends_that_tell_recordings_apart_find_them(recordings, data):
    paths = [[*folders, name] for folders, name in recordings if name != "1.wav"]
    found = []
    for path in paths:
        others = [other for other in paths if other is not path]
        lengths = [
            n
            for n in range(1, len(path) + 1)
            if all(other[-n:] != path[-n:] for other in others)
        ]
        if not lengths:  # the end of another one
            return
        found.append("\\".join(path[-data.draw(st.sampled_from(lengths)) :]))
    wanted = [f"/rec/{'/'.join(path)}.wav" for path in paths]
    order = data.draw(st.permutations(found))
    assert match_recordings(order, wanted) == dict(zip(wanted, found))


@pytest.mark.parametrize("prefix", ["", "/mnt/recordings/", "D:\\"])
def test_many_names_take_little_time(prefix):
    found = [f"unit{i % 100:02}/2024/{i // 100}.wav" for i in range(100_000)]
    wanted = [f"{prefix}{name[:-4]}.WAV" for name in found]
    start = time.perf_counter()
    assert match_recordings(found, wanted) == dict(zip(wanted, found))
    assert time.perf_counter() - start < 30  # a quadratic search takes hours


# Folders of label files


def layout(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path.relative_to(folder).as_posix() for path in files)


def round_trip(folder, names, format):
    events = [make_events([k], [k + 1], ["Dog"]) for k in range(len(names))]
    write_events(folder, names, events, format=format)
    _, read = read_events(folder, names, format=format)
    assert [table["onset"].tolist() for table in read] == [
        [k] for k in range(len(names))
    ]


@pytest.mark.parametrize("format", ONE_FILE_EACH)
@pytest.mark.parametrize(
    "names",
    [
        ["monday.wav"],
        ["2024.05.01_north.wav"],
        ["site.A.wav", "site.B.wav", "site.A", "site"],
        ["XC134880 - Wren - T. t. troglodytes.wav"],
        ["2024-05-01T05.00.00Z.wav"],
        ["odd..wav", "odd.wav", "odd.", "odd"],
        ["song.wav", "song.wav.wav", "song.wav.flac", "song"],
        ["song.wav", "song.wav.wav"],
        ["a.wav", "a.flac", "a.WAV", "a"],
        ["x.Table.1.wav", "x.Table.2.wav", "x.wav", "x.BirdNET.wav"],
        ["x.selections.wav", "x.wav", "x.tsv.wav", "x.jams.wav"],
        ["A/1.wav", "B/1.wav"],
        ["/mnt/rec/A/1.wav", "/mnt/rec/B/1.wav"],
        ["D:\\rec\\A\\1.wav", "D:\\rec\\B\\1.wav"],
        ["../rec/A/1.wav", "../rec/B/1.wav"],
        ["rec/1.wav", "rec/A/1.wav", "rec/A/B/1.wav", "rec/A/B/2.wav"],
        ["a/b/c/1.wav", "a/b/d/1.wav", "a/e/c/1.wav", "f/b/c/1.wav"],
        [NFD, unicodedata.normalize("NFD", "Vögel/Zaunkönig.wav")],
    ],
)
def test_label_folders_come_back(tmp_path, format, names):
    round_trip(tmp_path / "labels", names, format)
    if names[0].startswith("../"):
        assert layout(tmp_path)[0].startswith("labels/A/1.")


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["rec/A/1.wav", "rec/B/1.wav"], ["A/1.txt", "B/1.txt"]),
        (["/r/A/1.wav", "/r/B/C/2.WAV"], ["A/1.txt", "B/C/2.txt"]),
        (["D:\\r\\A\\1.wav", "D:\\r\\2"], ["2.txt", "A/1.txt"]),
        (["D:\\A\\1.wav", "2.wav"], ["2.txt", "A/1.txt"]),
        (["../../A/1.wav", "../../B/1.wav"], ["A/1.txt", "B/1.txt"]),
        (["/r/A/1.wav", "/r/A/2.wav"], ["1.txt", "2.txt"]),
        (["/r/A/1.wav"], ["1.txt"]),
        (["a.wav", "b/../a.flac"], ["a.flac.txt", "a.wav.txt"]),
        (["site.A.wav", "v1.2"], ["site.A.txt", "v1.2.txt"]),
    ],
)
def test_label_folders_mirror_the_recordings(tmp_path, names, files):
    write_events(tmp_path / "labels", names, [DOG] * len(names), format="audacity")
    assert layout(tmp_path) == [f"labels/{file}" for file in files]


def test_label_folders_are_searched_as_deeply_as_audio(tmp_path):
    names = ["A/1.wav", "A/deep/er/1.wav", "B/1.wav"]
    write_events(tmp_path, names, [DOG, CAT, DOG], format="raven")
    for hidden in (".trash/2.selections.txt", "A/._1.selections.txt"):
        (tmp_path / hidden).parent.mkdir(exist_ok=True)
        (tmp_path / hidden).write_bytes(b"\0\5\x16\7")
    for ending in AUDIO_ENDINGS:  # audio may lie beside
        (tmp_path / "A" / f"1{ending.upper()}").touch()
    found, (one, deep, two) = read_events(tmp_path)
    assert found == ["A/1", "A/deep/er/1", "B/1"]
    assert (one.event_label[0], deep.event_label[0], two.event_label[0]) == (
        "Dog", "Cat", "Dog"
    )  # fmt: skip


def test_files_that_are_not_read_are_counted(tmp_path):
    write_events(tmp_path / "A", ["1.wav"], [DOG], format="audacity")
    (tmp_path / "1.wav").touch()
    (tmp_path / "notes.md").touch()
    for index in range(8):
        (tmp_path / "A" / f"{index}.tsv").touch()
    with pytest.warns(UserWarning, match="are not read") as caught:
        assert read_events(tmp_path, format="audacity")[0] == ["A/1"]
    (note,) = [str(warning.message) for warning in caught]
    assert note.startswith(f"{tmp_path}: 9 files that are no label files of the form")
    assert note.endswith("A/0.tsv, A/1.tsv, A/2.tsv, A/3.tsv, A/4.tsv and 4 more")


def test_a_label_file_may_carry_the_ending_of_its_recording(tmp_path):
    (tmp_path / "song.wav.txt").write_text("0.5\t1.25\tDog\n")
    _, (table,) = read_events(tmp_path, ["rec/song.wav"], format="audacity")
    assert table["event_label"].tolist() == ["Dog"]


# Raven tables of several recordings


def raven(column, *files):
    header = f"Selection\tBegin Time (s)\tEnd Time (s)\tAnnotation\t{column}\tFile "
    rows = [f"{k}\t{k}.5\t{k}.7\tDog\t{file}\t0.5" for k, file in enumerate(files)]
    return "\n".join([f"{header}Offset (s)", *rows]) + "\n"


def test_begin_path_is_the_recording(tmp_path):
    path = tmp_path / "all.selections.txt"
    path.write_text(raven("Begin Path", r"D:\arus\u1\1.WAV", r"D:\arus\u2\1.WAV"))
    found, events = read_events(path)
    assert found == [r"D:\arus\u1\1.WAV", r"D:\arus\u2\1.WAV"]
    assert [len(table) for table in events] == [1, 1]
    _, events = read_events(path, ["arus/u2/1.wav", "arus/u1/1.wav", "arus/u3/2.wav"])
    assert [len(table) for table in events] == [1, 1, 0]
    path.write_text(raven("Begin File", "1.WAV", "2.WAV"))
    assert read_events(path)[0] == ["1.WAV", "2.WAV"]
    both = raven("Begin File\tBegin Path", "1.WAV\tC:/u1/1.WAV", "1.WAV\tC:/u2/1.WAV")
    path.write_text(both)
    assert read_events(path)[0] == ["C:/u1/1.WAV", "C:/u2/1.WAV"]


def test_begin_file_lies_where_the_table_does(tmp_path):
    for unit in ("u1", "u2"):
        (tmp_path / unit).mkdir()
        (tmp_path / unit / "x.selections.txt").write_text(raven("Begin File", "1.WAV"))
    assert read_events(tmp_path)[0] == ["u1/1.WAV", "u2/1.WAV"]
    _, events = read_events(tmp_path, ["rec/u1/1.wav", "rec/u2/1.wav"])
    assert [len(table) for table in events] == [1, 1]
