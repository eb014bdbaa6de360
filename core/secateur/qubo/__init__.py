"""The QUBO that stands for a pruning problem, as a ``dimod.BinaryQuadraticModel``.

Every objective is a function of the statistics; ``OBJECTIVES`` names them for the command line.
"""

from collections.abc import Callable, Mapping

import dimod

from secateur.qubo.build import Terms, make_qubo, terms_of
from secateur.qubo.fisher import fisher_qubo
from secateur.qubo.hybrid import hybrid_qubo, l1_qubo, taylor_qubo
from secateur.qubo.residual import residual_qubo

Objective = Callable[..., dimod.BinaryQuadraticModel]

OBJECTIVES: Mapping[str, Objective] = {
    "hybrid": hybrid_qubo,
    "fisher": fisher_qubo,
    "residual": residual_qubo,
    "taylor": taylor_qubo,
    "l1": l1_qubo,
}

__all__ = [
    "OBJECTIVES",
    "Objective",
    "Terms",
    "fisher_qubo",
    "hybrid_qubo",
    "l1_qubo",
    "make_qubo",
    "residual_qubo",
    "taylor_qubo",
    "terms_of",
]
