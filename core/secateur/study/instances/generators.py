"""Problems that a study draws from a seed: options declared once, one function each.

Whole numbers wherever it can be, so that energies are exact on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from secateur.errors import OptionError
from secateur.options import Options, make_options, option
from secateur.problem.model import Problem
from secateur.seeds import LARGEST_SEED
from secateur.study.instances.asked import Share, with_demands

MOST = 5_000
"""Variables of what draws every pair."""
WHY = "every pair of variables is drawn"

Ints = NDArray[np.int64]
Made = tuple[Problem, float | None]
"""A problem, and its lowest energy where that is known."""


@dataclass(frozen=True)
class Drawn(Options):
    """What every generator takes."""

    noun: ClassVar[str] = "generator"
    name: ClassVar[str] = ""

    seed: int = option(0, "of everything that is drawn", least=0, most=LARGEST_SEED)
    count: Share = option(None, "exactly so many are one: 12, 0.36 or 36%; any number unless given")


@dataclass(frozen=True)
class Planted(Drawn):
    """A sum of small QUBOs that one hidden vector minimises, each of them: the optimum is known.

    Every term is a random QUBO of four variables with whole biases, some of whose bits are
    complemented so that the hidden bits are its lowest state. With a count the hidden vector has
    as many ones. (The construction of planted solutions for Ising problems: Hen et al. 2015,
    Phys. Rev. A 92, 042325, here over QUBOs of four variables.)
    """

    name: ClassVar[str] = "planted"

    variables: int = option(40, "number of variables", least=4, most=MOST, why=WHY)
    terms: int = option(6, "small QUBOs for each variable", least=1, most=100, why="each is drawn")


@dataclass(frozen=True)
class Random(Drawn):
    """Whole biases, uniform from -100 to 100, at a density; those of pairs count twice.

    In the style of the instances of Glover, Kochenberger and Alidaee (gka) and of Beasley (bqp),
    to be minimised.
    """

    name: ClassVar[str] = "random"

    variables: int = option(50, "number of variables", least=1, most=MOST, why=WHY)
    density: float = option(1.0, "share of the pairs that are coupled", least=0.0, most=1.0)


@dataclass(frozen=True)
class MaxCut(Drawn):
    """The maximum cut of a random graph, as in the G-set: the energy is minus the cut."""

    name: ClassVar[str] = "max-cut"

    variables: int = option(60, "vertices", least=2, most=MOST, why=WHY)
    density: float = option(0.1, "share of the pairs that are edges", least=0.0, most=1.0)
    weights: str = option("ones", "of the edges: ones, or signs", choices=("ones", "signs"))


@dataclass(frozen=True)
class Lattice(Drawn):
    """A spin glass with couplings of 1 and -1 on a square lattice that is closed to a torus."""

    name: ClassVar[str] = "lattice"

    side: int = option(8, "of the square: side × side variables", least=3, most=1_000, why=WHY)


@dataclass(frozen=True)
class Layers(Drawn):
    """The shape of a pruning problem: blocks that are coupled inside, positive linear biases.

    Rows of whole random numbers near a few shared directions make the couplings of each block,
    so they are signed and strong; blocks differ in scale. Without a count all zeros is best.
    """

    name: ClassVar[str] = "layers"

    count: Share = option(
        "36%", "exactly so many are one: 12, 0.36 or 36%; any number unless given"
    )
    layers: int = option(4, "blocks", least=1, most=1_000, why=WHY)
    width: int = option(16, "variables of each", least=1, most=MOST, why=WHY)


def planted(given: Planted) -> Made:
    """A problem with a known optimum; see ``Planted``."""
    n, rng = given.variables, _rng(given, given.variables)
    problem = _count_of(given, n)
    hidden = rng.integers(0, 2, n)
    if problem is not None:
        hidden = np.zeros(n, dtype=np.int64)
        hidden[rng.permutation(n)[:problem]] = 1
    many = given.terms * n
    chosen = _quadruples(rng, n, many)
    upper = np.triu(rng.integers(-9, 10, (many, 4, 4)))
    states = (np.arange(16)[:, None] >> np.arange(4)) & 1
    energies = np.einsum("si,tij,sj->ts", states, upper, states)
    flip = states[energies.argmin(axis=1)] != hidden[chosen]
    linear, pairs = _complemented(upper, flip)
    biases = np.zeros(n, dtype=np.int64)
    np.add.at(biases, chosen, linear)
    row, col = np.triu_indices(4, 1)
    where = (chosen[:, row].ravel(), chosen[:, col].ravel())
    made = _problem(biases, (*where, pairs[:, row, col].ravel()), given)
    return made, float(made.energies(hidden.astype(np.int8))[0])


def _quadruples(rng: np.random.Generator, n: int, many: int) -> Ints:
    """Rows of four different variables, shape ``(many, 4)``."""
    chosen = rng.integers(0, n, (many, 4))
    while True:
        rows = np.sort(chosen, axis=1)
        again = (rows[:, 1:] == rows[:, :-1]).any(axis=1)
        if not again.any():
            return chosen
        chosen[again] = rng.integers(0, n, (int(again.sum()), 4))


def _complemented(upper: Ints, flip: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Linear biases ``(terms, 4)`` and couplings ``(terms, 4, 4)`` after bits are complemented.

    Each z becomes flip + sign·z; constants are left out.
    """
    sign = np.where(flip, -1, 1)
    pairs = np.triu(upper, 1)
    both = pairs + pairs.transpose(0, 2, 1)
    diagonal = np.einsum("tii->ti", upper)
    linear = sign * (diagonal + np.einsum("tij,tj->ti", both, flip.astype(np.int64)))
    return linear, both * sign[:, :, None] * sign[:, None, :]


