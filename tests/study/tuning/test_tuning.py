"""Equal tuning: real trials on small problems, recorded, resumed, written as a study."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from dataclasses import replace

import pytest

from secateur.errors import FileError, OptionError
from secateur.study import State
from secateur.study.cell import Cell
from secateur.study.engine import Task
from secateur.study.running import run_study
from secateur.study.spec import load_study
from secateur.study.store import open_store
from secateur.study.tuning import tune, write_trials, write_tuned
from tests.backends.leap.server import TOKEN, LeapServer

TOML = """
# a comment that stays
[study]
title = "Tried"
seeds = [0]
time_limit = 5.0
store = "tried.db"

[[instances]]
generator = "planted"
variables = 12
seed = 0

[[methods]]   # gone in the tuned one
backend = "annealing"
options = { reads = 1 }

[[methods]]
backend = "greedy"

[report]
submitter = "Jane"

[tune]
trials = 4
seed = 3

[tune.space.annealing]
sweeps = { from = 1, to = 50 }
schedule = ["linear", "geometric"]

[[tune.instances]]
generator = "planted"
variables = 14
seed = [7, 8]
"""


class Here:
    """An engine that runs in this process, and counts."""

    workers = 1

    def __init__(self, die: int | None = None) -> None:
        self.ran: Counter[str] = Counter()
        self.die = die

    def __enter__(self):
        return self

    def __exit__(self, *exc: object) -> None: ...

    def run(self, take):
        while (task := take()) is not None:
            if self.die is not None and self.ran.total() >= self.die:
                raise KeyboardInterrupt
            self.ran[task.cell.method.name] += 1
            yield task, task.run()


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(TOML)
    return load_study(path)


def tuned(study, engine=None, **more):
    with open_store(study.store, folder=study.path.parent) as store:
        return tune(study, store, engine or Here(), **more)


def test_every_method_gets_the_same_trials_and_the_first_are_its_own_options(study):
    engine = Here()
    done = tuned(study, engine)
    annealing, greedy = done.methods
    assert [trial.number for trial in annealing.trials] == [0, 1, 2, 3]
    assert annealing.trials[0].options == {}
    assert annealing.method.tuned == 4
    assert annealing.best.value == min(trial.value for trial in annealing.trials)
    assert annealing.best.value <= annealing.trials[0].value
    for trial in annealing.trials[1:]:
        assert 1 <= trial.options["sweeps"] <= 50
        assert trial.options["schedule"] in ("linear", "geometric")
    if annealing.best.number:
        assert annealing.method.public["sweeps"] == annealing.best.options["sweeps"]
    assert annealing.method.public["reads"] == 1  # its own options are kept
    assert (greedy.method.tuned, len(greedy.trials)) == (0, 1)
    assert greedy.reason == "it has nothing to tune"
    assert engine.ran[annealing.method.name] <= 4 * 2
    assert engine.ran[greedy.method.name] == 2


def test_values_are_gaps_to_the_best_known_energies(study):
    done = tuned(study)
    with open_store(study.store, folder=study.path.parent) as store:
        rows = store.rows("Tried: tuning")
    names = [instance.name for instance in study.tuning.instances]
    for name, instance in zip(names, study.tuning.instances, strict=True):
        known = [row.energy for row in rows if row.instance == name]
        assert done.reference[name] >= min(known)
        if instance.best_known is not None:
            assert done.reference[name] <= instance.best_known
    trial = done.methods[0].trials[0]
    own = [
        next(
            r
            for r in rows
            if (r.instance, r.method) == (name, done.methods[0].method.name)
            and r.options["sweeps"] == study.methods[0].public["sweeps"]
        )
        for name in names
    ]
    gaps = [
        (row.energy - done.reference[name]) / abs(done.reference[name])
        for name, row in zip(names, own, strict=True)
    ]
    assert list(trial.gaps.values()) == pytest.approx(gaps)
    assert trial.value == pytest.approx(sum(gaps) / 2)
    assert {row.seed for row in rows} == {3}
    assert {row.time_limit for row in rows} == {5.0}


def test_a_tuning_that_was_interrupted_goes_on_and_ends_the_same(study, tmp_path):
    whole = tuned(study)
    other = replace(study, store=str(tmp_path / "other.db"))
    cut = Here(die=5)
    with pytest.raises(KeyboardInterrupt):
        tuned(other, cut)
    rest = Here()
    again = tuned(other, rest)
    assert cut.ran.total() == 5
    total = Here()
    third = tuned(replace(study, store=str(tmp_path / "third.db")), total)
    assert rest.ran.total() == total.ran.total() - 5
    nothing = Here()
    tuned(other, nothing)
    assert nothing.ran.total() == 0
    for one in (again, third):
        for a, b in zip(whole.methods, one.methods, strict=True):
            assert [t.options for t in a.trials] == [t.options for t in b.trials]
            assert [t.value for t in a.trials] == [t.value for t in b.trials]


def test_what_is_written_is_the_study_with_other_methods(study, tmp_path):
    done = tuned(study)
    path = write_tuned(done, tmp_path / "study.tuned.toml")
    text = path.read_text()
    assert "# a comment that stays" in text
    assert "gone in the tuned one" not in text
    before, after = tomllib.loads(TOML), tomllib.loads(text)
    assert after["study"].pop("title") == "Tried, tuned"
    assert after["study"].pop("tuned_from") == ["Tried"]
    before["study"].pop("title")
    before.pop("methods"), after.pop("methods")
    assert after == before
    again = load_study(path)
    assert [m.name for m in again.methods] == [one.method.name for one in done.methods]
    assert [m.tuned for m in again.methods] == [4, 0]
    for made, one in zip(again.methods, done.methods, strict=True):
        assert made.public == one.method.public
    with pytest.raises(FileError, match="exists"):
        write_tuned(done, path)
    told = json.loads(write_trials(done, tmp_path / "t.json").read_text())
    assert [len(one["trials"]) for one in told["methods"]] == [4, 1]
    assert told["methods"][0]["space"]["sweeps"] == {"from": 1.0, "to": 50.0, "log": False}
    assert told["methods"][1]["not_tuned"] == "it has nothing to tune"
    write_trials(done, tmp_path / "t.json")  # replaced


def test_methods_that_are_written_inline_cannot_be_taken_out(study, tmp_path):
    done = tuned(study, trials=1)
    start, end = TOML.index("[[methods]]"), TOML.index("[report]")
    text = 'methods = [ { backend = "annealing", options = { reads = 1 } } ]\n'
    other = replace(study, text=text + TOML[:start] + TOML[end:])
    with pytest.raises(OptionError, match="cannot be taken out"):
        write_tuned(replace(done, study=other), tmp_path / "x.toml")


def test_an_instance_of_the_study_is_not_tuned_on(study):
    other = replace(study.tuning, instances=study.instances)
    with pytest.raises(OptionError, match="the same biases and demands"):
        tuned(replace(study, tuning=other))
    for nothing in (None, replace(study.tuning, instances=())):
        with pytest.raises(OptionError, match="says nothing of instances to tune on"):
            tuned(replace(study, tuning=nothing))
    with pytest.raises(OptionError, match="trials is 0"):
        tuned(study, trials=0)


class Scripted(Here):
    """What a solver might do, without one: fail above a number of sweeps."""

    def run(self, take):
        while (task := take()) is not None:
            assert isinstance(task, Task)
            cell: Cell = task.cell
            sweeps = cell.method.public.get("sweeps", 30)
            row, reads = task.failed("made up")
            if sweeps <= 40:
                row = replace(row, state=State.DONE, energy=-50.0 + abs(sweeps - 9), wall=1.0)
            yield task, (row, reads)


def test_what_failed_counts_worst_and_the_best_is_found(study):
    done = tuned(study, Scripted(), trials=25)
    annealing = done.methods[0]
    lost = [t for t in annealing.trials if t.options.get("sweeps", 1000) > 40]
    assert lost
    assert all(t.value == 1e6 and set(t.gaps.values()) == {None} for t in lost)
    assert abs(annealing.best.options["sweeps"] - 9) < 5


def test_seconds_end_the_trials_of_a_method_and_this_is_told(study):
    other = replace(study.tuning, seconds=4.0, spaces={"annealing": {"sweeps": [5, 9, 12]}})
    done = tuned(replace(study, tuning=other), Scripted(), trials=9)
    one = done.methods[0]
    assert sum(trial.seconds for trial in one.trials[1:]) == 4.0
    assert "4 s were over" in one.reason
    assert one.method.tuned == len(one.trials) == 3


def test_a_metered_method_is_not_tuned_unasked(study):
    metered = replace(study.methods[0], metered=True)
    cells = tuple(
        replace(cell, method=metered) if cell.method == study.methods[0] else cell
        for cell in study.cells
    )
    engine = Here()
    done = tuned(replace(study, methods=(metered, study.methods[1]), cells=cells), engine)
    assert done.methods[0].trials == ()
    assert done.methods[0].method.tuned == 0
    assert "--charge" in done.methods[0].reason
    assert set(engine.ran) == {study.methods[1].name}


def write(folder, methods, study=""):
    start, end = TOML.index("[[methods]]"), TOML.index("[report]")
    text = TOML[:start].replace('store = "tried.db"\n', study) + methods + TOML[end:]
    text = text[: text.index("[tune.space")] + text[text.index("[[tune.instances]]") :]
    path = folder / "study.toml"
    path.write_text(text.replace("trials = 4", "trials = 2"))
    return load_study(path)


SECRETS = """
[[methods]]
backend = "auto"
options = { reads = 3 }

