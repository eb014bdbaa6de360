"""An ``OptimizationAlgorithm`` of qiskit-optimization as a backend.

The package is not imported here: a thing can be one of its algorithms only if it is loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from secateur.backends.base import Backend, BackendOptions
from secateur.backends.declaring import declare
from secateur.backends.foreign import NOTHING, Foreign, Promised, given_nothing
from secateur.backends.metered import paid_by
from secateur.errors import BackendFailed, BackendOptionError
from secateur.problem.model import Problem

PACKAGE = "qiskit_optimization"
CAN = ("count", "limit")
"""The constraints that are handed over, as linear ones."""
WHOLE = 1e-6
"""How far a value may be from 0 or 1."""


def is_algorithm(thing: object) -> bool:
    """Whether it is one, the class or an instance."""
    kind = getattr(sys.modules.get(f"{PACKAGE}.algorithms"), "OptimizationAlgorithm", None)
    if kind is None:
        return False
    return issubclass(thing, kind) if isinstance(thing, type) else isinstance(thing, kind)


def quadratic_program(problem: Problem) -> Any:
    """The problem as a ``QuadraticProgram``, its cardinalities as linear constraints.

    Its variables are ``x0``, ``x1``, … in the order of ``Problem.variables``: labels of ours may be
    anything, and its names may not.
    """
    program = sys.modules[PACKAGE].QuadraticProgram("problem")
    for k in range(problem.n):
        program.binary_var(f"x{k}")
    row, col, bias = (part.tolist() for part in problem.quadratic)
    program.minimize(
        constant=problem.offset,
        linear=problem.linear,
        quadratic={(i, j): value for i, j, value in zip(row, col, bias, strict=True)},
    )
    if problem.count is not None:
        ones = dict.fromkeys(range(problem.n), 1)
        program.linear_constraint(ones, "==", problem.count, name="count")
    for number, limit in enumerate(problem.limits):
        members = dict.fromkeys([int(k) for k in limit.members], 1)
        for sense, bound in ((">=", limit.least), ("<=", limit.most)):
            if bound is not None:
                program.linear_constraint(members, sense, bound, name=f"limit{number}{sense}")
    return program


class AlgorithmBackend(Foreign):
    """A backend made of an algorithm; see ``wrap_algorithm``.

    Attributes:
        algorithm: the class, or an instance.
        arguments: that the class is made with.
    """

    algorithm: ClassVar[Any]
    arguments: ClassVar[Mapping[str, Any]] = {}

    def ask(self, problem: Problem, options: BackendOptions) -> Any:
        """Call ``algorithm.solve``; all its samples that keep the constraints, the best first."""
        algorithm = type(self).algorithm
        if isinstance(algorithm, type):
            try:
                algorithm = algorithm(**self.arguments)
            except Exception as error:
                raise BackendFailed(
                    f"{algorithm.__name__} of backend {self.name!r} cannot be made: "
                    f"{type(error).__name__}: {error}",
                    backend=self.name,
                    remedy="give its arguments where it is declared: "
                    "secateur.backends.wrap(…, arguments={…})",
                ) from error
        found = algorithm.solve(quadratic_program(problem))
        rows = [found.x, *(sample.x for sample in found.samples or ())]
        values = np.asarray([row for row in rows if row is not None], dtype=np.float64)
        bits = np.rint(values.reshape(-1, problem.n))
        if np.abs(values.reshape(-1, problem.n) - bits).max(initial=0.0) > WHOLE:
            raise ValueError("an answer that is neither 0 nor 1")
        kept = bits[problem.feasible(bits)]
        return kept if len(kept) else bits[:1]  # which the library then refuses, by its fault


def wrap_algorithm(
    thing: Any,
    name: str,
    *,
    arguments: Mapping[str, Any] | None = None,
    promised: Promised = NOTHING,
    named: bool = True,
) -> type[Backend]:
    """A backend for an algorithm, its class or an instance.

    It has no options, but for a seed of the global random states where one is promised: options of
    the algorithm are keywords of a factory that makes it.

    Raises:
        BackendOptionError: a promise that cannot be kept.
    """
    if not isinstance(thing, type):
        given_nothing(arguments or {}, name, thing)
    made, here = declare(None, name, name, seeded=bool(promised.takes_seed), only=())
    names = set(made.__dataclass_fields__)
    promised.check(name, names, CAN)
    kind = thing if isinstance(thing, type) else type(thing)
    return type(
        f"{kind.__name__}Backend",
        (AlgorithmBackend,),
        {
            "name": name,
            "algorithm": thing,
            "arguments": dict(arguments or {}),
            "Options": made,
            "promised": promised,
            "named": named,
            "seeded_here": here,
            "citation": promised.citation,
            "capabilities": promised.capabilities(
                names,
                metered=any(
                    paid_by(one) is not None for one in (thing, *(arguments or {}).values())
                ),
            ),
            "__doc__": kind.__doc__,
            "__module__": kind.__module__,
        },
    )


def refuse_options(options: Any, name: str) -> None:
    """An algorithm is set up when it is made.

    Raises:
        BackendOptionError: options are declared for one.
    """
    if options:
        raise BackendOptionError(
            f"options are declared for backend {name!r}, an algorithm that is set up already",
            backend=name,
            remedy="wrap a function that makes it, with these options as its keywords",
        )
