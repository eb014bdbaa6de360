"""An argument in another's place is told as what it looks like, with the right call."""

from __future__ import annotations

from pathlib import Path

import dimod
import numpy as np
import pytest

import secateur
from secateur.errors import (
    AmountError,
    BackendNotFound,
    ConstraintError,
    DataError,
    FileError,
    NetworkError,
    OptionError,
    SecateurError,
)
from secateur.misplaced import is_amount, share_of
from secateur.nearest import did_you_mean, nearest
from secateur.problem import at_most
from tests.end_to_end import own

BQM = dimod.BinaryQuadraticModel({"a": -1.0, "b": 0.5, "c": 2.0, "d": 1.0}, {}, "BINARY")
AMOUNTS = ["75%", " 75 % ", 0.75, 0.75 * np.float64(1), 5, "5", ".5", 1e-3, -1]
NO_AMOUNTS = ["fisher", "75%x", "", "%", "1e3x", None, True, [5], "mine:thing", "0.5.1"]


@pytest.mark.parametrize("value", AMOUNTS)
def test_what_looks_like_an_amount(value):
    assert is_amount(value)


@pytest.mark.parametrize("value", NO_AMOUNTS)
def test_what_does_not(value):
    assert not is_amount(value)


@pytest.mark.parametrize(
    ("value", "share"), [("75%", 3), (0.25, 1), ("0.5", 2), ("100%", None), (5, None), ("x", None)]
)
def test_a_share_of_four(value, share):
    assert share_of(value, 4) == share


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("time-limit", "time_limit"),
        ("Time Limit", "time_limit"),
        ("FISHER", "fisher"),
        ("anealing", "annealing"),
        ("xyzzy", None),
        (7, None),
    ],
)
def test_the_nearest(typed, right):
    known = ["time_limit", "fisher", "annealing"]
    assert nearest(typed, known) == right
    assert did_you_mean(typed, known) == (f"did you mean {right!r}? " if right else "")


@pytest.fixture(scope="module")
def network():
    return own.build()


@pytest.fixture(scope="module")
def task():
    return own.task()


@pytest.fixture(scope="module")
def measured(network, task):
    return secateur.measure(network, task, probes=1)


def refused(call, error, said, meant):
    with pytest.raises(SecateurError) as caught:
        call()
    assert type(caught.value) is error
    assert said in caught.value.message
    assert meant in (caught.value.remedy or "")


AMOUNT = "it looks like an amount: "


@pytest.mark.parametrize("value", ["75%", 0.75, 5])
@pytest.mark.parametrize("more", [{}, {"amount": 3}, {"budget": {"macs": 0.5}}])
def test_an_amount_as_a_method(network, task, measured, value, more):
    right = f"{AMOUNT}write amount={value!r}"
    for call in (
        lambda: measured.prune(value, **more),
        lambda: measured.price(value, **more),
        lambda: secateur.prune(network, task, value, **more),
    ):
        refused(call, OptionError, f"the method is {value!r}", right)
    for given in (value, ["fisher", value]):
        refused(
            lambda given=given: secateur.compare(network, task, given, **more),
            OptionError,
            f"the method is {value!r}",
            right,
        )
        refused(
            lambda given=given: measured.compare(given, 3),
            OptionError,
            f"the method is {value!r}",
            f"{AMOUNT}write amounts={value!r}",
        )


def test_a_budget_as_a_method_or_an_amount(network, task, measured):
    budget = {"macs": 0.5}
    right = "it looks like a budget: write budget={'macs': 0.5}"
    refused(lambda: measured.prune(budget), OptionError, "the method is {", right)
    refused(lambda: secateur.prune(network, task, budget), OptionError, "the method is {", right)
    refused(lambda: measured.prune(amount=budget), AmountError, "the amount is {", right)


