"""Parts whose calls are charged do not depend on the clock: started again, a search asks for them
again, and a journal has their answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from secateur.backends import BackendOptions, Capabilities, Stopped
from secateur.backends.call import run
from secateur.problem import Problem
from secateur.solving import control, decomposition, decomposition_search, quote, solve
from secateur.solving.blockwise import by_block
from secateur.solving.decomposition import decompose
from secateur.solving.exactly import Search
from tests.solving.toys import PaidToy, Toy, ToyOptions, blocks


class PaidPlain(PaidToy):
    """Takes no count: the search around it calls several times."""

    name: ClassVar[str] = "paid-plain"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_variables=9, exact=True, metered=True, takes_start=True
    )
    default_budget_s: ClassVar[float | None] = 1000.0


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    Toy.forget()
    yield
    Toy.forget()


class Clock:
    """Each look at it takes a while."""

    def __init__(self, tick: float) -> None:
        self.tick, self.now = tick, time.monotonic()

    def monotonic(self) -> float:
        self.now += self.tick
        return self.now


def asked(backend: Any, problem: Problem, tick: float, patch: Any, **options: Any) -> list[Any]:
    """What is asked by a machine on which a look at the clock takes so long; and why it ended."""
    Toy.asked.clear()
    clock = Clock(tick)
    with patch.context() as patched:
        if tick:
            for module in (control, decomposition, decomposition_search):
                patched.setattr(module, "time", SimpleNamespace(monotonic=clock.monotonic))

        found = run(backend, problem, {"time_limit": 100.0, "max_calls": 30} | options, charge=True)
    return [[part.sha256 for part in Toy.asked], found.stopped]


@pytest.mark.parametrize("inner", [PaidToy, PaidPlain])
@pytest.mark.parametrize("wrapper", [decompose, by_block])
@pytest.mark.parametrize("seed", [None, 3])
def test_a_slow_machine_asks_for_the_first_of_the_same_parts(
    wrapper: Any, inner: Any, seed: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, _ = blocks(60, 9, seed=0, pruning=False)
    problem = problem.with_constraints(Problem(problem.bqm, 20).constraints)
    given = {} if seed is None else {"seed": seed}
    whole, _ = asked(wrapper(inner), problem, 0.0, monkeypatch, **given)
    assert len(whole) > 3
    lengths = set()
    for tick in (0.5, 3.0, 9.0, 15.0, 30.0):
        some, stopped = asked(wrapper(inner), problem, tick, monkeypatch, **given)
        assert some == whole[: len(some)]
        lengths.add(len(some))
        if len(some) < len(whole):
            assert stopped is Stopped.TIME_LIMIT
    assert len(lengths) > 1  # the clock did end some of them


@pytest.mark.parametrize("inner", [PaidToy, PaidPlain])
def test_blocks_make_no_more_calls_than_they_say(inner: Any) -> None:
    problem, _ = blocks(60, 9, seed=0, pruning=False)
    problem = Problem(problem.bqm, 20)
    for most in (1, 5, 12):
        Toy.asked.clear()
        found = run(by_block(inner), problem, {"max_calls": most}, charge=True)
        assert len(Toy.asked) == found.raw["calls"] <= most
    Toy.asked.clear()
    run(by_block(inner), problem, charge=True)
    assert len(Toy.asked) <= 5  # what the help says where nothing is given


def test_time_does_not_cut_what_the_next_paid_call_starts_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem, _ = blocks(9, 9, seed=2, pruning=False)
    search = Search(Problem(problem.bqm, 4), PaidPlain(), control=control.Control(1e-9))
    assert search.control.late
    assert not search._tired()
    assert Search(problem, Toy(), control=control.Control(1e-9))._tired()


# --- simulators in place of what is paid for


class Switched(PaidToy):
    """Runs here where that is asked for."""

    name: ClassVar[str] = "switched"
    Options: ClassVar[type[BackendOptions]] = ToyOptions

    def charges(self, options: Any) -> bool:
        return bool(options.effort == 1)


def test_a_simulator_in_place_of_the_device_is_not_metered() -> None:
    problem = Problem(blocks(9, 9, seed=2, pruning=False)[0].bqm, 4)
    here = {"effort": 2}
    assert not quote(problem, backend=Switched, options=here).metered
    assert quote(problem, backend=Switched).metered
    assert "charged" not in solve(problem, backend=Switched, options=here).provenance
    assert "charged" in solve(problem, backend=Switched, charge=True).provenance
    for wrapper in (decompose, by_block):
        told = quote(problem, backend=wrapper(Switched), options={"inner": here})
        assert (told.metered, told.charge_s) == (False, 0.0)
        assert quote(problem, backend=wrapper(Switched)).metered


class Holding(PaidToy):
    """Says that it runs here, and holds a vendor's client."""

    name: ClassVar[str] = "holding"

    def __init__(self) -> None:
        from dwave.system import DWaveSampler

        self.sampler = object.__new__(DWaveSampler)

    def charges(self, options: Any) -> bool:
        return False


def test_what_holds_a_vendors_client_stays_metered() -> None:
    pytest.importorskip("dwave.system")
    problem = Problem(blocks(9, 9, seed=2, pruning=False)[0].bqm, 4)
    assert quote(problem, backend=Holding).metered
