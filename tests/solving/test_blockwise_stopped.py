"""``blocks:SOLVER`` says why it stopped: also what stopped the solver of a block."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import dimod
import pytest

from secateur.backends import BackendOptions, Solution, Status, Stopped
from secateur.solving import solve
from tests.solving.toys import Toy


class Halting(Toy):
    """Says of every second block that its time was up."""

    name: ClassVar[str] = "halting"

    def solve(self, problem, options: BackendOptions) -> Solution:
        found = super().solve(problem, options)
        if len(Toy.asked) % 2:
            return found
        return replace(found, status=Status.FEASIBLE, stopped=Stopped.TIME_LIMIT)


@pytest.mark.parametrize("inner", [Toy, Halting])
def test_a_block_that_was_cut_short_is_told(inner):
    """Though every block was asked: with more time one of them might be better."""
    Toy.forget()
    bqm = dimod.BinaryQuadraticModel("BINARY")
    for block in range(3):
        for i in range(4):
            bqm.add_linear(4 * block + i, (1.0 + i) * (block + 1))
            bqm.add_quadratic(4 * block + i, 4 * block + (i + 1) % 4, 0.5)
    found = solve(bqm, count=6, backend=f"blocks:{inner.__module__}:{inner.__name__}", proof=False)
    assert len(Toy.asked) > 1
    assert found.stopped is (Stopped.COMPLETED if inner is Toy else Stopped.TIME_LIMIT)
