"""Rows as runs: what is missing, what is doubled, who has the best, when a target was reached."""

from __future__ import annotations

import math
from random import Random

import pytest

from secateur.study import State
from secateur.study.statistics.best import describe, energy_of
from secateur.study.statistics.runs import beyond, collect, state_of
from tests.study.statistics.making import row, runs_of


def states(runs, method, instance):
    return [state_of(run) for run in runs.of[method, instance]]


def test_each_state_is_told_apart_and_none_has_an_answer():
    cannot = row("m", seed=2, state=State.CANNOT)
    runs = runs_of(row("m", energy=-1.0), row("m", seed=1), cannot, row("n", seed=3, energy=-1.0))
    assert states(runs, "m", "a") == ["done", "failed", "cannot"]
    assert [run.answered for run in runs.of["m", "a"]] == [True, False, False]
    assert [run.gap for run in runs.of["m", "a"]] == [0.0, math.inf, math.inf]
    assert runs.of["m", "a"][1].path == ()


@pytest.mark.parametrize("energy", [None, math.nan, math.inf, -math.inf])
def test_done_without_an_energy_counts_as_failed(energy):
    claim = row("m", seed=1, energy=energy, state=State.DONE)
    runs = runs_of(row("m", energy=-1.0), claim)
    assert energy_of(claim) is None
    assert states(runs, "m", "a") == ["done", "failed"]
    assert runs.instances[0].best == -1.0


def test_an_energy_of_what_failed_is_not_believed():
    assert energy_of(row("m", energy=-1.0, state=State.FAILED)) is None
    assert energy_of(None) is None


def test_an_instance_that_a_method_lacks_is_absent_with_all_its_seeds():
    runs = runs_of(
        row("m", "a", 0, -1.0), row("m", "a", 1, -1.0), row("n", "a", 0, -1.0),
        row("n", "a", 1, -1.0), row("n", "b", 0, -1.0), row("n", "b", 1, -1.0),
    )  # fmt: skip
    assert states(runs, "m", "b") == ["absent", "absent"]
    assert [run.place for run in runs.of["m", "b"]] == [(0, 0, 0), (1, 0, 0)]
    assert runs.of["m", "b"][0].end == 1.0  # the longest of the others


def test_a_method_of_one_seed_owes_no_others():
    """A deterministic one is run once; that the others have more seeds is no failure of it."""
    runs = runs_of(*(row("m", "a", seed, -1.0) for seed in range(3)), row("n", "a", 0, -1.0))
    assert states(runs, "n", "a") == ["done"]


def test_an_instance_of_fewer_seeds_owes_no_others():
    runs = runs_of(
        *(row(m, "a", seed, -1.0) for seed in range(3) for m in "mn"),
        row("m", "b", 0, -1.0), row("n", "b", 0, -1.0),
    )  # fmt: skip
    assert states(runs, "m", "b") == states(runs, "n", "b") == ["done"]


def test_a_seed_that_the_method_has_elsewhere_and_others_here_is_absent():
    runs = runs_of(
        *(row("m", "a", seed, -1.0) for seed in range(2)),
        row("m", "b", 0, -1.0),
        *(row("n", "b", seed, -1.0) for seed in range(2)),
    )  # fmt: skip
    assert states(runs, "m", "b") == ["done", "absent"]


def test_without_a_common_seed_all_of_its_own_are_owed():
    runs = runs_of(row("m", "a", 5, -1.0), row("n", "b", 0, -1.0))
    assert [run.place for run in runs.of["m", "b"]] == [(5, 0, 0)]
    assert states(runs, "m", "b") == ["absent"]


def test_the_cells_of_a_study_say_what_is_absent():
    rows = [row("m", "a", 0, -1.0), row("n", "a", 0, -1.0), row("m", "a", 7, -1.0)]
    cells = [(m, i, s, 0) for m in ("m", "n", "o") for i in ("a", "b") for s in (0, 1)]
    runs = collect(rows, cells)
    assert runs.methods == ("m", "n", "o")
    assert runs.names == ("a",)
    assert runs.unseen == ("b",)
    assert states(runs, "m", "a") == ["done", "absent", "done"]
    assert states(runs, "n", "a") == ["done", "absent"]
    assert states(runs, "o", "a") == ["absent", "absent"]


