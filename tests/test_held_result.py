"""What pruning gives back: told, and measured again."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
import torch

import secateur
from secateur.errors import NetworkError
from secateur.metric import evaluate
from secateur.result import format_rows
from secateur.surgery import count_parameters
from tests.end_to_end.own import deep, task


@pytest.fixture(scope="module")
def result():
    return secateur.prune(deep(), task(), "l1", amount=6, probes=0, seed=3)


def test_it_is_told_as_data(result):
    told = result.to_json()
    assert [row["method"] for row in told["rows"]] == ["dense", "l1"]
    assert told["rows"][1]["accuracy"] == result.rows[1].metric
    assert told["rows"][1]["times"]["eager"]["ms"] == result.rows[1].times_ms["eager"]
    assert (told["task"], told["metric"], told["seed"]) == ("stripes", "accuracy", 3)
    assert told["reliability"] is None
    assert told["calibration_samples"] == 24
    assert told["statistics_seconds"] == result.statistics_seconds
    assert (told["dense_channels"], told["channels_left"]) == (20, 14)
    assert told["tied"] == [["stem.0", "outer"]]
    assert told["not_pruned"] == [
        {"path": path, "reason": reason} for path, reason in result.channels.stands
    ]
    assert told["not_pruned"]
    assert told["settings"]["amount"] == 6
    bare = replace(result, origin=None).to_json()
    assert not {"dense_channels", "channels_left"} & bare.keys()


def test_a_row_by_itself(result):
    told = result.rows[1].to_json("PSNR")
    assert told["PSNR"] == result.rows[1].metric
    assert told["PSNR_compensated"] == result.rows[1].metric_compensated
    assert set(told["times"]) == {"eager"}


def test_it_is_told_as_a_table(result):
    header, *rows = csv.reader(io.StringIO(result.to_csv()))
    assert [row[header.index("method")] for row in rows] == ["dense", "l1"]
    assert float(rows[1][header.index("accuracy")]) == pytest.approx(result.rows[1].metric)
    lines = [line for line in result.to_markdown().splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert lines[3].startswith("| l1")
    noted = replace(result, notes=("a note",), untimed={"onnxruntime": "no such thing"})
    table = format_rows(result.rows, result.task)
    assert str(result).startswith(table + "\n\n")
    assert str(noted).splitlines()[-2:] == ["a note", "not timed in onnxruntime: no such thing"]
    assert noted.to_json()["untimed"] == {"onnxruntime": "no such thing"}
    assert noted.to_json()["notes"] == ["a note"]


def test_the_dense_network_alone_is_a_table(result):
    assert "dense" in format_rows(result.rows[:1], result.task)
    assert "eager" in format_rows(result.rows[:1], result.task)


def test_nothing_below_leaves_no_empty_line(result, monkeypatch):
    monkeypatch.setattr("secateur.result.footer", lambda channels: [])
    assert str(replace(result, notes=(), untimed={})) == format_rows(result.rows, result.task)


def test_what_was_trained_is_a_row_more(result):
    marked = replace(result.rows[-1], batch_norm=True, fitted=True, metric_compensated=None)
    result = replace(result, rows=(result.rows[0], marked))
    other = secateur.prune(deep(), task(), "l1", amount=6, probes=0, seed=3).network
    with torch.no_grad():
        other.fc[2].bias += torch.tensor([0.0, 5.0, 0.0])
    again = result.remeasured(other, name="loop")
    assert again.network is other
    assert again.rows[:2] == result.rows
    row = again.rows[2]
    assert row.method == "l1+loop"
    assert row.metric == row.metric_compensated == evaluate(other, task())
    assert row.parameters == count_parameters(other)
    assert (row.batch_norm, row.fitted) == (False, False)
    assert (row.macs, row.times_ms, row.pruned) == (marked.macs, marked.times_ms, 6)
    assert len(result.rows) == 2
    third = again.remeasured(name="more").rows[-1]
    assert (third.method, third.metric) == ("l1+loop+more", row.metric)
    own = result.remeasured()
    assert own.network is result.network
    assert own.rows[-1].method == "l1+trained"
    assert own.rows[-1].metric == evaluate(result.network, task())


def test_another_network_is_told_by_the_first_difference(result):
    with pytest.raises(NetworkError) as caught:
        result.remeasured(deep())
    before, now = result.network.state_dict(), deep().state_dict()
    first = min(k for k in now if now[k].shape != before[k].shape)
    assert caught.value.message == (
        f"the network is another one: {first} is {tuple(now[first].shape)} in it and "
        f"{tuple(before[first].shape)} in the result's"
    )
    with pytest.raises(NetworkError, match=r": bias is \(2,\) in it and None in the result's"):
        result.remeasured(torch.nn.Linear(2, 2))


@pytest.mark.parametrize("given", [False, True])
def test_it_is_saved_with_the_dense_network_unless_another_is_given(
    result, tmp_path, monkeypatch, given
):
    asked = []
    monkeypatch.setattr(
        "secateur.report.folder.save_or_rescue",
        lambda *arguments: asked.append(arguments) or tmp_path,
    )
    network = deep() if given else None
    assert result.save(tmp_path / "out", network) == tmp_path
    assert asked == [(result, tmp_path / "out", network if given else result.dense)]
    assert result.dense is not None
