"""Stride and several submissions of a chip with journal, budget, price and restarts together."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import dimod
import numpy as np
import pytest

from secateur.backends import Stopped
from secateur.backends.call import run
from secateur.backends.metered import is_metered
from secateur.errors import (
    BackendBudgetSpent,
    BackendError,
    BackendFailed,
    BackendOptionError,
)
from secateur.solving import quote
from secateur.solving import solve as solve_whole
from secateur.solving.blockwise import by_block
from secateur.solving.decomposition import decompose
from secateur_backends import leap_blocks, leap_nonlinear, leap_service, leap_stride
from secateur_backends.leap import LeapBQM
from secateur_backends.leap_qpu import LeapQPU
from secateur_backends.leap_stride import LeapStride

from .client import attracting_problem, make_problem
from .conftest import Solve, options_for
from .server import TOKEN, Fault, LeapServer
from .test_leap_blocks import blocks_problem, many, mock, optimum
from .test_leap_cost import as_mapping
from .test_leap_resume import until

QPU = {"num_reads": 20}


@pytest.fixture
def given(server: LeapServer, journal: Path) -> dict[str, Any]:
    return as_mapping(options_for(LeapQPU(), server, journal, **QPU))


def expected(journal: Path) -> list[float]:
    """Seconds of the answered jobs, as they were estimated, in the order of sending."""
    jobs = [json.loads(path.read_text()) for path in journal.glob("*-*.json")]
    jobs = sorted((j for j in jobs if j["state"] == "answered"), key=lambda j: j["created"])
    return [job["estimate"]["charge_s"] for job in jobs]


def fail_second(server: LeapServer) -> None:
    server.faults["submit"].extend([Fault(), Fault(status=400)])


# --- the price


def test_the_price_of_several_submissions_follows_the_journal(
    solve: Solve, server: LeapServer, given: dict[str, Any], journal: Path
) -> None:
    told = quote(many(), backend=LeapQPU(), options=given)
    assert "in 2 submissions, each charged" in told.call.note
    assert server.accepted == []
    fail_second(server)
    with pytest.raises(BackendError):
        solve(many(), LeapQPU(), **QPU)
    rest = quote(many(), backend=LeapQPU(), options=given)
    assert "1 of 2 submissions" in rest.call.note
    solve(many(), LeapQPU(), **QPU)
    first, second = expected(journal)
    assert told.charge_s == pytest.approx(first + second)
    assert rest.charge_s == pytest.approx(second)
    assert 0.9 * first < server.accepted[0].charge_s <= first
    done = quote(many(), backend=LeapQPU(), options=given)
    assert (done.charge_s, done.call.recorded) == (0.0, True)
    anew = quote(many(), backend=LeapQPU(), options=given | {"again": True})
    assert anew.charge_s == pytest.approx(told.charge_s)
    assert len(server.accepted) == 2


def test_one_call_in_the_journal_does_not_make_a_search_free(
    server: LeapServer, journal: Path
) -> None:
    options = as_mapping(options_for(LeapBQM(), server, journal))
    problem = attracting_problem()
    solve_whole(problem, backend=LeapBQM(), options=options, seed=None, max_calls=1, proof=False)
    told = quote(problem, backend=LeapBQM(), options=options | {"max_charge_s": 9.0})
    assert (told.calls, told.call.charge_s, told.charge_s) == (16, 0.0, 9.0)
    assert quote(problem, backend=LeapBQM(), options=options, max_calls=1).charge_s == 0.0


@pytest.mark.parametrize("wrapper", [decompose, by_block])
def test_a_wrapper_is_priced_within_the_inner_budget(
    server: LeapServer, journal: Path, wrapper: Any
) -> None:
    options = {"inner": as_mapping(options_for(LeapBQM(), server, journal))}
    problem = make_problem(ones=3)
    backend = wrapper(LeapBQM)
    told = quote(problem, backend=backend, options=options)
    assert told.charge_s == pytest.approx(5 * 3.0, rel=0.01)
    options["inner"]["max_charge_s"] = 7.0
    told = quote(problem, backend=backend, options=options)
    assert (told.charge_s, told.allowed[:13]) == (7.0, "at most 7 s; ")
    run(LeapBQM(), problem.only(frozenset()), options["inner"])
    told = quote(problem, backend=backend, options=options)
    assert told.charge_s == 7.0  # the journal has the whole, and parts are asked


def test_a_replay_costs_nothing(solve: Solve, server: LeapServer, given: dict[str, Any]) -> None:
    solve(many(), LeapQPU(), **QPU)
    server.steps.clear()
    told = quote(many(), backend=LeapQPU(), options=given | {"replay": True})
    assert told.charge_s == 0.0
    assert server.steps == []


# --- a new sample


def test_again_pays_for_every_submission_once_more_and_is_resumed(
    solve: Solve, server: LeapServer
) -> None:
    solve(many(), LeapQPU(), **QPU)
    fail_second(server)
    with pytest.raises(BackendError):
        solve(many(), LeapQPU(), again=True, **QPU)
    assert len(server.accepted) == 3
    found = solve(many(), LeapQPU(), again=True, **QPU)
    assert [job.id for job in server.accepted[2:]] == found.raw["jobs"]
    assert found.timings.access == pytest.approx(server.accepted[3].charge_s)
    same = solve(many(), LeapQPU(), **QPU)
    assert same.raw["jobs"] == found.raw["jobs"]
    assert same.raw["reused"] is True
    notes = [note for note in same.raw["notes"] if "from the journal" in note]
    assert len(notes) == 2
    assert len(server.accepted) == 4


def test_again_is_refused_before_the_first_where_the_budget_is_short(
    solve: Solve, server: LeapServer
) -> None:
    solve(many(), LeapQPU(), **QPU)
    with pytest.raises(BackendBudgetSpent, match="nothing was sent"):
        solve(many(), LeapQPU(), again=True, max_charge_s=1.7 * server.charged, **QPU)
    assert len(server.accepted) == 2
    solve(many(), LeapQPU(), again=True, max_charge_s=2.2 * server.charged, **QPU)
    assert len(server.accepted) == 4


# --- what ends a run between submissions


def test_a_chip_that_takes_less_by_now_gets_more_submissions(
    solve: Solve, server: LeapServer
) -> None:
    fail_second(server)
    wide = blocks_problem([5] * 18)
    with pytest.raises(BackendError):
        solve(wide, LeapQPU(), **QPU)
    chip = server._qpu
    assert chip is not None
    kept = chip["properties"]["qubits"][:32]
    chip["properties"]["qubits"] = kept
    pairs = chip["properties"]["couplers"]
    chip["properties"]["couplers"] = [p for p in pairs if set(p) <= set(kept)]
    found = solve(wide, LeapQPU(), **QPU)
    assert len(server.accepted) == len(found.raw["jobs"]) > 2
    assert found.raw["jobs"][0] == server.accepted[0].id
    assert found.samples.first.energy == pytest.approx(optimum(wide))
    assert solve(wide, LeapQPU(), **QPU).timings.access == 0.0
    assert len(server.accepted) == len(found.raw["jobs"])


def test_killed_between_submissions(server: LeapServer, journal: Path, solve: Solve) -> None:
    program = (
        "import json, sys\n"
        "from tests.backends.leap.test_leap_blocks import many\n"
        "from secateur_backends.leap_qpu import LeapQPU\n"
        "LeapQPU().solve(many(), LeapQPU.make_options(json.loads(sys.argv[1])))\n"
    )
    usual = {"endpoint": server.endpoint, "journal": str(journal), "backoff": 0.01} | QPU
    finish = server.finish

    def first_only(job: Any) -> None:
        if job is server.accepted[0]:
            finish(job)

    server.finish = first_only  # type: ignore[method-assign]
    process = subprocess.Popen(
        [sys.executable, "-c", program, json.dumps(usual)],
        cwd=Path(__file__).parents[3],
        env=os.environ | {"DWAVE_API_TOKEN": TOKEN},
    )
    try:
        until(lambda: len(server.accepted) == 2)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    server.finish = finish  # type: ignore[method-assign]
    found = solve(many(), LeapQPU(), **QPU)
    assert found.raw["jobs"] == [job.id for job in server.accepted]
    assert len(server.accepted) == 2


def test_ctrl_c_says_how_far_it_came(
    solve: Solve, server: LeapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = leap_service.Service.answer, []

    def interrupted(self: Any, *args: Any) -> Any:
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(self, *args)

    monkeypatch.setattr(leap_service.Service, "answer", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        solve(many(), LeapQPU(), **QPU)
    notes = "\n".join(caught.value.__notes__)
    assert f"job {server.accepted[1].id} goes on and may be charged" in notes
    assert "1 of 2 submissions are answered and in the journal" in notes
    solve(many(), LeapQPU(), **QPU)
    assert len(server.accepted) == 2


@pytest.mark.parametrize("done", [False, True])
def test_a_note_of_shares_that_cannot_be_written(
    solve: Solve, server: LeapServer, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    real = leap_blocks.write_whole

    def full(path: Path, text: str) -> None:
        if json.loads(text)["done"] is done:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, text)

    monkeypatch.setattr(leap_blocks, "write_whole", full)
    if done:  # all is paid for
        found = solve(many(), LeapQPU(), **QPU)
        assert found.samples.first.energy == pytest.approx(optimum(many()))
        assert "No space left" in found.raw["notes"][-1]
    else:
        with pytest.raises(BackendFailed, match=r"No space left on device.*nothing was sent"):
            solve(many(), LeapQPU(), **QPU)
        assert server.accepted == []
    monkeypatch.undo()
    solve(many(), LeapQPU(), **QPU)
    assert len(server.accepted) == 2


def test_a_folder_in_the_way(solve: Solve, server: LeapServer, journal: Path) -> None:
    journal.write_text("in the way")
    for problem, backend in ((many(), LeapQPU()), (make_problem(ones=3), LeapStride())):
        with pytest.raises(BackendFailed, match=r"cannot be written.*nothing was sent"):
            solve(problem, backend)
    assert server.accepted == []


# --- rehearsals


def test_a_rehearsal_is_not_metered_and_a_paid_sampler_is_no_rehearsal() -> None:
    from dwave.system import DWaveSampler

    rehearsal = LeapQPU(mock("pegasus", 2))
    assert not is_metered(rehearsal, rehearsal.Options())
    assert is_metered(LeapQPU(), LeapQPU.Options())
    told = quote(make_problem(ones=3), backend=rehearsal)
    assert (told.metered, told.allowed) == (False, "nothing is charged")
    found = solve_whole(make_problem(ones=3), backend=rehearsal, options=QPU)
    assert "charged" not in found.provenance
    with pytest.raises(BackendOptionError, match="is charged for"):
        LeapQPU(object.__new__(DWaveSampler))


# --- Stride


def test_a_stride_answer_that_misses_the_count_is_repaired(
    solve: Solve, server: LeapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = make_problem(ones=3)

    def one_too_few(asked: Any) -> Any:
        real = leap_nonlinear.decoder(asked)

        def decode(future: Any) -> Any:
            samples = real(future)
            rows = np.array(samples.record.sample)
            for row in rows:
                row[np.flatnonzero(row)[0]] = 0
            made = dimod.SampleSet.from_samples(
                (rows, list(samples.variables)), "BINARY", energy=problem.energies(rows)
            )
            made.info.update(samples.info)
            return made

        return decode

    monkeypatch.setattr(leap_stride, "decoder", one_too_few)
    for _ in range(2):  # the second from the journal
        found = solve(problem, LeapStride())
        assert problem.feasible(found.samples.record.sample).all()
        assert found.raw["repaired"]["broken"] == "2 ones in 'count', where 3 are allowed"
        assert "repaired" in found.raw["notes"][0]
    assert server.charged == 3.0


def test_stride_has_one_budget_over_calls_and_again(solve: Solve, server: LeapServer) -> None:
    problem = make_problem(ones=3)
    solve(problem, LeapStride(), max_charge_s=7.0)
    assert solve(problem, LeapStride(), max_charge_s=7.0).timings.access == 0.0
    solve(problem, LeapStride(), max_charge_s=7.0, again=True)
    with pytest.raises(BackendBudgetSpent, match="after 6 s for earlier calls"):
        solve(problem, LeapStride(), max_charge_s=7.0, again=True)
    with pytest.raises(BackendBudgetSpent, match="at most 60 s"):
        solve(problem, LeapStride(), time_limit=55.0)
    assert server.charged == 6.0


# --- within a wrapper


@pytest.mark.parametrize("wrapper", [decompose, by_block])
def test_a_wrapper_makes_no_more_calls_than_it_says_and_pays_once(
    server: LeapServer, journal: Path, wrapper: Any
) -> None:
    problem = blocks_problem([8, 7, 6])
    options = {"inner": as_mapping(options_for(LeapBQM(), server, journal))}
    if wrapper is decompose:
        options["size"] = 9
    first = solve_whole(problem, count=9, backend=wrapper(LeapBQM), options=options, proof=False)
    calls = len(server.accepted)
    assert 1 < calls <= 5
    assert first.count == 9
    # without a seed, too: another process asks for the same parts
    run(wrapper(LeapBQM), problem, options)
    more = len(server.accepted)
    again = run(wrapper(LeapBQM), problem, options)
    assert len(server.accepted) == more
    # blocks tell what stopped their solver, and a hybrid solver always uses up its time
    ends = {decompose: (Stopped.BUDGET, Stopped.COMPLETED), by_block: (Stopped.TIME_LIMIT,)}
    assert again.stopped in ends[wrapper]
    solve_whole(problem, count=9, backend=wrapper(LeapBQM), options=options, proof=False)
    assert len(server.accepted) == more
