"""Memory that training keeps from step to step."""

import ctypes
import platform

import numpy as np
import pytest

from sklearn_sed.nn import _memory


class Recorder:
    """A C library that writes down what it is asked for."""

    def __init__(self):
        self.calls = []

    def mallopt(self, option, value):
        self.calls.append((option, value))

    def malloc_trim(self, pad):
        self.calls.append("trim")


@pytest.fixture
def libc(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: recorder)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    return recorder


def test_every_option_is_set_back_and_memory_given_back(libc):
    def interrupted():
        with _memory.kept_memory():
            during.update(libc.calls)
            raise KeyboardInterrupt

    during = {}
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert during == _memory.KEEP
    *after, last = libc.calls[len(during) :]
    assert last == "trim"
    assert dict(after).keys() >= during.keys()
    assert all(dict(after)[option] != during[option] for option in during)


def test_other_libraries_are_left_alone(libc, monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    with _memory.kept_memory():
        pass
    assert libc.calls == []


def test_the_users_own_settings_stay(libc, monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    with _memory.kept_memory():
        pass
    assert libc.calls == []


def test_arrays_live_through_it():
    with _memory.kept_memory():
        arrays = [np.full(1_000_000, i) for i in range(8)]
    assert [array.sum() for array in arrays] == [i * 1_000_000 for i in range(8)]
