"""LP files: a quadratic objective over binary variables and, if wanted, one count.

Read here and not with ``dimod.lp``, which passes over bounds, a second objective and words that it
does not know, takes ``info`` for infinity times ``o``, and names no line (dimod 0.12.23). What is
not understood here is an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dimod

from secateur.errors import FileError
from secateur.files.formats import MAXIMISED, Content, lines, wrong

_SECTION = re.compile(
    r"(?:(?P<min>min(?:imi[sz]e|imum)?)|(?P<max>max(?:imi[sz]e|imum)?)"
    r"|(?P<rows>subject\s+to|such\s+that|st|s\.t\.|st\.)|(?P<bounds>bounds?)"
    r"|(?P<binary>bin(?:ary|aries)?)|(?P<end>end)"
    r"|(?P<other>general\s+constraints?|gencons?|lazy\s+constraints|user\s+cuts|pwlobj|sos[12]?"
    r"|semi(?:s|-continuous)?|sec)"
    r"|(?P<integer>gen(?:erals?)?|int(?:egers?)?))(?!\S)",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[^\s0-9.+\-*/^<>=:\[\]\\][^\s+\-*/^<>=:\[\]\\]*(?:\[[^\s\[\]]*\])?)"
    r"|(?P<sign><=|>=|=<|=>|[+\-*/^:<>=\[\]]))"
)
_BOUND = re.compile(
    r"(?:-?[0.]+\s*<=?\s*)?[^\s<>=]+(?:\s*<=?\s*1(?:\.0*)?)?|[^\s<>=]+\s*>=?\s*[0.]+"
)
_COMPARE = ("<=", "=<", "<", ">=", "=>", ">", "=")
_REMEDY = "the reference, file formats, says what is read of LP files"


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


@dataclass
class _Section:
    kind: str
    line: int
    tokens: list[_Token] = field(default_factory=list)


def read_lp(path: Path, data: bytes) -> Content:
    """The objective as a QUBO, and ``x1 + … + xn = K`` as the count.

    A maximisation is negated, and the notes say so.

    Raises:
        FileError: not an LP file, truncated, variables that are not binary, or other constraints.
    """
    objective, *sections = _sections(path, data)
    bqm = _Parser(path, objective).expression(half=True)
    rows = [row for s in sections if s.kind == "rows" for row in _Parser(path, s).rows()]
    names = [token for s in sections if s.kind == "binary" for token in s.tokens]
    for token in names:
        if token.kind != "name":
            raise wrong(path, token.line, f"{token.text!r} is not the name of a variable", _REMEDY)
    binary = {token.text for token in names}
    used = dict.fromkeys([*bqm.variables, *(v for _, row, _ in rows for v in row.variables)])
    for token in (token for s in (objective, *sections) for token in s.tokens):
        if token.text in used and token.text not in binary:
            what = f"the variable {token.text!r} is not binary"
            remedy = "a QUBO has binary variables only; list every one under 'binary'"
            raise wrong(path, token.line, what, remedy)
    if not names:
        raise FileError(f"{path}: it has no variables", remedy="list them under 'binary'")
    # variables of the constraint alone belong to the problem too
    bqm.add_linear_from(dict.fromkeys([*used, *(token.text for token in names)], 0.0))
    ones = _count(path, rows, bqm.num_variables)
    if objective.kind == "min":
        return Content(bqm, ones)
    bqm.scale(-1.0)
    return Content(bqm, ones, notes=MAXIMISED)


def _sections(path: Path, data: bytes) -> Sequence[_Section]:
    """The sections in their order, without "end"; the objective is the first."""
    sections: list[_Section] = []
    ended = False
    for number, whole in lines(path, data):
        line = whole.partition("\\")[0].strip()
        if line and ended:
            raise wrong(path, number, f"{line[:40]!r} behind the line 'end'", _REMEDY)
        if head := _SECTION.match(line):
            kind = str(head.lastgroup)
            if (kind in ("min", "max")) == bool(sections):
                what = "a second objective" if sections else f"{head[0]!r} before the objective"
                raise wrong(path, number, what, _REMEDY)
            if kind == "other":
                raise wrong(path, number, f"a QUBO has no {head[0]!r}", _REMEDY)
            ended = kind == "end"
            sections.append(_Section(kind, number))
            line = line[head.end() :]
        if line and not sections:
            raise wrong(path, number, f"{line[:40]!r} before 'minimize' or 'maximize'", _REMEDY)
        section = sections[-1] if sections else _Section("", 0)
        if line and section.kind == "integer":  # dimod writes this section, empty
            raise wrong(path, number, "variables that are not binary", _REMEDY)
        if section.kind == "bounds":
            if line and not _BOUND.fullmatch(line.strip()):
                what = f"{line.strip()[:40]!r} is not '0 <= variable <= 1'"
                raise wrong(path, number, what, "a QUBO's variables are 0 and 1; remove the bound")
            continue
        place = 0
        while place < len(line):  # its end is stripped
            token = _TOKEN.match(line, place)
            if token is None:
                raise wrong(path, number, f"{line[place:][:40]!r} is not understood", _REMEDY)
            section.tokens.append(_Token(str(token.lastgroup), token[token.lastgroup or 0], number))
            place = token.end()
    if not ended:
        what = "'end'" if sections else "'minimize' or 'maximize'"
        raise FileError(
            f"{path} is not an LP file, or truncated: it has no line {what}",
            remedy=f"fetch or write it again; {_REMEDY}",
        )
    return sections[:-1]


_END = _Token("end", "", 0)


class _Parser:
    """Reads the tokens of one section."""

    def __init__(self, path: Path, section: _Section) -> None:
        self.path, self.section, self.place = path, section, 0

    @property
    def token(self) -> _Token:
        tokens = self.section.tokens
        return tokens[self.place] if self.place < len(tokens) else _END

    def take(self) -> _Token:
        token = self.token
        self.place += 1
        return token

    def wanted(self, what: str) -> FileError:
        """The error that says what should be at this place."""
        last = self.section.tokens[-1].line if self.section.tokens else self.section.line
        found = repr(self.token.text[:40]) if self.token is not _END else "the section ends"
        return wrong(self.path, self.token.line or last, f"{found} where {what} is wanted", _REMEDY)

    def accept(self, *texts: str) -> bool:
        """Whether these are next; if so they are taken."""
        after = self.place + len(texts)
        found = tuple(token.text for token in self.section.tokens[self.place : after]) == texts
        self.place = after if found else self.place
        return found

    def number(self) -> float:
        if self.token.kind != "number":
            raise self.wanted("a number")
        value = float(self.token.text)
        if not math.isfinite(value):
            raise wrong(self.path, self.token.line, f"{self.token.text[:40]!r} is not finite")
        self.place += 1
        return value

    def two(self, before: str, what: str) -> None:
        if not self.accept(before) or self.token.kind != "number" or float(self.token.text) != 2.0:
            raise self.wanted(what)
        self.place += 1

    def name(self) -> str:
        if self.token.kind != "name":
            raise self.wanted("a variable")
        return self.take().text

    def sign(self, *, needed: bool) -> float:
        """The product of the signs here."""
        if needed and self.token.text not in ("+", "-"):
            raise self.wanted("'+' or '-'")
        sign = 1.0
        while self.token.text in ("+", "-"):
            sign *= 1.0 if self.take().text == "+" else -1.0
        return sign

    def expression(self, *, half: bool) -> dimod.BinaryQuadraticModel:
        """``name: 2 a - b + [ c * d + e ^ 2 ] / 2 + 1``; the half is of objectives only."""
        bqm = dimod.BinaryQuadraticModel("BINARY")
        if self.token.kind == "name":
            self.accept(self.token.text, ":")
        first = True
        while self.token is not _END and (half or self.token.text not in _COMPARE):
            sign = self.sign(needed=not first)
            first = False
            if self.accept("["):
                self.bracket(bqm, sign * (0.5 if half else 1.0))
                if half:
                    self.two("/", "'/ 2' behind the bracket")
                continue
            factor = sign * (self.number() if (counted := self.token.kind == "number") else 1.0)
            if self.token.kind == "name":
                bqm.add_linear(self.take().text, factor)
            elif counted:
                bqm.offset += factor
            else:
                raise self.wanted("a number or a variable")
        return bqm

    def bracket(self, bqm: dimod.BinaryQuadraticModel, scale: float) -> None:
        first = True
        while not self.accept("]"):
            factor = scale * self.sign(needed=not first)
            first = False
            if self.token.kind == "number":
                factor *= self.number()
            one = self.name()
            if self.accept("*"):
                other = self.name()
            else:
                self.two("^", "'*' or '^ 2'")
                other = one
            if one == other:  # a bit is its own square
                bqm.add_linear(one, factor)
            else:
                bqm.add_quadratic(one, other, factor)

    def rows(self) -> list[tuple[int, dimod.BinaryQuadraticModel, float | None]]:
        """The constraints: line, left side, and right side if it is an equality."""
        found = []
        while self.token is not _END:
            line = self.token.line
            left = self.expression(half=False)
            if self.token.text not in _COMPARE:
                raise self.wanted("'='")
            equal = self.take().text == "="
            right = self.sign(needed=False) * self.number()
            found.append((line, left, right if equal else None))
        return found


def _count(
    path: Path, rows: list[tuple[int, dimod.BinaryQuadraticModel, float | None]], n: int
) -> int | None:
    if not rows:
        return None
    if len(rows) > 1:
        raise wrong(path, rows[1][0], f"the second of {len(rows)} constraints", _REMEDY)
    line, left, right = rows[0]
    weights = {float(w) for w in left.linear.values()}
    equal = len(weights) == 1 and 0.0 not in weights and not left.num_interactions
    if right is not None and equal and left.num_variables == n:
        count = (right - left.offset) / weights.pop()
        if count.is_integer() and not 0 <= count <= n:
            raise wrong(path, line, f"the constraint wants {count:g} ones of {n} variables")
        if count.is_integer():
            return int(count)
    raise wrong(
        path,
        line,
        "the constraint is not a count over all variables",
        "one is understood: x1 + x2 + … + xn = K over all variables",
    )
