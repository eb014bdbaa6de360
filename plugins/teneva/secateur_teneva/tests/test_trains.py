"""The count is exact, the search agrees with teneva's own, and n = 40 is solved."""

from math import comb

import numpy as np
import pytest
import teneva
from secateur.backends.call import run
from secateur.errors import BackendUnsuitable
from secateur.problem import Problem
from secateur.solving import solve
from secateur.testing import brute_force, random_problem
from secateur_teneva import Teneva
from secateur_teneva.count import best_rows, exact_count_train


@pytest.mark.parametrize(("n", "count"), [(6, 0), (6, 1), (6, 3), (6, 6), (40, 16), (64, 32)])
def test_the_count_train_counts(n, count):
    train = exact_count_train(n, count)
    assert teneva.sum(train) == pytest.approx(comb(n, count), rel=1e-12)
    assert max(teneva.ranks(train)) <= min(count, n - count) + 1
    ones = np.zeros(n, dtype=int)
    ones[:count] = 1
    assert teneva.get(train, ones) == 1.0
    if count < n:
        ones[count] = 1
        assert teneva.get(train, ones) == 0.0


@pytest.mark.parametrize("count", [0, 1, 3, 7, 9, 10])
def test_the_beam_in_blocks_is_the_beam_of_the_product(count):
    """Against every vector, and against teneva's own search of the multiplied train."""
    every = (np.arange(2**10)[:, None] >> np.arange(10)) & 1
    every = every[every.sum(axis=1) == count]
    for seed in range(5):
        train = teneva.rand([2] * 10, 3, seed=seed)
        rows = best_rows(train, count, 300)
        assert (rows.sum(axis=1) == count).all()
        best = np.abs(teneva.get_many(train, every)).max()
        assert np.abs(teneva.get_many(train, rows.astype(int))).max() == pytest.approx(best)
        product = teneva.mul(exact_count_train(10, count), train)
        for k in (1, 5):
            theirs = np.vstack(
                [teneva.optima_tt_beam(product, k, left, ret_all=True) for left in (True, False)]
            )
            theirs = theirs[theirs.sum(axis=1) == count]
            ours = np.abs(teneva.get_many(train, best_rows(train, count, k).astype(int))).max()
            assert ours >= np.abs(teneva.get_many(train, theirs)).max() * (1 - 1e-9)


@pytest.mark.parametrize("ones", [None, 16])
def test_forty_variables_are_as_good_as_annealing(ones):
    for seed in range(2):
        problem = random_problem(40, seed, ones=ones)
        annealed = solve(problem, backend="annealing", seed=0, proof=False).energy
        found = run(Teneva(), problem, {"reads": 1}, seed=seed)
        assert found.samples.first.energy <= annealed + 1e-9 * problem.scale


def test_all_rows_have_the_count_and_few_of_many_are_no_exception():
    for ones in (1, 3, 29):
        problem = random_problem(30, 4, ones=ones)
        rows = run(Teneva(), problem, {"reads": 1, "trains": 4}, seed=0).samples.record.sample
        assert (rows.sum(axis=1, dtype=int) == ones).all()


def test_a_count_far_from_the_free_optimum_is_no_harder():
    """Every bias asks for a one, and few are wanted: the weight's bulk is moved to them."""
    free = random_problem(16, 0)
    bqm = free.bqm.copy()
    for label in free.variables:
        bqm.add_linear(label, -50.0)
    problem = Problem(bqm, 4)
    found = run(Teneva(), problem, {"reads": 1}, seed=0).samples.first.energy
    assert found == pytest.approx(brute_force(problem)[0])


def test_what_it_cannot_do_is_refused_with_what_to_do():
    with pytest.raises(BackendUnsuitable, match="evaluations") as caught:
        run(Teneva(), random_problem(20, 0), {"evaluations": 100})
    assert "evaluations=320" in caught.value.remedy
    wide = Teneva.make_options({"rank": 256, "evaluations": 100_000})
    suits = Teneva().applicability(random_problem(200, 0, ones=100), wide)
    assert not suits.applicable
    assert "GiB" in suits.reason
    assert suits.memory_bytes
