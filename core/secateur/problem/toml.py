"""Constraints from a file that a person writes, labels by glob; and back.

::

    [[constraint]]
    kind = "at-most"
    number = 8
    of = "layers.3:*"

The keys of each kind are in ``KEYS``. What the texts mean is the same everywhere:

- Labels are told by their text, ``str(label)``. A text that *is* a label means that label alone,
  whatever characters it has. Any other is a glob: ``*`` stands for any characters, ``?`` for one;
  ``[`` and ``]`` stand for themselves.
- Variables come in the order of the problem, each once, also where two globs name it.
- ``number`` is a count (36), a share of the variables that are named (0.36, "36%"), of all of them
  for ``count``. A share is rounded so that the demand is kept: down for ``at-most``, up for
  ``at-least``, else to the nearest, as ``--amount`` is.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Callable, Hashable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from secateur.errors import ConstraintError, FileError
from secateur.plainfile import MOST_TEXT, check_new, read_plain
from secateur.problem.budgets import Budget
from secateur.problem.constraints import (
    Cardinality,
    Constraint,
    Linear,
    Quadratic,
    at_least,
    at_most,
    count,
    exactly,
    keep,
    linear,
    multiple_of,
    quadratic,
    remove,
    tied,
)
from secateur.problem.demands import check_kind
from secateur.problem.globs import Labels, nearest
from secateur.problem.toml_budgets import read_budget, written_budget

Label = Hashable

KEYS: Mapping[str, tuple[str, ...]] = {
    "count": ("number",),
    "at-most": ("number", "of"),
    "at-least": ("number", "of"),
    "exactly": ("number", "of"),
    "multiple-of": ("number", "of", "counted"),
    "between": ("of", "lower", "upper", "step"),
    "among": ("numbers", "of"),
    "tied": ("of",),
    "keep": ("of",),
    "remove": ("of",),
    "linear": ("coefficients", "lower", "upper"),
    "quadratic": ("terms", "linear", "offset", "lower", "upper"),
    "budget": ("groups", "linear", "pairs", "fixed", "upper", "widths"),
}
"""What a table of each kind may hold beside ``kind`` and ``name``."""

_OPTIONAL = {"counted", "lower", "upper", "step", "offset", "linear", "pairs", "fixed", "widths"}
_ROUNDED: dict[str, Callable[[Fraction], int]] = {"at-most": math.floor, "at-least": math.ceil}


def read_constraints(path: Path | str, labels: Sequence[Label]) -> tuple[Constraint, ...]:
    """The constraints of a TOML file.

    Arguments:
        path: of the file.
        labels: of the problem, in its order.

    Raises:
        FileError: it cannot be read, or is no TOML.
        ConstraintError: a table is wrong; its number is said, the first is 1.
    """
    path = Path(path)
    try:
        text = read_plain(path, most=MOST_TEXT).decode("utf-8-sig")
        data = tomllib.loads(text.replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        raise FileError(
            f"{path} is no text (byte {error.start})", remedy="save it as UTF-8"
        ) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FileError(f"{path} is no TOML: {error}", remedy="mend that line") from error
    return _parse(data, labels, f"{path}, ")


def parse_constraints(
    source: str | Mapping[str, Any], labels: Sequence[Label]
) -> tuple[Constraint, ...]:
    """The constraints of a TOML text, or of what it was parsed to.

    Arguments:
        source: text, or a mapping with the list ``constraint``.
        labels: of the problem, in its order.

    Raises:
        ConstraintError: it is no TOML, or a table is wrong.
    """
    if isinstance(source, str):
        try:
            source = tomllib.loads(source)
        except tomllib.TOMLDecodeError as error:
            raise ConstraintError(
                f"the constraints are no TOML: {error}",
                remedy="mend that line; a file is read with read_constraints(path, labels)",
            ) from error
    return _parse(source, labels, "")


def _parse(data: Mapping[str, Any], labels: Sequence[Label], where: str) -> tuple[Constraint, ...]:
    beside = [key for key in data if key != "constraint"]
    if beside or "constraint" not in data:
        found = f"there is {beside[0]!r}" if beside else "there is no constraint"
        raise ConstraintError(
            f"{where}{found}" if where else found, remedy="write tables that begin [[constraint]]"
        )
    tables = data["constraint"]
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise ConstraintError(
            f"{where}'constraint' is no list of tables",
            remedy="write [[constraint]], in double brackets",
        )
    known = Labels(labels)
    made: list[Constraint] = []
    names: dict[str, int] = {}
    for number, table in enumerate(tables, start=1):
        called = f" ({table['name']!r})" if isinstance(table.get("name"), str) else ""
        try:
            constraint = _constraint(table, known)
            if constraint.name in names:
                raise ConstraintError(
                    f"it is called {constraint.name!r}, as constraint {names[constraint.name]} is",
                    remedy="give it another name",
                )
        except ConstraintError as error:
            raise ConstraintError(
                f"{where}constraint {number}{called}: {error.message}", remedy=error.remedy
            ) from error
        names[constraint.name] = number
        made.append(constraint)
    return tuple(made)


def _constraint(table: Mapping[str, Any], known: Labels) -> Constraint:
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KEYS:
        raise ConstraintError(
            "it has no kind" if kind is None else f"there is no kind {kind!r}",
            remedy=nearest(str(kind), KEYS),
        )
    keys = ("kind", "name", *KEYS[kind])
    for key in table:
        if key not in keys:
            raise ConstraintError(f"{kind!r} has no key {key!r}", remedy=nearest(key, keys))
    for key in KEYS[kind]:
        needed = key not in _OPTIONAL or (kind, key) == ("budget", "upper")
        if key not in table and needed and (kind, key) not in (("between", "of"), ("among", "of")):
            raise ConstraintError(f"{kind!r} needs the key {key!r}", remedy=_EXAMPLES[key])
    name = table.get("name")
    if name is not None and not (isinstance(name, str) and name):
        raise ConstraintError(f"the name is {name!r}", remedy='write a text: name = "memory"')
    if kind == "linear":
        return _linear(table, name, known)
    if kind == "quadratic":
        return _quadratic(table, name, known)
    if kind == "budget":
        return read_budget(table, name, known)
    return _cardinality(kind, table, name, known)


_EXAMPLES = {
    "number": 'write number = 8, or a share: number = "36%"',
    "of": 'write of = "layers.3:*", or a list; of = "*" is all variables',
    "coefficients": 'write coefficients = { "layers.3:*" = 2.0 }',
    "terms": 'write terms = [["a", "b", 2.0]]',
    "numbers": "write numbers = [0, 8, 24]",
    "groups": 'write groups = ["layers.3:*", "layers.4:*"]',
    "upper": "write upper = 1000.0",
}


def _cardinality(
    kind: str, table: Mapping[str, Any], name: str | None, known: Labels
) -> Cardinality:
    everything = "of" not in table
    named = tuple(known.labels) if everything else known.find(table["of"])
    words = "" if everything else f": {_text_of(table['of'])}"
    if kind == "between":
        bounds = {key: table[key] for key in ("lower", "upper", "step") if key in table}
        if not bounds:
            raise ConstraintError("it demands nothing", remedy="give lower, upper or step")
        shown = ", ".join(f"{key} {value}" for key, value in bounds.items())
        name = name or f"{shown}{words or ': all'}"
        return Cardinality(name, None if everything else named, **bounds)
    if kind == "among":
        numbers = table["numbers"]
        if not isinstance(numbers, list):
            raise ConstraintError(f"the numbers are {numbers!r}", remedy=_EXAMPLES["numbers"])
        name = name or f"{', '.join(map(str, numbers))}{words or ': all'}"
        return Cardinality(name, None if everything else named, numbers=tuple(numbers))
    if kind in ("tied", "keep", "remove"):
        make = {"tied": tied, "keep": keep, "remove": remove}[kind]
        return make(*named, name=name or f"{kind}{words}")
    number = _number_of(table["number"], kind, len(named))
    if kind == "count":
        return count(number, name=name or "count")
    name = name or f"{kind} {table['number']}{words}"
    if kind == "multiple-of":
        return multiple_of(number, named, of=table.get("counted", "ones"), name=name)
    return {"at-most": at_most, "at-least": at_least, "exactly": exactly}[kind](
        number, named, name=name
    )


def _number_of(value: Any, kind: str, size: int) -> int:
    """A count, or what a share of ``size`` variables comes to."""
    if isinstance(value, int) and not isinstance(value, bool):
        if kind not in ("at-most", "multiple-of") and value > size:
            raise ConstraintError(
                f"{value} ones are wanted of {size} variables", remedy=f"ask for at most {size}"
            )
        return value
    share: Fraction | None = None
    if isinstance(value, float) and 0.0 < value < 1.0:
        share = Fraction(repr(value))
    elif isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?\s*%", value.strip()):
        share = Fraction(value.strip().rstrip("% \t")) / 100
    if share is None or share > 1 or kind == "multiple-of":
        how = "" if kind == "multiple-of" else ', or a share: number = "36%"'
        raise ConstraintError(f"the number is {value!r}", remedy=f"write number = 8{how}")
    return _ROUNDED.get(kind, round)(share * size)


def _linear(table: Mapping[str, Any], name: str | None, known: Labels) -> Linear:
    given = _table(table["coefficients"], "coefficients")
    return linear(
        known.spread(given),
        **_bounds(table),
        name=name or f"linear: {', '.join(given)}",
    )


def _quadratic(table: Mapping[str, Any], name: str | None, known: Labels) -> Quadratic:
    ones = _table(table.get("linear", {}), "linear")
    terms = table["terms"]
    if not isinstance(terms, list):
        raise ConstraintError(f"terms is {terms!r}", remedy=_EXAMPLES["terms"])
    pairs: dict[tuple[Label, Label], float] = {}
    for term in terms:
        if not isinstance(term, list) or len(term) != 3:
            raise ConstraintError(f"a term is {term!r}", remedy=_EXAMPLES["terms"])
        _real(term[2], f"the coefficient of {term!r}")
        first, second = known.find(term[0]), known.find(term[1])
        both = set(first) & set(second)
        if both:
            raise ConstraintError(
                f"the term {term!r} couples {min(map(str, both))!r} with itself",
                remedy="a pair is of two different variables; z·z = z belongs to linear",
            )
        for one in first:
            for other in second:
                key = (other, one) if (other, one) in pairs else (one, other)
                pairs[key] = pairs.get(key, 0.0) + term[2]
    return quadratic(
        known.spread(ones),
        pairs,
        offset=_real(table.get("offset", 0.0), "the offset"),
        **_bounds(table),
        name=name or "quadratic",
    )


def _bounds(table: Mapping[str, Any]) -> dict[str, float]:
    return {key: _real(table[key], key) for key in ("lower", "upper") if key in table}


def _real(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConstraintError(f"{what} is {value!r}", remedy="write a number")
    return float(value)


def _table(value: Any, what: str) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise ConstraintError(
            f"{what} is {value!r}", remedy=f'write {what} = {{ "layers.3:*" = 2.0 }}'
        )
    return {key: _real(number, f"the coefficient of {key!r}") for key, number in value.items()}


def _text_of(of: Any) -> str:
    items = of if isinstance(of, list) else [of]
    return ", ".join(map(str, items[:3])) + (", …" if len(items) > 3 else "")


# -- back ------------------------------------------------------------------------------------------


def to_toml(constraints: Sequence[Constraint], labels: Sequence[Label]) -> str:
    """The constraints as TOML that ``parse_constraints`` reads as the same ones.

    Arguments:
        constraints: to be written.
        labels: of the problem; each label must have a text of its own.

    Raises:
        ConstraintError: a label's text is not its own, or not among ``labels``.
    """
    known = Labels(labels)
    tables = [_written(constraint, known) for constraint in constraints]
    return "\n".join(tables) if tables else "constraint = []\n"


def write_constraints(
    path: Path | str, constraints: Sequence[Constraint], labels: Sequence[Label]
) -> None:
    """Write the constraints to a new file; see ``to_toml``.

    Raises:
        FileError: the file exists, or cannot be written.
    """
    text = to_toml(constraints, labels)
    check_new(Path(path))
    try:
        with Path(path).open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise FileError(f"{path} exists", remedy="give a new path, or remove it") from error
    except OSError as error:
        raise FileError(
            f"{path} cannot be written: {error.strerror}", remedy="choose another path"
        ) from error


def _written(constraint: Constraint, known: Labels) -> str:
    def quoted(label: Label) -> str:
        return _quoted(known.text(label))

    check_kind(constraint)
    lines = [f"name = {_quoted(constraint.name)}"]
    if isinstance(constraint, Cardinality):
        if constraint.kind == "count":
            lines += ['kind = "count"', f"number = {constraint.lower}"]
        else:
            if constraint.numbers is not None:
                lines += ['kind = "among"', f"numbers = {list(constraint.numbers)}"]
            else:
                lines += ['kind = "between"', f"lower = {constraint.lower}"]
                if constraint.upper is not None:
                    lines.append(f"upper = {constraint.upper}")
                if constraint.step > 1:
                    lines.append(f"step = {constraint.step}")
            if constraint.variables is not None:
                lines.append(f"of = [{', '.join(map(quoted, constraint.variables))}]")
        return "\n".join(["[[constraint]]", *lines, ""])
    if isinstance(constraint, Budget):
        return "\n".join(["[[constraint]]", *lines, *written_budget(constraint, quoted), ""])
    assert isinstance(constraint, (Linear, Quadratic))
    for key, bound in (("lower", constraint.lower), ("upper", constraint.upper)):
        if math.isfinite(bound):
            lines.append(f"{key} = {bound!r}")
    if isinstance(constraint, Linear):
        key, ones = "coefficients", constraint.coefficients
        lines.insert(1, 'kind = "linear"')
    else:
        key, ones = "linear", constraint.linear
        lines.insert(1, 'kind = "quadratic"')
        terms = [
            f"    [{quoted(first)}, {quoted(second)}, {value!r}],"
            for (first, second), value in constraint.quadratic.items()
        ]
        lines += [f"offset = {constraint.offset!r}", "terms = [", *terms, "]"]
    lines += ["", f"[constraint.{key}]"]
    lines += [f"{quoted(label)} = {value!r}" for label, value in ones.items()]
    return "\n".join(["[[constraint]]", *lines, ""])


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which JSON leaves as it is
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
