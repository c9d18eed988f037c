"""A Sphinx extension: every link inside the built site leads somewhere.

What Sphinx resolves itself (``:doc:``, ``:ref:``, names of ours) it checks itself. This
looks at what came out: links and images of all pages, and the places within pages that
links name. Links to other sites are left alone, so that no network is needed.
"""

from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links of a page, and the places in it that links may name."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element is called and where it leads."""
        values = {name: value for name, value in attrs if value}
        self.places |= {values[name] for name in ("id", "name") if name in values}
        self.links |= {values[name] for name in ("href", "src") if name in values}
        for choice in values.get("srcset", "").split(","):
            self.links |= set(choice.split()[:1])


def lost_links(paths: Iterable[Path]) -> list[tuple[Path, str]]:
    """Return pages and those of their links that lead nowhere, in order."""
    pages = {path.resolve(): Page(path) for path in paths}
    lost = []
    for path, page in sorted(pages.items()):
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path
            if parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
            place = unquote(parts.fragment)
            known = pages[target].places if target in pages else {place}
            if not target.is_file() or (place and place not in known):
                lost.append((path, link))
    return lost


def check(app: Any, exception: Exception | None) -> None:
    """Warn of every link that leads nowhere, once the site is built."""
    if exception is not None or app.builder.format != "html":
        return
    from sphinx.util.logging import getLogger

    root = Path(app.outdir)
    names = {app.builder.get_target_uri(name) for name in app.env.found_docs}
    paths = [root / name for name in {*names, "genindex.html", "search.html"}]
    lost = lost_links(path for path in paths if path.is_file())
    for path, link in lost:
        getLogger(__name__).warning(
            "%s: the link %s leads nowhere", path.relative_to(root.resolve()), link
        )


def setup(app: Any) -> dict[str, Any]:
    """Check after all others have written their pages."""
    app.connect("build-finished", check, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
