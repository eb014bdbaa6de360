"""What every refiner must do: feasible masks, its budget, never worse, the same for a seed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from secateur.problem import Problem, at_most, count
from secateur.problem.moves import Moves
from secateur.refine import Refined, Refiner, refine, refiner_class, resolve_refiner
from secateur.stages import REFINERS
from secateur.testing.problems import brute_force, random_problem
from secateur.testing.stages import StageConformance, nothing_drawn

Bits = NDArray[np.int8]


class PlantedMetric:
    """A metric that is a QUBO's energy turned round, which counts what it is asked.

    No mask is paid for twice; a race costs a quarter of an evaluation, and confirming it the rest.

    Arguments:
        problem: gives the energies.
        shift: added to the metric.

    Attributes:
        spent: evaluations paid for.
        infeasible: masks asked for that break a constraint.
    """

    quick_cost = 0.25

    def __init__(self, problem: Problem, shift: float = 0.0) -> None:
        self.problem, self.shift = problem, shift
        self.spent = 0.0
        self.infeasible = 0
        self._paid: dict[bytes, float] = {}

    def full(self, bits: Bits) -> float:
        """The metric of one mask."""
        return self._pay(bits, 1.0)

    def quick(self, bits: Bits) -> float:
        """The same, for a quarter."""
        return self._pay(bits, self.quick_cost)

    def _pay(self, bits: Bits, cost: float) -> float:
        self.infeasible += not self.problem.feasible(bits)[0]
        key = np.asarray(bits, dtype=np.int8).tobytes()
        before = self._paid.get(key, 0.0)
        if cost > before:
            self.spent += cost - before
            self._paid[key] = cost
        return self.shift - float(self.problem.energies(bits)[0])


class RefinerConformance(StageConformance):
    """The contract of a refiner as tests; subclass it and define the fixture ``refiner``.

    The fixture returns the name of a registered refiner, a subclass of ``Refiner``, an instance,
    anything with ``search(state, seed)``, or a function. The metric is planted: a QUBO's energy,
    guided by a noisy copy.

    Attributes:
        options: given to the refiner, to make the tests quick: ``evaluations`` for instance.
    """

    kind = REFINERS

    @pytest.fixture
    def refiner(self) -> Any:
        """The refiner under test."""
        raise NotImplementedError("define the fixture `refiner` in your subclass")

    @pytest.fixture
    def given(self, refiner: Any) -> Any:
        """The refiner under test."""
        return refiner

    def resolve(self, given: Any, options: dict[str, Any]) -> Refiner:
        """The refiner with options."""
        return resolve_refiner(given, options)

    def find(self, given: Any) -> type[Refiner]:
        """The refiner's class."""
        return refiner_class(given)

    def search(self, given: Any, truth: Problem, seed: int = 0, **more: Any) -> Refined:
        """One refinement from the all but worst start, on a metric that is the truth."""
        metric = PlantedMetric(truth, shift=-1000.0)
        found = refine(metric, _noisy(truth), _start(truth), self.make(given, **more), seed=seed)
        assert metric.infeasible == 0, f"{metric.infeasible} masks evaluated that are not feasible"
        assert metric.spent <= found.method.evaluations + 1e-9
        return found

    # -- what it finds ---------------------------------------------------------------------------

    def test_it_improves_what_it_is_given(self, given: Any) -> None:
        better = []
        for seed in range(4):
            truth = random_problem(10, seed, ones=4)
            found = self.search(given, truth, seed)
            gap = -1000.0 - brute_force(truth)[0] - found.start
            better.append(gap < 1e-9 or found.value - found.start > 0.5 * gap)
        assert sum(better) >= 3, "not half of what there was to gain, in 3 of 4 small problems"

    @pytest.mark.parametrize("budget", [1, 2, 7])
    def test_it_keeps_its_budget(self, given: Any, budget: int) -> None:
        more = {"evaluations": budget} if self.configurable(given) else {}
        for seed in range(3):
            self.search(given, random_problem(8, seed, ones=3), seed, **more)

    def test_it_keeps_count_and_limits(self, given: Any) -> None:
        for ones in range(7):
            free = random_problem(7, ones)
            limit = at_most(2, free.variables[:3], name="first")
            truth = Problem(free.bqm, [count(ones), limit])
            found = self.search(given, truth, ones)
            assert int(found.bits.sum()) == ones
            assert truth.feasible(found.bits)[0]

    @pytest.mark.parametrize("ones", [0, 1, 2])
    def test_degenerate_problems(self, given: Any, ones: int) -> None:
        """Two variables, all of them or none pruned: nothing, or hardly anything, to search."""
        found = self.search(given, random_problem(2, 0, ones=ones))
        assert int(found.bits.sum()) == ones

    def test_it_is_never_worse(self, given: Any) -> None:
        truth = random_problem(7, 0, ones=3)
        metric = PlantedMetric(truth, shift=1e6)
        found = refine(metric, _noisy(truth), brute_force(truth)[1], self.make(given))
        assert found.value == found.start, "it started from the optimum"

    # -- how it finds it -------------------------------------------------------------------------

    def test_the_seed_decides(self, given: Any) -> None:
        truth = random_problem(10, 5, ones=4)
        one, same = (self.search(given, truth, seed=3) for _ in range(2))
        assert np.array_equal(one.bits, same.bits), "two runs with one seed differ"
        assert one.history == same.history, "two runs with one seed differ"

    def test_improvements_are_told(self, given: Any) -> None:
        found = self.search(given, random_problem(10, 1, ones=4))
        assert found.history[-1][1] == found.value
        assert sum(found.wins.values()) == len(found.history) - 1, (
            "improvements without a source: propose masks with state.fresh and state.race"
        )

    def test_what_it_found_can_be_stored(self, given: Any) -> None:
        json.dumps(self.search(given, random_problem(8, 0, ones=3)).to_json())

    def test_nothing_else_is_changed(self, given: Any) -> None:
        truth = random_problem(8, 0, ones=3)
        guide, start = _noisy(truth), _start(truth)
        before, same = guide.sha256, start.copy()
        constraints = list(guide.constraints)
        with nothing_drawn():
            refine(PlantedMetric(truth), guide, start, self.make(given))
        assert np.array_equal(start, same), "the start was changed"
        assert guide.sha256 == before, "the problem was changed"
        assert list(guide.constraints) == constraints, "the problem was changed"


def _noisy(truth: Problem) -> Problem:
    """The guide: the truth with a tenth of noise on every bias."""
    rng = np.random.default_rng(0)
    row, col, bias = truth.quadratic
    linear = truth.linear + 0.1 * rng.normal(size=truth.n)
    noisy = bias + 0.1 * rng.normal(size=len(bias))
    return Problem.from_arrays(truth.variables, linear, (row, col, noisy), 0.0, truth.constraints)


def _start(truth: Problem) -> Bits:
    """A feasible mask that is far from the best: the greedy one of the problem turned round."""
    turned = Problem.from_arrays(
        truth.variables,
        -truth.linear,
        (truth.quadratic[0], truth.quadratic[1], -truth.quadratic[2]),
        0.0,
        truth.constraints,
    )
    found = Moves(turned).greedy()
    assert found is not None
    return found
