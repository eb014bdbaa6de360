"""The QUBO that stands for a pruning problem, as a ``dimod.BinaryQuadraticModel``.

Every objective is a class whose fields are its options; they are found by the entry points
``secateur.objectives``. Importing them needs no PyTorch.
"""

from secateur.objectives.ablation import Ablation, linear_alone, shuffled
from secateur.objectives.auto import Auto, check_one
from secateur.objectives.base import Objective
from secateur.objectives.fisher import Fisher
from secateur.objectives.functions import as_function
from secateur.objectives.hybrid import Hybrid
from secateur.objectives.linear import L1, Random, Taylor
from secateur.objectives.registry import ObjectiveLike, objective_class, resolve_objective
from secateur.objectives.residual import Residual
from secateur.objectives.residual_fisher import ResidualFisher
from secateur.objectives.terms import Terms, make_qubo

fisher_qubo = as_function(Fisher)
hybrid_qubo = as_function(Hybrid)
l1_qubo = as_function(L1)
residual_qubo = as_function(Residual)
residual_fisher_qubo = as_function(ResidualFisher)
taylor_qubo = as_function(Taylor)

__all__ = [
    "L1",
    "Ablation",
    "Auto",
    "Fisher",
    "Hybrid",
    "Objective",
    "ObjectiveLike",
    "Random",
    "Residual",
    "ResidualFisher",
    "Taylor",
    "Terms",
    "as_function",
    "check_one",
    "fisher_qubo",
    "hybrid_qubo",
    "l1_qubo",
    "linear_alone",
    "make_qubo",
    "objective_class",
    "residual_fisher_qubo",
    "residual_qubo",
    "resolve_objective",
    "shuffled",
    "taylor_qubo",
]