def test_a_method_that_no_cell_of_an_instance_names_still_has_a_run_there():
    cells = [("m", "a", 0, 0), ("n", "b", 0, 0)]
    runs = collect([row("m", "a", 0, -1.0), row("n", "b", 0, -1.0)], cells)
    assert states(runs, "n", "a") == states(runs, "m", "b") == ["absent"]


def test_repetitions_are_runs_of_their_own():
    runs = runs_of(*(row("m", energy=-1.0, repetition=k) for k in range(3)))
    assert [run.place for run in runs.of["m", "a"]] == [(0, 0, 0), (0, 1, 0), (0, 2, 0)]
    assert runs.doubled == 0


def test_a_key_counts_once_and_another_key_of_the_same_cell_again():
    first = row("m", energy=-1.0)
    late = row("m", energy=-2.0, started="2026")
    other = row("m", energy=-3.0, key="other versions")
    runs = runs_of(late, first, other)
    assert (runs.repeated, runs.doubled, len(runs.rows)) == (1, 1, 2)
    assert [run.place for run in runs.of["m", "a"]] == [(0, 0, 0), (0, 0, 1)]
    assert {run.row.energy for run in runs.of["m", "a"]} == {-2.0, -3.0}


def test_one_name_for_two_problems_is_two_instances():
    runs = runs_of(
        row("m", energy=-1.0, instance_sha256="1" * 64),
        row("n", energy=-2.0, instance_sha256="2" * 64),
    )
    assert runs.names == ("a (11111111)", "a (22222222)")
    assert states(runs, "m", "a (22222222)") == ["absent"]


def test_instances_stand_by_size_then_name():
    runs = runs_of(
        row("m", "big", energy=-1.0, variables=20), row("m", "z", energy=-1.0),
        row("m", "b", energy=-1.0),
    )  # fmt: skip
    assert runs.names == ("b", "z", "big")


def test_the_order_of_rows_is_nothing():
    rows = [row(m, i, s, -1.0 - s, key=f"{m}{i}{s}{k}") for m in "mn" for i in "ab"
            for s in (0, 1) for k in (0, 1)]  # fmt: skip
    shuffled = rows[:]
    Random(3).shuffle(shuffled)
    assert collect(shuffled) == collect(rows)


def test_each_instance_weighs_the_same():
    runs = runs_of(*(row("m", "a", s, -1.0) for s in range(4)), row("m", "b", 0, -1.0))
    # on b the other seeds are not owed, for nobody has them
    weights = [weight for weight, _ in runs.all_of("m")]
    assert weights == [0.125] * 4 + [0.5]


