"""Lines that outlive a kill, and those of other processes."""

import json
import random
import subprocess
import sys
import textwrap
from contextlib import suppress

import pytest

from sklearn_sed.inference._journal import Journal

SETTINGS = {"model": "abc", "window": 2.0}


def records_of(path):
    with Journal(path, SETTINGS, resume=True) as journal:
        return journal.records


def fill(path, n_records=4):
    with Journal(path, SETTINGS, resume=True) as journal:
        for i in range(n_records):
            journal.append({"path": f"{i}.wav", "events": [[0.5, 1.0, "dog", i]]})
    return journal.records


def test_what_was_appended_is_read(tmp_path):
    path = tmp_path / "journal"
    written = fill(path)
    assert len(written) == 4
    assert records_of(path) == written
    fill(path, 1)
    assert records_of(path) == written
    with Journal(path, SETTINGS, resume=False) as journal:
        assert journal.records == {}
    assert records_of(path) == {}


def test_a_kill_at_any_byte(tmp_path):
    path = tmp_path / "journal"
    written = fill(path, 2)
    content = path.read_bytes()
    for n_bytes in range(len(content)):
        path.write_bytes(content[:n_bytes])
        found = records_of(path)
        assert found.items() <= written.items()
        fill(path, 2)
        assert records_of(path) == written


def test_damage_is_refused_or_done_again(tmp_path):
    path = tmp_path / "journal"
    written = fill(path)
    content = path.read_bytes()
    rng = random.Random(0)
    for _ in range(300):
        damaged = bytearray(content)
        damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        found = {}
        with suppress(ValueError):
            found = records_of(path)
        assert found.items() <= written.items()
    path.write_bytes(content.replace(b"abc", b"abd"))
    with pytest.raises(ValueError, match="journal is damaged in its first line"):
        records_of(path)
    assert path.read_bytes() == content.replace(b"abc", b"abd")


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize(
    "content", [b"filename\tonset\n", b"x", b'{"sklearn_sed_journal": 1}\n', b"\n"]
)
def test_another_file_is_never_overwritten(tmp_path, content, resume):
    path = tmp_path / "journal"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"journal is not a journal of this version"):
        Journal(path, SETTINGS, resume=resume)
    assert path.read_bytes() == content


def test_other_settings_are_refused(tmp_path):
    path = tmp_path / "journal"
    fill(path)
    content = path.read_bytes()
    with pytest.raises(ValueError, match=r"window=2\.0 instead of 1\.0; pass resume"):
        Journal(path, {**SETTINGS, "window": 1.0}, resume=True)
    with pytest.raises(ValueError, match="another model"):
        Journal(path, {**SETTINGS, "model": "abd"}, resume=True)
    assert path.read_bytes() == content
    Journal(path, {**SETTINGS, "window": 1.0}, resume=False).__exit__()
    with pytest.raises(ValueError, match=r"window=1\.0 instead of 2\.0"):
        records_of(path)


def test_a_file_is_in_work_once(tmp_path):
    path = tmp_path / "journal"
    with Journal(path, SETTINGS, resume=True) as one:
        assert one.begin("a")
        assert one.begin("a")
        with Journal(path, SETTINGS, resume=True) as two:
            assert not two.begin("a")
            assert two.begin("b")
            assert not one.begin("b")
        assert one.begin("b")  # the other has ended without it
        one.append({"path": "a", "events": []})
        assert records_of(path).keys() == {"a"}


SCRIPT = """
    import sys
    from pathlib import Path
    from sklearn_sed.inference._journal import Journal

    path, own, n_lines = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    print("ready", flush=True)
    sys.stdin.readline()
    begun = []
    with Journal(path, {"model": "abc", "window": 2.0}, resume=True) as journal:
        for i in range(n_lines):
            if journal.begin(f"shared {i}"):
                begun.append(i)
            journal.append({"path": f"{own} {i}", "events": ["x" * 1000] * (i % 30)})
    print(begun)
"""


def test_processes_lose_no_line_of_each_other(tmp_path):
    path, n_lines, n_processes = tmp_path / "journal", 60, 4
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), path]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [
        subprocess.Popen([*command, str(own), str(n_lines)], **pipes)
        for own in range(n_processes)
    ]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    begun = [json.loads(process.communicate()[0]) for process in processes]
    records = records_of(path)
    assert len(records) == n_lines * n_processes
    assert all(len(r["events"]) == int(n.split()[1]) % 30 for n, r in records.items())
    # Files that a process had begun may be begun again once it has ended.
    assert set().union(*begun) == set(range(n_lines))
    assert path.read_bytes().count(b"sklearn_sed_journal") <= n_processes
