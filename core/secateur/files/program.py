"""A program as LP, MPS and QPLIB state it, settled into a QUBO and constraints.

What is exact is done: a fixed variable is a constant, a variable that only fills up one row is the
row's room, an integer from 0 to 1 is binary. What is left over and not binary is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dimod

from secateur.errors import FileError
from secateur.files.content import MAXIMISED, Content, wrong
from secateur.problem.constraints import Cardinality, Constraint, Linear, Quadratic
from secateur.problem.forms import CLOSE, Form, plainest

INFINITE = 1e20
"""LP and MPS write what has no bound as this or more."""
BINARY = (
    "a QUBO has variables that are 0 or 1; list them under 'binary', or as integers from 0 to 1"
)


@dataclass
class Variable:
    """A variable: its bounds, whether it is whole, and where it is first named."""

    lower: float = 0.0
    upper: float = math.inf
    whole: bool = False
    line: int = 0
    gap: str = ""
    """What else it may be, "semi-continuous"; refused."""


@dataclass
class Sum:
    """``offset + Σ linear·x + Σ pairs·x·x``; a pair of a variable with itself is its square."""

    linear: dict[Any, float] = field(default_factory=dict)
    pairs: dict[tuple[Any, Any], float] = field(default_factory=dict)
    offset: float = 0.0

    def add(self, name: str, value: float) -> None:
        """Add to a linear term."""
        self.linear[name] = self.linear.get(name, 0.0) + value

    def add_pair(self, one: str, other: str, value: float) -> None:
        """Add to a product; the order of the two means nothing."""
        key = (other, one) if (other, one) in self.pairs else (one, other)
        self.pairs[key] = self.pairs.get(key, 0.0) + value


@dataclass
class Row:
    """``lower <= body <= upper``."""

    name: str
    body: Sum
    lower: float
    upper: float
    line: int = 0


@dataclass
class Program:
    """All of it, as a file states it."""

    path: Path
    variables: dict[str, Variable] = field(default_factory=dict)
    objective: Sum = field(default_factory=Sum)
    maximise: bool | None = None
    rows: list[Row] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def variable(self, name: str, line: int) -> Variable:
        """The variable of a name; a new one where it was not named before."""
        found = self.variables.get(name)
        if found is None:
            found = self.variables[name] = Variable(line=line)
        return found


def settle(program: Program) -> Content:
    """The program as a QUBO and constraints.

    Raises:
        FileError: a variable that is not binary, rows of one name, or a row that nothing keeps.
    """
    _Settling(program).reduce()
    path, variables = program.path, program.variables
    for name, variable in variables.items():
        if variable.gap or not (variable.whole and (variable.lower, variable.upper) == (0.0, 1.0)):
            raise wrong(path, variable.line, f"the variable {name!r} is {_kind(variable)}", BINARY)
    if not variables:
        raise FileError(f"{path}: it has no variables", remedy="list them under 'binary'")
    objective = _binary(program.objective)
    bqm = dimod.BinaryQuadraticModel("BINARY")
    used = dict.fromkeys([*objective.linear, *(v for pair in objective.pairs for v in pair)])
    for row in program.rows:
        used |= dict.fromkeys([*row.body.linear, *(v for pair in row.body.pairs for v in pair)])
    bqm.add_linear_from(dict.fromkeys([*used, *variables], 0.0))
    bqm.add_linear_from(objective.linear)
    bqm.add_quadratic_from((a, b, q) for (a, b), q in objective.pairs.items())
    bqm.offset = objective.offset
    constraints = []
    names: set[str] = set()
    for row in program.rows:
        if row.name in names:
            raise wrong(path, row.line, f"a second row is called {row.name!r}", "rename one")
        names.add(row.name)
        made = _constraint(path, row, bqm.num_variables)
        if made is not None:
            constraints.append(made)
    notes = dict(program.notes)
    if program.maximise:
        bqm.scale(-1.0)
        notes |= MAXIMISED
    sense: Any = {True: "maximise", False: "minimise", None: None}[program.maximise]
    return Content(bqm, tuple(constraints), notes, tuple(program.warnings), sense)


def _kind(variable: Variable) -> str:
    kind = variable.gap or ("integer" if variable.whole else "continuous")
    return f"not binary: it is {kind}, from {variable.lower:g} to {variable.upper:g}"


def _binary(body: Sum) -> Sum:
    """With squares as linear terms: a bit is its own square."""
    made = Sum(dict(body.linear), {}, body.offset)
    for (a, b), value in body.pairs.items():
        if a == b:
            made.add(a, value)
        else:
            made.add_pair(a, b, value)
    return made


class _Settling:
    """Takes away, one kind after the other, what is no variable of the QUBO."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.fixed: dict[str, float] = {}

    def reduce(self) -> None:
        for name, variable in self.program.variables.items():
            self._round(name, variable)
        self._bounds_of_rows()
        self._fix()
        self._drop_zeros()
        self._rooms()
        self._unused()
        if self.fixed:
            self.program.notes["fixed"] = dict(self.fixed)

    def _round(self, name: str, variable: Variable) -> None:
        if variable.whole:
            if math.isfinite(variable.lower):
                variable.lower = float(math.ceil(variable.lower))
            if math.isfinite(variable.upper):
                variable.upper = float(math.floor(variable.upper))
        if not variable.lower <= variable.upper:
            what = f"the variable {name!r} can be nothing, from {variable.lower:g} to "
            raise wrong(
                self.program.path, variable.line, f"{what}{variable.upper:g}", "mend its bounds"
            )

    def _bounds_of_rows(self) -> None:
        """A row of one variable that is not binary is a bound, as Pyomo writes constants."""
        kept = []
        for row in self.program.rows:
            terms = [(name, c) for name, c in row.body.linear.items() if c]
            if len(terms) == 1 and not row.body.pairs:
                (name, c), variable = terms[0], self.program.variables[terms[0][0]]
                binary = variable.whole and variable.lower >= 0.0 and variable.upper <= 1.0
                if not binary and not variable.gap:
                    ends = sorted((bound - row.body.offset) / c for bound in (row.lower, row.upper))
                    variable.lower = max(variable.lower, ends[0])
                    variable.upper = min(variable.upper, ends[1])
                    self._round(name, variable)
                    continue
            kept.append(row)
        self.program.rows = kept

    def _fix(self) -> None:
        variables = self.program.variables
        self.fixed = {
            name: v.lower for name, v in variables.items() if v.lower == v.upper and not v.gap
        }
        if self.fixed:
            for body in (self.program.objective, *(row.body for row in self.program.rows)):
                _substitute(body, self.fixed)
            for name in self.fixed:
                del variables[name]

    def _drop_zeros(self) -> None:
        """A term of weight zero is none, unless it tells that a bit is there."""
        variables = self.program.variables
        for body in (self.program.objective, *(row.body for row in self.program.rows)):
            for name in [n for n, c in body.linear.items() if not c and not _is_bit(variables[n])]:
                del body.linear[name]
            for pair in [pair for pair, c in body.pairs.items() if not c]:
                if not all(_is_bit(variables[name]) for name in pair):
                    del body.pairs[pair]

    def _rooms(self) -> None:
        """A variable that is in one row and nowhere else says how much room the row has."""
        places: dict[str, list[Row | None]] = {}
        objective = self.program.objective
        for name in (*objective.linear, *(v for pair in objective.pairs for v in pair)):
            places.setdefault(name, []).append(None)
        for row in self.program.rows:
            for name in row.body.linear:
                places.setdefault(name, []).append(row)
            for name in {v for pair in row.body.pairs for v in pair}:
                places.setdefault(name, []).extend((None, None))
        # continuous ones first: a whole one is room only where all else in its row is whole
        for name, variable in sorted(self.program.variables.items(), key=lambda one: one[1].whole):
            found = places.get(name, [])
            if len(found) != 1 or found[0] is None or _is_bit(variable) or variable.gap:
                continue
            row = found[0]
            c = row.body.linear[name]
            if variable.whole and not self._whole_row(row, name):
                continue
            ends = sorted((c * variable.lower, c * variable.upper))
            row.lower -= ends[1]
            row.upper -= ends[0]
            del row.body.linear[name]
            del self.program.variables[name]

    def _whole_row(self, row: Row, name: str) -> bool:
        """All else in it is whole too, and this variable counts in ones."""
        names = {*row.body.linear, *(v for pair in row.body.pairs for v in pair)}
        return (
            abs(row.body.linear[name]) == 1.0
            and all(self.program.variables[one].whole for one in names)
            and all(c == int(c) for c in (*row.body.linear.values(), *row.body.pairs.values()))
            and row.body.offset == int(row.body.offset)
            and all(math.isinf(b) or b == int(b) for b in (row.lower, row.upper))
        )

    def _unused(self) -> None:
        used = set(self.program.objective.linear)
        for body in (self.program.objective, *(row.body for row in self.program.rows)):
            used |= {*body.linear, *(v for pair in body.pairs for v in pair)}
        names = [
            name
            for name, variable in self.program.variables.items()
            if name not in used and not _is_bit(variable)
        ]
        for name in names:
            del self.program.variables[name]
        if names:
            shown = ", ".join(names[:5])
            self.program.warnings.append(
                f"{len(names)} variables that are not binary are in no term, and left out: {shown}"
            )


