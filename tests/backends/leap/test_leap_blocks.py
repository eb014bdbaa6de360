"""A problem in blocks on a quantum computer: side by side, told apart, closed by the search."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dimod
import numpy as np
import pytest

import secateur
from secateur.backends.call import run
from secateur.errors import BackendBudgetSpent, BackendError, BackendFailed, BackendUnsuitable
from secateur.problem import Problem
from secateur_backends.leap_blocks import by_rank, components
from secateur_backends.leap_embedding import Chip, Layout, lay, place
from secateur_backends.leap_qpu import LeapQPU

from .conftest import Solve
from .server import Fault, LeapServer

MOCKS: dict[str, Any] = {}


def mock(kind: str, size: int) -> Any:
    from dwave.system.testing import MockDWaveSampler

    key = f"{kind} {size}"
    if key not in MOCKS:
        MOCKS[key] = MockDWaveSampler(topology_type=kind, topology_shape=[size])
    return MOCKS[key]


def blocks_problem(sizes: list[int], seed: int = 0, scales: Any = None) -> Problem:
    """Dense blocks; their variables are interleaved, as layers' need not be."""
    rng = np.random.default_rng(seed)
    bqm = dimod.BinaryQuadraticModel("BINARY")
    for row in range(max(sizes)):
        for b, size in enumerate(sizes):
            if row < size:
                bqm.add_variable(f"layer{b}:{row}")
    for b, size in enumerate(sizes):
        scale = 1.0 if scales is None else scales[b]
        for i in range(size):
            bqm.add_linear(f"layer{b}:{i}", scale * rng.normal())
            for j in range(i):
                bqm.add_quadratic(f"layer{b}:{i}", f"layer{b}:{j}", scale * rng.normal())
    bqm.offset = 2.5
    return Problem(bqm)


def optimum(problem: Problem) -> float:
    """By enumeration, block by block."""
    best = float(problem.offset)
    for block in components(problem):
        z = np.zeros((2 ** len(block), problem.n), np.int8)
        z[:, block] = (np.arange(2 ** len(block))[:, None] >> np.arange(len(block))) & 1
        best += float(problem.energies(z).min()) - float(problem.offset)
    return best


# --- the blocks, and their reads


def test_components_are_those_of_the_couplings() -> None:
    problem = blocks_problem([3, 1, 5])
    names = [{problem.variables[i].split(":")[0] for i in block} for block in components(problem)]
    assert names == [{"layer2"}, {"layer0"}, {"layer1"}]
    assert sorted(np.concatenate(components(problem)).tolist()) == list(range(problem.n))


def test_reads_are_ranked_by_block_and_each_is_used_as_often_as_it_was_read() -> None:
    problem = blocks_problem([4, 3, 1], seed=3)
    blocks = components(problem)
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, (20, problem.n)).astype(np.int8)
    often = rng.integers(1, 4, 20)
    rows, occurrences = by_rank(problem, blocks, bits, often)
    assert occurrences.sum() == often.sum()
    for block in blocks:
        before = np.repeat(bits[:, block], often, axis=0)
        after = np.repeat(rows[:, block], occurrences, axis=0)
        assert sorted(map(tuple, before)) == sorted(map(tuple, after))
        alone = np.zeros((len(bits), problem.n), np.int8)
        alone[:, block] = bits[:, block]
        best = np.zeros((1, problem.n), np.int8)
        best[:, block] = rows[:1, block]
        assert problem.energies(best)[0] == pytest.approx(problem.energies(alone).min())
    energies = np.repeat(problem.energies(rows), occurrences)
    assert (np.diff(np.sort(energies)) >= 0).all()
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_one_block_is_left_as_it_was_read() -> None:
    problem = blocks_problem([4])
    bits, often = np.eye(4, dtype=np.int8), np.array([1, 2, 3, 4])
    rows, occurrences = by_rank(problem, components(problem), bits, often)
    assert rows is bits
    assert occurrences is often


