"""Build the wheel, install it into an empty environment, and try it there.

The environment starts with the newest setuptools, as a new one would; installing the
wheel must bring what sed_eval needs. Every module is imported, one clip is scored.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]

TRIAL = """
import importlib, pkgutil
from importlib import resources
import sklearn_sed
from sklearn_sed.events import make_events
from sklearn_sed.metrics import event_based_f1_score

assert "site-packages" in sklearn_sed.__file__, sklearn_sed.__file__
names = [m.name for m in pkgutil.walk_packages(sklearn_sed.__path__, "sklearn_sed.")]
for name in names:
    importlib.import_module(name)
assert (resources.files("sklearn_sed.review") / "_page" / "page.js").is_file()
table = make_events([0.5], [1.5], ["Dog"])
score = event_based_f1_score([table], [table])
assert score == 1.0, score
print(f"{len(names)} modules imported, one clip scored by sed_eval: F1 = {score}")
"""


def main() -> None:
    """Run the check; any failure ends it."""
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, str(ROOT))
        (wheel,) = Path(folder).glob("*.whl")
        venv.create(Path(folder) / "venv", with_pip=True)
        python = str(Path(folder) / "venv" / "bin" / "python")
        pip = (python, "-m", "pip", "install", "--quiet")
        run(*pip, "--upgrade", "setuptools")
        run(*pip, "--constraint", str(ROOT / ".ci" / "constraints.txt"), str(wheel))
        run(python, "-m", "pip", "check")
        run(python, "-W", "error", "-c", TRIAL, cwd=folder)


def run(*command: str, cwd: str | None = None) -> None:
    """Run a command, or stop."""
    subprocess.run(command, check=True, cwd=cwd)


if __name__ == "__main__":
    main()
