"""Pruning in rounds: the counts, what is measured on the way, and what comes out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from secateur.errors import AmountError, OptionError
from secateur.methods import Method, Wanted, resolve
from secateur.metric import mean_metric
from secateur.network import GatedNetwork
from secateur.network.device import device_of
from secateur.pruning import rounds
from secateur.pruning.finishing import Body
from secateur.pruning.rounds import check_rounds, measure_again, schedule
from secateur.statistics import collect_statistics
from secateur.surgery.compensation import fit
from tests.end_to_end.own import deep, task

pytestmark = pytest.mark.usefixtures("untimed")


def test_what_stays_shrinks_by_the_same_factor():
    assert schedule(1000, 271, 3) == (100, 190, 271)  # 0.9³ stay
    assert schedule(512, 256, 1) == (256,)
    assert schedule(16, 12, 2) == (8, 12)
    # no two rounds of the same number, and none of nothing
    assert schedule(100, 2, 5) == (1, 2)
    assert schedule(100, 1, 5) == (1,)
    assert schedule(100, 0, 3) == (0,)
    for pruned in range(1, 40):
        counts = schedule(40, pruned, 4) if pruned < 40 else ()
        assert counts[-1] == pruned
        assert list(counts) == sorted(set(counts))


def test_the_count_is_exact_and_the_labels_are_the_dense_network_s(measured):
    result = measured.prune("residual", amount=12, rounds=3)
    assert [row.method for row in result.rows] == ["dense", "residual in 3 rounds"]
    assert result.rows[-1].pruned == result.selection.count == 12
    assert result.selection.labels == measured.channels.labels
    told = result.selection.provenance["rounds"]
    n = len(measured.channels)
    assert [one["pruned"] for one in told] == list(schedule(n, 12, 3))
    assert told[-1]["energy"] == result.selection.energy
    (note,) = [note for note in result.notes if "rounds" in note]
    assert ", ".join(str(one["pruned"]) for one in told) in note
    assert result.to_json()["settings"]["methods"][0]["rounds"] == 3
    assert result.statistics is measured.statistics


def test_the_last_fit_is_from_the_dense_network(measured):
    result = measured.prune("residual", amount=12, rounds=3)
    same = measured.evaluate(result.selection)
    row = result.rows[-1]
    assert (row.metric, row.metric_compensated) == (same.masked, same.compensated)


def test_every_round_is_measured_on_the_mask_before_it(measured, monkeypatch):
    seen = []

    def again(body, keep, *, compensated):
        seen.append((int((~keep).sum()), compensated))
        return measure_again(body, keep, compensated=compensated)

    monkeypatch.setattr(rounds, "measure_again", again)
    measured.prune("fisher", amount=12, rounds=3, compensated=False)
    n = len(measured.channels)
    assert seen == [(count, False) for count in schedule(n, 12, 3)[:-1]]
    seen.clear()
    measured.prune("fisher", amount=12)
    assert seen == []


def test_the_same_seed_gives_the_same_rounds(measured):
    first, again = (measured.prune("residual", amount=10, rounds=2) for _ in range(2))
    np.testing.assert_array_equal(first.selection.bits, again.selection.bits)


def test_what_left_may_come_back(measured, monkeypatch):
    """The second round's statistics say that the first pruned what matters most."""
    first = []

    def again(body, keep, *, compensated):
        first.append(keep)
        made = measure_again(body, keep, compensated=compensated)
        taylor = np.where(keep, made.taylor, 1e6)
        object.__setattr__(made, "taylor", taylor)
        return made

    monkeypatch.setattr(rounds, "measure_again", again)
    result = measured.prune("taylor", amount=12, rounds=2)
    gone = ~first[0]
    assert not result.selection.bits[gone].any()
    assert result.selection.provenance["rounds"][1]["back"] == gone.sum()


def test_the_derivative_at_a_closed_gate_is_that_of_the_masked_network(measured):
    """By finite differences, for channels that stay and for such that are gone."""
    network, data = deep().double().eval(), task()
    batch = next(data.batches("calibration", device_of(network)))
    inputs = batch.call.args[0].double()
    call = type(batch.call)((inputs,))
    keep = np.ones(len(measured.channels), dtype=bool)
    keep[[1, 9, 15]] = False
    gated = GatedNetwork(network, measured.channels)

    def loss(gates):
        return gated(call, gates, keep=keep).square().sum()

    gates = torch.as_tensor(keep).double()[None].requires_grad_()
    (slope,) = torch.autograd.grad(loss(gates), gates)
    with torch.no_grad():
        torch.testing.assert_close(gated(call, gates, keep=keep), gated.masked(call, keep))
        step = 1e-5
        for number in range(len(keep)):
            moved = torch.zeros_like(gates)
            moved[0, number] = step
            change = (loss(gates + moved) - loss(gates - moved)) / (2 * step)
            assert float(change) == pytest.approx(float(slope[0, number]), rel=1e-4, abs=1e-7)
    assert bool((slope[0, ~torch.as_tensor(keep)] != 0).any())


