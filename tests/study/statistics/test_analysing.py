"""The whole: what does not depend on order, names and scale; and studies with nearly nothing."""

from __future__ import annotations

import dataclasses
import json
import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.errors import DataError, OptionError
from secateur.study import State
from secateur.study.statistics import analyse, tables
from tests.study.rows import METHODS, made_rows
from tests.study.statistics.making import row

STATES = st.sampled_from([State.DONE, State.DONE, State.DONE, State.FAILED, State.CANNOT])


@st.composite
def studies(draw):
    """A few methods on a few instances, with failures, gaps in the rows, and ties."""
    rows = []
    for method in "abc"[: draw(st.integers(1, 3))]:
        for instance in "xyz"[: draw(st.integers(1, 3))]:
            for seed in range(draw(st.integers(1, 3))):
                state = draw(STATES)
                energy = draw(st.integers(-8, 4)) if state is State.DONE else None
                steps = ((0.25, energy + 3.0), (0.5, float(energy))) if energy is not None else ()
                rows.append(
                    row(
                        method,
                        instance,
                        seed,
                        None if energy is None else float(energy),
                        state=state,
                        incumbents=steps if draw(st.booleans()) else (),
                        wall=draw(st.sampled_from([1.0, 2.0, None])),
                        stopped=draw(st.sampled_from(["completed", "time limit"])),
                        ones=tuple(draw(st.lists(st.integers(0, 4), unique=True, max_size=3))),
                    )
                )
    return rows


def analysed(rows):
    return analyse(rows, resamples=50)


@settings(max_examples=20, deadline=None)
@given(studies(), st.integers(0, 10))
def test_the_order_of_rows_is_nothing(rows, seed):
    shuffled = rows[:]
    Random(seed).shuffle(shuffled)
    assert tables.to_json(analysed(shuffled)) == tables.to_json(analysed(rows))


@settings(max_examples=20, deadline=None)
@given(studies())
def test_names_of_methods_are_nothing(rows):
    """With their order kept, everything is the same but for the names."""
    names = {"a": "q1", "b": "q2", "c": "q3"}
    renamed = [
        dataclasses.replace(r, method=names[r.method], backend=names[r.backend]) for r in rows
    ]
    made = json.loads(tables.to_json(analysed(rows)))
    other = json.loads(tables.to_json(analysed(renamed)))
    made.pop("limitations")
    other.pop("limitations")
    words = json.dumps(other)
    for old, new in names.items():
        words = words.replace(f'"{new}"', f'"{old}"')
    assert json.loads(words) == made


@settings(max_examples=20, deadline=None)
@given(studies())
def test_the_other_order_of_methods_gives_the_same_numbers(rows):
    names = {"a": "z", "b": "y", "c": "x"}
    made = analysed(rows)
    other = analysed([dataclasses.replace(r, method=names[r.method]) for r in rows])
    back = {names[m.method]: m for m in made.methods}
    for method in other.methods:
        own = back[method.method]
        assert method.gap == own.gap
        assert method.tts == own.tts
        assert method.rank == pytest.approx(own.rank)
    assert other.ranks.p == pytest.approx(made.ranks.p)
    pairs = {(names[p.second], names[p.first]): p for p in made.pairs}
    for pair in other.pairs:
        own = pairs[pair.first, pair.second]
        if own.pairs:
            assert pair.difference.value == pytest.approx(-own.difference.value)
            assert pair.superiority.value == pytest.approx(1 - own.superiority.value)
        assert pair.p == own.p


@settings(max_examples=20, deadline=None)
@given(studies(), st.integers(-30, 30))
def test_the_scale_of_energies_is_nothing(rows, power):
    by = 2.0**power

    def scaled(r):
        return dataclasses.replace(
            r,
            energy=None if r.energy is None else r.energy * by,
            incumbents=tuple((at, energy * by) for at, energy in r.incumbents),
        )

    made, other = analysed(rows), analysed([scaled(r) for r in rows])
    for name in (
        "methods", "gap_curves", "target_curves", "profiles", "anytime", "pairs", "ranks",
        "virtual_best", "agreement", "times", "limitations",
    ):  # fmt: skip
        assert getattr(other, name) == getattr(made, name)


