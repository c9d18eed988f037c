"""The site: its reference lists what is public, its links are checked."""

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

import sklearn_sed

DOCS = Path(__file__).resolve().parents[2] / "docs"
MODULES = sorted(
    path.stem
    for path in Path(sklearn_sed.__file__).parent.iterdir()
    if not path.name.startswith("_") and (path.is_dir() or path.suffix == ".py")
)
IN_WORDS = {"nn.POOLINGS"}  # a dict, of which the reference tells in a sentence


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
    assert set(listed) | IN_WORDS == public_names()


def test_every_public_name_has_an_example():
    for name in public_names() - IN_WORDS:
        module, _, attribute = f"sklearn_sed.{name}".rpartition(".")
        public = getattr(importlib.import_module(module), attribute)
        assert ">>> " in (public.__doc__ or ""), name


@pytest.mark.skipif(not DOCS.is_dir(), reason="there are no docs beside this package")
def test_the_shape_of_the_house_names_every_module():
    text = (DOCS / "contributing" / "house.rst").read_text(encoding="utf-8")
    rooms = {path.stem for path in Path(sklearn_sed.__file__).parent.iterdir()}
    rooms -= {"__init__", "__main__", "__pycache__", "_version", "py"}
    assert {room for room in rooms if f"``{room}``" not in text} == set()


@pytest.mark.skipif(not DOCS.is_dir(), reason="there are no docs beside this package")
def test_links_that_lead_nowhere_are_found(tmp_path):
    path = DOCS / "_extensions" / "check_links.py"
    spec = importlib.util.spec_from_file_location("check_links", path)
    check_links = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check_links)
    (tmp_path / "a b.png").touch()
    (tmp_path / "other.html").write_text("<p id=there></p>", encoding="utf-8")
    page = tmp_path / "page.html"
    page.write_text(
        """<h1 id="top">A page</h1>
        <a href="#top"> <a href="other.html#there"> <a href="https://example.org/x">
        <img src="a%20b.png" srcset="a%20b.png, c.png 2x">
        <a href="#bottom"> <a href="other.html#here"> <a href="third.html">""",
        encoding="utf-8",
    )
    lost = check_links.lost_links([page, tmp_path / "other.html"])
    assert [link for _, link in lost] == [
        "#bottom",
        "c.png",
        "other.html#here",
        "third.html",
    ]
