"""The claims: their peers against closed forms and Torch-Pruning, rows, differences, aims."""

from __future__ import annotations

import importlib
import json
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import secateur
from secateur.methods import resolve
from secateur.network import find_channels
from secateur.network.call import Call
from tests.benchmarking import ROOT, run

X = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(ROOT / "benchmarks") in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


class Tied(nn.Module):
    """A stem and a branch that are added up, with batch norm, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.one = nn.Conv2d(6, 5, 3, padding=1, bias=False)
        self.two = nn.Conv2d(5, 6, 1)
        self.head = nn.Conv2d(6, 3, 1)

    def forward(self, x):
        x = self.norm(self.stem(x)).relu()
        return self.head(x + self.two(self.one(x).relu()))


def network() -> nn.Module:
    torch.manual_seed(1)
    made = Tied().eval()
    with torch.no_grad():
        made.norm.weight.uniform_(0.5, 2.0)
        made.norm.running_var.uniform_(0.5, 2.0)
    return made


def task() -> secateur.Task:
    batches = [(X[:4], X[:4].roll(1, 2)), (X[4:], X[4:].roll(1, 2))]
    return secateur.Task(
        calibration=batches,
        selection=batches,
        loss=lambda out, wanted: (out - wanted).square().flatten(1).sum(1),
        metric=lambda out, wanted: -(out - wanted).square().flatten(1).mean(1),
    )


def whole_gradient(made: nn.Module) -> None:
    """Of the mean loss over all samples."""
    made.zero_grad()
    (made(X) - X.roll(1, 2)).square().flatten(1).sum(1).mean().backward()


def squares(made: nn.Module) -> dict[str, torch.Tensor]:
    """The mean over samples of each one's squared gradient."""
    total = {name: torch.zeros_like(p) for name, p in made.named_parameters()}
    for x in X.split(1):
        made.zero_grad()
        (made(x) - x.roll(1, 2)).square().sum().backward()
        for name, p in made.named_parameters():
            total[name] += p.grad.square() / len(X)
    return total


def found(benchmark, made):
    channels = find_channels(made, Call((X[:1],)))
    return channels, benchmark("claims_peers").peers(made, channels, task())


def test_peers_are_their_formulas(benchmark):
    made = network()
    channels, scores = found(benchmark, made)
    assert [group.size for group in channels.groups] == [6, 5]
    whole_gradient(made)

    def saliency(p, dim):
        return (p * p.grad).abs().movedim(dim, 0).flatten(1).sum(1)

    stem = saliency(made.stem.weight, 0) + saliency(made.two.weight, 0)
    stem = stem + saliency(made.one.weight, 1) + saliency(made.head.weight, 1)
    stem = stem / 4  # no batch norm, as Torch-Pruning's code has it
    inner = (saliency(made.one.weight, 0) + saliency(made.two.weight, 1)) / 2
    raw = torch.cat([stem, inner]).detach().numpy()
    assert scores["Torch-Pruning Taylor, raw"] == pytest.approx(raw, rel=1e-4)
    even = torch.cat([stem / stem.mean(), inner / inner.mean()]).detach().numpy()
    assert scores["Torch-Pruning Taylor"] == pytest.approx(even, rel=1e-4)

    h = squares(made)
    stem = (made.stem.weight.square() * h["stem.weight"]).flatten(1).sum(1)
    stem = stem + (made.norm.weight.square() * h["norm.weight"])
    stem = stem + (made.two.weight.square() * h["two.weight"]).flatten(1).sum(1)
    stem = stem + (made.one.weight.square() * h["one.weight"]).sum((0, 2, 3))
    stem = stem + (made.head.weight.square() * h["head.weight"]).sum((0, 2, 3))
    wanted = (stem / stem.mean()).detach().numpy()
    assert scores["Torch-Pruning OBD Hessian"][:6] == pytest.approx(wanted, rel=1e-4)
    inner = (made.one.weight.square() * h["one.weight"]).flatten(1).sum(1)
    inner = inner + (made.two.weight.square() * h["two.weight"]).sum((0, 2, 3))
    wanted = (inner / inner.mean()).detach().numpy()
    assert scores["Torch-Pruning OBD Hessian"][6:] == pytest.approx(wanted, rel=1e-4)

    norms = made.one.weight.square().flatten(1).sum(1) + made.two.weight.square().sum((0, 2, 3))
    norms = (norms / 2).detach().numpy()
    wanted = [own / norms[norms >= own].sum() for own in norms]
    assert scores["LAMP"][6:] == pytest.approx(wanted, rel=1e-4)
    scale = made.norm.weight.detach().numpy()
    assert scores["BNScale"][:6] == pytest.approx(scale / scale.mean(), rel=1e-5)
    assert scores["BNScale"][6:].min() > 100 * scores["BNScale"][:6].max(), "goes last"


