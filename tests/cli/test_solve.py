"""``secateur solve``: any file, any backend, exactly the count."""

from __future__ import annotations

import json

import dimod
import pytest

from secateur.cli import run
from secateur.qubo.files import save_bqm
from secateur.testing import brute_force, random_problem

KEYS = ["backend", "energy", "ones", "bound", "status", "stopped", "seconds", "sample"]


@pytest.fixture
def problem(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    problem = random_problem(8, 4, offset=1.0)
    save_bqm(problem.bqm, "a.bqm")
    return problem


def answer(capsys, *arguments):
    assert run(["solve", *arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == KEYS
    return found


@pytest.mark.parametrize("backend", ["annealing", "exhaustive", "tabu"])
@pytest.mark.parametrize("count", [None, 3])
def test_the_answer_is_what_it_says(problem, capsys, backend, count):
    wanted = [] if count is None else ["--count", str(count)]
    found = answer(capsys, "a.bqm", "--backend", backend, "--time-limit", "0.5", *wanted)
    assert problem.bqm.energy(found["sample"]) == pytest.approx(found["energy"])
    assert sum(found["sample"].values()) == found["ones"]
    optimum = brute_force(type(problem)(problem.bqm, count))[0]
    assert found["energy"] == pytest.approx(optimum)
    if count is not None:
        assert found["ones"] == count
    if backend == "exhaustive":
        assert (found["status"], found["bound"]) == ("optimal", pytest.approx(optimum))


def test_the_seed_and_options_reach_the_backend(problem, capsys):
    arguments = ["a.bqm", "--option", "reads=1", "--option", "sweeps=1", "--seed"]
    one, two = (answer(capsys, *arguments, "7")["sample"] for _ in range(2))
    assert one == two


LP = "minimize\n obj: a + 2 b + 3 c\nsubject to\n k: a + b + c = 2\nbinary\n a b c\nend\n"


def test_a_count_in_the_file_is_kept(tmp_path, capsys):
    path = tmp_path / "a.lp"
    path.write_text(LP)
    found = answer(capsys, str(path), "--backend", "exhaustive")
    assert (found["ones"], found["energy"]) == (2, 3)
    assert answer(capsys, str(path), "--count", "2")["energy"] == 3
    assert run(["solve", str(path), "--count", "1"]) == 1
    assert "--count is 1, and" in (said := capsys.readouterr().err)
    assert "states 2" in said


def test_the_text_names_the_ones(problem, capsys):
    assert run(["solve", "a.bqm", "--backend", "exhaustive", "--count", "1"]) == 0
    out = capsys.readouterr().out
    assert "status   optimal" in out
    bits = brute_force(type(problem)(problem.bqm, 1))[1]
    assert f"sample   1 for {problem.variables[int(bits.argmax())]}\n" in out
    many = dimod.BinaryQuadraticModel({f"v{k}": -1.0 for k in range(30)}, {}, "BINARY")
    save_bqm(many, "many.bqm")
    assert run(["solve", "many.bqm"]) == 0
    assert "(all with --json)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.bqm"], "missing.bqm does not exist"),
        (["a.bqm", "--backend", "anealing"], "did you mean 'annealing'"),
        (["a.bqm", "--option", "raeds=3"], "did you mean 'reads'"),
        (["a.bqm", "--option", "reads"], "write --option key=value"),
        (["a.bqm", "--count", "9"], "9 ones are wanted of 8"),
        (["a.bqm", "--count", "-1"], "-1 ones are wanted"),
        (["a.bqm", "--time-limit", "-1"], "time_limit"),
        (["a.bqm", "--backend", "exhaustive", "--seed", "1"], "takes no seed"),
        (["a.bqm", "--backend", "greedy"], "greedy needs --count"),
    ],
)
def test_bad_input_is_one_clear_error(problem, capsys, arguments, said):
    assert run(["solve", *arguments]) in (1, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err
