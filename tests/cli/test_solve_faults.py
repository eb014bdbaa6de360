"""``secateur solve``: bad input, and backends that find nothing, are one clear error."""

from __future__ import annotations

import math
from pathlib import Path

import dimod
import pytest

from secateur.backends import Solution, Status, Stopped, Timings
from secateur.backends.registry import load_backend
from secateur.cli import run
from secateur.testing import brute_force
from tests.cli.solving import ANNEALING, DEMANDS, answer, problem

__all__ = ["problem"]  # a fixture


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (["missing.bqm"], "FileError", "missing.bqm does not exist"),
        (["."], "FileError", "is a folder"),
        (["a.bqm", "--backend", "anealing"], "BackendNotFound", "did you mean 'annealing'"),
        (
            ["a.bqm", *ANNEALING, "--option", "raeds=3"],
            "BackendOptionError",
            "did you mean 'reads'",
        ),
        (["a.bqm", *ANNEALING, "--option", "reads=many"], "BackendOptionError", "'many'"),
        (["a.bqm", *ANNEALING, "--option", "reads=0"], "BackendOptionError", "from 1 to 1000000"),
        (["a.bqm", "--option", "reads"], "OptionError", "write --option key=value"),
        (["a.bqm", "--option", "red=3"], "BackendOptionError", "did you mean 'reads'"),
        (["a.bqm", "--count", "9"], "ConstraintError", "count is 9, of 8 variables"),
        (["a.bqm", "--count", "101%"], "ConstraintError", "count is '101%', of 8 variables"),
        (["a.bqm", "--count", "-1"], "ConstraintError", "count is -1, of 8 variables"),
        (["a.bqm", "--time-limit", "-1"], "OptionError", "the time limit is -1"),
        (["a.bqm", "--time-limit", "nan"], "OptionError", "the time limit is nan"),
        (["a.bqm", *ANNEALING, "--seed", "1", "--option", "seed=1"], "OptionError", "--seed is 1"),
        (["a.bqm", "--constraints", "missing.toml"], "FileError", "missing.toml"),
        (["a.bqm", "--certificate", "a.bqm"], "FileError", "a.bqm exists already"),
        (["a.bqm", "--backend", "greedy", "--seed", "1"], "OptionError", "greedy takes no seed"),
        (
            ["a.bqm", "--backend", "exhaustive", "--seed", "1"],
            "BackendOptionError",
            "takes no seed",
        ),
        (
            ["a.bqm", "--backend", "exhaustive", "--seed", "1", "--count", "2"],
            "BackendOptionError",
            "takes no seed",
        ),
        (
            ["a.bqm", "--backend", "greedy", "--count", "2", "--option", "reads=3"],
            "OptionError",
            "greedy takes no options",
        ),
    ],
)
def test_bad_input_is_one_clear_error(problem, capsys, arguments, error, said):
    assert run(["solve", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{error}: ")
    assert said in err
    assert "Mend:" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("count", ["two", "1.5", "", "%", "nan", "0x3", "1e2"])
def test_what_is_no_count_is_told_with_the_forms(problem, capsys, count):
    assert run(["solve", "a.bqm", "--count", count]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{count!r} is not a count: write 12, or a share, 36% or 0.36" in err


@pytest.mark.parametrize("arguments", [[], ["a.bqm", "b.bqm"]])
def test_wrong_usage_is_exit_code_two(problem, capsys, arguments):
    assert run(["solve", *arguments]) == 2
    assert capsys.readouterr().out == ""


def test_a_corrupt_file_is_one_clear_error(problem, capsys):
    path = Path("a.bqm")
    path.write_bytes(path.read_bytes()[:-3])
    assert run(["solve", "a.bqm"]) == 1
    assert "FileError: a.bqm is not the file that was saved" in capsys.readouterr().err


def test_demands_that_contradict_each_other_are_told(problem, capsys):
    Path("demands.toml").write_text(DEMANDS)
    assert run(["solve", "a.bqm", "--count", "6", "--constraints", "demands.toml"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ConstraintError: no choice keeps all demands")
    assert "'count'" in err


class Scripted(load_backend("exhaustive")):
    """Answers what the test says."""

    answer: Solution

    def solve(self, problem, options):
        return self.answer


def solution(problem, *rows, status=Status.FEASIBLE, stopped=Stopped.COMPLETED, bound=None):
    samples = dimod.SampleSet.from_samples_bqm(list(rows), problem.bqm) if rows else None
    empty = dimod.SampleSet.from_samples(([], list(problem.variables)), energy=[], vartype="BINARY")
    return Solution(
        samples=samples or empty,
        status=status,
        stopped=stopped,
        bound=bound,
        timings=Timings(total=0.1),
    )


@pytest.fixture
def scripted(monkeypatch):
    def script(given):
        monkeypatch.setattr(Scripted, "answer", given, raising=False)
        monkeypatch.setattr("secateur.solving.solvers.load_backend", lambda name: Scripted)

    return script


def test_a_backend_that_finds_nothing_is_an_error(problem, scripted, capsys):
    scripted(solution(problem, status=Status.NONE, stopped=Stopped.TIME_LIMIT))
    assert run(["solve", "a.bqm", "--backend", "exhaustive"]) == 1
    assert "found no solution (none, stopped: time limit)" in capsys.readouterr().err


def test_an_interrupted_backend_is_exit_code_130(problem, scripted, capsys):
    zeros = dict.fromkeys(problem.variables, 0)
    scripted(solution(problem, zeros, stopped=Stopped.INTERRUPTED))
    assert run(["solve", "a.bqm", "--backend", "exhaustive"]) == 130
    assert capsys.readouterr().out == ""


def test_a_bound_that_says_nothing_is_none(problem, scripted, capsys):
    zeros = dict.fromkeys(problem.variables, 0)
    scripted(solution(problem, zeros, bound=-math.inf))
    found = answer(capsys, "a.bqm", "--backend", "exhaustive", "--no-proof")
    assert (found["bound"], found["gap"], found["proof"]) == (None, None, "no bound")


def test_a_proof_of_ours_is_not_taken_for_the_backends_merit(problem, scripted, capsys):
    energy, _ = brute_force(problem)
    zeros = dict.fromkeys(problem.variables, 0)
    scripted(solution(problem, zeros))
    found = answer(capsys, "a.bqm", "--backend", "exhaustive")
    assert (found["proof"], found["energy"]) == ("proven", pytest.approx(energy))
    assert found["backend_energy"] == pytest.approx(problem.bqm.offset)
    assert run(["solve", "a.bqm", "--backend", "exhaustive"]) == 0
    assert "own      1 is the best of the backend's own answers\n" in capsys.readouterr().out
