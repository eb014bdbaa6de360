"""From a network to a smaller one, in Python."""

from __future__ import annotations

import json

import dimod
import numpy as np
import pytest
import torch

import secateur
from secateur.errors import AmountError, FileError, OptionError, StageFailed
from secateur.methods import standard_methods
from secateur.metric import evaluate
from secateur.pipeline import compare
from secateur.report import save_result
from tests.end_to_end.own import build, task


def state(network):
    return {k: v.clone() for k, v in network.state_dict().items()}


@pytest.mark.parametrize(("tied", "pruned", "kept"), [(True, 3, 5), (False, 6, 10)])
@pytest.mark.parametrize("objective", ["fisher", "residual", "hybrid", "taylor", "l1"])
def test_prune_makes_it_smaller_by_exactly_the_amount(objective, tied, pruned, kept):
    network = build()
    before = state(network)
    result = secateur.prune(network, task(), amount=0.4, objective=objective, probes=5, tied=tied)
    assert result.selection.count == pruned
    dense, row = result.rows
    assert (dense.method, row.method) == ("dense", objective)
    assert (row.pruned, row.channels) == (pruned, kept)
    assert row.parameters < dense.parameters
    assert row.macs < dense.macs
    stem, block = (result.network.get_submodule(path) for path in ("stem.0", "block.0"))
    if tied:  # what is added up left together
        assert stem.out_channels == block.out_channels == block.in_channels == kept
        assert type(result.network) is type(network)
    else:
        assert stem.out_channels + block.out_channels == kept
    assert row.parameters == sum(p.numel() for p in result.network.parameters())
    assert row.metric_compensated == pytest.approx(evaluate(result.network, task()), abs=1e-6)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert network.training
    assert not any(module.training for module in result.network.modules())


@pytest.mark.parametrize(
    "refine", [secateur.TensorTrain(evaluations=8), secateur.Exchange(evaluations=8)]
)
def test_refinement_keeps_the_count_and_never_loses_on_its_split(refine):
    network = build()
    plain = secateur.prune(network, task(), amount=5, probes=5)
    refined = secateur.prune(network, task(), amount=5, probes=5, refine=refine)
    assert refined.selection.count == plain.selection.count == 5
    about = refined.selection.provenance["refinement"]
    assert about["value"] >= about["start"]
    assert about["evaluations"] <= 8
    assert refined.rows[-1].evaluations == about["evaluations"]


def test_the_whole_table_and_its_folder(tmp_path):
    network = build()
    result = compare(
        network,
        task(),
        amount="30%",
        methods=standard_methods(evaluations=5),
        probes=5,
        tied=False,
    )
    names = ["dense", "random", "l1", "taylor", "hybrid", "fisher", "residual", "fisher+tt"]
    assert [row.method for row in result.rows] == names
    assert {row.pruned for row in result.rows[1:]} == {5}
    printed = str(result).split("\n\n")[0].splitlines()
    assert len(printed) == 9
    assert "11 (-5)" in printed[2]
    assert len({len(line.rstrip()) for line in printed[2:]}) == 1
    assert "fc: is an output of the network" in str(result)
    save_result(result, tmp_path / "out", network)
    written = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert written == ["figure.png", "network.safetensors", "result.json", "selection.json"]
    content = json.loads((tmp_path / "out" / "result.json").read_text())
    assert content["seed"] == 0
    assert content["versions"]["torch"] == torch.__version__
    for row in content["rows"]:
        assert {
            "method", "amount", "pruned", "channels", "accuracy", "accuracy_compensated",
            "parameters", "macs", "times", "seconds",
        } <= row.keys()  # fmt: skip
    chosen = json.loads((tmp_path / "out" / "selection.json").read_text())
    assert len(chosen["pruned"]) == 5
    assert sum(len(k) for k in chosen["kept"].values()) == 11
    again = secateur.load_slim(build(), tmp_path / "out")
    x = torch.randn(2, 1, 8, 8)
    assert torch.equal(again(x), result.network(x))
    with pytest.raises(FileError, match="exists already"):
        save_result(result, tmp_path / "out", network)


def test_the_same_seed_gives_the_same_result():
    one, same = (secateur.prune(build(), task(), amount=0.3, probes=5, seed=3) for _ in range(2))
    assert one.selection.ones == same.selection.ones
    assert one.rows[-1].metric_compensated == same.rows[-1].metric_compensated


def test_your_own_objective_and_options():
    def largest_first(statistics: secateur.ChannelStatistics, sign: float = 1.0):
        n = len(statistics.channels)
        linear = dict(zip(statistics.channels.labels, sign * np.arange(n), strict=True))
        return dimod.BinaryQuadraticModel(linear, {}, "BINARY")

    result = secateur.prune(
        build(), task(), amount=3, probes=0, objective=largest_first, backend="greedy",
        objective_options={"sign": -1.0}, ignored=["block"], tied=False,
    )  # fmt: skip
    assert result.selection.ones == ("stem.0:5", "stem.0:6", "stem.0:7")
    assert result.rows[-1].method == "largest_first"


def test_without_compensation_the_column_is_empty():
    result = secateur.prune(build(), task(), amount=3, probes=2, compensated=False)
    assert result.rows[-1].metric_compensated is None
    assert result.rows[-1].metric == pytest.approx(evaluate(result.network, task()), abs=1e-6)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"amount": 0.36, "objective": "fischer"}, OptionError, "did you mean 'fisher'"),
        ({"amount": 8}, AmountError, "7 can go"),
        ({"amount": 15, "tied": False}, AmountError, "14 can go"),
        ({"amount": 3, "norm_over": "some"}, OptionError, "'some'"),
        (
            {"amount": 3, "objective": "hybrid", "objective_options": {"gamma": 1}},
            OptionError,
            "similarity_weight",
        ),
        ({"amount": 3, "objective": lambda s: 3}, StageFailed, "made a int and no BQM"),
        ({"amount": 3, "options": {"read": 5}}, secateur.SecateurError, "did you mean 'reads'"),
    ],
)
def test_bad_options_are_named_and_change_nothing(options, error, message):
    network = build()
    before = state(network)
    with pytest.raises(error, match=message):
        secateur.prune(network, task(), probes=2, **options)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


@pytest.mark.parametrize(
    "stage",
    [
        "secateur.measured.measured.collect_statistics",
        "secateur.pruning.selecting.solve",
        "secateur.pruning.refining.refine",
        "secateur.pruning.finishing.fit",
        "secateur.pruning.finishing.cut",
        "secateur.pruning.running.measure_speed",
    ],
)
def test_ctrl_c_in_every_stage_leaves_the_network_as_it_was(monkeypatch, stage):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, interrupted)
    network = build()
    before = state(network)
    modes = [module.training for module in network.modules()]
    with pytest.raises(KeyboardInterrupt):
        secateur.prune(
            network, task(), amount=3, probes=2, refine=secateur.TensorTrain(evaluations=3)
        )
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert [module.training for module in network.modules()] == modes


def test_ctrl_c_while_writing_leaves_no_folder(tmp_path, monkeypatch):
    network = build()
    result = secateur.prune(network, task(), amount=3, probes=2)

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("secateur.report.figure.draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_result(result, tmp_path / "out", network)
    assert list(tmp_path.iterdir()) == []
