"""Fixtures that every test module may use."""

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
def shared_data() -> Path:
    """Return the folder of recordings and referee values, or skip without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared reference data are not beside this checkout")
    return folder
