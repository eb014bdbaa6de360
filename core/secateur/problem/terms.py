"""Terms of a user's own, added to an objective over the same variables."""

from __future__ import annotations

import math
from numbers import Real

import dimod

from secateur.errors import ConstraintError, SecateurError
from secateur.problem.globs import nearest


def combine(
    bqm: dimod.BinaryQuadraticModel, other: dimod.BinaryQuadraticModel, weight: float = 1.0
) -> dimod.BinaryQuadraticModel:
    """``bqm + weight·other``, over the variables of ``bqm`` in their order; both stay as they are.

    Arguments:
        bqm: an objective.
        other: further terms, over variables of ``bqm``; spins are converted.
        weight: of the further terms.

    Raises:
        SecateurError: the weight is not finite.
        ConstraintError: ``other`` has a variable that ``bqm`` does not have.
    """
    if not isinstance(weight, Real) or not math.isfinite(weight):
        raise SecateurError(f"the weight is {weight!r}", remedy="give a finite number")
    known = set(bqm.variables)
    for label in other.variables:
        if label not in known:
            raise ConstraintError(
                f"the terms have the variable {label!r}, which the objective does not have",
                remedy=nearest(str(label), [str(v) for v in bqm.variables][:5000], few=5),
            )
    made = bqm.copy()
    more = other.change_vartype(bqm.vartype, inplace=False)
    more.scale(weight)
    made.update(more)
    return made
