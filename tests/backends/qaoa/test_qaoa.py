from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import dimod
import numpy as np
import pytest

from secateur.backends import Solution, Status, Stopped
from secateur.backends.call import run
from secateur.errors import (
    BackendError,
    BackendOptionError,
    BackendUnavailable,
    BackendUnsuitable,
)
from secateur.problem import Problem, at_most, count
from secateur_backends import qaoa as module
from secateur_backends.qaoa import QAOA
from secateur_backends.qaoa_device import QAOADevice
from tests.clocks import spends

from .problems import all_bits, least_energy, random_problem

FAKE = "fake:FakeManilaV2"


def solve(problem: Problem, **options: Any) -> Solution:
    return run(QAOA, problem, options)


def best_bits(problem: Problem, solution: Solution) -> np.ndarray:
    return np.asarray(solution.samples.record.sample[np.argmin(solution.samples.record.energy)])


@pytest.mark.parametrize("simulator", ["exact", "statevector", "aer"])
@pytest.mark.parametrize("ones", [None, 2])
def test_small_problems_are_solved_by_every_simulator(simulator: str, ones: int | None) -> None:
    problem = random_problem(6, seed=5, ones=ones)
    solution = solve(problem, simulator=simulator, seed=1, iterations=20)
    assert solution.samples.first.energy == pytest.approx(least_energy(problem))
    assert solution.status is Status.FEASIBLE
    assert solution.stopped is Stopped.COMPLETED
    assert solution.samples.record.num_occurrences.sum() == 1024
    assert set(solution.samples.variables) == set(problem.variables)
    if ones is not None:
        assert (solution.samples.record.sample.sum(axis=1, dtype=np.int64) == ones).all()


