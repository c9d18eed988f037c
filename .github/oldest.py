"""Print the oldest version of each dependency that pyproject.toml allows, as pins.

Continuous integration installs with them in place of ``.ci/constraints.txt``.
"""

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
FLOOR = re.compile(r"([\w.-]+)(?:\[[\w,-]+\])?>=([\w.]+)")


def main() -> None:
    """Print one line per requirement of the package."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"]:
        floor = FLOOR.match(requirement)
        if floor:
            print("==".join(floor.groups()))


if __name__ == "__main__":
    main()
