"""What a metered backend says that a call costs is told, repaired answers are marked."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

import secateur
from secateur.backends import Applicability, Backend, Capabilities, Solution, Timings
from secateur.backends.call import run
from secateur.backends.sampler import wrap_sampler
from secateur.errors import BackendBudgetSpent, BackendMisbehaved
from secateur.problem import Problem
from secateur.solving import quote

from .test_metered import PROBLEM, Sold


@pytest.fixture(autouse=True)
def _none_called() -> None:
    Sold.calls = 0


class Priced(Backend):
    """A stranger's: metered, with the count, and it says what a call costs."""

    name = "priced"
    capabilities = Capabilities(metered=True, native=frozenset({"count"}))
    ones: ClassVar[int] = 4
    calls: ClassVar[int] = 0

    def applicability(self, problem: Problem, options: Any = None) -> Applicability:
        return Applicability(True, charge_seconds=2.5)

    def solve(self, problem: Problem, options: Any) -> Solution:
        type(self).calls += 1
        bits = np.zeros((1, problem.n), np.int8)
        bits[0, : self.ones] = 1
        return Solution.from_bits(
            problem, bits, options, 0.1, timings=Timings(0.1, access=2.5), versions={"priced": "1"}
        )


class Free(Priced):
    name = "free"
    capabilities = Capabilities(native=frozenset({"count"}))


def test_the_refusal_names_the_price() -> None:
    with pytest.raises(BackendBudgetSpent, match=r"a call costs 2\.5 s"):
        run(Priced, PROBLEM)
    found = secateur.solve(PROBLEM, backend=Priced, charge=True, proof=False)
    assert found.provenance["charged"]["text"] == "2.5 s for 1 call"


@pytest.mark.parametrize(("ones", "moved"), [(3, 1), (5, 1), (0, 4), (8, 4)])
def test_a_paid_answer_that_misses_the_count_is_repaired_and_marked(
    monkeypatch: pytest.MonkeyPatch, ones: int, moved: int
) -> None:
    monkeypatch.setattr(Priced, "ones", ones)
    answer = run(Priced, PROBLEM, charge=True)
    assert np.asarray(answer.samples.record.sample).sum(axis=1).tolist() == [4]
    assert answer.samples.record.energy == pytest.approx(
        PROBLEM.energies(answer.samples.record.sample)
    )
    assert answer.raw["repaired"]["most_bits"] == moved
    found = secateur.solve(PROBLEM, backend=Priced, charge=True, proof=False)
    assert found.count == 4
    assert found.provenance["repaired"]["most_bits"] == moved
    assert f"{ones} ones" in found.provenance["notes"][0]
    with pytest.raises(BackendMisbehaved, match=f"{ones} ones"):
        run(Free, PROBLEM)


def test_a_wrong_energy_of_a_paid_answer_stays_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def lying(self: Any, problem: Problem, options: Any) -> Solution:
        bits = np.zeros((1, problem.n), np.int8)
        made = Solution.from_bits(problem, bits, options, 0.1)
        made.samples.record.energy[:] -= 5.0
        return made

    monkeypatch.setattr(Priced, "solve", lying)
    with pytest.raises(BackendMisbehaved, match="claims the energy"):
        run(Priced, PROBLEM, charge=True)


def test_a_quote_calls_nothing_and_tells_the_price() -> None:
    Priced.calls = 0
    told = quote(PROBLEM, backend=Priced)
    assert (told.metered, told.calls, told.charge_s, told.call.charge_s) == (True, 1, 2.5, 2.5)
    assert "not without --charge" in told.allowed
    assert Priced.calls == 0
    sold = quote(PROBLEM, backend=wrap_sampler(Sold, "sold"))
    assert (sold.metered, sold.charge_s) == (True, None)
    assert "not known" in str(sold)
    assert Sold.calls == 0
    for name in ("tabu", "auto", "greedy", "decompose:tabu"):
        free = quote(PROBLEM, backend=name)
        assert (free.metered, free.charge_s, free.allowed) == (False, 0.0, "nothing is charged")