def test_peers_are_those_of_torch_pruning(benchmark):
    """Its own groups, its own code; of its Hessian, which forgets samples, one sample alone."""
    pruning = pytest.importorskip("torch_pruning")
    made = network()
    _channels, scores = found(benchmark, made)
    importance = pruning.importance
    kinds = {
        "Torch-Pruning Taylor, raw": importance.GroupTaylorImportance(normalizer=None),
        "Torch-Pruning Taylor": importance.GroupTaylorImportance(),
        "LAMP": importance.LAMPImportance(),
        "FPGM": importance.FPGMImportance(),
        "BNScale": importance.BNScaleImportance(),
    }
    whole_gradient(made)
    graph = pruning.DependencyGraph().build_dependency(made, example_inputs=X[:1])
    for layer, part in ((made.stem, slice(0, 6)), (made.one, slice(6, 11))):
        group = graph.get_pruning_group(
            layer, pruning.prune_conv_out_channels, list(range(layer.out_channels))
        )
        for name, kind in kinds.items():
            theirs = kind(group)
            if theirs is not None:
                assert scores[name][part] == pytest.approx(theirs.numpy(), rel=1e-3), name
        hessian = importance.GroupHessianImportance()
        for p, value in zip(made.parameters(), squares(network()).values(), strict=True):
            hessian._accu_grad[p], hessian._counter[p] = value, 1
        theirs = hessian(group).detach().numpy()
        assert scores["Torch-Pruning OBD Hessian"][part] == pytest.approx(theirs, rel=1e-3)
        whole_gradient(made)


def test_the_lowest_scores_go(benchmark):
    scores = np.array([3.0, 1, 2, 9, 8, 7, 0.5, 4, 5, 6, 10])
    measured = secateur.measure(network(), task(), probes=0)
    method = benchmark("claims_methods").method_of("LAMP", {"LAMP": scores})
    result = measured.prune(method, amount=3)
    assert sorted(result.selection.ones) == ["one:0", "stem:1", "stem:2"]
    assert result.rows[-1].method == "LAMP"


def test_every_row_is_a_method_of_its_own(benchmark):
    methods = benchmark("claims_methods")
    rows = [one.name for one in methods.CONTENDERS if one.kind != "peer"]
    made = {row: resolve(methods.method_of(row, {})) for row in rows}
    choices = [(one.objective, one.method.rounds) for one in made.values()]
    assert len({str(choice) for choice in choices}) == len(rows) - 3, (
        "the long ones are there again"
    )
    assert made["residual in 3 rounds"].method.rounds == 3
    assert made["hybrid, true Fisher"].objective.fisher_kind == "true"
    alone = made["hybrid, true Fisher, linear alone"].objective
    assert alone.couplings == "none"
    assert alone.whole == made["hybrid, true Fisher"].objective


def test_differences_are_paired_and_say_what_they_may_be(benchmark):
    pairs = benchmark("claims_pairs")
    runs = [
        {"network": "n", "amount": "5%", "method": method, "seed": seed, "compensated": value}
        for method, values in {
            "a": [30.0, 31, 32, 33],
            "b": [29.9, 30.8, 31.7, 32.6],
            "c": [28.0, 29, 30, 31],
        }.items()
        for seed, value in enumerate(values)
    ]
    found = pairs.difference(runs[:-1], "n", "5%", ("a", "b"), "compensated")
    assert found.mean == pytest.approx(0.25)
    assert (found.how, found.pairs) == ("BCa", 4)
    assert 0.1 <= found.low < found.mean < found.high <= 0.4
    constant = pairs.difference(runs, "n", "5%", ("a", "c"), "compensated", 100.0)
    assert (constant.low, constant.high, constant.how) == (200.0, 200.0, "percentile")
    assert str(constant) == "+200.00 [+200.00, +200.00]*"
    assert pairs.difference(runs[:-1], "n", "5%", ("a", "c"), "compensated").pairs == 3
    assert pairs.difference(runs[:1], "n", "5%", ("a", "c"), "compensated") is None
    alone = pairs.difference([runs[0], runs[4]], "n", "5%", ("a", "b"), "compensated")
    assert str(alone) == "+0.10"


