"""When a recording began, from its name."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_sed.events import recording_start
from sklearn_sed.exceptions import AnnotationError

DAWN = datetime(2024, 1, 31, 5, 30, 0)


def zoned(hours, minutes=0, **changes):
    zone = timezone(timedelta(hours=hours, minutes=minutes))
    return DAWN.replace(tzinfo=zone, **changes)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        # AudioMoth, by its versions
        ("20240131_053000.WAV", DAWN),
        ("20240131_053000T.WAV", DAWN),
        ("24F31904_20240131_053000.WAV", DAWN),
        # Song Meter, Kaleidoscope, Swift, BAR-LT, iPhone and others
        ("SITE_20240131_053000.wav", DAWN),
        ("S4A01234_20240131_053000.wav", DAWN),
        ("S4U09523_20240131$053000.wav", DAWN),
        ("SITE_0+1_20240131_053000_000.wav", DAWN),
        ("SITE_20240131_053000_003.wav", DAWN),
        ("SWIFT01_20240131_053000Z_dawn.wav", zoned(0)),
        ("20240131T053000+1000_SITE_[-27.3888+152.8808].flac", zoned(10)),
        ("20240131T053000-0330.flac", zoned(-3, -30)),
        ("S20240131T053000.250000+1000_E20240131T060000.5+1000_-12.3+78.9.wav",)
        + (zoned(10, microsecond=250000),),
        ("20240131053000.wav", DAWN),
        ("rec 20240131-053000 (2).m4a", DAWN),
        ("20240131-05-30-00.mp3", DAWN),
        # ISO and what file systems leave of it
        ("2024-01-31T05:30:00.ogg", DAWN),
        ("2024-01-31T05:30:00.250Z.ogg", zoned(0, microsecond=250000)),
        ("2024-01-31T05-30-00+01:00.ogg", zoned(1)),
        ("2024-01-31t0530.ogg", DAWN),
        ("20240131T0530Z.ogg", zoned(0)),
        ("2024-01-31 05.30.00.ogg", DAWN),
        ("2024-01-31_05-30-00.ogg", DAWN),
        ("2024_01_31__05_30_00", DAWN),
        ("2024.01.31.05.30.00.wav", DAWN),
        # twice the same, or beside other numbers
        ("20240131_053000_20240131T0530.wav", DAWN),
        ("20240131_20240131_053000.wav", DAWN),
        ("20240131_053000_20240131.wav", DAWN),
        ("20240131_053000.123456789.wav", DAWN),
        ("20240131_053000+1000.wav", DAWN),
        ("20240131T053000+9900.wav", DAWN),
        # folders do not count
        ("20231224_180000/unit/20240131_053000.wav", DAWN),
        ("D:\\20231224_180000\\20240131_053000.wav", DAWN),
        (Path("a", "20240131_053000.wav"), DAWN),
    ],
)
def test_names_of_recorders(name, start):
    found = recording_start(name)
    assert found == start
    assert found.tzinfo == start.tzinfo


@pytest.mark.parametrize(
    "name",
    [
        "",
        "dog.wav",
        "20240131_053000/dog.wav",
        "20240131.wav",
        "2024-01-31.wav",
        "20240131_0530.wav",  # a number?
        "2024-01-31_05-30.wav",
        "240131_053000.wav",  # which is the year?
        "5C2A3B4D.WAV",
        "1706679000.wav",
        "20241331_053000.wav",
        "20240230_053000.wav",
        "20240131_243000.wav",
        "20240131_056000.wav",
        "20240131_053060.wav",
        "18991231_053000.wav",
        "120240131_053000.wav",
        "20240131_0530001.wav",
        "202401310530000.wav",
        "2024-0131_053000.wav",
        "2024-01-31053000.wav",
        "2024013105-30-00.wav",
        "99-99-2024_053000.wav",
        "2024\u0660\u0661\u0663\u0661_053000.wav",
    ],
)
def test_names_without_a_time(name):
    assert recording_start(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "20240131_053000_20240131_060000.wav",
        "20240131_053000-20240131_060000.wav",
        "20240131_053000.20240131_060000.wav",
        "E20240131_053000_S20240131_060000.wav",
        "20240131T053000Z_20240131T053000+0100.wav",
        "20240131T053000Z_20240131T053000.wav",
    ],
)
def test_several_times_are_refused(name):
    with pytest.raises(AnnotationError, match="several times") as error:
        recording_start(name)
    assert name in str(error.value)


@pytest.mark.parametrize(
    "name",
    [
        "01-02-2024_05-30-00.wav",
        "31.01.2024 05:30:00.wav",
        "SITE_01022024_053000.wav",
        "12_31_2024T053000.wav",
    ],
)
def test_dates_with_the_year_last_are_refused(name):
    with pytest.raises(AnnotationError, match="which is the day and which the month"):
        recording_start(name)


moments = st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31, 23, 59, 59)).map(
    lambda moment: moment.replace(microsecond=0)
)
zones = st.integers(-14 * 4, 14 * 4).map(lambda n: timezone(timedelta(minutes=15 * n)))
FORMS = (
    "%Y%m%d_%H%M%S",
    "%Y%m%d%H%M%S",
    "%Y%m%d$%H%M%S",
    "%Y-%m-%d %H.%M.%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d_%H-%M-%S",
    "%Y_%m_%d_%H_%M_%S",
    "%Y%m%dT%H%M%S",
)
words = st.from_regex(r"(?:[A-Za-z\u00c0-\u00ff]{1,9}[-_ ])?", fullmatch=True)
ends = st.sampled_from(["", "_", "_REC", " (1)", "T", "_x7", ".wav", "_.FLAC"])


@given(moments, st.sampled_from(FORMS), words, ends)
def test_what_is_written_is_read(moment, form, before, after):
    assert recording_start(f"{before}{moment.strftime(form)}{after}") == moment


@given(moments, zones, st.integers(0, 999_999), words)
def test_isoformat_is_read(moment, zone, fraction, before):
    moment = moment.replace(tzinfo=zone, microsecond=fraction)
    assert recording_start(f"{before}{moment.isoformat()}.wav") == moment


@given(st.text(st.sampled_from("0129SETZ+-_.: /x"), max_size=40))
def test_any_name_has_a_time_none_or_too_many(name):
    try:
        start = recording_start(name)
    except AnnotationError:
        return
    if start is not None:
        digits = "".join(filter(str.isdigit, name.replace("\\", "/").split("/")[-1]))
        assert start.strftime("%Y%m%d%H%M") in digits


@given(st.text())
def test_no_name_is_too_odd(name):
    assert recording_start(name) is None
