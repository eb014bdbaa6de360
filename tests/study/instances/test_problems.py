"""An instance's problem, made again: the very one, or an error."""

from __future__ import annotations

from dataclasses import replace

import dimod
import pytest

from secateur.errors import ConstraintError, StaleError
from secateur.files import save_bqm, write_file
from secateur.problem import Problem, at_most, count, keep
from secateur.study.instances import judge, load_problem
from secateur.study.instances.asked import problem_sha256, with_demands
from secateur.study.instances.cache import keep_problem, kept_problem
from secateur.testing import random_problem
from tests.study.spec.files import load


@pytest.fixture(autouse=True)
def _nothing_kept():
    load_problem.cache_clear()


def test_it_is_what_the_file_and_the_table_say(tmp_path):
    problem = random_problem(8, 1)
    save_bqm(problem.bqm, tmp_path / "a.bqm")
    (tmp_path / "demands.toml").write_text('[[constraint]]\nkind = "keep"\nof = "v3"\n')
    study = load(
        tmp_path, '[[instances]]\nfiles = "a.bqm"\ncount = "25%"\nconstraints = "demands.toml"'
    )
    (instance,) = study.instances
    made = load_problem(instance)
    wanted = Problem(problem.bqm, [count(2), keep("v3")])
    assert problem_sha256(made) == problem_sha256(wanted) == instance.sha256
    assert (instance.variables, instance.couplings, instance.count) == (8, 28, 2)
    assert judge(instance, made.linear) is None


def test_bytes_that_have_changed_are_another_problem(tmp_path):
    save_bqm(random_problem(6, 1).bqm, tmp_path / "a.bqm")
    (instance,) = load(tmp_path, '[[instances]]\nfiles = "a.bqm"').instances
    for old in tmp_path.glob("a.bqm*"):
        old.unlink()
    save_bqm(random_problem(6, 2).bqm, tmp_path / "a.bqm")
    with pytest.raises(StaleError, match=r"a\.bqm gives another problem"):
        load_problem(instance)


def test_what_is_drawn_otherwise_is_another_problem(tmp_path):
    (instance,) = load(tmp_path).instances
    assert load_problem(instance).n == 8
    with pytest.raises(StaleError, match="planted gives another problem"):
        load_problem(replace(instance, sha256="0" * 64))


def test_the_hash_is_of_biases_and_demands_alone():
    bqm = dimod.BinaryQuadraticModel({"a": 1.0, "b": 2.0}, {("a", "b"): 3.0}, 0.5, "BINARY")
    sha = problem_sha256(Problem(bqm, [count(1), keep("a")]))
    assert sha == problem_sha256(Problem(bqm, [keep("a", name="other"), count(1, name="k")]))
    others = [
        Problem(bqm),
        Problem(bqm, [count(1)]),
        Problem(bqm, [count(1), keep("b")]),
        Problem(bqm, [count(1), at_most(1, ["a"])]),
        Problem(bqm + 1.0, [count(1), keep("a")]),
        Problem(bqm.relabel_variables({"a": "c"}, inplace=False), [count(1), keep("c")]),
    ]
    assert len({sha, *map(problem_sha256, others)}) == 7


@pytest.mark.parametrize(
    ("asked", "given", "said"),
    [(3, 3, None), ("50%", 3, None), (4, 3, "count is 4, and the problem itself states 3")],
)
def test_a_count_that_the_problem_states_itself(asked, given, said):
    problem = random_problem(6, 0, ones=given)
    if said is None:
        assert with_demands(problem, asked, None) is problem
        return
    with pytest.raises(ConstraintError, match=said):
        with_demands(problem, asked, None)


def test_a_kept_problem_is_the_same_or_none(tmp_path):
    problem = random_problem(7, 3, ones=2, limits=(at_most(1, ["v1", "v2"]),))
    sha = problem_sha256(problem)
    assert kept_problem(tmp_path, sha) is None
    keep_problem(tmp_path, sha, problem)
    again = kept_problem(tmp_path, sha)
    assert again.variables == problem.variables
    assert problem_sha256(again) == sha
    keep_problem(tmp_path, "1" * 64, problem)  # another one under this name
    assert kept_problem(tmp_path, "1" * 64) is None
    (tmp_path / "problems" / f"{sha}.npz").write_bytes(b"half")
    assert kept_problem(tmp_path, sha) is None
    assert [path.suffix for path in (tmp_path / "problems").iterdir()] == [".npz", ".npz"]


def test_the_count_of_a_file_stands(tmp_path):
    problem = random_problem(6, 0)
    write_file(problem.bqm, tmp_path / "a.lp", constraints=[count(2)])
    (instance,) = load(tmp_path, '[[instances]]\nfiles = "a.lp"').instances
    assert instance.count == 2
