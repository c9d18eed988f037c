"""Draw the house: its rooms, their lines of code, and who imports whom.

``python benchmarks/house.py`` prints the rooms of the package beside this script, with
their lines of code without docstrings and comments, and how many rooms each imports.
``--package FOLDER`` takes another checkout's; ``--out PICTURE`` draws it. A room stands
above all that it imports.
"""

import argparse
import ast
import io
import tokenize
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "sklearn_sed"
BLANK = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def count_lines(path):
    """Count the lines of a file that hold code."""
    text = path.read_text(encoding="utf-8")
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in BLANK:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        docstring = docstring_of(node)
        if docstring is not None:
            lines -= set(range(docstring.lineno, docstring.end_lineno + 1))
    return len(lines)


def docstring_of(node):
    """Return the expression that is the docstring of a module, class or function."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if not isinstance(node, kinds) or not node.body:
        return None
    first = node.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return first if is_text and isinstance(first.value.value, str) else None


def measure(package):
    """Return the lines of each room, and the rooms that each imports."""
    lines, arrows = {}, {}
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        if room in ("__init__", "__main__"):
            continue
        lines[room] = lines.get(room, 0) + count_lines(path)
        arrows.setdefault(room, set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
                parts = [name.split(".") for name in names]
                arrows[room] |= {p[1] for p in parts if p[0] == "sklearn_sed" and p[1:]}
    arrows = {room: (arrows[room] & lines.keys()) - {room} for room in lines}
    return lines, arrows


def floors(arrows):
    """Return how high each room stands: above all that it imports."""

    @cache
    def floor(room):
        return 1 + max(map(floor, arrows[room]), default=0)

    return {room: floor(room) for room in arrows}


def draw(lines, arrows, out):
    """Draw rooms as boxes as large as their code, and arrows to what they import."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    height = floors(arrows)
    figure = Figure(figsize=(11, 8), layout="constrained")
    ax = figure.subplots()
    place = {}
    for level in sorted(set(height.values())):
        rooms = sorted((r for r in height if height[r] == level), key=lines.get)
        widths = [max(0.35, (lines[room] / 400) ** 0.5) for room in rooms]
        x = -(sum(widths) + 0.35 * (len(rooms) - 1)) / 2
        for room, width in zip(rooms, widths):
            place[room] = x + width / 2, 1.7 * level
            ax.add_patch(
                Rectangle(
                    (x, 1.7 * level - width / 4),
                    width,
                    width / 2,
                    facecolor="#D6E6F2",
                    edgecolor="#0072B2",
                )
            )
            x += width + 0.35
    for room, imported in arrows.items():
        for other in imported:
            ax.annotate(
                "",
                place[other],
                place[room],
                arrowprops={"arrowstyle": "->", "color": "#00000030", "lw": 0.7},
            )
    for room, (x, y) in place.items():
        ax.text(x, y, f"{room}\n{lines[room]:,}", ha="center", va="center", fontsize=7)
    n_arrows = sum(map(len, arrows.values()))
    ax.set_title(
        f"{len(lines)} rooms, {n_arrows} arrows, {sum(lines.values()):,} lines of code"
    )
    ax.autoscale_view()
    ax.set_axis_off()
    figure.savefig(out, dpi=70)


def main():
    """Print the rooms, and draw them if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", type=Path, default=PACKAGE)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    lines, arrows = measure(args.package)
    height = floors(arrows)
    print(f"{'room':18} {'lines':>6} {'imports':>8} {'floor':>6}")
    for room in sorted(lines, key=lambda room: (-height[room], room)):
        print(f"{room:18} {lines[room]:6,} {len(arrows[room]):8} {height[room]:6}")
    n_arrows = sum(map(len, arrows.values()))
    print(f"{len(lines)} rooms, {n_arrows} arrows, {sum(lines.values()):,} lines")
    if args.out:
        draw(lines, arrows, args.out)


if __name__ == "__main__":
    main()