@pytest.mark.parametrize("value", ["50%", 0.5, 3])
def test_an_amount_as_names_and_values(measured, value):
    prune = measured.prune
    refused(
        lambda: prune(budget=value),
        OptionError,
        f"the budget is {value!r}",
        f'budget={{"macs": {value!r}}}; or what goes: amount={value!r}',
    )
    for name in ("minimum", "maximum"):
        refused(
            lambda name=name: prune(amount=3, **{name: value}),
            OptionError,
            f"the {name} is {value!r}",
            f'{name}={{"layer1.*": {value!r}}}',
        )
    for name in ("options", "objective_options", "refine_options", "recover_options"):
        refused(
            lambda name=name: prune(amount=3, **{name: value}),
            OptionError,
            "not of type Mapping",
            f'write {name}={{"key": value}}',
        )


NAMES = {
    "objective": ("fisher", "an objective"),
    "backend": ("annealing", "a backend"),
    "refine": ("tt", "a refiner"),
    "recover": ("distil", "a recovery"),
}


@pytest.mark.parametrize("place", NAMES)
@pytest.mark.parametrize("kind", NAMES)
def test_a_name_in_the_place_of_another(measured, place, kind):
    name, what = NAMES[kind]
    if kind == place:
        return
    error = BackendNotFound if place == "backend" else OptionError
    right = f"{name!r} is {what}: write {kind}={name!r}, or --{kind} {name}; installed are: "
    refused(lambda: measured.prune(amount=3, **{place: name}), error, f"{name!r}", right)


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_in_the_place_of_a_number(measured, kind):
    name, what = NAMES[kind]
    right = f"{name!r} is {what}: write {kind}={name!r}"
    refused(lambda: measured.prune(amount=name), AmountError, "is no number", right)
    refused(lambda: measured.compare(["fisher"], name), AmountError, "is no number", right)
    refused(lambda: secateur.solve(BQM, count=name), ConstraintError, f"count is {name!r}", right)


@pytest.mark.parametrize("value", ["75%", 0.75, 5])
def test_an_amount_in_the_place_of_a_name(measured, value):
    right = f"{AMOUNT}prune takes amount={value!r}"
    for call in (
        lambda: measured.qubo(value),
        lambda: measured.curves(value),
        lambda: measured.prune(secateur.Method(value), amount=3),
        lambda: measured.prune(amount=3, refine=value),
        lambda: measured.prune(amount=3, recover=value),
    ):
        refused(call, OptionError, "", right)
    for call in (
        lambda: measured.prune(amount=3, backend=value),
        lambda: secateur.solve(BQM, backend=value),
    ):
        error = BackendNotFound if isinstance(value, str) else OptionError
        refused(call, error, "", f"{right}, solve count=…")


def test_one_method_where_several_are_compared(network, task, measured):
    right = "write methods=['fisher']"
    refused(lambda: measured.compare("fisher", 3), OptionError, "methods are 'fisher'", right)
    compare = secateur.compare
    refused(
        lambda: compare(network, task, "fisher", amount=3), OptionError, "methods are 'f", right
    )
    refused(
        lambda: compare(network, task, secateur.Method("fisher"), amount=3),
        OptionError,
        "the methods are a Method",
        "write methods=[…]",
    )


def test_an_amount_or_nothing_as_a_selection(measured):
    for value in ("75%", 0.75, 5, None):
        refused(
            lambda value=value: measured.evaluate(value),
            NetworkError,
            f"the selection is {value!r}",
            "measured.prune(amount=…).selection",
        )
    label = measured.channels.labels[0]
    refused(
        lambda: measured.evaluate([label[:-3] + label[-2:]]),
        NetworkError,
        "there is no channel",
        "did you mean ",
    )


def test_network_and_task_in_each_others_place(network, task, tmp_path):
    right = "in each other's place: the network comes first, then the task"
    for call in (
        lambda: secateur.measure(task, network),
        lambda: secateur.prune(task, network, amount=3),
        lambda: secateur.compare(task, network, ["fisher"], amount=3),
    ):
        refused(call, DataError, "the task is a Classifier", right)


