"""Problems of a network: measured once, judged by the numbers that pruning reports."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest

import secateur
from secateur.errors import OptionError, StaleError
from secateur.measured import Measured
from secateur.problem import Problem
from secateur.study.instances import judge, load_problem, networks, problems
from secateur.study.spec import load_study
from tests.end_to_end import own
from tests.study.spec.files import load, write

NETWORK = """
[[instances]]
network = "tests.end_to_end.own:deep"
task = "tests.end_to_end.own:task"
probes = 4
"""
GRID = NETWORK + 'objective = ["fisher", "taylor"]\namount = [4, "50%"]\n'


def forget() -> None:
    """As another process begins."""
    load_problem.cache_clear()
    networks.forget()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    forget()
    return load(tmp_path_factory.mktemp("study"), GRID)


def bits_of(problem: Problem, ones: int) -> np.ndarray:
    bits = np.zeros(problem.n, dtype=np.int8)
    order = np.random.default_rng(0).permutation(problem.n)
    for position in order:
        trial = bits.copy()
        trial[position] = 1
        limits = problem.only({"limit"})
        if trial.sum() <= ones and limits.feasible(trial)[0]:
            bits = trial
    return bits


def test_objectives_and_amounts_multiply(study):
    names = [one.name for one in study.instances]
    assert names == ["deep-fisher-4", "deep-fisher-50%", "deep-taylor-4", "deep-taylor-50%"]
    assert [one.count for one in study.instances] == [4, 10, 4, 10]
    assert {one.family for one in study.instances} == {"deep"}


def test_other_ways_to_measure_are_a_part_of_the_name(tmp_path):
    text = NETWORK.replace("probes = 4", "probes = [2, 3]")
    more = 'amount = 4\nminimum = [{ "stem.0" = 2 }, { "stem.0" = 3 }]\n'
    found = load(tmp_path, text + more).instances
    assert [one.name for one in found] == [
        "deep-fisher-4-minimumstem.0=2-probes2",
        "deep-fisher-4-minimumstem.0=3-probes2",
        "deep-fisher-4-minimumstem.0=2-probes3",
        "deep-fisher-4-minimumstem.0=3-probes3",
    ]
    assert len({one.sha256 for one in found}) == 4


def test_the_problem_is_that_of_pruning(study):
    measured = secateur.measure(own.deep(), own.task(), probes=4)
    for instance, objective in zip(study.instances, ["fisher", "fisher", "taylor"], strict=False):
        problem = load_problem(instance)
        bqm = measured.qubo(objective)
        assert list(problem.variables) == list(measured.channels.labels)
        bits = bits_of(problem, instance.count)
        energy = bqm.energy(dict(zip(problem.variables, bits.tolist(), strict=True)))
        assert problem.energies(bits)[0] == pytest.approx(energy, rel=1e-12)
        # every layer keeps a channel
        for group in measured.channels.groups:
            whole = np.zeros(problem.n, dtype=np.int8)
            whole[group.slice] = 1
            assert not problem.only({"limit"}).feasible(whole)[0]


def test_a_network_is_measured_once_and_read_without_torch(study, monkeypatch):
    forget()
    monkeypatch.setattr(networks, "measure_subject", None)
    again = load_study(study.path)
    assert [cell.key for cell in again.cells] == [cell.key for cell in study.cells]
    forget()
    monkeypatch.setattr(problems, "make_problem", None)
    assert load_problem(study.instances[0]).count == 4


def test_the_metric_is_that_of_pruning(study):
    instance = study.instances[0]
    measured = secateur.measure(own.deep(), own.task(), probes=4)
    result = measured.prune("fisher", amount=4)
    quality = judge(instance, result.selection.bits)
    row = result.rows[-1]
    assert (quality.dense, quality.masked) == (measured.dense_metric, row.metric)
    assert quality.compensated == row.metric_compensated
    assert quality.higher_is_better


def test_a_selection_is_judged_once(study, monkeypatch):
    instance = study.instances[0]
    bits = bits_of(load_problem(instance), 4)
    first = judge(instance, bits)
    forget()
    monkeypatch.setattr(Measured, "evaluate", None)
    assert judge(instance, bits) == first
    monkeypatch.undo()
    shutil.rmtree(study.path.with_suffix(".cache") / "judged")
    assert judge(instance, bits) == first


def test_several_processes_judge_at_once(study):
    instance = study.instances[1]
    bits = bits_of(load_problem(instance), 10)
    code = (
        "import sys, pickle; from secateur.study.instances import judge; "
        "print(judge(*pickle.load(sys.stdin.buffer)))"
    )
    import pickle

    children = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=-1)
        for _ in range(2)
    ]
    for child in children:
        child.stdin.write(pickle.dumps((instance, bits)))
        child.stdin.close()
    said = {child.stdout.read() for child in children}
    assert [child.wait() for child in children] == [0, 0]
    for child in children:
        child.stdout.close()
    assert said == {f"{judge(instance, bits)}\n".encode()}


def test_other_weights_are_another_study(tmp_path, monkeypatch):
    forget()
    before = load(tmp_path, NETWORK + "amount = 4\n")
    bits = bits_of(load_problem(before.instances[0]), 4)
    forget()
    changed = own.deep()
    with own.torch.no_grad():
        changed.stem[0].weight.mul_(1.5)
    monkeypatch.setattr(own, "deep", lambda: changed)
    with pytest.raises(StaleError, match=r"weights of .* have changed"):
        judge(before.instances[0], bits)
    after = load_study(before.path)
    assert {cell.key for cell in before.cells}.isdisjoint(cell.key for cell in after.cells)
    forget()


def test_how_it_is_judged_is_a_part_of_the_key(tmp_path):
    keys = set()
    ways = ("", "ridge = 0.1", 'ridge = "auto"', "compensated = false", "fit_batches = 1")
    for more in ways:
        found = load(tmp_path, NETWORK + f"amount = 4\n{more}\n")
        keys |= {cell.key for cell in found.cells}
        assert {one.sha256 for one in found.instances} == {found.instances[0].sha256}
    assert len(keys) == len(ways)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('amount = 4\nobjective = "random"', "the objective 'random' is no QUBO"),
        ('amount = 4\nobjective = "auto"', "the objective 'auto' is no QUBO"),
        ('amount = 4\nobjective = "fischer"', "did you mean 'fisher'"),
        ("amount = 4\nobjective_options = { ridge = 1 }", "has no option 'ridge'"),
        ("", "neither an amount nor a budget"),
        ('budget = { time = "50%" }', "a budget of time depends on the machine"),
        ('amount = "lots"', "the amount 'lots' is no number"),
        ("amount = 4\nprobe = 3", "did you mean 'probes'"),
        ('amount = 4\nweights_key = "model"', "weights_key is 'model', and there are no weights"),
        ('amount = 4\nphotos = "nowhere"', "nowhere is no folder"),
        ('amount = 4\nweights = "nowhere.pt"', "nowhere.pt does not exist"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_measured(tmp_path, monkeypatch, more, said):
    monkeypatch.setattr(networks, "measured", None)
    with pytest.raises(secateur.SecateurError) as caught:
        load_study(write(tmp_path, NETWORK + more + "\n"))
    assert said in str(caught.value)
    assert "study.toml, [[instances]] 1" in str(caught.value)


def test_an_amount_that_cannot_be_met(tmp_path):
    with pytest.raises(secateur.SecateurError, match=r"\[\[instances\]\] 1, deep-fisher-99"):
        load(tmp_path, NETWORK + "amount = 99\n")


def test_needs_of_an_objective_are_known_before(tmp_path):
    with pytest.raises(OptionError, match="needs Fisher probes"):
        load(tmp_path, NETWORK.replace("probes = 4", "probes = 0") + "amount = 4\n")
