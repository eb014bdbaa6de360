"""Everything that can be given for a backend: names, ``module:attribute``, objects, functions."""

from __future__ import annotations

import json
import sys

import dimod
import numpy as np
import pytest
from dwave.samplers import TreeDecompositionSolver

import secateur
from secateur.backends import Backend, Capabilities, Solution
from secateur.backends.call import run
from secateur.cli import run as command
from secateur.errors import BackendError, BackendOptionError, OptionError, SecateurError
from secateur.solving.solvers import as_solver
from secateur.testing import BackendConformance, brute_force, random_problem
from tests.named import plainly


def every_state(problem, *, shift: int = 0):
    """All of them, best first."""
    assert shift >= 0
    states = np.arange(2**problem.n)[:, None] >> np.arange(problem.n)[None, :] & 1
    return states[np.argsort(problem.energies(states))][:20]


def random_rows(problem, *, reads: int = 50, seed: int | None = None):
    """At random, then downhill."""
    bits = np.random.default_rng(seed).integers(0, 2, (reads, problem.n))
    noise = 1e-12 * (np.abs(problem.linear).sum() + np.abs(problem.couplings).sum())
    while True:
        change = (1 - 2 * bits) * (problem.linear + bits @ problem.couplings)
        rows = np.flatnonzero(change.min(axis=1, initial=0.0) < -noise)
        if not len(rows):
            return bits
        bits[rows, change[rows].argmin(axis=1)] ^= 1


class Own(Backend):
    name = "own"

    def __init__(self, reads=1):
        self.reads = reads

    def solve(self, problem, options):
        bits = every_state(problem)[: self.reads]
        return Solution.from_bits(problem, bits, options, 0.001, versions={"own": "1"})


def build():
    return Own(reads=3)


def build_a_class():
    return Own


def build_a_function():
    return every_state


class Sampler(dimod.ExactSolver):
    """A sampler that has to be set up."""

    def __init__(self, address=None):
        if address is None:
            raise ValueError("no address")
        super().__init__()


HERE = "tests.backends.test_given"
ready = Own(reads=2)
sampler = Sampler("here")
WAYS = [
    Own,
    Own(reads=2),
    every_state,
    build,
    build_a_class,
    build_a_function,
    TreeDecompositionSolver,
    dimod.ExactSolver(),
    sampler,
    f"{HERE}:Own",
    f"{HERE}:ready",
    f"{HERE}:every_state",
    f"{HERE}:build",
    f"{HERE}:build_a_class",
    f"{HERE}:sampler",
    "dimod:ExactSolver",
    f"blocks:{HERE}:Own",
]


@pytest.mark.parametrize("given", WAYS, ids=plainly)
def test_every_way_to_say_it_solves(given):
    problem = random_problem(6, 3)
    solution = run(as_solver(given), problem)
    assert solution.samples.first.energy == pytest.approx(brute_force(problem)[0])
    exactly = random_problem(6, 3, ones=2)
    answer = secateur.solve(exactly, backend=given)
    assert answer.count == 2
    assert answer.energy == pytest.approx(brute_force(exactly)[0])


def test_an_instance_keeps_its_state():
    solution = run(as_solver(f"{HERE}:ready"), random_problem(4, 0))
    assert len(solution.samples) == 2
    assert len(run(as_solver(build), random_problem(4, 0)).samples) == 3


class TestAFunction(BackendConformance):
    @pytest.fixture
    def backend(self):
        from secateur.backends.registry import backend_class

        return backend_class(random_rows, "random-rows")

    def test_its_options_are_documented_and_checked(self, solver):
        """A function's keywords have no texts."""
        assert solver.capabilities == Capabilities(stochastic=True, takes_seed=True)
        for wrong in ({"reads": "many"}, {"reads": None}, {"seed": 0.5}, {"raeds": 3}):
            with pytest.raises(BackendOptionError):
                solver.make_options(wrong)


def returns(value):
    def solver(problem):
        return value

    return solver


def needs(problem, size):
    return np.zeros((1, problem.n))


def takes_a_name(problem, *, public=True):
    return np.zeros((1, problem.n))


def breaks():
    sys.exit(0)


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        (f"{HERE}:every_stat", {}, "no attribute 'every_stat'"),
        (f"{HERE}:HERE", {}, "which is a str"),
        (3, {}, "the backend is 3"),
        (int, {}, "the backend is <class 'int'>"),
        (None, {}, "the backend is None"),
        (every_state, {"shfit": 1}, "has no option 'shfit'"),
        (every_state, {"shift": "x"}, "'shift' of backend 'every_state' is 'x': not of type int"),
        (needs, {}, "needs the option 'size'"),
        (takes_a_name, {}, "a parameter 'public' that cannot be an option"),
        (returns([[0, 1, 2, 0]]), {}, "returned no bits"),
        (returns("bits"), {}, "returned no bits"),
        (returns(None), {}, "returned no bits"),
        (breaks, {}, "raised SystemExit: 0"),
        (lambda: lambda: 3, {}, "is a function that takes no problem, and makes no backend"),
        (lambda: 3, {}, "is a function that takes no problem, and makes no backend"),
    ],
    ids=plainly,
)
def test_what_is_wrong_is_told(given, options, said):
    with pytest.raises(SecateurError) as caught:
        run(as_solver(given), random_problem(4, 0), options)
    assert said in caught.value.message
    assert caught.value.remedy
    assert isinstance(caught.value, (BackendError, OptionError))


def test_the_command_line_takes_one_of_the_current_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_solver_here.py").write_text(
        "import numpy as np\n"
        "def best(problem, *, reads: int = 1):\n"
        "    states = np.arange(2**problem.n)[:, None] >> np.arange(problem.n)[None, :] & 1\n"
        "    return states[np.argsort(problem.energies(states))][:reads]\n"
    )
    (tmp_path / "small.coo").write_text("# vartype=BINARY\n0 0 1.5\n1 1 -2\n2 2 -1\n0 1 0.5\n")
    words = ["solve", "small.coo", "--backend", "my_solver_here:best", "--json"]
    assert command([*words, "--option", "reads=4"]) == 0
    assert json.loads(capsys.readouterr().out)["energy"] == -3.0
    assert command([*words, "--option", "raeds=4"]) == 1
    assert "did you mean 'reads'?" in capsys.readouterr().err
    assert command(["backends", "check", "my_solver_here:best"]) == 0
    assert "works" in capsys.readouterr().out
    sys.modules.pop("my_solver_here")
