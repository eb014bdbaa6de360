"""What is wrong is said before anything is measured, and most of it before the network is run."""

from __future__ import annotations

import dataclasses
import inspect

import pytest
import torch
from torch import nn

import secateur
from secateur.backends import Backend, Capabilities
from secateur.cli import run
from secateur.errors import BackendFailed, SecateurError
from secateur.methods import Method, resolve
from secateur.methods.keywords import MeasuringSettings, MethodSettings, WantedSettings
from secateur.methods.measuring import Measuring
from secateur.methods.wanted import Wanted
from secateur_backends.exhaustive import Exhaustive
from tests.end_to_end.own import deep, task


class NeverRun(nn.Module):
    """A network that fails the test if it is run."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        raise AssertionError("the network was run")


def never_built() -> nn.Module:
    raise AssertionError("the network was built")


def never_made() -> secateur.Task:
    raise AssertionError("the task was made")


TYPOS = [
    ({"objective": "fishr"}, "did you mean 'fisher'"),
    ({"objective": "no.such.module:thing"}, "no.such.module"),
    ({"objective": True}, "the objective is True"),
    ({"backend": True}, "True"),
    ({"refine": True}, "True"),
    ({"objective": "fisher", "objective_options": {"gradiant": 1}}, "gradient"),
    ({"objective_options": {"gradient": 1}}, "name the objective"),
    ({"objective_options": {"shrinkage": 2}}, "shrinkage"),
    ({"backend": "annealng"}, "annealing"),
    ({"backend": "annealing", "options": {"red": 3}}, "reads"),
    ({"backend": "annealing", "options": {"reads": 0}}, "reads"),
    ({"options": {"red": 3}}, "reads"),
    ({"backend": "greedy", "options": {"reads": 3}}, "takes no options"),
    ({"refine": "ttt"}, "tt"),
    ({"refine": "tt", "refine_options": {"evaluation": 3}}, "evaluations"),
    ({"refine_options": {"evaluations": 3}}, "refine"),
    ({"time_limit": float("inf")}, "time_limit"),
    ({"time_limit": 5, "backend": "annealing", "options": {"time_limit": 0.1}}, "twice"),
    ({"time_limit": -1}, "time_limit"),
    ({"ridge": 0}, "ridge"),
    ({"fit_batches": 0}, "fit_batches"),
]
ASKED = [
    ({"amount": "3%%"}, "3%%"),
    ({"amount": 1.5}, "1.5"),
    ({"amount": 0}, "0"),
    ({"amount": True}, "True"),
    ({"budget": {"macs": True}}, "True"),
    ({"amount": None}, "neither an amount nor a budget"),
    ({"amount": None, "budget": {"mac": 0.5}}, "macs"),
    ({"amount": None, "budget": {"macs": 1.5}}, "1.5"),
    ({"amount": None, "budget": {"time": "4 parsecs"}}, "parsecs"),
    ({"minimum": {"layer": "-3"}}, "layer"),
    ({"maximum": {"layer": 1.5}}, "layer"),
    ({"multiple": "sixteen"}, "sixteen"),
    ({"multiple": 0}, "0"),
    ({"multiple": True}, "True"),
    ({"runtimes": ("tensorrt",)}, "tensorrt"),
]
SETTINGS = [
    ({"seed": 2, "backend": "annealing", "options": {"seed": 1}}, "twice"),
    ({"probes": -1}, "probes"),
    ({"seed": -1}, "seed"),
    ({"norm_over": "some"}, "norm_over"),
    ({"measure_batches": 0}, "measure_batches"),
    ({"probs": 3}, "did you mean 'probes'"),
]


@pytest.mark.parametrize(("given", "message"), [*TYPOS, *ASKED, *SETTINGS])
def test_prune_says_so_before_the_network_is_run(given, message):
    with pytest.raises(SecateurError) as caught:
        secateur.prune(NeverRun(), task(), **{"amount": 1, **given})
    assert message in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(("given", "message"), TYPOS)
def test_a_typo_in_the_last_method_loses_none_before_it(given, message):
    good = [Method("taylor"), Method("l1")]
    with pytest.raises(SecateurError) as caught:
        secateur.compare(NeverRun(), task(), [*good, Method(**given)], amount=1)
    assert message in str(caught.value)


class Small(Backend):
    name = "small"
    capabilities = Capabilities(max_variables=5)

    def solve(self, problem, options):
        raise AssertionError("it was called")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"probes": 0}, "probes"),
        ({"amount": 100}, "100"),
        ({"amount": None, "budget": {"params": "1%"}}, "params"),
        ({"minimum": {"no.such": 3}}, "no.such"),
        ({"ignored": ["no.such"]}, "no.such"),
        ({"backend": Small}, "backend 'small'"),
    ],
)
def test_what_the_channels_decide_is_said_before_they_are_measured(monkeypatch, given, message):
    monkeypatch.setattr("secateur.measured.measured.collect_statistics", pytest.fail)
    with pytest.raises(SecateurError) as caught:
        secateur.prune(deep(), task(), **{"amount": 3, **given})
    assert message in str(caught.value)


NETWORK = ["--network", f"{__name__}:never_built", "--task", f"{__name__}:never_made"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--amount", "3", "--objective", "fishr"], "did you mean 'fisher'"),
        (
            ["--amount", "3", "--objective", "fisher", "--objective-option", "gradiant=1"],
            "gradient",
        ),
        (["--amount", "3", "--backend", "annealng"], "annealing"),
        (["--amount", "3", "--option", "red=3"], "reads"),
        (["--amount", "3", "--refine", "ttt"], "tt"),
        (["--amount", "3", "--refine", "tt", "--evaluations", "0"], "evaluations"),
        (["--amount", "3", "--evaluations", "5"], "--refine"),
        (["--amount", "3%%"], "3%%"),
        ([], "neither an amount nor a budget"),
        (["--budget", "mac=50%"], "macs"),
        (["--amount", "3", "--multiple", "sixteen"], "sixteen"),
        (["--amount", "3", "--time-limit", "inf"], "time_limit"),
        (["--amount", "3", "--probes", "-1"], "probes"),
        (["--amount", "3", "--measured", "x", "--probes", "3"], "--probes"),
        (["--amount", "3", "--output", "/dev/null/x"], "/dev/null/x"),
    ],
)
def test_the_command_line_says_so_before_anything_is_built(capsys, arguments, message):
    assert run(["prune", *NETWORK, *arguments]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert "Mend:" in err


@pytest.mark.parametrize("command", ["qubo", "measure"])
def test_so_do_the_other_commands(capsys, command, tmp_path):
    arguments = ["--objective", "fishr", "--output", str(tmp_path / "x.bqm")]
    assert run([command, *NETWORK, *arguments]) == 1
    assert "did you mean 'fisher'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "declared"),
    [
        (MeasuringSettings, Measuring),
        (MethodSettings, Method),
    ],
)
def test_the_keywords_are_those_that_are_declared(typed, declared):
    assert list(typed.__annotations__) == [field.name for field in dataclasses.fields(declared)]


def test_those_of_what_is_wanted_are_too():
    named = ["amount", "budget", *WantedSettings.__annotations__]
    assert named == [field.name for field in dataclasses.fields(Wanted)]


def test_no_public_function_has_more_than_eight_parameters():
    for name in secateur.__all__:
        thing = getattr(secateur, name)
        for one in (thing, *vars(thing).values()) if inspect.isclass(thing) else (thing,):
            one = getattr(one, "__func__", one)
            if inspect.isfunction(one) and not one.__name__.startswith("_"):
                parameters = [p for p in inspect.signature(one).parameters if p != "self"]
                assert len(parameters) <= 8, (name, one.__name__)


@pytest.mark.parametrize("place", ["availability", "applicability"])
def test_a_plugin_that_ends_python_is_told_before_anything_is_measured(monkeypatch, place):
    monkeypatch.setattr("secateur.measured.measured.collect_statistics", pytest.fail)

    def ends(*args, **kwargs):
        raise SystemExit(0)

    bad = type("Bad", (Exhaustive,), {"name": "bad", place: ends})
    with pytest.raises(BackendFailed, match=f"'bad' .* raised SystemExit: 0 in {place}"):
        secateur.prune(deep(), task(), amount=3, probes=1, backend=bad)


def test_methods_that_differ_behind_the_choice_share_it():
    first = resolve(Method("fisher"))
    assert first.same_choice(resolve(Method("fisher", refine="tt", ridge=0.1, name="other")))
    assert not first.same_choice(resolve(Method("fisher", time_limit=3)))


def test_a_method_is_resolved_in_no_time():
    method = Method("fisher", "annealing", "tt", options={"reads": 3})
    resolved = resolve(method)
    assert resolved.name == "fisher+tt"
    assert torch.is_grad_enabled()
