"""A study's file as a whole: its tables and its cells."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secateur.errors import FileError, SecateurError
from secateur.study.cell import Instance, StudyMethod
from secateur.study.spec import cells as ordering
from secateur.study.spec import load_study
from secateur.study.spec.cells import order_cells, taking_turns
from secateur.study.spec.methods import Resolved
from tests.study.spec.files import INSTANCES, METHODS, OWN, STUDY, load, write

# -- cells -----------------------------------------------------------------------------------------


def test_layers_multiply(tmp_path):
    study = load(
        tmp_path,
        STUDY.replace("0.1", "[0.1, 0.2]") + "seeds = [3, 1]\nrepetitions = 2\n",
        INSTANCES.replace("8", "[8, 9, 10]"),
        '[[methods]]\nbackend = ["greedy", "tabu"]\n[[methods]]\nbackend = "annealing"\n'
        "options = { reads = [1, 2] }\ntime_limit = 0.05",
    )
    told = Counter(
        (c.instance.name, c.method.name, c.seed, c.repetition, c.time_limit) for c in study.cells
    )
    wanted = Counter(
        (f"planted-{n}-s0", name, seed, repetition, limit)
        for n in (8, 9, 10)
        for name, limits in {
            "greedy time_limit=0.1": (0.1,),
            "greedy time_limit=0.2": (0.2,),
            "tabu time_limit=0.1": (0.1,),
            "tabu time_limit=0.2": (0.2,),
            "annealing reads=1 time_limit=0.05": (0.05,),
            "annealing reads=2 time_limit=0.05": (0.05,),
        }.items()
        for limit in limits
        for seed in (3, 1)
        for repetition in (0, 1)
    )
    names = {one.name for one in study.methods}
    assert {name for _, name, *_ in told} == names
    assert sum(told.values()) == sum(wanted.values()) == 3 * 2 * 2 * (2 * 2 + 2)
    assert len({cell.key for cell in study.cells}) == len(study.cells)
    assert [one.best_known is not None and one.known_optimal for one in study.instances] == [1] * 3


def resolved(counts: list[int]) -> list[Resolved]:
    return [
        Resolved(StudyMethod(f"{backend} {number}", f"b{backend}", public={"n": number}), None)
        for backend, count in enumerate(counts)
        for number in range(count)
    ]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.text(max_size=4))
def test_cells_of_one_backend_are_apart_where_they_can_be(counts, draw):
    methods = resolved(counts)
    turns = taking_turns(methods, draw)
    assert sorted(one.method.name for one in turns) == sorted(one.method.name for one in methods)
    names = [one.method.backend for one in turns]
    touching = sum(a == b for a, b in pairwise(names))
    assert touching == max(0, 2 * max(counts) - len(names) - 1)
    assert taking_turns(methods, draw) == turns


def instances(many):
    return [Instance(f"i{n}", f"{n}", {}, 1, 0) for n in range(many)]


@given(st.lists(st.integers(1, 4), min_size=2, max_size=5), st.integers(1, 9))
def test_every_method_has_run_once_before_any_runs_again(counts, many):
    methods = resolved(counts)
    cells = order_cells(instances(many), methods, {}, seeds=[0, 1], repetitions=2, limits=[1.0])
    size = len(methods)
    for begin in range(0, len(cells), size):
        group = cells[begin : begin + size]
        assert len({(c.instance.name, c.seed, c.repetition) for c in group}) == 1
        assert {c.method.name for c in group} == {one.method.name for one in methods}


@pytest.mark.parametrize("counts", [[1, 1], [1, 1, 1, 1], [2, 1, 1], [2, 2]])
def test_who_is_first_is_drawn_anew_for_each_instance_and_seed(counts):
    """Each place is each method's as often as any other's, within five standard deviations."""
    methods = resolved(counts)
    cells = order_cells(instances(40), methods, {}, seeds=range(10), repetitions=2, limits=[1.0])
    size = len(methods)
    orders = [
        tuple(cell.method.name for cell in cells[begin : begin + size])
        for begin in range(0, len(cells), size)
    ]
    assert len(orders) == 800
    for firsts in (Counter(order[0] for order in orders), Counter(order[-1] for order in orders)):
        assert set(firsts) == {one.method.name for one in methods}
        if len(set(counts)) == 1:
            expected = 800 / size
            assert all(abs(n - expected) < 5 * (expected * (1 - 1 / size)) ** 0.5
                       for n in firsts.values())  # fmt: skip
    again = sum(a == b for a, b in pairwise(orders)) / 799
    assert again == pytest.approx(1 / len(set(orders)), abs=0.1)


def test_too_many_cells(tmp_path, monkeypatch):
    monkeypatch.setattr(ordering, "MOST_CELLS", 3)
    with pytest.raises(SecateurError, match="the study has 4 cells"):
        load(tmp_path, STUDY + "repetitions = 4")


def test_what_a_backend_cannot_take_is_known(tmp_path):
    study = load(tmp_path, INSTANCES.replace("8", "[8, 12]"), f'[[methods]]\nbackend = "{OWN}:Own"')
    small, large = study.cells
    assert small.cannot == ""
    assert large.cannot == "12 variables, and own takes at most 9"


# -- the file --------------------------------------------------------------------------------------


def test_what_the_tables_say(tmp_path):
    study = load(
        tmp_path,
        STUDY + 'seeds = [5]\nbudget_s = 7\nstore = "rows.db"',
        INSTANCES,
        METHODS,
        '[report]\nsubmitter = "we"\nreference = "that"\nhardware = "this"\ntuned_by = "them"\n'
        'notes = "so"\nconfidence = 0.9\nthreshold = 0.01',
        "[tune]\ntrials = 3\nseconds = 2.5\nseed = 4\nspace = { greedy = {} }\n"
        '[[tune.instances]]\ngenerator = "planted"\nvariables = [5, 6]',
    )
    assert (study.title, study.budget_s) == ("Made up", 7.0)
    assert study.store == str(tmp_path / "rows.db")
    assert (study.submitter, study.reference, study.hardware) == ("we", "that", "this")
    assert (study.tuned_by, study.notes) == ("them", "so")
    assert (study.confidence, study.threshold) == (0.9, 0.01)
    tuning = study.tuning
    assert (tuning.trials, tuning.seconds, tuning.seed) == (3, 2.5, 4)
    assert [one.variables for one in tuning.instances] == [5, 6]
    assert load(tmp_path).store == str(tmp_path / "study.db")
    assert load(tmp_path).tuning is None


def test_a_url_is_a_store(tmp_path):
    url = "postgresql+psycopg://me@host/db"
    assert load(tmp_path, STUDY + f'store = "{url}"').store == url


TUNE = '[tune]\n[[tune.instances]]\ngenerator = "planted"\nvariables = 5\n'


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (["[study]\ntime_limit = 1"], "study.toml, [study] needs the option 'title'"),
        (['[study]\ntitle = "x"'], "needs the option 'time_limit'"),
        (['[study]\ntitle = " "\ntime_limit = 1'], "the title is empty"),
        ([STUDY + "repetition = 2"], "did you mean 'repetitions'"),
        ([STUDY + "seeds = []"], "seeds is an empty list"),
        ([STUDY + "seeds = [1, 1]"], "seeds has 1 twice"),
        ([STUDY + "seeds = [1, -1]"], "the seed is -1"),
        ([STUDY + "seeds = [1.5]"], "the seed is 1.5"),
        ([STUDY + "seeds = 3"], "'seeds' of study.toml, [study] is 3"),
        ([STUDY + "repetitions = 0"], "'repetitions'"),
        ([STUDY + "budget_s = -1"], "'budget_s'"),
        ([STUDY + 'missing = "ignore"'], "not one of the choices"),
        ([STUDY.replace("0.1", "0")], "the time limit is 0"),
        ([STUDY.replace("0.1", "[]")], "time_limit is an empty list"),
        ([STUDY.replace("0.1", "[1, 1.0]")], "time_limit has 1.0 twice"),
        ([STUDY.replace("0.1", '"soon"')], "'time_limit'"),
        ([STUDY + 'store = ""'], "the store is empty"),
        (["[stud]", STUDY], "did you mean 'study'"),
        (["[[method]]\nbackend = 3", STUDY], "did you mean 'methods'"),
        (["x = 1", STUDY], "study.toml has no table 'x'"),
        ([STUDY, "[report]\nsubmiter = 3"], "did you mean 'submitter'"),
        ([STUDY, "[report]\nconfidence = 1.0"], "'confidence'"),
        ([STUDY, "[tune]\ntrials = 3"], "[[tune.instances]] is missing"),
        ([STUDY, TUNE.replace("[tune]", "[tune]\ntrial = 3")], "did you mean 'trials'"),
        ([STUDY, TUNE.replace("5", "8")], "[[tune.instances]] 1, planted-8-s0: it is the same"),
        ([STUDY, TUNE + "[tune.space.tabu]\nreads = [1]"], "space names 'tabu'"),
        ([STUDY, TUNE + "[tune.space.greedy]\nreads = [1]"], "names 'reads', which greedy does"),
        (
            [
                STUDY,
                '[[methods]]\nbackend = "tabu"',
                TUNE + "[tune.space.tabu]\nreads = { from = 5, to = 5 }",
            ],
            "space.tabu.reads is",
        ),
        (['[[instances]]\ngenerator = "plantd"'], "did you mean 'planted'"),
        (['[[instances]]\ngenerator = "planted"\nvariabls = 3'], "did you mean 'variables'"),
        (['[[instances]]\ngenerator = "planted"\nbest_known = 3'], "is known to be"),
        (['[[instances]]\ngenerator = "planted"\nvariables = [4, 3]'], "'variables' of"),
        (["[[instances]]\ngenerator = []"], "names the generator []"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, parts, said):
    with pytest.raises(SecateurError) as caught:
        load(tmp_path, *parts)
    assert said in str(caught.value)
    assert "study.toml" in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:hunter2@host/db", "postgresql://host/db?user=me&password=hunter2"],
)
def test_a_password_is_refused_and_not_shown(tmp_path, url):
    with pytest.raises(SecateurError, match="holds a password") as caught:
        load(tmp_path, STUDY + f'store = "{url}"')
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"[study\n", "is no TOML"),
        (b"\xff\xfe[study]", "is no text"),
        (b"", r"has no table \[study\]"),
        (b"study = 3", "has a 'study' that is no table"),
    ],
)
def test_what_is_no_study(tmp_path, data, said):
    path = tmp_path / "study.toml"
    path.write_bytes(data)
    with pytest.raises(SecateurError, match=said):
        load_study(path)
    with pytest.raises(FileError, match="does not exist"):
        load_study(tmp_path / "nothing.toml")


def test_tables_that_are_missing_are_told(tmp_path):
    path = tmp_path / "study.toml"
    for text, said in ((STUDY, "instances"), (STUDY + INSTANCES, "methods")):
        path.write_text(text)
        with pytest.raises(SecateurError, match=rf"\[\[{said}\]\] is missing"):
            load_study(path)


def test_tables_in_single_brackets_are_told(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY + METHODS + INSTANCES.replace("[[instances]]", "[instances]"))
    with pytest.raises(SecateurError, match=r"\[\[instances\]\] is no list of tables"):
        load_study(path)


def test_windows_wrote_it(tmp_path):
    path = write(tmp_path)
    before = load_study(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert [cell.key for cell in load_study(path).cells] == [cell.key for cell in before.cells]


def test_no_study_needs_torch_that_has_no_network(tmp_path):
    path = write(tmp_path, '[[methods]]\nbackend = ["tabu", "auto"]')
    code = (
        "import sys; from secateur.study.spec import load_study; load_study(sys.argv[1]); "
        "print([name for name in ('torch', 'sqlalchemy', 'altair') if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(Path(path))], capture_output=True, text=True, check=True
    ).stdout
    assert said == "[]\n"
