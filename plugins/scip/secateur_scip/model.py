"""A problem as a model of SCIP: products as variables, or the convex form by tangents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyscipopt import Model, quicksum
from secateur.problem import Problem
from secateur.problem.demands import Counted, Summed
from secateur.solving.exact_form import Form

Bits = NDArray[np.int8]


@dataclass
class Built:
    """A model and its variables.

    Attributes:
        model: of SCIP.
        z: the binary variables.
        others: every other variable, and its value at a vector.
    """

    model: Model
    z: list[Any]
    others: list[tuple[Any, Callable[[Bits], float]]] = field(default_factory=list)
    _products: dict[tuple[int, int], Any] = field(default_factory=dict)
    _held: set[tuple[int, int, bool]] = field(default_factory=set)

    def offer(self, bits: Bits) -> None:
        """Give SCIP a complete solution to start from."""
        solution = self.model.createSol()
        for variable, bit in zip(self.z, bits.tolist(), strict=True):
            self.model.setSolVal(solution, variable, float(bit))
        for variable, value in self.others:
            self.model.setSolVal(solution, variable, value(bits))
        self.model.addSol(solution)

    def product(self, i: int, j: int, *, above: bool, below: bool) -> Any:
        """The variable for ``z_i z_j``, held from the sides that are needed."""
        made = self._products.get((i, j))
        if made is None:
            made = self.model.addVar(vtype="C", lb=0.0, ub=1.0)
            self._products[i, j] = made
            self.others.append((made, lambda bits: float(bits[i] * bits[j])))
        if above and (i, j, True) not in self._held:
            self._held.add((i, j, True))
            self.model.addCons(made >= self.z[i] + self.z[j] - 1)
        if below and (i, j, False) not in self._held:
            self._held.add((i, j, False))
            self.model.addCons(made <= self.z[i])
            self.model.addCons(made <= self.z[j])
        return made

    def multiple(self, demand: Counted) -> None:
        """A number of ones in steps: an integer variable counts them."""
        most = (demand.most - demand.least) // demand.step
        steps = self.model.addVar(vtype="I", lb=0, ub=most)
        ones = quicksum(self.z[k] for k in demand.members)
        self.model.addCons(ones == demand.least + demand.step * steps)
        least, step, members = demand.least, demand.step, demand.members
        self.others.append((steps, lambda bits: float((bits[members].sum() - least) // step)))


def build(problem: Problem, form: Form) -> Built:
    """The variables, the objective and the constraints.

    Arguments:
        problem: with an offset of 0.
        form: of its objective.
    """
    model = Model("secateur")
    model.hideOutput()
    made = Built(model, [model.addVar(vtype="B", name=f"z{k}") for k in range(problem.n)])
    for demand in problem.demands:
        if len(demand.members) == 0:
            continue
        if isinstance(demand, Counted):
            _counted(made, demand)
        else:
            _summed(made, demand)
    if form.convex:
        from secateur_scip.convex import add_epigraph

        t, value = add_epigraph(model, made.z, form, problem.count)
        made.others.append((t, lambda bits: value(bits.astype(np.float64)) + 1e-7))
    else:
        _linear_objective(made, form)
    return made


def _linear_objective(made: Built, form: Form) -> None:
    """A variable for each product, held by the side that its sign pushes to."""
    terms = [a * v for a, v in zip(form.linear.tolist(), made.z, strict=True)]
    for i, j, b in zip(*(values.tolist() for values in form.quadratic), strict=True):
        terms.append(b * made.product(i, j, above=b > 0, below=b < 0))
    made.model.setObjective(quicksum(terms), "minimize")


def _counted(made: Built, demand: Counted) -> None:
    ones = quicksum(made.z[k] for k in demand.members)
    if demand.least == demand.most:
        made.model.addCons(ones == demand.least)
    elif demand.step > 1:
        made.multiple(demand)
    else:
        if demand.most < len(demand.members):
            made.model.addCons(ones <= demand.most)
        if demand.least > 0:
            made.model.addCons(ones >= demand.least)


def _summed(made: Built, demand: Summed) -> None:
    row, col, bias = demand.pairs
    largest = float(np.abs(np.concatenate([demand.linear, bias])).max(initial=0.0))
    if largest == 0.0:
        return
    # tolerances are absolute: coefficients of at most 1
    linear = (demand.linear / largest).tolist()
    terms = [a * made.z[k] for k, a in zip(demand.members, linear, strict=True)]
    for i, j, b in zip(row.tolist(), col.tolist(), (bias / largest).tolist(), strict=True):
        terms.append(b * made.product(i, j, above=True, below=True))
    value = quicksum(terms)
    if np.isfinite(demand.upper):
        made.model.addCons(value <= (demand.upper - demand.offset) / largest)
    if np.isfinite(demand.lower):
        made.model.addCons(value >= (demand.lower - demand.offset) / largest)
