"""MPS files, free or fixed, with a quadratic objective in QUADOBJ, QMATRIX or QSECTION."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from secateur.files.content import Content, decoded, number_of, remarks, truncated, wrong
from secateur.files.program import INFINITE, Program, Row, Sum, settle

_REMEDY = "the reference, file formats, says what is read of MPS files"
_REFUSED = ("SOS", "SETS", "INDICATORS", "LAZYCONS", "USERCUTS", "GENCONS", "PWLOBJ", "SCENARIOS",
            "CSECTION", "BRANCH", "MULTIOBJ", "OBJSENSEMAX")  # fmt: skip
_SECTIONS = ("NAME", "OBJSENSE", "OBJNAME", "ROWS", "COLUMNS", "RHS", "RANGES",
             "BOUNDS", "QUADOBJ", "QMATRIX", "QSECTION", "QCMATRIX")  # fmt: skip
_SENSES = {"MAX": True, "MAXIMIZE": True, "MAXIMISE": True, "MIN": False, "MINIMIZE": False,
           "MINIMISE": False}  # fmt: skip


def read_mps(path: Path, data: bytes) -> Content:
    """The objective as a QUBO, and the rows as constraints; as ``read_lp`` settles them.

    Raises:
        FileError: no MPS file, truncated, or with variables that are not binary.
    """
    return settle(_Reader(path).read(data))


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path, self.program = path, Program(path)
        self.objective: str | None = None
        self.free_rows: list[str] = []
        self.types: dict[str, str] = {}
        self.rows: dict[str, Row] = {}
        self.bounded: set[str] = set()
        self.sets: dict[str, str] = {}
        self.said: set[tuple[str, ...]] = set()
        self.whole = False
        self.half: dict[tuple[str, str], float] = {}
        self.quadratic: tuple[str, str] = ("", "")
        self.line = 0

    def read(self, data: bytes) -> Program:
        section, ended = "", False
        readers: dict[str, Callable[[list[str]], None]] = {
            "OBJSENSE": self.sense, "ROWS": self.row, "COLUMNS": self.column,
            "RHS": self.side, "RANGES": self.range, "BOUNDS": self.bound,
            "QUADOBJ": self.product, "QSECTION": self.product, "QMATRIX": self.product,
            "QCMATRIX": self.product, "OBJNAME": self.named,
        }  # fmt: skip
        comments: list[str] = []
        for number, raw in enumerate(decoded(self.path, data).split("\n"), start=1):
            line, self.line = raw.rstrip(), number
            if line.startswith("*"):
                comments.append(line.strip("* "))
            if not line or line.startswith("*"):
                continue
            if ended:
                raise self.bad(f"{line[:40]!r} behind ENDATA")
            words = line.split()
            if not line[0].isspace():
                section, ended = words[0].upper(), words[0].upper() == "ENDATA"
                self.head(section, words[1:])
            elif section in readers:
                readers[section](words)
            else:
                raise self.bad(f"{line[:40].strip()!r} is in no section")
        if not ended:
            raise truncated(self.path, "it has no line ENDATA")
        if self.objective is None:
            raise truncated(self.path, "it has no row of the type N, the objective")
        if self.types.get(self.objective) != "N":
            raise wrong(
                self.path,
                0,
                f"OBJNAME is {self.objective[:40]!r}, and no row of the type N is called so",
                _REMEDY,
            )
        self.finish(comments)
        return self.program

    def bad(self, what: str) -> Exception:
        return wrong(self.path, self.line, what, _REMEDY)

    def once(self, *key: str) -> None:
        """Refuse what is said a second time: readers sum it, or take the first, or the last."""
        if key in self.said:
            what = " of ".join(key) if len(key) < 3 else f"the term of {key[1]} in {key[2]}"
            raise self.bad(f"{what[:80]} is given twice")
        self.said.add(key)

    def one_set(self, section: str, name: str) -> None:
        """Refuse a second set: of several, a solver is told which one to take."""
        if self.sets.setdefault(section, name) != name:
            raise self.bad(f"{section} has a second set, {name[:40]!r}")

    def head(self, section: str, rest: list[str]) -> None:
        """A line that begins a section."""
        if section in _REFUSED or section.startswith("SOS"):
            raise self.bad(f"a QUBO has no {section}")
        if section != "ENDATA" and section not in _SECTIONS:
            raise self.bad(f"{section[:40]!r} is no section of an MPS file")
        if section == "NAME" and rest:
            self.program.notes["name"] = " ".join(rest)
        elif section == "OBJSENSE" and rest:
            self.sense(rest)
        elif section in ("QSECTION", "QCMATRIX"):
            if len(rest) != 1 or (section == "QCMATRIX" and rest[0] not in self.rows):
                raise self.bad(f"{section} names no row")
            if section == "QSECTION" and rest[0] != self.objective:
                raise self.bad("QSECTION of a row that is not the objective")
        elif section == "OBJNAME" and rest:
            self.named(rest)
        elif rest and section != "NAME" and (section[0] != "Q" or rest != [self.objective]):
            raise self.bad(
                f"{' '.join([section, *rest])[:40]!r}: a line of data begins with blanks"
            )
        if section == "RHS" and any(key[0] == "RANGES" for key in self.said):
            raise self.bad("RHS behind RANGES, which are ranges of it")
        elif section == "ROWS" and self.types:
            raise self.bad("a second section ROWS")
        if section in ("QUADOBJ", "QSECTION", "QMATRIX"):
            self.once("the quadratic objective")
        self.quadratic = (section, rest[0] if rest else "")

    def sense(self, words: list[str]) -> None:
        if words[0].upper() not in _SENSES or len(words) > 1:
            raise self.bad(f"{' '.join(words)[:40]!r} is no sense of an objective")
        self.program.maximise = _SENSES[words[0].upper()]

    def named(self, words: list[str]) -> None:
        self.once("OBJNAME")
        if len(words) > 1 or self.types:
            raise self.bad("OBJNAME is not one name before the ROWS")
        self.objective = words[0]

    def row(self, words: list[str]) -> None:
        if len(words) != 2 or words[0].upper() not in ("N", "E", "L", "G"):
            raise self.bad(f"{' '.join(words)[:40]!r} is not 'type row'")
        kind, name = words[0].upper(), words[1]
        if name in self.types:
            raise self.bad(f"a second row is called {name!r}")
        self.types[name] = kind
        if kind == "N":
            if self.objective is None:
                self.objective = name
            elif name != self.objective:
                self.free_rows.append(name)
            return
        lower, upper = (-math.inf if kind == "L" else 0.0), (math.inf if kind == "G" else 0.0)
        self.rows[name] = Row(name, Sum(), lower, upper, self.line)

    def body(self, row: str) -> Sum | None:
        """The sum of a row; None for a free one."""
        if row == self.objective:
            return self.program.objective
        if row in self.rows:
            return self.rows[row].body
        if row in self.types:
            return None
        raise self.bad(f"there is no row {row!r}")

    def column(self, words: list[str]) -> None:
        if len(words) >= 3 and words[1].strip("'\"") == "MARKER":
            kind = words[2].strip("'\"")
            if kind not in ("INTORG", "INTEND"):
                raise self.bad(f"a QUBO has no {kind[:40]!r}")
            self.whole = kind == "INTORG"
            return
        if len(words) not in (3, 5):
            raise self.bad("not 'column row value', or a name with blanks in it")
        fresh = words[0] not in self.program.variables
        variable = self.program.variable(words[0], self.line)
        if fresh:
            variable.whole = self.whole
        for row, value in zip(words[1::2], words[2::2], strict=True):
            body, number = self.body(row), number_of(self.path, self.line, value)
            self.once("COLUMNS", words[0], row)
            if body is not None:
                body.add(words[0], number)

    def pairs(self, section: str, words: list[str]) -> list[tuple[str, float]]:
        """``[set] row value [row value]``."""
        if len(words) not in (2, 3, 4, 5):
            raise self.bad("not 'set row value', or a name with blanks in it")
        if len(words) % 2:
            self.one_set(section, words[0])
            words = words[1:]
        for row in words[::2]:
            self.once(section, row)
        return [
            (row, number_of(self.path, self.line, value))
            for row, value in zip(words[::2], words[1::2], strict=True)
        ]

    def side(self, words: list[str]) -> None:
        for name, value in self.pairs("RHS", words):
            if name == self.objective:  # moved to the right side
                self.program.objective.offset = -value
            elif self.body(name) is not None:
                row, kind = self.rows[name], self.types[name]
                row.lower = -math.inf if kind == "L" else value
                row.upper = math.inf if kind == "G" else value

    def range(self, words: list[str]) -> None:
        for name, value in self.pairs("RANGES", words):
            if self.body(name) is None or name == self.objective:
                raise self.bad(f"a range of the free row {name!r}")
            row, kind = self.rows[name], self.types[name]
            if kind == "L":
                row.lower = row.upper - abs(value)
            elif kind == "G" or value > 0.0:
                row.upper = row.lower + abs(value)
            else:
                row.lower = row.upper + value

    def bound(self, words: list[str]) -> None:
        kind = words[0].upper()
        bare = kind in ("FR", "MI", "PL", "BV")
        rest = words[1:]
        if bare and len(rest) > 1 and rest[1] not in self.program.variables:
            rest = rest[:1]  # no set, and a value that means nothing
        if len(rest) == (1 if bare else 2):
            rest = ["", *rest]
        if len(rest) not in ((2, 3) if bare else (3,)):
            raise self.bad("not 'type set column value'")
        if rest[0]:
            self.one_set("BOUNDS", rest[0])
        name = rest[1]
        if name not in self.program.variables:
            raise self.bad(f"there is no column {name!r}")
        variable, value = self.program.variables[name], 0.0
        self.bounded.add(name)
        if not bare:
            value = number_of(self.path, self.line, rest[2])
            value = math.copysign(math.inf, value) if abs(value) >= INFINITE else value
        if kind in ("UP", "UI"):
            variable.upper = value
            if value < 0.0 and variable.lower == 0.0:
                variable.lower = -math.inf
        elif kind in ("LO", "LI"):
            variable.lower = value
        elif kind == "FX":
            variable.lower = variable.upper = value
        elif kind == "BV":
            variable.lower, variable.upper, variable.whole = 0.0, 1.0, True
        elif kind in ("FR", "MI"):
            variable.lower = -math.inf
            variable.upper = math.inf if kind == "FR" else variable.upper
        elif kind == "SC":
            variable.gap = "semi-continuous"
        elif kind != "PL":
            raise self.bad(f"{kind[:40]!r} is no type of a bound")
        variable.whole = variable.whole or kind in ("UI", "LI")

    def product(self, words: list[str]) -> None:
        if len(words) != 3:
            raise self.bad("not 'column column value'")
        one, other, value = words[0], words[1], number_of(self.path, self.line, words[2])
        for name in (one, other):
            if name not in self.program.variables:
                raise self.bad(f"there is no column {name!r}")
        section, row = self.quadratic
        body = self.rows[row].body if section == "QCMATRIX" else self.program.objective
        full = section in ("QMATRIX", "QCMATRIX")
        key = (one, other) if full or one < other else (other, one)
        if full:
            key = (f"{section} {row} {one}", other)
        if key in self.half:
            raise self.bad(f"the product of {one!r} and {other!r} is listed twice")
        self.half[key] = value
        if section == "QCMATRIX":
            body.add_pair(one, other, value)
        elif full or one == other:
            body.add_pair(one, other, value / 2.0)
        else:
            body.add_pair(one, other, value)

    def finish(self, comments: list[str]) -> None:
        for (start, other), value in self.half.items():
            section, _, rest = start.partition(" ")
            if section in ("QMATRIX", "QCMATRIX") and rest:
                row, _, one = rest.rpartition(" ")
                if one != other and self.half.get((f"{section} {row} {other}", one)) != value:
                    raise wrong(
                        self.path,
                        0,
                        f"{section} is not symmetric at {one!r}, {other!r}",
                        "it lists both triangles; QUADOBJ lists one",
                    )
        loose = []
        for name, variable in self.program.variables.items():
            if variable.whole and name not in self.bounded:
                variable.upper = 1.0
                loose.append(name)
        if loose:
            self.program.warnings.append(
                f"{len(loose)} integers without bounds are taken as 0 or 1, as CPLEX and HiGHS "
                f"do: {', '.join(loose[:5])}"
            )
        if self.free_rows:
            shown = ", ".join(self.free_rows[:5])
            self.program.warnings.append(f"free rows demand nothing, and are left out: {shown}")
        notes, told = remarks([comment for comment in comments if comment])
        self.program.notes |= notes
        self.program.warnings += told
        self.program.rows = list(self.rows.values())
