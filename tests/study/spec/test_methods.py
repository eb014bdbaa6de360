"""Methods of a study: names, alternatives, secrets, what cannot be used, what costs money."""

from __future__ import annotations

import pickle

import pytest

from secateur.errors import BackendError, BackendNotFound, OptionError, SecateurError
from secateur.study.cell import canonical
from secateur.study.spec import load_study
from tests.study.spec.files import OWN, STUDY, load, write

SKIP = STUDY + 'missing = "skip"\n'


def methods(folder, text, study=STUDY):
    return load(folder, study, f"[[methods]]\n{text}").methods


def names(folder, text):
    return [one.name for one in methods(folder, text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('backend = ["tabu", "greedy"]', ["tabu", "greedy"]),
        (
            'backend = "annealing"\noptions = { reads = [1, 2] }',
            ["annealing reads=1", "annealing reads=2"],
        ),
        ('backend = "annealing"\noptions = { reads = 3 }', ["annealing reads=3"]),
        ('backend = "annealing"\nname = "mine"\noptions = { reads = 3 }', ["mine"]),
        (
            'backend = "annealing"\nname = "mine"\noptions = { reads = [1, 2], sweeps = 9 }',
            ["mine reads=1", "mine reads=2"],
        ),
        ('backend = ["tabu", "greedy"]\nname = "mine"', ["mine tabu", "mine greedy"]),
        (
            'backend = "annealing"\noptions = [{ reads = 1 }, { sweeps = 9 }]',
            ["annealing reads=1", "annealing sweeps=9"],
        ),
        ('backend = "tabu"\ntime_limit = [0.5, 2]', ["tabu time_limit=0.5", "tabu time_limit=2"]),
        ('backend = "tabu"\nproof = [true, false]', ["tabu proof=true", "tabu proof=false"]),
        (
            'backend = "decompose:tabu"\noptions = { inner = { reads = [2, 3] } }',
            ["decompose:tabu inner.reads=2", "decompose:tabu inner.reads=3"],
        ),
        (
            'backend = "decompose:tabu"\noptions = { "inner.reads" = [2, 3], rounds = 4 }',
            ["decompose:tabu inner.reads=2 rounds=4", "decompose:tabu inner.reads=3 rounds=4"],
        ),
        (
            f'backend = "{OWN}:Own"\noptions = {{ weights = [1, 2], reads = [3, 4] }}',
            [f"{OWN}:Own weights=[1, 2] reads=3", f"{OWN}:Own weights=[1, 2] reads=4"],
        ),
        (
            f'backend = "{OWN}:Own"\nname = "own"\noptions = {{ weights = [[1], [1, 2]] }}',
            ["own weights=[1]", "own weights=[1, 2]"],
        ),
    ],
)
def test_names_tell_methods_apart(tmp_path, text, found):
    assert names(tmp_path, text) == found


def test_options_are_handed_on_and_resolved(tmp_path):
    one = methods(tmp_path, 'backend = "annealing"\noptions = { reads = 3 }\ntuned = 20')[0]
    assert one.options == {"reads": 3}
    assert one.public["reads"] == 3
    assert one.public["sweeps"] == 1000
    assert {"seed", "time_limit"}.isdisjoint(one.public)
    assert (one.tuned, one.proof, one.max_calls, one.metered, one.cannot) == (
        20,
        False,
        None,
        0,
        "",
    )
    assert set(one.versions) == {"python", "secateur", "numpy", "scipy", "dwave-samplers"}


def test_options_that_json_does_not_have(tmp_path):
    extra = "{ far = inf, none = nan, many = [1, { deep = -inf }] }"
    table = f'[[methods]]\nbackend = ["{OWN}:Own", "gone"]\noptions = {{ extra = {extra} }}'
    study = load(tmp_path, SKIP, table)
    for method in study.methods:
        assert method.public["extra"] == {
            "far": "inf",
            "none": "nan",
            "many": [1, {"deep": "-inf"}],
        }
    assert len({cell.key for cell in study.cells}) == 2