class TestPath:
    def of(self, *others, **about):
        best = row("best", energy=-100.0)
        return runs_of(best, row("m", **about), *others).of["m", "a"][0]

    def test_gaps_of_better_selections_and_when_a_target_was_reached(self):
        run = self.of(energy=-90.0, incumbents=((0.2, -50.0), (0.5, -80.0)), wall=2.0)
        assert run.path == ((0.2, 0.5), (0.5, pytest.approx(0.2)), (2.0, pytest.approx(0.1)))
        assert run.reached(0.5) == 0.2
        assert run.reached(0.3) == 0.5
        assert run.reached(0.15) == 2.0
        assert run.reached(0.05) == math.inf

    def test_the_answer_is_no_second_time_better(self):
        run = self.of(energy=-90.0, incumbents=((0.5, -90.0),), wall=2.0)
        assert run.path == ((0.5, pytest.approx(0.1)),)

    def test_incumbents_out_of_order_or_no_better(self):
        run = self.of(energy=-90.0, incumbents=((0.5, -80.0), (0.2, -85.0)), wall=2.0)
        assert [at for at, _ in run.path] == [0.2, 2.0]

    def test_an_incumbent_better_than_the_answer_is_not_used(self):
        about = {"energy": -90.0, "incumbents": ((0.2, -99.0), (0.5, -90.0 - 1e-9)), "wall": 2.0}
        assert self.of(**about).path == ((0.5, pytest.approx(0.1)),)
        assert beyond(row("m", **about), -99.0)
        assert not beyond(row("m", **about), -90.0 - 1e-9)
        assert not beyond(row("m", **about), -80.0)

    def test_a_queue_is_no_part_of_a_run(self):
        run = self.of(energy=-90.0, incumbents=((0.2, -50.0), (9.0, -80.0)), wall=10.0, queue=7.0)
        assert run.end == 3.0
        assert [at for at, _ in run.path] == [0.2, 3.0, 3.0]

    def test_a_queue_longer_than_the_wall_makes_no_time_negative(self):
        assert self.of(energy=-90.0, wall=1.0, queue=2.0).end == 0.0

    def test_without_a_time_the_limit_counts_then_the_longest_run(self):
        assert self.of(energy=-90.0, wall=None, time_limit=5.0).end == 5.0
        assert self.of(energy=-90.0, wall=None).end == 1.0
        assert self.of(row("n", wall=4.0), energy=-90.0, wall=None).end == 4.0
        alone = runs_of(row("m", energy=-1.0, wall=None)).of["m", "a"][0]
        assert alone.end == math.inf
        assert alone.reached(0.0) == math.inf

    def test_who_was_stopped(self):
        assert not self.of(energy=-90.0, stopped="completed").stopped
        assert self.of(energy=-90.0, stopped="time limit").stopped
        assert self.of(energy=-90.0, stopped="").stopped
        assert not self.of(stopped="time limit").stopped  # it failed


class TestBest:
    def test_of_a_run(self):
        made = describe("a", [row("m", energy=-1.0), row("n", energy=-3.0), row("o")])
        assert (made.best, made.source, made.size) == (-3.0, "run", 3.0)
        assert (made.bound, made.proven, made.conflict) == (None, False, "")

    def test_of_the_study(self):
        made = describe("a", [row("m", energy=-1.0, best_known=-5.0)])
        assert (made.best, made.source, made.size) == (-5.0, "study", 5.0)

    def test_the_study_keeps_what_a_run_only_meets(self):
        made = describe("a", [row("m", energy=-5.0 - 1e-10, best_known=-5.0)])
        assert made.source == "study"
        assert describe("a", [row("m", energy=-5.1, best_known=-5.0)]).source == "run"

    def test_of_a_bound_where_nobody_has_an_energy(self):
        made = describe("a", [row("m", bound=-9.0), row("n", bound=-7.0)])
        assert (made.best, made.source, made.bound, made.proven) == (-7.0, "bound", -7.0, False)
        nobody = describe("a", [row("m")])
        assert (nobody.best, nobody.source, nobody.bound) == (None, "", None)

    def test_proven_by_the_greatest_bound_of_all(self):
        rows = [row("m", energy=-5.0, bound=-8.0), row("n", energy=-4.0, bound=-5.0)]
        assert describe("a", rows).proven
        assert describe("a", rows).bound == -5.0
        assert not describe("a", [row("m", energy=-5.0, bound=-5.001)]).proven
        assert describe("a", [row("m", energy=-5.0, bound=-5.000001)]).proven
        assert describe("a", [row("m", energy=0.0, bound=0.0)]).proven

    def test_a_bound_above_an_energy_is_a_conflict_and_not_used(self):
        made = describe("a", [row("m", energy=-5.0, bound=-5.0), row("n", energy=-6.0)])
        assert made.bound is None
        assert not made.proven
        assert made.best == -6.0
        assert made.conflict == "m claims the bound -5, and n has the energy -6"
        said = describe("a", [row("m", energy=-5.0, bound=-5.0, best_known=-6.0)])
        assert "the study's file has the energy -6" in said.conflict

    def test_a_bound_above_by_rounding_is_none(self):
        made = describe("a", [row("m", energy=-5.0, bound=-5.0 + 1e-7)])
        assert made.proven
        assert made.conflict == ""
