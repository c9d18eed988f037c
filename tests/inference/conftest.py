"""Models for every test of inference."""

import pytest

from tests.inference._sounds import make_model


@pytest.fixture(scope="package")
def model():
    return make_model()


@pytest.fixture(scope="package")
def eager():
    """Return a model that finds every class in every window."""
    return make_model(threshold=0.0)
