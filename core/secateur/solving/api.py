"""``secateur.solve``: a BQM, a constrained model or a problem, any backend, one answer."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import dimod
import numpy as np

from secateur.backends.base import Backend, Status, Stopped
from secateur.errors import BackendError, ConstraintError, OptionError, SecateurError
from secateur.limits import check_seed, check_time_limit, names_and_values, refuse_twice
from secateur.problem.constraints import Constraint
from secateur.problem.constraints import count as demand_count
from secateur.problem.model import Bits, Problem
from secateur.problem.moves import Moves
from secateur.solving.asking import Settings, SolveSettings, settings_of
from secateur.solving.blocks import ByBlocks, better_of, by_blocks
from secateur.solving.chosen import ANNEALING, Chosen, choose
from secateur.solving.control import Control
from secateur.solving.exactly import Found, Search
from secateur.solving.given import check_count, listed, model_hint
from secateur.solving.names import AUTO, CONTROL
from secateur.solving.possible import check_possible, impossible
from secateur.solving.selection import Selection, improving, make_selection
from secateur.solving.solvers import as_solver
from secateur.versions import versions

logger = logging.getLogger("secateur")

Model = dimod.BinaryQuadraticModel | dimod.ConstrainedQuadraticModel | Problem

SMALL = 40
"""Problems of so many variables are proven by default."""
SMALL_BLOCK = 64
"""So are those whose blocks are not wider."""
PROOF_SECONDS = 20.0
"""A proof that nobody asked for is given up after this; the bound is told all the same."""
AUTO_SECONDS = 60.0
"""``auto`` ends after this where no time limit is given."""
PROOF_SHARE = 0.3
"""Of a time limit is kept for the proof."""
KNOWN_CALLS = 8
KNOWN_ROWS = 4
"""So many reads of so many calls are handed to the search by blocks."""
ANNEALED = 2_000_000
"""``auto`` anneals no problem with more couplings: a read would take minutes."""
QUICK = 0.5
"""``auto`` asks annealing only if the blocks were not solved within this share of its time."""


def solve(
    model: Model,
    *,
    count: int | None = None,
    constraints: Iterable[Constraint] = (),
    backend: str | type[Backend] | Backend | Chosen = AUTO,
    options: Mapping[str, Any] | None = None,
    seed: int | None = 0,
    time_limit: float | None = None,
    **more: Unpack[SolveSettings],
) -> Selection:
    """Minimise a model under demands, with the solver of your choice, and say what is proven.

    Arguments:
        model: a binary ``dimod.BinaryQuadraticModel``, a ``dimod.ConstrainedQuadraticModel`` over
            binaries, or a ``Problem``.
        count: exactly so many variables are one; None: any number.
        constraints: further demands, from ``secateur.problem``.
        backend: a solver's name (``secateur backends`` lists them), a backend, "greedy" (the
            control), or "auto": blocks and branch and bound, with annealing where they are not
            enough; or what ``secateur.solving.chosen.choose`` found, with its options.
        options: of the backend; those of annealing with "auto".
        seed: of everything random; an option ``seed`` of the backend goes before the default, and
            is an error beside any other.
        time_limit: seconds for the whole search; a call's limit follows from it.
        more: ``proof``, ``charge``, ``max_calls``.
        proof: True: prove or bound the answer too; False: take what the backend gives, for
            comparisons; None: prove small problems (up to 40 variables, or blocks of up to 64).
        charge: a metered backend may charge without a budget. A budget, its option
            ``max_charge_s``, is kept all the same.
        max_calls: most calls of the backend; None: as many as the demands need, at most 16, and one
            of a metered backend that keeps no budget.

    Raises:
        BackendBudgetSpent: a metered backend may not charge, or not so much.
        ConstraintError: a demand is wrong, or no choice keeps all of them.
        BackendError: the backend cannot be used, failed, or returned something untrue.
        SecateurError: the model or an option is wrong.
    """
    settings = settings_of(**more)
    asked = as_asked(model, count, constraints, backend, options, seed, time_limit, settings)
    if asked.chosen.solver is not None:
        return asked.named(asked.chosen.solver)
    return asked.auto() if asked.chosen.name == AUTO else asked.control()


def as_asked(
    model: Model,
    count: int | None,
    constraints: Iterable[Constraint],
    backend: str | type[Backend] | Backend | Chosen,
    options: Mapping[str, Any] | None,
    seed: int | None,
    time_limit: float | None,
    settings: Settings,
) -> Asked:
    """What ``solve`` was given, checked; nothing is solved. Arguments and errors are its own."""
    seed, time_limit = check_seed(seed), check_time_limit(time_limit)
    given = dict(backend.given) if isinstance(backend, Chosen) else names_and_values(options)
    if isinstance(backend, Chosen) and options is not None:
        raise OptionError("options are given twice", remedy="give them to choose")
    refuse_twice(given, seed=seed, time_limit=time_limit)
    chosen = backend if isinstance(backend, Chosen) else choose(backend, given)
    clock = Control(time_limit)  # taking a large problem apart is a part of the search
    problem = as_problem(model, count, constraints)
    check_possible(problem)
    several = chosen.solver is None or hasattr(chosen.solver, "inner")
    if settings.max_calls is not None and several:
        raise OptionError(
            f"max_calls is {settings.max_calls}, and {chosen.name} calls several times by itself",
            remedy="name a backend that is called as it is; decompose: and blocks: have an option "
            "of that name",
        )
    return Asked(
        problem,
        chosen,
        given,
        seed,
        clock,
        settings.proof,
        settings.charge,
        settings.max_calls,
    )


def as_problem(
    model: Model, count: int | None = None, constraints: Iterable[Constraint] = ()
) -> Problem:
    """What ``solve`` takes as a problem, with further demands.

    Raises:
        SecateurError: it is none of the three kinds, or its variables are not binary.
        ConstraintError: a demand is wrong, or two counts contradict each other.
    """
    more = listed(constraints)
    if isinstance(model, dimod.ConstrainedQuadraticModel):
        model = Problem.from_cqm(model)
    if isinstance(model, dimod.BinaryQuadraticModel):
        if model.vartype is not dimod.BINARY:
            model = model.change_vartype(dimod.BINARY, inplace=False)
        model = Problem(model)
    if not isinstance(model, Problem):
        raise SecateurError(
            f"the model is a {type(model).__name__}",
            remedy=f"{model_hint(model)}give a dimod.BinaryQuadraticModel, a "
            "dimod.ConstrainedQuadraticModel or a secateur.problem.Problem",
        )
    if count is not None:
        check_count(count, model.n)
        if model.count is not None and model.count != count:
            raise ConstraintError(
                f"count is {count}, and the model demands {model.count}",
                remedy="leave one of them out",
            )
        if model.count is None:
            more.append(demand_count(count))
    return model.with_constraints([*model.constraints, *more]) if more else model


@dataclass
class Asked:
    """One call of ``solve``."""

    problem: Problem
    chosen: Chosen
    options: dict[str, Any]
    seed: int | None
    clock: Control
    proof: bool | None
    charge: bool = False
    max_calls: int | None = None

    def control(self) -> Selection:
        """Greedy and swaps; a proof beside it where one is wanted."""
        moves, found = Moves(self.problem), Found()
        start = moves.greedy()
        if start is not None:
            self._had(found, start)
            self._had(found, moves.descend(start, late=lambda: self.clock.late))
        return self._finish(found, CONTROL, {"method": "greedy and swaps"})

    def _had(self, found: Found, bits: Bits) -> None:
        found.bits = bits
        energy = float(self.problem.energies(bits)[0])
        found.incumbents.append((self.clock.since_origin(), energy))

    def named(self, solver: Backend) -> Selection:
        """A backend that was named or given, under prices, closed by moves."""
        assert self.chosen.options is not None
        found = self.search(solver).go()
        native = self.problem.kinds <= solver.capabilities.native
        about = {
            "method": "native" if native else "multipliers",
            "options": self.chosen.options.public(),
        }
        return self._finish(found, solver.name, about)

    def search(self, solver: Backend) -> Search:
        """The search over one backend."""
        return Search(
            self.problem,
            solver,
            options=self.options,
            seed=self.seed,
            control=self.clock.part(1 - PROOF_SHARE) if self._wanted() else self.clock,
            most_calls=self.max_calls,
            charge=self.charge,
        )

    def auto(self) -> Selection:
        """Blocks first; annealing where they leave a gap; then the proof goes on from there."""
        if self.clock.seconds is None:
            self.clock = Control(AUTO_SECONDS, self.clock.started)
        if len(self.problem.quadratic[2]) > ANNEALED:
            made = by_blocks(self.problem, control=self.clock)
            return self._finish(Found(), AUTO, {"method": "blocks"}, made)
        made = by_blocks(self.problem, control=self.clock.part(QUICK))
        found = Found()
        # curves without couplings are exact: annealing cannot better their shares under budgets
        coupled = len(self.problem.quadratic[2]) or self.problem.sums or self.problem.parts.loose
        if coupled and not (made.closed or made.infeasible or self.clock.late):
            found = self._annealed()
            if found.bits is not None:
                known = self._known(found, made.bits)
                again = by_blocks(self.problem, control=self.clock, known=known)
                made = better_of(made, again)
        return self._finish(found, AUTO, {"method": "blocks and annealing"}, made)

    def _known(self, found: Found, *more: Bits | None) -> list[Bits]:
        """Good vectors, and the best reads of every call: each has a part of every block."""
        rows = [row for row in (found.bits, *more) if row is not None]
        for reads, _ in found.rows[-KNOWN_CALLS:]:
            order = np.argsort(self.problem.energies(reads), kind="stable")
            rows += list(reads[order[:KNOWN_ROWS]])
        return rows

    def _annealed(self) -> Found:
        try:
            search = Search(
                self.problem,
                as_solver(ANNEALING),
                options=self.options,
                seed=self.seed,
                control=self.clock.part(QUICK),
            )
            return search.go()
        except BackendError as error:  # the default backend may not be installed
            logger.warning("annealing was left out: %s", error.message)
            return Found()

    def _wanted(self) -> bool:
        """Whether the answer is to be proven or bounded."""
        if self.proof is not None:
            return self.proof
        widest = max((block.size for block in self.problem.parts.blocks), default=0)
        return self.problem.n <= SMALL or (widest <= SMALL_BLOCK and not self.problem.parts.loose)

    def _finish(
        self, found: Found, name: str, about: dict[str, Any], made: ByBlocks | None = None
    ) -> Selection:
        """The best of what was found, with the best bound, and where it all came from."""
        if made is None and self._wanted() and (self.proof or not found.proven):
            clock = self.clock.limited(min(self.clock.left(), PROOF_SECONDS))
            if self.proof:
                limit = None if self.clock.seconds is None else self.clock.left()
                clock = self.clock.limited(limit)
            made = by_blocks(self.problem, control=clock, known=self._known(found))
        bits, bound, closed = found.bits, found.bound, found.proven
        energy = math.inf if bits is None else float(self.problem.energies(bits)[0])
        ours = False
        if made is not None:
            if made.bits is not None and made.energy < energy:
                bits, energy = made.bits, made.energy
            if bound is None or made.bound > bound or made.closed:
                bound, closed, ours = made.bound, made.closed, True
            if made.infeasible and bits is None:
                raise impossible(self.problem)
        if bits is None:
            raise self._nothing(name)
        chosen: Bits = bits
        return make_selection(
            self.problem,
            chosen,
            bound=bound,
            closed=closed,
            stopped=self._stopped(found, made),
            backend=name,
            calls=found.calls,
            timings=self._timings(found, made),
            seed=self.seed if found.last is None else found.last.seed,
            backend_energy=None if math.isinf(found.backend_energy) else found.backend_energy,
            provenance=self._provenance(found, made, about, chosen),
            reads=self._reads(found, chosen),
            prover=self._prover(found, made, chosen, ours),
        )

    def _nothing(self, name: str) -> SecateurError:
        late = self.clock.late
        return ConstraintError(
            f"{name} found no choice that keeps all demands"
            + (f" in {self.clock.seconds:g} s" if late and self.clock.seconds else ""),
            remedy="give it more time, relax a demand, or use branch-and-bound, which can prove "
            "that there is none",
        )

    def _stopped(self, found: Found, made: ByBlocks | None) -> Stopped:
        if made is not None and made.closed:
            return Stopped.COMPLETED
        if found.stopped is not None:
            return found.stopped
        if made is not None and made.late:
            return Stopped.TIME_LIMIT
        return Stopped.COMPLETED if found.last is None else found.last.stopped

    def _timings(self, found: Found, made: ByBlocks | None) -> dict[str, float]:
        timings = {"total": self.clock.elapsed()}
        if found.calls:
            timings |= found.seconds
        return timings | ({} if made is None else made.seconds)

    def _provenance(
        self, found: Found, made: ByBlocks | None, about: dict[str, Any], bits: Bits
    ) -> dict[str, Any]:
        about = {
            "options": {},
            **about,
            "problem": self.problem.sha256,
            "demands": [constraint.name for constraint in self.problem.constraints],
            "versions": versions(),
            "time_limit": self.clock.seconds,
        }
        incumbents = list(found.incumbents)
        if found.last is not None:
            about["prices"] = found.prices
            about["versions"] |= dict(found.last.versions)
            about["options"] = {**about["options"], **found.last.options}
            about["job_id"] = found.last.job_id
            if found.last.raw.get("reason"):
                about["reason"] = found.last.raw["reason"]
        about |= found.charged()
        if made is not None:
            blocks = [] if made.parts is None else [block.size for block in made.parts.blocks]
            about["blocks"] = {
                "number": len(blocks),
                "widest": max(blocks, default=0),
                "nodes": made.nodes,
            }
            incumbents += made.incumbents
        about["incumbents"] = improving(incumbents)
        if self.problem.checks is not None:
            about["broken"] = self.problem.checks.broken(
                dict(zip(self.problem.variables, bits.tolist(), strict=True))
            )
        return about

    def _reads(self, found: Found, bits: Bits) -> Any:
        from secateur.solving.reads import gather

        problem, rows = self.problem, found.rows
        return lambda: gather(problem, bits, rows)

    def _prover(self, found: Found, made: ByBlocks | None, bits: Bits, ours: bool) -> Any:
        from secateur.solving.certificate import certify, claimed

        if self.problem.kinds & {"budget", "staircase", "numbers"}:  # certificates do not know them
            return None
        problem = self.problem
        if ours and made is not None:
            if made.bits is None or not np.array_equal(made.bits, bits):
                made.bits = bits
            proof = made
            return lambda: certify(problem, proof)
        if found.bound is None or found.last is None:
            return None
        bound, closed = found.bound, found.proven
        by = f"{self.chosen.name} ("
        by += ", ".join(f"{k} {v}" for k, v in found.last.versions.items()) + ")"
        return lambda: claimed(problem, bits, bound, closed, by)


__all__ = ["Model", "Status", "as_problem", "solve"]