def random(given: Random) -> Made:
    """See ``Random``."""
    n, rng = given.variables, _rng(given, given.variables)
    row, col = np.triu_indices(n, 1)
    chosen = rng.random(len(row)) < given.density
    linear = rng.integers(-100, 101, n)
    biases = 2 * rng.integers(-100, 101, int(chosen.sum()))
    return _problem(linear, (row[chosen], col[chosen], biases), given), None


def max_cut(given: MaxCut) -> Made:
    """See ``MaxCut``: an edge of weight w adds ``w (2 z z' - z - z')`` to the energy."""
    n, rng = given.variables, _rng(given, given.variables)
    row, col = np.triu_indices(n, 1)
    chosen = rng.random(len(row)) < given.density
    row, col = row[chosen], col[chosen]
    weights = np.ones(len(row), dtype=np.int64)
    if given.weights == "signs":
        weights = 2 * rng.integers(0, 2, len(row)) - 1
    linear = np.zeros(n, dtype=np.int64)
    np.subtract.at(linear, row, weights)
    np.subtract.at(linear, col, weights)
    return _problem(linear, (row, col, 2 * weights), given), None


def lattice(given: Lattice) -> Made:
    """See ``Lattice``: a coupling J of spins s = 2z - 1 is ``J (4 z z' - 2 z - 2 z' + 1)``."""
    side, rng = given.side, _rng(given, given.side)
    at = np.arange(side * side).reshape(side, side)
    row = np.concatenate([at.ravel(), at.ravel()])
    col = np.concatenate([np.roll(at, -1, axis).ravel() for axis in (0, 1)])
    strength = 2 * rng.integers(0, 2, len(row)) - 1
    linear = np.zeros(side * side, dtype=np.int64)
    np.subtract.at(linear, row, 2 * strength)
    np.subtract.at(linear, col, 2 * strength)
    return _problem(linear, (row, col, 4 * strength), given, float(strength.sum())), None


def layers(given: Layers) -> Made:
    """See ``Layers``."""
    width, rng = given.width, _rng(given, given.layers, given.width)
    n = given.layers * width
    if n > MOST:
        raise OptionError(
            f"{given.layers} layers of {width} are {n} variables", remedy=f"ask for at most {MOST}"
        )
    linear, rows, cols, biases = [], [], [], []
    row, col = np.triu_indices(width, 1)
    for layer in range(given.layers):
        directions = rng.integers(-3, 4, (max(2, width // 4), width))
        mixed = rng.integers(-2, 3, (4 * width, len(directions))) @ directions
        gram = (mixed.T @ mixed) * int(rng.integers(1, 6))
        linear.append(np.diag(gram) + int(rng.integers(1, 200)))
        rows.append(layer * width + row)
        cols.append(layer * width + col)
        biases.append(2 * gram[row, col])
    triples = (np.concatenate(rows), np.concatenate(cols), np.concatenate(biases))
    return _problem(np.concatenate(linear), triples, given), None


def _rng(given: Drawn, *sizes: int) -> np.random.Generator:
    """Seeded by the sizes too, so that one is no part of another."""
    return np.random.default_rng([*sizes, given.seed])


def _problem(
    linear: Ints, triples: tuple[Any, Any, Any], given: Drawn, offset: float = 0.0
) -> Problem:
    """The problem over 0, 1, …, with its count; pairs that are there twice are added up."""
    n = len(linear)
    low, high = np.minimum(*triples[:2]), np.maximum(*triples[:2])
    pairs, where = np.unique(low * n + high, return_inverse=True)
    sums = np.zeros(len(pairs), dtype=np.int64)
    np.add.at(sums, where, triples[2])
    made = Problem.from_arrays(
        range(n), linear.astype(float), (pairs // n, pairs % n, sums.astype(float)), offset
    )
    return with_demands(made, given.count, None)


def _count_of(given: Drawn, n: int) -> int | None:
    """The count as a number, before there are biases."""
    nothing = np.zeros(0, dtype=np.int64)
    empty = Problem.from_arrays(range(n), np.zeros(n), (nothing, nothing, np.zeros(0)))
    return with_demands(empty, given.count, None).count


GENERATORS: Mapping[str, tuple[type[Drawn], Callable[[Any], Made]]] = {
    "planted": (Planted, planted),
    "random": (Random, random),
    "max-cut": (MaxCut, max_cut),
    "lattice": (Lattice, lattice),
    "layers": (Layers, layers),
}
"""By name: the options, and the function that makes the problem of them."""


def draw(name: str, options: Mapping[str, Any]) -> Made:
    """A problem of a generator, and its lowest energy where that is known.

    Arguments:
        name: of the generator, one of ``GENERATORS``.
        options: its own.

    Raises:
        OptionError: an option that it does not have, or a value out of range.
        ConstraintError: a count that cannot be met.
    """
    kind, make = GENERATORS[name]
    problem, lowest = make(make_options(kind, options))
    if lowest is not None and not math.isfinite(lowest):
        raise AssertionError(f"{name} gave {lowest}")
    return problem, lowest
