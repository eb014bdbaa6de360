"""A problem as a model of Gurobi: the objective in its exact form, every demand a constraint."""

from __future__ import annotations

from typing import Any

import numpy as np

from secateur.problem import Problem
from secateur.problem.budgeted import Budgeted
from secateur.problem.demands import Counted, Summed
from secateur.solving.exact_form import Form


def integers(problem: Problem) -> int:
    """How many integer variables its demands need beside the binary ones."""
    return sum(limit.step > 1 for limit in problem.limits)


def build(gurobi: Any, model: Any, problem: Problem, form: Form) -> Any:
    """The variables, the objective and the constraints.

    Arguments:
        gurobi: the module gurobipy.
        model: empty.
        problem: with an offset of 0.
        form: of its objective.
    """
    from scipy.sparse import coo_array

    z = model.addMVar(problem.n, vtype=gurobi.GRB.BINARY)
    row, col, bias = form.matrix
    minimise = gurobi.GRB.MINIMIZE
    if len(bias):
        square = coo_array((bias, (row, col)), shape=(problem.n, problem.n))
        model.setMObjective(square, form.linear, 0.0, z, z, z, minimise)
    else:
        model.setMObjective(None, form.linear, 0.0, None, None, z, minimise)
    for demand in problem.demands:
        if len(demand.members) == 0:
            continue
        if isinstance(demand, Counted):
            _counted(gurobi, model, z, demand)
        elif isinstance(demand, Budgeted):
            _budgeted(gurobi, model, z, demand)
        else:
            _summed(model, problem.n, z, demand)
    return z


def _counted(gurobi: Any, model: Any, z: Any, demand: Counted) -> None:
    ones = z[demand.members].sum()
    if demand.least == demand.most:
        model.addConstr(ones == demand.least)
    elif demand.step > 1:
        most = (demand.most - demand.least) // demand.step
        steps = model.addVar(lb=0, ub=most, vtype=gurobi.GRB.INTEGER)
        model.addConstr(ones == demand.least + demand.step * steps)
    else:
        if demand.most < len(demand.members):
            model.addConstr(ones <= demand.most)
        if demand.least > 0:
            model.addConstr(ones >= demand.least)


def _budgeted(gurobi: Any, model: Any, z: Any, demand: Budgeted) -> None:
    """The cost in one integer a group, the number that stays; it may be no convex form."""
    staying = model.addMVar(len(demand.sizes), lb=0, ub=demand.sizes, vtype=gurobi.GRB.INTEGER)
    for group, size in enumerate(demand.sizes.tolist()):
        model.addConstr(staying[group] == size - z[np.flatnonzero(demand.of == group)].sum())
    lines = [demand.constraint.straight(group) for group in range(len(demand.sizes))]
    base = np.array([line[0] for line in lines if line is not None])
    slope = np.array([line[1] for line in lines if line is not None])
    linear = slope * (demand.linear + 2.0 * demand.products @ base)
    products = slope[:, None] * demand.products * slope[None, :]
    fixed = demand.fixed + float(demand.linear @ base + base @ demand.products @ base)
    # tolerances are absolute: coefficients of at most 1
    largest = max(float(np.abs(linear).max(initial=0.0)), float(products.max(initial=0.0)))
    if largest == 0.0:
        return
    value = (linear / largest) @ staying
    if products.any():
        value = value + staying @ (products / largest) @ staying
    model.addConstr(value <= (demand.upper - fixed) / largest)


def _summed(model: Any, n: int, z: Any, demand: Summed) -> None:
    from scipy.sparse import coo_array

    row, col, bias = demand.pairs
    largest = float(np.abs(np.concatenate([demand.linear, bias])).max(initial=0.0))
    if largest == 0.0:
        return
    # tolerances are absolute: coefficients of at most 1
    linear = demand.linear / largest
    value = linear @ z[demand.members]
    if len(bias):
        square = coo_array((bias / largest, (row, col)), shape=(n, n)).tocsr()
        value = value + z @ square @ z
    if np.isfinite(demand.upper):
        model.addConstr(value <= (demand.upper - demand.offset) / largest)
    if np.isfinite(demand.lower):
        model.addConstr(value >= (demand.lower - demand.offset) / largest)
