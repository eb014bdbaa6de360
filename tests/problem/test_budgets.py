"""Budgets on the numbers that stay: what they say, against their definition."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.errors import ConstraintError
from secateur.problem import Budget, Problem, among, at_most, budget, count, multiple_of
from secateur.problem.budgeted import compile_budget
from secateur.problem.demands import compile_demand
from secateur.problem.describe import describe_constraints, restore_constraints
from secateur.problem.moves import Moves
from secateur.problem.subproblem import subproblem
from secateur.problem.toml import parse_constraints, to_toml
from tests.random_problems import everything, kept, model, random_budget

LABELS = [f"v{i}" for i in range(7)]
INDEX = {label: i for i, label in enumerate(LABELS)}
EIGHT, FOUR = tuple("abcdefgh"), tuple("abcd")
seeds = st.integers(0, 2**32 - 1)


def some_budget(seed: int, *, steps: bool = False) -> Budget:
    """Not below what stays in any case: such a one is refused."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(LABELS)[: rng.integers(1, 8)].tolist()
    made = random_budget(chosen, rng, "b", steps=steps)
    return Budget("b", made.groups, made.linear, made.pairs, 2.0, max(made.upper, 2.0), made.widths)


@settings(max_examples=100, deadline=None)
@given(seeds, st.booleans())
def test_it_is_kept_where_its_definition_is(seed, steps):
    made = some_budget(seed, steps=steps)
    rows = everything(7)
    demand = compile_budget(made, INDEX, 7)
    assert np.array_equal(demand.kept(rows), kept(made, rows, LABELS))
    broken = rows[~demand.kept(rows)]
    if len(broken):
        assert "'b' costs" in demand.complaint(broken[0])


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_written_out_it_is_the_same_form(seed):
    made = some_budget(seed)
    rows = everything(7)
    form = made.written_out()
    value = np.full(len(rows), form.offset)
    for label, a in form.linear.items():
        value += a * rows[:, INDEX[label]]
    for (one, other), b in form.quadratic.items():
        value += b * rows[:, INDEX[one]] * rows[:, INDEX[other]]
    assert value == pytest.approx(compile_budget(made, INDEX, 7).values(rows), abs=1e-9)
    assert form.upper == made.upper


def test_straight_widths_are_written_out_too():
    made = budget([["v0", "v1"], ["v2"]], 40, pairs={(0, 1): 3, (0, 0): 1}, widths={0: (1, 3, 5)})
    rows = everything(7)
    form = compile_demand(made.written_out(), INDEX, 7)
    assert made.kind == "budget"
    assert form.values(rows) == pytest.approx(compile_budget(made, INDEX, 7).values(rows))


@settings(max_examples=100, deadline=None)
@given(seeds, st.booleans(), st.integers(0, 127))
def test_flips_and_swaps_are_those_of_the_cost(seed, steps, number):
    made = some_budget(seed, steps=steps)
    demand = compile_budget(made, INDEX, 7)
    bits = everything(7)[number]
    staying = demand.staying(bits[None])[0]
    cost, more, less = demand.flips(staying)
    assert cost == demand.values(bits[None])[0]
    swaps = demand.swaps(staying)

    def flipped(*positions: int) -> float:
        row = bits.copy()
        row[list(positions)] ^= 1
        return float(demand.values(row[None])[0])

    for i in demand.members:
        change = (more if bits[i] else less)[demand.of[i]]
        assert cost + change == pytest.approx(flipped(i), abs=1e-9)
        for j in demand.members:
            if bits[i] == 1 and bits[j] == 0:
                wanted = flipped(i, j)
                assert swaps[demand.of[i], demand.of[j]] == pytest.approx(wanted, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(seeds, st.booleans(), st.integers(0, 127), st.integers(1, 127))
def test_a_part_keeps_what_the_rest_leaves_of_it(seed, steps, number, free):
    made = some_budget(seed, steps=steps)
    bits = everything(7)[number]
    positions = np.flatnonzero(everything(7)[free])
    whole = Problem(model(np.diag(np.arange(1.0, 8.0))), [made])
    if not whole.feasible(bits)[0]:
        return
    part = subproblem(whole, bits, positions)
    rows = everything(len(positions))
    together = np.tile(bits, (len(rows), 1))
    together[:, positions] = rows
    if part.constraints:
        assert np.array_equal(part.feasible(rows), whole.feasible(together))
    else:  # none of its variables is free
        assert not set(made.labels()) & {LABELS[i] for i in positions}


@settings(max_examples=40, deadline=None)
@given(seeds, st.booleans())
def test_it_survives_json_and_toml(seed, steps):
    made = some_budget(seed, steps=steps)
    # a file names variables in the order of the problem
    made = replace(made, groups=tuple(tuple(sorted(group)) for group in made.groups))
    data = json.loads(json.dumps(describe_constraints([made])))
    assert restore_constraints(data) == (made,)
    assert parse_constraints(to_toml([made], LABELS), LABELS) == (made,)
    assert hash(made) == hash(restore_constraints(data)[0])


def test_a_cqm_says_the_same():
    made = budget([["v0", "v1"], ["v2", "v3"]], 20, linear=(1, 2), pairs={(0, 1): 3, (1, 1): 1})
    numbers = among((0, 1, 4), ["v3", "v4", "v5", "v6"])
    problem = Problem(model(np.diag(np.arange(1.0, 8.0))), [made])
    assert all(
        problem.to_cqm().check_feasible(dict(zip(LABELS, row, strict=True))) == fits
        for row, fits in zip(everything(7), problem.feasible(everything(7)), strict=True)
    )
    with pytest.raises(ConstraintError, match="of these variables alone"):
        problem.with_constraints([numbers]).to_cqm()
    from secateur.problem.cqm import to_cqm

    cqm = to_cqm(problem.bqm, [numbers], extra=True)
    extra = [label for label in cqm.variables if label not in LABELS]
    assert len(extra) == 3
    for row in everything(7):
        wanted = row[3:].sum() in (0, 1, 4)
        sample = dict(zip(LABELS, row, strict=True))
        found = any(
            cqm.check_feasible({**sample, **dict(zip(extra, chosen, strict=True))})
            for chosen in np.eye(3, dtype=int)
        )
        assert found == wanted


def test_a_time_in_steps_is_no_quadratic_form():
    made = budget([["v0", "v1", "v2"]], 20, linear=(1,), widths={0: (0, 16, 16, 16)})
    assert made.kind == "staircase"
    with pytest.raises(ConstraintError, match="widths in steps"):
        made.written_out()


def test_what_is_too_large_to_write_out_is_told():
    wide = [[f"a{i}" for i in range(1100)], [f"b{i}" for i in range(1000)]]
    with pytest.raises(ConstraintError, match="1100000 products"):
        budget(wide, 5.0, pairs={(0, 1): 1}).written_out()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"groups": [["v0"], ["v0"]]}, "two places"),
        ({"groups": [[]]}, "empty"),
        ({"linear": (1, 2)}, "2 linear costs"),
        ({"linear": (-1,)}, "linear = -1"),
        ({"linear": (float("nan"),)}, "linear = nan"),
        ({"pairs": {(0, 1): 1}}, "names the group 1"),
        ({"pairs": {(0, 0): float("inf")}}, r"pairs\[0, 0\] = inf"),
        ({"upper": float("inf")}, "no bound"),
        ({"upper": True}, "upper = True"),
        ({"widths": {0: (0, 1)}}, "2 widths"),
        ({"widths": {0: (0, 2, 1)}}, "falls"),
        ({"widths": {3: (0, 1, 2)}}, "names the group 3"),
    ],
)
def test_what_cannot_be_a_budget_is_told(arguments, said):
    given = {"groups": [["v0", "v1"]], "upper": 5.0} | arguments
    with pytest.raises(ConstraintError, match=said):
        budget(**given)


