"""What is declared of a stranger's solver where it is wrapped: promises, options, packages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from dwave.samplers import SimulatedAnnealingSampler

from secateur.backends import (
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    load_backend,
    option,
    run,
    wrap,
)
from secateur.backends.listing import describe_backends
from secateur.errors import BackendError, BackendFailed, BackendOptionError
from secateur.testing import brute_force, random_problem
from tests.backends.test_registry import plugin
from tests.backends.wrapped import READS, Careless, as_one, by_keyword, exact_eigensolver
from tests.named import plainly

__all__ = ["plugin"]  # a fixture

REQUIRED = {"requires": ["dimod", "numpy"]}


@dataclass(frozen=True)
class Own(BackendOptions):
    reads: int = READS


@pytest.mark.parametrize("declared", [Own, {"reads": READS}, {"reads": (int, READS)}])
def test_options_are_declared_in_three_ways(declared):
    backend = wrap(as_one, options=declared)
    (one,) = backend.describe_options()
    assert (one.name, one.type, one.default, one.text) == ("reads", "int", 5, "rows")
    assert len(run(backend, random_problem(5, 0), {"reads": "7"}).samples) == 7
    for wrong in ({"reads": 0}, {"raeds": 3}, {"reads": "many"}):
        with pytest.raises(BackendOptionError):
            backend.make_options(wrong)


def test_the_options_of_a_factory_go_where_they_belong():
    seen = {}

    class Seen(Careless):
        def sample(self, bqm, **given):
            seen["sample"] = given
            return super().sample(bqm, **given)

    def make(*, depth: int = 1, seed: int | None = None):
        seen["make"] = depth, seed
        return Seen()

    declared = {"depth": READS, "num_reads": option(9, "rows", least=1), "seed": option(None, "s")}
    backend = wrap(make, options=declared)
    assert not seen, "it is made when it is asked, and not before"
    assert backend.capabilities.takes_seed
    assert len(backend.describe_options()) == 3
    run(backend, random_problem(4, 0), {"depth": 4, "num_reads": 3}, seed=11)
    assert seen == {"make": (4, 11), "sample": {"num_reads": 3}}


def test_a_sampler_with_a_seed_of_its_own_is_given_it():
    backend = wrap(SimulatedAnnealingSampler, requires=["dwave-samplers"])
    assert backend.capabilities == Capabilities(stochastic=True, takes_seed=True)
    one, two = (run(backend, random_problem(9, 0), {"num_reads": 2}, seed=5) for _ in range(2))
    np.testing.assert_array_equal(one.samples.record.sample, two.samples.record.sample)
    assert set(one.versions) == {"dwave-samplers", "dimod"}


def test_what_is_required_and_missing_makes_it_unavailable():
    backend = wrap(as_one, options={"reads": READS}, requires=["numpy", "no-such-package"])
    told = backend.availability()
    assert not told.usable
    assert told.remedy == "pip install no-such-package"
    assert wrap(as_one, options={"reads": READS}, **REQUIRED).availability().usable


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"thing": 3}, "a int cannot be wrapped"),
        ({"thing": "dimod:ExactSolver"}, "a str cannot be wrapped"),
        ({"thing": Careless, "native": {"count"}}, "promises 'count', which cannot be handed"),
        ({"thing": Careless, "takes_start": True}, "promises 'start', which cannot be handed"),
        ({"thing": Careless, "takes_time_limit": True}, "has no option 'time_limit'"),
        ({"thing": Careless(), "arguments": {"claims": "x"}}, "is made already"),
        ({"thing": Careless, "arguments": {"address": "nowhere"}}, "with address: OSError"),
        ({"thing": exact_eigensolver(), "native": {"linear"}}, "'linear', which cannot be"),
        ({"thing": exact_eigensolver(), "options": {"reps": 1}}, "set up already"),
        ({"thing": by_keyword, "options": {"raeds": 3}}, "has no option 'raeds'"),
        ({"thing": by_keyword, "options": 3}, "are 3"),
        ({"thing": by_keyword, "options": {"public": 3}}, "'public' cannot be an option"),
        ({"thing": as_one, "options": {"reads": 1}, "arguments": {"reads": 1}}, "is an argument"),
        ({"thing": as_one, "native": {"cuont"}}, "says native"),
        ({"thing": as_one, "exact": "yes"}, "says exact = 'yes'"),
        ({"thing": as_one, "metered": "no"}, "metered"),
        ({"thing": as_one, "max_variables": -1}, "says max_variables = -1"),
        ({"thing": Own, "exact": True}, "cannot be wrapped"),
        ({"thing": lambda: 1 / 0}, "raised ZeroDivisionError"),
        ({"thing": lambda: lambda: 3}, "cannot be wrapped"),
    ],
    ids=plainly,
)
def test_what_cannot_be_wrapped_is_told(more, said):
    with pytest.raises(BackendError) as caught:
        run(wrap(more.pop("thing"), **more), random_problem(4, 0))
    assert said in caught.value.message
    assert caught.value.remedy


def test_a_backend_says_itself_what_it_promises():
    class Mine(Backend):
        name = "mine"

        def solve(self, problem, options):
            raise NotImplementedError

    assert wrap(Mine) is Mine
    with pytest.raises(BackendOptionError, match="says itself"):
        wrap(Mine, exact=True)


def test_a_factory_that_makes_something_metered_has_to_say_so():
    class Paid(Backend):
        name = "paid"
        capabilities = Capabilities(metered=True)
        asked = 0

        def solve(self, problem, options):
            type(self).asked += 1
            return Solution.from_bits(problem, np.zeros((1, problem.n)), options, 0.1)

    with pytest.raises(BackendError, match="which is metered") as caught:
        run(wrap(lambda: Paid(), options={}), random_problem(3, 0))
    assert "metered=True" in caught.value.remedy
    assert Paid.asked == 0
    backend = wrap(lambda: Paid(), options={}, metered=True)
    assert backend.capabilities.metered
    run(backend, random_problem(3, 0), charge=True)
    assert Paid.asked == 1


WRAPPED = """
    from secateur.backends import option, wrap

    def make(*, address: str = "x", depth: int = 1):
        raise SystemExit("made for the list")

    mine = wrap(
        make,
        arguments={"address": "here"},
        options={"depth": option(1, "how deep", least=1)},
        exact=True,
        requires=["numpy"],
        metered=True,
    )
"""


def test_an_entry_point_may_name_what_was_wrapped(plugin):
    """Its name and version are the entry point's; what a factory makes is not made for the list."""
    plugin("deep", WRAPPED, target="mine")
    backend = load_backend("deep")
    assert backend.name == "deep"
    (described,) = [one for one in describe_backends() if one.name == "deep"]
    assert described.usable
    assert "numpy" in described.detail
    assert described.capabilities["exact"]
    assert described.capabilities["metered"]
    assert backend.versions()["plugin-deep"] == "2.5"
    with pytest.raises(BackendFailed, match=r"backend 'deep' raised SystemExit: made for"):
        run(backend, random_problem(3, 0), charge=True)


FACTORY = """
    import dimod

    def make(address="here"):
        return dimod.ExactSolver()

    def vote(problem, options):
        return [1] * problem.n
"""


def test_an_entry_point_may_name_a_factory_or_a_function(plugin):
    plugin("made", FACTORY, target="make")
    problem = random_problem(4, 0)
    found = run(load_backend("made"), problem)
    assert found.samples.first.energy == pytest.approx(brute_force(problem)[0])
    assert found.versions["plugin-made"] == "2.5"
    assert run(load_backend("plugin_made:vote"), problem).samples.record.sample.all()
