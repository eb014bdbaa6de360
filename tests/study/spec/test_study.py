"""A study's file as a whole: its tables, its cells, their keys."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections import Counter
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secateur.errors import FileError, SecateurError
from secateur.study.cell import Cell, Instance, StudyMethod
from secateur.study.spec import cells as ordering
from secateur.study.spec import load_study
from secateur.study.spec.cells import next_turn, order_cells, taking_turns
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
            "greedy": (0.1, 0.2),
            "tabu": (0.1, 0.2),
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


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_cells_of_one_backend_are_apart_where_they_can_be(counts):
    methods = resolved(counts)
    turns = taking_turns(methods)
    assert sorted(one.method.name for one in turns) == sorted(one.method.name for one in methods)
    names = [one.method.backend for one in turns]
    touching = sum(a == b for a, b in pairwise(names))
    if max(counts) <= (len(names) + 1) // 2:
        assert touching == 0


@given(st.lists(st.integers(1, 4), min_size=2, max_size=5), st.integers(1, 9))
def test_so_are_those_of_following_instances(counts, many):
    methods = resolved(counts)
    instances = [Instance(f"i{n}", f"{n}", {}, 1, 0) for n in range(many)]
    cells = order_cells(instances, methods, {}, seeds=[0], repetitions=1, limits=[1.0])
    if max(counts) > sum(counts) - max(counts):
        return
    at_once = [cell.method.backend for cell in cells]
    assert not any(a == b for a, b in pairwise(at_once))


def test_it_is_not_always_the_same_method_that_is_first():
    turns = taking_turns(resolved([1, 1, 1, 1]))
    begin, firsts = 0, []
    for _ in range(12):
        firsts.append(begin)
        begin = next_turn(turns, begin)
    assert set(Counter(firsts).values()) == {3}


def test_too_many_cells(tmp_path, monkeypatch):
    monkeypatch.setattr(ordering, "MOST_CELLS", 3)
    with pytest.raises(SecateurError, match="the study has 4 cells"):
        load(tmp_path, STUDY + "repetitions = 4")


def test_what_a_backend_cannot_take_is_known(tmp_path):
    study = load(tmp_path, INSTANCES.replace("8", "[8, 12]"), f'[[methods]]\nbackend = "{OWN}:Own"')
    small, large = study.cells
    assert small.cannot == ""
    assert large.cannot == "12 variables, and own takes at most 9"


# -- keys ------------------------------------------------------------------------------------------

TEXT = st.text("abc", max_size=3)
PLAIN = st.dictionaries(
    TEXT, st.one_of(st.integers(0, 3), st.booleans(), TEXT, st.none()), max_size=3
)
METHOD = {
    "backend": TEXT,
    "public": PLAIN,
    "max_calls": st.one_of(st.none(), st.integers(1, 3)),
    "proof": st.booleans(),
    "versions": st.dictionaries(TEXT, TEXT, max_size=3),
}
CELL = {
    "seed": st.integers(0, 3),
    "repetition": st.integers(0, 2),
    "time_limit": st.one_of(st.none(), st.floats(0.5, 3.0)),
}
INSTANCE = {"sha256": TEXT, "judging": PLAIN}
NAMES = {
    "instance": {"name", "source", "variables", "couplings", "count", "family", "best_known"}
    | {"known_optimal", "sense"},
    "method": {"name", "options", "time_limit", "metered", "tuned", "cannot"},
    "cell": {"cannot", "instance", "method"},
}
BASE = Cell(
    Instance("i", "abc", {}, 3, 2, judging={"ridge": 1}),
    StudyMethod("m", "tabu", public={"reads": 1}, versions={"numpy": "2"}, max_calls=2),
    1,
    1,
    2.0,
)


def test_all_fields_are_spoken_for():
    assert {one.name for one in fields(Instance)} == INSTANCE.keys() | NAMES["instance"]
    assert {one.name for one in fields(StudyMethod)} == METHOD.keys() | NAMES["method"]
    assert {one.name for one in fields(Cell)} == CELL.keys() | NAMES["cell"]


@given(st.data())
def test_all_that_determines_a_cell_is_in_its_key_and_nothing_else(data):
    parts = {"instance": INSTANCE, "method": METHOD, "cell": CELL}
    where = data.draw(st.sampled_from(sorted(parts)))
    name = data.draw(st.sampled_from(sorted(parts[where])))
    value = data.draw(parts[where][name])
    home = BASE if where == "cell" else getattr(BASE, where)
    before = getattr(home, name)
    changed = replace(home, **{name: value})
    cell = changed if where == "cell" else replace(BASE, **{where: changed})
    same = value == before and json.dumps(value, sort_keys=True) == json.dumps(
        before, sort_keys=True
    )
    assert (cell.key == BASE.key) is same
    assert pickle.loads(pickle.dumps(cell)).key == cell.key


def test_names_are_no_part_of_it():
    other = replace(
        BASE,
        instance=replace(
            BASE.instance, name="x", source={"file": "y"}, family="z", best_known=1.0,
            known_optimal=True, sense="maximise", variables=9, couplings=9, count=2,
        ),
        method=replace(
            BASE.method, name="x", options={"key": "secret"}, time_limit=9.0, metered=True,
            tuned=3, cannot="why",
        ),
        cannot="why",
    )  # fmt: skip
    assert other.key == BASE.key


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_names_is_no_part_of_it(order):
    values = {"a": 1, "b": {"x": 1, "y": 2}, "c": None, "d": [1, 2]}
    method = replace(BASE.method, public={name: values[name] for name in order})
    plain = replace(BASE.method, public=values)
    assert replace(BASE, method=method).key == replace(BASE, method=plain).key


def test_it_is_written_down():
    """A key of today is one of tomorrow: else every store would be forgotten."""
    assert BASE.key == "1a738db3a28ec83524cff4ab7c11eca80f38b3a559d7904a0b7416ae4a5b4d60"


def test_keys_are_the_same_in_another_process_and_folder(tmp_path):
    study = load(tmp_path, STUDY + "seeds = [0, 1]", '[[methods]]\nbackend = ["tabu", "annealing"]')
    moved = tmp_path / "elsewhere" / "other.toml"
    moved.parent.mkdir()
    moved.write_text(study.text.replace("Made up", "Another title"))
    code = (
        "import sys; from secateur.study.spec import load_study; "
        "print(*[cell.key for cell in load_study(sys.argv[1]).cells])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(moved)], capture_output=True, text=True, check=True,
        env={**__import__("os").environ, "PYTHONHASHSEED": "7"},
    ).stdout  # fmt: skip
    assert said.split() == [cell.key for cell in study.cells]


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
