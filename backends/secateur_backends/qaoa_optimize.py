"""The classical half of QAOA: what is minimised over the angles, and by which method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from secateur.backends import Stopped
from secateur.errors import BackendBudgetSpent
from secateur_backends.qaoa_ansatz import Floats
from secateur_backends.qaoa_watch import OutOfTime, Watch

OPTIMIZERS = ("cobyla", "spsa", "nelder-mead")
_STEP = 0.3
"""The first step in an angle: the cost is normalised, so good angles are of order one."""


def cvar(energies: Floats, weights: NDArray[np.number], alpha: float) -> float:
    """The mean of the best share ``alpha`` of a distribution; with 1 the mean of all.

    Barkoutsos et al., "Improving Variational Quantum Optimization using CVaR", Quantum 4, 256
    (2020).

    Arguments:
        energies: rising.
        weights: probabilities or counts.
        alpha: in (0, 1].
    """
    total = float(weights.sum())
    before = np.concatenate([[0.0], np.cumsum(weights)[:-1]])
    # the last energy that belongs to the share may belong to it in part
    taken = np.clip(alpha * total - before, 0.0, weights)
    return float(taken @ energies / taken.sum())


@dataclass
class Run:
    """What an optimizer did.

    Arguments:
        angles: the best ones.
        value: at these angles.
        values: of every evaluation, in order.
        stopped: why it ended.
    """

    angles: Floats
    value: float = np.inf
    values: list[float] = field(default_factory=list)
    stopped: Stopped = Stopped.COMPLETED


class _Enough(Exception):
    """Evaluations or time are used up."""


def minimise(
    value: Callable[[Floats], float],
    start: Floats,
    *,
    optimizer: str,
    iterations: int,
    watch: Watch,
    random: np.random.Generator,
) -> Run:
    """Minimise ``value`` from ``start``; at least one and at most ``iterations`` evaluations.

    Arguments:
        value: a function of the angles.
        start: the first angles.
        optimizer: one of ``OPTIMIZERS``.
        iterations: the most evaluations.
        watch: the time limit. The first evaluation is made whatever it says; another one only if
            the slowest of those before would fit into what is left.
        random: for SPSA.

    Raises:
        BackendBudgetSpent: from the first evaluation; a later one ends the run.
    """
    run = Run(start)

    def evaluate(angles: Floats) -> float:
        if len(run.values) >= iterations:
            raise _Enough
        if len(run.values) == 1 and np.array_equal(angles, start):
            return run.values[0]  # every method begins where we did
        if run.values and not watch.room():
            run.stopped = Stopped.TIME_LIMIT
            raise _Enough
        try:
            with watch.step():
                found = value(np.asarray(angles, dtype=np.float64))
        except OutOfTime:  # cut short inside
            run.stopped = Stopped.TIME_LIMIT
            raise _Enough from None
        except BackendBudgetSpent:
            if not run.values:
                raise
            run.stopped = Stopped.BUDGET
            raise _Enough from None
        run.values.append(found)
        if found < run.value:
            run.angles, run.value = np.array(angles, dtype=np.float64), found
        return found

    try:
        evaluate(start)
        if watch.cut or (iterations > 1 and not watch.room()):  # loading scipy takes time, too
            run.stopped = Stopped.TIME_LIMIT
        elif optimizer == "spsa":
            _spsa(evaluate, start, random)
        else:
            _scipy(evaluate, start, optimizer, iterations)
    except _Enough:
        pass
    return run


def _scipy(
    evaluate: Callable[[Floats], float], start: Floats, optimizer: str, iterations: int
) -> None:
    from scipy.optimize import minimize

    # `evaluate` ends the run; more is allowed here so that scipy never warns about too few
    most = iterations + len(start) + 3
    if optimizer == "cobyla":
        first = {"maxiter": most, "rhobeg": _STEP}
        minimize(evaluate, start, method="COBYLA", tol=0.005, options=first)
        return
    simplex = np.vstack([start, start + _STEP * np.eye(len(start))])
    options = {"maxfev": most, "initial_simplex": simplex, "fatol": 1e-4, "xatol": 1e-3}
    minimize(evaluate, start, method="Nelder-Mead", options=options)


def _spsa(evaluate: Callable[[Floats], float], start: Floats, random: np.random.Generator) -> None:
    """Simultaneous perturbation, two evaluations a step whatever the number of angles.

    Spall, "Implementation of the simultaneous perturbation algorithm for stochastic optimization",
    IEEE Transactions on Aerospace and Electronic Systems 34, 817 (1998): gains and exponents.
    """
    angles = np.array(start)
    evaluate(angles)
    k = 0
    while True:
        reach, gain = 0.2 / (k + 1) ** 0.101, _STEP / (k + 5) ** 0.602
        direction = random.choice((-1.0, 1.0), size=len(angles))
        slope = evaluate(angles + reach * direction) - evaluate(angles - reach * direction)
        angles = angles - gain * slope / (2 * reach) * direction
        k += 1
