"""A method on an instance and over all: counts, means, reads, times."""

from __future__ import annotations

import math

import pytest

from secateur.study import State
from secateur.study.statistics import Estimate, analyse
from secateur.study.statistics.shares import time_to_solution, wilson
from tests.study.statistics.making import row


def cell(rows, method="m", instance="a", **options):
    found = analyse([row("best", energy=-100.0), *rows], **options).cells
    return next(c for c in found if (c.method, c.instance) == (method, instance))


def test_what_is_missing_counts_as_a_run_without_success():
    made = cell(
        [
            row("m", "a", 0, -100.0),
            row("m", "a", 1),
            row("m", "a", 2, state=State.CANNOT),
            row("m", "b", 3, -1.0),
            row("best", "a", 3, -100.0),
        ]
    )
    assert (made.runs, made.done, made.failed, made.cannot, made.absent) == (4, 1, 1, 1, 1)
    assert made.successes == 1
    assert made.success == wilson(1, 4, 0.95)
    assert made.gap == 0.75
    assert (made.gap_best, made.gap_worst) == (0.0, 1.0)
    assert made.energy == -100.0


def test_the_threshold_is_what_succeeds():
    rows = [row("m", "a", 0, -99.0), row("m", "a", 1, -98.0)]
    assert cell(rows).successes == 0
    assert cell(rows, threshold=0.01).successes == 1
    assert cell(rows, threshold=0.02).successes == 2
    assert cell(rows, threshold=0.0099).successes == 0


def test_a_gap_to_the_bound_of_anybody():
    rows = [row("m", "a", 0, -90.0), row("m", "a", 1), row("n", "a", 0, -50.0, bound=-120.0)]
    made = cell(rows)
    assert made.to_bound == pytest.approx((30 / 120 + 1) / 2)
    assert made.gap == pytest.approx((0.1 + 1) / 2)
    assert cell(rows[:2]).to_bound is None


def test_times_are_without_queue_and_access_is_apart():
    rows = [
        row("m", "a", 0, -100.0, wall=10.0, queue=7.0, access=0.25),
        row("m", "a", 1, -90.0, wall=5.0, access=0.75),
    ]
    made = cell(rows)
    assert (made.seconds, made.access) == (4.0, 0.5)
    assert made.tts == time_to_solution(4.0, made.success)
    assert made.tts_access == time_to_solution(0.5, made.success)
    assert made.expected == 3.0 + 5.0
    assert cell([row("m", energy=-100.0)]).tts_access == Estimate()


class TestReads:
    ABOUT = {"reads": 50, "reads_best": 10, "backend_energy": -100.0}  # noqa: RUF012

    def test_hits_where_the_backends_best_is_the_best_known(self):
        rows = [
            row("m", "a", 0, -100.0, **self.ABOUT),
            row("m", "a", 1, -100.0, **{**self.ABOUT, "backend_energy": -99.0}),
        ]
        made = cell(rows)
        assert made.read_success == wilson(10, 100, 0.95)
        assert made.tts_reads == time_to_solution(2.0 / 100, made.read_success)
        assert cell(rows, threshold=0.01).read_success == wilson(20, 100, 0.95)

    def test_a_read_takes_access_time_where_it_is_told(self):
        made = cell([row("m", energy=-100.0, access=0.1, **self.ABOUT)])
        assert made.tts_reads == time_to_solution(0.1 / 50, wilson(10, 50, 0.95))

    def test_without_reads_there_is_no_share_of_them(self):
        made = cell([row("m", energy=-100.0)])
        assert made.read_success is None
        assert made.tts_reads == Estimate()
        assert cell([row("m", energy=-100.0, reads=0)]).read_success is None

    def test_without_an_energy_of_the_backend_or_a_time(self):
        made = cell([row("m", energy=-100.0, wall=None, reads=20, reads_best=5)])
        assert made.read_success == wilson(0, 20, 0.95)
        assert made.tts_reads == Estimate(math.inf, None, math.inf)
        untold = cell([row("m", energy=-100.0, reads=20, backend_energy=-100.0)])
        assert untold.read_success == wilson(0, 20, 0.95)
        partly = [
            row("m", "a", 0, -100.0, **self.ABOUT),
            row("m", "a", 1, -100.0, wall=None, **self.ABOUT),
        ]
        assert cell(partly).tts_reads == Estimate()

    def test_where_nobody_knows_a_best(self):
        (made,) = analyse([row("m", reads=20)]).cells
        assert made.read_success is None