def test_a_budget_below_what_stays_is_told():
    with pytest.raises(ConstraintError, match="3 stays however much is taken away"):
        compile_budget(budget([["v0"]], 2.0, fixed=3.0), INDEX, 7)


def test_two_large_groups_are_one_number():
    """Written out it would be a quarter of a million; a share of it is found at once."""
    n = 512
    labels = [f"{layer}:{i}" for layer in "ab" for i in range(n)]
    made = budget([labels[:n], labels[n:]], 0.25 * n * n, pairs={(0, 1): 1.0})
    nothing = np.zeros(0)
    cost = np.tile(np.arange(1.0, n + 1), 2)
    problem = Problem.from_arrays(labels, cost, (nothing, nothing, nothing), 0.0, [made])
    moves = Moves(problem)
    bits = moves.descend(moves.greedy())
    # the same price for both: the cheaper half of each goes
    assert problem.energies(bits)[0] == n // 2 * (n // 2 + 1)
    assert problem.feasible(bits)[0]


def test_numbers_that_are_even_are_steps():
    assert among((4, 0, 8), EIGHT, name="m") == among((0, 4, 8), EIGHT, name="m")
    assert among((0, 4, 8), EIGHT, name="m").kind == "multiple"
    assert among((0, 4, 8), EIGHT).allowed(8).tolist() == multiple_of(4, EIGHT).allowed(8).tolist()
    assert among((0, 1, 5), EIGHT).allowed(8).nonzero()[0].tolist() == [0, 1, 5]
    assert among((3,), FOUR).kind == "limit"
    assert among((0, 1, 3), FOUR).kind == "numbers"
    with pytest.raises(ConstraintError, match="allows the numbers"):
        among((), FOUR)
    with pytest.raises(ConstraintError, match="allows the numbers"):
        among((0, -1), FOUR)


def test_repair_and_descent_keep_listed_numbers_and_a_budget():
    groups = [LABELS[:4], LABELS[4:]]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        demands = [
            among((0, 1, 4), groups[0], name="one"),
            at_most(2, groups[1], name="other"),
            budget(groups, 9.0, linear=(1, 1), pairs={(0, 1): 1}),
            count(3),
        ]
        upper = np.triu(rng.normal(size=(7, 7)), 1) + np.diag(rng.lognormal(size=7))
        problem = Problem(model(upper), demands)
        moves = Moves(problem)
        for number in rng.integers(0, 128, 5):
            closed = moves.repair(everything(7)[number])
            assert closed is not None
            assert problem.feasible(closed)[0]
            best = moves.descend(closed)
            assert problem.feasible(best)[0]
            assert problem.energies(best)[0] <= problem.energies(closed)[0]
