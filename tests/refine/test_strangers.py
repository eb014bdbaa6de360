"""The refiner that a user means; what a stranger's leaves is measured again."""

from __future__ import annotations

import json
from typing import ClassVar

import numpy as np
import pytest

from secateur.errors import MetricError, OptionError, StageFailed
from secateur.options import declared
from secateur.problem.moves import Moves
from secateur.refine import (
    Exchange,
    Refiner,
    TensorTrain,
    refine,
    refiner_class,
    resolve_refiner,
)
from secateur.testing import PlantedMetric, brute_force, random_problem
from tests.named import plainly


class Stranger:
    """As many would write it: no class of ours, and of no library's."""

    def __init__(self, evaluations=30, batch: int = 6):
        self.evaluations, self.batch = evaluations, batch

    def search(self, state, seed):
        Exchange(self.evaluations, batch=self.batch).search(state, seed)


class Bare:
    """The least that can be."""

    def search(self, state, seed):
        Exchange(20).search(state, seed)


def function(state, seed, *, batch: int = 6):
    """A function."""
    Exchange(20, batch=batch).search(state, seed)


HERE = "tests.refine.test_strangers"
WAYS = [
    ("tt", {"evaluations": 12}, "tt", 12),
    ("exchange", {"evaluations": "30", "guide": "random"}, "exchange", 30),
    (Exchange, {"evaluations": 30}, "exchange", 30),
    (Exchange(30), None, "exchange", 30),
    ("secateur.refine:Exchange", {"evaluations": 30}, "exchange", 30),
    (Stranger(), None, "stranger", 30),
    (Stranger, {"evaluations": 25, "batch": "4"}, "stranger", 25),
    (f"{HERE}:Stranger", {"evaluations": 25}, f"{HERE}:Stranger", 25),
    (Bare(), None, "bare", 500),
    (Bare, {"evaluations": 40}, "bare", 40),
    (function, {"batch": 3, "evaluations": 40}, "function", 40),
    (f"{HERE}:function", {"batch": 3}, f"{HERE}:function", 500),
]


@pytest.mark.parametrize(("given", "options", "name", "evaluations"), WAYS)
def test_every_way_to_say_it_searches_and_can_be_stored(given, options, name, evaluations):
    refiner = resolve_refiner(given, options)
    assert isinstance(refiner, Refiner)
    assert (refiner.name, refiner.evaluations) == (name, evaluations)
    assert issubclass(type(refiner), Refiner)
    problem = random_problem(8, 1, ones=3)
    start = Moves(random_problem(8, 1, ones=3)).greedy()[::-1].copy()
    found = refine(PlantedMetric(problem), problem, start, refiner)
    assert found.value >= found.start
    told = json.loads(json.dumps(found.to_json()))
    assert told["method"] == name
    assert told["settings"]["evaluations"] == evaluations


def test_no_refiner_is_none():
    assert resolve_refiner(None) is None
    with pytest.raises(OptionError, match=r"options of a refiner are given \(evaluations\)"):
        resolve_refiner(None, {"evaluations": 3})


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        ("ttt", {}, "there is no refiner 'ttt'"),
        ("tt", {"rnak": 3}, "refiner 'tt' has no option 'rnak'"),
        ("tt", {"rank": 0}, "'rank' of refiner 'tt' is 0: out of range"),
        (Exchange(3), {"batch": 3}, "'exchange' is given with its options, and batch besides"),
        (Stranger(), {"batch": 3}, "'stranger' is given with its options, and batch besides"),
        (Stranger("many"), {}, "'evaluations' of refiner 'stranger' is 'many'"),
        (Stranger(0), {}, "'evaluations' of refiner 'stranger' is 0: out of range"),
        (Stranger, {"bacth": 3}, "refiner 'stranger' has no option 'bacth'"),
        (Stranger, {"evaluations": 0}, "'evaluations' of refiner 'stranger' is 0: out of range"),
        (function, {"bacth": 3}, "refiner 'function' has no option 'bacth'"),
        (lambda state: 3, {}, "is a function of 1 values"),
        (Refiner, {}, "has no search()"),
        (3, {}, "the refiner is 3"),
        (int, {}, "the refiner is <class 'int'>"),
        (["tt"], {}, "the refiner is ['tt']"),
    ],
    ids=plainly,
)
def test_what_is_wrong_is_told_before_anything_is_evaluated(given, options, said):
    with pytest.raises(OptionError) as caught:
        resolve_refiner(given, options)
    assert said in caught.value.message
    assert caught.value.remedy


