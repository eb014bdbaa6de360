"""What costs money is found, whatever it is wrapped in; nothing is charged that nobody allowed."""

from __future__ import annotations

import functools
import importlib
from typing import Any, ClassVar

import dimod
import numpy as np
import pytest

import secateur
from secateur.backends import Backend, Capabilities, wrap
from secateur.backends.call import run
from secateur.backends.made import backend_of_function
from secateur.backends.metered import is_metered, paid_by
from secateur.backends.registry import load_backend
from secateur.backends.sampler import wrap_sampler
from secateur.errors import BackendBudgetSpent, OptionError
from secateur.problem import Problem
from secateur.solving.decomposition import decompose
from secateur.stages import BACKENDS, list_stages
from secateur.testing import random_problem

PROBLEM = random_problem(8, 0, ones=4)


class Sold(dimod.ExactSolver):
    """A stand-in for a paid sampler of a vendor that nobody knows."""

    calls: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.properties = {"quota_conversion_rate": 20}

    def sample(self, bqm: Any, **parameters: Any) -> Any:
        type(self).calls += 1
        return dimod.ExactSolver.sample(self, bqm)


class Categorised(dimod.ExactSolver):
    def __init__(self) -> None:
        super().__init__()
        self.properties = {"category": "qpu"}


@pytest.fixture(autouse=True)
def _none_called() -> None:
    Sold.calls = 0


def _holding(sampler: Any) -> Any:
    class Holder:
        def __init__(self) -> None:
            self.deep = {"list": [None, (sampler,)]}

        def __call__(self, problem: Any) -> Any:
            return None

    return Holder()


SHARED = Sold()


def uses_a_global(problem: Problem) -> Any:
    return [SHARED.sample(problem.bqm).first.sample[v] for v in problem.variables]


def imports_when_called(problem: Problem) -> Any:
    from dwave.system import LeapHybridSampler

    return LeapHybridSampler().sample(problem.bqm)


def through_a_module(problem: Problem) -> Any:
    import dwave.cloud as cloud

    return cloud.Client.from_config()


def from_a_package(problem: Problem) -> Any:
    from dwave import system

    return system.DWaveSampler().sample(problem.bqm)


def by_its_name(problem: Problem) -> Any:
    module = importlib.import_module("dwave.system")
    return getattr(module, "DWaveSampler")().sample(problem.bqm)  # noqa: B009


def from_a_module_within(problem: Problem) -> Any:
    from dwave.system.samplers.dwave_sampler import DWaveSampler as Chip

    return Chip().sample(problem.bqm)


class Strange(dimod.Sampler):
    """A stranger's sampler, which makes the paid one where it is called."""

    parameters: ClassVar[dict[str, Any]] = {}
    properties: ClassVar[dict[str, Any]] = {}

    def sample(self, bqm: Any, **parameters: Any) -> Any:
        from dwave.system import DWaveSampler, EmbeddingComposite

        return EmbeddingComposite(DWaveSampler()).sample(bqm)


class Behind(dimod.Sampler):
    parameters: ClassVar[dict[str, Any]] = {}
    properties: ClassVar[dict[str, Any]] = {}

    def sample(self, bqm: Any, **parameters: Any) -> Any:
        return self._ask(bqm)

    @staticmethod
    def _ask(bqm: Any) -> Any:
        return SHARED.sample(bqm)


class Attribute(dimod.Sampler):
    parameters: ClassVar[dict[str, Any]] = {}
    properties: ClassVar[dict[str, Any]] = {}
    shared = SHARED

    def sample(self, bqm: Any, **parameters: Any) -> Any:
        return self.shared.sample(bqm)


class Lazy(dimod.Sampler):
    parameters: ClassVar[dict[str, Any]] = {}
    properties: ClassVar[dict[str, Any]] = {}

    @functools.cached_property
    def inner(self) -> Any:
        return SHARED

    def sample(self, bqm: Any, **parameters: Any) -> Any:
        return self.inner.sample(bqm)


