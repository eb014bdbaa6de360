"""What was measured: told, kept in a folder, and pruned by what is asked."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import secateur
from secateur.errors import AmountError, FileError, OptionError, StaleError
from secateur.measured import folder as folder_module
from secateur.measured import landscape, many_methods, one_method
from secateur.measured.describing import as_json, group_rows
from secateur.measured.folder import ABOUT, STATISTICS, read_settings
from secateur.methods import Measuring, Method, Wanted
from secateur.pruning.running import Comparison
from tests.end_to_end.own import build, deep, task


@pytest.fixture(scope="module")
def measured():
    return secateur.measure(deep(), task(), probes=3, seed=5)


@pytest.fixture(scope="module")
def without():
    return secateur.measure(build(), task(), probes=0)


@pytest.fixture(scope="module")
def kept(measured, tmp_path_factory):
    path = tmp_path_factory.mktemp("measured") / "kept"
    measured.save(path)
    return path


# -- in words


def test_rows_are_sums_over_groups_and_costs_of_one_channel(measured):
    rows = group_rows(measured)
    channels, statistics = measured.channels, measured.statistics
    assert [row.group for row in rows] == list(channels.groups)
    dense = channels.cost(np.zeros(len(channels), dtype=bool))
    for row, group in zip(rows, channels.groups, strict=True):
        one = np.zeros(len(channels), dtype=bool)
        one[group.start] = True
        fewer = channels.cost(one)
        assert row.parameters == dense["params"] - fewer["params"] > 0
        assert row.macs == dense["macs"] - fewer["macs"] > 0
        assert row.taylor == pytest.approx(statistics.taylor[group.slice].sum())
        assert row.fisher == pytest.approx(statistics.fisher_diagonal[group.slice].sum() / 2)


def test_the_head_of_what_is_printed(without):
    (head, blank, *_) = str(replace(without, seconds=1.26)).splitlines()
    assert blank == ""
    assert head == f"8 channels in 1 layer, 24 samples, loss {without.statistics.loss:.4g}; " + (
        "measured in 1.3 s"
    )
    fresh = replace(without)
    metric = fresh.dense_metric
    assert f", accuracy {metric:.3f};" in str(fresh)
    assert metric == secateur.metric.evaluate(without.network, without.task)


def test_what_is_said_of_couplings_and_units(measured):
    text = str(measured).splitlines()[0]
    assert "20 channels in 3 layers, 24 samples" in text
    assert f", reliability of the Fisher couplings {measured.reliability:.2f};" in text
    assert 0 <= measured.reliability <= 1
    in_units = replace(measured, subject=replace(measured.subject, task=in_decibels()))
    assert f"PSNR {in_units.dense_metric:.3f} dB" in str(in_units).splitlines()[0]


def in_decibels():
    made = task()
    return secateur.Task(
        made.calibration, made.loss, made.metric, test=made.test, metric_name="PSNR",
        metric_unit="dB", likelihood="categorical",
    )  # fmt: skip


def test_lines_below_only_where_there_are_some(measured):
    lines = str(measured).splitlines()
    assert lines[-1].startswith("not pruned: ")
    table_ends = lines.index("", 2)
    assert table_ends == 2 + 1 + len(measured.channels.groups) + (lines[3][0] in "-─")
    noted = replace(measured, subject=replace(measured.subject, notes=("a note",)))
    assert str(noted).splitlines()[-1] == "a note"


def test_the_same_as_data(measured, without):
    told = json.loads(json.dumps(as_json(measured)))
    assert told["channels"] == 20
    assert told["samples"] == 24
    assert told["loss"] == measured.statistics.loss
    assert told["reliability"] == measured.reliability
    assert told["seconds"] == measured.seconds
    assert told["task"] == "stripes"
    assert told["measuring"]["probes"] == 3
    assert told["tied"] == [["stem.0", "outer"]]
    assert told["not_pruned"][0] == {"path": "fc.2", "reason": "is an output of the network"}
    assert told["notes"] == []
    rows = group_rows(measured)
    for group, row in zip(told["groups"], rows, strict=True):
        assert group["layer"] == row.group.name
        assert group["channels"] == row.group.size
        assert group["parameters_each"] == row.parameters
        assert group["macs_each"] == row.macs
        assert group["taylor"] == row.taylor
        assert group["tied"] == list(row.group.tied)
    plain = as_json(without)
    assert plain["reliability"] is None
    assert group_rows(without)[0].fisher is None
    assert without.reliability is None


# -- the folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_written_whole_or_not_at_all(measured, tmp_path, monkeypatch):
    measured.save(tmp_path / "deep" / "er" / "kept")
    assert names(tmp_path / "deep" / "er" / "kept") == [ABOUT, STATISTICS]
    assert names(tmp_path / "deep" / "er") == ["kept"]

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder_module, "save_file", full)
    with pytest.raises(FileError, match="other cannot be written: No space left on device"):
        measured.save(tmp_path / "other")
    assert names(tmp_path) == ["deep"]
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(FileError, match="link exists already"):
        measured.save(tmp_path / "link")


def test_the_settings_of_a_folder(kept, measured):
    assert read_settings(kept) == measured.measuring
    assert json.loads((kept / ABOUT).read_text())["format"] == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "its format is 2, and this reads 1"),
        ({"format": True}, "format in measured.json is no int"),
        ({"seconds": 3}, "seconds in measured.json is no float"),
        ({"labels": None}, "labels in measured.json is no str"),
        ({"weights": 3}, "weights in measured.json is no str"),
        ({"statistics": []}, "statistics in measured.json is no dict"),
        ({"measuring": {"tied": True}}, "its settings are tied"),
    ],
)
def test_what_is_wrong_in_a_folder_is_named(kept, tmp_path, change, said):
    about = json.loads((kept / ABOUT).read_text())
    (tmp_path / ABOUT).write_text(json.dumps({**about, **change}))
    for read in (read_settings, lambda path: secateur.Measured.load(path, deep(), task())):
        with pytest.raises(FileError) as caught:
            read(tmp_path)
        assert caught.value.message == f"{tmp_path} is damaged: {said}"
        assert caught.value.remedy == "measure again"


@pytest.mark.parametrize(
    "change", [{"probes": -1}, {"seed": "x"}, {"norm_over": "some"}, {"ignored": 3}]
)
def test_settings_out_of_range_are_damage(kept, tmp_path, change):
    about = json.loads((kept / ABOUT).read_text())
    about["measuring"].update(change)
    (tmp_path / ABOUT).write_text(json.dumps(about))
    with pytest.raises(FileError, match=f"is damaged: option '{next(iter(change))}'"):
        read_settings(tmp_path)


@pytest.mark.parametrize(
    ("name", "what"),
    [("weights", "weights of the network"), ("labels", "channels of the network")],
)
def test_what_is_stale_is_named_with_both_fingerprints(kept, tmp_path, name, what):
    about = json.loads((kept / ABOUT).read_text())
    then, about[name] = about[name], "f" * 64
    (tmp_path / ABOUT).write_text(json.dumps(about))
    with pytest.raises(StaleError) as caught:
        secateur.Measured.load(tmp_path, deep(), task())
    assert caught.value.message == (
        f"the {what} are not those that were measured (sha256 {then[:12]}, then {'f' * 12})"
    )


def test_statistics_that_are_gone_are_damage(kept, tmp_path):
    (tmp_path / ABOUT).write_text((kept / ABOUT).read_text())
    with pytest.raises(FileError, match=f"is damaged: {STATISTICS} cannot be read"):
        secateur.Measured.load(tmp_path, deep(), task())


def test_loading_draws_nothing_from_the_user(kept):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    loaded = secateur.Measured.load(kept, deep(), task())
    assert torch.equal(torch.get_rng_state(), before)
    assert loaded.measuring.seed == 5


# -- the curves


def test_every_layer_has_its_share_of_the_time_that_is_left(measured, monkeypatch):
    shares, given = [], []

    class Control:
        def __init__(self, seconds):
            given.append(seconds)

        def part(self, share):
            shares.append(share)
            return f"part {share:.3f}"

    def upper_curve(block, *, control):
        given.append(control)
        return type("Curve", (), {"energy": np.zeros(len(block.linear) + 1)})

    monkeypatch.setattr(landscape, "Control", Control)
    monkeypatch.setattr(landscape, "upper_curve", upper_curve)
    curves = measured.curves("fisher")
    assert given == [landscape.SECONDS, "part 0.333", "part 0.500", "part 1.000"]
    assert shares == [pytest.approx(1 / 3), 0.5, 1.0]
    assert [len(curve) for curve in curves.values()] == [
        group.size + 1 for group in measured.channels.groups
    ]


def test_couplings_inside_a_layer_are_those_of_the_qubo(measured):
    bqm = measured.qubo("fisher")
    problem = secateur.objectives.resolve_objective("fisher").problem(measured.statistics, ())
    for group in measured.channels.groups:
        block = landscape._block(problem, group.slice)
        labels = measured.channels.labels[group.slice]
        np.testing.assert_allclose(block.linear, [bqm.linear[label] for label in labels])
        assert block.allowed.all()
        assert len(block.allowed) == group.size + 1
        np.testing.assert_array_equal(block.positions, np.arange(group.size))
        z = np.arange(group.size) % 3 != 0
        chosen = [label for label, one in zip(labels, z, strict=True) if one]
        energy = bqm.energy({label: int(label in chosen) for label in bqm.variables})
        np.testing.assert_array_equal(block.couplings, block.couplings.T)
        inside = block.linear @ z + z @ np.triu(block.couplings) @ z
        assert inside + bqm.offset == pytest.approx(energy, rel=1e-6)
    plain = secateur.objectives.resolve_objective("l1").problem(measured.statistics, ())
    assert landscape._block(plain, measured.channels.groups[0].slice).couplings is None


# -- pruning


def ran(measured, monkeypatch):
    jobs = []

    def finished(self, job):
        jobs.append(job)
        return Comparison(("last",))

    monkeypatch.setattr(type(measured), "finished", finished)
    return jobs


@pytest.mark.parametrize(
    ("amounts", "found"),
    [
        (3, [3]), (0.5, [0.5]), ("3", ["3"]), ([3, "4", 0.5], [3, "4", 0.5]),
        (iter([2, 3]), [2, 3]), (Wanted(amount=4), [4]), ([Wanted(amount=4), 5], [4, 5]),
    ],
)  # fmt: skip
def test_amounts_are_one_or_several(measured, monkeypatch, amounts, found):
    jobs = ran(measured, monkeypatch)
    measured.compare(["l1"], amounts)
    assert [one.wanted.amount for one in jobs[0].planners] == found


def test_a_budget_says_all_or_stands_beside_each(measured, monkeypatch):
    jobs = ran(measured, monkeypatch)
    measured.compare(["l1"], budget={"macs": 0.6}, minimum={"inner.*": 2})
    measured.compare(["l1"], [2, 3], budget={"macs": 0.6})
    wanted = [[one.wanted for one in job.planners] for job in jobs]
    assert [(one.amount, one.budget, one.minimum) for one in wanted[0]] == [
        (None, {"macs": 0.6}, {"inner.*": 2})
    ]
    assert [(one.amount, one.budget) for one in wanted[1]] == [
        (2, {"macs": 0.6}),
        (3, {"macs": 0.6}),
    ]
    with pytest.raises(AmountError, match="neither an amount nor a budget"):
        measured.compare(["l1"])
    with pytest.raises(AmountError, match="neither"):
        measured.compare(["l1"], Wanted())


@pytest.mark.parametrize(("given", "used"), [(None, 5), (0, 0), (7, 7), ("3", 3)])
def test_the_seed_is_that_of_the_measuring_unless_given(measured, monkeypatch, given, used):
    jobs = ran(measured, monkeypatch)
    assert measured.prune("l1", amount=2, seed=given) == "last"
    measured.compare(["l1"], 2, seed=given)
    assert [job.seed for job in jobs] == [used, used]
    assert [job.planners[0].seed for job in jobs] == [used, used]
    for wrong in (-1, 2**31, 1.5, True):
        with pytest.raises(OptionError, match="seed"):
            measured.prune("l1", amount=2, seed=wrong)


def test_a_method_in_every_way():
    assert one_method(None, {}).method == Method()
    assert one_method(None, {"objective": "l1"}).method == Method("l1")
    assert one_method("l1", {}).method == Method("l1")
    assert one_method("l1", {"ridge": 0.5}).method == Method("l1", ridge=0.5)
    whole = Method("l1", name="x")
    assert one_method(whole, {}).method is whole
    with pytest.raises(OptionError, match="a method is given, and ridge, name besides"):
        one_method(whole, {"ridge": 0.5, "name": "y"})
    assert [one.name for one in many_methods(None)][-1] == "fisher+tt"
    assert [one.name for one in many_methods(iter(["l1", whole]))] == ["l1", "x"]


def test_what_is_measured_is_what_was_asked(monkeypatch):
    given = {}
    real = secateur.measured.measured.collect_statistics

    def collect(network, made, channels, **about):
        given.update(about)
        return real(network, made, channels, **about)

    monkeypatch.setattr("secateur.measured.measured.collect_statistics", collect)
    moments = iter([10.0, 12.5])
    monkeypatch.setattr(
        "secateur.measured.measured.time", type("T", (), {"monotonic": lambda: next(moments)})
    )
    measured = secateur.measure(deep(), task(), probes=1, seed=4, measure_batches=2)
    assert given == {"probes": 1, "seed": 4, "batches": 2, "across_groups": False}
    assert measured.seconds == 2.5
    assert measured.statistics.samples == 16
    assert measured.measuring == Measuring(probes=1, seed=4, measure_batches=2)
    assert measured.subject.origin is None
