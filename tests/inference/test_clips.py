"""Events cut out of recordings: what is in the files, and what they are called."""

import os
import signal
import subprocess
import sys
import time
import unicodedata

import numpy as np
import pandas as pd
import pytest
import soundfile

from sklearn_sed.audio import iter_excerpts
from sklearn_sed.audio._files import _Recording
from sklearn_sed.events import make_events, read_events
from sklearn_sed.exceptions import AudioError
from sklearn_sed.inference import extract_clips

RATE = 8000
NOISE = (0.2 * np.random.default_rng(0).standard_normal((10 * RATE, 2))).clip(-1, 1)
SEVEN = make_events(np.arange(7), np.arange(7) + 0.5, ["Dog"] * 7, np.arange(7) / 8)


def write(path, samples=NOISE, rate=RATE, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **how)
    return path


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mtime_ns,
            path.read_bytes(),
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


KINDS = {
    "a.wav": {},
    "b.wav": {"subtype": "PCM_24"},
    "c.wav": {"subtype": "PCM_U8"},
    "d.wav": {"subtype": "PCM_32"},
    "e.wav": {"subtype": "FLOAT"},
    "f.flac": {"subtype": "PCM_24"},
    "g.ogg": {},
    "h.mp3": {},
    "i.aiff": {},
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("format", ["wav", "flac"])
def test_a_clip_is_the_part_of_the_recording(name, format, tmp_path):
    path = write(tmp_path / name, **KINDS[name])
    events = make_events([2.25, 9.5, 0.25], [3.0, 9.75, 0.5], ["Dog"] * 3)
    clips = extract_clips(
        [path], [events], tmp_path / "out", order="time", pad=0.5, format=format
    )
    assert clips["start"].tolist() == [0.0, 1.75, 9.0]
    # Float files have no whole numbers, and lossy ones exceed full scale.
    is_whole = soundfile.info(path).subtype.startswith("PCM_")
    dtype = "int32" if is_whole else "float32"
    whole, _ = soundfile.read(path, dtype=dtype, always_2d=True)
    bound = 0 if is_whole or (name, format) == ("e.wav", "wav") else 2**-15
    if (name, format) == ("d.wav", "flac"):
        bound = 2**8
    for file, (start, stop) in zip(clips["file"], [(0, 1), (1.75, 3.5), (9, 10)]):
        cut, rate = soundfile.read(tmp_path / "out" / file, dtype=dtype, always_2d=True)
        wanted = whole[int(start * RATE) : int(stop * RATE)]
        assert (rate, cut.shape) == (RATE, wanted.shape)
        if not is_whole:
            wanted = wanted.clip(-1, 1)
        assert np.abs(cut.astype(float) - wanted).max() <= bound


@pytest.mark.parametrize("rate", [RATE, 44100])
@pytest.mark.parametrize("name", ["a.wav", "f.flac", "g.ogg", "h.mp3"])
def test_what_was_read_before_is_not_heard(name, rate, tmp_path):
    path = tmp_path / name
    rng = np.random.default_rng(1)
    sound = (0.2 * rng.standard_normal((12 * rate, 2))).clip(-1, 1)
    is_loud = np.arange(len(sound))[:, np.newaxis] % rate < rate // 8
    sound *= 0.9 * (0.02 + is_loud)
    with soundfile.SoundFile(path, "w", rate, 2) as file:
        for start in range(0, len(sound), 10000):  # libsndfile fails on long Ogg calls
            file.write(sound[start : start + 10000])
    whole, _ = soundfile.read(path, dtype="float32", always_2d=True)
    rng = np.random.default_rng(2)
    onsets = rng.integers(0, len(whole) - 3000, 300) / rate
    spans = [(onset, onset + rng.integers(1, 3000) / rate) for onset in onsets]
    for part in iter_excerpts(path, spans):
        samples = part.samples / (2.0**31 if part.samples.dtype == np.int32 else 1)
        first = round(part.start * rate)
        wanted = whole[first : first + len(samples)]
        np.testing.assert_allclose(samples, wanted, atol=1e-6)


def test_bits_and_channels_are_those_of_the_recording(tmp_path):
    path = write(tmp_path / "a.wav", subtype="PCM_24")
    clips = extract_clips([path], [SEVEN], tmp_path / "out", per_class=1)
    info = soundfile.info(tmp_path / "out" / clips["file"][0])
    assert (info.subtype, info.channels, info.samplerate) == ("PCM_24", 2, RATE)


@pytest.mark.parametrize("how", [{"subtype": "GSM610"}, {"subtype": "G721_32"}])
def test_what_cannot_seek_is_read_from_its_start(how, tmp_path):
    path = write(tmp_path / "a.wav", NOISE[:, 0], **how)
    whole, _ = soundfile.read(path, dtype="float32", always_2d=True)
    spans = [(8.0, 9.0), (1.0, 2.0), (1.5, 2.5)]
    for (onset, offset), part in zip(spans, iter_excerpts(path, spans)):
        wanted = whole[int(onset * RATE) : int(offset * RATE)]
        np.testing.assert_array_equal(part.samples, wanted)


def test_a_long_recording_is_not_read_whole(tmp_path, monkeypatch):
    path = tmp_path / "day.wav"
    soundfile.write(path, np.zeros(RATE, np.int16), RATE, format="RF64")
    size = 3 * 2**30
    header = path.read_bytes()[: -2 * RATE]
    with path.open("wb") as stream:  # sparse: 3 GB that take no place
        at = header.index(b"ds64") + 8
        wide = np.array([size + len(header) - 8, size, size // 2], "<u8").tobytes()
        stream.write(header[:at] + wide + header[at + 24 :])
        stream.truncate(len(header) + size)
        stream.seek(len(header) + 2 * 50 * 3600 * RATE)
        stream.write(np.full(RATE, 1000, np.int16).tobytes())
    read = []
    original = _Recording._read

    def count(self, n_samples, dtype):
        read.append(n_samples)
        return original(self, n_samples, dtype)

    monkeypatch.setattr(_Recording, "_read", count)
    events = make_events([50 * 3600.0, 2.0], [50 * 3600 + 1.0, 3.0], ["Dog", "Dog"])
    clips = extract_clips([path], [events], tmp_path / "out", order="time", pad=1.0)
    assert sum(read) == 6 * RATE
    cut, _ = soundfile.read(tmp_path / "out" / clips["file"][1], dtype="int16")
    assert (cut[RATE : 2 * RATE] == 1000).all()
    assert not cut[:RATE].any()


ORDERS = {
    "score": [6, 5, 4],
    "uncertain": [4, 3, 5],
    "time": [0, 1, 2],
}


@pytest.mark.parametrize("order", ORDERS)
def test_orders(order, tmp_path):
    path = write(tmp_path / "a.wav")
    clips = extract_clips([path], [SEVEN], tmp_path / "o", order=order, per_class=3)
    assert clips["onset"].tolist() == ORDERS[order]
    assert len(list((tmp_path / "o" / "Dog").iterdir())) == 3


def test_the_limit_is_that_of_each_class(tmp_path):
    path = write(tmp_path / "a.wav")
    events = make_events([0, 1, 2, 3], [1, 2, 3, 4], ["Dog", "Cat", "Dog", "Dog"])
    clips = extract_clips([path], [events], tmp_path / "o", order="time", per_class=2)
    assert clips["event_label"].tolist() == ["Cat", "Dog", "Dog"]
    assert clips["onset"].tolist() == [1, 0, 2]


def test_the_random_order_is_that_of_the_seed(tmp_path):
    path = write(tmp_path / "a.wav")

    def onsets(per_class, seed):
        clips = extract_clips(
            [path],
            [SEVEN],
            tmp_path / "o",
            order="random",
            per_class=per_class,
            random_state=seed,
        )
        return clips["onset"].tolist()

    assert onsets(4, 1) == onsets(4, 1) == onsets(7, 1)[:4]
    assert len({tuple(onsets(7, seed)) for seed in range(5)}) > 1


@pytest.mark.parametrize("order", ["score", "uncertain"])
def test_orders_by_score_ask_for_scores(order, tmp_path):
    path = write(tmp_path / "a.wav")
    bare = make_events([0], [1], ["Dog"])
    with pytest.raises(ValueError, match="pass order='time' or order='random'"):
        extract_clips([path], [bare], tmp_path / "o", order=order)
    assert not (tmp_path / "o").exists()
    assert extract_clips([path], [bare[:0]], tmp_path / "o", order=order).empty


def test_nothing_is_written_over_or_cut_twice(tmp_path, monkeypatch):
    path, out = write(tmp_path / "a.wav"), tmp_path / "o"
    first = extract_clips([path], [SEVEN], out, per_class=3)
    heard = out / first["file"][0]
    heard.write_bytes(b"mine")
    before = contents(out)
    again = extract_clips([path], [SEVEN], out, per_class=3)
    assert contents(out) == before
    pd.testing.assert_frame_equal(again, first)
    more = extract_clips([path], [SEVEN], out, per_class=5)
    after = contents(out)
    assert {name: after[name] for name in before if name != "clips.csv"} == {
        name: what for name, what in before.items() if name != "clips.csv"
    }
    assert pd.read_csv(out / "clips.csv")["file"].tolist() == more["file"].tolist()
    extract_clips([path], [SEVEN], out, per_class=3, overwrite=True)
    assert heard.read_bytes()[:4] == b"RIFF"
    path.unlink()  # what is there needs no recording
    assert len(extract_clips([path], [SEVEN], out, per_class=5)) == 5


def test_another_pad_is_another_clip(tmp_path):
    path = write(tmp_path / "a.wav")
    files = [
        extract_clips([path], [SEVEN], tmp_path / "o", pad=pad)["file"].tolist()
        for pad in (0.5, 1.0)
    ]
    assert not set(files[0]) & set(files[1])
    assert len(pd.read_csv(tmp_path / "o" / "clips.csv")) == 14


KILLED = """
import sys, time
from sklearn_sed import _storage
from sklearn_sed.events import read_events
from sklearn_sed.inference import extract_clips
replace = _storage.os.replace
def slow(*args):
    print("writes", flush=True)
    time.sleep(0.2)
    replace(*args)
_storage.os.replace = slow
extract_clips(*read_events(sys.argv[1]), sys.argv[2])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal")
def test_a_kill_leaves_no_half_file_and_the_same_call_goes_on(tmp_path):
    path, out = write(tmp_path / "a.wav"), tmp_path / "o"
    listed = tmp_path / "found.csv"
    extract_clips([path], [SEVEN], tmp_path / "whole")
    table = SEVEN.assign(filename=str(path))
    table.to_csv(listed, index=False)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, listed, out], stdout=subprocess.PIPE
    )
    for _ in range(3):  # while the third is written
        process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    there = [file for file in out.rglob("*.wav") if not file.name.startswith(".")]
    assert 0 < len(there) < 7
    assert all(soundfile.info(file).frames for file in there)
    stamps = {file: file.stat().st_mtime_ns for file in there}
    time.sleep(0.01)
    extract_clips(*read_events(listed), out)
    assert all(file.stat().st_mtime_ns == stamps[file] for file in there)
    visible = {
        name: what
        for name, (_, what) in contents(out).items()
        if not os.path.basename(name).startswith(".")
    }
    assert visible == {n: what for n, (_, what) in contents(tmp_path / "whole").items()}


def test_the_list_says_all_and_keeps_what_was_added(tmp_path):
    path, out = write(tmp_path / "a.wav"), tmp_path / "o"
    clips = extract_clips([path], [SEVEN], out, per_class=2)
    columns = ["file", "filename", "onset", "offset", "event_label", "score", "start"]
    assert clips.columns.tolist() == columns
    listed = pd.read_csv(out / "clips.csv")
    pd.testing.assert_frame_equal(listed, clips, check_dtype=False)
    [name], [events] = read_events(out / "clips.csv")
    assert name == str(path)
    assert events["onset"].tolist() == [5, 6]
    listed.assign(verdict=["yes", "NA"]).to_csv(out / "clips.csv", index=False)
    extract_clips([path], [SEVEN], out, per_class=3)
    listed = pd.read_csv(out / "clips.csv", keep_default_na=False)
    assert listed["verdict"].tolist() == ["yes", "NA", ""]
    (out / "clips.csv").write_text("mine")
    with pytest.raises(ValueError, match=r"clips\.csv is not a list of clips"):
        extract_clips([path], [SEVEN], out, per_class=4)
    assert (out / "clips.csv").read_text() == "mine"


HOSTILE = [
    *("a/b", "a\\b", "a:b", "a_b", "../../up", "..", ".", "", " ", ".hidden", "-rf"),
    *("CON", "con.txt", "nul", "COM1", "LPT¹", "Dog", "dog", "DOG", "Straße"),
    *("Glöckchen", unicodedata.normalize("NFD", "Glöckchen"), "हिन्दी", "🦉", "a\nb"),
    *("a\rb", "x" * 300, "x" * 301, "ö" * 200, "end.", "end", "clips.csv", "a*?<>|\"'"),
    *("a\x00b", "=1+1", "~", "Dog~"),
]


def test_hostile_labels_are_safe_and_stay_apart(tmp_path):
    path = write(tmp_path / "a.wav")
    events = make_events(
        np.zeros(len(HOSTILE)), np.ones(len(HOSTILE)), np.array(HOSTILE, object)
    )
    out = tmp_path / "deep" / "o"
    clips = extract_clips([path], [events], out, order="time")
    assert sorted(clips["event_label"]) == sorted(HOSTILE)
    check_names(clips["file"], len(HOSTILE))
    assert sorted(contents(tmp_path / "deep")) == sorted(
        [*("o/" + file for file in clips["file"]), "o/clips.csv"]
    )
    folder_of = dict(zip(clips["event_label"], clips["file"].str.split("/").str[0]))
    assert folder_of["Glöckchen"].startswith("Glöckchen")
    assert folder_of["Straße"] == "Straße"
    listed = pd.read_csv(out / "clips.csv", keep_default_na=False)
    assert listed["event_label"].tolist() == clips["event_label"].tolist()


def check_names(files, n_folders):
    """Check that no system would refuse, confuse or hide these."""
    folders = {file.split("/")[0] for file in files}
    assert len({folder.casefold() for folder in folders}) == n_folders
    assert len({file.casefold() for file in files}) == len(files)
    for file in files:
        parts = file.split("/")
        assert len(parts) == 2
        for part in parts:
            assert part == unicodedata.normalize("NFC", part)
            assert not set(part) & set('<>:"/\\|?*')
            assert part.isprintable()
            assert part == part.strip(" .")
            assert not part.startswith("-")
            assert len(part.encode()) <= 143
            device = part.split(".")[0].strip().upper()
            assert device not in {"CON", "NUL", "PRN", "AUX", "COM1", "LPT¹", "CLIPS"}


def test_hostile_recordings_are_safe_and_stay_apart(tmp_path):
    path = write(tmp_path / "a.wav")
    names = ["a/b.wav", "a_b.wav", "a/b.flac", "D:\\x\\a?b.WAV", "y" * 250, "../c.wav"]
    names += ["CON", "con.wav", "Müller/ä.wav", "\udcff.wav", ""]
    event = make_events([0], [1], ["Dog"])
    clips = extract_clips(
        names,
        [event] * len(names),
        tmp_path / "o",
        audio=[path] * len(names),
        order="time",
    )
    check_names(clips["file"], 1)
    assert len(list((tmp_path / "o" / "Dog").iterdir())) == len(names)
    again = extract_clips(
        names,
        [event] * len(names),
        tmp_path / "o",
        audio=[path] * len(names),
        order="time",
    )
    listed = (tmp_path / "o" / "clips.csv").read_bytes()
    assert listed.count(b"\r\n") == 1 + len(names)
    pd.testing.assert_frame_equal(again, clips)


def test_names_sort_by_score_and_time(tmp_path):
    path = write(tmp_path / "unit" / "a.wav")
    clips = extract_clips([path], [SEVEN], tmp_path / "o", order="uncertain")
    names = clips["file"].tolist()
    by_name = clips.set_index("file").loc[sorted(names), "score"].tolist()
    assert by_name == sorted(SEVEN["score"])
    assert names[0].startswith("Dog/0.500_unit_a_000004.000-000004.500_")


def test_what_cannot_be_read_is_named_and_left_out(tmp_path):
    good, short = write(tmp_path / "a.wav"), write(tmp_path / "b.wav", NOISE[:RATE])
    paths = [short, tmp_path / "c.wav", good]
    events = [make_events([0, 1.5], [0.5, 2], ["Dog", "Dog"])] * 3
    with pytest.raises(AudioError, match=r"b\.wav: too short: it ends at 1\.000 s"):
        extract_clips(paths, events, tmp_path / "o", order="time")
    clips = extract_clips(paths, events, tmp_path / "o", order="time", on_error="skip")
    assert clips["filename"].tolist() == [str(short), str(good), str(good)]
    skipped = clips.attrs["skipped"]
    assert [*skipped] == [str(short), str(tmp_path / "c.wav")]
    assert skipped[str(tmp_path / "c.wav")].startswith("missing")


def test_damage_is_found_where_an_event_is(tmp_path):
    samples = NOISE.copy()
    samples[5 * RATE] = np.nan
    path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
    for onset, is_bad in ((1.0, False), (4.5, True)):
        event = make_events([onset], [onset + 1], ["Dog"])
        clips = extract_clips(
            [path], [event], tmp_path / "o", order="time", on_error="skip"
        )
        assert bool(clips.attrs["skipped"]) is is_bad


def test_float_samples_beyond_full_scale_are_not_clipped(tmp_path):
    path = write(tmp_path / "a.wav", 3 * NOISE, subtype="FLOAT")
    event = make_events([1], [2], ["Dog"])
    with pytest.raises(AudioError, match="beyond full scale"):
        extract_clips([path], [event], tmp_path / "o", order="time", format="flac")
    [file] = extract_clips([path], [event], tmp_path / "o", order="time")["file"]
    cut, _ = soundfile.read(tmp_path / "o" / file, dtype="float32")
    np.testing.assert_array_equal(cut, (3 * NOISE[: 3 * RATE]).astype(np.float32))


def test_what_flac_cannot_hold_is_named(tmp_path):
    path = write(tmp_path / "a.wav", np.zeros((RATE, 9)))
    event = make_events([0], [1], ["Dog"])
    with pytest.raises(AudioError, match="9 channels at 8000 Hz cannot be written"):
        extract_clips([path], [event], tmp_path / "o", order="time", format="flac")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"per_class": 0}, "per_class=0 must be"),
        ({"pad": -1}, "pad=-1 must be"),
        ({"pad": float("nan")}, "pad=nan must be"),
        ({"order": "best"}, "order='best' must be one of 'score'"),
        ({"format": "mp3"}, "format='mp3' must be one of 'wav', 'flac'"),
        ({"on_error": "warn"}, "on_error='warn' must be one of"),
        ({"audio": []}, "audio holds 0 files for 1 recordings"),
    ],
)
def test_parameters_that_make_no_sense(given, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        extract_clips(["a.wav"], [SEVEN], tmp_path / "o", **given)
    assert not (tmp_path / "o").exists()


def test_an_instant_needs_a_pad(tmp_path):
    path = write(tmp_path / "a.wav")
    event = make_events([1], [1], ["Dog"])
    with pytest.raises(ValueError, match=r"'Dog' at 1\.000 s has no length"):
        extract_clips([path], [event], tmp_path / "o", order="time", pad=0)
    [file] = extract_clips([path], [event], tmp_path / "o", order="time")["file"]
    assert soundfile.info(tmp_path / "o" / file).frames == 2 * RATE


@pytest.mark.parametrize("time", [1e9, 1e308])
def test_absurd_times_are_named(time, tmp_path):
    path = write(tmp_path / "a.wav")
    event = make_events([0, time], [time, time], ["Dog", "Dog"])
    with pytest.raises(AudioError, match="too short"):
        extract_clips([path], [event], tmp_path / "o", order="time", pad=1e308)


def test_recordings_are_cut_at_the_same_time(tmp_path):
    paths = [write(tmp_path / f"{i}.wav") for i in range(3)]
    alone = extract_clips(paths, [SEVEN] * 3, tmp_path / "a")
    together = extract_clips(paths, [SEVEN] * 3, tmp_path / "b", n_jobs=2, verbose=1)
    pd.testing.assert_frame_equal(alone, together)
    assert {name: what for name, (_, what) in contents(tmp_path / "a").items()} == {
        name: what for name, (_, what) in contents(tmp_path / "b").items()
    }
