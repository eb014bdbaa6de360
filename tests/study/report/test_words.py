"""Sentences and numbers, against what was counted by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from secateur.study import State
from secateur.study.report import numbers, words

from ..rows import made_rows
from .making import quick


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1, "100 %"),
        (0.9999, "99.99 %"),
        (0.123, "12.3 %"),
        (0.00012345, "0.0123 %"),
        (0.999999, "99.9999 %"),
        (12.345, "1234 %"),
        (-0.05, "−5.0 %"),
        (math.inf, "∞"),
    ],
)
def test_shares_are_all_or_nothing_only_where_they_are(value, text):
    assert numbers.percent(value) == ("0 %" if value == 0 else text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234.5, "1234"),
        (0.5, "0.500"),
        (-2.5, "−2.50"),
        (math.nan, "–"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers_have_three_figures(value, text):
    assert numbers.plain(value) == text


def test_a_share_that_somebody_chose_is_as_it_was_chosen():
    assert [numbers.level(one) for one in (0.95, 0.999, 0.001, 1e-6)] == [
        "95 %",
        "99.9 %",
        "0.1 %",
        "0.0001 %",
    ]


def test_the_first_paragraph_counts_what_was_run():
    rows = made_rows()
    said = words.compared(quick(rows), rows)
    assert said[0] == (
        "4 methods were run on 6 instances of 20–70 variables, with 5 seeds: 120 runs."
    )
    assert said[1].startswith(
        "114 runs gave a selection; 1 run failed and 5 runs could not be made."
    )
    assert said[2] == "Every run had 2 s for its whole search."
    assert said[3].startswith(
        "annealing has the best mean rank, 1.67, before tabu with 2.17; the distance is not more"
    )


def test_different_time_limits_are_said_to_be_no_comparison_at_equal_time():
    rows = made_rows(2, 2)
    rows[0] = replace(rows[0], time_limit=None)
    rows[1] = replace(rows[1], time_limit=7.0)
    said = " ".join(words.compared(quick(rows), rows))
    assert "different time limits, from 2 s to 7 s, some none" in said
    assert "not compared at equal time" in said
    same = [replace(row, time_limit=None) for row in rows]
    assert "No time limit was set." in words.compared(quick(same), same)


def test_who_shares_the_best_rank_shares_it():
    rows = [replace(row, energy=-1.0, bound=None) for row in made_rows(3, 2) if row.energy]
    said = words.compared(quick(rows), rows)[-1]
    assert "share the best mean rank" in said


def test_lists_and_runs_of_numbers():
    assert words.runs_of([0, 1, 2, 5, 7, 8]) == "0–2, 5, 7–8"
    assert words.listed(["a"]) == "a"
    assert words.listed(list("abc")) == "a, b and c"
    assert words.listed(list("abcdefg")) == "a, b, c, d and 3 more"
    assert words.many(1200, "run") == "1\u00a0200 runs"


def test_different_machines_are_each_told_and_a_load_is_a_range():
    rows = made_rows(1, 2)
    for number, row in enumerate(rows):
        where = {"system": "Linux" if number else "Plan 9", "load": 0.5 + number}
        rows[number] = replace(row, machine=where)
    told = [text for word, text in words.conditions(rows) if word == "machine"]
    assert told == ["system Plan 9, load 0.500 (1 run)", "system Linux, load 1.50–7.50 (7 runs)"]


def test_nobody_leads_where_nobody_has_an_answer():
    rows = [replace(row, state=State.FAILED, energy=None) for row in made_rows(2, 2)]
    said = " ".join(words.compared(quick(rows), rows))
    assert "No method has an answer: nothing is compared." in said
    assert "mean rank" not in said