[[methods]]
name = "paid"
backend = "leap"
options = { token = { env = "MY_TOKEN" }, wait = 9.0 }

[[methods]]
name = "in parts"
backend = "decompose:leap"
options = { "inner.token" = { env = "MY_TOKEN" } }

[[methods]]
name = "not here"
backend = "nobody-has-this"
options = { token = { env = "MY_TOKEN" }, deep = { a = [1, 2] } }

[[methods]]
backend = "control"

"""


def test_whatever_a_method_is_it_is_written_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "made-up-and-secret")
    study = write(tmp_path, SECRETS, 'missing = "skip"\n')
    path = write_tuned(tuned(study), tmp_path / "study.tuned.toml")
    text = path.read_text()
    assert "made-up-and-secret" not in text
    again = load_study(path)
    for made, before in zip(again.methods, study.methods, strict=True):
        assert (made.name, made.backend) == (before.name, before.backend)
        if before.backend != "auto":  # which has something to tune
            assert made.options == before.options
            assert made.public == before.public
            assert made.secrets == before.secrets
    assert "again" not in text


def test_the_tuned_study_shares_the_store(tmp_path):
    study = write(tmp_path, '[[methods]]\nbackend = "greedy"\n')
    path = write_tuned(tuned(study), tmp_path / "study.tuned.toml")
    again = load_study(path)
    assert again.store == study.store == str(tmp_path / "study.db")
    assert again.paid_with == ("Tried, tuned: tuning", "Tried: tuning")
    third = load_study(write_tuned(tuned(again), tmp_path / "third.toml"))
    assert third.store == study.store
    assert third.paid_with[1:] == ("Tried: tuning", "Tried, tuned: tuning")


@pytest.fixture
def leap(tmp_path, monkeypatch):
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    monkeypatch.setenv("HOME", str(tmp_path))
    with LeapServer() as server:
        yield server


LEAP = """
[[methods]]
name = "hybrid"
backend = "leap"
options = {{ endpoint = "{}", journal = "journal-of-it", backoff = 0.01 }}