class Called:
    def __call__(self, problem: Problem) -> Any:
        return self.ask(problem)

    def ask(self, problem: Problem) -> Any:
        return SHARED.sample(problem.bqm)


class Pays(Backend):
    """A stranger's backend, which promises nothing."""

    name = "pays"

    def solve(self, problem: Problem, options: Any) -> Any:
        return SHARED.sample(problem.bqm)


def makes_a_stranger(problem: Problem) -> Any:
    return Behind().sample(problem.bqm)


def is_free(problem: Problem) -> Any:
    return np.zeros(problem.n)


def paid_things() -> dict[str, Any]:
    from dwave import cloud, system
    from dwave.system.testing import MockDWaveSampler
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.ibm_backend import IBMBackend

    sold = Sold()
    return {
        "properties": sold,
        "category": Categorised(),
        "class of a sampler": system.DWaveSampler,
        "hybrid class": system.LeapHybridCQMSampler,
        "client": cloud.Client,
        "stand-in of a chip": MockDWaveSampler(),
        "composite": system.EmbeddingComposite(MockDWaveSampler()),
        "composites": dimod.TrackingComposite(dimod.TrackingComposite(sold)),
        "closure": lambda problem: sold.sample(problem.bqm),
        "default": lambda problem, sampler=sold: sampler.sample(problem.bqm),
        "global": uses_a_global,
        "import in the function": imports_when_called,
        "module in the function": through_a_module,
        "package in the function": from_a_package,
        "module by its name": by_its_name,
        "module within": from_a_module_within,
        "method that imports": Strange,
        "method of an instance": Strange(),
        "method behind a method": Behind,
        "attribute of a class": Attribute(),
        "cached property": Lazy(),
        "method that is called": Called(),
        "composite of a stranger's": dimod.TrackingComposite(Strange()),
        "function that makes a stranger's": makes_a_stranger,
        "partial": functools.partial(lambda sampler, problem: None, sold),
        "bound method": sold.sample,
        "held by an object": _holding(sold),
        "decorated": functools.wraps(is_free)(lambda problem: sold.sample(problem.bqm)),
        "service": QiskitRuntimeService,
        "device": object.__new__(IBMBackend),
    }


