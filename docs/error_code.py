"""The code as functions with what they assign, call, raise and return, read from its files."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import secateur.errors
from secateur.errors import SecateurError

ROOT = Path(__file__).parents[1]
PACKAGES = (ROOT / "core" / "secateur", ROOT / "backends" / "secateur_backends")
MOST = 12
"""Texts that one place may have, by what it chooses among."""
ROUNDS = 4
"""How far what a caller says is followed."""


@dataclass(frozen=True)
class Hole:
    """A value that is put into a text.

    Arguments:
        parameter: of the function, if the value is one; "" else.
    """

    parameter: str = ""


Parts = tuple[str | Hole, ...]
ANY: Parts = (Hole(),)


@dataclass(frozen=True)
class Text:
    """What an error may say.

    Arguments:
        error: name of its class; a hole where a caller says it.
        message: with holes.
        remedy: with holes; empty: it has none.
        module: that says it.
        line: there.
    """

    error: str | Hole
    message: Parts
    remedy: Parts
    module: str
    line: int

    @property
    def said(self) -> str:
        """The message as it is shown."""
        return shown(self.message)

    @property
    def mend(self) -> str:
        """The remedy as it is shown."""
        return shown(self.remedy)

    @property
    def parameters(self) -> set[str]:
        """What a caller says of it."""
        every = (self.error, *self.message, *self.remedy)
        return {one.parameter for one in every if isinstance(one, Hole)} - {""}

    @property
    def says(self) -> bool:
        """Whether something of the message is in the code, and the class known."""
        told = "".join(one for one in self.message if isinstance(one, str))
        return isinstance(self.error, str) and any(letter.isalpha() for letter in told)


def shown(parts: Parts) -> str:
    """Parts as one line, with ``…`` for the values."""
    text = "".join("…" if isinstance(one, Hole) else one for one in parts)
    while "……" in text:
        text = text.replace("……", "…")
    return " ".join(text.split())


def errors() -> list[type[SecateurError]]:
    """The classes of the tree, in the order of their module."""
    found = vars(secateur.errors).values()
    return [one for one in found if isinstance(one, type) and issubclass(one, SecateurError)]


NAMES = {one.__name__ for one in errors()}


@dataclass(eq=False)
class Scope:
    """A function, or the top of a module."""

    module: Module
    node: ast.FunctionDef | ast.Module
    owner: str = ""
    outer: Scope | None = None
    inner: dict[str, Scope] = field(default_factory=dict)
    texts: list[Text] = field(default_factory=list)

    @cached_property
    def parameters(self) -> list[str]:
        """Names, without ``self``."""
        if isinstance(self.node, ast.Module):
            return []
        given = self.node.args
        every = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        return every[1:] if every[:1] in (["self"], ["cls"]) else every

    @property
    def defaults(self) -> dict[str, ast.expr]:
        """Of the parameters."""
        if isinstance(self.node, ast.Module):
            return {}
        given = self.node.args
        plain = [one.arg for one in (*given.posonlyargs, *given.args)]
        pairs = list(zip(reversed(plain), reversed(given.defaults), strict=False))
        pairs += [
            (one.arg, value)
            for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True)
            if value is not None
        ]
        return dict(pairs)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Its nodes, without those of the functions inside."""
        found: list[ast.AST] = []
        waiting: list[ast.AST] = list(ast.iter_child_nodes(self.node))
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
                continue
            found.append(node)
            waiting += ast.iter_child_nodes(node)
        return found

    @cached_property
    def calls(self) -> list[ast.Call]:
        """The calls here."""
        return [node for node in self.nodes if isinstance(node, ast.Call)]

    @cached_property
    def ends(self) -> set[ast.expr]:
        """What is raised or returned here."""
        raised = {node.exc for node in self.nodes if isinstance(node, ast.Raise) and node.exc}
        return raised | {
            node.value for node in self.nodes if isinstance(node, ast.Return) and node.value
        }

    @cached_property
    def assigned(self) -> dict[str, list[ast.expr]]:
        """What is written to the names here."""
        found: dict[str, list[ast.expr]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Assign):
                targets = node.targets
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
                targets = [node.target]
            else:
                for name, value in looped(node):
                    found.setdefault(name, []).append(value)
                continue
            for one in targets:
                if isinstance(one, ast.Name) and node.value is not None:
                    found.setdefault(one.id, []).append(node.value)
        return found


def looped(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """What a loop over something that is written out gives to names."""
    if not isinstance(node, ast.For) or not isinstance(node.iter, ast.Tuple | ast.List):
        return
    for one in node.iter.elts:
        if isinstance(node.target, ast.Name):
            yield node.target.id, one
        elif isinstance(node.target, ast.Tuple) and isinstance(one, ast.Tuple):
            for target, value in zip(node.target.elts, one.elts, strict=False):
                if isinstance(target, ast.Name):
                    yield target.id, value


class Module:
    """A file of the code."""

    def __init__(self, path: Path, package: Path) -> None:
        self.name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.top = Scope(self, self.tree)
        self.scopes = [self.top]
        self.functions: dict[str, Scope] = {}
        self.methods: dict[str, list[Scope]] = {}
        self.imported: dict[str, tuple[str, str]] = {}
        self._enter(self.tree, self.top, "")
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for one in node.names:
                    self.imported[one.asname or one.name] = (node.module, one.name)

    def _enter(self, node: ast.AST, outer: Scope, owner: str) -> None:
        for one in ast.iter_child_nodes(node):
            if isinstance(one, ast.ClassDef):
                self._enter(one, outer, one.name)
            elif isinstance(one, ast.FunctionDef):
                scope = Scope(self, one, owner, outer)
                self.scopes.append(scope)
                if owner:
                    self.methods.setdefault(one.name, []).append(scope)
                elif outer is self.top:
                    self.functions[one.name] = scope
                else:
                    outer.inner[one.name] = scope
                self._enter(one, scope, "")
            else:
                self._enter(one, outer, owner)


def joined(found: list[list[Parts]]) -> list[Parts]:
    """Every way to put alternatives one after another, up to ``MOST``."""
    ways = itertools.islice(itertools.product(*found), MOST)
    return [tuple(itertools.chain.from_iterable(one)) for one in ways]


def words(parts: Parts) -> list[str]:
    """What is written of a text."""
    return [one for one in parts if isinstance(one, str)]


def filled(parts: Parts, values: dict[str, Parts]) -> Parts:
    """Parts with the holes of these parameters filled."""
    made: list[str | Hole] = []
    for one in parts:
        if isinstance(one, Hole) and one.parameter:
            made += values.get(one.parameter, ANY)
        else:
            made.append(one)
    return tuple(made)
