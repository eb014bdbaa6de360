"""What a refinement sees, what is held back, and what is kept of what it found."""

from __future__ import annotations

import dataclasses
import types

import numpy as np
import pytest
import torch
from torch import nn

import secateur
from secateur.methods import Method, resolve
from secateur.metric import evaluate
from secateur.network.cut import cut
from secateur.problem import Problem, count
from secateur.pruning import refining
from secateur.pruning.finishing import body_of
from secateur.pruning.refining import part_of, refine_selection, searched_and_held
from secateur.pruning.selecting import with_room
from secateur.refine import Confirmed
from secateur.surgery.compensation import gathered
from tests.end_to_end.own import deep, task
from tests.nets import mse


def inputs(batches):
    return torch.cat([batch.call.args[0] for batch in batches])


@pytest.mark.parametrize("sizes", [(4, 4, 3), (1,) * 7, (2,), (9,)])
def test_a_third_is_held_back_and_seen_by_no_search(sizes):
    number = iter(range(100))
    data = [
        (torch.tensor([[float(next(number))] for _ in range(n)]), torch.zeros(n, 1)) for n in sizes
    ]
    other = [(x + 1000, y) for x, y in data] * 2
    whole = secateur.Task(other, mse, selection=data)
    searched, held = searched_and_held(whole, nn.Linear(1, 1), compensated=True)
    n = sum(sizes)
    assert sorted(inputs(held).flatten().tolist() if held else []) == list(range(2, n, 3))
    seen = inputs(searched).flatten()
    own = seen[seen < 1000]
    assert sorted(own.tolist()) == [k for k in range(n) if k % 3 != 2]
    assert (seen[: len(own)] < 1000).all()  # races are run on these first
    assert (seen >= 1000).sum() == min(2 * n, 2 * len(own))
    masked, same = searched_and_held(whole, nn.Linear(1, 1), compensated=False)
    assert (inputs(masked) < 1000).all()
    assert sum(b.size for b in same) == sum(b.size for b in held)
    alone = secateur.Task(data, mse)
    searched, _ = searched_and_held(alone, nn.Linear(1, 1), compensated=True)
    assert len(inputs(searched)) == len(own)  # no sample counts twice


@pytest.fixture(scope="module")
def measured():
    """With a metric of which every swap changes something."""
    return secateur.measure(deep(), dataclasses.replace(task(), metric=None), probes=0)


def start(measured, **fields):
    """A selection at random, so that there is something to find."""
    options = {"evaluations": 12, "guide": "random"}
    fields = {"refine": "exchange", "refine_options": options, **fields}
    method = resolve(Method("l1", "greedy", **fields))
    wanted = with_room(measured.channels, [count(6)])
    problem = method.objective.problem(measured.statistics, wanted)
    turned = Problem(problem.bqm * -1.0, problem.constraints)
    bits = secateur.solve(turned, backend="greedy").bits
    selection = dataclasses.replace(secateur.solve(problem, backend="greedy"), bits=bits)
    return body_of(measured.subject, method), problem, method, selection


