"""A submission to QOBLIB: every file read back by a checker that shares no code with the writer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import dimod
import numpy as np
import pytest

import secateur
from secateur.errors import FileError, OptionError, StaleError
from secateur.problem import Problem, at_most, count, linear, quadratic
from secateur.study import Row, State
from secateur.study.cell import Instance, Study, StudyMethod
from secateur.study.export import QOBLIB_COLUMNS, write_submission
from secateur.study.export.facts import algorithm_type, paradigm, problem_facts, workflow
from tests.study.export import checker

METHODS = ("greedy", "annealing", "steepest-descent")
PROBLEMS: dict[str, Problem] = {}


def model(n: int, seed: int, *, labels: str = "z{}") -> dimod.BinaryQuadraticModel:
    random = np.random.default_rng(seed)
    bqm = dimod.BinaryQuadraticModel(dimod.BINARY)
    for i in range(n):
        bqm.add_variable(labels.format(i), int(random.integers(-9, 10)))
    for i in range(n):
        for j in range(i):
            if random.random() < 0.6:
                bqm.add_quadratic(labels.format(i), labels.format(j), int(random.integers(-5, 9)))
    return bqm


def instance(name: str, problem: Problem, **more) -> Instance:
    PROBLEMS[name] = problem
    return Instance(
        name=name,
        sha256=problem.sha256,
        source={"file": "none"},
        variables=problem.n,
        couplings=len(problem.quadratic[2]),
        count=problem.count,
        **more,
    )


def load(one: Instance) -> Problem:
    return PROBLEMS[one.name]


def solved(one: Instance, method: str, seed: int, **more) -> Row:
    """A row as the engine makes it, from a real search."""
    problem = load(one)
    options = {"reads": 3, "sweeps": 20} if method == "annealing" else {}
    found = secateur.solve(problem, backend=method, seed=seed, options=options, proof=False)
    about = {
        "key": f"{one.name}{method}{seed}",
        "study": "t",
        "instance": one.name,
        "instance_sha256": one.sha256,
        "variables": one.variables,
        "couplings": one.couplings,
        "count": one.count,
        "method": method,
        "backend": method,
        "options": options,
        "seed": seed,
        "time_limit": 2.0,
        "state": State.DONE,
        "energy": found.energy,
        "bound": found.bound,
        "wall": found.seconds,
        "queue": 0.0,
        "cpu": 0.5 * found.seconds,
        "incumbents": tuple((t, e) for t, e in found.provenance["incumbents"]),
        "ones": tuple(np.flatnonzero(found.bits).tolist()),
        "started": "2026-01-01T00:00:00+00:00",
    }
    return Row(**{**about, **more})


def study(instances, **more) -> Study:
    about = {
        "submitter": "Jane Doe, John Roe",
        "reference": "doi:10/xyz",
        "hardware": "one core, of 2026",
        "instances": tuple(instances),
        "methods": tuple(StudyMethod(name, name) for name in METHODS),
    }
    return Study("t", Path("t.toml"), "", "", "sqlite://", **{**about, **more})


@pytest.fixture(scope="module")
def made():
    instances = [
        instance("plain", Problem(model(12, 0))),
        instance("with count", Problem(model(14, 1), [count(5)])),
        instance("max", Problem(model(10, 2)), sense="maximise"),
    ]
    rows = [
        solved(one, method, seed) for one in instances for method in METHODS for seed in range(3)
    ]
    return study(instances), rows


DAY = date(2026, 3, 4)


@pytest.mark.parametrize("edition", ["2025", "2026"])
def test_a_submission_is_what_the_library_takes(made, tmp_path, edition):
    about, rows = made
    done = write_submission(
        about, rows, tmp_path / "s", load=load, edition=edition, submitted=DAY, affiliation="A, B"
    )
    header = {"2025": checker.HEADER_2025, "2026": checker.HEADER_2026}[edition]
    assert ",".join(QOBLIB_COLUMNS[edition]) == header
    found = checker.check_submission(done.folder, header)
    assert set(found) == set(done.instances) == {"plain", "with_count", "max"}
    assert done.notes == ("with count is called with_count",)
    for name, lines in found.items():
        assert [line["Workflow"].split(" → ")[-1][:6] for line in lines] == ["repair"] * 3
        for line in lines:
            assert line["Submitter"] == "Jane Doe, John Roe"
            assert line["Date"] == "2026-03-04"
            assert line["# Runs"] == line["# Feasible Runs"] == "3"
            assert line["Problem"] == name
            assert line["GPU Runtime"] == line["QPU Runtime"] == line["Other HW Runtime"] == "N/A"
            if edition == "2026":
                assert line["Affiliation"] == "A, B"
                assert line["Paradigm"] == "Classical"


def test_every_objective_is_recomputed_from_the_biases(made, tmp_path):
    about, rows = made
    folder = write_submission(about, rows, tmp_path / "s", load=load).folder
    for one in about.instances:
        name = one.name.replace(" ", "_")
        bqm = {"plain": model(12, 0), "with count": model(14, 1), "max": model(10, 2)}[one.name]
        sign = -1 if one.sense == "maximise" else 1
        for place in sorted((folder / name / "solutions").iterdir()):
            said, values = checker.read_solution(place)
            total = sum(bias * values[v] for v, bias in bqm.linear.items())
            total += sum(b * values[u] * values[v] for (u, v), b in bqm.quadratic.items())
            assert said == sign * total
            assert one.count in (None, sum(values.values()))
        lines = checker.check_submission(folder)[name]
        for method, line in zip(METHODS, lines, strict=True):
            own = [row for row in rows if (row.instance, row.method) == (one.name, method)]
            best = min(row.energy for row in own)
            assert float(line["Best Objective Value"]) == sign * best
            assert int(line["# Successful Runs"]) == sum(row.energy == best for row in own)
            assert float(line["Total Runtime"]) == pytest.approx(sum(r.wall for r in own) / 3)
            assert float(line["CPU Runtime"]) == pytest.approx(sum(r.cpu for r in own) / 3)


def test_one_method_has_one_solution_and_its_runs_end_with_it(made, tmp_path):
    about, rows = made
    own = [row for row in rows if row.method == "annealing" and row.instance == "plain"]
    folder = write_submission(about, own, tmp_path / "s", load=load).folder
    assert set(checker.check_submission(folder)) == {"plain"}
    said, _ = checker.read_solution(folder / "plain/plain_solution.sol")
    runs = json.loads((folder / "plain/plain_objective_time_series.json").read_text())
    assert min(run[-1]["Incumbent"] for run in runs) == said
    assert [run[-1]["Incumbent"] for run in runs] == [row.energy for row in own]
    assert [run[-1]["Time"] for run in runs] == [row.wall for row in own]
    for run, row in zip(runs, own, strict=True):
        assert [(s["Time"], s["Incumbent"]) for s in run[:-1]] == list(row.incumbents)


def test_failed_runs_and_what_was_not_run_are_told(made, tmp_path):
    about, rows = made
    own = [row for row in rows if row.instance == "plain"]
    lost = {"energy": None, "bound": None, "ones": (), "incumbents": (), "wall": None, "cpu": None}
    rows = [
        *(
            replace(row, state=State.CANNOT, reason="too large", **lost)
            for row in own
            if row.method == "greedy"
        ),
        *(row for row in own if row.method == "annealing"),
        *(
            replace(row, state=State.FAILED, reason="it broke\nhere", **lost)
            for row in own
            if row.method == "steepest-descent"
        ),
        replace(own[0], instance="gone"),
        replace(own[0], instance_sha256="other"),
    ]
    done = write_submission(about, rows, tmp_path / "s", load=load)
    lines = checker.check_submission(done.folder)["plain"]
    assert [line["# Feasible Runs"] for line in lines] == ["3", "0"]
    assert "3 runs failed: it broke" in lines[1]["Remarks"]
    assert any("greedy was not run on plain: too large" in note for note in done.notes)
    assert any("2 rows are left out" in note for note in done.notes)
    assert any("nothing was run of: with count, max" in note for note in done.notes)


def test_waiting_is_no_runtime_and_access_is_the_device_s(made, tmp_path):
    about, rows = made
    own = [
        replace(row, backend=backend, metered=metered, wall=10.0, queue=8.0, access=0.25)
        for row in rows
        if row.instance == "plain"
        for backend, metered in [
            {
                "greedy": ("leap-qpu", True),
                "annealing": ("decompose:leap-qpu", False),
                "steepest-descent": ("leap", True),
            }[row.method]
        ]
    ]
    folder = write_submission(about, own, tmp_path / "s", load=load, edition="2026").folder
    lines = checker.check_submission(folder, checker.HEADER_2026)["plain"]
    assert [line["Total Runtime"] for line in lines] == ["2.0"] * 3
    assert [line["QPU Runtime"] for line in lines] == ["0.25", "N/A", "N/A"]
    assert [line["Other HW Runtime"] for line in lines] == ["N/A", "N/A", "0.25"]
    told = [line["Paradigm"] for line in lines]
    assert told == ["Quantum Hardware", "Quantum Simulator", "N/A"]
    runs = json.loads((folder / "plain/plain_objective_time_series.json").read_text())
    assert all(len(run) == 1 and run[0]["Time"] == 2.0 for run in runs)


@pytest.mark.parametrize(
    ("bound", "said", "remark"),
    [
        (-100.0, "-100.0", False),
        (None, "N/A", False),
        (1000.0, "N/A", True),
        ("best", "best", False),
    ],
)
def test_a_bound_that_another_run_breaks_is_not_claimed(made, tmp_path, bound, said, remark):
    about, rows = made
    own = [row for row in rows if row.instance == "plain"]
    best = min(row.energy for row in own)
    bound, said = (best, repr(best)) if bound == "best" else (bound, said)
    own = [replace(row, bound=bound) for row in own]
    folder = write_submission(about, own, tmp_path / "s", load=load).folder
    for line in checker.check_submission(folder)["plain"]:
        assert line["Optimality Bound"] == said
        assert ("left out" in line["Remarks"]) == remark


def test_the_threshold_of_the_study_says_what_is_a_success(made, tmp_path):
    about, rows = made
    own = [row for row in rows if row.instance == "plain" and row.method == "annealing"]
    own = [replace(row, energy=e) for row, e in zip(own, (-100.0, -99.0, -90.0), strict=True)]
    flat = dimod.BinaryQuadraticModel({"a": -100.0, "b": 1.0, "c": 9.0}, {}, 0.0, "BINARY")
    one = instance("flat", Problem(flat))
    ones = [(0,), (0, 1), (0, 1, 2)]
    rows = [
        replace(row, instance="flat", instance_sha256=one.sha256, ones=at)
        for row, at in zip(own, ones, strict=True)
    ]
    rows[2] = replace(rows[2], energy=-90.0)
    for number, (threshold, many) in enumerate([(0.0, "1"), (0.0101, "2"), (0.2, "3")]):
        about = study([one], threshold=threshold)
        folder = write_submission(about, rows, tmp_path / f"s{number}", load=load).folder
        (line,) = checker.check_submission(folder)["flat"]
        assert line["# Successful Runs"] == many
        assert float(line["Success Threshold"]) == threshold


def test_labels_that_no_line_holds_are_numbered(tmp_path):
    one = instance("spaced", Problem(model(6, 3, labels="layer {}")))
    done = write_submission(study([one]), [solved(one, "greedy", 0)], tmp_path / "s", load=load)
    checker.check_submission(done.folder)
    _, values = checker.read_solution(done.folder / "spaced/spaced_solution.sol")
    assert list(values) == [f"x{i}" for i in range(6)]
    assert any("numbered" in note for note in done.notes)


def test_a_row_that_is_not_of_the_instance_is_refused(made, tmp_path):
    about, rows = made
    row = next(r for r in rows if r.instance == "with count" and r.method == "greedy")
    for wrong, told in [
        ({"energy": row.energy - 1}, "has? the energy|have the energy"),
        ({"ones": (99,)}, "beyond"),
        ({"ones": ()}, "energy"),
        ({"ones": (-1,)}, "beyond"),
    ]:
        with pytest.raises(StaleError, match=told):
            write_submission(about, [replace(row, **wrong)], tmp_path / "s", load=load)
    problem = load(about.instances[1])
    bits = np.zeros(problem.n, dtype=np.int8)
    wrong = replace(row, ones=(), energy=float(problem.energies(bits)[0]))
    with pytest.raises(StaleError, match="it has"):
        write_submission(about, [wrong], tmp_path / "s", load=load)
    assert not (tmp_path / "s").exists()


def test_what_the_file_does_not_say_is_asked_for(made, tmp_path):
    about, rows = made
    with pytest.raises(OptionError, match="no submitter and no hardware") as caught:
        write_submission(
            replace(about, submitter=" ", hardware=""), rows, tmp_path / "s", load=load
        )
    assert 'submitter = "…", hardware = "…"' in caught.value.remedy
    with pytest.raises(OptionError, match="1999"):
        write_submission(about, rows, tmp_path / "s", load=load, edition="1999")
    with pytest.raises(OptionError, match="no run"):
        write_submission(about, [], tmp_path / "s", load=load)
    (tmp_path / "there").mkdir()
    with pytest.raises(FileError, match="exists already"):
        write_submission(about, rows, tmp_path / "there", load=load)


@pytest.mark.parametrize("names", [("a b", "a_b"), ("A", "a"), ("Misc", "b"), ("x" * 200, "b")])
def test_names_that_cannot_be_folders_are_told(tmp_path, names):
    both = [instance(name, Problem(model(5, 4))) for name in names]
    rows = [solved(one, "greedy", 0) for one in both]
    with pytest.raises(OptionError, match="folder"):
        write_submission(study(both), rows, tmp_path / "s", load=load)


def test_the_facts_of_a_problem_are_counted_by_hand():
    bqm = dimod.BinaryQuadraticModel({"a": 1, "b": 0, "c": -3}, {"ab": 2, "bc": 0}, 7, "BINARY")
    facts = problem_facts(Problem(bqm))
    assert (facts.coefficients, facts.kind, facts.range) == (3, "Integer", "-3 to 2")
    assert facts.modelling == "QUBO"
    facts = problem_facts(Problem(bqm, [count(2)]))
    assert (facts.coefficients, facts.range) == (6, "-3 to 2")
    assert facts.modelling == "QUBO with exactly 2 of 3 variables one"
    form = quadratic({"a": 1.0}, {("a", "b"): 2.5}, upper=9.0, name="q")
    demands = [at_most(1, ["a", "b"]), linear({"a": 4.0, "c": 0.5}, upper=4.0, name="m"), form]
    facts = problem_facts(Problem(bqm, demands))
    assert (facts.coefficients, facts.kind) == (3 + 2 + 2 + 2, "Continuous")
    assert facts.range == "-3.0 to 4.0"
    assert facts.modelling == "QUBO with 3 further demands (limit, linear, quadratic)"


def test_methods_in_words():
    problem = Problem(model(5, 0), [count(2)])
    assert algorithm_type("annealing") == "Stochastic"
    assert algorithm_type("exhaustive") == algorithm_type("greedy") == "Deterministic"
    assert algorithm_type("decompose:exhaustive") == "Stochastic"
    assert algorithm_type("nobody-has-this") == "N/A"
    assert paradigm("nobody-has-this", False) == "N/A"
    said = workflow(problem, "annealing", {"reads": 3, "beta_hot": None})
    assert "multipliers for what is not native (count) → annealing (reads=3)" in said
    assert workflow(problem, "exhaustive", {}).split(" → ")[1] == "exhaustive"
    assert "parts" in workflow(problem, "decompose:tabu", {})