def test_what_is_no_network_or_task(network, task):
    measure = secateur.measure
    refused(lambda: measure(own.build, task), NetworkError, "is a function", "call it")
    refused(lambda: measure("own:build", task), NetworkError, "is a str", "--network")
    refused(lambda: measure(type(network), task), NetworkError, "is a class", "Classifier(…)")
    refused(lambda: measure(network, own.task), DataError, "is a function", "call it: task()")
    refused(lambda: measure(network, secateur.Task), DataError, "is a type", "that is the class")
    refused(lambda: measure(network, "denoising"), DataError, "is a str", "--task")
    refused(lambda: measure(network, task.calibration), DataError, "is a list", "secateur.Task(")
    refused(lambda: measure(network, 3), DataError, "is a int", "secateur.Task(")


def test_folders_and_files_in_another_place(network, task, measured, tmp_path):
    folder = tmp_path / "measured"
    measured.save(folder)
    load = secateur.Measured.load
    refused(lambda: load(network, folder, task), FileError, "of type Classifier", "comes first")
    refused(lambda: load(folder, task, network), DataError, "is a Classifier", "each other's place")
    result = measured.prune("l1", amount=3)
    refused(lambda: secateur.export("m.onnx", result), FileError, "PruningResult", "comes first")
    refused(
        lambda: secateur.export(3, "m.onnx"), OptionError, "of type int", "prune or load_pruned"
    )
    for wrong in (network, task, folder):
        refused(
            lambda wrong=wrong: secateur.finetune(wrong, result), OptionError, "result is", "prune"
        )


@pytest.mark.parametrize(
    ("count", "meant"),
    [
        ("2", "write count=2"),
        ("75%", "that share of 4 variables is count=3"),
        (0.25, "that share of 4 variables is count=1"),
        (2.0, "give a whole number"),
        (True, "give a whole number"),
        ([2], "give a whole number"),
    ],
)
def test_what_is_no_count(count, meant):
    refused(lambda: secateur.solve(BQM, count=count), ConstraintError, f"count is {count!r}", meant)


def test_counts_of_other_libraries_are_counts():
    assert secateur.solve(BQM, count=np.int64(2)).count == 2


def test_what_is_no_model(network):
    solve = secateur.solve
    refused(lambda: solve("x.bqm"), SecateurError, "is a str", "read_file('x.bqm').bqm")
    refused(lambda: solve(Path("x.bqm")), SecateurError, "model is a", "read_file('x.bqm').bqm")
    refused(lambda: solve(network), SecateurError, "is a Classifier", "measure(network, task).qubo")
    refused(lambda: solve({("a", "a"): 1.0}), SecateurError, "is a dict", "from_qubo(Q)")
    refused(lambda: solve(np.eye(2)), SecateurError, "is a ndarray", "(Q, 'BINARY')")
    refused(lambda: solve(3), SecateurError, "is a int", "give a dimod.BinaryQuadraticModel")


def test_what_the_hints_say_is_right(tmp_path):
    """The calls that they tell are made."""
    from secateur.files import read_file, save_bqm

    save_bqm(BQM, tmp_path / "x.bqm")
    assert secateur.solve(read_file(tmp_path / "x.bqm").bqm).energy == -1.0
    assert secateur.solve(dimod.BinaryQuadraticModel.from_qubo({("a", "a"): -1.0})).energy == -1.0
    assert secateur.solve(dimod.BinaryQuadraticModel(-np.eye(2), "BINARY")).energy == -2.0


def test_what_is_no_list_of_constraints():
    for wrong in (3, "at-most", at_most(1, ["a"])):
        refused(
            lambda wrong=wrong: secateur.solve(BQM, constraints=wrong),
            ConstraintError,
            f"of type {type(wrong).__name__}",
            "give a list of them",
        )