@pytest.mark.parametrize("compensated", [True, False])
def test_start_and_best_are_compared_as_they_are_made(measured, compensated):
    body, problem, method, selection = start(measured, compensated=compensated)
    done, evaluations, notes = refine_selection(body, problem, method, selection, seed=0)
    about = done.provenance["refinement"]
    assert about["state"] == ("compensated quickly" if compensated else "masked")
    assert about["value"] > about["start"]
    assert 0 < evaluations == about["evaluations"] <= 12
    true = about["confirmed"]
    _, held = searched_and_held(measured.task, measured.subject.network, compensated=compensated)
    assert true["held"] == sum(batch.size for batch in held) == 8
    made = body.made(selection.bits == 0, compensated=compensated).network
    assert true["start"] == evaluate(made, measured.task, "selection")
    assert true["held_start"] == evaluate(made, part_of(measured.task, held))
    assert true["kept"] == (
        true["value"] > true["start"] and true["held_value"] > true["held_start"]
    )
    assert np.array_equal(done.bits, selection.bits) != true["kept"]
    assert notes[-1].endswith("kept" if true["kept"] else "not kept, the start is")
    again, *_ = refine_selection(body, problem, method, selection, seed=0)
    assert np.array_equal(again.bits, done.bits)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ((1.0, 2.0, 1.0, 2.0), True),
        ((1.0, 2.0, 1.0, 1.0), False),
        ((1.0, 2.0, 2.0, 1.0), False),
        ((2.0, 1.0, 1.0, 2.0), False),
    ],
)
def test_what_does_not_hold_is_not_kept_and_told(measured, monkeypatch, values, kept):
    monkeypatch.setattr(refining, "_confirmed", lambda *_, **__: Confirmed(*values, held=2))
    body, problem, method, selection = start(measured)
    done, _, notes = refine_selection(body, problem, method, selection, seed=0)
    assert np.array_equal(done.bits, selection.bits) != kept
    about = done.provenance["refinement"]["confirmed"]
    assert about["kept"] is kept
    assert (about["held_start"], about["held_value"]) == values[2:]
    assert ("not kept" in notes[-1]) != kept
    if not kept:
        assert (done.energy, done.bound, done.reads) == (
            selection.energy,
            selection.bound,
            selection.reads,
        )


def test_a_search_without_a_gain_is_not_compared(measured, monkeypatch):
    monkeypatch.setattr(refining, "_confirmed", None)
    body, problem, method, selection = start(measured, refine_options={"evaluations": 1})
    done, _, notes = refine_selection(body, problem, method, selection, seed=0)
    assert done.provenance["refinement"]["confirmed"] is None
    assert notes[-1].endswith("nothing better was found")


def test_where_nothing_can_be_compensated_quickly_it_is_done_truly(measured, monkeypatch):
    body, problem, method, selection = start(measured, refine_options={"evaluations": 3})
    fake = types.SimpleNamespace(layers=(), left=(("a", "why"),))
    monkeypatch.setitem(vars(body), "quick", fake)
    done, _, notes = refine_selection(body, problem, method, selection, seed=0)
    assert done.provenance["refinement"]["state"] == "compensated"
    assert "every mask of the search is compensated truly" in notes[0]
    fake.left = ()
    done, _, notes = refine_selection(body, problem, method, selection, seed=0)
    assert done.provenance["refinement"]["state"] == "masked"
    assert "no layer is compensated" in notes[0]


def test_layers_that_keep_their_weights_in_the_search_are_told(measured, monkeypatch):
    monkeypatch.setattr(gathered, "WIDE", 60)
    body, problem, method, selection = start(measured, refine_options={"evaluations": 2})
    _, _, notes = refine_selection(body, problem, method, selection, seed=0)
    assert any(note.startswith("not re-fitted in the search: inner.0: its 72") for note in notes)


class Counting:
    """A stranger's refiner: any object with ``search``."""

    evaluations = 5

    def __init__(self) -> None:
        self.seen: list[float] = []

    def search(self, state, seed):
        metric = state.metric
        self.seen = [metric.full(state.bits), metric.quick(state.bits), metric.quick_cost]
        free, taken = np.flatnonzero(state.bits == 0), np.flatnonzero(state.bits)
        other = state.bits.copy()
        other[taken[0]], other[free[-1]] = 0, 1
        state.race(state.fresh([(other, "own")]), 1)


@pytest.mark.parametrize("compensated", [True, False])
def test_a_stranger_sees_the_same_evaluator(measured, compensated):
    stranger = Counting()
    body, problem, method, selection = start(
        measured, compensated=compensated, refine=stranger, refine_options={}
    )
    done, evaluations, _ = refine_selection(body, problem, method, selection, seed=0)
    searched, _ = searched_and_held(measured.task, body.subject.network, compensated=compensated)
    keep = selection.bits == 0
    network = (
        body.quick.cut(keep)
        if compensated
        else cut(body.subject.network, body.subject.channels, keep)
    )
    own = evaluate(network, part_of(measured.task, searched))
    assert stranger.seen[0] == pytest.approx(own, abs=1e-6)
    assert stranger.seen[2] < 0.5
    assert done.provenance["refinement"]["start"] == pytest.approx(own, abs=1e-6)
    assert 1 <= evaluations <= 3
