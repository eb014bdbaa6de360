"""What a study draws: known optima, the shapes that the names promise, the same from a seed."""

from __future__ import annotations

import numpy as np
import pytest

from secateur.errors import ConstraintError, OptionError
from secateur.study.instances.asked import problem_sha256
from secateur.study.instances.generators import GENERATORS, draw
from secateur.testing import brute_force
from tests.random_problems import everything


@pytest.mark.parametrize("count", [None, 0, 3, "36%", 0.5, 12])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("terms", [1, 6])
def test_the_planted_optimum_is_the_optimum(count, seed, terms):
    problem, lowest = draw(
        "planted", {"variables": 12, "count": count, "seed": seed, "terms": terms}
    )
    assert lowest == brute_force(problem)[0]
    wanted = {None: None, "36%": 4, 0.5: 6}.get(count, count)
    assert problem.count == wanted


def test_the_smallest_planted_problem():
    problem, lowest = draw("planted", {"variables": 4})
    assert (problem.n, lowest) == (4, brute_force(problem)[0])


@pytest.mark.parametrize("name", GENERATORS)
def test_the_same_from_a_seed_and_whole_numbers(name):
    problem, _ = draw(name, {"seed": 3})
    assert problem_sha256(problem) == problem_sha256(draw(name, {"seed": 3})[0])
    assert problem_sha256(problem) != problem_sha256(draw(name, {"seed": 4})[0])
    biases = np.concatenate([problem.linear, problem.quadratic[2], [problem.offset]])
    assert (biases == np.round(biases)).all()
    assert len(problem.quadratic[2])


def test_one_size_is_no_part_of_another():
    small, _ = draw("random", {"variables": 10})
    large, _ = draw("random", {"variables": 20})
    assert not np.array_equal(small.linear, large.linear[:10])


def test_random_biases_are_uniform_at_the_density():
    problem, _ = draw("random", {"variables": 200, "density": 0.25})
    row, _, bias = problem.quadratic
    pairs = 200 * 199 / 2
    assert abs(len(row) / pairs - 0.25) < 0.02
    assert (bias % 2 == 0).all()
    assert (np.abs(bias).max(), np.abs(problem.linear).max()) <= (200, 100)
    assert abs(bias.mean()) < 5
    assert draw("random", {"variables": 5, "density": 0.0})[0].quadratic[2].size == 0


@pytest.mark.parametrize("weights", ["ones", "signs"])
def test_the_energy_of_a_maximum_cut_is_minus_the_cut(weights):
    problem, _ = draw("max-cut", {"variables": 9, "density": 0.6, "weights": weights})
    row, col, bias = problem.quadratic
    weight = bias / 2
    assert set(np.abs(weight)) == {1.0}
    rows = everything(9)
    cut = (weight * (rows[:, row] != rows[:, col])).sum(axis=1)
    assert np.array_equal(problem.energies(rows), -cut)
    assert problem.energies(np.zeros(9)) == problem.energies(np.ones(9)) == 0


def test_a_lattice_is_a_torus_of_spins():
    problem, _ = draw("lattice", {"side": 3})
    row, col, bias = problem.quadratic
    assert len(row) == 2 * 9
    assert sorted(np.bincount(np.concatenate([row, col]))) == [4] * 9
    rows = everything(9)
    spins = 2 * rows.astype(int) - 1
    wanted = (bias / 4 * spins[:, row] * spins[:, col]).sum(axis=1)
    assert set(np.abs(bias)) == {4.0}
    assert np.array_equal(problem.energies(rows), wanted)


def test_layers_are_coupled_inside_and_cost_something():
    problem, _ = draw("layers", {"layers": 3, "width": 5})
    row, col, bias = problem.quadratic
    assert (row // 5 == col // 5).all()
    assert (bias < 0).any()
    assert (bias > 0).any()
    assert (problem.linear > 0).all()
    assert problem.count == 5  # 36 % of 15
    rows = everything(15)
    assert problem.energies(rows).min() == 0.0


@pytest.mark.parametrize(
    ("name", "options", "error", "said"),
    [
        ("planted", {"variables": 3}, OptionError, "'variables' of generator 'planted' is 3"),
        ("planted", {"varibles": 3}, OptionError, "has no option 'varibles'"),
        ("planted", {"variables": 5001}, OptionError, "every pair of variables is drawn"),
        ("random", {"density": 1.5}, OptionError, "'density'"),
        ("max-cut", {"weights": "one"}, OptionError, "not one of the choices"),
        ("layers", {"layers": 100, "width": 100}, OptionError, "are 10000 variables"),
        ("random", {"variables": 5, "count": 6}, ConstraintError, "count is 6, of 5 variables"),
        ("random", {"variables": 5, "count": -1}, ConstraintError, "count is -1, of 5 variables"),
        ("random", {"variables": 5, "count": "110%"}, ConstraintError, "count is '110%'"),
        ("random", {"variables": 5, "count": 1.5}, ConstraintError, "count is 1.5"),
        ("planted", {"variables": 5, "count": 6}, ConstraintError, "count is 6, of 5 variables"),
    ],
)
def test_what_cannot_be_drawn(name, options, error, said):
    with pytest.raises(error) as caught:
        draw(name, options)
    assert said in str(caught.value)
    assert caught.value.remedy
