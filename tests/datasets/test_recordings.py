"""When something is heard in a recording."""

import numpy as np
import pytest

from sklearn_sed.datasets._recordings import cut_event, find_segments

RATE = 8000


def noise(duration, level_db=0.0, seed=0):
    rng = np.random.default_rng(seed)
    gain = 0.1 * 10 ** (level_db / 20)
    return (gain * rng.standard_normal(round(duration * RATE))).astype(np.float32)


def pause(duration):
    return np.zeros(round(duration * RATE), dtype=np.float32)


def segments(*parts):
    return find_segments(np.concatenate(parts), RATE).tolist()


def close(found, expected):
    return np.shape(found) == np.shape(expected) and np.allclose(
        found, expected, atol=0.0101
    )


def test_silence_has_no_segment():
    assert segments(pause(1)) == []


def test_a_steady_sound_is_one_segment():
    assert segments(noise(2)) == [[0, 2]]


def test_silence_around_a_sound_is_left_out():
    assert close(segments(pause(0.5), noise(1), pause(0.7)), [[0.5, 1.5]])


@pytest.mark.parametrize(("gap", "n_segments"), [(0.15, 1), (0.3, 2)])
def test_only_short_pauses_are_bridged(gap, n_segments):
    assert len(segments(noise(0.4), pause(gap), noise(0.4))) == n_segments


def test_hysteresis():
    """A tail 18 dB down still belongs to its sound; by itself it is none."""
    sound = [noise(0.5), noise(0.4, -18), pause(0.5), noise(0.4, -18), pause(0.5)]
    assert close(segments(*sound), [[0, 0.9]])


def test_the_noise_of_the_recording_is_not_its_sound():
    hiss = noise(3, -21)
    bark = pause(3)
    bark[RATE : 2 * RATE] = noise(1, seed=1)
    assert close(segments(hiss + bark), [[1, 2]])


def test_clicks_in_a_row_belong_together():
    clicks = [part for _ in range(4) for part in (noise(0.05), pause(0.6))]
    assert close(segments(pause(0.3), *clicks), [[0.3, 2.3]])
    bursts = [part for _ in range(4) for part in (noise(0.2), pause(0.6))]
    assert len(segments(*bursts)) == 4


def test_a_lone_click_counts_only_where_there_is_nothing_else():
    assert close(segments(noise(0.04), pause(1)), [[0, 0.04]])
    assert close(segments(noise(0.04), pause(1.5), noise(0.5)), [[1.54, 2.04]])


def test_a_cut_starts_and_ends_with_sound():
    bursts = np.concatenate([noise(0.3), pause(0.15)] * 10)
    rng = np.random.default_rng(0)
    lengths = set()
    for _ in range(20):
        event = cut_event(bursts, RATE, rng, max_duration=2.0)
        lengths.add(len(event))
        assert 0 < len(event) <= 2 * RATE
        assert np.abs(event[:160]).max() > 0.02
        assert np.abs(event[-160:]).max() > 0.02
        assert event[0] == event[-1] == 0
    assert len(lengths) > 5


def test_a_cut_of_silence_is_empty():
    assert len(cut_event(pause(1), RATE, np.random.default_rng(0), 1.0)) == 0


def test_long_segments_are_drawn_more_often():
    recording = np.concatenate([noise(0.2), pause(0.5), noise(1.8), pause(0.5)])
    rng = np.random.default_rng(0)
    lengths = [len(cut_event(recording, RATE, rng, 5.0)) / RATE for _ in range(100)]
    assert 80 <= np.sum(np.array(lengths) > 1) < 100