def test_all_that_stay_is_measured_as_before(measured):
    whole = np.ones(len(measured.channels), dtype=bool)
    again = collect_statistics(
        measured.network, measured.task, measured.channels, probes=3, seed=2, keep=whole
    )
    np.testing.assert_allclose(again.taylor, measured.statistics.taylor)
    np.testing.assert_allclose(again.fisher_diagonal, measured.statistics.fisher_diagonal)
    for one, other in zip(again.gram, measured.statistics.gram, strict=True):
        np.testing.assert_allclose(one, other)


def test_what_is_gone_is_fitted_too_and_changes_nothing_masked(measured):
    body = Body(measured.subject, ridge=1e-3, fit_batches=None)
    keep = np.ones(len(measured.channels), dtype=bool)
    keep[::3] = False
    plain = fit(measured.network, measured.channels, keep, body.calls, ridge=1e-3).network
    every = body.fitted(keep)
    batches = list(measured.task.batches("selection", device_of(plain)))

    def worth(network):
        gated = GatedNetwork(network, measured.channels)
        return mean_metric(lambda batch: gated.masked(batch.call, keep), measured.task, batches)

    def values(network):
        """What every channel is, where it is read, in the masked network."""
        found = []
        gates = torch.as_tensor(keep).float()[None]
        gated = GatedNetwork(network, measured.channels)
        for batch in batches:
            gated(batch.call, gates, keep=keep, observe=lambda read, out: found.append((read, out)))
        return found

    assert worth(every) == pytest.approx(worth(plain), rel=1e-4)
    dense = []
    gated = GatedNetwork(measured.network, measured.channels)
    for batch in batches:
        gated(batch.call, observe=lambda read, out: dense.append((read, out)))
    errors = [0.0, 0.0]
    for number, network in enumerate((plain, every)):
        for (read, out), (_, wanted) in zip(values(network), dense, strict=True):
            gone = torch.as_tensor(~keep)[torch.as_tensor(read.channel)]
            off = (out - wanted).movedim(read.dim, 0)[gone]
            errors[number] += float(off.double().square().sum())
    assert errors[1] < 0.95 * errors[0]


def test_the_time_and_the_calls_are_of_all_rounds():
    whole = resolve(Method("residual", "annealing", rounds=3, time_limit=6.0, max_calls=7))
    each = whole.shared(3)
    assert (each.method.time_limit, each.method.max_calls) == (2.0, 2)
    assert (whole.shared(1).method, each.name) == (whole.method, whole.name)
    with pytest.raises(OptionError, match=r"residual.* is 8 searches, and max_calls is 7"):
        whole.shared(8)


def test_least_widths_hold_in_every_round_and_budgets_in_the_last(measured):
    name = measured.channels.groups[0].name
    size = measured.channels.groups[0].size
    result = measured.prune(
        "taylor", amount=8, rounds=3, minimum={name: size}, budget={"params": 0.9}
    )
    assert not result.selection.bits[measured.channels.groups[0].slice].any()
    assert result.selection.count == 8


def test_rounds_need_an_amount(measured):
    method = resolve(Method("residual", rounds=2))
    budget = Wanted(budget={"macs": 0.5})
    with pytest.raises(OptionError, match=r"2 rounds to a budget alone\n.*amount"):
        check_rounds([Wanted(amount=1), budget], [resolve(Method("l1")), method])
    check_rounds([Wanted(amount=1, budget={"macs": 0.5})], [method])
    check_rounds([budget], [resolve(Method("l1"))])
    with pytest.raises(OptionError, match="budget alone"):
        measured.prune("residual", budget={"macs": 0.5}, rounds=2)
    with pytest.raises(AmountError):
        measured.prune("residual", amount=len(measured.channels), rounds=2)
    for wrong in (0, 101, 1.5):
        with pytest.raises(OptionError, match="rounds"):
            measured.prune("residual", amount=3, rounds=wrong)


def test_rounds_that_are_compensated_otherwise_are_another_choice():
    def method(**more):
        return resolve(Method("residual", **more))

    assert method(rounds=2).same_choice(method(rounds=2, refine="tt"))
    assert not method(rounds=2).same_choice(method(rounds=3))
    assert not method(rounds=2).same_choice(method(rounds=2, compensated=False))
    assert not method(rounds=2).same_choice(method(rounds=2, ridge=0.5))
    assert method().same_choice(method(ridge=0.5))
