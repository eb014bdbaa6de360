"""Each limitation is said where the rows show it, and not where they do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secateur.study import State
from secateur.study.statistics.limitations import limitations, listed, number
from secateur.study.statistics.runs import collect
from tests.study.statistics.making import row

MACHINE = {"system": "Linux", "processors": 2, "load": 0.5}


def whole(**changed):
    """Two methods on ten instances with ten seeds, about which there is little to be said."""
    made = []
    for k in range(10):
        for seed in range(10):
            for method in ("m", "n"):
                about = {
                    "bound": -100.0,
                    "time_limit": 5.0,
                    "incumbents": ((0.5, -99.0), (0.6, -100.0)),
                    "machine": MACHINE,
                    "versions": {"python": "3.11"},
                    "ones": (seed,),
                }
                about |= changed.get((method, k, seed), changed.get(method, {}))
                energy = about.pop("energy", -100.0)
                made.append(row(method, f"i{k}", seed, energy, **about))
    return made


def said(rows, **options):
    return limitations(collect(rows, **options))


def keyed(**changed):
    return changed


UNTUNED = "No method was tuned: each ran with the options of the study, or its own defaults."


def test_a_study_with_nothing_to_be_said():
    assert said(whole()) == (UNTUNED,)


def has(rows, sentence, **options):
    made = said(rows, **options)
    assert sentence in made, made


def test_failed_cannot_and_absent():
    counts = (
        "Each counts as a run without success and with a gap of 1; a method without any answer on "
        "an instance ranks last there."
    )
    rows = whole()
    rows[0] = row("m", "i0", 0, machine=MACHINE, time_limit=5.0, versions={"python": "3.11"})
    has(rows, f"Runs that failed: m (1 of 100). {counts}")
    rows[0] = row("m", "i0", 0, state=State.CANNOT, machine=MACHINE, time_limit=5.0)
    has(rows, f"Runs that a backend could not take: m (1 of 100). {counts}")
    has(rows[1:], f"Runs that have no row: m (1 of 100). {counts}")


def test_an_instance_without_any_row():
    cells = [(r.method, r.instance, r.seed, 0) for r in whole()] + [("m", "x", 0, 0)]
    has(
        whole(),
        "No run at all was made on x: left out of everything here, for all methods.",
        expected=cells,
    )


@pytest.mark.parametrize(
    ("m", "n", "sentence"),
    [
        (3, 3, "Each method was tuned with 3 trials."),
        (1, 1, "Each method was tuned with 1 trial."),
        (
            3,
            0,
            "The methods were not tuned alike: m with 3 trials; n not at all. This favours those "
            "with more trials.",
        ),
        (
            3,
            2,
            "The methods were not tuned alike: m with 3 trials and n with 2 trials. This favours "
            "those with more trials.",
        ),
    ],
)
def test_who_was_tuned(m, n, sentence):
    made = said(whole(m={"tuned": m}, n={"tuned": n}))
    assert made == (sentence,)


def test_rows_of_one_method_that_were_not_tuned_alike():
    rows = whole(m={"tuned": 4}, n={"tuned": 4})
    rows[0] = row("m", "i0", 0, -100.0, tuned=0, time_limit=5.0)
    has(rows, "Only some rows of m are of tuned options.")


def test_what_was_stopped():
    has(
        whole(n={"stopped": "time limit"}),
        "Runs that a limit stopped, or that do not say that they were complete: n (100 of 100). "
        "What they would have found later is not known.",
    )


def test_limits_that_differ_are_missing_or_were_not_kept():
    has(
        whole(n={"time_limit": 9.0}),
        "Time limits differ: m 5 s and n 9 s. Methods with more time are favoured.",
    )
    has(
        whole(n={"time_limit": None}),
        "Time limits differ: m 5 s and n none. Methods with more time are favoured.",
    )
    none = {"time_limit": None}
    has(whole(m=none, n=none), "No run had a time limit: methods may have had unequal time.")
    over = "They had more time than others."
    has(
        whole(n={"wall": 5.6}),
        f"Runs that took more than 1.1 times their time limit: n (100 of 100). {over}",
    )
    assert said(whole(n={"wall": 5.5})) == (UNTUNED,)
    assert said(whole(n={"wall": 15.0, "queue": 9.6, "stopped": "completed"}))[1].startswith(
        "Runs that waited"
    )


def test_what_is_not_proven_and_who_owns_the_best():
    unproven = {"bound": None}
    made = said(whole(m=unproven, n={**unproven, "energy": -100.0}))
    assert made == (
        UNTUNED,
        "On 10 of 10 instances no optimum is proven: gaps and successes there are against the best "
        "known, which may not be the best.",
    )
    has(
        whole(m={**unproven, "energy": -101.0}, n=unproven),
        "The best known is not proven and was found by one of the compared methods alone: m on 10. "
        "Its successes there are against its own best.",
    )
    stated = {"best_known": -100.0, "bound": None}
    assert len(said(whole(m=stated, n={**stated, "energy": -99.0}))) == 3  # incumbents beyond
    assert not any("own best" in s for s in said(whole(m=stated, n=stated)))


def test_nobody_has_an_energy():
    rows = [*whole(), row("m", "x", 0), row("n", "x", 0)]
    has(rows, "Nobody has an energy on x: all methods count as failing there.")


def test_better_than_the_study_says():
    has(
        whole(m={"best_known": -90.0}),
        "On i0, i1, i2, i3, i4, i5, i6, i7, i8 and i9 a run is better than the best that the "
        "study's file says: gaps are to the run's energy.",
    )
    assert said(whole(m={"best_known": -100.0})) == (UNTUNED,)


def test_claims_that_contradict_each_other():
    has(
        whole(**{"m": {"bound": -99.0}}),
        "On i0 m claims the bound -99, and m has the energy -100: one of the two is untrue. The "
        "bound is not used.",
    )


def test_rows_that_are_not_true():
    rows = whole()
    rows[0] = row("m", "i0", 0, float("nan"), time_limit=5.0)
    has(
        rows,
        "Done, but without a finite energy: 1 row of m. Counted as failed.",
    )
    has(
        whole(m={"incumbents": ((0.1, -200.0), (0.2, -100.0))}),
        "100 runs of m told an incumbent that is better than the answer: that incumbent is not "
        "used.",
    )


def test_few_instances_and_few_runs():
    rows = [r for r in whole() if r.instance == "i0" and r.seed < 3]
    made = said(rows)
    assert made[1] == ("There is only 1 instance: intervals and tests over instances are rough.")
    assert made[2] == (
        "There are as few as 3 runs of a method on an instance: even if all succeed, the "
        "probability of success is only known to be above 0.44 (95 %)."
    )
    nine = [r for r in whole() if r.instance != "i0" and r.seed < 9]
    assert said(nine)[1].startswith("There are only 9 instances:")
    assert "above 0.70 (95 %)" in said(nine)[2]


def test_answers_that_do_not_depend_on_the_seed():
    sentence = (
        "Whatever the seed, the answers on an instance were the same: m. Where a method draws "
        "nothing at random its runs are one run, and its intervals over runs are too short."
    )
    has(whole(m={"ones": (1,)}), sentence)
    rows = whole(m={"ones": (1,)})
    rows[0] = row("m", "i0", 0, -100.0, ones=(2,))
    assert sentence not in said(rows)
    once = [row(m, f"i{k}", 0, -1.0) for m in "mn" for k in range(10)]
    assert not any("Whatever the seed" in s for s in said(once))


def test_machines_and_loads():
    other = {"machine": {"system": "macOS", "processors": 8}}
    has(
        whole(n=other),
        "Runs were made on 2 machines: their times are not of one kind. 2 Linux and 8 macOS.",
    )
    assert said(whole(n={"machine": {**MACHINE, "load": 1.9}})) == (UNTUNED,)
    loaded = "100 of 200 runs began while the load was above the number of processors: their times "
    for load in (2.5, [2.5, 0.1, 0.1], (2.5,)):
        has(whole(n={"machine": {**MACHINE, "load": load}}), loaded + "are too long.")
    for load in (2.0, [], "high", None, [0.1, 9.0]):
        assert said(whole(n={"machine": {**MACHINE, "load": load}})) == (UNTUNED,)
    rows = whole(n={"machine": {**MACHINE, "load": 2.5}})
    rows = [replace(r, state=State.CANNOT) if r.seed < 3 else r for r in rows]
    began = [r for r in rows if r.state is not State.CANNOT]
    over = sum(r.machine["load"] == 2.5 for r in began if "load" in r.machine)
    assert 0 < over < len(began) < 200
    assert any(s.startswith(f"{over} of {len(began)} runs began while") for s in said(rows))
    has(whole(n={"machine": {}}), "The machine is not told by 100 of 200 rows.")


def test_versions():
    has(
        whole(n={"versions": {"python": "3.12"}}),
        "More than one version took part: python (3.11 and 3.12).",
    )


def test_times_that_are_short_missing_or_coarse():
    has(
        whole(n={"wall": 0.0009}),
        "Runs that took less than 0.001 s, which is too short to be timed well: n (100 of 100). In "
        "ratios of times they count as 0.001 s.",
    )
    assert said(whole(n={"wall": 0.001})) == (UNTUNED,)
    has(
        whole(n={"wall": None}),
        "Runs that tell no time: n (100 of 100). Their time counts as their limit, or as the "
        "longest run on the instance.",
    )
    has(
        whole(n={"incumbents": ()}),
        "Runs that tell no incumbents: n (100 of 100). A target counts as reached at their end, "
        "which may be later than it was.",
    )
    has(
        whole(n={"queue": 0.1}),
        "Runs that waited at a service: n (100 of 100). Their time is without the queue; the times "
        "of their incumbents are with it, but never later than the end.",
    )


def test_answers_that_are_told_at_the_end_only():
    told = (
        "Answers are told at the end of a run only: n. Their curves are one step: what they had "
        "before, and when a target was reached, is not known, and times to a target are the "
        "longest possible."
    )
    late = {"incumbents": ((0.95, -100.0),)}
    has(whole(n=late), told)
    early = {"incumbents": ((0.5, -99.0), (0.95, -100.0))}
    rows = whole(n=late)
    assert told not in said([replace(rows[1], **early), *rows[2:]])
    assert told not in said(whole(n={"incumbents": ()}))  # which is told otherwise


def test_cells_that_are_there_again():
    rows = whole()
    has([*rows, rows[0], rows[1]], "Given again, and counted once: 2 rows.")
    again = row("m", "i0", 0, -100.0, key="another", bound=-100.0, time_limit=5.0, ones=(3,),
                incumbents=((1.0, -100.0),), machine=MACHINE)  # fmt: skip
    has(
        [*rows, again],
        "The method, instance, seed and repetition of 1 row are those of another row, with other "
        "versions or options: counted as runs of their own.",
    )


def test_one_problem_twice():
    has(
        whole(**{"m": {"instance_sha256": "s"}, "n": {"instance_sha256": "s"}}),
        "i0, i1, i2, i3, i4, i5, i6, i7, i8 and i9 are the same problem: it counts 10 times.",
    )


def test_other_seeds():
    rows = [r for r in whole() if r.method == "m" or r.seed == 0]
    has(
        rows,
        "The methods were not run with the same seeds and repetitions: two methods are paired on "
        "those that both have.",
    )


def test_words():
    assert number(1, "run") == "1 run"
    assert number(0, "run") == "0 runs"
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(x for x in "abc") == "a, b and c"
