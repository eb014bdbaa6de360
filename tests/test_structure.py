"""How the modules hang together: no circles, nothing private borrowed, one tree of errors."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import secateur
import secateur_backends
from secateur import errors

ROOTS = {package.__name__: Path(package.__path__[0]) for package in (secateur, secateur_backends)}

VIEWS = {
    frozenset({"secateur.problem.model", "secateur.problem.parts"}),
    frozenset({"secateur.problem.moves", "secateur.problem.state"}),
    frozenset({"secateur.problem.counting", "secateur.problem.count_moves"}),
    frozenset({"secateur.solving.certificate", "secateur.solving.selection"}),
    frozenset({"secateur.measured.measured", "secateur.measured.describing"}),
    frozenset(
        {
            "secateur.result",
            "secateur.report.rows",
            "secateur.report.folder",
            "secateur.report.figure",
        }
    ),
}
"""Modules that are views of another's object, and name it in annotations only."""

ONCE = {
    "device_of": "secateur.network.device",
    "LARGEST_SEED": "secateur.seeds",
}


@cache
def modules() -> dict[str, ast.Module]:
    found = {}
    for root, folder in ROOTS.items():
        for file in folder.rglob("*.py"):
            parts = [root, *file.relative_to(folder).with_suffix("").parts]
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(file.read_text())
    return found


def imports(name: str, *, annotations: bool) -> Iterator[tuple[str, str]]:
    """The modules of ours that one imports, in functions too, with the name that it takes."""

    def below(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                if annotations:
                    yield from below(child)
                continue
            yield child
            yield from below(child)

    for node in below(modules()[name]):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner, "") if inner in modules() else (node.module or "", alias.name)


def circles(annotations: bool) -> set[frozenset[str]]:
    """The strongly connected components of more than one module (Tarjan)."""
    graph = {
        name: {to for to, _ in imports(name, annotations=annotations) if to in modules()} - {name}
        for name in modules()
    }
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: set[frozenset[str]] = set()

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for to in graph[node]:
            if to not in index:
                visit(to)
                low[node] = min(low[node], low[to])
            elif to in stack:
                low[node] = min(low[node], index[to])
        if low[node] == index[node]:
            at = stack.index(node)
            if len(stack) > at + 1:
                found.add(frozenset(stack[at:]))
            del stack[at:]

    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_no_module_imports_itself_by_others():
    """At run time: also where the import is inside a function."""
    assert circles(annotations=False) == set()


def test_annotations_make_no_circle_but_of_an_object_and_its_view():
    assert circles(annotations=True) - VIEWS == set()


def test_no_private_name_is_borrowed():
    borrowed = [
        (name, module, taken)
        for name in modules()
        for module, taken in imports(name, annotations=True)
        if module.split(".")[0] in ROOTS
        for part in (*module.split("."), taken)
        if part.startswith("_") and not part.startswith("__")
    ]
    assert borrowed == []


@pytest.mark.parametrize(("what", "home"), ONCE.items())
def test_what_several_need_exists_once(what, home):
    def defines(tree: ast.Module) -> bool:
        return any(
            (isinstance(node, ast.FunctionDef) and node.name == what)
            or (
                isinstance(node, ast.Assign)
                and any(isinstance(t, ast.Name) and t.id == what for t in node.targets)
            )
            for node in tree.body
        )

    assert [name for name, tree in modules().items() if defines(tree)] == [home]


def test_the_largest_seed_is_written_nowhere_else():
    """As 2**31 - 1, or as its number."""
    written = [
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.BinOp) and ast.unparse(node) == "2 ** 31 - 1")
        or (isinstance(node, ast.Constant) and node.value == 2**31 - 1)
    ]
    assert written == ["secateur.seeds"]


def told_tree() -> dict[str, str]:
    """Each error of the docstring's drawing, with the one that it hangs from."""
    above: dict[int, str] = {}
    found = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^( {4}[│├└─ ]*)(\w+)", line)
        if match is None or not line.strip(" │├└─"):
            continue
        depth = (len(match[1]) - 4) // 4
        above[depth] = match[2]
        found[match[2]] = above[depth - 1] if depth else "Exception"
    return found


def test_the_drawn_tree_of_errors_is_the_real_one():
    real = {
        name: kind.__bases__[0].__name__
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and kind.__module__ == errors.__name__
    }
    assert told_tree() == real


def test_every_error_of_ours_is_in_the_tree():
    """An error that leaves a module is a SecateurError of errors.py; others begin with _."""
    elsewhere = []
    for info in pkgutil.walk_packages(secateur.__path__, "secateur."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        elsewhere += [
            f"{module.__name__}.{name}"
            for name, kind in vars(module).items()
            if inspect.isclass(kind)
            and issubclass(kind, Exception)
            and kind.__module__ == module.__name__ != errors.__name__
            and not name.startswith("_")
        ]
    assert elsewhere == []
