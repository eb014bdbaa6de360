"""All reads of all calls as one sample set."""

from __future__ import annotations

from collections.abc import Sequence

import dimod
import numpy as np
from numpy.typing import NDArray

from secateur.problem.model import Bits, Problem


def gather(
    problem: Problem, answer: Bits, rows: Sequence[tuple[Bits, NDArray[np.int64]]]
) -> dimod.SampleSet:
    """Every row with its own energy, how often it was read, and whether it is feasible.

    The answer is a row of its own, with no occurrences, where no read was the answer.

    Arguments:
        problem: that was solved; prices are not in its energies.
        answer: the choice that is returned, shape ``(n,)``.
        rows: of each call, with occurrences.
    """
    bits = np.concatenate([answer[None], *(part for part, _ in rows)]).astype(np.int8)
    often = np.concatenate([np.zeros(1, np.int64), *(count for _, count in rows)])
    if problem.n:
        bits, inverse = np.unique(bits, axis=0, return_inverse=True)
        often = np.bincount(inverse.ravel(), often, len(bits)).astype(np.int64)
    energies = problem.energies(bits)
    order = np.argsort(energies, kind="stable")
    return dimod.SampleSet.from_samples(
        (bits[order], list(problem.variables)),
        vartype=dimod.BINARY,
        energy=energies[order],
        num_occurrences=often[order],
        is_feasible=problem.feasible(bits)[order],
        sort_labels=False,
    )
