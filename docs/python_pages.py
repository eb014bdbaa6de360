"""The directive that writes down what a package makes public: ``{public-names} secateur.problem``.

Every name of its ``__all__`` is told once, where it is at home; elsewhere it is a link.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

DOCS = Path(__file__).parent
PUBLIC = {
    "secateur": "python",
    "secateur.measured": "python/pruning",
    "secateur.methods": "python/pruning",
    "secateur.tasks": "python/pruning",
    "secateur.report": "python/pruning",
    "secateur.network": "python/networks",
    "secateur.statistics": "python/networks",
    "secateur.surgery": "python/networks",
    "secateur.budgets": "python/networks",
    "secateur.objectives": "python/choosing",
    "secateur.refine": "python/choosing",
    "secateur.recover": "python/choosing",
    "secateur.problem": "python/problems",
    "secateur.files": "python/problems",
    "secateur.solving": "python/problems",
    "secateur.certify": "python/problems",
    "secateur.backends": "python/backends",
    "secateur.study": "python/studies",
    "secateur.study.instances": "python/studies",
    "secateur.study.export": "python/studies",
    "secateur.study.report": "python/studies",
    "secateur.study.statistics": "python/studies",
    "secateur.study.tuning": "python/studies",
    "secateur.testing": "python/kits",
    "secateur.operators": "python/kits",
    "secateur.zoo": "python/kits",
    "secateur.schemas": "python/kits",
}
"""Packages that are for users, and their page of the reference."""
INTERNAL = {
    "secateur.evaluator": "how many masks are run quickly",
    "secateur.pruning": "what prune and compare are made of",
    "secateur.report.curve": "the table of `secateur demo`",
    "secateur.study.report.charts": "the plots of a report",
    "secateur.study.spec": "what load_study is made of",
    "secateur.surgery.compensation": "its names are those of secateur.surgery",
}
"""Packages that have an ``__all__`` for the library itself: no promise is made of them."""
OWN_PAGE = re.compile(r"auto(?:class|function)::\s+(secateur\S+)")


def names_of(package: str) -> list[str]:
    """What a package makes public."""
    return list(importlib.import_module(package).__all__)


def thing(package: str, name: str) -> Any:
    """What a public name stands for."""
    return getattr(importlib.import_module(package), name)


def is_told(one: Any) -> bool:
    """Whether it is a class or a function of ours, which has an entry of its own."""
    return inspect.isclass(one) or inspect.isroutine(inspect.unwrap(one))


@cache
def told_elsewhere() -> dict[int, str]:
    """What other pages of the reference have an entry of: the name that it has there."""
    found = {}
    for page in sorted(DOCS.rglob("*.md")):
        for target in OWN_PAGE.findall(page.read_text(encoding="utf-8")):
            package, _, name = target.rpartition(".")
            found[id(thing(package, name))] = target
    return found


@cache
def homes() -> dict[int, str]:
    """Where everything is told: on a page of its own, or with the first package that has it."""
    found = dict(told_elsewhere())
    for package in PUBLIC:
        if package != "secateur":  # its names are those of its packages
            for name in names_of(package):
                one = thing(package, name)
                if is_told(one):
                    found.setdefault(id(one), f"{package}.{name}")
    found.setdefault(id(thing("secateur", "SecateurError")), "secateur.errors.SecateurError")
    return found


def entries(package: str) -> Iterator[tuple[str, str, str]]:
    """The names of a package with how they are told: "class", "function", "data" or "link"."""
    for name in names_of(package):
        one, target = thing(package, name), f"{package}.{name}"
        if name.startswith("__") or not is_told(one):
            yield name, "data", target
        elif id(one) in told_elsewhere() or homes()[id(one)] != target:
            yield name, "link", homes()[id(one)]
        else:
            yield name, "class" if inspect.isclass(one) else "function", target


def meaning(package: str, name: str) -> str:
    """What the text behind the assignment of a name says, in the module that it comes from."""
    tree = ast.parse(inspect.getsource(importlib.import_module(package)))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                if name == (one.asname or one.name):
                    return meaning(node.module, one.name)
    for node, after in pairwise(tree.body):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Name) and one.id == name for one in targets):
                return " ".join(str(ast.literal_eval(after.value)).split())
    return ""


class PublicNames(Directive):
    """``{public-names} PACKAGE``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        package = self.arguments[0]
        told, linked = [], []
        for name, kind, target in entries(package):
            if kind == "link":
                role = "class" if inspect.isclass(thing(package, name)) else "func"
                linked.append(f"* ``{name}``: :py:{role}:`{target}`")
            elif name == "__version__":
                linked.append("* ``__version__``: of the library, a text")
            elif kind == "data":
                about = meaning(package, name)
                told += [f".. py:data:: {target}", *([""] if about else []), f"   {about}", ""]
            else:
                told.append(f".. auto{kind}:: {target}")
        lines = ["```{eval-rst}", *told, "", *linked, "```"]
        box = nodes.Element()
        self.state.nested_parse(StringList(lines, source=package), 0, box)
        return list(box.children)


def setup(app):
    """Called by Sphinx."""
    app.add_directive("public-names", PublicNames)
    return {"parallel_read_safe": True}