# --- on the chip


def chip_of(sampler: Any) -> Chip:
    return Chip.of(sampler.nodelist, sampler.edgelist, sampler.properties["topology"])


def check_places(problem: Problem, embedding: Any, chip: Chip) -> None:
    """Chains connected, disjoint, on the chip; every coupling has a coupler."""
    from dwave.embedding import verify_embedding

    row, col, _ = problem.quadratic
    pairs = [(int(a), int(b)) for a, b in zip(row, col, strict=True) if int(a) in embedding]
    pairs += [(v, v) for v in embedding]
    assert verify_embedding(embedding, pairs, chip.edges)
    qubits = [q for chain in embedding.values() for q in chain]
    assert len(qubits) == len(set(qubits))
    assert set(qubits) <= set(chip.nodes)


@pytest.mark.parametrize(("kind", "size"), [("pegasus", 16), ("zephyr", 15)])
def test_ten_blocks_of_48_lie_side_by_side(kind: str, size: int) -> None:
    problem = blocks_problem([48] * 10)
    assert LeapQPU().applicability(problem).applicable
    chip = chip_of(mock(kind, size))
    embedding, left = place(problem, components(problem), chip, 0, 60)
    assert left == []
    assert len(embedding) == 480
    check_places(problem, embedding, chip)


@pytest.mark.parametrize(("kind", "size"), [("pegasus", 4), ("zephyr", 3)])
def test_a_rehearsal_anneals_all_blocks_at_once(kind: str, size: int) -> None:
    sampler = mock(kind, size)
    problem = blocks_problem([8, 8, 6, 5, 1, 1, 2])
    backend = LeapQPU(sampler)
    sent: list[Any] = []

    class Counted:
        nodelist, edgelist = sampler.nodelist, sampler.edgelist
        properties, parameters = sampler.properties, sampler.parameters

        def sample(self, model: Any, **given: Any) -> Any:
            sent.append(model)
            return sampler.sample(model, **given)

    backend = LeapQPU(Counted())
    found = run(backend, problem, {"num_reads": 60})
    assert len(sent) == 1
    assert found.samples.first.energy == pytest.approx(optimum(problem))
    assert found.samples.record.num_occurrences.sum() == 60
    assert found.raw["info"]["blocks"] == 7
    assert "by rank" in found.raw["info"]["rows"]
    check_places(problem, Layout.from_data(_layout(found, problem)).embedding, chip_of(sampler))


def _layout(found: Any, problem: Problem) -> dict[str, Any]:
    context = found.samples.info["embedding_context"]
    chains = {problem.index[label]: chain for label, chain in context["embedding"].items()}
    return {"embedding": chains, "chain_strength": 1.0, "couplers": []}


@pytest.mark.parametrize("kind", ["pegasus", "zephyr"])
def test_what_does_not_fit_is_sent_in_another_submission(kind: str) -> None:
    sampler = mock(kind, 2)
    problem = blocks_problem([10 if kind == "pegasus" else 16] * 2 + [6] * 6 + [1] * 5)
    found = run(LeapQPU(sampler), problem, {"num_reads": 80})
    assert len(found.raw["submissions"]) > 1
    assert found.samples.record.num_occurrences.sum() == 80
    assert found.samples.first.energy <= optimum(problem) * 0.7  # a descent from random bits
    assert len(found.samples.info["submissions"]) == len(found.raw["submissions"])
    assert set(found.samples.variables) == set(problem.variables)


def test_a_block_that_fits_nowhere() -> None:
    with pytest.raises(BackendUnsuitable, match="no embedding of 20 variables"):
        run(LeapQPU(mock("pegasus", 2)), blocks_problem([20, 3]), {"embedding_timeout": 1.0})


