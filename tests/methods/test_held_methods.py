"""What a user asks for: read, told and resolved as it was declared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import secateur
from secateur import methods
from secateur.backends import Backend, BackendOptions
from secateur.errors import AmountError, BackendError, OptionError, SecateurError
from secateur.methods import Measuring, Method, Wanted, as_method, resolve, standard_methods
from secateur.methods import resolved as resolved_module
from secateur.methods.keywords import measuring_of, method_of, split, wanted_of
from secateur.methods.wanted import STEP, check_multiple
from secateur.network import as_call, find_channels
from secateur.options import declared, option
from secateur.problem.constraints import Cardinality
from tests.end_to_end.own import build, task


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, None), ("device", "device"), (1, 1), (16, 16), ("8", 8), (np.int64(4), 4),
        (np.uint8(2), 2), ("1", 1),
    ],
)  # fmt: skip
def test_what_widths_can_be_multiples_of(given, found):
    got = check_multiple(given)
    assert got == found
    assert type(got) is type(found)


@pytest.mark.parametrize(
    "given", [0, -1, "0", "-4", "1.5", 2.0, True, False, "", "devices", [4], "²"]
)
def test_what_they_cannot(given):
    with pytest.raises(AmountError, match="widths in multiples of") as caught:
        check_multiple(given)
    assert str(given) in caught.value.message
    assert "device" in caught.value.remedy


def test_the_step_of_widths():
    assert STEP == 16
    assert Wanted(budget={"time": 0.5}).width_step == 16
    assert Wanted(budget={"time": 0.5}, multiple=4).width_step == 4
    assert Wanted(budget={"time": 0.5}, multiple="device").width_step == "device"
    assert Wanted(budget={"macs": 0.5}).width_step is None
    assert Wanted(amount=3).width_step is None
    assert Wanted(amount=3, multiple="8").width_step == 8


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({}, AmountError, "neither an amount nor a budget"),
        ({"budget": {}}, AmountError, "neither an amount nor a budget"),
        ({"amount": 3, "runtimes": ()}, OptionError, "runtimes is empty"),
        ({"amount": 3, "runtimes": ("eager", "x")}, OptionError, "no runtime 'x'"),
        ({"amount": 3, "budget": {"weight": 0.5}}, SecateurError, "weight"),
        ({"amount": 0, "budget": {"macs": 0.5}}, AmountError, "0"),
        ({"amount": 3, "minimum": {"a": -1}}, SecateurError, "a"),
        ({"amount": 3, "maximum": {"a": "x"}}, SecateurError, "a"),
    ],
)
def test_what_is_seen_to_be_wrong_without_a_network(given, error, said):
    with pytest.raises(error, match=said) as caught:
        Wanted(**given).checked()
    assert caught.value.remedy


def test_what_is_right_is_itself():
    for given in ({"amount": 3}, {"budget": {"macs": 0.5}}, {"amount": "3%", "multiple": 2}):
        wanted = Wanted(**given)
        assert wanted.checked() is wanted
        assert wanted_of(given) == wanted


def test_what_is_wanted_as_data():
    assert Wanted(amount="3%").to_json() == {
        "amount": "3%", "budget": {}, "minimum": {}, "maximum": {}, "multiple": None,
        "constraints": None, "runtimes": ["eager"],
    }  # fmt: skip
    told = Wanted(budget={"time": "4 ms"}, minimum={"a": 3}, maximum={"b": 4}).to_json()
    assert told == {
        "amount": None, "budget": {"time": "4 ms"}, "minimum": {"a": 3}, "maximum": {"b": 4},
        "multiple": 16, "constraints": None, "runtimes": ["eager"],
    }  # fmt: skip


@pytest.fixture(scope="module")
def channels():
    network = build().eval()
    inputs = next(iter(task().calibration))[0][:1]
    return (
        find_channels(network, as_call(inputs)),
        find_channels(network, as_call(inputs), tied=False),
    )


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"amount": 3}, ["count"]),
        ({"budget": {"macs": 0.6}}, ["macs", "stem.0"]),
        (
            {"budget": {"params": 0.6, "macs": 0.6}, "amount": 2},
            ["count", "params", "macs", "stem.0"],
        ),
        ({"budget": {"time": 0.6}, "amount": 2}, ["count"]),
    ],
)
def test_demands_are_those_that_are_wanted(channels, given, names):
    made = Wanted(**given).demands(channels[0], None, None)
    assert sorted(one.name for one in made) == sorted(names)


@pytest.mark.parametrize(
    ("given", "step"),
    [({"minimum": {"stem.0": 3}}, None), ({"maximum": {"stem.0": 5}}, None), ({}, 4)],
)
def test_widths_are_demands_with_or_without_a_budget(channels, given, step):
    tied, untied = channels
    count, *made = Wanted(amount=2, **given).demands(tied, step, None)
    assert count.name == "count"
    assert [isinstance(one, Cardinality) for one in made] == [True]
    assert len(tuple(made[0].labels())) == 8
    with pytest.raises(OptionError, match="tied=False"):
        Wanted(amount=2, **given).demands(untied, step, None)
    assert len(Wanted(amount=2).demands(untied, None, None)) == 1


def test_arguments_go_to_their_declarations():
    given = {"seed": 3, "amount": 2, "backend": "greedy", "probes": 1}
    assert split(given, Measuring, Wanted, Method) == [
        {"seed": 3, "probes": 1}, {"amount": 2}, {"backend": "greedy"},
    ]  # fmt: skip
    assert split({}, Wanted, Method) == [{}, {}]
    with pytest.raises(OptionError, match="there is no argument 'probs'") as caught:
        split({"probs": 3}, Measuring, Wanted)
    assert caught.value.remedy.startswith("did you mean 'probes'? there are: tied, norm_over, ")
    with pytest.raises(OptionError) as caught:
        split({"zzzzz": 3}, Wanted)
    assert caught.value.remedy.startswith("there are: amount, budget, ")
    assert measuring_of({"probes": "3"}) == Measuring(probes=3)
    assert method_of({"ridge": "0.5"}) == Method(ridge=0.5)
    assert method_of({"ridge": "auto"}) == Method(ridge="auto") != Method()
    for make, name in ((measuring_of, "measure"), (method_of, "method"), (wanted_of, "prune")):
        with pytest.raises(OptionError, match=f"{name} has no option 'x'"):
            make({"x": 1})


def test_the_bounds_of_the_settings():
    domains = {
        one.name: one.values
        for kind in (Measuring, Method) for one in declared(kind) if one.domain or one.unit
    }  # fmt: skip
    assert domains == {
        "norm_over": "one of all, kept, default all",
        "probes": "from 0 to 10000, default 20",
        "seed": "from 0 to 2147483647, default 0",
        "measure_batches": "from 1 to 1000000000, default None",
        "time_limit": "more than 0, at most 2000000.0, in s, default None",
        "rounds": "from 1 to 100, default 1",
        "max_calls": "from 1 to 1000000000, default None",
        "fit_batches": "from 1 to 1000000000, default None",
        "ridge": "more than 0, or auto, default 0.001",
    }


def test_the_methods_of_the_demo():
    made = standard_methods(evaluations=7, backend="annealing")
    assert [(one.objective, one.backend, one.refine) for one in made] == [
        ("random", "auto", None), ("l1", "greedy", None), ("taylor", "greedy", None),
        ("hybrid", "annealing", None), ("fisher", "annealing", None),
        ("residual", "annealing", None), ("fisher", "annealing", "tt"),
    ]  # fmt: skip
    assert made[-1].refine_options == {"evaluations": 7}
    assert standard_methods()[-1].refine_options == {"evaluations": 500}
    assert {one.backend for one in standard_methods()[3:]} == {"auto"}
    assert as_method(made[0]) is made[0]
    assert as_method("l1") == Method("l1")


def test_a_method_as_data():
    told = resolve(
        Method("hybrid", "annealing", "tt", objective_options={"similarity_weight": 0.3},
               refine_options={"evaluations": 5}, time_limit=3, compensated=False, fit_batches=2,
               ridge=0.5)
    ).to_json()  # fmt: skip
    assert told["objective_options"]["similarity_weight"] == 0.3
    assert told["refine_options"]["evaluations"] == 5
    for name, value in {
        "name": "hybrid+tt", "objective": "hybrid", "backend": "annealing", "refine": "tt",
        "time_limit": 3.0, "rounds": 1, "compensated": False, "fit_batches": 2, "ridge": 0.5,
    }.items():  # fmt: skip
        assert told[name] == value
    plain = resolve(Method("l1", "greedy", name="mine")).to_json()
    assert (plain["name"], plain["backend"]) == ("mine", "greedy")
    assert (plain["refine"], plain["refine_options"]) == (None, {})


@pytest.mark.parametrize(
    "other",
    [
        {"name": "x"}, {"refine": "tt"}, {"refine": "tt", "refine_options": {"evaluations": 3}},
        {"compensated": False}, {"fit_batches": 3}, {"ridge": 0.5},
    ],
)  # fmt: skip
def test_what_makes_no_other_choice(other):
    assert resolve(Method("taylor")).same_choice(resolve(Method("taylor", **other)))


@pytest.mark.parametrize(
    "other",
    [
        {"objective": "l1"}, {"backend": "greedy"}, {"time_limit": 3},
        {"options": {"reads": 3}}, {"objective": "hybrid", "objective_options": {}}, {"rounds": 2},
    ],
)  # fmt: skip
def test_what_does(other):
    plain = resolve(Method("taylor"))
    assert not plain.same_choice(resolve(Method(**{"objective": "taylor", **other})))


@dataclass(frozen=True)
class Keyed(BackendOptions):
    key: str | None = option(None, "a licence", secret=True)
    reads: int = option(1, "reads", least=1)


class Licensed(Backend):
    name = "licensed"
    Options = Keyed

    def solve(self, problem, options):
        raise AssertionError("it was called")


@pytest.mark.parametrize(
    ("options", "licensed"),
    [(None, True), ({"reads": 3}, True), ({"key": "k"}, False), ({"key": "k", "reads": 2}, False)],
)
def test_a_licence_is_asked_for_unless_it_is_given(monkeypatch, options, licensed):
    asked = []
    monkeypatch.setattr(
        resolved_module, "check_available", lambda solver, *, licensed: asked.append(licensed)
    )
    made = resolve(Method("l1", Licensed, options=options))
    assert asked == [licensed]
    assert isinstance(made.chosen.solver, Licensed)
    assert made.chosen.options == Keyed(**(options or {}))
    assert made.to_json()["backend"] == "licensed"


def test_names_that_are_no_backend_of_their_own(monkeypatch):
    monkeypatch.setattr(resolved_module, "check_available", pytest.fail)
    for name in ("auto", "greedy"):
        made = resolve(Method("l1", name))
        assert (made.chosen.name, made.chosen.options) == (name, None)
    assert resolve(Method("l1", options={"reads": 3})).chosen.name == "auto"
    with pytest.raises(BackendError, match="reads"):
        resolve(Method("l1", options={"reads": 0}))
    with pytest.raises(OptionError, match="greedy takes no options, and has"):
        resolve(Method("l1", "greedy", options={"reads": 3}))
    monkeypatch.undo()
    random = resolve(Method("random", "annealing", options={"reads": 3}))
    assert (random.chosen.name, random.chosen.options) == ("greedy", None)
    with pytest.raises(OptionError, match="time limit is given twice"):
        resolve(Method("l1", "annealing", time_limit=3, options={"time_limit": 1}))


def test_what_the_package_holds_is_loaded_when_it_is_used():
    for name in methods.__all__:
        assert getattr(methods, name).__class__
    assert set(methods.__all__) == set(methods._HOME)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        methods.nothing  # noqa: B018
    assert secateur.Method is Method
