"""How the site is built, by ``sphinx-build -W --keep-going docs docs/_build/html``.

Settings of Sphinx have lower-case names; what begins with an underscore is ours.
"""

import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

import sklearn_sed

project = "sklearn_sed"
author = "The sklearn_sed developers"
copyright = author
version = release = sklearn_sed.__version__

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))
extensions = [
    "check_links",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "auto_examples/*.ipynb", "auto_examples/*.py"]
default_role = "literal"
smartquotes = False  # a quoted value can be copied

# Every reference to a name of ours must lead somewhere; those to names of others lead
# somewhere only when their inventories can be fetched.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(?!sklearn_sed).*"),
    (r"py:attr", r".*"),
]

# -- API reference ---------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # types are in the docstrings, with shapes and units
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_use_plots = False

# -- Links to other projects -----------------------------------------------------------

_INVENTORIES = {
    "joblib": "https://joblib.readthedocs.io/en/latest/",
    "librosa": "https://librosa.org/doc/latest/",
    "matplotlib": "https://matplotlib.org/stable/",
    "numpy": "https://numpy.org/doc/stable/",
    "pandas": "https://pandas.pydata.org/docs/",
    "python": "https://docs.python.org/3/",
    "sklearn": "https://scikit-learn.org/stable/",
    "skorch": "https://skorch.readthedocs.io/en/stable/",
    "torch": "https://docs.pytorch.org/docs/stable/",
}


def _is_reachable(url: str) -> bool:
    """Tell whether a project's inventory can be fetched now."""
    try:
        return requests.head(url + "objects.inv", timeout=5, allow_redirects=True).ok
    except requests.RequestException:
        return False


def _reachable_inventories() -> dict[str, tuple[str, None]]:
    """Return the projects to link to: none without a network, or if told so."""
    if os.environ.get("DOCS_OFFLINE"):
        return {}
    with ThreadPoolExecutor() as pool:
        reachable = list(pool.map(_is_reachable, _INVENTORIES.values()))
    return {
        name: (url, None)
        for (name, url), there in zip(_INVENTORIES.items(), reachable)
        if there
    }


intersphinx_mapping = _reachable_inventories()

# -- Gallery ---------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "/plot_",
    "ignore_pattern": r"demo\.py",
    "within_subsection_order": "ExampleTitleSortKey",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklearn_sed",),
    "capture_repr": ("_repr_html_", "__repr__"),
    "ignore_repr_types": r"matplotlib|sklearn_sed\.plotting|.*Display",
    "image_srcset": ["2x"],
    "matplotlib_animations": False,
    "download_all_examples": False,
    "abort_on_example_error": True,
    "write_computation_times": False,
}
# Training in a gallery script is silent; a warning in one is a mistake of ours.
warnings.filterwarnings("error", module="sklearn_sed")

# -- Page layout -----------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "sklearn_sed"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {
    page: [] for page in ("benchmarks", "changelog", "getting_started", "glossary")
}
html_theme_options = {
    "logo": {"text": "sklearn_sed"},
    "navbar_align": "left",
    "header_links_before_dropdown": 5,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"