class TestMethod:
    ROWS = (
        row("m", "a", 0, -100.0, wall=1.0, tuned=5),
        row("m", "a", 1, -90.0, wall=3.0, tuned=7),
        row("m", "b", 0, -50.0, wall=4.0, backend="other", metered=True),
        row("n", "a", 0, -100.0),
        row("n", "a", 1, -100.0),
        row("n", "b", 0, -50.0),
    )

    def of(self, method="m", rows=ROWS, **options):
        return next(m for m in analyse(rows, **options).methods if m.method == method)

    def test_means_are_over_instances(self):
        made = self.of()
        assert made.gap.value == pytest.approx((0.05 + 0.0) / 2)
        assert made.success.value == pytest.approx((0.5 + 1.0) / 2)
        assert made.success == wilson(0.75 * 3, 3, 0.95)
        assert (made.runs, made.done, made.solved, made.best_on) == (3, 3, 2, 1)
        assert (made.failed, made.cannot, made.absent) == (0, 0, 0)
        assert made.rank == pytest.approx((2 + 1.5) / 2)
        assert (made.tuned, made.metered, made.backends) == (7, True, ("m", "other"))
        assert self.of("n").metered is False
        assert self.of("n").tuned == 0

    def test_times_are_medians_over_instances(self):
        made = self.of()
        on_a = time_to_solution(2.0, wilson(1, 2, 0.95)).value
        assert made.tts.value == pytest.approx((on_a + 4.0) / 2)
        assert (made.tts.low, made.tts.high) == pytest.approx((4.0, on_a))
        assert made.expected.value == pytest.approx((4.0 + 4.0) / 2)

    def test_a_time_that_is_not_told_is_not_left_out(self):
        rows = [*self.ROWS[:2], row("m", "b", 0, -50.0, wall=None), *self.ROWS[3:]]
        assert self.of(rows=rows).tts == Estimate()
        lost = [*self.ROWS[:2], row("m", "b", 0, wall=None), *self.ROWS[3:]]
        assert self.of(rows=lost).tts.value == math.inf

    def test_missing_runs_by_their_kind(self):
        rows = [
            row("m", "a", 0), row("m", "a", 1, state=State.CANNOT), row("m", "a", 2, -1.0),
            row("n", "b", 0, -1.0), row("n", "b", 1, -1.0), row("n", "b", 2, -1.0),
        ]  # fmt: skip
        made = self.of(rows=rows)
        assert (made.runs, made.done, made.failed, made.cannot, made.absent) == (6, 1, 1, 1, 3)


def test_times_of_every_kind():
    made = analyse(
        [
            row("m", "a", 0, -1.0, wall=2.0, queue=0.5, access=0.1, cpu=1.0, charged=3.0),
            row("m", "a", 1, wall=4.0, cpu=5.0),
            row("m", "a", 2, -1.0, wall=9.0),
            row("n", "a", 0, -1.0, wall=None),
        ]
    )
    m, n = made.times
    assert (m.method, m.rows) == ("m", 3)
    assert (m.wall.told, m.wall.total, m.wall.median) == (3, 15.0, 4.0)
    assert (m.cpu.told, m.cpu.total, m.cpu.median) == (2, 6.0, 3.0)
    assert (m.queue.told, m.queue.total) == (1, 0.5)
    assert (m.access.total, m.charged.total) == (0.1, 3.0)
    assert (n.rows, n.wall.told, n.wall.total, n.wall.median) == (1, 0, None, None)
