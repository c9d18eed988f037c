"""Where files may be written, and what stays as it is."""

import errno
import os

import pytest

from sklearn_sed import LogMelTransformer, save_model
from sklearn_sed._storage import check_targets, replace_file
from sklearn_sed.events import make_events, write_events, write_tags

WRITERS = {
    "model.sed": lambda path, **options: save_model(
        LogMelTransformer(), path, **options
    ),
    "found.tsv": lambda path, **options: write_events(
        path, ["a.wav"], [make_events([0], [1], ["Dog"])], **options
    ),
    "weak.tsv": lambda path, **options: write_tags(
        path, ["a.wav"], [["Dog"]], **options
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_there_stays_unless_it_may_be_replaced(name, tmp_path):
    path, write = tmp_path / name, WRITERS[name]
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=f"{name} exists; write to another file"):
        write(path, overwrite=False)
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == [name]
    write(path)
    assert path.read_bytes() != b"mine"


def test_of_a_folder_nothing_is_written_when_one_file_shall_stay(tmp_path):
    (tmp_path / "b.txt").write_text("mine")
    events = [make_events([0], [1], ["Dog"])] * 2
    with pytest.raises(FileExistsError, match=r"b\.txt exists"):
        write_events(
            tmp_path, ["a.wav", "b.wav"], events, format="audacity", overwrite=False
        )
    assert os.listdir(tmp_path) == ["b.txt"]


@pytest.mark.parametrize("name", WRITERS)
def test_errors_name_the_file_that_was_asked_for(name, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        WRITERS[name](tmp_path / name)
    assert caught.value.filename == str(tmp_path / name)
    assert os.listdir(tmp_path) == []
    long = tmp_path / (300 * "x")
    with pytest.raises(OSError, match="too long") as caught:
        check_targets([long])
    assert caught.value.filename == str(long)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_an_input_by_any_other_name_is_never_a_target(link, tmp_path):
    source, other = tmp_path / "a.tsv", tmp_path / "b.tsv"
    source.write_text("mine")
    link(source, other)
    for target in (source, other, tmp_path / "." / "a.tsv"):
        with pytest.raises(ValueError, match="is an input as well"):
            check_targets([tmp_path / "new.tsv", target], inputs=[source])


def test_a_file_under_write_protection_stays(tmp_path, monkeypatch):
    path = tmp_path / "a.tsv"
    path.write_text("mine")
    monkeypatch.setattr(os, "access", lambda file, mode: False)
    with pytest.raises(PermissionError) as caught:
        check_targets([path])
    assert caught.value.filename == str(path)


def test_a_link_goes_on_leading_to_its_file(tmp_path):
    (tmp_path / "disk").mkdir()
    file, link = tmp_path / "disk" / "a.tsv", tmp_path / "a.tsv"
    file.write_text("old")
    link.symlink_to(file)
    replace_file(link, b"new")
    assert link.is_symlink()
    assert file.read_text() == "new"