@pytest.mark.parametrize("n", [1, 2, 4, 8])
@pytest.mark.parametrize("optimizer", ["cobyla", "spsa", "nelder-mead"])
def test_every_optimizer_finds_the_optimum_of_small_problems(n: int, optimizer: str) -> None:
    for seed in range(5):
        for ones in (None, n // 2):
            problem = random_problem(n, seed=seed, ones=ones)
            solution = solve(problem, seed=seed, optimizer=optimizer)
            assert solution.samples.first.energy == pytest.approx(least_energy(problem))


@pytest.mark.parametrize("simulator", ["exact", "statevector", "aer"])
def test_variable_zero_is_not_the_last_bit(simulator: str) -> None:
    """A ground state that no reversal leaves alone: the little-endian trap."""
    bqm = dimod.BinaryQuadraticModel({"a": -3.0, "b": -3.0, "c": 3.0, "d": 3.0}, {}, 0.0, "BINARY")
    for ones in (None, 2):
        solution = solve(
            Problem(bqm, () if ones is None else ones), simulator=simulator, seed=0, iterations=10
        )
        assert solution.samples.first.sample == {"a": 1, "b": 1, "c": 0, "d": 0}
        most = solution.samples.record.num_occurrences.argmax()
        assert list(solution.samples.record.sample[most]) == [1, 1, 0, 0]


@pytest.mark.parametrize("simulator", ["exact", "statevector", "aer"])
def test_one_seed_one_answer_two_seeds_two(simulator: str) -> None:
    problem = random_problem(6, ones=3)
    first, again, other = (
        solve(problem, simulator=simulator, seed=seed, iterations=8, shots=200)
        for seed in (3, 3, 4)
    )
    assert first.samples == again.samples
    np.testing.assert_array_equal(
        first.samples.record.num_occurrences, again.samples.record.num_occurrences
    )
    assert not np.array_equal(
        first.samples.record.num_occurrences, other.samples.record.num_occurrences
    )


def test_a_seed_that_was_not_given_is_told_and_repeats_the_run() -> None:
    problem = random_problem(6)
    first = solve(problem, iterations=5)
    assert first.seed is not None
    again = solve(problem, iterations=5, seed=first.seed)
    np.testing.assert_array_equal(first.samples.record.sample, again.samples.record.sample)


@pytest.mark.parametrize("ones", [0, 1, 5])
def test_extreme_counts(ones: int) -> None:
    problem = random_problem(5, ones=ones)
    assert solve(problem, seed=0).samples.first.energy == pytest.approx(least_energy(problem))


def test_no_variables_and_no_costs() -> None:
    empty = Problem(dimod.BinaryQuadraticModel("BINARY"))
    assert len(solve(empty).samples) == 1
    for simulator in ("exact", "statevector", "aer"):
        flat = Problem(dimod.BinaryQuadraticModel(dict.fromkeys(range(3), 0.0), {}, 2.0, "BINARY"))
        assert solve(flat, simulator=simulator, iterations=3).samples.first.energy == 2.0


def test_limits_are_not_native_and_left_alone() -> None:
    problem = random_problem(4, ones=2)
    limited = Problem(problem.bqm, [count(2), at_most(1, problem.variables[:2], name="layer")])
    assert QAOA.capabilities.native == {"count"}
    assert len(solve(limited, seed=0).samples)


def test_a_start_raises_its_probability_and_is_in_the_answer() -> None:
    problem = random_problem(6, seed=2)
    bits = all_bits(6)
    best = bits[[int(np.argmin(problem.energies(bits)))]]
    warm = Problem(problem.bqm, start=best)
    options = {"iterations": 1, "reps": 1, "seed": 0}
    cold = solve(warm, warm_start=False, **options)
    assert solve(warm, **options).raw["probability_of_optimum"] > (
        2 * cold.raw["probability_of_optimum"]
    )
    for ones in (None, int(best.sum())):
        started = Problem(problem.bqm, () if ones is None else ones, start=best)
        answer = solve(started, shots=1, iterations=1, seed=0)
        assert answer.samples.first.energy <= problem.energies(best)[0] + 1e-9


def test_too_many_variables_are_refused_with_a_way_out() -> None:
    for n in (27, 300):
        linear = dict.fromkeys(range(n), 1.0)
        problem = Problem(dimod.BinaryQuadraticModel(linear, {}, 0.0, "BINARY"))
        refusal = QAOA().applicability(problem)
        assert not refusal.applicable
        assert str(n) in (refusal.reason or "")
        assert "decompose:qaoa" in (refusal.remedy or "")
        with pytest.raises(BackendUnsuitable, match="at most 26"):
            solve(problem)
        with pytest.raises(BackendUnsuitable, match="at most 26"):
            QAOA().solve(problem, QAOA.Options())


def test_a_state_too_large_for_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(20)
    monkeypatch.setattr(module, "_available_memory", lambda: 2**30)
    assert QAOA().applicability(problem).applicable
    statevector = QAOA.make_options({"simulator": "statevector"})
    refusal = QAOA().applicability(problem, statevector)
    assert not refusal.applicable
    assert "GiB" in (refusal.reason or "")
    assert refusal.memory_bytes == 5200 * 2**20


def test_time_and_memory_are_estimated_before() -> None:
    small, large = (QAOA().applicability(random_problem(n)) for n in (10, 16))
    assert small.seconds is not None
    assert large.seconds is not None
    assert small.seconds < large.seconds
    assert large.memory_bytes == 64 * (small.memory_bytes or 0)
    problem = random_problem(14)
    estimate = QAOA().applicability(problem).seconds
    assert estimate is not None
    took = solve(problem, seed=0, optimizer="spsa").timings.total
    assert took / 20 < estimate < 20 * took + 0.2


@pytest.mark.parametrize(("mixer", "ones", "remedy"), [("x", 3, "xy"), ("xy", None, "count")])
def test_a_mixer_that_does_not_fit_is_refused(mixer: str, ones: int | None, remedy: str) -> None:
    with pytest.raises(BackendUnsuitable, match=remedy):
        solve(random_problem(5, ones=ones), mixer=mixer)


@pytest.mark.parametrize(
    "wrong", [{"cvar": 0.0}, {"cvar": 1.1}, {"reps": 0}, {"simulator": "ibm"}, {"shot": 3}]
)
def test_wrong_options_are_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises(BackendOptionError):
        solve(random_problem(3), **wrong)


def test_a_time_limit_ends_it_between_two_evaluations() -> None:
    problem = random_problem(16)
    options = {"iterations": 100_000, "optimizer": "spsa", "reps": 1, "seed": 0}
    with spends(10.0):  # all threads together, of minutes
        solution = solve(problem, time_limit=0.4, **options)
    assert solution.stopped is Stopped.TIME_LIMIT
    assert len(solution.samples) > 0
    assert 1 <= solution.raw["evaluations"] < 100_000


def test_ctrl_c_is_prompt() -> None:
    import _thread

    timer = threading.Timer(0.5, _thread.interrupt_main)
    timer.start()
    with spends(10.0), pytest.raises(KeyboardInterrupt):  # all threads together, of hours
        solve(random_problem(14), iterations=1_000_000, optimizer="spsa")


def test_nothing_of_a_vendor_is_imported_until_it_is_used() -> None:
    code = (
        "import sys, secateur_backends.qaoa, secateur_backends.qaoa_device as d;"
        "from secateur_backends.qaoa import QAOA;"
        "QAOA.availability(), d.QAOADevice.availability();"
        "print([m for m in ('qiskit', 'qiskit_aer', 'qiskit_ibm_runtime', 'scipy')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_exact_simulation_needs_no_qiskit(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("qiskit.primitives", "qiskit_aer", "qiskit.transpiler"):
        monkeypatch.setitem(sys.modules, name, None)
    solve(random_problem(4), seed=0)
    for simulator in ("statevector", "aer"):
        with pytest.raises(BackendUnavailable, match="exact"):
            solve(random_problem(4), simulator=simulator)


def test_citations_name_what_it_is_made_of() -> None:
    for who in ("Farhi", "Hadfield", "Eidenbenz", "Egger", "Barkoutsos"):
        assert who in QAOA.cite()
        assert who in QAOADevice.cite()


class TestDevice:
    def solve(self, problem: Problem, **options: Any) -> Solution:
        return run(QAOADevice, problem, {"classical_seed": 1, **options}, charge=True)

    def test_a_fake_device_works_offline(self) -> None:
        problem = random_problem(4, seed=1)
        solution = self.solve(problem, device=FAKE, iterations=3, shots=500)
        assert solution.samples.first.energy == pytest.approx(least_energy(problem))
        assert solution.raw["sampler"] == FAKE
        assert solution.raw["two_qubit_gates"] > 0
        assert solution.raw["measured"] == 1500
        assert solution.job_id

    def test_a_fake_devices_noise_has_a_seed(self) -> None:
        problem = random_problem(3, seed=1)
        first, again = (self.solve(problem, device=FAKE, iterations=1) for _ in range(2))
        np.testing.assert_array_equal(
            first.samples.record.num_occurrences, again.samples.record.num_occurrences
        )

    def test_noise_breaks_the_count_and_what_it_broke_is_discarded(self) -> None:
        problem = random_problem(4, seed=1, ones=2)
        solution = self.solve(problem, device=FAKE, iterations=2, shots=2000)
        assert solution.raw["discarded"] > 0
        assert (solution.samples.record.sample.sum(axis=1, dtype=np.int64) == 2).all()
        assert solution.samples.first.energy == pytest.approx(least_energy(problem))

    def test_if_no_sample_keeps_the_count_there_is_no_solution(self) -> None:
        class Ones:
            """A device stuck at one."""

            def run(self, pubs: Any, *, shots: int) -> Any:
                from types import SimpleNamespace

                packed = np.full((shots, 1), 0b1111, dtype=np.uint8)
                data = SimpleNamespace(meas=SimpleNamespace(array=packed))
                return SimpleNamespace(result=lambda: [SimpleNamespace(data=data)])

        solution = self.solve(random_problem(4, ones=2), sampler=Ones(), iterations=3)
        assert solution.status is Status.NONE
        assert len(solution.samples) == 0
        assert solution.raw["discarded"] == solution.raw["measured"] == 3 * 1024

    def test_any_sampler_with_its_pass_manager(self) -> None:
        from qiskit.primitives import StatevectorSampler
        from qiskit.transpiler import generate_preset_pass_manager

        manager = generate_preset_pass_manager(
            optimization_level=1, basis_gates=["rz", "sx", "x", "cz"], seed_transpiler=0
        )
        problem = random_problem(5, ones=2)
        sampler = StatevectorSampler(seed=1)
        solution = self.solve(problem, sampler=sampler, pass_manager=manager, iterations=5)
        assert solution.samples.first.energy == pytest.approx(least_energy(problem))
        assert solution.raw["discarded"] == 0
        assert solution.options["sampler"] == "<StatevectorSampler>"

    def test_ctrl_c_cancels_the_job(self) -> None:
        cancelled = []

        class Waiting:
            def run(self, pubs: Any, *, shots: int) -> Any:
                return self

            def job_id(self) -> str:
                return "j1"

            def result(self) -> Any:
                raise KeyboardInterrupt

            def cancel(self) -> None:
                cancelled.append(True)

        with pytest.raises(KeyboardInterrupt):
            self.solve(random_problem(3), sampler=Waiting())
        assert cancelled == [True]

    def test_a_device_too_small_is_told_before(self) -> None:
        refusal = QAOADevice().applicability(random_problem(6), QAOADevice.Options(device=FAKE))  # type: ignore[call-arg]
        assert not refusal.applicable
        assert "5 qubits" in (refusal.reason or "")
        assert "decompose:qaoa-device" in (refusal.remedy or "")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "neither"),
            ({"device": "manila"}, "fake:FakeSherbrooke"),
            ({"device": "fake:FakeManila2"}, "FakeManilaV2"),
        ],
    )
    def test_what_is_missing_or_wrong_is_said(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(BackendError, match=message):
            self.solve(random_problem(3), **options)

    def test_without_an_account_the_remedy_is_named(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        from qiskit_ibm_runtime.accounts import management

        for name in ("TOKEN", "URL", "INSTANCE", "CHANNEL"):
            monkeypatch.delenv(f"QISKIT_IBM_{name}", raising=False)
        nowhere = str(tmp_path / "accounts.json")
        monkeypatch.setattr(management, "_DEFAULT_ACCOUNT_CONFIG_JSON_FILE", nowhere)
        with pytest.raises(BackendUnavailable, match="QISKIT_IBM_TOKEN"):
            self.solve(random_problem(3), device="ibm:ibm_nowhere")
