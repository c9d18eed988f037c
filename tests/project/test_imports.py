"""The shape of the house: imports go one way, heavy ones wait."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_sed

ROOT = Path(sklearn_sed.__file__).parent

# A room may import from the rooms in earlier rows, and from its own.
ROWS = [
    {"_version", "exceptions", "_unwrap", "_annotated", "_fingerprint", "_compile"},
    {"_storage"},
    {"audio"},
    {"events"},
    {"_clips"},
    {"_labels", "_features", "_decoding"},
    {"metrics"},
    {"analysis"},
    {"_learners"},
    {"model_selection"},
    {"inference"},
    {"_persistence"},
    {"calibration"},
    {"datasets", "plotting", "review"},
    {"_cli"},
    {"__main__"},
]
LEAVES = {"datasets", "plotting", "review"}
ROW = {room: i for i, rooms in enumerate(ROWS) for room in rooms}
HEAVY = {"torch", "skorch", "librosa", "sed_eval", "matplotlib", "soundfile", "numba"}
TORCH = {"torch", "skorch"}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_names(path: Path):
    """Yield the modules that a file imports, relative ones made absolute."""
    package = ("sklearn_sed", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            yield module
            if module == "sklearn_sed":
                yield from (f"{module}.{alias.name}" for alias in node.names)


FILES = [p for p in sorted(ROOT.rglob("*.py")) if p != ROOT / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path):
    room = room_of(path)
    for name in imported_names(path):
        parts = name.split(".")
        if parts[0] in TORCH:
            assert room == "nn", f"only nn imports {parts[0]}"
        if parts[0] == "skorch":
            assert path.name == "_training.py", "only nn/_training.py imports skorch"
        if parts[0] != "sklearn_sed" or len(parts) == 1 or parts[1] == room:
            continue
        target = parts[1]
        if target == "__version__":
            target = "_version"
        if room == "nn":
            pytest.fail(f"nn imports nothing of ours, here {name}")
        if target == "nn":
            is_late = ROW[room] >= ROW["_learners"]
            assert is_late or room == "_features", f"{room} may not import nn"
            continue
        if target not in ROW:
            continue  # a public name of the package: resolved lazily, at run time
        assert ROW[target] < ROW[room], f"{room} imports {name}: a wrong arrow"
        is_free = target not in LEAVES or room == "_cli"
        assert is_free, f"nobody but the command imports {target}"


def test_every_room_has_its_row():
    rooms = {room_of(path) for path in FILES} - {"nn"}
    assert rooms <= set(ROW)


@pytest.mark.parametrize(
    "statement",
    [
        "import sklearn_sed",
        "from sklearn_sed import LogMelTransformer, TwoPassSED, EventDecoder; "
        "TwoPassSED()",
        "import sklearn_sed; sklearn_sed.metrics, sklearn_sed.events",
    ],
)
def test_heavy_packages_wait_for_their_first_use(statement):
    code = f"import sys\n{statement}\nprint(*({HEAVY} & set(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def test_public_names_are_there():
    for name in sklearn_sed.__all__:
        assert getattr(sklearn_sed, name) is not None
