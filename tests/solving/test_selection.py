"""What a selection says of itself."""

from __future__ import annotations

import json

import numpy as np
import pytest

from secateur.backends import Status, Stopped
from secateur.problem import Problem, at_most, count
from secateur.solving.selection import Selection, make_selection
from tests.random_problems import model


def made(
    energy: float, bound: float | None, *, offset: float = 0.0, closed: bool = False
) -> Selection:
    problem = Problem(model(np.diag([energy - offset]), offset), 1)
    return make_selection(
        problem,
        np.array([1]),
        bound=bound,
        closed=closed,
        stopped=Stopped.COMPLETED,
        backend="x",
        calls=2,
        timings={"total": 0.5, "moves": 0.1},
    )


@pytest.mark.parametrize(
    ("energy", "bound", "gap", "words"),
    [
        (-10.0, None, None, "no bound"),
        (-10.0, -np.inf, None, "no bound"),
        (-10.0, np.nan, None, "no bound"),
        (-10.0, -12.0, 0.2, "gap = 20 %"),
        (10.0, 9.0, 0.1, "gap = 10 %"),
        (-1.0, -1.00126, 0.00126, "gap = 0.126 %"),
        (-10.0, -10.0, 0.0, "proven"),
        (-10.0, -9.5, 0.0, "proven"),  # a bound above the energy is the energy
        (0.0, 0.0, 0.0, "proven"),
        (0.0, -2.0, 1.0, "gap = 100 %"),
    ],
)
@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e12])
def test_the_gap_and_its_words(energy, bound, gap, words, scale):
    selection = made(energy * scale, None if bound is None else bound * scale)
    assert selection.energy == energy * scale
    assert selection.gap == (None if gap is None else pytest.approx(gap))
    assert selection.proof == words
    assert (selection.status is Status.OPTIMAL) == (words == "proven")


def test_a_bound_never_passes_the_energy():
    assert made(-10.0, -9.0).bound == -10.0
    assert made(-10.0, -11.0).bound == -11.0


def test_a_small_gap_is_a_gap_at_every_scale():
    for scale in (1.0, 1e-12, 1e12):
        near = made(scale, scale * (1 - 1e-7))
        assert near.status is Status.FEASIBLE
        assert near.gap == pytest.approx(1e-7)
        assert made(scale, scale * (1 - 1e-10)).status is Status.OPTIMAL
        told = made(scale, scale * (1 - 1e-7), closed=True)
        assert (told.status, told.gap) == (Status.OPTIMAL, 0.0)


def test_a_bound_that_is_missing_closes_nothing():
    assert made(1.0, None, closed=True).status is Status.FEASIBLE


def test_a_choice_that_breaks_a_demand_is_never_told():
    problem = Problem(model(np.eye(3)), [count(2), at_most(1, ["v0", "v1"], name="few")])
    with pytest.raises(AssertionError, match="2 ones in 'few'"):
        make_selection(
            problem,
            np.array([1, 1, 0]),
            bound=None,
            stopped=Stopped.COMPLETED,
            backend="x",
            calls=0,
            timings={},
        )


def test_labels_samples_and_json():
    selection = Selection(
        labels=(1, "1", ("a", 2)),
        bits=np.array([1, 0, 1], dtype=np.int8),
        energy=-2.0,
        bound=None,
        status=Status.FEASIBLE,
        stopped=Stopped.TIME_LIMIT,
        backend="x",
        calls=3,
        timings={"total": 0.5},
        seed=4,
        backend_energy=-1.0,
        provenance={"method": "native"},
    )
    assert selection.sample == {1: 1, "1": 0, ("a", 2): 1}
    assert selection.ones == (1, ("a", 2))
    assert selection.count == 2
    assert selection.seconds == 0.5
    assert selection.certificate is None
    assert selection.samples.first.sample == selection.sample
    assert selection.samples.first.energy == -2.0
    told = json.loads(json.dumps(selection.to_json()))
    assert told["sample"] == {"1": 1, "'1'": 0, "('a', 2)": 1}
    assert told == {
        "backend": "x",
        "energy": -2.0,
        "ones": 2,
        "bound": None,
        "gap": None,
        "proof": "no bound",
        "status": "feasible",
        "stopped": "time limit",
        "backend_energy": -1.0,
        "calls": 3,
        "seconds": 0.5,
        "timings": {"total": 0.5},
        "seed": 4,
        "provenance": {"method": "native"},
        "sample": told["sample"],
    }


def test_a_count_above_127_does_not_overflow():
    problem = Problem(model(np.zeros((200, 200))), 150)
    bits = (np.arange(200) < 150).astype(np.int8)
    selection = make_selection(
        problem, bits, bound=None, stopped=Stopped.COMPLETED, backend="x", calls=0, timings={}
    )
    assert selection.count == 150
    assert selection.seconds == 0.0


def test_it_is_printed_as_the_command_line_prints_it():
    printed = str(made(-10.0, -12.0))
    assert printed == (
        "backend  x\nenergy   -10\nbound    -12\nproof    gap = 20 %\nones     1\n"
        "status   feasible\n"
        "stopped  completed\ncalls    2\nseconds  0.50\nsample   1 for v0"
    )
    many = Selection(
        labels=tuple(range(14)),
        bits=np.ones(14, dtype=np.int8),
        energy=1.0,
        bound=None,
        status=Status.FEASIBLE,
        stopped=Stopped.COMPLETED,
        backend="x",
        calls=1,
        timings={},
    )
    assert str(many).endswith("10, 11, and 2 more (to_json() has all)")
    assert "\nbound    none\n" in str(many)
