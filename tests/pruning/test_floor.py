"""The floor that ``objective="auto"`` tries where its best leaves too little of a layer."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from secateur.errors import NetworkError, OptionError
from secateur.methods import Method
from secateur.methods.keywords import wanted_of
from secateur.methods.resolved import percent
from secateur.objectives import Auto
from secateur.problem import exactly
from secateur.pruning import choosing, planning, running
from secateur.pruning.finishing import Body
from secateur.pruning.planning import Planner

pytestmark = pytest.mark.usefixtures("untimed")


FLOORED = {"candidates": ("residual", "taylor")}


@pytest.mark.parametrize(
    ("higher", "worths", "floored", "row"),
    [
        (True, (1.0, 0.5, 2.0, 1.5), ("residual", "taylor"), "auto (residual, floor 35%)"),
        (True, (1.0, 0.5, 2.0, 2.5), ("residual", "taylor"), "auto (taylor, floor 35%)"),
        (True, (0.5, 1.0, 2.0, 2.0), ("taylor", "residual"), "auto (taylor, floor 35%)"),
        (True, (1.0, 0.5, 1.0), ("residual",), "auto (residual)"),  # the best gains nothing by it
        (True, (1.0, 0.5, 0.7), ("residual",), "auto (residual)"),
        (False, (1.0, 1.5, 0.7, 0.9), ("residual", "taylor"), "auto (residual, floor 35%)"),
        (False, (1.0, 0.5, 0.7), ("taylor",), "auto (taylor)"),
        (True, (1.0, 0.5, None), ("residual",), "auto (residual)"),
        (True, (None, 0.5, 1.0, None), ("taylor", "residual"), "auto (taylor, floor 35%)"),
    ],
)
def test_a_floor_is_tried_where_the_best_empties_a_layer(
    measured, monkeypatch, higher, worths, floored, row
):
    """Ten of 20 stay: 0.7 of an even half is 35 % of every layer, 3, 2 and 2 channels."""
    values = iter(worths)
    masks = []

    def worth(body, keep, *, compensated):
        value = next(values)
        masks.append(keep)
        if value is None:
            raise NetworkError("it is empty", remedy="none")
        return value

    monkeypatch.setattr(Body, "worth", worth)
    monkeypatch.setitem(vars(measured.task), "higher_is_better", higher)
    result = measured.prune(Method("auto", objective_options=FLOORED), amount=10)
    assert next(values, "all asked") == "all asked"
    told = result.selection.provenance["auto"]
    named = told["floored"].items()
    given = [one or "failed: it is empty" for one in worths]
    assert told["candidates"] == dict(zip(FLOORED["candidates"], given[:2], strict=True))
    assert tuple(named) == tuple(zip(floored, given[2:], strict=True))
    assert told["floor"] == pytest.approx(0.35)
    assert told["under_floor"] == ("floor" in row)
    assert result.rows[-1].method == row
    (note,) = [one for one in result.notes if one.startswith("auto: ")]
    assert "with 35% of every layer at least: " in note
    assert ("with 35% of every layer is the best" in note) == ("floor" in row)
    groups = measured.channels.groups
    widths = [[int(keep[group.slice].sum()) for group in groups] for keep in masks]
    assert all(min(kept) == 1 for kept in widths[:2]), "they empty a layer"
    for kept in widths[2:]:
        assert sum(kept) == 10
        assert all(have >= least for have, least in zip(kept, (3, 2, 2), strict=True))
    assert (result.selection.bits == 0).tolist() in [mask.tolist() for mask in masks]


def test_what_refines_a_floored_selection_keeps_the_floor(measured, monkeypatch):
    planned(monkeypatch, gain=True)
    refined = Method(
        "auto", objective_options=FLOORED, refine="exchange", refine_options={"evaluations": 8}
    )
    result = measured.prune(refined, amount=10)
    assert result.rows[-1].method.endswith(", floor 35%)+exchange")
    keep = result.selection.bits == 0
    widths = [int(keep[group.slice].sum()) for group in measured.channels.groups]
    assert sum(widths) == 10
    assert all(have >= least for have, least in zip(widths, (3, 2, 2), strict=True))


def test_a_floor_is_not_tried_where_it_is_kept_or_not_wanted(measured, monkeypatch):
    """5 of 20 go: the best leaves every layer a half and more."""
    kept = measured.prune(Method("auto", objective_options={**FLOORED, "floor": 0.6}), amount=5)
    told = kept.selection.provenance["auto"]
    assert "floor" not in told
    off = measured.prune(Method("auto", objective_options={**FLOORED, "floor": 0.0}), amount=10)
    assert "floor" not in off.selection.provenance["auto"]
    for wrong in (-0.1, 1.1, "much"):
        with pytest.raises(OptionError, match="floor"):
            Auto(floor=wrong)


def test_a_floor_that_cannot_be_kept_is_told_and_left_out(measured):
    inner = measured.channels.groups[1]
    one = exactly(inner.size - 1, measured.channels.labels[inner.slice], name="mine")
    result = measured.prune(Method("auto", objective_options=FLOORED), amount=10, constraints=[one])
    told = result.selection.provenance["auto"]
    (name, value), *more = told["floored"].items()
    assert name == told["chosen"]
    assert value.startswith("failed: ")
    assert not more
    assert not told["under_floor"]


@pytest.mark.parametrize(
    ("share", "maximum", "most_gone"),
    [(0.35, None, [5, 4, 4]), (0.35, {"stem.0": 2}, [6, 4, 4]), (0.01, None, [7, 5, 5])],
)
def test_what_a_floor_demands(measured, share, maximum, most_gone):
    """Its share, rounded, of 8, 6 and 6: one at least, and no more than the maximum lets stay."""
    planner = Planner(wanted_of({"amount": 10, "maximum": maximum}), measured.subject, 0)
    keep = np.ones(20, dtype=bool)
    assert planner.floored(share, keep) is None
    keep[8:14] = False
    floored = planner.floored(share, keep)
    assert [demand.upper for demand in floored.floors] == most_gone
    assert planner.floors == ()


def planned(monkeypatch, *, gain: bool) -> list:
    """What is solved, in order; with ``gain`` each is worth more than the one before."""
    problems, asked = [], count()

    def choose(problem, method, seed):
        problems.append(problem)
        return real(problem, method, seed)

    real, worth = planning.choose, Body.worth
    monkeypatch.setattr(planning, "choose", choose)
    if gain:
        monkeypatch.setattr(
            Body, "worth", lambda *given, **how: worth(*given, **how) + float(next(asked))
        )
    return problems


def feasible(problem, widths) -> bool:
    """Whether a selection that leaves the layers of 8, 6 and 6 so wide keeps what is demanded."""
    sizes = (8, 6, 6)
    bits = [int(at >= kept) for kept, size in zip(widths, sizes, strict=True) for at in range(size)]
    return bool(problem.feasible(np.array(bits, dtype=np.int8))[0])


@pytest.mark.parametrize("rounds", [1, 2])
def test_the_floor_is_demanded_of_every_search(measured, monkeypatch, rounds):
    """Of 10 that stay 35 %, rounded: 3, 2 and 2; and of more, on the way, the same."""
    problems = planned(monkeypatch, gain=True)
    method = Method("auto", objective_options=FLOORED, rounds=rounds)
    measured.prune(method, amount=10)
    assert len(problems) == 4 * rounds
    for number, problem in enumerate(problems):
        floored, last = number >= 2 * rounds, number % rounds == rounds - 1
        stays = 20 - problem.count
        assert stays == (10 if last else 14)
        assert all(feasible(problem, widths) for widths in WIDE[stays])
        assert [feasible(problem, widths) for widths in NARROW[stays]] == [not floored] * 3


WIDE = {10: [(6, 2, 2), (3, 2, 5), (3, 5, 2)], 14: [(6, 2, 6), (8, 4, 2), (3, 5, 6)]}
NARROW = {10: [(2, 4, 4), (5, 1, 4), (5, 4, 1)], 14: [(2, 6, 6), (8, 1, 5), (8, 5, 1)]}
"""The floor is 3, 2 and 2, how many more may stay."""


@pytest.mark.parametrize(
    ("share", "rounded", "shown"),
    [
        (0.10417, 0.1, "10%"),
        (0.0072449, 0.0072, "0.72%"),
        (0.2896, 0.29, "29%"),
        (1.0, 1.0, "100%"),
    ],
)
def test_what_is_told_of_a_floor_is_what_is_demanded(share, rounded, shown):
    assert choosing.two_digits(share) == rounded
    assert percent(rounded) == shown


def test_the_share_is_of_what_stays(measured):
    """5 of 20 go: 0.75 of every layer are 6, 4 and 4, where the best keeps fewer of one."""
    result = measured.prune(Method("auto", objective_options={**FLOORED, "floor": 1}), amount=5)
    assert result.selection.provenance["auto"]["floor"] == pytest.approx(0.75)


def test_the_problem_of_a_floored_choice_is_the_floored_one(measured, monkeypatch):
    picks = []

    def pick(*given):
        picks.append(real(*given))
        return picks[-1]

    real = choosing.pick
    planned(monkeypatch, gain=True)
    monkeypatch.setattr(running, "pick", pick)
    plain = Method("auto", objective_options=FLOORED)
    refined = Method(
        "auto", objective_options=FLOORED, refine="exchange", refine_options={"evaluations": 4}
    )
    table = measured.compare([plain, refined], [10])
    (picked,) = picks
    assert not feasible(picked.problem, (8, 1, 1))
    assert feasible(picked.problem, (6, 2, 2))
    names = [row.method for row in table.rows[1:3]]
    assert names == ["auto (residual, floor 35%)", "auto (residual, floor 35%)+exchange"]


def test_a_limit_of_the_backend_is_left_as_it_is(measured):
    method = Method(
        "auto", "branch-and-bound", objective_options=FLOORED, options={"time_limit": 20.0}
    )
    told = measured.prune(method, amount=10).selection.provenance["auto"]
    assert told["floored"]
    assert all(isinstance(value, float) for value in told["floored"].values())


@pytest.mark.parametrize("limit", [None, 8.0])
def test_a_floored_search_has_a_limit(measured, monkeypatch, limit):
    asked = []

    def choose(problem, method, seed):
        asked.append(method.method.time_limit)
        return real(problem, method, seed)

    real = planning.choose
    monkeypatch.setattr(planning, "choose", choose)
    measured.prune(Method("auto", objective_options=FLOORED, time_limit=limit), amount=10)
    free, floored = asked[:2], asked[2:]
    assert floored
    assert set(free) == {None if limit is None else 2.0}
    assert set(floored) == {choosing.FLOOR_SECONDS if limit is None else 2.0}
