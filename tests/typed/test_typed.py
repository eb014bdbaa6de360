"""What the type checker of a user sees: the types, and nothing that is not there."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import secateur

HERE = Path(__file__).parent
CORE = Path(secateur.__path__[0])
LAZY = sorted(
    ".".join(["secateur", *file.parent.relative_to(CORE).parts])
    for file in CORE.rglob("__init__.py")
    if "def __getattr__" in file.read_text()
)


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> list[str]:
    """What mypy says of the example and of the mistakes, in a folder that holds nothing else."""
    folder = tmp_path_factory.mktemp("user")
    for name in ("example.py", "mistakes.py"):
        shutil.copyfile(HERE / name, folder / name)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file="),
            *("--explicit-package-bases", "--no-error-summary", "example.py", "mistakes.py"),
        ],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "MYPYPATH"},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.returncode == 1, done.stdout
    return done.stdout.splitlines()


def test_the_types_of_the_main_results_are_known(said):
    assert [line for line in said if not line.startswith("mistakes.py:")] == []


def test_each_mistake_is_seen_and_no_other(said):
    marks = re.compile(r"# wrong: ([\w-]+)$")
    wanted = {
        (number, marks.search(line)[1])
        for number, line in enumerate((HERE / "mistakes.py").read_text().splitlines(), 1)
        if marks.search(line)
    }
    errors = (re.match(r"mistakes\.py:(\d+): error: .+ \[([\w-]+)\]$", line) for line in said)
    assert {(int(error[1]), error[2]) for error in errors if error} == wanted
    assert len(wanted) > 10


def test_the_example_imports_what_is_there():
    """It is not run, so that a name that has left is found here too."""
    tree = ast.parse((HERE / "example.py").read_text())
    head = [one for one in tree.body if isinstance(one, (ast.Import, ast.ImportFrom))]
    exec(compile(ast.Module(head, []), "example.py", "exec"), {})


def shown(tree: ast.Module) -> tuple[set[str], set[str]]:
    """The names that a checker is shown in place of lazy ones, and where __getattr__ stands."""
    names: set[str] = set()
    doors: set[str] = set()
    for node in tree.body:
        condition = ast.unparse(node.test) if isinstance(node, ast.If) else ""
        inner = node.body if isinstance(node, ast.If) else [node]
        for one in inner:
            if isinstance(one, ast.ImportFrom) and condition == "TYPE_CHECKING":
                names |= {alias.asname or alias.name for alias in one.names}
            if isinstance(one, ast.FunctionDef) and one.name == "__getattr__":
                doors.add(condition)
    return names, doors


@pytest.mark.parametrize("package", LAZY)
def test_lazy_names_are_shown_to_type_checkers_and_no_others(package):
    """A checker that reads the file, mypy or pyright, finds each, and takes no other."""
    module = import_module(package)
    names, doors = shown(ast.parse(Path(module.__file__).read_text()))
    assert doors == {"not TYPE_CHECKING"}
    (homes,) = (vars(module)[name] for name in ("_HOMES", "_HOME") if name in vars(module))
    assert set(homes) <= names
    assert names <= set(module.__all__)
    for name in homes:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError):
        module.nothing  # noqa: B018


def test_there_are_lazy_packages():
    assert {"secateur", "secateur.backends", "secateur.problem"} <= set(LAZY)