def test_rows_are_found_again_and_others_are_not_mixed_in(benchmark, tmp_path, capsys):
    rows = benchmark("claims_rows").Rows
    path = tmp_path / "rows.jsonl"
    first = rows(path, {"steps": 1}, resume=False)
    first.add("n", 0, "50%", "fisher", compensated=1.5)
    first.add("n", 0, "50%", "taylor", compensated=1.0)
    with path.open("a") as file:
        file.write('{"network": "n", "se')  # stopped in the middle
    again = rows(path, {"steps": 1}, resume=True)
    assert again.has("n", 0, "50%", "fisher")
    assert not again.has("n", 1, "50%", "fisher")
    again.add("n", 1, "50%", "fisher", compensated=2.0)
    third = rows(path, {"steps": 1}, resume=True)
    keys = [("n", seed, "50%", "fisher") for seed in (0, 1, 2)]
    assert [row["compensated"] for row in third.of(keys)] == [1.5, 2.0]
    assert not rows(path, {"steps": 2}, resume=True).has("n", 0, "50%", "fisher")
    assert "3 rows of other settings" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="--resume"):
        rows(path, {"steps": 1}, resume=False)


def content_of(auto: float, residual: float, taylor: float = 30.0, peer: float = 29.0) -> dict:
    """Two seeds of the chain at 50 %, dense 31.8 dB."""
    runs = []
    for seed in (0, 1):
        noise = 0.02 * seed
        cell = {"network": "chain", "seed": seed, "amount": "50%", "channels": 4, "pruned": 2}
        dense = cell | {"amount": "0%", "method": "dense", "masked": 31.8}
        runs.append(dense | {"recovered": 31.8, "tuned": 31.8, "compensated": 31.8})
        for method, value in {
            "taylor": taylor,
            "residual": residual,
            "auto": auto,
            "LAMP": peer,
            "FPGM": peer - 1,
        }.items():
            values = {"masked": value - 3, "compensated": value + noise}
            values |= {"recovered": value + 0.4 + noise, "tuned": value + 0.5}
            runs.append(cell | {"method": method, **values})
    return {
        "networks": {"chain": ["dB", 1.0]},
        "recipe": {"steps": 1, "tuning": 1, "tied": True},
        "runs": runs,
    }


def test_aims_that_are_met(benchmark):
    found = benchmark("claims_aims").aims(content_of(auto=31.2, residual=31.2))
    assert len(found) == 6
    assert all(aim["met"] and not aim["cause"] for aim in found)


def test_a_missed_aim_has_its_cause(benchmark):
    content = content_of(auto=29.9, residual=30.5, peer=30.0)
    lost, won, compensated, recovered, ahead = benchmark("claims_aims").aims(content)
    assert not any(aim["met"] for aim in (lost, won, compensated, recovered, ahead))
    assert lost["found"] == "1.49 dB below (auto)"  # 31.8 - (29.9 + 0.4 + 0.01)
    assert "compensation leaves 1.89 dB" in lost["cause"]
    assert "in hindsight residual is best with +0.50" in won["cause"]
    assert "the choice costs 0.60 dB" in compensated["cause"]
    assert ahead["found"] == "ahead in 0 of 1 cells"
    assert "chain 50% (LAMP) -0.10" in ahead["cause"]
    text = benchmark("claims_tables").tables({**content, "aims": [lost]})
    assert "**missed**: chain, 50%: at most 1.0 dB below dense" in text
    assert "| taylor" in text
    assert "(the best peer, recovered)" in text
    assert "27.00 ⇒ 30.01 ⇒ 30.41 ⇒ 30.50" in text


