"""The problem that a certificate is about: its numbers, its demands, its relaxation."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from secateur.certify.exact import integers
from secateur.certify.reading import (
    approximate,
    fail,
    fields,
    items,
    number,
    pairs_of,
    positions,
    text,
    whole,
)


class Qubo:
    """The problem: variables in its own order; couplings that are not zero, i < j, sorted."""

    def __init__(self, bqm: dimod.BinaryQuadraticModel) -> None:
        if bqm.vartype is not dimod.BINARY:
            fail("problem", "its variables are spins; convert it to binary, as the prover did")
        self.labels = list(bqm.variables)
        self.size = len(self.labels)
        vectors = bqm.to_numpy_vectors(variable_order=self.labels)
        self.linear = np.asarray(vectors.linear_biases, "<f8") + 0.0  # -0.0 becomes 0.0
        self.offset = float(vectors.offset) + 0.0
        row = np.asarray(vectors.quadratic.row_indices, "<i8")
        column = np.asarray(vectors.quadratic.col_indices, "<i8")
        row, column = np.minimum(row, column), np.maximum(row, column)
        bias = np.asarray(vectors.quadratic.biases, "<f8")
        order = np.lexsort((column, row))
        order = order[bias[order] != 0.0]
        self.row, self.column, self.bias = row[order], column[order], bias[order]
        if not all(np.isfinite(x).all() for x in (self.linear, self.bias, self.offset)):
            fail("problem", "a bias is not finite")

    def check_identity(self, data: Any) -> None:
        """The certificate must be of this problem."""
        fields(data, "problem", "sha256 variables couplings")
        digest = hashlib.sha256(b"secateur problem 1\n%d\n" % self.size)
        for label in self.labels:
            digest.update(f"{label!r}\n".encode())
        offset = np.array(self.offset, "<f8")
        for array in (self.linear, self.row, self.column, self.bias, offset):
            digest.update(array.tobytes())
        sizes = [whole(data[key], "problem") for key in ("variables", "couplings")]
        own = [self.size, len(self.bias)]
        if sizes != own or text(data["sha256"], "problem") != digest.hexdigest():
            fail(
                "problem",
                f"another one: the certificate's has {sizes[0]} variables, {sizes[1]} couplings, "
                f"the hash {data['sha256']!r:.14}, this one {own[0]}, {own[1]} and "
                f"{digest.hexdigest()[:12]!r}",
            )

    def nothing(self) -> Fraction:
        """A difference that the rounding of the largest number would hide: 2⁻⁵¹ of it."""
        largest = max(np.abs(self.linear).max(initial=0.0), np.abs(self.bias).max(initial=0.0))
        return Fraction(max(float(largest), abs(self.offset))) / 2**51

    def energy(self, ones: list[int]) -> tuple[Fraction, Fraction]:
        """The exact energy of a choice, and the sum of the absolute values of its terms."""
        chosen = np.zeros(self.size, bool)
        chosen[ones] = True
        bias = self.bias[chosen[self.row] & chosen[self.column]]
        terms, scale = integers([self.offset, *self.linear[chosen].tolist(), *bias.tolist()])
        return Fraction(sum(terms), 1 << scale), Fraction(sum(map(abs, terms)), 1 << scale)


class Form:
    """A demand: ``lower <= Σ linear·z + Σ pairs·z·z <= upper``, all in units of 1/``unit``.

    ``step`` is that of a cardinality, else 0; the offset of a form is moved into its limits.
    """

    def __init__(self, data: Any, size: int, where: str) -> None:
        kind = data.get("type") if isinstance(data, Mapping) else None
        step, offset, pairs = 0, Fraction(0), dict[tuple[int, int], Fraction]()
        if kind == "cardinality":
            fields(data, where, "type name variables lower upper step")
            chosen: Iterable[int] = range(size)
            if data["variables"] is not None:
                chosen = positions(data["variables"], where, size)
            linear = dict.fromkeys(chosen, Fraction(1))
            step = whole(data["step"], where, 1)
            limits = [whole(data["lower"], where), len(linear)]
            if data["upper"] is not None:
                limits[1] = min(limits[1], whole(data["upper"], where, limits[0]))
            limits[1] -= max(0, limits[1] - limits[0]) % step  # the largest number that it allows
            bounds: list[Fraction | None] = [Fraction(x) for x in limits]
        else:
            if kind == "linear":
                fields(data, where, "type name coefficients lower upper")
                linear = _numbers(data["coefficients"], where, size)
            elif kind == "quadratic":
                fields(data, where, "type name linear quadratic offset lower upper")
                linear, offset = (
                    _numbers(data["linear"], where, size),
                    number(data["offset"], where),
                )
                for entry in items(data["quadratic"], where):
                    i, j, value = items(entry, where, 3)
                    i, j = sorted(positions([i, j], where, size))
                    if (i, j) in pairs:
                        fail(where, f"the pair {i}, {j} twice")
                    pairs[i, j] = number(value, where)
            else:
                fail(
                    where,
                    f"a demand of the type {kind if isinstance(kind, str) else type(kind)!s:.40}",
                )
            given = (data["lower"], data["upper"])
            bounds = [None if x is None else number(x, where) - offset for x in given]
        self.kind, self.name, self.step = kind, text(data["name"], where), step
        known = [*linear.values(), *pairs.values(), *(x for x in bounds if x is not None)]
        self.unit = math.lcm(*(x.denominator for x in known))
        self.linear = {i: int(x * self.unit) for i, x in linear.items() if x}
        self.pairs = {ij: int(x * self.unit) for ij, x in pairs.items() if x}
        self.lower, self.upper = (None if x is None else int(x * self.unit) for x in bounds)
        self._shown = f"{self.name!r}: {kind} of {len(linear)} variables, from {data['lower']} to "
        self._shown += f"{data['upper']}" + (f" in steps of {step}" if step > 1 else "")

    def admits(self, least: int, most: int) -> bool:
        """Whether a value that is allowed lies from ``least`` to ``most``."""
        least = least if self.lower is None else max(least, self.lower)
        most = most if self.upper is None else min(most, self.upper)
        if self.step and self.lower is not None:
            least += (self.lower - least) % self.step
        return least <= most

    def key(self) -> Any:
        """Equal for demands that mean the same."""
        limits: tuple[Any, ...] = self.lower, self.upper
        if self.step and self.lower is not None and self.upper is not None:
            last = self.upper - (self.upper - self.lower) % self.step
            limits = self.lower, last, self.step if last > self.lower else 1
        return (
            limits,
            self.unit,
            tuple(sorted(self.linear.items())),
            tuple(sorted(self.pairs.items())),
        )

    def __str__(self) -> str:
        return self._shown


def _numbers(data: Any, where: str, size: int) -> dict[int, Fraction]:
    return {i: number(x, where) for i, x in pairs_of(data, where, size)}


def relaxed(
    data: Any, qubo: Qubo, forms: Mapping[str, Form]
) -> tuple[Fraction, dict[int, Fraction], dict[tuple[int, int], Fraction]]:
    """What multipliers change: the constant, and the new linear biases and couplings."""
    constant = Fraction(qubo.offset)
    linear: dict[int, Fraction] = {}
    pairs: dict[tuple[int, int], Fraction] = {}
    seen = set()
    for at, multiplier in enumerate(items(data, "multipliers")):
        where = f"multiplier {at}"
        fields(multiplier, where, "constraint side value")
        form = forms.get(text(multiplier["constraint"], where))
        side, value = text(multiplier["side"], where), number(multiplier["value"], where)
        limit = None
        if form is not None and side in ("upper", "lower"):
            limit = form.upper if side == "upper" else form.lower
        if form is None or limit is None or (form.name, side) in seen:
            fail(where, "no such demand, no such side of it, or it has one already")
        if value < 0:
            fail(where, f"{approximate(value)} is negative")
        seen.add((form.name, side))
        share = (value if side == "upper" else -value) / form.unit
        constant -= share * limit
        for i, c in form.linear.items():
            linear[i] = linear.get(i, Fraction(qubo.linear[i])) + share * c
        for ij, c in form.pairs.items():
            pairs[ij] = pairs.get(ij, Fraction(0)) + share * c
    return constant, linear, pairs


def couplings_of(
    qubo: Qubo, extra: Mapping[tuple[int, int], Fraction]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """The couplings of the problem and of multiplied forms, each pair once."""
    if not extra:
        return qubo.row, qubo.column, qubo.bias
    total = dict(extra)
    key = qubo.row * qubo.size + qubo.column
    for (i, j), value in extra.items():
        at = int(np.searchsorted(key, i * qubo.size + j))
        if at < len(key) and key[at] == i * qubo.size + j:
            total[i, j] = value + Fraction(qubo.bias[at])
    wanted = np.array([i * qubo.size + j for i, j in total], np.int64)
    kept = ~np.isin(key, wanted)
    bias = np.array([*qubo.bias[kept].tolist(), *total.values()], object)
    row = np.concatenate([qubo.row[kept], [i for i, _ in total]])
    return row, np.concatenate([qubo.column[kept], [j for _, j in total]]), bias
