"""To and from ``dimod.ConstrainedQuadraticModel``, over binary variables and hard constraints.

Both directions keep the energy of every vector, and which vectors are allowed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import dimod
import numpy as np

from secateur.errors import ConstraintError
from secateur.problem.budgets import Budget
from secateur.problem.constraints import Cardinality, Constraint, Linear, Quadratic
from secateur.problem.forms import form_of, plainest

Label = Hashable


def from_cqm(
    cqm: dimod.ConstrainedQuadraticModel,
) -> tuple[dimod.BinaryQuadraticModel, tuple[Constraint, ...]]:
    """The objective as a binary quadratic model, and the constraints.

    Spins become binaries of the same label (s = 2z - 1), integers from 0 to 1 are binaries. A
    linear constraint whose coefficients are all the same is a cardinality, ``a - b == 0`` ties, any
    other is linear; what has products is quadratic. One-hot (discrete) ones are cardinalities too.
    A constraint is called as it is labelled.

    Raises:
        ConstraintError: a variable that is not binary, or a soft constraint.
    """
    shifts = {label: _shift(cqm, label) for label in cqm.variables}
    objective = form_of(cqm.objective, shifts)
    bqm = dimod.BinaryQuadraticModel(dimod.BINARY)
    bqm.add_linear_from(dict.fromkeys(cqm.variables, 0.0))
    bqm.add_linear_from(objective.linear)
    bqm.add_quadratic_from((a, b, bias) for (a, b), bias in objective.quadratic.items())
    bqm.offset = objective.offset
    texts = Counter(str(label) for label in cqm.constraints)
    constraints = []
    for label, comparison in cqm.constraints.items():
        name = str(label) if texts[str(label)] == 1 else repr(label)
        if comparison.lhs.is_soft():
            raise ConstraintError(
                f"the constraint {name!r} is soft, of weight {comparison.lhs.weight()}",
                remedy="make it hard, or add its penalty to the objective",
            )
        form = form_of(comparison.lhs, shifts)
        sense, bound = comparison.sense.value, float(comparison.rhs)
        constraints.append(plainest(name, form, sense, bound, len(cqm.variables)))
    return bqm, tuple(constraints)


def _shift(cqm: dimod.ConstrainedQuadraticModel, label: Label) -> tuple[float, float]:
    """How a variable is made from a binary: factor and summand."""
    vartype = cqm.vartype(label)
    if vartype is dimod.BINARY:
        return 1.0, 0.0
    if vartype is dimod.SPIN:
        return 2.0, -1.0
    lower, upper = cqm.lower_bound(label), cqm.upper_bound(label)
    if vartype is dimod.INTEGER and (lower, upper) == (0, 1):
        return 1.0, 0.0
    raise ConstraintError(
        f"the variable {label!r} is {vartype.name}, from {lower:.9g} to {upper:.9g}",
        remedy="write it as a sum of binaries, 1·b0 + 2·b1 + 4·b2 + …; here all are 0 or 1",
    )


# -- the other way ---------------------------------------------------------------------------------


def to_cqm(
    bqm: dimod.BinaryQuadraticModel, constraints: Iterable[Constraint], *, extra: bool = False
) -> dimod.ConstrainedQuadraticModel:
    """A constrained quadratic model with the same energies and the same allowed vectors.

    A constraint with two bounds becomes two, "<name>: at least" and "<name>: at most"; tied
    variables become equalities of neighbours, "<name>: 1", "<name>: 2", ….

    Arguments:
        bqm: the objective; spins are converted to binaries.
        constraints: demanded of it.
        extra: write numbers of ones in steps with further binary variables,
            Σz = lower + step·(y1 + 2·y2 + …), called "<name>: step 1", …; they cost no energy.
            Without ``extra`` such a constraint is an error.

    Raises:
        ConstraintError: a constraint names a variable that ``bqm`` does not have, needs further
            variables, or is kept by nothing.
    """
    if bqm.vartype is not dimod.BINARY:
        bqm = bqm.change_vartype(dimod.BINARY, inplace=False)
    writer = _Writer(bqm, extra)
    for constraint in constraints:
        writer.add(constraint)
    return writer.cqm


class _Writer:
    def __init__(self, bqm: dimod.BinaryQuadraticModel, extra: bool) -> None:
        self.variables: Sequence[Label] = tuple(bqm.variables)
        self.known = set(self.variables)
        self.extra = extra
        self.cqm = dimod.ConstrainedQuadraticModel()
        self.cqm.add_variables(dimod.BINARY, self.variables)
        self.cqm.set_objective(bqm)

    def add(self, constraint: Constraint) -> None:
        """Write one constraint."""
        for label in constraint.labels():
            if label not in self.known:
                raise ConstraintError(
                    f"the constraint {constraint.name!r} names {label!r}, which the model does not "
                    "have",
                    remedy="look at bqm.variables",
                )
        if isinstance(constraint, Cardinality):
            self._cardinality(constraint)
            return
        if isinstance(constraint, Budget):
            constraint = constraint.written_out()
        assert isinstance(constraint, (Linear, Quadratic))
        lower, upper = constraint.lower, constraint.upper
        if isinstance(constraint, Linear):
            terms: list[tuple[Any, ...]] = list(constraint.coefficients.items())
        elif not constraint.labels():
            # dimod 0.12 leaves the offset out of the value of a form without variables
            terms, lower, upper = [], lower - constraint.offset, upper - constraint.offset
        else:
            terms = list(constraint.linear.items())
            terms += [(a, b, value) for (a, b), value in constraint.quadratic.items()]
            terms.append((constraint.offset,))
        self._between(constraint.name, terms, lower, upper)

    def _cardinality(self, constraint: Cardinality) -> None:
        name = constraint.name
        labels = self.variables if constraint.variables is None else constraint.variables
        ones: list[tuple[Any, ...]] = [(label, 1.0) for label in labels]
        allowed = np.flatnonzero(constraint.allowed(len(labels))).tolist()
        if not allowed:
            raise ConstraintError(
                f"the constraint {name!r} allows no number of ones among {len(labels)} variables",
                remedy="relax its bounds",
            )
        if len(allowed) == allowed[-1] - allowed[0] + 1:
            # a bound that says nothing is left out, but for one, so that the constraint is there
            lower = -math.inf if allowed[0] == 0 and allowed[-1] > 0 else allowed[0]
            free = allowed[-1] == len(labels) and lower > 0 and len(allowed) > 1
            self._between(name, ones, lower, math.inf if free else allowed[-1])
        elif allowed == [0, len(labels)]:
            for i in range(len(labels) - 1):
                pair: list[tuple[Any, ...]] = [(labels[i], 1.0), (labels[i + 1], -1.0)]
                self._write(f"{name}: {i + 1}", pair, "==", 0.0)
        elif constraint.kind == "numbers":
            self._numbers(name, ones, allowed)
        else:
            self._steps(name, ones, allowed, constraint.step)

    def _steps(
        self, name: str, ones: list[tuple[Any, ...]], allowed: Sequence[int], step: int
    ) -> None:
        if not self.extra:
            raise ConstraintError(
                f"the constraint {name!r} allows {allowed[0]} to {allowed[-1]} ones in steps of "
                f"{step}, which a CQM cannot say of these variables alone",
                remedy="allow it further binary variables: to_cqm(…, extra=True)",
            )
        left, weight, number = len(allowed) - 1, 1, 1
        while left > 0:
            label = self._new(name, f"{name}: step {number}")
            ones.append((label, -float(step * min(weight, left))))
            left, weight, number = left - weight, 2 * weight, number + 1
        self._write(name, ones, "==", float(allowed[0]))

    def _numbers(self, name: str, ones: list[tuple[Any, ...]], allowed: Sequence[int]) -> None:
        """One further variable a number, of which exactly one is chosen."""
        if not self.extra:
            raise ConstraintError(
                f"the constraint {name!r} allows {', '.join(map(str, allowed[:4]))}, … ones, which "
                "a CQM cannot say of these variables alone",
                remedy="allow it further binary variables: to_cqm(…, extra=True)",
            )
        labels = [self._new(name, f"{name}: {number} ones") for number in allowed]
        chosen = [(label, -float(number)) for label, number in zip(labels, allowed, strict=True)]
        self._write(name, [*ones, *chosen], "==", 0.0)
        self._write(f"{name}: one number", [(label, 1.0) for label in labels], "==", 1.0)

    def _new(self, name: str, label: str) -> str:
        if label in self.known:
            raise ConstraintError(
                f"the constraint {name!r} needs a variable {label!r}, and there is one",
                remedy="give the constraint another name",
            )
        self.known.add(label)
        self.cqm.add_variable("BINARY", label)
        return label

    def _between(self, name: str, terms: list[tuple[Any, ...]], lower: float, upper: float) -> None:
        if lower == upper:
            self._write(name, terms, "==", lower)
        elif math.isinf(lower):
            self._write(name, terms, "<=", upper)
        elif math.isinf(upper):
            self._write(name, terms, ">=", lower)
        else:
            self._write(f"{name}: at least", terms, ">=", lower)
            self._write(f"{name}: at most", terms, "<=", upper)

    def _write(self, label: str, terms: list[tuple[Any, ...]], sense: str, bound: float) -> None:
        if label in self.cqm.constraints:
            raise ConstraintError(
                f"two constraints would be called {label!r}", remedy="give one another name="
            )
        self.cqm.add_constraint_from_iterable(terms, sense, rhs=float(bound), label=label)
