"""Many methods on one measuring: what the table says, what is shared, and what is refused."""

from __future__ import annotations

import dataclasses

import dimod
import numpy as np
import pytest

import secateur
from secateur.errors import DataError, OptionError
from secateur.methods import Method
from secateur.network.labels import Origin
from secateur.pruning import running
from secateur.pruning.planning import Planner
from secateur.statistics import reliability
from secateur.surgery.speed import Speed
from secateur.surgery.timing import Times
from tests.end_to_end.own import deep, task


@pytest.fixture(scope="module")
def measured():
    return secateur.measure(deep(), task(), probes=3, seed=2)


@pytest.fixture(autouse=True)
def timed(monkeypatch):
    """Times that are made up: the dense network 8 ms, the others 1, 2, … ms."""
    asked = []

    def measure_speed(networks, call, *, where, seconds):
        asked.append((list(networks), where, seconds))
        best = {name: 8e-3 if name == "dense" else (int(name) + 1) * 1e-3 for name in networks}
        rounds = np.array([3.0, 1.0, 2.0])
        made = {name: rounds * value for name, value in best.items()}
        return Speed({"eager": Times(made)}, {"onnxruntime": "no such thing"})

    monkeypatch.setattr(running, "measure_speed", measure_speed)
    return asked


def test_the_rows_of_a_table(measured, timed):
    table = measured.compare(["taylor", "random"], [4, "50%"])
    n = len(measured.channels)
    dense, *rows = table.rows
    ((names, where, seconds),) = timed
    assert names == ["dense", "0", "1", "2", "3"]
    assert where == ["eager"]
    assert seconds == pytest.approx(running.TIMING * 5)
    assert [row.times_ms["eager"] for row in table.rows] == pytest.approx([8, 1, 2, 3, 4])
    assert dense.speedups == {}
    assert [row.speedups["eager"].value for row in rows] == pytest.approx([8, 4, 8 / 3, 2])
    assert (dense.amount, dense.pruned, dense.channels, dense.seconds) == (0.0, 0, n, 0.0)
    assert dense.metric == dense.metric_compensated == measured.dense_metric
    assert [row.pruned for row in rows] == [4, 4, n // 2, n // 2]
    for row, result in zip(rows, table.results, strict=True):
        assert row.amount == row.pruned / n
        assert row.channels == n - row.pruned
        if row.method == "random":
            assert (row.energy, row.proof) == (None, "no QUBO")
        else:
            assert row.energy == result.selection.energy
            assert row.proof == result.selection.proof
    for number, result in enumerate(table.results):
        assert result.rows == table.rows[: number + 2]
        assert result.untimed == {"onnxruntime": "no such thing"}
        assert result.seed == 2
        assert result.dense is measured.network
        assert result.statistics_seconds == measured.seconds
        np.testing.assert_array_equal(result.origin.keep, result.selection.bits == 0)
        assert result.reliability == reliability(measured.statistics)
        settings = result.to_json()["settings"]
        assert [one["name"] for one in settings["methods"]] == ["taylor", "random"]
        assert settings["probes"] == 3
        assert settings["amount"] == [4, 4, "50%", "50%"][number]
    assert table.last is table.results[-1]
    assert str(table) == str(table.last)


def test_a_runtime_is_asked_for_once(measured, timed):
    measured.prune("taylor", amount=2, runtimes=("onnxruntime", "eager", "onnxruntime"))
    assert timed[0][1] == ["onnxruntime", "eager"]


def test_without_probes_nothing_is_said_of_them():
    result = secateur.prune(deep(), task(), "taylor", amount=2, probes=0)
    assert result.reliability is None


def test_a_second_round_is_told_as_one(measured):
    first = measured.prune("taylor", amount=6)
    again = secateur.prune(first, task(), "taylor", amount=3, probes=0)
    assert [row.method for row in again.rows] == ["before", "taylor"]
    assert isinstance(again.origin, Origin)
    gone = set(first.selection.ones) | set(again.selection.ones)
    left = {label for label, keep in zip(measured.channels.labels, again.origin.keep, strict=True)
            if keep}  # fmt: skip
    assert left == set(measured.channels.labels) - gone
    assert again.to_json()["dense_channels"] == len(measured.channels)
    assert again.to_json()["channels_left"] == len(left)


def test_a_refinement_is_shown_beside_the_selection_it_starts_from(measured, monkeypatch):
    chosen = []
    real = Planner.select

    def select(self, statistics, method):
        chosen.append(method.name)
        return real(self, statistics, method)

    monkeypatch.setattr(Planner, "select", select)
    methods = [
        Method("fisher"),
        Method("fisher", refine="exchange", refine_options={"evaluations": 3}),
        Method("taylor"),
        Method("fisher", compensated=False, name="plain"),
    ]
    table = measured.compare(methods, [3, 5])
    assert chosen == ["fisher", "taylor"] * 2, "chosen once for each amount"
    for first in (0, 4):
        plain, _, _, same = table.results[first : first + 4]
        assert plain.selection.ones == same.selection.ones
    assert {row.pruned for row in table.rows[5:]} == {5}


def fails(statistics):
    raise DataError("no such luck", remedy="try again")


def fails_too(statistics):
    raise DataError("neither", remedy="try again")


def test_failures_are_told_in_the_notes_and_the_first_where_all_fail(measured, caplog):
    table = measured.compare([fails, "taylor", fails_too], 2)
    assert [row.method for row in table.rows] == ["dense", "taylor"]
    assert table.last.notes[-2:] == ("fails failed: no such luck", "fails_too failed: neither")
    assert "fails failed: no such luck" in caplog.text
    square = measured.compare([fails, "taylor"], [2, 3])
    assert [row.pruned for row in square.rows] == [0, 2, 3]
    with pytest.raises(DataError, match="no such luck"):
        measured.compare([fails, fails_too], 2)
    caplog.clear()
    with pytest.raises(DataError, match="no such luck"):
        measured.compare([fails], [2, 3])
    assert caplog.text.count("no such luck") == 2
    caplog.clear()
    with pytest.raises(DataError, match="no such luck"):
        measured.prune(fails, amount=2)
    assert not caplog.text, "one alone is raised, and not logged besides"


@pytest.mark.parametrize(
    ("methods", "amounts", "said"),
    [([], [3], "0 methods and 1 amounts"), (["taylor"], [], None), ([], [], None)],
)
def test_nothing_to_do_is_told(measured, methods, amounts, said):
    with pytest.raises(secateur.SecateurError, match=said) as caught:
        measured.compare(methods, amounts)
    assert caught.value.remedy
    for job in (([], ["w"]), (["m"], []), ([], [])):
        with pytest.raises(OptionError, match=f"{len(job[0])} methods and {len(job[1])} amounts"):
            running.prepare(measured.subject, job[1], job[0], 0)


def test_what_was_not_measured_is_told(measured):
    across = {"objective_options": {"across_groups": True}}
    with pytest.raises(OptionError, match="fisher is to have couplings between layers") as caught:
        measured.prune("fisher", amount=2, **across)
    assert caught.value.remedy == "measure with across_groups=True"
    without = secateur.measure(deep(), task(), probes=0)
    with pytest.raises(OptionError, match="'fisher' needs Fisher probes, and probes is 0"):
        without.prune("fisher", amount=2)
    assert without.prune("taylor", amount=2).selection.count == 2
    with pytest.raises(OptionError, match="seed is given twice: 2, and 5"):
        measured.prune("taylor", amount=2, backend="annealing", options={"seed": 5})


def test_couplings_between_layers_are_measured_where_a_method_needs_them():
    across = Method("fisher", "greedy", objective_options={"across_groups": True})
    result = secateur.compare(deep(), task(), ["taylor", across], amount=2, probes=2)
    assert result.rows[-1].method == "fisher"
    settings = result.to_json()["settings"]
    assert settings["across_groups"] is True
    plain = secateur.compare(deep(), task(), ["taylor", "l1"], amount=2, probes=0)
    assert plain.to_json()["settings"]["across_groups"] is False


def test_a_backend_is_asked_whether_it_takes_a_problem_of_this_size(measured, monkeypatch):
    seen = []

    def check_applicable(solver, problem, options):
        seen.append((solver.name, problem, options))

    monkeypatch.setattr(running, "check_applicable", check_applicable)
    measured.compare([Method("taylor", "exhaustive", options={"time_limit": 25}), "l1"], [2])
    ((name, problem, options),) = seen
    assert (name, options.time_limit) == ("exhaustive", 25.0)
    assert problem.variables == measured.channels.labels
    assert problem.couplings.nnz == 0
    assert not problem.linear.any()


def test_rows_cannot_be_changed(measured):
    table = measured.compare(["l1"], [2])
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.rows[0].metric = 3.0
    assert isinstance(measured.qubo("l1"), dimod.BinaryQuadraticModel)
