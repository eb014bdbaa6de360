"""Money in a pruning on IBM's devices: by what the service on the loopback charges."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import secateur
from secateur.errors import OptionError
from secateur.methods import Method
from secateur.methods.wanted import Wanted

from .ibm_server import DEVICE, IBM

OPTIONS = {"device": f"ibm:{DEVICE}", "shots": 100, "iterations": 2, "reps": 1}


@pytest.fixture(scope="module")
def measured() -> Any:
    """Four channels in one layer: a circuit that the device of five qubits takes."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        data = [(torch.randn(8, 3), torch.randint(0, 2, (8,))) for _ in range(2)]
    task = secateur.Task(data, loss=nn.functional.cross_entropy, likelihood="categorical")
    return secateur.measure(network, task, probes=4)


def on_device(objective: str, **given: Any) -> Method:
    name = f"{objective} {sorted(given.items())}"
    return Method(objective, "qaoa-device", options=OPTIONS | given, name=name, max_calls=1)


def test_the_prices_of_a_comparison_bound_what_it_is_charged(measured: Any, ibm: IBM) -> None:
    methods = [on_device("fisher"), on_device("residual")]
    told = [measured.price(one, amount=2).charge_s for one in methods]
    assert len(ibm.jobs) == 0
    first = measured.compare(methods, [2])
    assert len(ibm.jobs) == 4
    assert 0.9 * sum(told) < ibm.charged <= sum(told)
    again = measured.compare(methods, [2])
    assert len(ibm.jobs) == 4
    assert [one.selection.ones for one in again.results] == [
        one.selection.ones for one in first.results
    ]
    assert again.last.selection.provenance["charged"]["seconds"] == 0.0


def test_methods_of_one_problem_share_its_budget(measured: Any, ibm: IBM) -> None:
    methods = [on_device("fisher", max_charge_s=7.0, shots=shots) for shots in (100, 101, 102)]
    table = measured.compare(methods, [2])
    assert len(ibm.jobs) == 3
    assert ibm.charged <= 7.0
    assert len(table.results) == 2
    (failed,) = [note for note in table.last.notes if "failed" in note]
    assert methods[2].name in failed
    measured.compare(methods, [2])
    assert len(ibm.jobs) == 3


@pytest.mark.parametrize(
    "wanted", [{"budget": {"time": "50%"}}, {"amount": 2, "multiple": "device"}]
)
def test_a_paid_problem_that_no_other_run_has_is_refused(
    measured: Any, ibm: IBM, wanted: Any
) -> None:
    method = on_device("fisher")
    for call in (
        lambda: measured.prune(method, **wanted),
        lambda: measured.price(method, **wanted),
        lambda: measured.compare([method, "taylor"], [Wanted(**wanted)]),
    ):
        with pytest.raises(OptionError, match="'qaoa-device', which is metered"):
            call()
    assert ibm.requests == []
