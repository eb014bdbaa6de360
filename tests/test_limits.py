"""Numbers that reach clocks, threads and solvers: refused by name, in every way in."""

from __future__ import annotations

import math
import threading

import dimod
import numpy as np
import pytest

import secateur
from secateur.backends import Backend, BackendOptions, option
from secateur.backends.call import resolve_options, run
from secateur.cli import run as command
from secateur.cli.common import key_values
from secateur.errors import BackendOptionError, OptionError, SecateurError
from secateur.limits import LONGEST_SECONDS, check_seed, check_time_limit
from secateur.problem import Constraint, Problem
from secateur.seeds import LARGEST_SEED
from secateur.solving import load_solver

BQM = dimod.BinaryQuadraticModel({"a": -1.0, "b": 0.5}, {"ab": 1.0}, "BINARY")

NO_SECONDS = [
    math.inf, -math.inf, math.nan, 1e300, 10**400, -1, -1e-300, 0, 0.0, True, "5", "", b"5",
    None.__class__, [1], 1j, LONGEST_SECONDS * 1.01,
]  # fmt: skip
NO_SEEDS = [-1, LARGEST_SEED + 1, 2**70, 1.0, 1.5, math.nan, True, "1", b"1", [1], 1j]


@pytest.mark.parametrize("value", NO_SECONDS, ids=lambda v: repr(v)[:9])
def test_what_is_no_time_limit(value):
    with pytest.raises(OptionError, match="time limit is") as caught:
        check_time_limit(value)
    assert caught.value.remedy
    with pytest.raises(OptionError, match="time limit is"):
        secateur.solve(BQM, time_limit=value)


@pytest.mark.parametrize("value", NO_SEEDS, ids=lambda v: repr(v)[:9])
def test_what_is_no_seed(value):
    with pytest.raises(OptionError, match="seed is"):
        check_seed(value)
    with pytest.raises(OptionError, match="seed is"):
        secateur.solve(BQM, seed=value)


def test_what_is_one():
    assert check_time_limit(np.float32(2.0)) == 2.0
    assert check_time_limit(LONGEST_SECONDS) == LONGEST_SECONDS
    assert check_time_limit(None) is None
    assert check_seed(np.int64(7)) == 7
    assert type(check_seed(np.int64(7))) is int
    assert check_seed(LARGEST_SEED) == LARGEST_SEED


def test_the_longest_limit_can_be_counted_by_threads_and_by_c():
    assert 2 * LONGEST_SECONDS + 10 < threading.TIMEOUT_MAX
    assert 1000 * LONGEST_SECONDS <= 2**31 - 1


@pytest.mark.parametrize(
    "name", ["annealing", "tabu", "steepest-descent", "path-integral", "exhaustive",
             "branch-and-bound", "gurobi", "qaoa", "decompose:annealing", "blocks:annealing"]
)  # fmt: skip
@pytest.mark.parametrize(
    "value", ["inf", "nan", 1e300, 10**400, -1, "-1"], ids=lambda v: str(v)[:9]
)
def test_the_option_of_every_backend_too(name, value):
    solver = load_solver(name)()
    with pytest.raises(BackendOptionError, match="time_limit"):
        resolve_options(solver, {"time_limit": value})


@pytest.mark.parametrize("name", ["annealing", "exhaustive", "branch-and-bound"])
def test_the_longest_limit_is_taken(name):
    solution = run(load_solver(name), Problem(BQM), time_limit=LONGEST_SECONDS)
    assert solution.samples.first.energy == -1.0


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "1e300", "1e999", "-1", "0", "-0.0"])
def test_a_time_limit_on_the_command_line(capsys, tmp_path, text):
    from secateur.files import save_bqm

    save_bqm(BQM, tmp_path / "p.bqm")
    for backend in ("auto", "annealing", "greedy"):
        arguments = ["solve", str(tmp_path / "p.bqm"), "--backend", backend, "--time-limit", text]
        assert command(arguments) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("OptionError: the time limit is")
        assert "Mend:" in err


GIVEN_TWICE = [("--seed", "2", "seed=1"), ("--seed", "0", "seed=0"),
               ("--time-limit", "5", "time_limit=0.001")]  # fmt: skip