def test_the_options_of_ours_are_checked_where_they_are_made():
    for make in (
        lambda: TensorTrain(evaluations=0),
        lambda: TensorTrain(window=1),
        lambda: TensorTrain(neighbours=1.5),
        lambda: TensorTrain(learning_rate=0.0),
        lambda: Exchange(0),
        lambda: Exchange(guide="both"),
        lambda: Exchange(reach=0.0),
    ):
        with pytest.raises(OptionError):
            make()
    assert Exchange(7, guide="random").evaluations == 7
    assert [one.name for one in declared(refiner_class("exchange"))] == [
        "evaluations",
        "guide",
        "reach",
        "batch",
        "confirm",
    ]


PROBLEM = random_problem(8, 2, ones=3)
BEST = brute_force(PROBLEM)[1]


def leaves(change):
    class Leaves:
        evaluations = 5
        name: ClassVar[str] = "leaves"

        def search(self, state, seed):
            change(state)

    return Leaves()


def spend(state):
    for row in np.eye(8, dtype=np.int8):
        state.metric.full(row)


def spend_and_hide(state):
    spend(state)
    state.metric._metric = PlantedMetric(PROBLEM)


def set_(name, value):
    return lambda state: setattr(state, name, value)


def raise_(error):
    def change(state):
        raise error

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_("bits", 1 - BEST), "left 5 ones"),
        (set_("bits", BEST[:-1]), "left no mask of 8 zeros and ones"),
        (set_("bits", BEST * 0.5), "left no mask"),
        (set_("bits", None), "left no mask"),
        (set_("bits", "11100000"), "left no mask"),
        (set_("bits", np.full(8, np.nan)), "left no mask"),
        (lambda state: delattr(state, "bits"), "left no mask"),
        (set_("bits", np.roll(BEST, 1)), "left a mask of .*, and started from"),
        (spend, "spent 8 evaluations, and has 5|spent 9 evaluations, and has 5"),
        (set_("history", None), "left a state that cannot be read"),
        (set_("history", [("a", "b")]), "left a state that cannot be read"),
        (set_("wins", [3]), "left a state that cannot be read"),
        (set_("repaired", "x"), "left a state that cannot be read"),
        (lambda state: state.history.append((1.0, 1e9)), "the best metric gets worse"),
        (lambda state: setattr(state.metric, "spent", 0.0), "raised AttributeError"),
        (raise_(ZeroDivisionError("inside")), "raised ZeroDivisionError: inside"),
        (raise_(SystemExit(0)), "raised SystemExit: 0"),
        (raise_(GeneratorExit("x")), "raised GeneratorExit: x"),
    ],
)
def test_what_a_stranger_leaves_is_not_trusted(change, said):
    with pytest.raises(StageFailed, match=said) as caught:
        refine(PlantedMetric(PROBLEM), PROBLEM, BEST, leaves(change))
    assert caught.value.message.startswith("refiner 'leaves' ")
    assert "report it to tests.refine.test_strangers" in caught.value.remedy


def test_errors_of_ours_and_ctrl_c_go_through():
    for error in (MetricError("own"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            refine(PlantedMetric(PROBLEM), PROBLEM, BEST, leaves(raise_(error)))


def test_a_value_that_is_claimed_is_measured_instead():
    """It sets a better mask by hand, and claims more of it than there is."""
    start = np.roll(BEST, 1)
    metric = PlantedMetric(PROBLEM)

    def change(state):
        state.bits, state.value = BEST.astype(float), 1e9
        state.problem.constraints = ()

    found = refine(metric, PROBLEM, start, leaves(change))
    assert found.value == -brute_force(PROBLEM)[0]
    assert found.start == -float(PROBLEM.energies(start)[0])
    assert found.history[-1][1] == found.value
    assert found.bits.dtype == np.int8
    assert found.evaluations == 1  # the start; what we measure again is not the refiner's
    assert PROBLEM.constraints


def test_a_refiner_cannot_change_what_others_hold():
    start = np.roll(BEST, 1)
    same = start.copy()

    def change(state):
        state.bits[:] = BEST

    refine(PlantedMetric(PROBLEM), PROBLEM, start, leaves(change))
    np.testing.assert_array_equal(start, same)