@settings(max_examples=20, deadline=None)
@given(studies(), st.integers(-20, 20))
def test_an_offset_changes_gaps_but_not_who_succeeds_or_is_better(rows, offset):
    """Relative gaps are relative to an energy, which an offset is part of; orders are not."""

    def moved(r):
        return dataclasses.replace(
            r,
            energy=None if r.energy is None else r.energy + offset,
            incumbents=tuple((at, energy + offset) for at, energy in r.incumbents),
        )

    made, other = analysed(rows), analysed([moved(r) for r in rows])
    assert [c.successes for c in other.cells] == [c.successes for c in made.cells]
    assert [c.tts for c in other.cells] == [c.tts for c in made.cells]
    assert [c.expected for c in other.cells] == [c.expected for c in made.cells]
    assert other.profiles == made.profiles


@settings(max_examples=20, deadline=None)
@given(studies())
def test_shares_grow_from_zero_to_at_most_one_and_hold_what_the_cells_hold(rows):
    made = analysed(rows)
    for curve in (*made.gap_curves, *made.profiles):
        assert list(curve.at) == sorted(set(curve.at))
        assert list(curve.share) == sorted(curve.share)
        assert all(0 < share <= 1 for share in curve.share)
    for curve in made.target_curves:
        assert list(curve.share) == sorted(curve.share)
        assert all(a <= b + 1e-12 for a, b in zip(curve.share, curve.most, strict=True))
    for curve in made.anytime:
        assert all(a <= b <= c for a, b, c in zip(curve.low, curve.median, curve.high, strict=True))
        assert list(curve.median) == sorted(curve.median, reverse=True)
    for method, curve in zip(made.methods, made.gap_curves, strict=True):
        own = [cell for cell in made.cells if cell.method == method.method]
        assert sum(cell.done for cell in own) == method.done
        answered = sum(c.done / c.runs for c in own) / len(own)
        assert (curve.share[-1] if curve.share else 0.0) == pytest.approx(answered)
        assert method.runs == method.done + method.failed + method.cannot + method.absent


@settings(max_examples=20, deadline=None)
@given(studies())
def test_the_virtual_best_is_no_worse_than_anyone(rows):
    made = analysed(rows)
    for method in made.methods:
        assert made.virtual_best.gap <= method.gap.value + 1e-9
        assert made.virtual_best.solved >= method.solved
    assert made.virtual_best.single_gap == pytest.approx(min(m.gap.value for m in made.methods))


class TestNearlyNothing:
    def sound(self, rows, **options):
        made = analyse(rows, resamples=100, **options)
        json.loads(tables.to_json(made))
        return made

    def test_one_row(self):
        made = self.sound([row("m", energy=-1.0)])
        assert made.ranks.p is None
        assert made.pairs == ()
        assert made.methods[0].success.value == 1.0
        assert made.methods[0].success.low == pytest.approx(0.2065, abs=1e-4)
        assert made.methods[0].gap.value == 0.0

    def test_one_row_that_failed(self):
        made = self.sound([row("m", wall=None)])
        assert made.methods[0].gap.value == 1.0
        assert made.methods[0].tts.value == math.inf
        assert made.anytime[0].at == ()
        assert made.instances[0].best is None

    def test_all_failed(self):
        rows = [row(m, i, s) for m in "mno" for i in "ab" for s in range(2)]
        made = self.sound(rows)
        assert {m.gap.value for m in made.methods} == {1.0}
        assert made.ranks.ranks == (2.0, 2.0, 2.0)
        assert made.ranks.p == 1.0
        assert {p.superiority.value for p in made.pairs} == {0.5}
        assert {p.p_holm for p in made.pairs} == {1.0}

    @pytest.mark.parametrize("energy", [0.0, -1.0, 1e300, 1e-300])
    def test_all_tied(self, energy):
        rows = [row(m, i, s, energy) for m in "mno" for i in "ab" for s in range(2)]
        made = self.sound(rows)
        assert {m.gap.value for m in made.methods} == {0.0}
        assert {m.success.value for m in made.methods} == {1.0}
        assert made.ranks.groups == (("m", "n", "o"),)
        assert {p.superiority.value for p in made.pairs} == {0.5}

    def test_a_best_of_zero(self):
        made = self.sound([row("m", energy=0.0), row("n", energy=1e-6)])
        assert [m.gap.value for m in made.methods] == [0.0, 1.0]

    def test_no_times_at_all(self):
        rows = [row(m, i, 0, -1.0, wall=None) for m in "mno" for i in "ab"]
        made = self.sound(rows)
        assert made.anytime[0].at == ()
        assert made.target_curves[0].at == ()
        assert made.profiles[0].at == ()
        assert made.methods[0].tts.value is None
        assert made.methods[0].expected.value == math.inf

    def test_only_bounds(self):
        made = self.sound([row("m", bound=-5.0)])
        assert (made.instances[0].best, made.instances[0].source) == (-5.0, "bound")


