"""LP files, as people's solvers write them.

Read here and not with ``dimod.lp``, which passes over bounds, a second objective and words that it
does not know, takes ``info`` for infinity times ``o``, and names no line (dimod 0.12.23). What is
not understood here is an error.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise
from pathlib import Path

from secateur.errors import FileError
from secateur.files.content import Content, remarks, wrong
from secateur.files.lp_tokens import COMPARE, REMEDY, Section, Token, sections_of
from secateur.files.program import INFINITE, Program, Row, Sum, settle

_END = Token("end", "", 0)
_INFINITE = ("inf", "infinity", "infty")
_BLOCK_NAME = re.compile(r"(?:problem\s+name|model)\s*:?\s+(\S.*)", re.IGNORECASE)


def read_lp(path: Path, data: bytes) -> Content:
    """The objective as a QUBO, and the rows as constraints.

    A fixed variable is a constant, an integer from 0 to 1 is binary, a continuous one that only
    fills up one row is that row's room. A maximisation is negated, and the notes say so.

    Raises:
        FileError: not an LP file, truncated, or with variables that are not binary.
    """
    sections, comments = sections_of(path, data)
    program = Program(path)
    objective = _Parser(program, sections[0])
    program.maximise = sections[0].kind == "max"
    program.objective = objective.objective()
    for section in sections[1:]:
        parser = _Parser(program, section)
        if section.kind == "rows":
            parser.rows()
        elif section.kind == "bounds":
            parser.bounds()
        else:
            parser.kinds()
    program.notes, told = remarks(comments)
    for comment in comments:
        if found := _BLOCK_NAME.fullmatch(comment.strip("\\* ")):
            program.notes["name"] = found[1]
            break
    program.warnings += told
    return settle(program)


class _Parser:
    """Reads the tokens of one section into the program."""

    def __init__(self, program: Program, section: Section) -> None:
        self.program, self.path = program, program.path
        self.section, self.place = section, 0

    @property
    def token(self) -> Token:
        return self.after(0)

    def after(self, more: int) -> Token:
        """The token some places on."""
        tokens, place = self.section.tokens, self.place + more
        return tokens[place] if place < len(tokens) else _END

    def take(self) -> Token:
        token = self.token
        self.place += 1
        return token

    def wanted(self, what: str) -> FileError:
        """The error that says what should be at this place."""
        last = self.section.tokens[-1].line if self.section.tokens else self.section.line
        found = repr(self.token.text[:40]) if self.token is not _END else "the section ends"
        return wrong(self.path, self.token.line or last, f"{found} where {what} is wanted", REMEDY)

    def accept(self, text: str) -> bool:
        """Whether this is next; if so it is taken."""
        found = self.token.text == text
        self.place += found
        return found

    def number(self) -> float:
        if self.token.kind != "number":
            raise self.wanted("a number")
        value = float(self.token.text)
        if not math.isfinite(value):
            raise wrong(self.path, self.token.line, f"{self.token.text[:40]!r} is not finite")
        self.place += 1
        return value

    def bound(self) -> float:
        """A number with signs, or infinity."""
        sign = self.signs()
        if self.token.text.lower() in _INFINITE:
            self.place += 1
            return sign * math.inf
        if self.token.kind == "number" and float(self.token.text) >= INFINITE:
            self.place += 1
            return sign * math.inf
        return sign * self.number()

    def two(self, what: str) -> None:
        if self.token.kind != "number" or float(self.token.text) != 2.0:
            raise self.wanted(what)
        self.place += 1

    def name(self) -> str:
        if self.token.kind != "name":
            raise self.wanted("a variable")
        token = self.take()
        self.program.variable(token.text, token.line)
        return token.text

    def signs(self) -> float:
        """The product of the signs here."""
        sign = 1.0
        while self.token.text in ("+", "-"):
            sign *= 1.0 if self.take().text == "+" else -1.0
        return sign

    def label(self) -> str | None:
        """``name:`` in front."""
        if self.token.kind == "name" and self.after(1).text == ":":
            label = self.take().text
            self.place += 1
            return label
        return None

    def objective(self) -> Sum:
        """``name: 2 a - b + [ c * d + e ^ 2 ] / 2 + 1``."""
        label = self.label()
        if label is None and self.token.text == "multi" and self.after(1).text == "-":
            raise wrong(self.path, self.token.line, "a QUBO has one objective", REMEDY)
        body = self.expression(objective=True)
        if self.token is not _END:
            raise self.wanted("'+' or '-'")
        return body

    def expression(self, *, objective: bool) -> Sum:
        """Terms, up to what is none: a comparison, or a word without a sign."""
        body = Sum()
        first = True
        while self.token is not _END and self.token.text not in COMPARE:
            if not first and self.token.text not in ("+", "-"):
                break
            sign = self.signs()
            first = False
            if self.accept("["):
                self.bracket(body, sign, objective=objective)
                continue
            factor = sign * (self.number() if (counted := self.token.kind == "number") else 1.0)
            if self.token.kind == "name" and not (counted and self.after(1).text == ":"):
                body.add(self.name(), factor)
            elif counted:
                body.offset += factor
            else:
                raise self.wanted("a number or a variable")
        return body

    def bracket(self, body: Sum, sign: float, *, objective: bool) -> None:
        """``[ 2 a * b + c ^ 2 ] / 2``; a row's bracket has no half."""
        terms: list[tuple[str, str, float]] = []
        while not self.accept("]"):
            if terms and self.token.text not in ("+", "-"):
                raise self.wanted("'+' or '-'")
            factor = sign * self.signs()
            if self.token.kind == "number":
                factor *= self.number()
            one = self.name()
            if self.accept("*"):
                terms.append((one, self.name(), factor))
            elif self.accept("^"):
                self.two("'*' or '^ 2'")
                terms.append((one, one, factor))
            else:
                raise self.wanted("'*' or '^ 2'")
        half = 1.0
        if self.accept("/"):
            self.two("'/ 2' behind the bracket")
            half = 0.5
        elif objective:
            self.program.warnings.append("a bracket of the objective has no '/ 2': taken whole")
        for one, other, factor in terms:
            body.add_pair(one, other, half * factor)

    def rows(self) -> None:
        """``name: a + b <= 1``, ``-1 <= a + b <= 3``, ``3 >= a + b``."""
        tokens = self.section.tokens
        taken = {row.name for row in self.program.rows}
        taken |= {a.text for a, b in pairwise(tokens) if b.text == ":"}
        while self.token is not _END:
            line = self.token.line
            label = self.label()
            body = self.expression(objective=False)
            limits: list[tuple[float | None, float | None]] = []
            if not body.linear and not body.pairs:
                limits.append(self.turned(body.offset))
                body = self.expression(objective=False)
                if not body.linear and not body.pairs:
                    raise self.wanted("a variable")
            if not limits or self.token.text in COMPARE:
                limits.append(self.limits())
            if label is None:
                label = _free(len(self.program.rows) + 1, taken)
                taken.add(label)
            lower = max((low for low, _ in limits if low is not None), default=-math.inf)
            upper = min((high for _, high in limits if high is not None), default=math.inf)
            self.program.rows.append(Row(label, body, lower, upper, line))

    def limits(self) -> tuple[float | None, float | None]:
        """The bounds that ``<= 3`` says of what stands before it."""
        sign = self.comparison()
        value = self.bound()
        return (None if sign == "<" else value, None if sign == ">" else value)

    def turned(self, value: float) -> tuple[float | None, float | None]:
        """The bounds that ``3 >=`` says of what stands behind it."""
        sign = self.comparison()
        return (None if sign == ">" else value, None if sign == "<" else value)

    def comparison(self) -> str:
        if self.token.text not in COMPARE:
            raise self.wanted("'='")
        return self.take().text.strip("=") or "="

    def bounds(self) -> None:
        """``0 <= a <= 1``, ``a = 1``, ``a free``, ``a >= -inf``; each replaces what was before."""
        while self.token is not _END:
            limits: list[tuple[float | None, float | None]] = []
            text = self.token.text
            if self.token.kind == "number" or text in ("+", "-") or text.lower() in _INFINITE:
                limits.append(self.turned(self.bound()))
            variable = self.program.variables[self.name()]
            if not limits and self.token.text.lower() == "free":
                self.place += 1
                limits.append((-math.inf, math.inf))
            elif self.token.text in COMPARE:
                limits.append(self.limits())
            elif not limits:
                raise self.wanted("'free', '<=', '=' or '>='")
            for lower, upper in limits:
                variable.lower = variable.lower if lower is None else lower
                variable.upper = variable.upper if upper is None else upper

    def kinds(self) -> None:
        """Names of variables that are binary, integer or semi-continuous."""
        while self.token is not _END:
            token = self.token
            if token.kind != "name":
                what = f"{token.text!r} is not the name of a variable"
                raise wrong(self.path, token.line, what, REMEDY)
            variable = self.program.variables[self.name()]
            if self.section.kind == "semi":
                raise wrong(
                    self.path, self.section.line, f"a QUBO has no {self.section.head!r}", REMEDY
                )
            variable.whole = True
            if self.section.kind == "binary":
                variable.lower = max(variable.lower, 0.0)
                variable.upper = min(variable.upper, 1.0)


def _free(number: int, taken: set[str]) -> str:
    """A name for a row that has none."""
    while f"row {number}" in taken:
        number += 1
    return f"row {number}"
