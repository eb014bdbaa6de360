"""The objective that a user means, resolved before anything is measured; strangers are watched."""

from __future__ import annotations

import functools
import sys

import dimod
import numpy as np
import pytest

from secateur.errors import AmountError, OptionError, SecateurError, StageFailed
from secateur.network import find_channels
from secateur.objectives import (
    L1,
    Fisher,
    Hybrid,
    Objective,
    Taylor,
    Terms,
    as_function,
    fisher_qubo,
    objective_class,
    resolve_objective,
)
from secateur.options import declared
from secateur.problem import Problem, count
from secateur.statistics import collect_statistics
from tests.named import plainly
from tests.nets import Chain, regression, seeded


@pytest.fixture(scope="module")
def statistics():
    network, task = seeded(Chain), regression(samples=6)
    channels = find_channels(network, next(iter(task.calibration))[0])
    return collect_statistics(network, task, channels, probes=2)


def plain(statistics, *, weight: float = 1.0, kind: str = "taylor"):
    """Scores."""
    return scores(statistics, weight)


def scores(statistics, weight=1.0, offset=0.0, order=1, dtype=np.float64):
    labels = statistics.channels.labels[::order]
    linear = dict(zip(statistics.channels.labels, weight * statistics.taylor, strict=True))
    return dimod.BinaryQuadraticModel(
        {label: linear[label] for label in labels}, {}, offset, "BINARY", dtype=dtype
    )


def coupled(statistics, bias):
    bqm = scores(statistics)
    bqm.add_quadratic("first:0", "first:1", bias)
    return bqm


class CalledObject:
    def __call__(self, statistics, weight=2.0):
        return scores(statistics, weight)


@pytest.mark.parametrize(
    ("given", "options", "weight"),
    [
        ("taylor", None, 1.0),
        (Taylor, {}, 1.0),
        (Taylor(), None, 1.0),
        ("secateur.objectives:Taylor", {}, 1.0),
        (plain, None, 1.0),
        (plain, {"weight": "3"}, 3.0),
        ("tests.objectives.test_resolve:plain", {"weight": 3}, 3.0),
        (CalledObject(), {}, 2.0),
        (functools.partial(plain, weight=4.0), None, 4.0),
        (lambda statistics: scores(statistics, 5.0), None, 5.0),
        (lambda statistics, **options: scores(statistics, options["w"]), {"w": 6.0}, 6.0),
        (lambda *given: scores(*given, 7.0), None, 7.0),
        (lambda statistics, weight: scores(statistics, weight), {"weight": 8.0}, 8.0),
    ],
)
def test_every_way_to_say_it(statistics, given, options, weight):
    objective = resolve_objective(given, options)
    assert isinstance(objective, Objective)
    expected = dimod.BinaryQuadraticModel(
        dict(zip(statistics.channels.labels, weight * statistics.taylor, strict=True)), {}, "BINARY"
    )
    assert objective.qubo(statistics) == expected
    assert objective.problem(statistics, [count(2)]).count == 2
    assert isinstance(objective, objective_class(given)) or options


def with_positional(statistics, weight, /):
    return scores(statistics, weight)


def with_a_taken_name(statistics, *, terms=3):
    return scores(statistics)


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        ("fishr", {}, "there is no objective 'fishr'"),
        ("fisher", {"shrinkge": 1}, "objective 'fisher' has no option 'shrinkge'"),
        ("fisher", {"shrinkage": "2"}, "'shrinkage' of objective 'fisher' is '2': out of range"),
        ("taylor", {"weight": 1}, "objective 'taylor' has no option 'weight'"),
        (Fisher(), {"gradient": 1.0}, "'fisher' is given with its options, and gradient besides"),
        (plain, {"wieght": 3}, "objective 'plain' has no option 'wieght'"),
        (plain, {"weight": "much"}, "'weight' of objective 'plain' is 'much': not of type float"),
        (lambda: 3, {}, "is a function of 0 values"),
        (lambda statistics, weight: 3, {}, "needs the option 'weight'"),
        (with_positional, {}, "a parameter 'weight' that cannot be an option"),
        (with_a_taken_name, {}, "a parameter 'terms' that cannot be an option"),
        (max, {}, "max"),
        (3, {}, "the objective is 3"),
        (None, {}, "the objective is None"),
        (int, {}, "the objective is <class 'int'>"),
        (Objective, {}, "has no terms()"),
        (["fisher"], {}, "the objective is ['fisher']"),
    ],
    ids=plainly,
)
def test_what_is_wrong_is_told_before_anything_is_measured(given, options, said):
    with pytest.raises(OptionError) as caught:
        resolve_objective(given, options)
    assert said in caught.value.message
    assert caught.value.remedy


def test_the_nearest_option_of_a_function_is_told():
    with pytest.raises(OptionError) as caught:
        resolve_objective(plain, {"wieght": 3})
    assert caught.value.remedy == "did you mean 'weight'? It has: weight, kind"
    assert [one.name for one in declared(objective_class(plain))] == ["weight", "kind"]
    assert resolve_objective(plain) == resolve_objective(plain)
    assert resolve_objective(plain) != resolve_objective(plain, {"weight": 2})


def test_the_types_of_any_callable_are_read():
    class Called:
        def __call__(self, statistics, size: int = 1):
            return scores(statistics)

    class Odd:
        def __call__(self, statistics, size: NotThere = 1):  # noqa: F821
            return scores(statistics)

    for given, kind in ((plain, float), (functools.partial(plain, kind="x"), float)):
        assert type(resolve_objective(given, {"weight": "2"}).weight) is kind
    assert resolve_objective(Called(), {"size": "2"}).size == 2
    assert resolve_objective(Odd(), {"size": "2"}).size == "2"  # any: nothing is known of it


