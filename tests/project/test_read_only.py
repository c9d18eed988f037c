"""An installation that cannot be written, for a user without a home."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba import config

import sklearn_sed
from sklearn_sed import _compile

SCRIPT = """
import numpy as np
import sklearn_sed
from sklearn_sed import LogMelTransformer
from sklearn_sed.events import make_events
from sklearn_sed.metrics import psds_score
from sklearn_sed.metrics._matching import count_matches

print(sklearn_sed.__file__)
log_mel = LogMelTransformer(n_mels=8)
print(log_mel.transform([np.zeros(2048, np.float32)]).shape)
events = [make_events([0.0], [1.0], ["Dog"])]
clock = {"labels": ["Dog"], "time_resolution": 0.1, "durations": 1.0}
print(psds_score(events, [np.ones((10, 1))], **clock))
times = np.zeros(1), np.ones(1), np.zeros(1, np.int64)
print(count_matches(times, times))
"""


def test_numba_has_a_folder_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    for home in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(home, str(tmp_path / "home"))
    assert _compile._ensure_cache() is None
    shutil.rmtree(tmp_path / "home")
    (tmp_path / "home").touch()
    (tmp_path / "__pycache__").touch()
    (tmp_path / "module.py").write_text("def twice(x):\n    return 2 * x\n")
    with _compile._ensure_cache() as folder:
        assert config.CACHE_DIR == os.environ["NUMBA_CACHE_DIR"] == folder
        twice = runpy.run_path(str(tmp_path / "module.py"))["twice"]
        assert _compile.compiled(twice)(3) == 6
        assert list(Path(folder).rglob("*.nbc"))


@pytest.mark.slow
def test_nothing_needs_to_be_written(tmp_path):
    package = tmp_path / "sklearn_sed"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(sklearn_sed.__file__).parent, package, ignore=ignore)
    # Whatever the user's rights: a file stands where the cache would be, and one in
    # place of the home.
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").touch()
    nowhere = str(package / "__init__.py")
    environment = {
        key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"
    }
    homes = dict.fromkeys(["HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"], nowhere)
    result = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", SCRIPT],
        cwd=tmp_path,
        env={**environment, **homes, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        str(package / "__init__.py"),
        "(1, 5, 8)",
        "1.0",
        "1",
    ]
