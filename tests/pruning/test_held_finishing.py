"""From a selection to a network: which candidate is taken, and what is said of it."""

from __future__ import annotations

import dataclasses
import types

import dimod
import numpy as np
import pytest
import torch
from torch import nn

import secateur
from secateur.backends import Status
from secateur.methods import Method, resolve
from secateur.metric import evaluate
from secateur.options import declared
from secateur.problem import Problem, count
from secateur.pruning import finishing, refining
from secateur.pruning.finishing import _best, _Calls, finish
from secateur.pruning.refining import refined_selection
from secateur.pruning.selecting import with_room
from tests.end_to_end.own import deep, task

PLAIN, FITTED, AGAIN = nn.Identity(), nn.Identity(), nn.Identity()


class Values:
    """An evaluator that knows what each network is worth on the selection split."""

    def __init__(self, higher: bool, plain: float, fitted: float, again: float) -> None:
        self.task = types.SimpleNamespace(higher_is_better=higher)
        self.values = {PLAIN: plain, FITTED: fitted, AGAIN: again}

    def slim(self, network, split):
        assert split == "selection"
        return self.values[network]


@pytest.mark.parametrize(
    ("higher", "values", "taken"),
    [
        (True, (1.0, 2.0, 3.0), (AGAIN, True, True)),
        (True, (1.0, 3.0, 2.0), (FITTED, True, False)),
        (True, (3.0, 1.0, 2.0), (PLAIN, False, False)),
        (False, (1.0, 2.0, 3.0), (PLAIN, False, False)),
        (False, (2.0, 1.0, 3.0), (FITTED, True, False)),
        (False, (3.0, 2.0, 1.0), (AGAIN, True, True)),
        (True, (1.0, 1.0, 1.0), (FITTED, True, False)),
        (False, (1.0, 2.0, 1.0), (PLAIN, False, False)),
    ],
)
def test_the_best_on_the_selection_split_is_taken(monkeypatch, higher, values, taken):
    given = []

    def again(network, calls):
        given.append((network, calls))
        return AGAIN

    monkeypatch.setattr(finishing, "reestimate_batch_norm", again)
    assert _best(Values(higher, *values), PLAIN, FITTED, "calls") == taken
    assert given == [(FITTED, "calls")]


def test_without_batch_norm_there_are_two(monkeypatch):
    monkeypatch.setattr(finishing, "reestimate_batch_norm", lambda network, calls: None)
    assert _best(Values(True, 1.0, 2.0, 3.0), PLAIN, FITTED, ()) == (FITTED, True, False)


@pytest.fixture(scope="module")
def solved():
    bqm = dimod.BinaryQuadraticModel({"a": 1.0, "b": 2.0, "c": 4.0}, {"ab": 3.0}, 0.5, "BINARY")
    problem = Problem(bqm, [count(2)])
    selection = secateur.solve(problem, backend="greedy")
    return problem, dataclasses.replace(selection, provenance={"kept": 1})


def refined_from(bits, solved):
    problem, selection = solved
    made = types.SimpleNamespace(
        bits=np.array(bits, dtype=np.int8), to_json=lambda: {"evaluations": 7}
    )
    return refined_selection(problem, selection, made)


def test_a_refinement_that_changes_nothing_leaves_the_proof(solved):
    _, selection = solved
    same = refined_from(selection.bits, solved)
    assert same.provenance == {"kept": 1, "refinement": {"evaluations": 7}}
    for name in ("energy", "bound", "status", "reads", "prover", "timings"):
        assert getattr(same, name) is getattr(selection, name)


def test_one_that_moves_has_its_own_energy_and_no_proof(solved):
    _, selection = solved
    moved = refined_from([0, 1, 1], solved)
    assert moved.ones == ("b", "c")
    assert moved.energy == 6.5
    assert moved.bound == selection.bound
    assert moved.status is Status.FEASIBLE
    assert (moved.reads, moved.prover) == (None, None)
    assert moved.provenance["refinement"] == {"evaluations": 7}


@pytest.fixture(scope="module")
def measured():
    return secateur.measure(deep(), task(), probes=0)


def finished(measured, **fields):
    method = resolve(Method("l1", "greedy", **fields))
    problem = method.objective.problem(
        measured.statistics, with_room(measured.channels, [count(6)])
    )
    selection = secateur.solve(problem, backend="greedy")
    selection = dataclasses.replace(selection, timings={"total": 100.0})
    return selection, finish(measured.subject, problem, method, selection, seed=3)


def test_seconds_are_of_the_search_and_of_what_follows(measured, monkeypatch):
    moments = iter([50.0, 53.0])
    clock = types.SimpleNamespace(monotonic=lambda: next(moments))
    monkeypatch.setattr(finishing, "time", clock)
    selection, done = finished(measured, compensated=False)
    assert done.seconds == pytest.approx(103.0)
    assert done.selection is selection
    assert (done.metric_compensated, done.fitted, done.batch_norm) == (None, False, False)
    assert (done.evaluations, done.notes) == (0, ())
    assert done.metric == evaluate(done.network, measured.task)
    assert not done.network.training


