"""``t ≥ ½ z'Qz + c·z`` for a convex form, kept by tangents: one variable beside the binary ones.

Every fractional point at which t is too low gives a tangent that cuts it off (Kelley, "The
cutting-plane method for solving convex programs", J. SIAM 8, 1960), so each node's linear program
tends to the convex relaxation; at a 0/1 point the tangent is the energy itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyscipopt import SCIP_RESULT, Conshdlr, Model, quicksum
from secateur.solving.exact_form import Form

Floats = NDArray[np.float64]

EXACT = 1e-6
"""t may be this much too low at a 0/1 point; the largest bias is about 1000."""
WORTHWHILE = 1e-3
"""A fractional point is cut off if t is lower by more."""


class Epigraph(Conshdlr):  # type: ignore[misc]
    """The constraint that t is not below the convex form.

    Arguments:
        z: the binary variables.
        t: bounds the form from above.
        matrix: Q, symmetric and positive semidefinite, shape ``(n, n)``.
        linear: c, shape ``(n,)``.
        inner: a point inside, towards which the first points are drawn, shape ``(n,)``.
    """

    def __init__(self, z: list[Any], t: Any, matrix: Floats, linear: Floats, inner: Floats) -> None:
        self.z, self.t = z, t
        self.matrix, self.linear, self.inner = matrix, linear, inner

    def value(self, point: Floats) -> float:
        """The form at a point."""
        return float(self.linear @ point + 0.5 * point @ (self.matrix @ point))

    def _point(self, solution: Any = None) -> tuple[Floats, float]:
        value = self.model.getSolVal
        return np.array([value(solution, v) for v in self.z]), float(value(solution, self.t))

    def _low(self, solution: Any = None) -> bool:
        point, t = self._point(solution)
        return t < self.value(np.rint(point)) - EXACT

    def _cut(self, at: Floats) -> None:
        """The tangent at a point, as a row of the linear program."""
        curved = self.matrix @ at
        slope = self.linear + curved
        row = self.model.createEmptyRowUnspec(
            "tangent", lhs=-0.5 * float(at @ curved), rhs=None, local=False, removable=True
        )
        self.model.cacheRowExtensions(row)
        self.model.addVarToRow(row, self.t, 1.0)
        for variable, part in zip(self.z, slope.tolist(), strict=True):
            self.model.addVarToRow(row, variable, -part)
        self.model.flushRowExtensions(row)
        self.model.addCut(row, forcecut=False)
        self.model.releaseRow(row)

    # -- what SCIP calls; the names and arguments are its own ------------------------------------

    def conscheck(self, constraints: Any, solution: Any, *_: Any) -> dict[str, Any]:
        """A solution that was found."""
        low = self._low(solution)
        return {"result": SCIP_RESULT.INFEASIBLE if low else SCIP_RESULT.FEASIBLE}

    def consenfolp(self, *_: Any) -> dict[str, Any]:
        """A 0/1 point of a node's linear program."""
        if not self._low():
            return {"result": SCIP_RESULT.FEASIBLE}
        self._cut(np.rint(self._point()[0]))
        return {"result": SCIP_RESULT.SEPARATED}

    def consenfops(self, *_: Any) -> dict[str, Any]:
        """A point without a linear program."""
        return {"result": SCIP_RESULT.SOLVELP if self._low() else SCIP_RESULT.FEASIBLE}

    def conssepalp(self, *_: Any) -> dict[str, Any]:
        """A fractional point; at the root one nearer to the inside as well, which is deeper."""
        point, t = self._point()
        if t >= self.value(point) - WORTHWHILE:
            return {"result": SCIP_RESULT.DIDNOTFIND}
        if self.model.getDepth() == 0:
            self._cut(0.5 * (point + self.inner))
            self.inner = 0.7 * self.inner + 0.3 * point
        self._cut(point)
        return {"result": SCIP_RESULT.SEPARATED}

    def conslock(self, constraint: Any, locktype: Any, up: int, down: int) -> None:
        """t may be raised; no other variable may be moved either way."""
        self.model.addVarLocks(self.t, up, down)
        for variable in self.z:
            self.model.addVarLocks(variable, up + down, up + down)


def add_epigraph(model: Model, z: list[Any], form: Form, count: int | None) -> Any:
    """The objective t, its constraint, and the tangents of the relaxation without 0/1.

    Returns:
        t, and a function that gives the form's value at a vector.
    """
    matrix = np.diag(form.diagonal)
    row, col, bias = form.quadratic
    matrix[row, col] += bias
    matrix[col, row] += bias
    t = model.addVar(vtype="C", lb=None, name="energy")
    model.setObjective(t, "minimize")
    lowest = _lowest(matrix, form.linear, count)
    inside = np.clip(lowest, 0.0, 1.0)
    for at in (lowest, inside):
        curved = matrix @ at
        slope = (form.linear + curved).tolist()
        tangent = quicksum(part * v for part, v in zip(slope, z, strict=True))
        model.addCons(t - tangent >= -0.5 * float(at @ curved))
    handler = Epigraph(z, t, matrix, form.linear, inside)
    model.includeConshdlr(
        handler,
        "epigraph",
        "t above a convex quadratic form",
        sepapriority=100,
        enfopriority=-10,
        chckpriority=-10,
        sepafreq=1,
        propfreq=-1,
        eagerfreq=100,
        maxprerounds=0,
        needscons=True,
    )
    made = model.createCons(
        handler, "energy", initial=False, separate=True, enforce=True, check=True, propagate=False
    )
    model.addPyCons(made)
    # reductions that only keep some optimum of the rows cannot know this constraint
    model.setParam("misc/allowstrongdualreds", False)
    model.setParam("misc/allowweakdualreds", False)
    return t, handler.value


def _lowest(matrix: Floats, linear: Floats, count: int | None) -> Floats:
    """About where the form is least, under a count: a tangent anywhere is true."""
    n = len(linear)
    ridge = 1e-9 * float(np.trace(matrix)) / n + 1e-12
    system, right = matrix + ridge * np.eye(n), -linear
    if count is not None:
        system = np.block([[system, np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
        right = np.append(right, float(count))
    try:
        found = np.linalg.solve(system, right)[:n]
    except np.linalg.LinAlgError:
        return np.full(n, 0.5)
    return np.clip(found, -2.0, 3.0) if np.isfinite(found).all() else np.full(n, 0.5)
