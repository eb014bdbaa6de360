"""A selection from anywhere is judged by the very numbers that pruning reports."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import secateur
from secateur.errors import NetworkError, OptionError
from secateur.measured import Quality
from tests.end_to_end.own import batches, deep, task


@pytest.fixture(scope="module")
def measured():
    return secateur.measure(deep(), task(), probes=4)


@pytest.mark.parametrize(
    ("objective", "settings"),
    [
        ("fisher", {}),
        ("random", {}),
        ("taylor", {"ridge": 0.1}),
        ("residual", {"fit_batches": 1}),
    ],
)
@pytest.mark.parametrize("amount", [0.2, 0.5])
def test_what_pruning_reports(measured, objective, settings, amount):
    result = measured.prune(objective, amount=amount, **settings)
    row, dense = result.rows[-1], result.rows[0]
    quality = measured.evaluate(result.selection, **settings)
    assert quality == Quality(dense.metric, row.metric, row.metric_compensated, True)


def test_one_selection_in_four_writings(measured):
    selection = measured.prune("taylor", amount=0.4, compensated=False).selection
    qualities = [
        measured.evaluate(chosen)
        for chosen in (
            selection,
            selection.sample,
            selection.bits,
            list(selection.ones),
            iter(selection.ones),
            selection.bits.astype(bool),
        )
    ]
    assert len(set(qualities)) == 1
    alone = measured.evaluate(selection.bits, compensated=False)
    assert alone.masked == qualities[0].masked
    assert alone.compensated is None


def test_masked_is_zeros_where_a_channel_is_made_by_a_plain_layer(measured):
    """By hand: no cut, no mask of ours; ``fc.0`` feeds a ReLU and one layer."""
    gone = [1, 4]
    network = copy.deepcopy(measured.network)
    with torch.no_grad():
        network.fc[2].weight[:, gone] = 0.0
    with torch.no_grad():
        right = torch.cat([network(x).argmax(1) == y for x, y in batches(2)])
    quality = measured.evaluate([f"fc.0:{k}" for k in gone], compensated=False)
    assert quality.masked == pytest.approx(float(right.float().mean()), abs=1e-12)


def test_the_network_is_left_alone(measured):
    before = {name: tensor.clone() for name, tensor in measured.network.state_dict().items()}
    state = torch.random.get_rng_state()
    measured.evaluate(["fc.0:0"])
    assert torch.equal(state, torch.random.get_rng_state())
    for name, tensor in measured.network.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["fc.0:9"], "'fc.0:9'"),
        (["fc.0:1", "fc.0:1"], "twice"),
        ("fc.0", "'fc.0'"),
        ({"fc.0:1": 1}, "says nothing"),
        (np.zeros(3, dtype=np.int8), "shape"),
        (np.zeros((2, 20)), "shape"),
    ],
)
def test_what_is_no_selection_is_refused(measured, wrong, told):
    with pytest.raises(NetworkError, match=told) as caught:
        measured.evaluate(wrong)
    assert caught.value.remedy


@pytest.mark.parametrize("value", [2, -1, 0.5, float("nan")])
def test_what_is_no_bit_is_refused(measured, value):
    bits = np.zeros(len(measured.channels.labels))
    bits[2] = value
    with pytest.raises(NetworkError, match="a bit is"):
        measured.evaluate(bits)


def test_an_empty_layer_and_an_unknown_setting_are_refused(measured):
    with pytest.raises(NetworkError, match="empty"):
        measured.evaluate([f"fc.0:{k}" for k in range(6)])
    with pytest.raises(OptionError, match="ridge"):
        measured.evaluate(["fc.0:1"], ridge=-1.0)
    with pytest.raises(OptionError, match="rigde"):
        measured.evaluate(["fc.0:1"], rigde=1.0)