@pytest.mark.parametrize(("flag", "value", "pair"), GIVEN_TWICE)
@pytest.mark.parametrize("backend", ["auto", "annealing", "blocks:annealing"])
def test_given_twice_is_an_error_of_the_command(capsys, tmp_path, flag, value, pair, backend):
    from secateur.files import save_bqm

    save_bqm(BQM, tmp_path / "p.bqm")
    arguments = ["solve", str(tmp_path / "p.bqm"), "--backend", backend, flag, value]
    assert command([*arguments, "--option", pair]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert flag in err
    assert pair in err


def test_given_twice_is_an_error_in_python():
    with pytest.raises(OptionError, match="seed is given twice: 2, and 1"):
        secateur.solve(BQM, backend="annealing", seed=2, options={"seed": 1})
    with pytest.raises(OptionError, match="time limit is given twice"):
        secateur.solve(BQM, backend="annealing", time_limit=5, options={"time_limit": 0.001})
    with pytest.raises(BackendOptionError, match=r"seed .* is given twice"):
        run(load_solver("annealing"), Problem(BQM), {"seed": 1}, seed=2)
    with pytest.raises(BackendOptionError, match=r"time_limit .* is given twice"):
        run(load_solver("annealing"), Problem(BQM), {"time_limit": 1}, time_limit=2)
    answer = secateur.solve(BQM, backend="annealing", options={"seed": 5}, proof=False)
    assert answer.seed == 5


def test_a_key_twice_and_brackets_without_end():
    with pytest.raises(OptionError, match="reads=… is given twice"):
        key_values(("reads=1", "reads=2"), "--option")
    for open_, close in ("[]", ("[", ""), ('{"a":', "")):
        with pytest.raises(OptionError, match="brackets"):
            key_values((f"reads={open_ * 100_000}{close * 100_000}",), "--option")
    for text in ("[1", "{", "9" * 5000, "\ud800", "NaN"):
        assert "reads" in key_values((f"reads={text}",), "--option")


@pytest.mark.parametrize("options", [3, "reads", [("reads", 3)], {3: 4}, [1]])
def test_options_that_are_none(options):
    with pytest.raises(SecateurError, match="the options are"):
        secateur.solve(BQM, backend="annealing", options=options)
    with pytest.raises(SecateurError, match="the options are"):
        run(load_solver("annealing"), Problem(BQM), options)


def test_options_of_another_backend():
    other = load_solver("tabu").Options()
    with pytest.raises(BackendOptionError, match="are a TabuOptions"):
        run(load_solver("annealing"), Problem(BQM), other)


def test_a_duration_of_any_name_is_checked():
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Options(BackendOptions):
        pause: float = option(1.0, "between two calls", unit="ms")

    class Slow(Backend):
        name = "slow"

        def solve(self, problem, options):
            raise NotImplementedError

    Slow.Options = Options
    assert resolve_options(Slow(), {"pause": 2e9}).pause == 2e9
    for value in (2.1e9, math.inf, -1.0):
        with pytest.raises(BackendOptionError, match="pause"):
            resolve_options(Slow(), {"pause": value})


class Own(Constraint):
    def labels(self):
        return ()


@pytest.mark.parametrize(
    "constraints", [Own("mine"), [Own("mine")], 2.5, [2.5], ["a"], "ab", [None]]
)
def test_a_demand_of_no_kind_that_is_known(constraints):
    with pytest.raises(SecateurError, match="a constraint is a"):
        Problem(BQM, constraints)


@pytest.mark.parametrize("start", [[1, 0], [[1, 0, 1]], [[0.5, 1]], [["a", "b"]], [[math.nan, 0]]])
def test_a_start_is_checked_wherever_it_is_given(start):
    for give in (lambda: Problem(BQM, start=start), lambda: Problem(BQM).with_start(start)):
        with pytest.raises(SecateurError, match="start"):
            give()


@pytest.mark.parametrize("huge", [10**4, 2**31, 2**63, 10**30])
def test_numbers_of_ones_beyond_all_integers_of_c(huge):
    """What cannot be kept is an error, what is always kept is kept; nothing overflows."""
    from secateur.problem import among, at_least, at_most, count, exactly, multiple_of
    from secateur.problem.constraints import Cardinality

    ab = ["a", "b"]
    for wanted in (count(huge), at_least(huge, ab), exactly(huge, ab), among([huge, huge + 2], ab),
                   Cardinality("steps", ("a", "b"), huge, 2 * huge, huge)):  # fmt: skip
        with pytest.raises(SecateurError) as caught:
            secateur.solve(Problem(BQM, [wanted]))
        assert caught.value.remedy
    for free in (
        at_most(huge, ab),
        among([0, 1, 2, huge], ab),
        Cardinality("to", ("a", "b"), 0, huge),
    ):
        assert secateur.solve(Problem(BQM, [free])).energy == -1.0
    assert secateur.solve(Problem(BQM, [multiple_of(huge, ab)])).count == 0
