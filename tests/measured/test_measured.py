"""Measured once, for many amounts and methods; saved, loaded, and refused where it is stale."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import secateur
from secateur.errors import FileError, OptionError, StaleError
from secateur.methods import Method
from tests.end_to_end.own import batches, build, deep, task


@pytest.fixture(scope="module")
def measured():
    return secateur.measure(deep(), task(), probes=4)


@pytest.fixture(scope="module")
def folder(measured, tmp_path_factory):
    path = tmp_path_factory.mktemp("measured") / "kept"
    measured.save(path)
    return path


@pytest.mark.parametrize("objective", ["fisher", "residual", "hybrid", "taylor", "l1", "random"])
def test_pruning_what_was_measured_is_pruning_the_network(measured, objective):
    once = measured.prune(objective, amount=0.3)
    short = secateur.prune(deep(), task(), objective, amount=0.3, probes=4)
    assert once.selection.ones == short.selection.ones
    assert once.selection.energy == short.selection.energy
    assert once.rows[-1].metric_compensated == short.rows[-1].metric_compensated
    assert once.statistics is measured.statistics


def test_one_measuring_serves_many_amounts_and_methods(monkeypatch):
    passes = []
    real = secateur.measured.measured.collect_statistics
    monkeypatch.setattr(
        "secateur.measured.measured.collect_statistics",
        lambda *a, **k: passes.append(1) or real(*a, **k),
    )
    measured = secateur.measure(deep(), task(), probes=2)
    table = measured.compare(["taylor", Method("fisher", "greedy", name="mine")], [3, "40%"])
    assert len(passes) == 1
    assert [row.method for row in table.rows] == ["dense", "taylor", "mine", "taylor", "mine"]
    assert [row.pruned for row in table.rows] == [0, 3, 3, 8, 8]
    assert [len(result.rows) for result in table.results] == [2, 3, 4, 5]
    for result, row in zip(table.results, table.rows[1:], strict=True):
        assert result.rows[-1] is row
        assert result.selection.count == row.pruned
        assert row.parameters == sum(p.numel() for p in result.network.parameters())
    single = measured.prune("taylor", amount=3)
    assert single.selection.ones == table.results[0].selection.ones


def test_the_qubo_is_that_of_the_objective(measured):
    bqm = measured.qubo("hybrid", similarity_weight=0.3)
    same = secateur.hybrid_qubo(measured.statistics, similarity_weight=0.3)
    assert bqm == same
    assert set(bqm.variables) == set(measured.channels.labels)
    with pytest.raises(OptionError, match="similarity_weight"):
        measured.qubo("hybrid", similarity_wait=0.3)


def test_curves_are_the_lowest_energies_of_each_layer(measured):
    curves = measured.curves("fisher")
    bqm = measured.qubo("fisher")
    assert list(curves) == [group.name for group in measured.channels.groups]
    for group in measured.channels.groups:
        labels = measured.channels.labels[group.slice]
        rows = np.array(np.meshgrid(*[[0, 1]] * group.size)).reshape(group.size, -1).T
        others = np.zeros((len(rows), bqm.num_variables - group.size))
        names = [v for v in bqm.variables if v not in labels]
        energies = bqm.energies((np.hstack([rows, others]), [*labels, *names]))
        best = [energies[rows.sum(1) == k].min() for k in range(group.size + 1)]
        np.testing.assert_allclose(curves[group.name], best, rtol=1e-6, atol=1e-12)


def test_it_is_loaded_as_it_was(measured, folder):
    again = secateur.Measured.load(folder, deep(), task())
    assert again.measuring == measured.measuring
    assert again.seconds == measured.seconds
    for name in ("taylor", "gradient", "empirical_fisher", "l1"):
        np.testing.assert_array_equal(
            getattr(again.statistics, name), getattr(measured.statistics, name)
        )
    for objective in ("fisher", "residual"):
        assert again.qubo(objective) == measured.qubo(objective)
    assert again.prune(amount=4).selection.ones == measured.prune(amount=4).selection.ones
    assert sorted(path.name for path in folder.iterdir()) == [
        "measured.json",
        "statistics.safetensors",
    ]


def other_weights():
    network = deep()
    with torch.no_grad():
        network.stem[0].weight[0, 0, 0, 0] += 1e-6
    return network


def other_buffer():
    network = deep()
    network.stem[1].running_mean[3] += 1e-3
    return network


def changed(split):
    made = task()
    data = [(x.clone(), y.clone()) for x, y in made.calibration]
    data[2][split][0] += 1
    if split:
        data[2][split][0] %= 3
    return secateur.Task(
        data, made.loss, made.metric, likelihood="categorical", selection=batches(1)
    )


@pytest.mark.parametrize(
    ("network", "given", "what"),
    [
        (other_weights, task, "weights"),
        (other_buffer, task, "weights"),
        (build, task, "weights"),
        (deep, lambda: changed(0), "data"),
        (deep, lambda: changed(1), "data"),
    ],
)
def test_a_stale_measuring_is_refused(folder, network, given, what):
    with pytest.raises(StaleError, match=what):
        secateur.Measured.load(folder, network(), given())


def test_other_test_data_are_no_other_measuring(folder, measured):
    made = task()
    other = secateur.Task(
        made.calibration, made.loss, made.metric, test=batches(7), likelihood="categorical"
    )
    again = secateur.Measured.load(folder, deep(), other)
    assert again.prune(amount=4).selection.ones == measured.prune(amount=4).selection.ones


def shuffled():
    x = torch.cat([x for x, _ in batches(0)])
    y = torch.cat([y for _, y in batches(0)])
    loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
    return secateur.Task(loader, task().loss, task().metric, likelihood="categorical")


def test_a_loader_that_shuffles_is_the_same_again(tmp_path):
    torch.manual_seed(5)
    measured = secateur.measure(deep(), shuffled(), probes=1)
    measured.save(tmp_path / "kept")
    torch.manual_seed(6)
    again = secateur.Measured.load(tmp_path / "kept", deep(), shuffled())
    assert again.statistics.data == measured.statistics.data


class Augmented:
    """Batches with noise from a generator of its own, which goes on."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def __iter__(self):
        for x, y in batches(0):
            yield x + torch.as_tensor(self.rng.normal(size=x.shape), dtype=x.dtype), y


