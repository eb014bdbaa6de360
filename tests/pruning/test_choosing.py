"""``objective="auto"``: the best of a few on the selection split, and what the others are worth."""

from __future__ import annotations

import math
from itertools import count

import numpy as np
import pytest

import secateur
from secateur.errors import NetworkError, OptionError
from secateur.methods import Method, resolve
from secateur.metric import evaluate
from secateur.objectives import Auto, objective_class, resolve_objective
from secateur.pruning import choosing, running
from secateur.pruning.finishing import Body
from tests.end_to_end.own import deep, task

NAMES = ("residual", "residual+fisher", "fisher", "taylor")


pytestmark = pytest.mark.usefixtures("untimed")


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
        (False, {"l1": None, "taylor": math.inf}, "taylor"),  # a fault is never the best
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
