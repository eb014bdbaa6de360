"""What is given to ``solve`` in the place of something else, told with the right call."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from pathlib import Path
from typing import Any

from secateur.errors import ConstraintError
from secateur.misplaced import share_of
from secateur.problem.constraints import Constraint
from secateur.stages import misplaced


def model_hint(model: object) -> str:
    """How a model is made of what was given instead, to stand before the rest; or ""."""
    if isinstance(model, (str, Path)):
        return f"read the file: secateur.files.read_file({str(model)!r}).bqm; "
    if any(kind.__module__.startswith("torch.nn.") for kind in type(model).__mro__):
        return "measure the network: secateur.measure(network, task).qubo(); "
    if isinstance(model, dict):
        return "of a QUBO as a dict: dimod.BinaryQuadraticModel.from_qubo(Q); "
    if hasattr(model, "__array__"):
        return "of a matrix: dimod.BinaryQuadraticModel(Q, 'BINARY'); "
    return ""


def check_count(count: Any, n: int) -> None:
    """Refuse what is no number of ones.

    Arguments:
        count: as it was given.
        n: variables of the model.

    Raises:
        ConstraintError: it is a share, a name or no whole number.
    """
    if isinstance(count, Integral) and not isinstance(count, bool):
        return
    part = share_of(count, n)
    hint = misplaced(count)
    if isinstance(count, str) and count.strip().isdecimal():
        hint = f"write count={int(count)}; "
    elif part is not None:
        hint = f"that share of {n} variables is count={part}; "
    raise ConstraintError(f"the count is {count!r}", remedy=f"{hint}give a whole number of ones")


def listed(constraints: Any) -> list[Constraint]:
    """The constraints as a list.

    Raises:
        ConstraintError: one alone, or something that cannot be gone through.
    """
    if isinstance(constraints, str) or not isinstance(constraints, Iterable):
        kind = type(constraints).__name__
        raise ConstraintError(
            f"the constraints are of type {kind}",
            remedy="give a list of them, [secateur.problem.at_most(3, labels)]; a number of ones "
            "alone is count=…",
        )
    return list(constraints)
