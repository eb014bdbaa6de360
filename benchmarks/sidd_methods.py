"""The methods of ``sidd.py``, by what they answer."""

from __future__ import annotations

from secateur.methods import RANDOM, Method
from secateur.objectives import linear_alone, shuffled
from secateur.refine import Exchange, TensorTrain
from secateur.solving import CONTROL

LAYERS = 8
"""Of the smaller problem; which eight the reference took is not known."""


def objectives(steps: int) -> tuple[Method, ...]:
    """Masked ⇒ compensated ⇒ recovered, all filters.

    Arguments:
        steps: of the recovery, the same for every method.
    """
    recovery = {"recover": "distil", "recover_options": {"steps": steps}}
    return (
        Method(RANDOM, **recovery),
        Method("l1", name="l1 QUBO", **recovery),
        Method("taylor", CONTROL, **recovery),
        Method("hybrid", **recovery),
        Method("hybrid", CONTROL, name="hybrid, greedy and swaps", **recovery),
        Method(linear_alone("hybrid"), name="hybrid, linear alone", **recovery),
        Method(shuffled("hybrid"), name="hybrid, couplings shuffled", **recovery),
        Method("fisher", **recovery),
        Method("residual", **recovery),
        Method("residual+fisher", **recovery),
        Method("auto", **recovery),
    )


def refinements(evaluations: int) -> tuple[Method, ...]:
    """Of the hybrid's mask as it is, as the reference has it, and compensated.

    Arguments:
        evaluations: of the selection crops, the same for every search.
    """
    searches = {
        "not refined": None,
        "random swaps": Exchange(evaluations, guide="random"),
        "swaps guided by the QUBO": Exchange(evaluations),
        "tensor train of rank 1": TensorTrain(evaluations, rank=1),
        "tensor train of rank 4": TensorTrain(evaluations, rank=4),
    }
    return tuple(
        Method("hybrid", refine=refine, compensated=compensated, name=f"hybrid, {name}{state}")
        for compensated, state in ((False, ""), (True, ", compensated"))
        for name, refine in searches.items()
    )


def greedy() -> Method:
    """Where differences are taken from."""
    return Method("taylor", CONTROL)
