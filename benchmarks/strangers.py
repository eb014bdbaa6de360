"""Five solvers of strangers as plugins, written with what one page teaches, put through the kit.

    python benchmarks/strangers.py

The page is docs/how-to/add-a-backend.md. From its recipe for a distribution, its test and one
module of benchmarks/strangers each, a distribution is written, installed beside the library in a
fresh environment with the project's constraints, and tested with the kit. A module that uses
anything of the library that the page does not name is refused first.
"""

from __future__ import annotations

import ast
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

from common import parser, write

from secateur.report.columns import Column
from secateur.report.table import markdown

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "how-to" / "add-a-backend.md"
MODULES = ROOT / "benchmarks" / "strangers"
SOLVERS = {
    "cp_sat": ("OR-tools CP-SAT", "ortools"),
    "highs": ("HiGHS, linearised", "highspy"),
    "hybrid_race": ("dwave-hybrid", "dwave-hybrid"),
    "minimum_eigen": ("MinimumEigenOptimizer with QAOA", "qiskit-optimization"),
    "bifurcation": ("simulated-bifurcation", "simulated-bifurcation"),
}
"""By module: what it is, and the distribution that it needs."""
PYTORCH = ("bifurcation",)
"""Those that bring it themselves; the library and the kit need none."""
OWN = ("problem", "options", "option", "wrap")


def main() -> None:
    arguments = parser(__doc__, "strangers.json")
    arguments.add_argument(
        "--only", nargs="+", choices=list(SOLVERS), help="these, beside what the output has"
    )
    given = arguments.parse_args()
    page = PAGE.read_text()
    rows: dict[str, dict[str, Any]] = {}
    if given.only and given.output.exists():
        rows = {one["solver"]: one for one in json.loads(given.output.read_text())["rows"]}
    for module in given.only or SOLVERS:
        untaught = not_taught((MODULES / f"{module}.py").read_text(), page)
        if untaught:
            raise SystemExit(f"{module} uses what the page does not teach: {untaught}")
        made = row(module, page, given.quick)
        rows[made["solver"]] = made
        print(made, file=sys.stderr, flush=True)
    order = [rows[solver] for solver, _ in SOLVERS.values() if solver in rows]
    write(given.output, {"rows": order, "python": platform.python_version()}, table)
    if any(one["failed"] or not one["passed"] for one in order if not given.quick):
        raise SystemExit("a stranger's solver does not pass the kit")


def table(content: dict[str, Any]) -> str:
    columns = [
        Column("solver", lambda one: one["solver"], left=True),
        Column("distribution", lambda one: one["distribution"], left=True),
        Column("lines of code", lambda one: one["lines"]),
        Column("kit passed", lambda one: one["passed"]),
        Column("kit failed", lambda one: one["failed"]),
        Column("seconds", lambda one: one["seconds"]),
    ]
    return markdown(columns, content["rows"])


def row(module: str, page: str, quick: bool) -> dict[str, Any]:
    """One solver: its distribution written, and, unless it is to be quick, installed and tested."""
    solver, needs = SOLVERS[module]
    found = {
        "solver": solver,
        "distribution": needs,
        "lines": lines_of((MODULES / f"{module}.py").read_text()),
        "passed": 0,
        "failed": 0,
        "seconds": 0.0,
    }
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        write_distribution(module, page, work / "mine")
        if quick:
            return found
        python = work / "venv" / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", str(work / "venv")], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "-c"]
        install += [str(ROOT / "constraints.txt"), str(ROOT), "pytest", str(work / "mine")]
        subprocess.run(install, check=True, cwd=work)
        version = f"from importlib.metadata import version; print(version({needs!r}))"
        told = subprocess.run([str(python), "-c", version], capture_output=True, text=True)
        found["distribution"] = f"{needs} {told.stdout.strip()}"
        here = "from importlib.util import find_spec; print(find_spec('torch') is not None)"
        torch = subprocess.run([str(python), "-c", here], capture_output=True, text=True)
        if torch.stdout.strip() != str(module in PYTORCH):
            raise SystemExit(f"PyTorch beside {module}: {torch.stdout}{torch.stderr}")
        started = time.perf_counter()
        kit = subprocess.run(
            [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "mine/test_mine.py"],
            cwd=work,
            capture_output=True,
            text=True,
        )
        found["seconds"] = round(time.perf_counter() - started, 1)
        for word in ("passed", "failed"):
            number = re.search(rf"(\d+) {word}", kit.stdout)
            found[word] = int(number[1]) if number else 0
        if kit.returncode:
            print(kit.stdout[-3000:], kit.stderr[-1000:], file=sys.stderr)
            found["failed"] = found["failed"] or 1
    return found


def write_distribution(module: str, page: str, folder: Path) -> None:
    """The page's recipe with this module and what it needs; the page's test with its name."""
    folder.mkdir(parents=True)
    name = module.replace("_", "-")
    assert name not in [needs for _, needs in SOLVERS.values()], "the solver's own distribution"
    recipe = recipes(page)["my-solver"].replace("my_solver", module).replace("my-solver", name)
    needed = SOLVERS[module][1]
    (folder / "pyproject.toml").write_text(recipe.replace('"ortools"', f'"{needed}"'))
    shutil.copy(MODULES / f"{module}.py", folder)
    kit = next(one for one in blocks(page, "python") if "BackendConformance" in one)
    kit = re.sub(r"\n    options = .*", "", kit).replace('"annealing"', f'"{name}"')
    (folder / "test_mine.py").write_text(kit)


def recipes(page: str) -> dict[str, str]:
    """The page's distributions, by name."""
    return {tomllib.loads(one)["project"]["name"]: one for one in blocks(page, "toml")}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.+?)```", page, re.DOTALL)


def lines_of(code: str) -> int:
    """Lines that are neither empty nor a comment nor a docstring."""
    tree = ast.parse(code)
    docstrings: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docstrings |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") and number not in docstrings
        for number, line in enumerate(code.splitlines(), 1)
    )


def not_taught(code: str, page: str) -> list[str]:
    """The names of the library, and what is used of them, that the page does not name."""
    used: set[str] = set()
    own = set(OWN)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("secateur"):
            used |= {alias.name for alias in node.names}
            own |= {alias.asname or alias.name for alias in node.names}
    for node in ast.walk(ast.parse(code)):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in own - {"options"}
        ):
            used.add(node.attr)
        if isinstance(node, ast.Call):
            called = node.func.value if isinstance(node.func, ast.Attribute) else node.func
            if isinstance(called, ast.Name) and called.id in own:
                used |= {one.arg for one in node.keywords if one.arg}
    fenced = "\n".join(re.findall(r"```.+?```", page, re.DOTALL))
    spans = re.findall(r"`([^`]+)`", re.sub(r"```.+?```", "", page, flags=re.DOTALL))
    taught = set(re.findall(r"\w+", "\n".join([fenced, *spans])))  # as code, not in passing
    return sorted(used - taught)


if __name__ == "__main__":
    main()
