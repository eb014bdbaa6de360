"""Public instances with known optima, where they are at hand, and planted ones everywhere.

``SECATEUR_INSTANCES`` names a folder with files of Biq Mac, BiqBin and QOBLIB. Without it, planted
ones stand in for them, in the same formats.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import secateur
from secateur.backends.call import run
from secateur.backends.registry import load_backend
from secateur.files import load_bqm
from secateur.problem import Problem
from tests.planted import planted

# file, variables, optimum, ones in it where it says so
PUBLIC = {
    "gka1b.sparse": (20, -133.0, None),
    "gka1a.sparse": (50, -3414.0, None),
    "bqp50-1.sparse": (50, -2098.0, None),
    "kcluster40_025_10_1.json": (40, -3900.0, 10),
    "qoblib_mis_karate.qs": (34, -20.0, None),
}
HEURISTICS = {"annealing": {"seed": 1}, "tabu": {"seed": 1, "time_limit": 0.5}}
FOLDER = os.environ.get("SECATEUR_INSTANCES")


def best(bqm, backend):
    return float(run(load_backend(backend), Problem(bqm), HEURISTICS[backend]).samples.first.energy)


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_optimum_is_the_optimum(seed):
    bqm, optimum = planted(12, seed)
    states = (np.arange(2**12)[:, None] >> np.arange(12)) & 1
    assert Problem(bqm).energies(states).min() == pytest.approx(optimum)


@pytest.mark.parametrize("backend", HEURISTICS)
@pytest.mark.parametrize("n", [50, 150])
def test_heuristics_reach_the_planted_optimum(backend, n):
    bqm, optimum = planted(n, seed=n)
    assert best(bqm, backend) == pytest.approx(optimum)


@pytest.mark.parametrize("backend", HEURISTICS)
def test_heuristics_reach_the_planted_optimum_under_its_own_count(backend):
    bqm, optimum = planted(60, seed=5)
    free = run(load_backend(backend), Problem(bqm), HEURISTICS[backend]).samples.first
    ones = int(sum(int(bit) for bit in free.sample.values()))
    found = secateur.solve(
        bqm, count=ones, backend=backend, proof=False, options=HEURISTICS[backend]
    )
    assert found.energy == pytest.approx(optimum)
    assert int(found.bits.sum(dtype=int)) == ones


def as_biqmac(matrix: np.ndarray) -> str:
    """One triangle of the symmetric matrix: what stands beside the diagonal stands for two."""
    at = [(i, j, q) for (i, j), q in np.ndenumerate(matrix) if i <= j and q]
    half = (f"{i + 1} {j + 1} {float(q if i == j else q / 2)!r}" for i, j, q in at)
    return "\n".join([f"{len(matrix)} {len(at)}", *half, ""])


def as_biqbin(matrix: np.ndarray) -> str:
    row, col = (k.tolist() for k in np.nonzero(matrix))
    about = {"shape": list(matrix.shape), "nnz": len(row), "row": row, "col": col}
    return json.dumps({"qubo": about | {"data": matrix[row, col].tolist()}})


@pytest.mark.parametrize("backend", HEURISTICS)
@pytest.mark.parametrize(
    ("suffix", "text"), [("sparse", as_biqmac), ("qs", as_biqmac), ("json", as_biqbin)]
)
def test_heuristics_reach_the_planted_optimum_of_a_file(tmp_path, backend, suffix, text):
    bqm, optimum = planted(40, seed=9)
    matrix = np.diag(Problem(bqm).linear) + np.triu(Problem(bqm).couplings.toarray())
    path = tmp_path / f"planted.{suffix}"
    path.write_text(text(matrix))
    assert load_bqm(path).num_interactions == bqm.num_interactions
    assert best(load_bqm(path), backend) == pytest.approx(optimum)


if FOLDER:  # the planted ones are there for everybody

    @pytest.mark.parametrize("name", PUBLIC)
    @pytest.mark.parametrize("backend", HEURISTICS)
    def test_heuristics_reach_the_optimum_of_public_instances(name, backend):
        """gka1b and bqp50-1 would be missed by a factor two in the off-diagonals."""
        n, optimum, ones = PUBLIC[name]
        bqm = load_bqm(Path(FOLDER) / name)
        assert bqm.num_variables == n
        found = run(load_backend(backend), Problem(bqm), HEURISTICS[backend]).samples.first
        assert float(found.energy) == pytest.approx(optimum)
        if ones is not None:
            assert sum(int(bit) for bit in found.sample.values()) == ones

    @pytest.mark.parametrize("name", ["gka1b.sparse"])
    def test_the_smallest_public_instance_is_proven(name):
        n, optimum, _ = PUBLIC[name]
        bqm = load_bqm(Path(FOLDER) / name)
        solution = run(load_backend("exhaustive"), Problem(bqm))
        assert (solution.status, solution.bound) == ("optimal", pytest.approx(optimum))
        assert bqm.num_variables == n

    def test_biqbins_own_answer_has_the_energy_that_biqbin_states():
        bqm = load_bqm(Path(FOLDER) / "kcluster40_025_10_1.json")
        stated = json.loads((Path(FOLDER) / "kcluster40_025_10_1.expected.json").read_text())[
            "qubo"
        ]
        assert bqm.energy(stated["x"]) == pytest.approx(stated["computed_val"])
