"""A cell's row holds what the search says, whatever the backend does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import secateur
from secateur.study import State
from secateur.study.cell import Cell
from secateur.study.executing import execute, problem_of
from tests.study.engine.studies import HERE, instance, method


def cell_of(folder, backend, n=6, ones=None, **options):
    return Cell(instance(folder, n, ones=ones), method(backend, **options), 3, 0, 20.0)


def test_a_row_says_what_the_search_says(tmp_path):
    cell = cell_of(tmp_path, "annealing", 10, 4, reads=20, sweeps=5)
    row, reads = execute(cell, study_title="Small")
    problem = problem_of(cell.instance)
    found = secateur.solve(
        problem,
        backend="annealing",
        options={"reads": 20, "sweeps": 5},
        seed=3,
        time_limit=20.0,
        proof=False,
    )
    assert row.state is State.DONE
    assert row.key == cell.key
    assert (row.energy, row.backend_energy, row.calls) == (
        found.energy,
        found.backend_energy,
        found.calls,
    )
    bits = np.zeros(10, np.int8)
    bits[list(row.ones)] = 1
    assert problem.energies(bits)[0] == row.energy
    assert len(row.ones) == row.count == 4
    assert row.wall > 0
    assert row.cpu > 0
    assert row.incumbents[-1][1] == row.energy
    assert (row.queue, row.access, row.charged) == (None, None, None)
    assert row.options == {"reads": 20, "sweeps": 5}
    assert row.versions["made"] == "1"
    assert row.versions["dimod"]
    assert row.machine["processors"] >= 1
    assert row.reads == reads.occurrences.sum() == found.samples.record.num_occurrences.sum()
    np.testing.assert_array_equal(problem.energies(reads.bits), reads.energies)
    np.testing.assert_array_equal(problem.feasible(reads.bits), reads.kept)
    assert row.reads_kept == reads.occurrences[reads.kept].sum()
    lowest = reads.energies[reads.kept].min() if reads.kept.any() else None
    assert row.reads_best == reads.occurrences[reads.kept & (reads.energies == lowest)].sum()


def test_the_control_has_no_reads(tmp_path):
    row, reads = execute(cell_of(tmp_path, "greedy"), study_title="Small")
    assert row.state is State.DONE
    assert (row.calls, row.reads, len(reads)) == (0, None, 0)


@pytest.mark.parametrize(
    ("backend", "n", "state", "reason"),
    [
        (f"{HERE}:raises", 6, State.FAILED, "made to raise"),
        (f"{HERE}:liar", 6, State.FAILED, "claims the energy"),
        (f"{HERE}:exits", 6, State.FAILED, "exit"),
        (f"{HERE}:shy", 9, State.CANNOT, "9 variables, and shy takes at most 8"),
        (f"{HERE}:none", 6, State.FAILED, "none"),
        ("no-such-backend", 6, State.FAILED, "no-such-backend"),
    ],
)
def test_what_a_backend_does_is_a_row(tmp_path, backend, n, state, reason):
    row, reads = execute(cell_of(tmp_path, backend, n), study_title="Small")
    assert row.state is state
    assert reason in row.reason
    assert row.energy is None
    assert len(reads) == 0
    assert "\n" not in row.reason


def test_what_is_known_before_is_not_called(tmp_path):
    cell = replace(cell_of(tmp_path, f"{HERE}:dies"), cannot="it would die")
    row, _ = execute(cell, study_title="Small")
    assert (row.state, row.reason, row.wall) == (State.CANNOT, "it would die", None)


def test_a_file_that_was_changed_is_told(tmp_path):
    cell = cell_of(tmp_path, "greedy", 7)
    path = tmp_path / "random-7-0.coo"
    path.write_text(path.read_text().replace("0 0 ", "0 0 1"))
    row, _ = execute(cell, study_title="Small")
    assert row.state is State.FAILED
    assert "another problem" in row.reason


def test_no_secret_is_told(tmp_path):
    cell = cell_of(tmp_path, "annealing", 8)
    given = {"reads": "s3cret", "inner": {"token": "t0ken"}}
    cell = replace(cell, method=replace(cell.method, options=given, public={}))
    row, _ = execute(cell, study_title="Small")
    assert row.state is State.FAILED
    assert "s3cret" not in f"{row}"
    assert "t0ken" not in f"{row}"


def test_a_charged_backend_is_not_called_as_a_free_cell(tmp_path):
    row, _ = execute(cell_of(tmp_path, "leap", token="none"), study_title="Small")
    assert row.state is State.FAILED
    assert "is metered" in row.reason
    assert row.charged is None