def test_a_plugin_is_an_objective_and_a_typed_one_too(statistics, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_here.py").write_text(
        "from dataclasses import dataclass\n"
        "from secateur.objectives import Objective, Terms\n"
        "from secateur.options import option\n\n"
        "@dataclass(frozen=True)\n"
        "class Mine(Objective):\n"
        "    '''Half of it.'''\n"
        "    factor: float = option(0.5, 'of the scores', least=0)\n"
        "    def terms(self, statistics):\n"
        "        return Terms(statistics.channels, self.factor * statistics.taylor)\n"
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    objective = resolve_objective("mine_here:Mine", {"factor": 2})
    assert objective.qubo(statistics).linear == pytest.approx(
        dict(zip(statistics.channels.labels, 2 * statistics.taylor, strict=True))
    )
    with pytest.raises(OptionError, match="option 'factor' of objective 'mine' is -1"):
        resolve_objective("mine_here:Mine", {"factor": -1})
    monkeypatch.delitem(sys.modules, "mine_here")


class Strange(Objective):
    def __init__(self, made):
        object.__setattr__(self, "made", made)

    def terms(self, statistics):
        return self.made(statistics)


def raises(error):
    def build(statistics):
        raise error

    return build


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda s: None, "made a NoneType and no BQM"),
        (lambda s: dict(scores(s).linear), "made a dict and no BQM"),
        (lambda s: scores(s).change_vartype("SPIN"), "over -1 and 1"),
        (lambda s: dimod.BinaryQuadraticModel("BINARY"), "made a BQM without 'first:0'"),
        (lambda s: scores(s) + dimod.Binary("slack"), "made a BQM with 'slack'"),
        (lambda s: scores(s, np.nan), "NaN or infinite"),
        (lambda s: scores(s, 1.0, np.inf), "NaN or infinite"),
        (lambda s: coupled(s, np.nan), "NaN or infinite"),
        (raises(ZeroDivisionError("inside")), "raised ZeroDivisionError: inside"),
        (raises(SystemExit(0)), "raised SystemExit: 0"),
        (raises(GeneratorExit("x")), "raised GeneratorExit: x"),
    ],
)
def test_what_a_stranger_makes_is_checked_by_both_doors(statistics, made, said):
    for call in (Strange(made).qubo, Strange(made).problem, resolve_objective(made).qubo):
        with pytest.raises(StageFailed, match=said) as caught:
            call(statistics)
        assert caught.value.message.startswith("objective '")
        assert caught.value.remedy


def test_an_error_of_ours_and_ctrl_c_go_through(statistics):
    for error in (AmountError("own"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            Strange(raises(error)).qubo(statistics)


def test_labels_in_another_order_are_put_in_ours_and_the_offset_stays(statistics):
    """Bits are in the order of the channels behind it: another order would prune others."""
    turned = resolve_objective(lambda s: scores(s, 1.0, 2.5, order=-1))
    bqm, problem = turned.qubo(statistics), turned.problem(statistics)
    assert tuple(bqm.variables) == problem.variables == statistics.channels.labels
    assert bqm == scores(statistics, 1.0, 2.5)
    np.testing.assert_array_equal(problem.linear, statistics.taylor)
    assert problem.offset == bqm.offset == 2.5
    single = resolve_objective(lambda s: scores(s, dtype=np.float32))
    assert single.problem(statistics).n == len(statistics.channels)


def test_terms_of_other_shapes_are_refused(statistics):
    channels, n = statistics.channels, len(statistics.channels)
    wrong = [
        Terms(channels, np.zeros(n - 1)),
        Terms(channels, np.zeros((n, 1))),
        Terms(channels, np.zeros(n), [np.zeros((2, 2))]),
        Terms(channels, np.zeros(n), [np.zeros((group.size, 1)) for group in channels.groups]),
    ]
    for terms in wrong:
        for call in (terms.bqm, terms.problem):
            with pytest.raises(SecateurError, match="shape"):
                call()


def test_the_function_of_a_class_has_its_declaration(statistics):
    import inspect

    parameters = inspect.signature(fisher_qubo).parameters
    assert list(parameters) == ["statistics", "gradient", "shrinkage", "across_groups"]
    assert parameters["gradient"].default == Fisher().gradient
    assert fisher_qubo.__name__ == "fisher_qubo"
    for one in declared(Fisher):
        assert f"{one.name}: {one.text}" in fisher_qubo.__doc__
    assert fisher_qubo(statistics, gradient=1.0) == Fisher(gradient=1.0).qubo(statistics)
    assert as_function(L1)(statistics) == L1().qubo(statistics)


def test_what_needs_probes_says_so_before_measuring():
    needs = {name: resolve_objective(name).needs_probes for name in ("fisher", "residual", "l1")}
    assert needs == {"fisher": True, "residual": True, "l1": False}
    assert [Hybrid().needs_probes, Hybrid(fisher_kind="true").needs_probes] == [False, True]
    assert not resolve_objective(plain).needs_probes


def test_no_coupling_is_scaled_in_the_statistics(statistics):
    before = [block.copy() for block in statistics.gram]
    rows = [sums.copy() for sums in statistics.fisher]
    for name in ("fisher", "residual", "hybrid"):
        Problem(resolve_objective(name).qubo(statistics))
    assert all((a == b).all() for a, b in zip(rows, statistics.fisher, strict=True))
    assert all((a == b).all() for a, b in zip(before, statistics.gram, strict=True))
