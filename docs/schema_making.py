"""Schemas from declarations: a class with its hints and its docstring, options, columns."""

from __future__ import annotations

import builtins
import dataclasses
import enum
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from secateur.options import Options
from secateur.report.columns import Column

Schema = dict[str, Any]
ARGUMENT = re.compile(r"^    (\w+): (.+?)(?=^    \w+: |^\S|^\n\S|\Z)", re.MULTILINE | re.DOTALL)

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
TRUTH: Schema = {"type": "boolean"}
ANYTHING: Schema = {}
HASH: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def said(schema: Schema, text: str) -> Schema:
    """A schema with what it means."""
    return {**schema, "description": text}


def maybe(schema: Schema) -> Schema:
    """Or null."""
    if isinstance(schema.get("type"), str) and set(schema) <= {"type"}:
        return {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def each(schema: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": schema}


def by_name(schema: Schema) -> Schema:
    """An object whose keys are names of something."""
    return {"type": "object", "additionalProperties": schema}


def record(
    properties: Mapping[str, Schema], *, optional: Iterable[str] = (), more: bool | Schema = False
) -> Schema:
    """An object with these keys.

    Arguments:
        properties: of every key.
        optional: keys that may be missing.
        more: what further keys hold; none are promised not to be there where it is true.
    """
    left = [name for name in properties if name not in set(optional)]
    return {
        "type": "object",
        "properties": dict(properties),
        "required": left,
        "additionalProperties": more,
    }


def arguments(kind: type) -> dict[str, str]:
    """What the docstring of a class says of its fields, and of its properties."""
    text = inspect.getdoc(kind) or ""
    part = re.split(r"^(?:Arguments|Attributes):\n", text, maxsplit=1, flags=re.MULTILINE)[-1]
    found = {name: " ".join(words.split()) for name, words in ARGUMENT.findall(part)}
    for name, value in vars(kind).items():
        function = getattr(value, "fget", None) or getattr(value, "func", None)
        if function is not None and function.__doc__:
            found.setdefault(name, inspect.cleandoc(function.__doc__).split("\n\n")[0].strip())
    return {name: in_json(text) for name, text in found.items()}


def in_json(text: str) -> str:
    """A text about Python's values, about those of JSON."""
    for word, other in (("None", "null"), ("True", "true"), ("False", "false")):
        text = re.sub(rf"\b{word}\b", other, text)
    return text.replace("``", "`")


class Names(dict[str, Any]):
    """The names of a module, and what it imports for hints only as ``Any``."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, Any)


def hints_of(kind: type) -> dict[str, Any]:
    """The types of the fields of a class, also where they are imported for hints only."""
    found: dict[str, Any] = {}
    for one in reversed(kind.__mro__):
        names = Names(vars(sys.modules[one.__module__]))
        for name, hint in vars(one).get("__annotations__", {}).items():
            try:
                found[name] = eval(hint, {}, names) if isinstance(hint, str) else hint
            except AttributeError:  # of a module that is imported for hints only
                found[name] = Any
    return found


class Making:
    """One document while it is made.

    Arguments:
        number: what stands for a float.
    """

    def __init__(self, number: Schema = NUMBER) -> None:
        self.number = number
        self.parts: dict[str, Schema] = {}

    def hint(self, hint: Any) -> Schema:
        """The schema of a type."""
        if hint is Any:
            return ANYTHING
        plain = {str: TEXT, Path: TEXT, int: WHOLE, float: self.number, bool: TRUTH}
        if hint in plain:
            return plain[hint]
        if hint is type(None):
            return {"type": "null"}
        inner, kind = typing.get_args(hint), typing.get_origin(hint)
        if kind is typing.Literal:
            return {"enum": list(inner)}
        if kind in (typing.Union, types.UnionType):
            others = [one for one in inner if one is not type(None)]
            schemas = [self.hint(one) for one in others]
            joined = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
            return maybe(joined) if len(others) < len(inner) else joined
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return {"enum": [str(one.value) for one in hint]}
        if dataclasses.is_dataclass(hint):
            return self.part(hint)
        if kind is not None and issubclass(kind, Mapping):
            return by_name(self.hint(inner[1]))
        if kind is not None and issubclass(kind, Iterable):
            if kind is tuple and inner[-1] is not Ellipsis:
                return {"type": "array", "prefixItems": [self.hint(one) for one in inner]}
            return each(self.hint(inner[0]))
        raise TypeError(f"no schema of {hint!r}")

    def part(self, kind: type) -> Schema:
        """A class that occurs within: told once."""
        if kind.__name__ not in self.parts:
            self.parts[kind.__name__] = {}
            self.parts[kind.__name__] = self.of(kind)
        return {"$ref": f"#/$defs/{kind.__name__}"}

    def of(
        self,
        kind: type,
        *,
        without: Iterable[str] = (),
        changed: Mapping[str, Schema] | None = None,
        optional: Iterable[str] = (),
        more: bool = False,
    ) -> Schema:
        """A class as an object of its fields.

        Arguments:
            kind: a dataclass, or options.
            without: fields that are not written.
            changed: keys that are written otherwise than the field is, or besides.
            optional: keys that may be missing.
            more: whether further keys may come.
        """
        hints, told = hints_of(kind), arguments(kind)
        made: dict[str, Schema] = {}
        for field in dataclasses.fields(kind):
            if field.name in set(without):
                continue
            schema = (changed or {}).get(field.name) or self.hint(hints[field.name])
            if issubclass(kind, Options):
                text = field.metadata.get("text", "")
            else:
                text = told.get(field.name, "")
            made[field.name] = said(schema, text) if text else schema
        for name, schema in (changed or {}).items():
            if name not in made:
                made[name] = said(schema, told[name]) if name in told else schema
        found = record(made, optional=optional, more=more)
        about = (inspect.getdoc(kind) or "").split("\n\n")[0]
        return {"description": in_json(" ".join(about.split())), **found}

    def columns(self, columns: Iterable[Column], kinds: Mapping[str, Schema]) -> Schema:
        """The rows of a table: the keys of its columns.

        Arguments:
            columns: of the table.
            kinds: the schema by key.
        """
        keys = dict.fromkeys(column.place[0] for column in columns if column.place)
        return record({key: kinds[key] for key in keys})

    def document(self, name: str, title: str, where: str, schema: Schema) -> Schema:
        """The whole document.

        Arguments:
            name: of the schema.
            title: what it is, in a line.
            where: the commands and files that it is of.
            schema: of its content.
        """
        whole = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:secateur:{name}",
            "title": title,
            "$comment": where,
            **{key: value for key, value in schema.items() if key != "title"},
        }
        return whole | ({"$defs": self.parts} if self.parts else {})


VERSIONS = said(by_name(TEXT), "of Python, the machine, secateur and the packages that count")
OPTIONS = said({"type": "object"}, "as they were resolved; secrets are left out")
PROVENANCE = said(
    {"type": "object"},
    "how it came about: method, options, versions, incumbents, what was charged; keys may come",
)
NOTES = said(each(TEXT), "for people")
PAIRS = {
    "tied": said(each(each(TEXT)), "layers whose channels leave together"),
    "not_pruned": said(each(record({"path": TEXT, "reason": TEXT})), "layers that stay, and why"),
}

MADE: dict[str, tuple[str, str, Callable[[Making], Schema]]] = {}
"""Title, where it is written, and what makes it, by name."""


def document(
    name: str, title: str, where: str
) -> Callable[[Callable[[Making], Schema]], Callable[[Making], Schema]]:
    """Declare a document.

    Arguments:
        name: of its schema.
        title: what it is, in a line.
        where: the commands and files that it is of.
    """

    def declared(make: Callable[[Making], Schema]) -> Callable[[Making], Schema]:
        MADE[name] = title, where, make
        return make

    return declared


def schema_of(name: str) -> Schema:
    """One document's schema."""
    title, where, make = MADE[name]
    making = Making()
    return making.document(name, title, where, make(making))
