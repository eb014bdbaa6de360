"""The zoo: every network is cut exactly, or refused with the true reason.

``SECATEUR_ZOO=all`` exports every network, with torch.export and to onnxruntime; the tests
alone take a sample.
"""

from __future__ import annotations

import copy
import functools
import logging
import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from secateur.errors import NetworkError
from secateur.network import Channels, GatedNetwork, find_channels
from secateur.network.cut import cut
from secateur.network.door import unwrap
from tests.networks import Case, all_cases
from tests.networks.checks import (
    check_class,
    check_plain,
    gap,
    plainly,
    random_masks,
    smaller,
    tensors_of,
    unchanged,
    zeroed_columns,
)

CASES = {case.name: case for case in all_cases()}
FOUND = [name for name, case in CASES.items() if case.expect != "refused"]
STATISTICS = [name for name in CASES if CASES[name].kept is not None]
EXACT = 1e-5
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")


@functools.cache
def network_of(name: str) -> nn.Module:
    """As the door hands it on: parametrizations baked."""
    return unwrap(CASES[name].build())[0]


@functools.cache
def channels_of(name: str, norm_over: Any = "all") -> Channels:
    return find_channels(network_of(name), CASES[name].inputs(), norm_over=norm_over)


def test_there_are_at_least_120_networks_and_they_are_in_a_dozen_families():
    assert len(CASES) >= 120
    assert len({case.family for case in CASES.values()}) >= 12


def judge(case: Case, expect: str, channels: Channels) -> None:
    """What stands is what must, for a reason that is true."""
    plain = "output of the network|one channel only"
    own = [(path, why) for path, why in channels.stands if not re.search(plain, why)]
    if expect == "exact":
        more = [x for x in own if not (case.beside and re.search(case.beside, x[0]))]
        assert not more, more
    elif expect == "part":
        assert case.why is not None
        assert any(re.search(case.why, why) for _, why in own), channels.stands
    assert all(group.size > 1 for group in channels.groups)


@pytest.mark.parametrize("name", CASES)
def test_what_stands_has_its_true_reason(name):
    case = CASES[name]
    network = network_of(name)
    network.train(name.startswith(tuple("abcdefghi")))  # both modes are handed in
    with unchanged(network):
        if case.expect == "refused":
            assert case.why is not None
            with pytest.raises(NetworkError, match=case.why):
                channels_of(name)
            return
        channels = channels_of(name)
    judge(case, case.expect, channels)
    if case.groups is not None:
        assert sorted(group.size for group in channels.groups) == sorted(case.groups)
    assert len(set(channels.labels)) == len(channels)


@pytest.mark.parametrize("name", FOUND)
def test_the_smaller_network_is_the_masked_one(name):
    case, network, channels = CASES[name], network_of(name), channels_of(name)
    masked = GatedNetwork(network, channels)
    for number, keep in enumerate(random_masks(channels)):
        slim = smaller(network, channels, keep)
        check_class(slim, network)
        zeroed = zeroed_columns(network, channels, keep)
        for batch, size in {
            (case.batches[0], case.sizes[0]),
            (case.batches[number % len(case.batches)], case.sizes[number % len(case.sizes)]),
        }:
            call = case.inputs(batch, size, seed=number + 1)
            with unchanged(network):
                wanted = masked.masked(call, keep)
            found = plainly(slim, call)
            assert gap(found, wanted) < EXACT
            if case.columns:
                assert gap(found, plainly(zeroed, call)) < EXACT


@pytest.mark.parametrize("name", FOUND)
def test_a_smaller_network_is_saved_and_pruned_again(name, tmp_path):
    case, network, channels = CASES[name], network_of(name), channels_of(name)
    _, half, _ = random_masks(channels, seed=7)
    slim = smaller(network, channels, half)
    check_plain(slim, tmp_path / "slim.pt", network)
    left = [int(half[group.slice].sum()) for group in channels.groups]
    if max(left) < 2:
        return  # nothing more can go
    again = find_channels(slim, case.inputs())
    if case.groups is not None:  # else a dimension that is split can be cut in another way now
        names = {group.name: n for group, n in zip(channels.groups, left, strict=True) if n > 1}
        assert {group.name: group.size for group in again.groups} == names
    keep = next(random_masks(again, seed=8))
    with unchanged(slim):
        wanted = GatedNetwork(slim, again).masked(case.inputs(seed=9), keep)
    smallest = smaller(slim, again, keep)
    check_class(smallest, network)
    assert gap(plainly(smallest, case.inputs(seed=9)), wanted) < EXACT