def test_data_that_are_drawn_anew_are_refused_with_the_reason(tmp_path):
    given = secateur.Task(Augmented(), task().loss, task().metric, likelihood="categorical")
    secateur.measure(deep(), given, probes=1).save(tmp_path / "kept")
    with pytest.raises(StaleError, match=r"calibration data(.|\n)*drawn anew"):
        secateur.Measured.load(tmp_path / "kept", deep(), given)


def test_a_pruned_network_is_measured_and_pruned_again(measured, tmp_path):
    result = measured.prune(amount=6)
    second = secateur.measure(result, task(), probes=2)
    assert set(second.channels.labels) <= set(measured.channels.labels)
    assert not set(second.channels.labels) & set(result.selection.ones)
    second.save(tmp_path / "second")
    loaded = secateur.Measured.load(tmp_path / "second", result, task())
    once, again = (one.prune(amount=3) for one in (second, loaded))
    assert once.selection.ones == again.selection.ones
    assert once.rows[0].method == "before"
    assert int(once.origin.keep.sum()) == len(measured.channels) - 9


def damaged(name, how):
    def damage(path):
        file = path / name
        how(file)

    return damage


def edited(**changes):
    def edit(file):
        about = json.loads(file.read_text())
        file.write_text(json.dumps({**about, **changes}))

    return edit


@pytest.mark.parametrize(
    "damage",
    [
        damaged("measured.json", lambda f: f.write_text("{")),
        damaged("measured.json", lambda f: f.write_text("[" * 100_000)),
        damaged("measured.json", lambda f: f.write_text("[]")),
        damaged("measured.json", lambda f: f.write_bytes(b"\xff\xfe")),
        damaged("measured.json", lambda f: f.unlink()),
        damaged("measured.json", edited(format=99)),
        damaged("measured.json", edited(format="1")),
        damaged("measured.json", edited(seconds=None)),
        damaged("measured.json", edited(measuring={"tied": True})),
        damaged("measured.json", edited(statistics={})),
        damaged("statistics.safetensors", lambda f: f.unlink()),
        damaged("statistics.safetensors", lambda f: f.write_bytes(f.read_bytes()[:-8])),
        damaged("statistics.safetensors", lambda f: f.write_bytes(b"")),
        damaged(
            "statistics.safetensors",
            lambda f: f.write_bytes(f.read_bytes()[:-1] + bytes([f.read_bytes()[-1] ^ 1])),
        ),
    ],
)
def test_a_damaged_folder_is_refused(folder, tmp_path, damage):
    shutil.copytree(folder, tmp_path / "copy")
    damage(tmp_path / "copy")
    with pytest.raises((FileError, StaleError)) as caught:
        secateur.Measured.load(tmp_path / "copy", deep(), task())
    assert caught.value.remedy


def test_a_folder_in_the_way_is_refused(measured, folder):
    with pytest.raises(FileError, match="exists already"):
        measured.save(folder)


def test_it_can_be_looked_at(measured):
    shown = str(measured)
    for group in measured.channels.groups:
        assert group.name in shown
    assert f"{len(measured.channels)} channels in {len(measured.channels.groups)} layers" in shown
    assert "tied: stem.0 = outer" in shown
    assert "not pruned: fc.2: is an output of the network" in shown
    dense = sum(p.numel() for p in deep().parameters())
    smaller = measured.prune(amount=1, objective="l1")
    path = smaller.selection.ones[0].split(":")[0]
    line = next(line for line in shown.splitlines() if line.startswith(path + " "))
    assert line.split()[2] == str(dense - smaller.rows[-1].parameters)


def test_a_method_is_given_whole_or_by_its_fields(measured):
    whole = measured.prune(Method("taylor", "greedy"), amount=2)
    fields = measured.prune(objective="taylor", backend="greedy", amount=2)
    assert whole.selection.ones == fields.selection.ones
    with pytest.raises(OptionError, match="backend"):
        measured.prune(Method("taylor"), amount=2, backend="greedy")


def test_one_that_fails_does_not_lose_the_others(measured):
    def fails(statistics):
        raise secateur.errors.DataError("no such luck", remedy="try again")

    table = measured.compare(["taylor", fails, "l1"], 3)
    assert [row.method for row in table.rows] == ["dense", "taylor", "l1"]
    assert "fails failed: no such luck" in str(table)
    with pytest.raises(secateur.SecateurError, match="no such luck"):
        measured.compare([fails], 3)
