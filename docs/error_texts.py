"""The texts of the errors, read from the code that raises them.

A text is what is written in the code, with ``…`` where it puts a value. Where a function makes an
error of what its caller says (``wrong(path, line, what)``), the texts are those of its callers.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from functools import cache

from error_code import (
    ANY,
    MOST,
    NAMES,
    PACKAGES,
    ROUNDS,
    Hole,
    Module,
    Parts,
    Scope,
    Text,
    errors,
    filled,
    joined,
    words,
)

from secateur.stages import KINDS

__all__ = ["Code", "Text", "code", "errors", "taken_over", "texts"]


class Code:
    """All files, with the texts of all their functions."""

    def __init__(self) -> None:
        self.modules: dict[str, Module] = {}
        for package in PACKAGES:
            for path in sorted(package.rglob("*.py")):
                module = Module(path, package)
                self.modules[module.name] = module
        self.scopes = [scope for one in self.modules.values() for scope in one.scopes]
        methods = [one.methods for one in self.modules.values()]
        names = set(itertools.chain.from_iterable(methods))
        self.methods = {name: [s for one in methods for s in one.get(name, [])] for name in names}
        for scope in self.scopes:
            scope.texts = list(self._made(scope))
        followed: set[tuple[Scope, Text]] = set()
        asked: dict[Scope, int] = {}
        calls = [
            (scope, call, helper)
            for scope in self.scopes
            for call in scope.calls
            for helper in self._called(scope, call)
            if helper.parameters
        ]
        for _ in range(ROUNDS):
            asked, before = {scope: len(scope.texts) for scope in self.scopes}, asked
            for scope, call, helper in calls:
                for text in helper.texts[before.get(helper, 0) : asked[helper]]:
                    if text.parameters:
                        more = list(self._said(scope, call, helper, text))
                        scope.texts += [one for one in more if one not in scope.texts]
                        if more:
                            followed.add((helper, text))
        kept: dict[tuple[str, str], Text] = {}
        for scope in self.scopes:
            for text in scope.texts:
                if text.says and (scope, text) not in followed:
                    kept.setdefault((str(text.error), text.said), text)
        self.texts = sorted(kept.values(), key=lambda one: (one.said.lower(), one.module))

    def _made(self, scope: Scope) -> Iterator[Text]:
        """What is made here, whoever raises it."""
        for node in scope.calls:
            given = list(node.args)
            remedy = [one.value for one in node.keywords if one.arg == "remedy"]
            kinds = self._classes(scope, node.func)
            if (
                isinstance(node.func, ast.Attribute)
                and node.func.attr == "error"
                and len(given) > 2
            ):
                kinds, remedy = self._of_kinds(scope, given[0]), given[3:4]
                given = given[2:3]
            elif not kinds:
                continue
            if isinstance(node.func, ast.Name | ast.Attribute) and kinds == ["CertificateError"]:
                prefix: Parts = (Hole(), ": ")  # where
            else:
                prefix = ()
            message = given[:1] or [one.value for one in node.keywords if one.arg == "message"]
            messages = self.alternatives(scope, message[0]) if message else [ANY]
            remedies = self.alternatives(scope, remedy[0]) if remedy else [()]
            for kind, said, mend in itertools.product(kinds, messages, remedies):
                yield Text(kind, prefix + said, mend, scope.module.name, node.lineno)

    def _classes(self, scope: Scope, func: ast.expr) -> list[str | Hole]:
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if name in NAMES:
            return [name]
        if isinstance(func, ast.Name) and name in scope.parameters and self._is_class(scope, name):
            return [Hole(name)]
        if isinstance(func, ast.Name):  # one of several, that was chosen before
            return sorted(
                one for node in scope.assigned.get(name, []) for one in self._chosen(scope, node)
            )
        return []

    @staticmethod
    def _chosen(scope: Scope, node: ast.expr) -> set[str]:
        """The classes that an expression chooses among, also in a mapping of the module."""
        named = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
            return set()
        mapped = [
            value
            for name in named
            for value in scope.module.top.assigned.get(name, [])
            if isinstance(value, ast.Dict)
        ]
        inside = {one.id for node in mapped for one in ast.walk(node) if isinstance(one, ast.Name)}
        return (named | inside) & NAMES

    @staticmethod
    def _is_class(scope: Scope, name: str) -> bool:
        assert not isinstance(scope.node, ast.Module)
        every = (*scope.node.args.args, *scope.node.args.kwonlyargs)
        noted = [one.annotation for one in every if one.arg == name]
        return any(one is not None and "Error" in ast.unparse(one) for one in noted)

    def _of_kinds(self, scope: Scope, chosen: ast.expr) -> list[str | Hole]:
        """Of ``kind.error(kind.not_found, …)``: the classes of all kinds of stage."""
        if isinstance(chosen, ast.Name):
            every = scope.assigned.get(chosen.id, [])
        elif isinstance(chosen, ast.IfExp):
            every = [chosen.body, chosen.orelse]
        else:
            every = [chosen]
        flat = [
            one
            for node in every
            for one in ([node.body, node.orelse] if isinstance(node, ast.IfExp) else [node])
        ]
        fields = [one.attr for one in flat if isinstance(one, ast.Attribute)]
        found = {
            getattr(kind, name).__name__ for kind in KINDS for name in fields if hasattr(kind, name)
        }
        return sorted(found)

    def _called(self, scope: Scope, call: ast.Call) -> list[Scope]:
        """Our functions that a call may be of."""
        func = call.func
        if isinstance(func, ast.Name):
            looked: Scope | None = scope
            while looked is not None:
                if func.id in looked.inner:
                    return [looked.inner[func.id]]
                looked = looked.outer
            if func.id in scope.module.functions:
                return [scope.module.functions[func.id]]
            place, name = scope.module.imported.get(func.id, ("", ""))
            return self._function(place, name)
        if isinstance(func, ast.Attribute):
            if isinstance(func.value, ast.Name) and func.value.id == "self":
                own = [
                    one
                    for one in scope.module.methods.get(func.attr, [])
                    if one.owner == self._owner(scope)
                ]
                if own:
                    return own
            if call in scope.ends:
                return self.methods.get(func.attr, [])
        return []

    @staticmethod
    def _owner(scope: Scope) -> str:
        looked: Scope | None = scope
        while looked is not None and not looked.owner:
            looked = looked.outer
        return looked.owner if looked else ""

    def _function(self, place: str, name: str) -> list[Scope]:
        """A function of another module, also through the ``__init__`` of its package."""
        for _ in range(3):
            module = self.modules.get(place) or self.modules.get(f"{place}.__init__")
            if module is None:
                return []
            if name in module.functions:
                return [module.functions[name]]
            place, name = module.imported.get(name, ("", ""))
        return []

    def _said(self, scope: Scope, call: ast.Call, helper: Scope, text: Text) -> Iterator[Text]:
        """A text of a helper, with what one caller says."""
        given = dict(zip(helper.parameters, call.args, strict=False))
        given |= {one.arg: one.value for one in call.keywords if one.arg}
        values: dict[str, list[Parts]] = {}
        says = isinstance(text.error, Hole)
        for name in sorted(text.parameters):
            if name in given:
                values[name] = self.alternatives(scope, given[name])
            elif name in helper.defaults:
                values[name] = self.alternatives(helper, helper.defaults[name])
            else:
                values[name] = [ANY]
            told = name in given and any(
                " " in one for parts in values[name] for one in words(parts)
            )
            says |= told
            if not told:  # a name or a number, or what its own caller says
                values[name] = [
                    parts if any(isinstance(one, Hole) and one.parameter for one in parts) else ANY
                    for parts in values[name]
                ]
        if not says:
            return
        kinds: list[str | Hole] = [text.error]
        if isinstance(text.error, Hole):
            func = given.get(text.error.parameter) or helper.defaults.get(text.error.parameter)
            kinds = self._classes(scope, func) if func is not None else []
        names = list(values)
        for kind in kinds:
            for chosen in itertools.islice(itertools.product(*values.values()), MOST):
                put = dict(zip(names, chosen, strict=True))
                yield Text(
                    kind,
                    filled(text.message, put),
                    filled(text.remedy, put),
                    scope.module.name,
                    call.lineno,
                )

    def alternatives(
        self, scope: Scope, node: ast.expr, seen: frozenset[str] = frozenset()
    ) -> list[Parts]:
        """What an expression may be, as far as it is written in the code."""
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                return [(node.value,)]
            return [()] if node.value is None else [ANY]
        if isinstance(node, ast.JoinedStr):
            found = [
                self.alternatives(
                    scope, one.value if isinstance(one, ast.FormattedValue) else one, seen
                )
                for one in node.values
            ]
            return joined(found)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return joined([self.alternatives(scope, one, seen) for one in (node.left, node.right)])
        if isinstance(node, ast.IfExp):
            return self._either(scope, (node.body, node.orelse), seen)
        if isinstance(node, ast.BoolOp):
            return self._either(scope, node.values, seen)
        trimmed = ("strip", "rstrip", "lstrip", "removesuffix")
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in trimmed:
            return self.alternatives(scope, called.value, seen)
        if isinstance(node, ast.Name) and node.id not in seen:
            return self._named(scope, node.id, seen | {node.id})
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return self._carried(scope, node.value.id, node.attr) or [ANY]
        return [ANY]

    def _carried(self, scope: Scope, name: str, field: str) -> list[Parts]:
        """What a function of ours wrote into an object that it returned: a ``Fault``."""
        found: list[Parts] = []
        for made in scope.assigned.get(name, []):
            for helper in self._called(scope, made) if isinstance(made, ast.Call) else []:
                for call in helper.calls:
                    if isinstance(call.func, ast.Name) and call.func.id == "Fault" and call.args:
                        number = {"message": 0, "remedy": 1}.get(field)
                        if number is not None:
                            every = self.alternatives(helper, call.args[number])
                            found += [tuple(plain(one) for one in parts) for parts in every]
        return list(dict.fromkeys(found))[:MOST]

    def _either(
        self, scope: Scope, nodes: list[ast.expr] | tuple[ast.expr, ...], seen: frozenset[str]
    ) -> list[Parts]:
        every = [one for node in nodes for one in self.alternatives(scope, node, seen)]
        return list(dict.fromkeys(every))[:MOST]

    def _named(self, scope: Scope, name: str, seen: frozenset[str]) -> list[Parts]:
        if name in scope.parameters:
            return [(Hole(name),)]
        here = scope.assigned.get(name)
        if here:
            return self._either(scope, here, seen)
        top = scope.module.top.assigned.get(name) if scope is not scope.module.top else None
        if top:
            return self._either(scope.module.top, top, seen)
        place, original = scope.module.imported.get(name, ("", ""))
        module = self.modules.get(place) or self.modules.get(f"{place}.__init__")
        if module is not None:
            there = module.top.assigned.get(original)
            if there:
                return self._either(module.top, there, seen)
        return [ANY]


def plain(part: str | Hole) -> str | Hole:
    """A part that no caller says."""
    return Hole() if isinstance(part, Hole) else part


def passed_on(code: Code) -> dict[str, set[str]]:
    """Classes whose message another class takes over as it is, by that other class."""
    found: dict[str, set[str]] = {}
    for scope in code.scopes:
        handlers = {
            node.name: {one.id for one in ast.walk(node.type) if isinstance(one, ast.Name)} & NAMES
            for node in scope.nodes
            if isinstance(node, ast.ExceptHandler) and node.name and node.type is not None
        }
        for call in scope.calls:
            name = getattr(call.func, "id", "")
            message = call.args[0] if call.args else None
            if name in NAMES and isinstance(message, ast.Attribute) and message.attr == "message":
                source = getattr(message.value, "id", "")
                found.setdefault(name, set()).update(handlers.get(source, set()))
    return {name: kinds for name, kinds in found.items() if kinds}


@cache
def code() -> Code:
    """All files; read once."""
    return Code()


@cache
def taken_over() -> dict[str, set[str]]:
    """As ``passed_on``, of all files."""
    return passed_on(code())


@cache
def texts() -> tuple[Text, ...]:
    """Every text of every error, sorted."""
    return tuple(code().texts)
