"""The folder of a review page: sounds, pictures, data, and what is left alone."""

import numpy as np
import pandas as pd
import pytest
import soundfile
from matplotlib.image import imread

from sklearn_sed.events import make_events
from sklearn_sed.exceptions import AnnotationError, AudioError
from sklearn_sed.review import _write, write_review
from sklearn_sed.review._excerpts import share_excerpts
from tests.review._page import RATE, read_data, write_recordings, write_sound

DOG = make_events([2.0], [3.0], ["Dog"], [0.7])


def write_page(folder, paths, tables, **options):
    options = {"random_state": 0, **options}
    return write_review(paths, tables, folder / "review", **options)


def excerpts(folder):
    return folder / "review" / "review_files" / "excerpts"


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_page_and_its_files(tmp_path):
    paths, tables = write_recordings(tmp_path)
    page = write_page(tmp_path, paths, tables)
    out = tmp_path / "review"
    files = {path.name for path in (out / "review_files").iterdir()}
    assert {path.name for path in out.iterdir()} == {"review.html", "review_files"}
    html = (out / "review.html").read_text(encoding="utf-8")
    for name in files - {"excerpts", "data-001.js"}:
        assert f"review_files/{name}" in html
    assert "connect-src 'none'" in html
    assert "://" not in html
    assert len(page) == 12
    names = {path.name for path in excerpts(tmp_path).iterdir()}
    assert names == {f"{n}.{end}" for n in page["excerpt"] for end in ("mp3", "png")}
    head, events, parts = read_data(out)
    assert head["labels"] == ["Cat", "Dog"]
    assert [name for name, _ in head["recordings"]] == [str(path) for path in paths]
    assert (len(events), len(parts)) == (12, len(set(page["excerpt"])))


def test_the_data_are_the_events(tmp_path):
    paths, tables = write_recordings(tmp_path)
    page = write_page(tmp_path, paths, tables, threshold={"Cat": 0.2})
    head, events, parts = read_data(tmp_path / "review")
    assert head["thresholds"] == [0.2, 0.5]
    rows = []
    for onset, offset, label, score, excerpt, _, _, mixed, is_audit in events:
        recording, name, start, duration, slowed = parts[excerpt]
        assert slowed == 1
        rows.append(
            {
                "filename": head["recordings"][recording][0],
                "onset": onset,
                "offset": offset,
                "event_label": head["labels"][label],
                "score": score,
                "sampled_by": "audit" if is_audit else "uncertain",
                "excerpt": name,
                "excerpt_onset": start,
                "excerpt_offset": start + duration,
                "mixed": mixed,
            }
        )
    told = pd.DataFrame(rows).sort_values(["mixed", "event_label"], ignore_index=True)
    pd.testing.assert_frame_equal(told.drop(columns="mixed"), page)


def test_the_clock_of_the_recorder(tmp_path):
    path = write_sound(tmp_path / "a.wav")
    names = ["u/A_20240501_053000.wav", "20240501T053000+1000.wav", "dog.wav"]
    names += ["20240501_053000_20240501_063000.wav", "01-05-2024 05-30-00.wav"]
    write_page(tmp_path, names, [DOG] * len(names), audio=[path] * len(names))
    head, _, _ = read_data(tmp_path / "review")
    starts = [start for _, start in head["recordings"]]
    assert starts == ["2024-05-01T05:30:00"] * 2 + [None] * 3


