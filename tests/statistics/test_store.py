"""Statistics as arrays and back: exactly, or not at all."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from secateur.errors import FileError
from secateur.network import find_channels
from secateur.objectives import fisher_qubo, residual_qubo
from secateur.statistics import collect_statistics
from secateur.statistics.store import about_arrays, from_arrays, to_arrays
from tests.nets import Chain, regression, seeded


def measured(width: int = 4, **options: Any) -> Any:
    network, task = seeded(Chain, width), regression()
    channels = find_channels(network, task.calibration[0][0])
    return collect_statistics(network, task, channels, **options)


@pytest.fixture(scope="module")
def statistics():
    return measured(probes=3, across_groups=True)


def written(statistics: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """As a file would give them."""
    arrays = {name: array.copy() for name, array in to_arrays(statistics).items()}
    return arrays, json.loads(json.dumps(about_arrays(statistics), allow_nan=False))


@pytest.mark.parametrize(
    "options", [{"probes": 3, "across_groups": True}, {"probes": 2, "seed": 7}, {"probes": 0}]
)
def test_the_round_trip_is_exact(options, tmp_path):
    statistics = measured(**options)
    arrays, about = written(statistics)
    np.savez(tmp_path / "statistics.npz", **arrays)
    with np.load(tmp_path / "statistics.npz", allow_pickle=False) as file:
        again = from_arrays(statistics.channels, dict(file), about)
    for field in dataclasses.fields(again):
        name, value = field.name, getattr(again, field.name)
        other = getattr(statistics, name)
        if isinstance(value, np.ndarray):
            assert np.array_equal(value, other), name
        elif name in ("fisher", "gram", "mean"):
            assert len(value) == len(other)
            assert all(np.array_equal(a, b) for a, b in zip(value, other, strict=True)), name
        else:
            assert value == other, name
            assert type(value) is type(other), name
    if options["probes"]:
        for build in (fisher_qubo, residual_qubo):
            assert build(again).is_almost_equal(build(statistics), places=15)


def test_every_array_is_looked_at(statistics):
    """Each of them gone, changed in its last bit, of another type, shape, or not finite."""
    for name in to_arrays(statistics):
        for change in ("gone", "bit", "float32", "shape", "nan", "list"):
            arrays, about = written(statistics)
            array = arrays[name]
            if change == "gone":
                del arrays[name]
            elif change == "bit":
                array.reshape(-1).view(np.int64)[-1] ^= 1
            elif change == "float32":
                arrays[name] = array.astype(np.float32)
            elif change == "shape":
                arrays[name] = array[..., :-1]
            elif change == "nan":
                array.reshape(-1)[0] = np.nan
            else:
                arrays[name] = array.tolist()
            with pytest.raises(FileError, match=r"statistics.*\n.*measure again"):
                from_arrays(statistics.channels, arrays, about)


def test_an_array_more_is_refused(statistics):
    arrays, about = written(statistics)
    arrays["gram.2"] = np.zeros((2, 2))
    with pytest.raises(FileError, match=r"unknown array 'gram.2'"):
        from_arrays(statistics.channels, arrays, about)


@pytest.mark.parametrize("name", ["samples", "probes", "rows", "loss", "seed", "data", "sha256"])
@pytest.mark.parametrize("value", [None, -1, "x", [], {}, float("nan"), 1.5, True, "gone"])
def test_what_is_no_array_is_looked_at_too(statistics, name, value):
    arrays, about = written(statistics)
    about[name] = value
    if value == "gone":
        del about[name]
    with pytest.raises(FileError, match=r"statistics.*\n.*measure again"):
        from_arrays(statistics.channels, arrays, about)


def test_a_description_of_any_other_form_is_refused(statistics):
    arrays, about = written(statistics)
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    for other in ([], None, "text", {}, {**about, "rows": nested}, {**about, "groups": nested}):
        with pytest.raises(FileError, match="statistics"):
            from_arrays(statistics.channels, arrays, other)


@pytest.mark.parametrize("rows", [[9, 8], [18, -0.0], [19, -1], [9], [9, 9, 0], 18])
def test_halves_that_do_not_add_up_are_refused(statistics, rows):
    arrays, about = written(statistics)
    assert about["rows"] == [9, 9]
    about["rows"] = rows
    with pytest.raises(FileError, match="rows of the statistics"):
        from_arrays(statistics.channels, arrays, about)


def test_statistics_of_other_channels_are_refused(statistics):
    arrays, about = written(statistics)
    wider = measured(width=5, probes=0).channels
    network, task = seeded(Chain), regression()
    fewer = find_channels(network, task.calibration[0][0], ignored=["first"])
    for channels in (wider, fewer):
        with pytest.raises(FileError, match="other channels"):
            from_arrays(channels, arrays, about)
