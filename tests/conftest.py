"""Fixtures that every test module may use."""

import json
import os
from pathlib import Path

import hypothesis
import pytest

# Machines differ in speed; continuous integration tries the same examples each time.
hypothesis.settings.register_profile(
    "default", deadline=None, derandomize="CI" in os.environ
)
hypothesis.settings.load_profile("default")


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of the small files that belong to the tests."""
    return Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def oracle(data) -> dict:
    """Return random problems with the values of a referee, see make_oracle.py."""
    return json.loads((data / "oracle.json").read_text(encoding="utf-8"))


@pytest.fixture
def recordings(tmp_path) -> Path:
    """Return a folder of empty files with names like those of ESC-10, in four folds."""
    folder = tmp_path / "recordings"
    for first, label in enumerate(["Dog_bark", "Rain", "Rooster"], 100):
        (folder / label).mkdir(parents=True)
        for fold in (1, 2, 3, 4):
            for take in ("A", "B"):
                (folder / label / f"{fold}-{first}{fold}-{take}.ogg").touch()
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real recordings and published predictions, or skip."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(
            "real recordings and the predictions of the paper's authors, which are "
            f"others' to hand on, are not in {folder}"
        )
    return folder