@pytest.mark.parametrize("format", ["mp3", "wav"])
@pytest.mark.parametrize("rate", [500, 8000, 10000, 22050, 44100, 96000, 250000])
def test_an_excerpt_sounds_like_the_recording(format, rate, tmp_path):
    path = write_sound(tmp_path / "a.wav", 6.0, rate, tone=rate / 10)
    page = write_page(tmp_path, [path], [DOG], format=format)
    [name] = page["excerpt"]
    _, _, [[_, _, start, duration, slowed]] = read_data(tmp_path / "review")
    assert (start, duration) == (1.0, 3.0)
    assert slowed == (1 if rate <= 48000 else 10)
    sound, played = soundfile.read(excerpts(tmp_path) / f"{name}.{format}")
    assert 8000 <= played <= 48000
    assert sound.ndim == 1
    assert len(sound) == pytest.approx(duration * slowed * played, abs=2)
    # The tone ends at 1 and 3 s and begins at 2 s of the recording.
    time = np.arange(len(sound)) / played / slowed + start
    power = np.convolve(sound**2, np.ones(played // 20) / (played // 20), "same")
    inside = (time % 2 < 1) & (time > 1.1) & (time < 3.9)
    assert power[inside & (np.abs(time - 2.5) < 0.4)].min() > 0.03
    assert power[(np.abs(time - 1.5) < 0.4) | (np.abs(time - 3.5) < 0.4)].max() < 0.01
    edge = time[np.argmax((power > 0.0225) & (time > 1.5))]
    assert edge == pytest.approx(2.0, abs=0.03)


def test_a_wav_excerpt_has_the_samples_of_the_recording(tmp_path):
    rng = np.random.default_rng(0)
    stereo = rng.uniform(-0.5, 0.5, (6 * RATE, 2))
    soundfile.write(tmp_path / "a.wav", stereo, RATE, subtype="PCM_24")
    [name] = write_page(tmp_path, [tmp_path / "a.wav"], [DOG], format="wav")["excerpt"]
    sound, rate = soundfile.read(excerpts(tmp_path) / f"{name}.wav")
    assert rate == RATE
    np.testing.assert_allclose(sound, stereo.mean(1)[RATE : 4 * RATE], atol=2**-14)


def test_float_samples_beyond_full_scale_are_not_clipped(tmp_path):
    tone = 3 * np.sin(np.arange(6 * RATE) / 5)
    soundfile.write(tmp_path / "a.wav", tone, RATE, subtype="FLOAT")
    [name] = write_page(tmp_path, [tmp_path / "a.wav"], [DOG], format="wav")["excerpt"]
    sound, _ = soundfile.read(excerpts(tmp_path) / f"{name}.wav")
    np.testing.assert_allclose(sound, tone[RATE : 4 * RATE] / 3, atol=2**-14)


def picture(folder, name):
    """Return the brightness of a picture, from the bottom."""
    return imread(excerpts(folder) / f"{name}.png")[::-1, :, :3].sum(axis=2)


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_pictures_have_one_axis_whatever_the_rate(rate, tmp_path):
    path = write_sound(tmp_path / "a.wav", 6.0, rate, tone=2000.0)
    [name] = write_page(tmp_path, [path], [DOG], fmin=500, fmax=16000)["excerpt"]
    image = picture(tmp_path, name)
    mel = [2595 * np.log10(1 + hertz / 700) for hertz in (500, 2000, 16000)]
    height = (mel[1] - mel[0]) / (mel[2] - mel[0]) * len(image)
    loud = image[:, int(image.shape[1] / 2)]
    assert abs(loud.argmax() - height) < 2.5
    # The tone sounds in the middle second of three.
    row = image[round(height) - 1 : round(height) + 1].max(axis=0)
    on = np.flatnonzero(row > row.max() / 2) / len(row)
    assert on.min() == pytest.approx(1 / 3, abs=0.02)
    assert on.max() == pytest.approx(2 / 3, abs=0.02)
    if rate == 8000:
        assert image[round(0.7 * len(image)) :].max() < 0.1


def test_silence_and_short_recordings_have_pictures(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(3 * RATE), RATE)
    soundfile.write(tmp_path / "b.wav", np.full(5, 0.1), RATE)
    tables = [DOG.assign(onset=1.0, offset=1.0), DOG.assign(onset=0.0, offset=0.0)]
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    page = write_page(tmp_path, paths, tables)
    for name in page["excerpt"]:
        assert np.isfinite(picture(tmp_path, name)).all()


def test_near_events_share_an_excerpt():
    times = [
        (1, 2),
        (2.5, 3),
        (8, 9),
        (8.5, 8.7),
        (20, 24),
        (25.5, 28),
        (40, 200),
        (70, 71),
    ]
    table = pd.DataFrame(times, columns=["onset", "offset"], dtype=float)
    table = pd.concat([table.assign(filename="a"), table[:1].assign(filename="b")])
    names, parts = share_excerpts(table, pad=1.0)
    assert [int(name) for name in names] == [0, 0, 1, 1, 2, 3, 4, 4, 5]
    assert parts.iloc[0].tolist() == ["a", 1.0, 3.0]
    assert parts.iloc[4].tolist() == ["a", 40.0, 100.0]
    names, _ = share_excerpts(table, pad=0.0)
    assert [int(name) for name in names] == [0, 1, 2, 2, 3, 4, 5, 5, 6]


def test_of_a_long_event_there_is_the_first_minute(tmp_path):
    path = write_sound(tmp_path / "a.wav", 100.0, 8000)
    page = write_page(tmp_path, [path], [DOG.assign(offset=99.0)])
    assert page["offset"].tolist() == [99.0]
    assert page["excerpt_offset"].tolist() == [63.0]


def test_what_is_there_stays_unless_it_shall_be_replaced(tmp_path):
    paths, tables = write_recordings(tmp_path)
    write_page(tmp_path, paths, tables)
    (tmp_path / "review" / "reviewed.tsv").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_page(tmp_path, paths, tables)
    assert contents(tmp_path) == before
    write_page(tmp_path, paths[:1], [DOG], overwrite=True)
    after = contents(tmp_path)
    assert after["review/reviewed.tsv"] == b"mine"
    assert len(read_data(tmp_path / "review")[1]) == 1
    assert len([name for name in after if name.endswith(".png")]) == 1
    assert not [name for name in after if ".tmp" in name]


@pytest.mark.parametrize("is_there", [False, True])
def test_a_failure_leaves_nothing_half(is_there, tmp_path, monkeypatch):
    paths, tables = write_recordings(tmp_path)
    if is_there:
        write_page(tmp_path, paths, tables)
    before = contents(tmp_path)

    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_write, "render_data", fail)
    with pytest.raises(KeyboardInterrupt):
        write_page(tmp_path, paths, tables, overwrite=True)
    assert contents(tmp_path) == before
    assert (tmp_path / "review").exists() is is_there


def test_recordings_in_the_folder_that_is_replaced_are_safe(tmp_path):
    path = write_sound(tmp_path / "review" / "review_files" / "a.wav")
    with pytest.raises(ValueError, match="is an input"):
        write_page(tmp_path, [path], [DOG], overwrite=True)
    assert path.exists()


def test_a_file_in_the_place_of_the_folder(tmp_path):
    path = write_sound(tmp_path / "a.wav")
    with pytest.raises(NotADirectoryError, match="is a file; write to a folder"):
        write_review([path], [DOG], path)


def test_what_cannot_be_read_is_named_and_left_out(tmp_path):
    paths, tables = write_recordings(tmp_path)
    lost = tmp_path / "lost.wav"
    short = write_sound(tmp_path / "short.wav", 1.0)
    paths, tables = [*paths, lost, short], [*tables, DOG, DOG]
    with pytest.raises(AudioError, match=r"lost\.wav: missing"):
        write_page(tmp_path, paths, tables)
    assert not (tmp_path / "review").exists()
    page = write_page(tmp_path, paths, tables, on_error="skip")
    assert list(page.attrs["skipped"]) == [str(lost), str(short)]
    assert len(page) == 12
    head, events, _ = read_data(tmp_path / "review")
    assert len(events) == 12
    assert head["others"] == [[], [0.7, 0.7]]  # they count, unseen


def test_some_of_each_class_are_the_first_of_the_order(tmp_path):
    paths, tables = write_recordings(tmp_path, 5)
    whole = write_page(tmp_path, paths, tables)
    some = write_page(tmp_path, paths, tables, per_class=2, overwrite=True)
    columns = ["filename", "onset", "event_label", "sampled_by"]
    first = whole.groupby("event_label").head(2).reset_index(drop=True)
    pd.testing.assert_frame_equal(some[columns], first[columns])
    head, _, _ = read_data(tmp_path / "review")
    assert [len(scores) for scores in head["others"]] == [3, 13]


def test_the_order_is_that_of_the_seed(tmp_path):
    paths, tables = write_recordings(tmp_path, 5)
    orders = [
        write_page(tmp_path, paths, tables, random_state=seed, overwrite=True)
        for seed in (0, 0, 1)
    ]
    pd.testing.assert_frame_equal(orders[0], orders[1])
    assert not orders[0].equals(orders[2])


def test_two_at_a_time_write_the_same(tmp_path):
    paths, tables = write_recordings(tmp_path)
    write_page(tmp_path, paths, tables)
    one = contents(excerpts(tmp_path))
    write_page(tmp_path, paths, tables, n_jobs=2, overwrite=True)
    assert contents(excerpts(tmp_path)) == one


def test_without_scores_or_events(tmp_path):
    path = write_sound(tmp_path / "a.wav")
    page = write_page(tmp_path, [path], [DOG.drop(columns="score")])
    assert "score" not in page
    head, [event], _ = read_data(tmp_path / "review")
    assert (head["hasScores"], event[3]) == (False, None)
    empty = write_page(tmp_path, [path], [DOG[:0]], overwrite=True)
    assert empty.empty
    assert read_data(tmp_path / "review")[1:] == ([], [])


def test_numbers_are_classes_too(tmp_path):
    path = write_sound(tmp_path / "a.wav")
    events = make_events([1, 3], [2, 4], [7, 12], [0.2, 0.9])
    page = write_page(tmp_path, [path], [events], threshold={7: 0.3}, classes=[15])
    assert page["event_label"].tolist() == [7, 12]
    head, _, _ = read_data(tmp_path / "review")
    assert (head["labels"], head["classes"]) == (["12", "7"], ["15"])
    assert head["thresholds"] == [0.5, 0.3]


HOSTILE = [
    *("</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'); //"),
    *("a\tb", 'say "hi"', "a\u2028b", "🦉", "=1+1", "${x}", "__proto__", "\u202eevil"),
]


def test_hostile_names_do_no_harm(tmp_path):
    path = write_sound(tmp_path / "a.wav")
    n = len(HOSTILE)
    events = make_events([1.0] * n, [2.0] * n, np.array(HOSTILE, object), [0.5] * n)
    names = [f"../{name}.wav" for name in HOSTILE]
    write_page(tmp_path, names, [events] * n, audio=[path] * n)
    head, _, _ = read_data(tmp_path / "review")
    assert sorted(head["labels"]) == sorted(HOSTILE)
    assert [name for name, _ in head["recordings"]] == names
    assert {path.name for path in tmp_path.iterdir()} == {"a.wav", "review"}


@pytest.mark.parametrize("text", ["a\nb", "a\rb", " a", "", "\udcff"])
def test_what_no_table_can_hold_is_refused(text, tmp_path):
    path = write_sound(tmp_path / "a.wav")
    if text.isprintable() or text.isascii():  # others are no label of a pandas table
        with pytest.raises(AnnotationError, match="event_label"):
            write_page(tmp_path, [path], [DOG.assign(event_label=text)])
    with pytest.raises(AnnotationError, match="filename"):
        write_page(tmp_path, [text], [DOG], audio=[path])
    with pytest.raises(AnnotationError, match="event_label"):
        write_page(tmp_path, [path], [DOG], classes=[text])
    assert not (tmp_path / "review").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"per_class": 0}, "per_class=0"),
        ({"pad": -1}, "pad=-1"),
        ({"pad": float("nan")}, "pad=nan"),
        ({"format": "ogg"}, "format='ogg' must be one of 'mp3', 'wav'"),
        ({"on_error": "warn"}, "on_error='warn'"),
        ({"threshold": {"Owl": 0.5}}, "the class 'Owl', of which there are no events"),
        ({"threshold": float("nan")}, "threshold=nan"),
        ({"fmin": 9000}, r"fmin=9000 and fmax=8000\.0"),
        ({"fmin": -1}, "fmin=-1"),
        ({"classes": "Owl"}, "classes must be a sequence of class names"),
        ({"classes": ["Owl", "Owl"]}, "'Owl' more than once"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message, tmp_path):
    path = write_sound(tmp_path / "a.wav")
    with pytest.raises(ValueError, match=message):
        write_page(tmp_path, [path], [DOG], **options)
    assert not (tmp_path / "review").exists()


def test_an_event_without_length_needs_a_pad(tmp_path):
    path = write_sound(tmp_path / "a.wav")
    with pytest.raises(ValueError, match="has no length; pass a pad above 0"):
        write_page(tmp_path, [path], [DOG.assign(offset=2.0)], pad=0)
