"""QPLIB's ``.qplib`` files of binary programs.

Source: Furini et al., "QPLIB: a library of quadratic programming instances", 2019, appendix B. The
objective is ``½·x'Qx + b'x + q`` of a symmetric Q, of which the lower triangle is listed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from secateur.errors import FileError
from secateur.files.content import Content, count_of, lines, number_of, size_of, truncated, wrong
from secateur.files.program import INFINITE, Program, Row, Sum, Variable, settle

_COMMENT = re.compile(r"\s#")  # a name may have one in it
_REMEDY = "QPLIB's types with a B in the middle are read, such as QBN, QBB and QBL"


def read_qplib(path: Path, data: bytes) -> Content:
    """A binary program.

    Raises:
        FileError: of another type, corrupt or truncated.
    """
    return settle(_Reader(path, data).read())


class _Reader:
    def __init__(self, path: Path, data: bytes) -> None:
        self.path, self.data = path, data
        self.lines = self._records()
        self.number, self.n = 0, 0

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        for number, line in lines(self.path, self.data):
            if line[0] not in "#!%":
                yield number, _COMMENT.split(line)[0].split()

    def words(self) -> list[str]:
        try:
            self.number, words = next(self.lines)
        except StopIteration:
            raise truncated(self.path, "it ends before its last number") from None
        return words or [""]

    def value(self) -> float:
        return number_of(self.path, self.number, self.words()[0])

    def count(self) -> int:
        return count_of(self.path, self.number, self.words()[0])

    def entries(self, indices: int, sizes: tuple[int, ...]) -> Iterator[tuple[list[int], float]]:
        """So many lines as the next one says: indices from 1, and a value."""
        for _ in range(self.count()):
            words = self.words()
            if len(words) < indices + 1:
                raise wrong(self.path, self.number, f"not {indices} indices and a value")
            found = [count_of(self.path, self.number, word) for word in words[:indices]]
            if any(not 1 <= index <= size for index, size in zip(found, sizes, strict=True)):
                raise wrong(self.path, self.number, f"{found} is outside of 1 to {sizes}")
            yield found, number_of(self.path, self.number, words[indices])

    def filled(self, size: int) -> list[float]:
        """A default, and the values that differ from it."""
        values = [self.value()] * size
        for (index,), value in self.entries(1, (size,)):
            values[index - 1] = value
        return values

    def names(self, size: int) -> dict[int, str]:
        """The names that differ from the default."""
        found = {}
        for _ in range(self.count()):
            words = self.words()
            index = count_of(self.path, self.number, words[0])
            if len(words) < 2 or not 1 <= index <= size:
                raise wrong(self.path, self.number, "not 'index name'")
            found[index] = words[1]
        return found

    def read(self) -> Program:
        program = Program(self.path)
        program.notes["name"] = " ".join(self.words())
        kind = self.words()[0].upper()
        if len(kind) != 3 or kind[0] not in "LDCQ" or kind[2] not in "NBLDCQ":
            raise wrong(self.path, self.number, f"{kind[:40]!r} is no type of QPLIB", _REMEDY)
        if kind[1] != "B":
            raise wrong(
                self.path, self.number, f"the variables of a {kind} are not all binary", _REMEDY
            )
        sense = self.words()[0].lower()
        if sense not in ("minimize", "maximize"):
            raise wrong(self.path, self.number, f"{sense[:40]!r} is not minimize or maximize")
        program.maximise = sense == "maximize"
        n = self.n = size_of(self.path, self.number, self.words()[0], self.data)
        m = 0
        if kind[2] not in "NB":
            m = size_of(self.path, self.number, self.words()[0], self.data)
        self.objective(program, kind, n)
        if m:
            self.constraints(program, kind, n, m)
        else:
            self.value()  # infinity
        self.filled(n)  # where to start: primal, dual of rows, dual of bounds
        if m:
            self.filled(m)
        self.filled(n)
        called = self.names(n)
        rows = self.names(m) if m else {}
        left = next(self.lines, None)
        if left is not None and not m and left[1] == ["0"]:  # no names of no rows
            left = next(self.lines, None)
        if left is not None:
            raise wrong(self.path, left[0], f"{' '.join(left[1])[:40]!r} behind the last number")
        return self.named(program, n, called, rows)

    def objective(self, program: Program, kind: str, n: int) -> None:
        for index in range(1, n + 1):
            program.variables[str(index)] = Variable(0.0, 1.0, whole=True)
        body = program.objective
        if kind[0] != "L":
            self.triangle(body, list(self.entries(2, (n, n))))
        for index, value in enumerate(self.filled(n), start=1):
            if value:
                body.add(str(index), value)
        body.offset = self.value()

    def triangle(self, body: Sum, entries: list[tuple[list[int], float]]) -> None:
        seen: set[tuple[int, int]] = set()
        for (i, j), value in entries:
            pair = (min(i, j), max(i, j))
            if pair in seen:
                raise FileError(
                    f"{self.path}: the pair {i} {j} is listed twice",
                    remedy="list one triangle only",
                )
            seen.add(pair)
            body.add_pair(str(i), str(j), value / 2.0 if i == j else value)

    def constraints(self, program: Program, kind: str, n: int, m: int) -> None:
        bodies = [Sum() for _ in range(m)]
        if kind[2] in "DCQ":
            products: dict[int, list[tuple[list[int], float]]] = {}
            for (row, i, j), value in self.entries(3, (m, n, n)):
                products.setdefault(row, []).append(([i, j], value))
            for row, entries in products.items():
                self.triangle(bodies[row - 1], entries)
        for (row, i), value in self.entries(2, (m, n)):
            bodies[row - 1].add(str(i), value)
        endless = min(self.value(), INFINITE)
        lower, upper = self.filled(m), self.filled(m)
        for k, body in enumerate(bodies):
            low = -math.inf if lower[k] <= -endless else lower[k]
            high = math.inf if upper[k] >= endless else upper[k]
            program.rows.append(Row(str(k + 1), body, low, high))

    def named(
        self, program: Program, n: int, called: dict[int, str], rows: dict[int, str]
    ) -> Program:
        """With the names in place of the numbers; x1, x2, … are QPLIB's default."""
        names = {str(i): called.get(i, f"x{i}") for i in range(1, n + 1)}
        if len(set(names.values())) < n:
            raise FileError(f"{self.path}: two variables have one name", remedy="rename one")
        for row in program.rows:
            row.body = _renamed(row.body, names)
            row.name = rows.get(int(row.name), f"e{row.name}")
        program.objective = _renamed(program.objective, names)
        program.variables = {names[key]: v for key, v in program.variables.items()}
        return program


def _renamed(body: Sum, names: dict[str, str]) -> Sum:
    linear = {names[key]: value for key, value in body.linear.items()}
    pairs = {(names[a], names[b]): value for (a, b), value in body.pairs.items()}
    return Sum(linear, pairs, body.offset)
