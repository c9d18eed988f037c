"""The site: its API reference lists what is public, nothing else."""

import importlib
import re
from pathlib import Path

import pytest

import sklearn_sed

DOCS = Path(__file__).resolve().parents[1] / "docs"
MODULES = sorted(
    path.stem
    for path in Path(sklearn_sed.__file__).parent.iterdir()
    if not path.name.startswith("_") and (path.is_dir() or path.suffix == ".py")
)


def public_names() -> set[str]:
    """Return what users may import, as the reference spells it."""
    names = {
        f"{module}.{name}"
        for module in MODULES
        for name in importlib.import_module(f"sklearn_sed.{module}").__all__
    }
    return names | set(sklearn_sed.__all__) - {*MODULES, "__version__"}


@pytest.mark.skipif(not DOCS.is_dir(), reason="there are no docs beside this package")
def test_the_reference_lists_every_public_name():
    text = (DOCS / "api.rst").read_text(encoding="utf-8")
    listed = re.findall(r"^   ([\w.]+)$", text, flags=re.MULTILINE)
    assert len(listed) == len(set(listed))
    in_words = {"nn.POOLINGS"}
    assert set(listed) | in_words == public_names()
