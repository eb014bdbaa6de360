"""``objective="auto"``: the best of a few on the selection split, and what the others are worth."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

import secateur
from secateur.errors import NetworkError, OptionError
from secateur.methods import Method, resolve
from secateur.metric import evaluate
from secateur.objectives import Auto, objective_class, resolve_objective
from secateur.pruning import choosing, planning, running
from secateur.pruning.finishing import Body
from secateur.surgery.speed import Speed
from secateur.surgery.timing import Times
from tests.end_to_end.own import deep, task

NAMES = ("residual", "residual+fisher", "fisher", "taylor")


@pytest.fixture(scope="module")
def measured():
    return secateur.measure(deep(), task(), probes=3, seed=2)


@pytest.fixture(autouse=True)
def untimed(monkeypatch):
    def measure_speed(networks, call, *, where, seconds):
        return Speed({"eager": Times({name: np.ones(3) for name in networks})}, {})

    monkeypatch.setattr(running, "measure_speed", measure_speed)


@pytest.mark.parametrize("compensated", [True, False])
def test_the_best_on_the_selection_split_is_returned(measured, compensated):
    result = measured.prune("auto", amount=14, compensated=compensated)
    alone = {name: measured.prune(name, amount=14, compensated=compensated) for name in NAMES}
    values = {
        name: evaluate(one.network, measured.task, "selection") for name, one in alone.items()
    }
    told = result.selection.provenance["auto"]
    assert told["candidates"] == pytest.approx(values)
    best = max(values, key=values.get)  # the first of equals; more is better here
    assert measured.task.higher_is_better
    assert told["chosen"] == best
    assert told["state"] == ("compensated" if compensated else "masked")
    row, own = result.rows[-1], alone[best].rows[-1]
    assert row.method == f"auto ({best})"
    assert (row.metric, row.metric_compensated) == (own.metric, own.metric_compensated)
    np.testing.assert_array_equal(result.selection.bits, alone[best].selection.bits)
    assert result.selection.energy == alone[best].selection.energy
    (note,) = [note for note in result.notes if note.startswith("auto: ")]
    assert all(f"{name} {value:.3f}" in note for name, value in values.items())
    (method,) = result.to_json()["settings"]["methods"]
    assert method["objective"] == "auto"
    assert list(method["objective_options"]["candidates"]) == list(NAMES)


@pytest.mark.parametrize(
    ("higher", "worths", "taken"),
    [
        (True, {"l1": 1.0, "taylor": 2.0}, "taylor"),
        (True, {"l1": 2.0, "taylor": 1.0}, "l1"),
        (True, {"l1": 1.0, "taylor": 1.0}, "l1"),
        (False, {"l1": 1.0, "taylor": 2.0}, "l1"),
        (False, {"l1": 2.0, "taylor": 1.0}, "taylor"),
        (True, {"l1": None, "taylor": 1.0}, "taylor"),
    ],
)
def test_which_is_the_best(measured, monkeypatch, higher, worths, taken):
    values = iter(worths.values())

    def worth(body, keep, *, compensated):
        value = next(values)
        if value is None:
            raise NetworkError("it is empty", remedy="none")
        return value

    monkeypatch.setattr(Body, "worth", worth)
    monkeypatch.setitem(vars(measured.task), "higher_is_better", higher)
    options = {"candidates": ["l1", "taylor"], "floor": 0}
    result = measured.prune(Method("auto", objective_options=options, name="mine"), amount=5)
    assert result.rows[-1].method == "mine"
    told = result.selection.provenance["auto"]
    assert told["chosen"] == taken
    assert told["candidates"]["l1"] == (worths["l1"] or "failed: it is empty")


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
    assert told["floor"] == 0.35
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
    real, asked = Body.worth, count()

    def worth(body, keep, *, compensated):
        return real(body, keep, compensated=compensated) + float(next(asked))

    monkeypatch.setattr(Body, "worth", worth)
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
    result = measured.prune(
        Method("auto", objective_options=FLOORED), amount=10, maximum={"stem.0": 2}
    )
    told = result.selection.provenance["auto"]
    (name, value), *more = told["floored"].items()
    assert name == told["chosen"]
    assert value.startswith("failed: ")
    assert not more
    assert not told["under_floor"]
    assert int((result.selection.bits == 0)[measured.channels.groups[0].slice].sum()) <= 2


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


@pytest.mark.parametrize("same", [True, False])
def test_where_all_fail_the_first_is_told(measured, monkeypatch, caplog, same):
    times = count()

    def worth(body, keep, *, compensated):
        raise NetworkError("it is empty" + f" {next(times)}" * (not same), remedy="none")

    monkeypatch.setattr(Body, "worth", worth)
    with pytest.raises(NetworkError, match="it is empty" + " 0" * (not same)):
        measured.prune("auto", amount=5)
    told = [one for one in caplog.messages if "failed: it is empty" in one]
    assert len(told) == (0 if same else next(times))  # one fault is told once


def test_a_candidate_is_compensated_once(measured, monkeypatch):
    from secateur.pruning import finishing

    masks = []

    def fit(network, channels, keep, calls, **how):
        masks.append(keep.tobytes())
        return finishing_fit(network, channels, keep, calls, **how)

    finishing_fit = finishing.fit
    monkeypatch.setattr(finishing, "fit", fit)
    measured.prune("auto", amount=14)
    assert len(masks) == len(set(masks)) <= len(NAMES)


def test_refined_rows_start_from_the_same_choice(measured, monkeypatch):
    asked = []

    def pick(planner, statistics, method, body):
        asked.append(method.name)
        return real(planner, statistics, method, body)

    real = choosing.pick
    monkeypatch.setattr(running, "pick", pick)
    refined = Method("auto", refine="exchange", refine_options={"evaluations": 4})
    table = measured.compare(["auto", refined, "l1"], [10])
    assert asked == ["auto", "l1"]
    plain, more = (row.method for row in table.rows[1:3])
    assert plain.startswith("auto (")
    assert more == f"{plain}+exchange"


def test_rounds_and_auto_go_together(measured):
    method = Method("auto", objective_options={"candidates": ("residual", "taylor")}, rounds=2)
    result = measured.prune(method, amount=12)
    chosen = result.selection.provenance["auto"]["chosen"]
    assert result.rows[-1].method == f"auto ({chosen}) in 2 rounds"
    assert len(result.selection.provenance["rounds"]) == 2
    assert result.selection.count == 12


def test_auto_is_no_qubo(measured):
    with pytest.raises(OptionError, match=r"'auto' is no QUBO.*residual\+fisher"):
        measured.qubo("auto")
    assert objective_class("auto") is Auto
    assert resolve_objective("auto").needs_probes
    assert not resolve_objective("auto", {"candidates": ("l1", "taylor")}).needs_probes
    for wrong in ((), ("l1", "l1"), ("auto", "l1"), ("l2",)):
        with pytest.raises(OptionError, match=r"auto|l2"):
            Auto(candidates=wrong)
    bare = secateur.measure(deep(), task(), probes=0)
    with pytest.raises(OptionError, match="'auto' needs Fisher probes"):
        bare.prune("auto", amount=3)


def test_a_price_is_of_all_searches(measured):
    def calls(objective, **more):
        return measured.price(objective, amount=5, backend="tabu", max_calls=24, **more).calls

    assert calls("residual") == calls("auto") == calls("residual", rounds=3) == 24
    one = measured.price("residual", amount=5, backend="tabu").calls
    assert measured.price("auto", amount=5, backend="tabu").calls == 2 * len(NAMES) * one
    unfloored = {"objective": "auto", "objective_options": {"floor": 0}, "backend": "tabu"}
    assert measured.price(amount=5, **unfloored).calls == len(NAMES) * one
    assert measured.price("residual", amount=5, rounds=3, backend="tabu").calls == 3 * one


def test_metered_backends_are_not_asked_for_several_problems(measured, monkeypatch):
    from secateur.pruning import paying

    monkeypatch.setattr(paying, "is_metered", lambda solver, options: True)
    for more, what in (
        ({"objective": "auto"}, r"'auto' with backend 'annealing', which is metered.*nothing was"),
        ({"objective": "residual", "rounds": 2}, r"2 rounds with backend 'annealing'.*nothing was"),
    ):
        for ask in (measured.prune, measured.price):
            with pytest.raises(OptionError, match=what):
                ask(amount=5, backend="annealing", **more)
    chosen = resolve(Method("residual", "annealing"))
    paying.check_paid_once([], [chosen])


def test_the_default_follows_what_becomes_of_the_network(measured, monkeypatch):
    """Compensated, the selection split chooses, unless each candidate would be paid for."""
    from secateur.methods import resolved

    assert resolve(Method()).objective == Auto()
    assert resolve(Method(rounds=2)).objective == Auto()
    assert resolve(Method(compensated=False)).objective.name == "fisher"
    assert resolve(Method("taylor", compensated=False)).objective.name == "taylor"
    default = measured.prune(amount=14)
    assert default.selection.ones == measured.prune("auto", amount=14).selection.ones
    assert set(default.selection.provenance["auto"]["candidates"]) == set(NAMES)
    monkeypatch.setattr(resolved, "is_metered", lambda solver, options: True)
    assert resolve(Method(backend="annealing")).objective.name == "residual"
    assert resolve(Method(backend="annealing", compensated=False)).objective.name == "fisher"
    assert resolve(Method()).objective == Auto(), "no backend that charges"
