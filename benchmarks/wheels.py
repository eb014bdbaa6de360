"""Which of the pinned dependencies have a wheel for which Python, on this platform.

``python benchmarks/wheels.py`` asks the index that pip is set up for, a few hundred times, and
downloads nothing. What it prints is said in ``docs/reference/extras.md``.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib

from extras import ROOT, direct, project
from packaging.utils import canonicalize_name

from secateur.report.columns import named
from secateur.report.table import markdown


def pythons() -> list[str]:
    """Those of the classifiers."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = (re.search(r"Python :: (3\.\d+)$", line) for line in table["classifiers"])
    return [one[1] for one in found if one]


def pins() -> dict[str, str]:
    """The lines of ``constraints.txt``, by name."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {
        canonicalize_name(line.partition("==")[0]): line
        for line in lines
        if line and not line.startswith("#")
    }


def has_wheel(requirement: str, python: str) -> bool:
    """Whether pip would install it there without building it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps"),
            *("--ignore-installed", "--only-binary=:all:", "--python-version", python),
            *("--target", folder, requirement),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 and "No matching distribution" not in done.stderr:
        raise SystemExit(done.stderr)
    return done.returncode == 0


def main() -> None:
    """Ask, and print what is missing for each Python."""
    wanted, pinned = project(), pins()
    names = {extra: [one.name for one in direct(extra, wanted)] for extra in wanted}
    asked = sorted({canonicalize_name(name) for found in names.values() for name in found})
    lines = []
    for python in pythons():
        missing = [name for name in asked if not has_wheel(pinned.get(name, name), python)]
        lines.append((python, ", ".join(missing) or "none", len(asked)))
    print(markdown(named("Python", "without a wheel", "of"), lines))


if __name__ == "__main__":
    main()