"""


def test_what_tuning_was_charged_counts_for_the_study(tmp_path, leap, monkeypatch):
    """5 s a cell; two instances are tuned on, with two trials."""
    monkeypatch.chdir(tmp_path)
    study = write(tmp_path, LEAP.format(leap.endpoint), "budget_s = 40\n")
    solvers = replace(study.tuning, spaces={"hybrid": {"solver": ["bqm", "cqm"]}})
    study = replace(study, tuning=solvers)
    done = tuned(study, charge=True)
    spent = leap.charged
    assert spent == 5.0 * len(leap.accepted)
    assert 10.0 <= spent <= 20.0
    path = write_tuned(done, tmp_path / "study.tuned.toml")
    for one in (study, load_study(path)):
        with open_store(one.store) as store:
            ran = run_study(replace(one, budget_s=spent + 4.5), store, Here(), charge=True)
        (waiting,) = ran.waiting
        assert waiting.reason == "5 s would be charged, and 4.5 s are left"
        assert ran.charged == leap.charged == spent
    with open_store(study.store) as store:
        ran = run_study(replace(study, budget_s=spent + 5.0), store, Here(), charge=True)
    assert (ran.waiting, ran.charged, leap.charged) == ([], spent + 5.0, spent + 5.0)
    # and what the study and an earlier tuning were charged counts for another tuning
    other = replace(study, tuning=replace(solvers, seed=99), budget_s=spent + 9.5)
    assert "budget" in tuned(other, charge=True).methods[0].reason
    assert leap.charged == spent + 5.0