@pytest.mark.parametrize("name", STATISTICS)
def test_statistics_over_what_is_kept_free_the_rest(name):
    case, network = CASES[name], network_of(name)
    channels = channels_of(name, "kept")
    assert case.kept is not None
    if case.kept == "exact":
        judge(case, "exact", channels)
        assert sum(map(len, channels.slots)) > sum(map(len, channels_of(name).slots))
    masked = GatedNetwork(network, channels)
    for number, keep in enumerate(random_masks(channels)):
        call = case.inputs(case.batches[-1], case.sizes[-1], seed=number + 1)
        slim = smaller(network, channels, keep)
        check_class(slim, network)
        assert gap(plainly(slim, call), masked.masked(call, keep)) < EXACT


def sample(flag: str) -> list[str]:
    able = [name for name in FOUND if getattr(CASES[name], flag)]
    return able if os.environ.get("SECATEUR_ZOO") == "all" else able[5::31]


def half_of(name: str) -> nn.Module:
    channels = channels_of(name)
    return smaller(network_of(name), channels, list(random_masks(channels))[1]).eval()


@pytest.mark.parametrize("name", sample("export"))
def test_a_smaller_network_is_exported(name):
    call = CASES[name].inputs(seed=3)
    slim = half_of(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.export.export(copy.deepcopy(slim), call.args, dict(call.kwargs))
    with torch.no_grad():
        found = program.module()(*call.args, **call.kwargs)
    assert gap(found, plainly(slim, call)) < EXACT


@pytest.mark.parametrize("name", sample("onnx"))
def test_a_smaller_network_runs_in_onnxruntime(name, tmp_path: Path, caplog):
    runtime = pytest.importorskip("onnxruntime")
    call = CASES[name].inputs(seed=3)
    slim = half_of(name)
    path = tmp_path / "slim.onnx"
    caplog.set_level(logging.ERROR, "torch.onnx")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter about itself
        twin = copy.deepcopy(slim)
        torch.onnx.export(
            twin, call.args, str(path), kwargs=dict(call.kwargs), dynamo=True, verbose=False
        )
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = {i.name: t.numpy() for i, t in zip(session.get_inputs(), _inputs(call), strict=True)}
    found = [torch.from_numpy(np.asarray(x)) for x in session.run(None, given)]
    assert gap(found, tensors_of(plainly(slim, call))) < 1e-4


def _inputs(call: Any) -> list[Tensor]:
    return list(call.tensors)


SUMS = [name for name in FOUND if CASES[name].family in ("residual", "mobile", "dense_and_unet")]


@pytest.mark.parametrize("name", SUMS)
def test_filters_of_a_sum_go_by_themselves(name):
    """``tied=False``: exact as well; only the classes of what is put in place are ours."""
    case, network = CASES[name], network_of(name)
    channels = find_channels(network, case.inputs(), tied=False)
    masked = GatedNetwork(network, channels)
    for number, keep in enumerate(random_masks(channels)):
        call = case.inputs(case.batches[-1], case.sizes[-1], seed=number + 1)
        with unchanged(network):
            slim = cut(network, channels, keep)
            wanted = masked.masked(call, keep)
        assert gap(plainly(slim, call), wanted) < EXACT
    if name in ("resnet", "resnet, deeper", "resnet, in place", "resnet, bottlenecks"):
        assert channels.placed
        assert len(channels) > len(channels_of(name))


RECURRENT = (nn.RNNBase, nn.RNNCellBase)
FUSED = (nn.MultiheadAttention, nn.TransformerEncoderLayer)


def counted(name: str) -> bool:
    """Whether torch's counter sees every product: it misses recurrent and fused attention."""
    modules = list(network_of(name).modules())
    own = [type(m).forward.__code__ for m in modules if hasattr(type(m).forward, "__code__")]
    by_function = any("scaled_dot_product_attention" in code.co_names for code in own)
    return not by_function and not any(isinstance(m, (*RECURRENT, *FUSED)) for m in modules)


COUNTED = [
    name
    for name in FOUND
    if CASES[name].family != "operations"
    and name != "state space layer"  # einsum makes a sum of a product with one of one member
    and counted(name)
]


@pytest.mark.parametrize("name", COUNTED)
def test_the_cost_told_is_what_the_smaller_network_has(name):
    """Held against torch's counter of floating-point operations, two to a multiplication."""
    case, channels = CASES[name], channels_of(name)
    for keep in (np.ones(len(channels), dtype=bool), *random_masks(channels)):
        slim = copy.deepcopy(smaller(network_of(name), channels, keep)).eval()
        call = case.inputs()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            slim(*call.args, **call.kwargs)
        told = channels.cost(~keep)["macs"]
        assert counter.get_total_flops() == 2 * case.batches[0] * told