def test_auto_takes_the_options_of_annealing(tmp_path):
    one = methods(tmp_path, 'backend = "auto"\noptions = { reads = 3 }')[0]
    assert (one.public["reads"], one.public["sweeps"]) == (3, 1000)
    assert "dwave-samplers" in one.versions


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ('backend = "anealing"', BackendNotFound, "did you mean 'annealing'"),
        ('backend = "scip"', BackendNotFound, 'missing = "skip"'),
        ('backend = "nowhere:Solver"', BackendError, "No module named 'nowhere'"),
        ('backend = "annealing"\noptions = { read = 3 }', BackendError, "did you mean 'reads'"),
        ('backend = "annealing"\noptions = { reads = 0 }', BackendError, "out of range"),
        ('backend = "annealing"\noptions = { reads = [1, 0] }', BackendError, "out of range"),
        ('backend = "annealing"\noptions = 3', OptionError, "'options'"),
        (
            f'backend = "{OWN}:Own"\noptions = {{ extra = {{ days = [2026-01-01] }} }}',
            OptionError,
            "a date or a time",
        ),
        ('backend = "greedy"\noptions = { reads = 3 }', OptionError, "greedy takes no options"),
        ('backend = "auto"\noptions = { read = 3 }', BackendError, "did you mean 'reads'"),
        ('backend = "tabu"\noptions = { seed = 3 }', OptionError, "seeds in [study]"),
        ('backend = "tabu"\noptions = { time_limit = 3 }', OptionError, "time_limit in [study]"),
        ('backend = "tabu"\ntime_limit = 0', OptionError, "'time_limit'"),
        ('backend = "auto"\nmax_calls = 3', OptionError, "calls several times by itself"),
        ('backend = "blocks:tabu"\nmax_calls = 3', OptionError, "calls several times by itself"),
        ('backend = "tabu"\nmax_calls = 0', OptionError, "'max_calls'"),
        ('backnd = "tabu"', OptionError, "did you mean 'backend'"),
        ('name = "x"', OptionError, "needs the option 'backend'"),
        ("backend = 3", OptionError, "'backend'"),
        ("backend = []", OptionError, "empty list"),
        ('backend = ["tabu", "tabu"]', OptionError, "'tabu' twice"),
        ('backend = "decompose:tabu"\noptions = { inner = { read = 1 } }', BackendError, "'reads'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, error, said):
    with pytest.raises(error) as caught:
        methods(tmp_path, text)
    assert said in str(caught.value)
    assert "study.toml, [[methods]] 1" in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'backend = "annealing"\n[[methods]]\nbackend = "annealing"\noptions = { reads = 20 }',
            "'annealing' and 'annealing reads=20' are the same",
        ),
        (
            'backend = "tabu"\nname = "x"\n[[methods]]\nbackend = "greedy"\nname = "x"',
            "two methods are called 'x'",
        ),
        (
            'backend = "tabu"\n[[methods]]\nbackend = "tabu"\ntime_limit = 0.1',
            "are the same under a time limit of 0.1 s",
        ),
    ],
)
def test_no_method_twice(tmp_path, text, said):
    with pytest.raises(OptionError, match=said):
        methods(tmp_path, text)