def test_the_search_closes_the_count_over_blocks() -> None:
    problem = blocks_problem([7, 6, 5])
    exact = secateur.solve(problem, count=9, backend="branch-and-bound").energy
    found = secateur.solve(
        problem, count=9, backend=LeapQPU(mock("pegasus", 4)), options={"num_reads": 40}
    )
    assert sum(found.bits) == 9
    assert found.energy == pytest.approx(exact)


def test_the_calls_of_a_search_look_for_one_embedding(monkeypatch: pytest.MonkeyPatch) -> None:
    import secateur_backends.leap_qpu as module

    looked: list[int] = []

    def counted(*args: Any) -> Any:
        looked.append(1)
        return place(*args)

    monkeypatch.setattr(module, "place", counted)
    backend = LeapQPU(mock("pegasus", 4))
    one, two = blocks_problem([5, 4], seed=1), blocks_problem([5, 4], seed=2)
    for problem in (one, two, one):
        run(backend, problem, {"num_reads": 20})
    assert len(looked) == 1
    run(backend, blocks_problem([5, 5], seed=1), {"num_reads": 20})
    assert len(looked) == 2


def test_a_layer_with_small_biases_is_not_drowned() -> None:
    """Every block fills the chip's range; what is read is the problem's own."""
    problem = blocks_problem([6, 6, 4], scales=[1.0, 1e-6, 0.0])
    sampler = mock("pegasus", 4)
    chip = chip_of(sampler)
    blocks = components(problem)
    embedding, _ = place(problem, blocks, chip, 0, 10)
    ranges = sampler.properties
    sizes = {}
    for scaled in (True, False):
        layout = lay(problem, blocks, embedding, chip, None, ranges=ranges, scaled=scaled)
        spins = layout.target(problem).change_vartype("SPIN", inplace=False)
        h, j = max(map(abs, ranges["h_range"])), max(map(abs, ranges["j_range"]))
        sizes[scaled] = [
            max(
                max(abs(spins.linear[q]) / h for v in block for q in embedding[int(v)]),
                max(
                    (
                        abs(bias) / j
                        for (u, _), bias in spins.quadratic.items()
                        if u in {q for v in block for q in embedding[int(v)]}
                    ),
                    default=0.0,
                ),
            )
            for block in blocks
        ]
    assert sizes[True][0] == pytest.approx(sizes[True][1])
    assert sizes[False][1] < 1e-5 * sizes[False][0]
    found = run(LeapQPU(sampler), problem, {"num_reads": 60})
    assert found.samples.first.energy == pytest.approx(optimum(problem), rel=1e-12)


def test_scales_go_through_the_journal() -> None:
    layout = Layout({0: (3, 4), 1: (7,)}, {0: 1.5, 1: 2.5}, [(3, 4)], {0: 1.0, 1: 8.0})
    assert Layout.from_data(json.loads(json.dumps(layout.as_data()))) == layout
    plain = Layout({0: (3,)}, 1.5, [])
    assert set(plain.as_data()) == {"embedding", "chain_strength", "couplers"}
    assert Layout.from_data(json.loads(json.dumps(plain.as_data()))) == plain


# --- over the wire: the chip has 72 qubits


def test_one_submission_for_all_blocks(solve: Solve, server: LeapServer) -> None:
    problem = blocks_problem([4, 4, 3, 1, 2])
    found = solve(problem, backend=LeapQPU(), num_reads=20)
    assert len(server.accepted) == 1
    # no read of the stand-in is the best of all blocks: they are told apart, and put together
    assert found.samples.first.energy == pytest.approx(optimum(problem))
    assert found.samples.record.num_occurrences.sum() == 20
    assert server.charged == found.timings.access == pytest.approx(0.017)


def many() -> Problem:
    return blocks_problem([5] * 11 + [3, 1])


