"""What QOBLIB asks of a problem and of a method, each read off what the library knows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from secateur.backends.reserved import AUTO, BLOCKS, CONTROL, DECOMPOSE
from secateur.errors import SecateurError
from secateur.problem import Problem
from secateur.problem.constraints import Cardinality, Constraint, Linear, Quadratic
from secateur.solving.solvers import as_solver, inner_name

NOT_KNOWN = "N/A"
QPU = frozenset({"leap-qpu", "qaoa-device"})
"""Backends whose access time is that of a quantum processor, where they are charged for."""
SIMULATORS = frozenset({"qaoa", "qaoa-device", "leap-qpu"})
"""Backends that simulate one where nothing is charged: a fake device, a rehearsal."""
CLASSICAL = frozenset(
    "annealing auto branch-and-bound exhaustive greedy gurobi neal openjij path-integral scip "
    "steepest-descent tabu".split()
)


@dataclass(frozen=True)
class ProblemFacts:
    """A problem in QOBLIB's words.

    Arguments:
        variables: all of them binary.
        coefficients: that are not zero, of the objective and of the demands; None where a demand
            has no such form (a budget over widths).
        kind: "Integer", or "Continuous" where a coefficient is no whole number.
        range: the smallest and the largest of them.
        modelling: QUBO, and the demands beside it.
    """

    variables: int
    coefficients: int | None
    kind: str
    range: str
    modelling: str


def problem_facts(problem: Problem) -> ProblemFacts:
    """Count the coefficients of a problem: biases, and those of its demands."""
    parts = [problem.linear, problem.quadratic[2]]
    whole = True
    for constraint in problem.constraints:
        found = _coefficients(constraint, problem.n)
        whole = whole and found is not None
        parts.append(np.array([] if found is None else list(found), dtype=np.float64))
    values = np.concatenate(parts)
    values = values[values != 0.0]
    integer = bool((values == np.rint(values)).all())
    ends = NOT_KNOWN
    if len(values):
        ends = " to ".join(_number(float(end), integer) for end in (values.min(), values.max()))
    return ProblemFacts(
        variables=problem.n,
        coefficients=len(values) if whole else None,
        kind="Integer" if integer else "Continuous",
        range=ends if whole else NOT_KNOWN,
        modelling=_modelling(problem),
    )


def _coefficients(constraint: Constraint, n: int) -> Iterator[float] | None:
    """Those of a demand; None: it is no linear or quadratic form."""
    if isinstance(constraint, Cardinality):
        return itertools.repeat(
            1.0, n if constraint.variables is None else len(constraint.labels())
        )
    if isinstance(constraint, Linear):
        return iter(constraint.coefficients.values())
    if isinstance(constraint, Quadratic):
        return itertools.chain(constraint.linear.values(), constraint.quadratic.values())
    return None


def _number(value: float, integer: bool) -> str:
    return str(int(value)) if integer else repr(value)


def _modelling(problem: Problem) -> str:
    said = []
    for constraint in problem.constraints:
        alone = isinstance(constraint, Cardinality) and constraint.variables is None
        if alone and problem.count is not None:
            said.append(f"exactly {problem.count} of {problem.n} variables one")
    others = len(problem.constraints) - len(said)
    if others:
        kinds = ", ".join(sorted(problem.kinds - ({"count"} if said else set())))
        said.append(f"{others} further demands ({kinds})")
    return "QUBO" + (f" with {' and '.join(said)}" if said else "")


def algorithm_type(backend: str) -> str:
    """ "Deterministic" or "Stochastic", as the backend's ``Capabilities`` say; "N/A" where it is
    not installed here."""
    if backend in (AUTO, CONTROL):
        return "Stochastic" if backend == AUTO else "Deterministic"
    try:
        return "Stochastic" if as_solver(backend).capabilities.stochastic else "Deterministic"
    except SecateurError:
        return NOT_KNOWN


def on_qpu(backend: str, metered: bool) -> bool:
    """Whether the access time that a backend tells is that of a quantum processor."""
    return metered and inner_name(backend) in QPU


def paradigm(backend: str, metered: bool) -> str:
    """ "Classical", "Quantum Simulator", "Quantum Hardware", or "N/A" for what is not ours to say:
    a service of several kinds of hardware, a stranger's backend."""
    name = inner_name(backend)
    if on_qpu(backend, metered):
        return "Quantum Hardware"
    if name in SIMULATORS and not metered:
        return "Quantum Simulator"
    return "Classical" if name in CLASSICAL else NOT_KNOWN


def workflow(problem: Problem, backend: str, options: Mapping[str, Any]) -> str:
    """From the model to the answer, in the order in which ``secateur.solve`` does it."""
    steps = ["QUBO"]
    if backend == AUTO:
        steps.append("upper curves of the blocks, branch and bound, annealing where a gap is left")
    elif backend == CONTROL:
        steps.append("greedy construction")
    else:
        steps += _asking(problem, backend, options)
    steps.append("repair and descent by flips and swaps, every demand kept exactly")
    return " → ".join(steps)


def _asking(problem: Problem, backend: str, options: Mapping[str, Any]) -> list[str]:
    set_ = ", ".join(
        f"{name}={value}" for name, value in options.items() if value is not None and value != {}
    )
    called = f"{backend} ({set_})" if set_ else backend
    if backend.startswith((DECOMPOSE, BLOCKS)):
        way = "parts" if backend.startswith(DECOMPOSE) else "blocks"
        return [f"{way} of the problem, one after another", called]
    try:
        priced = problem.kinds - as_solver(backend).capabilities.native
    except SecateurError:
        return [called]
    if not priced:
        return [called]
    return [f"Lagrange multipliers for what is not native ({', '.join(sorted(priced))})", called]
