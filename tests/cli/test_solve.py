"""``secateur solve``: any file, any backend, exactly the count."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import dimod
import pytest

from secateur.cli import run
from secateur.files import save_bqm
from secateur.problem import at_most, keep
from secateur.problem import count as exactly
from secateur.testing import brute_force, random_problem
from tests.cli.solving import ANNEALING, DEMANDS, answer, problem
from tests.clocks import spends

__all__ = ["problem"]  # a fixture
ROWS = [
    *("backend", "energy", "bound", "proof", "ones", "status", "stopped", "calls", "seconds"),
    "sample",
]


@pytest.mark.parametrize("backend", ["annealing", "exhaustive", "tabu"])
@pytest.mark.parametrize("count", [None, 0, 3, 8])
def test_the_answer_is_what_it_says(problem, capsys, backend, count):
    wanted = [] if count is None else ["--count", str(count)]
    found = answer(
        capsys, "a.bqm", "--backend", backend, "--time-limit", "0.5", "--no-proof", *wanted
    )
    assert problem.bqm.energy(found["sample"]) == pytest.approx(found["energy"])
    assert sum(found["sample"].values()) == found["ones"]
    assert found["backend"] == backend
    assert found["seconds"] >= 0.0
    optimum = brute_force(type(problem)(problem.bqm, () if count is None else count))[0]
    assert found["energy"] == pytest.approx(optimum)
    if count is not None:
        assert found["ones"] == count
    if backend == "exhaustive":
        assert (found["status"], found["bound"]) == ("optimal", pytest.approx(optimum))
        assert (found["gap"], found["proof"]) == (0.0, "proven")
    else:
        assert (found["status"], found["bound"]) == ("feasible", None)
        assert (found["gap"], found["proof"]) == (None, "no bound")


def test_the_seed_and_options_reach_the_backend(problem, capsys):
    arguments = ["a.bqm", "--backend", "annealing", "--option", "reads=1", "--option", "sweeps=1"]
    arguments += ["--no-proof", "--count", "4", "--seed"]
    found = [answer(capsys, *arguments, seed) for seed in [*"777", *"123456"]]
    assert [one["seed"] for one in found] == [7, 7, 7, 1, 2, 3, 4, 5, 6]
    assert all(one["provenance"]["options"]["sweeps"] == 1 for one in found)
    answers = [one["samples"] for one in found]
    assert answers[0] == answers[1] == answers[2]
    assert any(one != answers[0] for one in answers)


def test_the_control_solves_with_a_count(problem, capsys):
    found = answer(capsys, "a.bqm", "--backend", "greedy", "--count", "3")
    assert (found["backend"], found["ones"]) == ("greedy", 3)
    assert found["calls"] == 0


LP = "{}\n obj: a + 2 b + 3 c\nsubject to\n k: a + b + c = 2\nbinary\n a b c\nend\n"


def test_a_count_in_the_file_is_kept(tmp_path, capsys):
    path = tmp_path / "a.lp"
    path.write_text(LP.format("minimize"))
    found = answer(capsys, str(path), "--backend", "exhaustive")
    assert (found["ones"], found["energy"]) == (2, 3)
    assert answer(capsys, str(path), "--count", "2")["energy"] == 3
    assert run(["solve", str(path), "--count", "1"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"ConstraintError: --count is 1, and {path} states 2" in err
    assert "Mend:" in err


def test_a_maximisation_says_that_its_energies_are_negated(tmp_path, capsys):
    path = tmp_path / "a.lp"
    path.write_text(LP.format("maximize"))
    assert run(["solve", str(path), "--backend", "exhaustive"]) == 0
    out = capsys.readouterr().out
    assert "energy   -5\n" in out
    assert "note     maximised in the file; the energies here are of the negated" in out
    found = answer(capsys, str(path), "--backend", "exhaustive", more=["objective"])
    assert found["energy"] == -5
    assert found["objective"] == {"sense": "maximise", "value": 5.0, "bound": 5.0}


def test_the_text_is_a_table_of_two_columns(problem, capsys):
    assert run(["solve", "a.bqm", "--backend", "exhaustive", "--count", "2"]) == 0
    rows = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    energy, bits = brute_force(type(problem)(problem.bqm, 2))
    ones = [v for v, bit in zip(problem.variables, bits, strict=True) if bit]
    shown = dict(rows)
    assert list(shown) == ROWS
    assert shown["proof"] == "proven"
    assert float(shown["energy"]) == float(shown["bound"]) == pytest.approx(energy)
    assert (shown["ones"], shown["status"], shown["stopped"]) == ("2", "optimal", "completed")
    assert shown["sample"] == f"1 for {ones[0]}, {ones[1]}"
    assert run(["solve", "a.bqm", "--backend", "tabu", "--time-limit", "0.1", "--no-proof"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line[8] == " " and line[9] != " " for line in lines)
    assert lines[2:4] == ["bound    none", "proof    no bound"]


@pytest.mark.parametrize(
    ("n", "bias", "shown"),
    [
        (5, 1.0, "all 0"),
        (12, -1.0, f"1 for {', '.join(f'v{k}' for k in range(12))}"),
        (30, -1.0, f"1 for {', '.join(f'v{k}' for k in range(12))}, and 18 more (--json has all)"),
    ],
)
def test_the_ones_are_named_and_many_are_abbreviated(tmp_path, capsys, n, bias, shown):
    path = tmp_path / "a.bqm"
    save_bqm(dimod.BinaryQuadraticModel({f"v{k}": bias for k in range(n)}, {}, "BINARY"), path)
    assert run(["solve", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"sample   {shown}"


def test_labels_that_print_alike_are_told_apart(tmp_path, capsys):
    path = tmp_path / "a.bqm"
    save_bqm(dimod.BinaryQuadraticModel({1: -1.0, "1": 1.0}, {}, "BINARY"), path)
    assert answer(capsys, str(path))["sample"] == {"1": 1, "'1'": 0}


def test_a_file_without_variables_has_an_energy(tmp_path, capsys):
    path = tmp_path / "a.coo"
    save_bqm(dimod.BinaryQuadraticModel({}, {}, 2.5, "BINARY"), path)
    found = answer(capsys, str(path))
    assert (found["energy"], found["sample"]) == (2.5, {})


@pytest.mark.parametrize("count", [[], ["--count", "3"]])
def test_small_problems_are_proven_unless_told_otherwise(problem, capsys, count):
    for backend in ("auto", "annealing", "greedy"):
        arguments = ["a.bqm", "--backend", backend, *count]
        assert answer(capsys, *arguments)["proof"] == "proven"
    assert answer(capsys, *arguments, "--no-proof")["proof"] == "no bound"


def test_a_large_problem_is_proven_where_that_is_asked_for(tmp_path, capsys):
    path = str(tmp_path / "a.bqm")
    save_bqm(random_problem(66, 1, scale=0.1).bqm, path)
    arguments = [path, *ANNEALING, "--option", "reads=2", "--count", "30"]
    assert answer(capsys, *arguments)["proof"] == "no bound"
    found = answer(capsys, *arguments, "--proof", "--time-limit", "60")
    assert found["bound"] <= found["energy"]
    assert (found["status"], found["proof"], found["gap"]) == ("optimal", "proven", 0.0)
    assert found["bound"] == pytest.approx(found["energy"], rel=1e-6)


def test_a_gap_that_is_left_is_told(tmp_path, capsys):
    path = str(tmp_path / "a.bqm")
    save_bqm(random_problem(150, 1).bqm, path)
    arguments = [path, "--backend", "greedy", "--count", "70", "--proof", "--time-limit", "1"]
    with spends(1 * 1.2 + 1):
        found = answer(capsys, *arguments)
    assert (found["status"], found["stopped"]) == ("feasible", "time limit")
    gap = (found["energy"] - found["bound"]) / -found["energy"]
    assert found["gap"] == pytest.approx(gap)
    assert found["proof"] == f"gap = {100 * gap:.3g} %"
    assert gap > 0.001


def test_the_reads_are_all_there(problem, capsys):
    found = answer(capsys, "a.bqm", *ANNEALING, "--option", "reads=30", "--option", "sweeps=1")
    assert sum(read["occurrences"] for read in found["samples"]) == 30
    for read in found["samples"]:
        sample = dict(zip(found["sample"], map(int, read["bits"]), strict=True))
        assert problem.bqm.energy(sample) == pytest.approx(read["energy"])
        assert read["feasible"] is True
    energies = [read["energy"] for read in found["samples"]]
    assert energies == sorted(energies)
    assert len(energies) > 1


def test_where_the_answer_comes_from_is_told(problem, capsys):
    arguments = ("a.bqm", *ANNEALING, "--count", "3", "--time-limit", "5", "--seed", "9")
    with spends(5 * 1.2 + 1):
        found = answer(capsys, *arguments)
    about = found["provenance"]
    assert about["problem"] == problem.sha256
    assert about["demands"] == ["count"]
    assert about["time_limit"] == 5
    assert {"python", "numpy", "dimod", "dwave-samplers"} <= set(about["versions"])
    assert about["options"]["seed"] == found["seed"] == 9
    seconds, energies = zip(*about["incumbents"], strict=True)
    assert list(seconds) == sorted(seconds)
    assert list(energies) == sorted(energies, reverse=True)
    assert energies[-1] == pytest.approx(found["energy"])
    assert found["timings"]["total"] == found["seconds"]


@pytest.mark.parametrize("backend", ["auto", "annealing", "exhaustive", "branch-and-bound"])
def test_demands_come_from_a_file(problem, capsys, backend):
    Path("demands.toml").write_text(DEMANDS)
    arguments = ["--count", "3", "--constraints", "demands.toml"]
    found = answer(capsys, "a.bqm", "--backend", backend, *arguments)
    wanted = [exactly(3), at_most(1, ["v7", "v3", "v0"]), keep("v4")]
    assert found["energy"] == pytest.approx(brute_force(problem.with_constraints(wanted))[0])
    assert found["proof"] == "proven"
    assert len(found["provenance"]["demands"]) == 3
    sample = found["sample"]
    assert sum(sample.values()) == 3
    assert sample["v7"] + sample["v3"] + sample["v0"] <= 1
    assert sample["v4"] == 0


@pytest.mark.parametrize("backend", ["auto", "annealing"])
@pytest.mark.parametrize("name", ["p.json", "p.json.gz"])
def test_a_certificate_is_accepted_by_verify(problem, capsys, backend, name):
    Path("demands.toml").write_text(DEMANDS)
    asked = ["--count", "3", "--constraints", "demands.toml"]
    assert run(["solve", "a.bqm", "--backend", backend, *asked, "--certificate", name]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"written  {name}"
    again = ["solve", "a.bqm", "--backend", backend, *asked, "--certificate", f"again-{name}"]
    assert run([*again, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["certificate"] == f"again-{name}"
    assert run(["verify", name, "a.bqm", *asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verified"] is True
    assert run(["verify", name, "a.bqm", "--count", "4"]) == 1
    assert "CertificateError" in capsys.readouterr().err
    save_bqm(random_problem(8, 5).bqm, "other.bqm")
    assert run(["verify", name, "other.bqm", *asked]) == 1


@pytest.mark.parametrize("count", [[], ["--count", "3"]])
def test_more_than_two_seconds_show_progress(problem, capsys, monkeypatch, count):
    late = iter(range(0, 10**6, 3))  # each look at the clock is three seconds later
    monkeypatch.setattr("secateur.progress.time", SimpleNamespace(monotonic=lambda: next(late)))
    arguments = ["solve", "a.bqm", *ANNEALING, "--option", "reads=1", *count, "--json"]
    assert run(arguments) == 0
    out, err = capsys.readouterr()
    assert "solving with annealing: " in err
    assert json.loads(out)["backend"] == "annealing"
    assert run(["--quiet", *arguments]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("count", "ones"), [("25%", 5), (" 25 % ", 5), ("0.26", 5), (".3", 6), ("7", 7)]
)
def test_a_count_may_be_a_share_of_the_variables(tmp_path, capsys, count, ones):
    """To the nearest, as a study's is; a proof is checked against the same."""
    path, proof = str(tmp_path / "a.bqm"), str(tmp_path / "proof.json")
    save_bqm(random_problem(20, 1).bqm, path)
    found = answer(capsys, path, "--count", count, "--certificate", proof)
    assert found["ones"] == ones
    assert run(["verify", proof, path, "--count", count]) == 0
    assert run(["verify", proof, path, "--count", "9"]) == 1
    capsys.readouterr()