def test_the_made_rows_of_the_study():
    """Each method is worse than the one before; scip cannot take the largest, tabu failed once."""
    made = analyse(made_rows(network=True))
    assert made.confidence == 0.95
    assert made.threshold == 0.0
    assert made.targets == (0.1, 0.03, 0.01, 0.003, 0.001, 0.0)
    assert (made.resamples, made.seed) == (2000, 0)
    by = {m.method: m for m in made.methods}
    assert sorted(by) == sorted(METHODS)
    assert (by["scip"].cannot, by["tabu"].failed) == (5, 1)
    assert made.ranks.methods[0] == "annealing"
    assert [i.proven for i in made.instances] == [True] * 5 + [False]
    assert len(made.quality) == 6
    assert all(q.kendall.value > 0.5 for q in made.quality)
    assert len(made.cells) == 24
    assert [c.method for c in made.cells[:7]] == ["annealing"] * 6 + ["greedy"]
    largest = next(c for c in made.cells if c.method == "scip" and c.instance == "made-70")
    assert (largest.gap, largest.done, largest.expected) == (1.0, 0, math.inf)
    for pair in made.pairs:
        if "annealing" in (pair.first, pair.second):
            assert pair.difference.high < 0  # it is the first by name


def test_options_reach_what_they_are_of():
    rows = made_rows()
    narrow, wide = (analyse(rows, confidence=c, resamples=500) for c in (0.5, 0.99))
    for one, other in zip(narrow.methods, wide.methods, strict=True):
        assert other.success.low <= one.success.low <= one.success.high <= other.success.high
        assert other.gap.low <= one.gap.low <= one.gap.high <= other.gap.high
    assert wide.ranks.critical_difference > narrow.ranks.critical_difference
    assert "(99 %)" in " ".join(wide.limitations)
    loose = analyse(rows, threshold=0.02)
    assert loose.targets == (0.1, 0.03, 0.02, 0.01, 0.003, 0.001)
    assert sum(c.successes for c in loose.cells) > sum(c.successes for c in narrow.cells)
    assert analyse(rows, resamples=1).resamples == 1
    assert analyse(rows, seed=1).methods != analyse(rows, seed=2).methods


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("confidence", 0.0), ("confidence", 1.0), ("confidence", math.nan), ("threshold", -0.1),
        ("threshold", 1.0), ("threshold", math.nan), ("resamples", 0), ("seed", -1),
    ],
)  # fmt: skip
def test_numbers_out_of_range(option, value):
    with pytest.raises(OptionError, match=option) as raised:
        analyse([row("m", energy=-1.0)], **{option: value})
    assert raised.value.remedy


def test_no_rows():
    with pytest.raises(DataError, match="no rows"):
        analyse([])
    with pytest.raises(DataError, match="no rows"):
        analyse([], expected=[("m", "a", 0, 0)])