def test_the_picture_has_a_panel_for_each_network(benchmark, tmp_path):
    benchmark("claims_figure").draw(content_of(auto=31.0, residual=30.0), tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes()[:4] == b"\x89PNG"


def test_it_runs_stops_and_goes_on(tmp_path):
    """A tiny chain, which has no batch norm, and a tiny ResNet, whose channels are tied."""
    options = ["--networks", "chain", "resnet", "--cache", str(tmp_path / "cache"), "--resume"]
    content, text = run(tmp_path, "claims.py", *options)
    rows = {(row["network"], row["method"]): row for row in content["runs"]}
    assert {method for name, method in rows if name == "chain"} >= {"dense", "auto", "LAMP"}
    assert rows["chain", "auto"]["chosen"] in rows["chain", "auto"]["auto"]
    for (name, method), row in rows.items():
        if method != "dense":
            assert row["pruned"] == rows[name, "taylor"]["pruned"]
    assert "## resnet, %, 1 calibration seeds" in text
    lines = Path(tmp_path / "made.jsonl").read_text().splitlines()
    assert len(lines) == len(content["runs"]) == len({json.dumps(r) for r in content["runs"]})
    # of the first row alone: nothing is measured
    (tmp_path / "made.jsonl").write_text(lines[0] + "\n")
    fewer, _ = run(tmp_path, "claims.py", *options[:-1], "--tables")
    assert fewer["runs"] == content["runs"][:1]


def test_only_what_is_named_is_made(tmp_path):
    """Filters by themselves, calibrated on the photographs' own colours."""
    named = ["--networks", "small-halfunet", "--methods", "taylor", "residual", "--amounts", "20%"]
    runs = {}
    for how in ([], ["--untied"], ["--plain-colours"]):
        folder = tmp_path / "-".join(["made", *how])
        content, text = run(folder, "claims.py", *named, *how)
        assert [row["method"] for row in content["runs"]] == ["dense", "taylor", "residual"]
        assert ("Every filter goes by itself" in text) == (how == ["--untied"])
        assert ("colours of their photographs" in text) == (how == ["--plain-colours"])
        runs[" ".join(how)] = content["runs"][1]
    untied, tied, plain = runs["--untied"], runs[""], runs["--plain-colours"]
    assert untied["channels"] > tied["channels"] == plain["channels"]
    assert tied["compensated"] != plain["compensated"]


@pytest.mark.parametrize(
    "words", [["--methods", "taylorr"], ["--amounts", "30%"], ["--networks", "u-net"]]
)
def test_a_name_that_there_is_not_is_said(tmp_path, capsys, words):
    with pytest.raises(SystemExit):
        run(tmp_path, "claims.py", *words)
    assert f"{words[0]}: no {words[1]!r}; there are" in capsys.readouterr().err


def test_rows_of_before_the_colours_could_be_chosen_stay_comparable(benchmark):
    recipe = benchmark("claims_cells").Recipe
    assert "plain_colours" not in recipe().key()
    assert recipe(plain_colours=True).key()["plain_colours"] is True


def test_options_of_an_objective_are_made_where_they_are_named(benchmark):
    asked, contenders = benchmark("claims").asked, benchmark("claims_methods").CONTENDERS
    option = next(one for one in contenders if one.name == "fisher with gradient")
    given = Namespace(quick=False, methods=None, amounts=None)
    assert not asked(given, None, "50%", option)
    assert all(asked(given, None, "50%", one) for one in contenders if one.kind != "option")
    given.methods = ["fisher with gradient"]
    assert [one for one in contenders if asked(given, None, "50%", one)] == [option]


def test_a_margin_is_judged_on_the_other_split(benchmark):
    margin = benchmark("claims_margin")
    selection = {"taylor": 30.0, "fisher": 30.04, "residual": 29.0}
    test = {"taylor": 25.0, "fisher": 24.0, "residual": 27.0}
    where = {"network": "n", "seed": 0, "amount": "5%"}
    runs = [{**where, "method": name, "compensated": value} for name, value in test.items()]
    runs.append({**where, "method": "auto", "compensated": 24.0, "auto": selection})
    content = {"networks": {"n": ["dB", 1.0]}, "runs": runs}
    cell = ("n", "5%")
    assert margin.leads(content, 0.0, exchanged=False) == {cell: -1.0}
    assert margin.leads(content, 0.05, exchanged=False) == {cell: 0.0}
    assert margin.leads(content, 2.0, exchanged=True) == {cell: -1.0}
    assert margin.leads(content, 2.5, exchanged=True) == {cell: 0.0}
    assert margin.margins({**content, "networks": {"n": ["points", 100.0]}}) == []
