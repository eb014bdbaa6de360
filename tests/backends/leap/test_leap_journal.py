"""The journal, the reading of answers, and that the stand-in speaks the vendor's protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dimod
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secateur.errors import BackendFailed
from secateur.problem import Problem, at_most
from secateur_backends.leap import positional
from secateur_backends.leap_answer import read_answer
from secateur_backends.leap_jobs import Journal, State, default_folder, job_key, write_whole

from .client import make_problem
from .conftest import best_energy
from .server import TOKEN, LeapServer

ABOUT: dict[str, Any] = {"kind": "bqm", "solver": "s", "n": 6}


def test_a_job_goes_through_the_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "leap")
    job = journal.begin("a" * 64, **ABOUT)
    assert journal.unfinished("a" * 64) == job
    job = journal.update(job, state=State.SUBMITTED, job_id="7")
    assert Journal(tmp_path, "leap").unfinished("a" * 64) == job
    assert journal.unfinished("b" * 64) is None
    job = journal.update(job, state=State.ANSWERED, answer={})
    assert journal.unfinished("a" * 64) is None
    assert journal.answered("a" * 64) == job


def test_files_are_private_and_never_half_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "new", "leap")
    job = journal.begin("a" * 64, **ABOUT)
    assert journal.path(job).stat().st_mode & 0o077 == 0
    assert [p.name for p in journal.folder.iterdir()] == [journal.path(job).name]
    path = tmp_path / "x"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "new\ud800")
    assert path.read_text() == "old"


def test_secrets_are_scrubbed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "leap", lambda text: text.replace(TOKEN, "x"))
    job = journal.begin("a" * 64, **ABOUT | {"params": {"echo": TOKEN}})
    assert TOKEN not in journal.path(job).read_text()


def test_a_record_of_another_format_is_an_error(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "leap")
    path = journal.path(journal.begin("a" * 64, **ABOUT))
    path.write_text(path.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(BackendFailed, match="cannot read the record"):
        journal.unfinished("a" * 64)


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert default_folder() == tmp_path / "state_home/secateur/leap"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert default_folder() == tmp_path / ".local/state/secateur/leap"


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1000), data=st.data())
def test_the_key_is_that_of_the_content(seed: int, data: st.DataObject) -> None:
    problem = make_problem(seed=seed)
    pairs = [(u, v, b) for (u, v), b in problem.bqm.quadratic.items()]
    shuffled = dimod.BinaryQuadraticModel("BINARY")
    for v in problem.variables:
        shuffled.add_linear(v, problem.bqm.linear[v])
    for u, v, bias in data.draw(st.permutations(pairs)):
        shuffled.add_quadratic(v, u, bias)
    shuffled.offset = problem.bqm.offset
    assert job_key(Problem(shuffled), a=1) == job_key(problem, a=1)


def test_the_key_changes_with_everything_that_determines_the_job() -> None:
    problem = make_problem()
    renamed = problem.bqm.relabel_variables({"conv.0:0": "x"}, inplace=False)
    moved = problem.bqm.copy()
    moved.offset += 1e-9
    changed = problem.bqm.copy()
    changed.add_quadratic("conv.0:0", "conv.1:1", 1e-12)
    limit = at_most(1, problem.variables[:2], name="l")
    keys = [
        job_key(problem, a=1),
        job_key(problem, a=2),
        job_key(Problem(problem.bqm, 1), a=1),
        job_key(Problem(problem.bqm, [limit]), a=1),
        job_key(Problem(renamed), a=1),
        job_key(Problem(moved), a=1),
        job_key(Problem(changed), a=1),
    ]
    assert len(set(keys)) == len(keys)


def test_spins_are_read_and_nan_is_not_believed() -> None:
    model = positional(make_problem())
    rows = np.array([[0, 1, 0, 1, 1, 1]], np.int8)
    energy = model.energies((rows, range(6)))
    spins = dimod.SampleSet.from_samples(2 * rows - 1, "SPIN", energy=energy)
    bits, wrong = read_answer(spins, model)
    assert wrong is None
    assert (bits == rows).all()
    nan = dimod.SampleSet.from_samples(rows, "BINARY", energy=[np.nan])
    assert "energy of nan" in str(read_answer(nan, model)[1])


def test_single_precision_is_near_enough() -> None:
    model = positional(make_problem())
    rows = np.array([[1, 1, 0, 1, 1, 1]], np.int8)
    energy = model.energies((rows, range(6))).astype(np.float32)
    assert (
        read_answer(dimod.SampleSet.from_samples(rows, "BINARY", energy=energy), model)[1] is None
    )


def test_the_stand_in_serves_the_vendors_own_sampler(server: LeapServer) -> None:
    """With the vendor's defaults: long polling, its labels, its uploads."""
    from dwave.system import LeapHybridSampler

    problem = make_problem()
    config: dict[str, Any] = {"endpoint": server.endpoint, "token": TOKEN, "config_file": False}
    with LeapHybridSampler(cache_enabled=False, **config) as sampler:
        found = sampler.sample(problem.bqm, label="theirs")
        assert found.first.energy == pytest.approx(best_energy(problem))
    assert server.accepted[0].label == "theirs"
    assert {"list", "upload", "part", "combine", "submit", "poll", "answer"} <= set(server.steps)