def free_things() -> dict[str, Any]:
    from dwave.samplers import SimulatedAnnealingSampler, TabuSampler
    from qiskit_ibm_runtime import SamplerV2
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    fake = FakeManilaV2()
    return {
        "annealing": SimulatedAnnealingSampler(),
        "tabu": TabuSampler,
        "composite": dimod.TrackingComposite(dimod.ExactSolver()),
        "function": is_free,
        "fake device": fake,
        "runtime on a fake device": SamplerV2(mode=fake),
        "nothing": None,
        "a list that holds itself": (lambda made: made.append(made) or made)([]),
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_charged_is_found_and_what_is_not_is_not() -> None:
    found = {name: paid_by(thing) for name, thing in paid_things().items()}
    assert [name for name, why in found.items() if why is None] == []
    found = {name: paid_by(thing) for name, thing in free_things().items()}
    assert {name: why for name, why in found.items() if why is not None} == {}


def test_the_backends_of_the_library_are_what_they_say() -> None:
    for entry in list_stages(BACKENDS):
        found = load_backend(entry.name)
        assert is_metered(found) == found.capabilities.metered, entry.name


@pytest.mark.parametrize(
    "make",
    [
        lambda: Behind,
        lambda: Attribute(),
        lambda: Lazy,
        lambda: Called(),
        lambda: Pays,
        lambda: Pays(),
        lambda: wrap(Behind, metered=False),
        lambda: wrap(lambda: Lazy(), options={}),
        lambda: makes_a_stranger,
    ],
)
def test_a_strangers_method_that_pays_is_not_called_in_silence(make: Any) -> None:
    thing = make()
    backend = thing if isinstance(thing, Backend) or _is_backend(thing) else wrap(thing)
    inner = backend if isinstance(backend, type) else type(backend)
    for call in (
        lambda: secateur.solve(PROBLEM, backend=thing),
        lambda: run(backend, PROBLEM),
        lambda: run(decompose(inner), random_problem(12, 1)),
    ):
        with pytest.raises(BackendBudgetSpent, match="Sold, whose properties"):
            call()
    assert Sold.calls == 0


def test_the_price_of_what_is_found_is_not_nothing() -> None:
    priced = Pays().price(PROBLEM, Pays.Options())
    assert priced.charge_s is None
    assert "does not say" in priced.note


def _is_backend(thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, Backend)


@pytest.mark.parametrize("whole", ["class", "instance", "function", "inner"])
def test_a_paid_sampler_in_one_line_is_not_called_in_silence(whole: str) -> None:
    backend: Any = {
        "class": lambda: wrap_sampler(Sold, "sold"),
        "instance": lambda: wrap_sampler(Sold, "sold", Sold()),
        "function": lambda: backend_of_function(uses_a_global, "sold"),
        "inner": lambda: decompose(wrap_sampler(Sold, "sold")),
    }[whole]()
    assert is_metered(backend)
    assert backend.capabilities.metered
    for call in (
        lambda: run(backend, PROBLEM),
        lambda: secateur.solve(PROBLEM, backend=backend),
    ):
        with pytest.raises(BackendBudgetSpent, match="nobody allowed a charge") as caught:
            call()
        assert "--charge" in str(caught.value)
        assert "Sold, whose properties have 'quota_conversion_rate'" in str(caught.value)
    assert Sold.calls == 0


def test_one_call_unless_more_are_asked_for_and_the_cost_is_told() -> None:
    backend = wrap_sampler(Sold, "sold")
    found = secateur.solve(PROBLEM, backend=backend, charge=True, proof=False)
    assert (found.calls, found.count, Sold.calls) == (1, 4, 1)
    charged = found.provenance["charged"]
    assert charged["calls"] == charged["untold"] == 1
    assert charged["text"] == "1 call; the service does not say what was charged"
    Sold.calls = 0
    hard = Problem(_all_or_none(), 4)
    more = secateur.solve(hard, backend=backend, charge=True, proof=False, max_calls=3)
    assert more.calls == Sold.calls == 3
    free = secateur.solve(hard, backend="annealing", proof=False, max_calls=2)
    assert free.calls <= 2
    assert "charged" not in free.provenance


def _all_or_none() -> dimod.BinaryQuadraticModel:
    bqm = dimod.BinaryQuadraticModel(-np.triu(np.ones((8, 8)), 1), "BINARY")
    bqm.add_linear_from({k: 3.5 + 0.1 * k for k in range(8)})
    return bqm


@pytest.mark.parametrize("calls", [0, -1, 1.5, True, "two"])
def test_a_number_of_calls_that_is_none(calls: Any) -> None:
    with pytest.raises(OptionError, match="max_calls"):
        secateur.solve(PROBLEM, backend="tabu", max_calls=calls)


@pytest.mark.parametrize("backend", ["auto", "greedy", "decompose:tabu", "blocks:tabu"])
def test_a_number_of_calls_is_not_dropped_where_it_says_nothing(backend: str) -> None:
    with pytest.raises(OptionError, match="calls several times by itself"):
        secateur.solve(PROBLEM, backend=backend, max_calls=2)


def test_a_promise_cannot_make_it_free() -> None:
    class Promised(wrap_sampler(Sold, "sold")):  # type: ignore[misc]
        capabilities = Capabilities(metered=False, takes_time_limit=True)

    assert is_metered(Promised)
    with pytest.raises(BackendBudgetSpent):
        run(Promised, PROBLEM)
    assert Sold.calls == 0