def test_the_compensated_metric_is_that_of_the_network_that_is_returned(measured, monkeypatch):
    asked = []
    real = finishing.fit

    def fit(network, channels, keep, calls, **how):
        asked.append((keep.sum(), how))
        return real(network, channels, keep, calls, **how)

    monkeypatch.setattr(finishing, "fit", fit)
    _, done = finished(measured, ridge=0.25, fit_batches=2)
    wanted = {"ridge": 0.25, "fit_batches": 2, "every_output": False}
    assert asked == [(len(measured.channels) - 6, wanted)]
    assert done.metric_compensated == evaluate(done.network, measured.task)


def test_a_refinement_starts_from_the_selection_with_the_seed(measured, monkeypatch):
    given = []
    real = refining.refine

    def refine(races, problem, bits, refiner, *, seed):
        given.append((bits.copy(), seed))
        return real(races, problem, bits, refiner, seed=seed)

    monkeypatch.setattr(refining, "refine", refine)
    selection, done = finished(measured, refine="exchange", refine_options={"evaluations": 4})
    ((bits, seed),) = given
    np.testing.assert_array_equal(bits, selection.bits)
    assert seed == 3
    about = done.selection.provenance["refinement"]
    assert 0 < done.evaluations == about["evaluations"] <= 4
    assert done.selection.count == 6


def test_the_calibration_inputs_can_be_read_again_and_again():
    calls = _Calls(task(), deep())
    inputs = [x for x, _ in task().calibration]
    for _ in range(2):
        assert torch.equal(calls.first.args[0], inputs[0])
        assert all(torch.equal(a.args[0], b) for a, b in zip(calls, inputs, strict=True))


def with_more(samples):
    """The task with unlabelled batches of four, each of its own values."""
    x = torch.cat([inputs for inputs, _ in task().calibration])[:4]
    more = [x + 0.1 * (k + 1) for k in range(-(-samples // 4))]
    return dataclasses.replace(task(), unlabelled=more), more


def test_unlabelled_batches_come_behind_those_of_calibration_until_there_are_enough():
    data, more = with_more(40)
    inputs = [x for x, _ in data.calibration]
    size = sum(len(x) for x in inputs)
    for most, added in ((0, 0), (size, 0), (size + 1, 1), (size + 8, 2), (size + 9, 3), (1e9, 10)):
        calls = _Calls(data, deep(), most)
        for _ in range(2):
            given = [call.args[0] for call in calls]
            wanted = [*inputs, *more[:added]]
            assert all(torch.equal(a, b) for a, b in zip(given, wanted, strict=True))
    given = [call.args[0] for call in _Calls(data, deep())]
    assert len(given) == len(inputs)


@pytest.mark.parametrize("batches", [None, 1, 7])
def test_the_last_fit_has_the_unlabelled_inputs_and_a_comparison_has_not(monkeypatch, batches):
    """Against fits to just these batches; without unlabelled ones nothing is fitted twice."""
    data, more = with_more(20)
    inputs = [x for x, _ in data.calibration]
    monkeypatch.setattr(finishing, "FIT_SAMPLES", sum(map(len, inputs)) + 9)  # three more batches
    asked = []
    real = finishing.fit

    def fit(network, channels, keep, calls, *, fit_batches, **how):
        asked.append([call.args[0] for call in calls][:fit_batches])
        return real(network, channels, keep, calls, fit_batches=fit_batches, **how)

    monkeypatch.setattr(finishing, "fit", fit)
    measured = secateur.measure(deep(), data, probes=3, seed=2)
    body = finishing.Body(measured.subject, ridge=1e-3, fit_batches=batches)
    keep = np.ones(len(measured.channels), dtype=bool)
    keep[::3] = False
    every = inputs + (more[:3] if batches is None else more)
    for _ in range(2):
        body.worth(keep, compensated=True)
        body.made(keep, compensated=True)
    found = [len(one) for one in asked]
    assert found == [len(inputs[:batches]), len(every[:batches])]
    assert all(torch.equal(a, b) for a, b in zip(asked[1], every[:batches], strict=True))
    plain = finishing.Body(
        secateur.measure(deep(), task(), probes=3, seed=2).subject, ridge=1e-3, fit_batches=None
    )
    asked.clear()
    plain.worth(keep, compensated=True)
    plain.made(keep, compensated=True)
    assert len(asked) == 1


def test_the_help_names_the_number_of_samples():
    (told,) = [one for one in declared(Method) if one.name == "fit_batches"]
    assert f"to {finishing.FIT_SAMPLES} samples" in told.text


@pytest.mark.parametrize("more_than", [None, -1, 0, 1])
def test_more_batches_than_there_are_is_said(more_than):
    data, more = with_more(20)
    every = len(list(data.calibration)) + len(more)
    asked = None if more_than is None else every + more_than
    measured = secateur.measure(deep(), data, probes=3, seed=2)
    keep = np.ones(len(measured.channels), dtype=bool)
    keep[::3] = False
    body = finishing.Body(measured.subject, ridge=1e-3, fit_batches=asked)
    told = [note for note in body.made(keep, compensated=True).notes if "fit_batches" in note]
    said = f"fit_batches is {asked}: there are {every}, all were used"
    assert told == ([said] if more_than == 1 else [])
    assert not body.made(keep, compensated=False).notes
