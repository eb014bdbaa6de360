"""Files of a study: paths and globs, names, counts, what is best known."""

from __future__ import annotations

from pathlib import Path

import pytest

from secateur.errors import SecateurError
from secateur.files import save_bqm
from secateur.study.spec.globs import stems
from secateur.testing import random_problem
from tests.study.spec.files import load


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(["b.qubo", "a.bqm", "deep/er/c.bqm", "deep/d.bqm.xz"]):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save_bqm(random_problem(5 + number, number).bqm, path)
    (tmp_path / "in" / ".hidden.bqm").write_text("no model")
    return tmp_path


def names(folder: Path, text: str) -> list[str]:
    return [one.name for one in load(folder, f"[[instances]]\n{text}").instances]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ('"in/a.bqm"', ["a"]),
        ('"in/*"', ["a", "b"]),
        ('"in/?.bqm"', ["a"]),
        ('"in/**/*.bqm*"', ["a", "d", "c"]),
        ('["in/b.qubo", "in/*"]', ["b", "a"]),
        ('["in/deep/*", "in/a.bqm"]', ["d", "a"]),
    ],
)
def test_paths_and_globs(folder, files, found):
    assert names(folder, f"files = {files}") == found


def test_a_glob_may_be_absolute(folder):
    assert names(folder, f'files = "{folder}/in/*.bqm"') == ["a"]


def test_a_file_by_two_counts(folder):
    found = load(folder, '[[instances]]\nfiles = "in/*"\ncount = [1, "40%"]').instances
    assert [(one.name, one.count, one.family) for one in found] == [
        ("a-1", 1, "in"),
        ("b-1", 1, "in"),
        ("a-40%", 2, "in"),
        ("b-40%", 2, "in"),
    ]


def test_the_best_known_is_in_the_sense_of_the_file(folder):
    (folder / "cut.mc").write_text("3 2\n1 2 1\n2 3 1\n")
    found = load(
        folder,
        '[[instances]]\nfiles = ["cut.mc", "in/a.bqm"]\nbest_known = { cut = 2, a = -7.5 }',
    ).instances
    assert [(one.best_known, one.sense) for one in found] == [
        (-2.0, "maximise"),
        (-7.5, "minimise"),
    ]
    assert not any(one.known_optimal for one in found)
    (one,) = load(folder, '[[instances]]\nfiles = "in/a.bqm"\nbest_known = -3').instances
    assert one.best_known == -3.0


def test_what_is_maximised_is_negated(folder):
    text = '[[instances]]\nfiles = "in/a.bqm"\nmaximise = true\nbest_known = 4'
    (one,) = load(folder, text).instances
    assert (one.best_known, one.sense) == (-4.0, "maximise")


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        (["x/a.bqm", "y/a.bqm", "y/b.bqm"], ["x-a", "y-a", "b"]),
        (["x/z/a.bqm", "y/z/a.bqm"], ["x-z-a", "y-z-a"]),
        (["a.lp.gz", "G1", "p.50.1", "q.txt"], ["a", "G1", "p.50.1", "q"]),
        (["a.bqm", "a.lp"], ["a", "a"]),
    ],
)
def test_names_are_as_short_as_they_can_be(paths, wanted):
    assert stems([Path(path) for path in paths]) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('files = "in/*.lp"', "no file matches 'in/*.lp'"),
        ('files = "in/z.bqm"', "z.bqm does not exist"),
        ('files = "in"', "is a folder"),
        ("files = 3", "'files' of study.toml, [[instances]] 1 is 3"),
        ('files = ["in/a.bqm", 3]', "a file is 3"),
        ("files = []", "files is an empty list"),
        ('files = "in/.hidden.bqm"', ".hidden.bqm"),
        ('files = "in/a.bqm"\ncount = 7', "a.bqm: count is 7, of 6 variables"),
        (
            'files = "in/a.bqm"\ncount = [2, 2]',
            "'count' of study.toml, [[instances]] 1 has 2 twice",
        ),
        ('files = "in/a.bqm"\nformat = "bmq"', "there is no format 'bmq'"),
        ('files = "in/*"\nname = ["a", "b"]', "name is a list, and holds for all of the table"),
        ('files = "in/*"\nbest_known = [1, 2]', "best_known is a list, and holds for all"),
        ('files = "in/*"\nname = 3', "'name' of study.toml, [[instances]] 1 is 3"),
        ('files = "in/*"\nbest_known = -3', "and there are 2 instances"),
        ('files = "in/*"\nbest_known = { c = -3 }', "names 'c', which is no instance"),
        ('files = "in/a.bqm"\nbest_known = { a = "x" }', "best_known of 'a' is 'x'"),
        ('files = "in/a.bqm"\nbest_known = nan', "'best_known' of study.toml"),
        ('files = "in/a.bqm"\nconstraints = "no.toml"', "no.toml does not exist"),
        ('files = "in/a.bqm"\ngenerator = "planted"', "has 'files' and 'generator'"),
        ('file = "in/a.bqm"', "has none of 'files', 'generator', 'network'"),
        ('files = "in/a.bqm"\ncounts = 3', "did you mean 'count'"),
        ('files = "in/a.bqm"\n[[instances]]\nfiles = "in/*"', "an instance is called 'a', and so"),
        (
            'files = "in/a.bqm"\n[[instances]]\nfiles = "in/a.bqm"\nname = "x"',
            "x: it is the same problem as a of study.toml, [[instances]] 1",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(folder, text, said):
    with pytest.raises(SecateurError) as caught:
        load(folder, f"[[instances]]\n{text}")
    assert said in str(caught.value)
    assert "study.toml, [[instances]]" in str(caught.value)
    assert caught.value.remedy


def test_demands_that_cannot_be_kept_together(folder):
    (folder / "d.toml").write_text('[[constraint]]\nkind = "at-most"\nnumber = 1\nof = "*"\n')
    with pytest.raises(SecateurError, match=r"study.toml, \[\[instances\]\] 1, a-3-d: no choice"):
        load(folder, '[[instances]]\nfiles = "in/a.bqm"\ncount = 3\nconstraints = "d.toml"')