def test_what_cannot_be_used_may_be_skipped(tmp_path, monkeypatch):
    for name in ("DWAVE_API_TOKEN", "DWAVE_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.setenv(name, str(tmp_path))
    text = 'backend = ["scip", "leap", "greedy"]'
    study = load(tmp_path, SKIP, f"[[methods]]\n{text}")
    scip, leap, greedy = study.methods
    assert scip.cannot == "there is no backend 'scip'"
    assert "no token" in leap.cannot
    assert leap.public["region"] is None
    assert greedy.cannot == ""
    assert [cell.cannot for cell in study.cells if cell.method == scip] == [scip.cannot]
    assert [cell.cannot for cell in study.cells if cell.method == greedy] == [""]
    with pytest.raises(BackendError, match='missing = "skip"'):
        methods(tmp_path, text)
    with pytest.raises(BackendError, match="no token") as caught:
        methods(tmp_path, 'backend = "leap"')
    assert "set DWAVE_API_TOKEN; or write missing" in caught.value.remedy


def test_a_typo_in_an_option_is_not_skipped(tmp_path):
    with pytest.raises(BackendError, match="did you mean 'reads'"):
        methods(tmp_path, 'backend = "annealing"\noptions = { read = 3 }', SKIP)


# -- secrets ---------------------------------------------------------------------------------------

SECRET = "hunter2-hunter2"
KEYED = f'backend = "{OWN}:Own"\noptions = {{ key = {{ env = "MY_KEY" }} }}'


def test_a_secret_is_named_and_nowhere_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", SECRET)
    study = load(tmp_path, f"[[methods]]\n{KEYED}")
    (method,) = study.methods
    assert method.options == {"key": SECRET}
    assert "key" not in method.public
    for shown in (
        repr(study),
        str(study),
        study.text,
        repr(method),
        repr(study.cells),
        canonical(study.cells[0].determined_by()),
        method.name,
    ):
        assert SECRET not in shown
    key = study.cells[0].key
    assert pickle.loads(pickle.dumps(study.cells[0])).method.options == {"key": SECRET}
    monkeypatch.setenv("MY_KEY", "another")
    assert load(tmp_path, f"[[methods]]\n{KEYED}").cells[0].key == key


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (f'key = "{SECRET}"', "the secret option 'key' is written itself"),
        (f'key = {{ env = "{SECRET}" }}', "names no environment variable"),
        (f'key = {{ envv = "{SECRET}" }}', "the secret option 'key' is written itself"),
        (f'key = ["{SECRET}", "b"]', "the secret option 'key' is written itself"),
        ('key = { env = "NOT_THERE" }', "'NOT_THERE', which is not set"),
    ],
)
def test_a_secret_that_is_written_is_refused_and_not_shown(tmp_path, options, said):
    with pytest.raises(OptionError) as caught:
        methods(tmp_path, f'backend = "{OWN}:Own"\noptions = {{ {options} }}')
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_an_inner_backend_has_secrets_too(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", SECRET)
    text = f'backend = "decompose:{OWN}:Own"\noptions = {{ inner = {{ key = '
    (method,) = methods(tmp_path, text + '{ env = "MY_KEY" }, reads = 2 } }')
    assert method.options == {"inner.key": SECRET, "inner.reads": 2}
    assert SECRET not in repr(method)
    with pytest.raises(OptionError) as caught:
        methods(tmp_path, text + f'"{SECRET}" }} }}')
    assert SECRET not in str(caught.value)


def test_two_that_differ_by_a_secret_alone_are_the_same(tmp_path, monkeypatch):
    for name in ("ONE", "TWO"):
        monkeypatch.setenv(name, name)
    table = f'[[methods]]\nbackend = "{OWN}:Own"\n'
    with pytest.raises(OptionError, match="are the same"):
        load(
            tmp_path,
            f'{table}options = {{ key = {{ env = "ONE" }} }}\n'
            f'{table}name = "x"\noptions = {{ key = {{ env = "TWO" }} }}',
        )


def test_metered_ones_are_known(tmp_path):
    found = methods(tmp_path, f'backend = ["{OWN}:Paid", "{OWN}:Own"]')
    assert [one.metered for one in found] == [True, False]


def test_a_module_of_no_distribution_is_known_by_its_file(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "from tests.study.spec.own import Own\nclass Mine(Own):\n    name = 'mine'\n"
    (tmp_path / "mine_of_a_study.py").write_text(text)
    table = '[[methods]]\nbackend = "mine_of_a_study:Mine"'
    before = load(tmp_path, table)
    versions = before.methods[0].versions
    assert len(versions["mine_of_a_study (sha256)"]) == 64
    (tmp_path / "mine_of_a_study.py").write_text(text + "# another\n")
    after = load_study(before.path)
    assert before.cells[0].key != after.cells[0].key


def test_every_option_of_a_table_is_checked(tmp_path):
    with pytest.raises(SecateurError, match=r"study.toml, \[\[methods\]\] 2"):
        load_study(write(tmp_path, '[[methods]]\nbackend = "tabu"\n[[methods]]\nbackend = "tab"'))