def test_several_submissions_are_estimated_paid_once_each_and_replayed(
    solve: Solve, server: LeapServer, journal: Path
) -> None:
    problem = many()
    dry = solve(problem, backend=LeapQPU(), dry_run=True).raw
    assert dry["estimate"]["submissions"] == 2
    assert dry["estimate"]["blocks"] == 13
    assert dry["estimate"]["qubits"] > 32
    assert "submissions" in dry["text"]
    assert set(server.steps) == {"list"}
    found = solve(problem, backend=LeapQPU(), num_reads=30)
    assert len(server.accepted) == 2
    assert found.samples.first.energy == pytest.approx(optimum(problem))
    assert found.timings.access == pytest.approx(server.charged)
    assert found.raw["jobs"] == [job.id for job in server.accepted]
    again = solve(problem, backend=LeapQPU(), num_reads=30, replay=True, token=None)
    assert again.samples.record.sample.tolist() == found.samples.record.sample.tolist()
    assert again.timings.access == 0.0
    copy = solve(problem, backend=LeapQPU(), num_reads=30, replay=str(journal), token=None)
    assert copy.raw["replayed"] is True
    assert len(server.accepted) == 2


def test_the_budget_is_for_all_submissions(solve: Solve, server: LeapServer) -> None:
    estimate = solve(many(), backend=LeapQPU(), dry_run=True).raw["estimate"]
    with pytest.raises(BackendBudgetSpent, match="nothing was sent"):
        solve(many(), backend=LeapQPU(), max_charge_s=0.75 * estimate["charge_s"])
    assert server.accepted == []
    solve(many(), backend=LeapQPU(), max_charge_s=1.01 * estimate["charge_s"])
    assert len(server.accepted) == 2


@pytest.mark.parametrize("how", ["refused", "late", "broken"])
def test_a_run_that_ends_between_submissions_is_taken_up(
    how: str, solve: Solve, server: LeapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, backend = many(), LeapQPU()
    if how == "refused":
        server.faults["submit"].extend([Fault(), Fault(status=400)])
    elif how == "broken":
        server.faults["submit"].extend([Fault(), Fault(drop="after")])
        server.always["find"] = Fault(status=400)
    else:
        answer = server.finish

        def first_only(job: Any) -> None:
            if job is server.accepted[0]:
                answer(job)

        monkeypatch.setattr(server, "finish", first_only)
    with pytest.raises(BackendError):
        solve(problem, backend=backend, wait=0.5)
    server.always.clear()
    monkeypatch.undo()
    found = solve(problem, backend=LeapQPU())  # another object, as in another process
    assert found.samples.first.energy == pytest.approx(optimum(problem))
    assert len(server.accepted) == 2
    assert len(set(found.raw["jobs"])) == 2
    assert found.raw["jobs"][0] == server.accepted[0].id


def test_a_chip_that_changed_meanwhile_does_not_lose_a_paid_job(
    solve: Solve, server: LeapServer
) -> None:
    problem = many()
    server.faults["submit"].extend([Fault(), Fault(status=400)])
    with pytest.raises(BackendError):
        solve(problem, backend=LeapQPU())
    paid = server.accepted[0].id
    chip = server._qpu
    assert chip is not None
    dead = chip["properties"]["qubits"][:2]
    chip["properties"]["qubits"] = chip["properties"]["qubits"][2:]
    pairs = chip["properties"]["couplers"]
    chip["properties"]["couplers"] = [p for p in pairs if not set(p) & set(dead)]
    found = solve(problem, backend=LeapQPU())
    assert found.raw["jobs"][0] == paid
    assert found.samples.first.energy == pytest.approx(optimum(problem))
    assert len(server.accepted) == 2


def test_a_note_of_shares_that_cannot_be_read_is_not_passed_over(
    solve: Solve, server: LeapServer, journal: Path
) -> None:
    solve(many(), backend=LeapQPU())
    (note,) = journal.glob("*.blocks")
    note.write_text("{")
    with pytest.raises(BackendFailed, match="how blocks were shared"):
        solve(many(), backend=LeapQPU())
    assert len(server.accepted) == 2
