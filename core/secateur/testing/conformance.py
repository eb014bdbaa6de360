"""What every backend must do, whatever it promises; its promises are tested in ``promises``.

Answers are verified by the library on the way (labels, values, energies, counts, bounds), and
compared with brute force here.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import random
import time
import typing
from collections.abc import Hashable, Sequence
from typing import Any

import dimod
import numpy as np
import pytest

from secateur.backends.base import Availability, Backend, BackendOptions, Status
from secateur.backends.call import resolve_options
from secateur.backends.registry import BackendLike
from secateur.errors import BackendOptionError
from secateur.options import declared
from secateur.problem import Problem
from secateur.solving import solve
from secateur.solving.solvers import as_solver
from secateur.stages import BACKENDS, list_stages
from secateur.testing.problems import brute_force, random_problem
from secateur.testing.promises import Promises


def _without(plain: Problem, bits: Any) -> float:
    """The energy without the huge bias, which would hide all others."""
    return float(plain.energies(np.asarray(bits))[0])


LABELS: dict[str, Sequence[Hashable]] = {
    "numbers out of order": [3, 0, 2, 5, 1, 4],
    "module paths": [f"encoder.{k}.conv:{k}" for k in (2, 10, 1, 30, 0, 4)],
    "tuples": [("b", 1), ("a", 2), ("a", 1), ("c", 0), ("b", 0), ("a", 0)],
}


class BackendConformance(Promises):
    """The contract of a backend as tests; subclass it and define the fixture ``backend``.

    The fixture returns whatever ``secateur.solve`` takes for a backend: the name of a registered
    one, ``module:attribute``, a ``Backend`` class or instance, or what ``secateur.backends.wrap``
    takes.

    Attributes:
        options: given in every call, to make the tests quick or a heuristic thorough.
        variables: of the problems that are compared with brute force.
        large: variables of the problem for the time limit; fewer if the backend takes fewer.
        time_limit: seconds for that problem.
    """

    @pytest.fixture
    def backend(self) -> BackendLike:
        """The backend under test."""
        raise NotImplementedError("define the fixture `backend` in your subclass")

    @pytest.fixture
    def solver(self, backend: Any) -> Backend:
        """The backend under test, as an instance."""
        return as_solver(backend)

    # -- what it says of itself ------------------------------------------------------------------

    def test_it_is_registered_under_its_name(self, backend: Any, solver: Backend) -> None:
        assert isinstance(solver.name, str)
        assert solver.name.strip() == solver.name != ""
        if isinstance(backend, str):
            owners = [e for e in list_stages(BACKENDS) if e.name == backend]
            assert len(owners) == 1 or ":" in backend, f"{backend!r} is registered by {owners}"

    def test_it_can_be_used_here_or_says_what_to_do(self, solver: Backend) -> None:
        available = solver.availability()
        assert isinstance(available, Availability)
        assert available.usable or available.remedy, "not usable, and no remedy"
        assert available.installed, f"not installed here: {available.detail}; {available.remedy}"

    def test_its_options_are_documented_and_checked(self, solver: Backend) -> None:
        assert issubclass(solver.Options, BackendOptions)
        values = {one.name: one.values for one in declared(solver.Options)}
        for field in dataclasses.fields(solver.Options):
            assert field.metadata.get("text") or field.name == "parameters", (
                f"option {field.name!r} has no text: declare it with secateur.options.option"
            )
            if field.name == "parameters":
                continue
            least, most = field.metadata.get("least"), field.metadata.get("most")
            bad: list[Any] = [
                v for v in (least and least - 1, least == 0 and -1, most and most + 1) if v
            ]
            if typing.get_type_hints(solver.Options)[field.name] is not Any:
                bad.append(object())
            for value in bad:
                said = self._refusal(solver, {field.name: value})
                assert field.name in said, f"{field.name}={value!r} is taken; {values[field.name]}"

    def _refusal(self, solver: Backend, options: dict[str, Any]) -> str:
        try:
            resolve_options(solver, options)
        except BackendOptionError as error:
            return str(error)
        return ""

    def test_an_option_it_does_not_have_is_an_error(self, solver: Backend) -> None:
        with pytest.raises(BackendOptionError, match="no_such_option"):
            self.solve(solver, self.problem(0), no_such_option=1)

    def test_the_options_used_are_in_the_answer(self, solver: Backend) -> None:
        solution = self.solve(solver, self.problem(0))
        for name, value in resolve_options(solver, self.options).public().items():
            assert name in solution.options, f"option {name!r} is not in Solution.options"
            if name in self.options:
                assert solution.options[name] == value, f"option {name!r} is not what was given"

    def test_no_secret_is_shown(self, solver: Backend) -> None:
        secret = "tok3n-that-must-not-show"
        for field in dataclasses.fields(solver.Options):
            if field.metadata.get("secret"):
                shown = self._refusal(solver, {field.name: secret})
                if not shown:
                    options = resolve_options(solver, {field.name: secret})
                    shown = repr(options) + repr(options.public())
                assert secret not in shown, f"the value of {field.name!r} is shown"

    def test_it_can_be_cited(self, solver: Backend) -> None:
        text = solver.cite()
        assert text.count("{") == text.count("}")
        assert text == "" or text.startswith(("@", "%")), "cite() is BibTeX, or nothing"

    # -- what it answers -------------------------------------------------------------------------

    def problem(self, seed: int, **more: Any) -> Problem:
        """A random problem of ``variables`` variables."""
        return random_problem(self.variables, seed, **more)

    def test_it_finds_the_optimum_of_small_problems(self, solver: Backend) -> None:
        found = [self._reached(solver, self.problem(seed, offset=3.5)) for seed in range(4)]
        least = 4 if solver.capabilities.exact else 3
        assert sum(found) >= least, (
            f"the optimum of {sum(found)} of 4 problems with {self.variables} variables; if it "
            "needs more reads for that, set `options`"
        )

    @pytest.mark.parametrize("scale", [1e-4, 1e4])
    def test_the_scale_of_the_energies_does_not_matter(self, solver: Backend, scale: float) -> None:
        found = [self._reached(solver, self.problem(seed, scale=scale)) for seed in range(4)]
        assert sum(found) >= 3, f"energies times {scale:g}: the optimum of {sum(found)} of 4"

    def _reached(self, solver: Backend, problem: Problem) -> bool:
        scale = float(np.abs(problem.linear).sum())
        best = self.best(problem, self.solve(solver, problem))
        return best <= brute_force(problem)[0] + 1e-6 * scale

    @pytest.mark.parametrize("offset", [-1000.0, 1000.0])
    def test_the_offset_is_in_the_energies(self, solver: Backend, offset: float) -> None:
        problem = self.problem(1, offset=offset)
        raw = solver.solve(problem, resolve_options(solver, self.options))
        for one in raw.samples.data(["sample", "energy"]):
            assert float(one.energy) == pytest.approx(problem.bqm.energy(one.sample), rel=1e-6)

    @pytest.mark.parametrize("kind", sorted(LABELS))
    def test_any_label_is_a_label(self, solver: Backend, kind: str) -> None:
        problem = random_problem(6, 2, labels=LABELS[kind])
        solution = self.solve(solver, problem)
        assert set(solution.samples.variables) == set(LABELS[kind])
        assert self.best(problem, solution) < 0.0  # the label that must be on, is

    @pytest.mark.parametrize(
        ("linear", "couplings"),
        [
            ({}, {}),
            ({"x": -1.0}, {}),
            ({"x": 1.0}, {}),
            ({"x": 0.0, "y": 0.0}, {}),
            ({"x": 0.0, "y": 0.0}, {"xy": 0.0}),
            ({"x": 0.0, "y": 0.0}, {"xy": -1.0}),
        ],
        ids=[
            "no variables",
            "one that is on",
            "one that is off",
            "no bias at all",
            "a coupling of zero",
            "nothing linear",
        ],
    )
    def test_degenerate_problems(
        self, solver: Backend, linear: dict[str, float], couplings: dict[str, float]
    ) -> None:
        pairs = {(key[0], key[1]): value for key, value in couplings.items()}
        problem = Problem(dimod.BinaryQuadraticModel(linear, pairs, 0.25, "BINARY"))
        solution = self.solve(solver, problem)
        assert self.best(problem, solution) == pytest.approx(brute_force(problem)[0])

    @pytest.mark.parametrize("huge", [-1e12, 1e12])
    def test_beside_a_huge_bias_no_optimum_is_claimed_that_is_none(
        self, solver: Backend, huge: float
    ) -> None:
        """What is lost beside it in a solver's tolerances may be missed, but not called proven."""
        for seed in range(4):
            plain = self.problem(seed)
            bqm = plain.bqm.copy()
            bqm.add_linear(plain.variables[2], huge)
            problem = Problem(bqm)
            solution = self.solve(solver, problem)
            if solution.status is not Status.OPTIMAL:
                continue
            found = np.asarray(solution.samples.first.sample[plain.variables[2]])
            assert found == (huge < 0), "the huge bias itself is not minimised"
            row = [solution.samples.first.sample[v] for v in plain.variables]
            optimum = _without(plain, brute_force(problem)[1])
            assert _without(plain, row) <= optimum + 1e-6 * plain.scale, (
                f"says optimal beside a bias of {huge:g}, and a better one is there"
            )

    def test_a_bound_is_below_the_optimum(self, solver: Backend) -> None:
        for seed in range(3):
            problem = self.problem(seed)
            solution = self.solve(solver, problem)
            optimum = brute_force(problem)[0]
            slack = 1e-6 * max(1.0, abs(optimum))
            assert solution.bound is None or solution.bound <= optimum + slack, (
                f"the bound {solution.bound} is above the optimum {optimum}"
            )
            if solution.status is Status.OPTIMAL:
                assert self.best(problem, solution) <= optimum + slack, (
                    f"says optimal, and the optimum is {optimum}"
                )

    def test_the_answer_can_be_stored(self, solver: Backend) -> None:
        solution = self.solve(solver, self.problem(0))
        json.dumps([dict(solution.raw), dict(solution.options), dict(solution.versions)])
        assert solution.versions, "versions says which packages found the answer"

    def test_times_are_in_seconds(self, solver: Backend) -> None:
        started = time.monotonic()
        solution = self.solve(solver, self.problem(0))
        wall = time.monotonic() - started
        times = solution.timings
        assert times.total > 0
        assert times.total <= 1.05 * wall + 0.01, f"says {times.total}, and took {wall} s"
        if times.solve is not None and not solver.capabilities.metered:
            assert 0 <= times.solve <= 1.05 * wall + 0.01

    def test_nothing_else_is_changed(self, solver: Backend) -> None:
        native = "count" in solver.capabilities.native
        problem = self.problem(0, ones=2 if native else None)
        before, same = copy.deepcopy(problem.bqm), problem.linear.copy()
        numbers, state = repr(np.random.get_state()), random.getstate()
        # not through the library: that would hand it a problem of its own
        solver.solve(problem, resolve_options(solver, self.options))
        assert problem.bqm == before, "the problem was changed"
        assert np.array_equal(problem.linear, same), "the problem was changed"
        assert repr(np.random.get_state()) == numbers, "numpy's global random state was changed"
        # a service's client draws its pauses from Python's
        assert random.getstate() == state or solver.capabilities.metered, (
            "Python's global random state was changed"
        )

    def test_exactly_k_ones_under_the_capacity_search(self, solver: Backend) -> None:
        for ones in range(self.variables + 1):
            problem = self.problem(3, ones=ones)
            found = solve(problem, backend=solver, options=self.options, proof=False, charge=True)
            assert int(found.bits.sum()) == ones
            optimum = brute_force(problem)[0]
            assert found.energy >= optimum - 1e-9
            if solver.capabilities.exact and "count" in solver.capabilities.native:
                assert found.energy == pytest.approx(optimum, abs=1e-6)
