"""Any backend on problems larger than it takes: ``decompose:NAME``.

A large-neighbourhood search. What is certain is fixed (persistency); of the rest, the variables
that good vectors disagree about, or whose value costs or saves least, are freed, at most ``size``
at a time, and the inner backend solves for them with everything else as it is in the best vector
so far. The part keeps what the fixed variables leave of the count and the limits, so the whole
always has exactly the wanted count. The idea is that of qbsolv: Booth, Reinhardt and Roy,
"Partitioning Optimization Problems for Hybrid Classical/Quantum Execution", D-Wave 14-1006A-A
(2017), after Rosenberg et al., "Building an iterative heuristic solver for a quantum annealer",
Computational Optimization and Applications 65, 845 (2016).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cache

import dimod
import numpy as np

from secateur.backends.base import (
    Applicability,
    Backend,
    BackendOptions,
    Solution,
    Status,
    Timings,
)
from secateur.backends.call import resolve_options
from secateur.backends.guard import applicability_of, build
from secateur.backends.metered import is_metered
from secateur.errors import BackendUnsuitable
from secateur.limits import MOST_ROUNDS, ROUNDS_WHY
from secateur.options import option
from secateur.problem.model import Problem
from secateur.problem.moves import Moves
from secateur.problem.persistency import persistent
from secateur.problem.subproblem import subproblem
from secateur.solving.decomposition_search import Limits, Search, asked
from secateur.solving.names import DECOMPOSE
from secateur.solving.wrapping import Wrapper, WrapperOptions, wrap

_UNLIMITED_SIZE = 64
"""Variables of a part where neither the user nor the inner backend has a limit."""
_CALL_SECONDS = 5.0
"""Where the size is free, parts are made so small that a call is estimated to take less."""

_CITATION = """
@techreport{booth2017partitioning,
  author      = {Booth, Michael and Reinhardt, Steven P. and Roy, Aidan},
  title       = {Partitioning Optimization Problems for Hybrid Classical/Quantum Execution},
  institution = {D-Wave Systems Inc.}, number = {14-1006A-A}, year = {2017}
}
@article{rosenberg2016building,
  author  = {Rosenberg, Gili and Vazifeh, Mohammad and Woods, Brad and Haber, Eldad},
  title   = {Building an iterative heuristic solver for a quantum annealer},
  journal = {Computational Optimization and Applications}, volume = {65}, pages = {845--869},
  year    = {2016}, doi = {10.1007/s10589-016-9844-y}
}
"""


@dataclass(frozen=True)
class DecompositionOptions(WrapperOptions):
    """Options of the decomposition; before those of the inner backend is ``inner.``."""

    size: int | None = option(
        None,
        "most variables of a part; None: what the inner backend takes in good time",
        least=2,
        most=MOST_ROUNDS,
        why="no problem has so many variables",
    )
    rounds: int = option(
        5000, "most parts that are solved", least=1, most=MOST_ROUNDS, why=ROUNDS_WHY
    )
    patience: int = option(
        600,
        "stop after so many parts without improvement",
        least=1,
        most=MOST_ROUNDS,
        why=ROUNDS_WHY,
    )
    incumbents: int = option(6, "good vectors whose agreement is looked at", least=1, most=100)


@cache
def decompose(inner: type[Backend]) -> type[Backend]:
    """A backend that solves problems of any size by solving parts of them with ``inner``.

    Its name is ``decompose:`` and that of ``inner``; it takes every demand as a constraint whether
    ``inner`` does or not.
    """
    about = f"The backend {inner.name!r} on parts of a problem."
    return wrap(Decomposed, inner, DECOMPOSE, about, _CITATION)


class Decomposed(Wrapper):
    """What ``decompose`` makes a subclass of."""

    Options = DecompositionOptions

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Whether the inner backend takes a part."""
        given = options if isinstance(options, DecompositionOptions) else self.Options()
        assert isinstance(given, DecompositionOptions)
        size, suits = self._fit(problem, given)
        if not suits.applicable:
            return replace(suits, reason=f"a part of {size} variables: {suits.reason}")
        calls = self.most_calls(given) or given.rounds
        charge = suits.charge_seconds
        return Applicability(
            True,
            seconds=None if suits.seconds is None else calls * suits.seconds,
            charge_seconds=None if charge is None else calls * charge,
            memory_bytes=suits.memory_bytes,
        )

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Fix what is certain, then solve parts around the best vector until none helps."""
        assert isinstance(options, DecompositionOptions)
        started = time.monotonic()
        values, known = persistent(problem)
        free = np.flatnonzero(~known)
        whole = Moves(problem).repair(values) if known.any() else None
        if whole is not None and (whole[known] != values[known]).any():
            whole = None  # what is certain is certain in an optimum, not in any good vector
        core = problem if whole is None else subproblem(problem, whole, free)
        if whole is None:
            free = np.arange(problem.n, dtype=np.intp)
        if known.any() and problem.start is not None:
            # the certain part of a start is not worse for being set right
            core = core.with_start(problem.start[:, free])
        size, suits = self._fit(core, options)
        if not suits.applicable:
            raise BackendUnsuitable(
                f"backend {self.name!r}: a part of {size} variables: {suits.reason}",
                backend=self.name,
                remedy=suits.remedy,
            )
        search = Search(
            core,
            build(self.inner),
            dict(options.inner or {}),
            Limits(
                size=size,
                rounds=options.rounds,
                patience=options.patience,
                calls=self.most_calls(options),
                deadline=None if options.time_limit is None else started + options.time_limit,
                metered=self.charges(options),
            ),
            incumbents=options.incumbents,
            seed=self.seed_of(problem, options),
        )
        search.go()
        rows = np.repeat(values[None], len(search.elite), axis=0)
        rows[:, free] = np.array([bits for _, bits in search.elite], dtype=np.int8)
        way = np.repeat(values[None], len(search.improved), axis=0)
        way[:, free] = np.array([bits for _, bits in search.improved], dtype=np.int8)
        took = time.monotonic() - started
        return Solution(
            samples=dimod.SampleSet.from_samples(
                (rows, list(problem.variables)),
                vartype=dimod.BINARY,
                energy=problem.energies(rows),
                sort_labels=False,
            ),
            status=Status.FEASIBLE,
            stopped=search.stopped,
            timings=Timings(total=took, solve=search.inner_seconds),
            versions={"dimod": dimod.__version__, **search.versions},
            options=options.public(),
            seed=search.seed,
            job_id=search.jobs[-1] if search.jobs else None,
            raw={
                "fixed": int(known.sum()),
                "size": size,
                "calls": len(search.sizes),
                "sizes": search.sizes,
                "kinds": search.kinds,
                "improvements": search.improvements,
                "energies": search.energies,
                "jobs": search.jobs,
            },
            incumbents=tuple(
                (at - started, row)
                for (at, _), row in zip(search.improved, way, strict=True)
                if problem.feasible(row)[0]
            ),
        )

    def _fit(self, problem: Problem, options: DecompositionOptions) -> tuple[int, Applicability]:
        """How many variables a part may have, and what the inner backend says to one."""
        inner = build(self.inner)
        most = inner.capabilities.max_variables
        size = min(problem.n, options.size or most or _UNLIMITED_SIZE)
        patient = _CALL_SECONDS if options.time_limit is None else options.time_limit / 10
        chosen = resolve_options(inner, dict(options.inner or {}))
        metered = is_metered(inner, chosen)
        zeros = np.zeros(problem.n, dtype=np.int8)
        found = Moves(problem).repair(zeros)
        bits = zeros if found is None else found
        while True:
            part = subproblem(problem, bits, np.arange(size, dtype=np.intp))
            suits = applicability_of(inner, asked(part, inner.capabilities)[0], chosen)
            # what a metered one says may change once its service was asked, and parts with it
            quick = metered or suits.seconds is None or suits.seconds <= patient
            if options.size is not None or size <= 2 or (suits.applicable and quick):
                return size, suits
            size = max(2, size * 3 // 4)