def _is_bit(variable: Variable) -> bool:
    return variable.whole and variable.lower >= 0.0 and variable.upper <= 1.0


def _substitute(body: Sum, fixed: Mapping[str, float]) -> None:
    for name in [name for name in body.linear if name in fixed]:
        body.offset += body.linear.pop(name) * fixed[name]
    for pair in [pair for pair in body.pairs if pair[0] in fixed or pair[1] in fixed]:
        value = body.pairs.pop(pair)
        left = [name for name in pair if name not in fixed]
        for name in pair:
            value *= fixed.get(name, 1.0)
        if left:
            body.add(left[0], value)
        else:
            body.offset += value


def _constraint(path: Path, row: Row, n: int) -> Constraint | None:
    """The plainest constraint that says a row; None if every vector keeps it.

    Raises:
        FileError: no vector keeps it.
    """
    body = _binary(row.body)
    linear = {name: c for name, c in body.linear.items() if c}
    pairs = {pair: c for pair, c in body.pairs.items() if c}
    lower, upper = row.lower - body.offset, row.upper - body.offset
    terms = (*linear.values(), *pairs.values())
    least, most = sum(c for c in terms if c < 0.0), sum(c for c in terms if c > 0.0)
    room = CLOSE * max(1.0, most - least)
    if not (least <= upper + room and lower <= most + room) or lower > upper + room:
        raise wrong(
            path,
            row.line,
            f"the row {row.name!r} wants {lower:g} to {upper:g}, and its sum is {least:g} to "
            f"{most:g}",
            "no vector keeps it: mend the row",
        )
    if not terms or (math.isinf(lower) and math.isinf(upper)):
        return None
    form = Form(linear, pairs, 0.0)
    if lower == upper or math.isinf(lower) or math.isinf(upper):
        sense = "==" if lower == upper else "<=" if math.isinf(lower) else ">="
        made = plainest(row.name, form, sense, upper if sense != ">=" else lower, n)
        if sense == "==" and isinstance(made, Linear) and len(set(linear.values())) == 1:
            each = next(iter(linear.values()))
            raise wrong(
                path,
                row.line,
                f"the row {row.name!r} wants {lower / each:g} ones",
                "no vector keeps it: mend the row",
            )
        return made
    if pairs:
        return Quadratic(row.name, linear, pairs, 0.0, lower, upper)
    if len(set(linear.values())) == 1:
        each = next(iter(linear.values()))
        ends = sorted((lower / each, upper / each))
        low, high = math.ceil(ends[0] - CLOSE), math.floor(ends[1] + CLOSE)
        if low <= high:
            low = max(low, 0)
            labels = None if low == high and len(linear) == n else tuple(linear)
            return Cardinality(row.name, labels, low, min(high, len(linear)))
    return Linear(row.name, linear, lower, upper)
