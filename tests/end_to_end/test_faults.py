"""From Python as from the command line: what a network, a task or data raise is one error."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import secateur
from tests.cli import test_faults as raising

ERRORS = {**raising.ERRORS, "stop": SystemExit("stopped")}


def task(place: str) -> secateur.Task:
    made = dataclasses.replace(raising.task(), test=raising.Data(raising.own.batches(1)))
    if place == "adapter":

        def adapter(batch):
            raising.boom("adapter")
            return batch

        return dataclasses.replace(made, adapter=adapter)
    return made


DOORS = {
    "measure": lambda network, task: secateur.measure(network, task, probes=1).dense_metric,
    "prune": lambda network, task: secateur.prune(
        network, task, amount=3, probes=1, objective="taylor"
    ),
    "compare": lambda network, task: secateur.compare(
        network, task, ["taylor", "l1"], amount=3, probes=1
    ),
    "statistics": lambda network, task: (
        secateur.collect_statistics(
            network, task, secateur.find_channels(network, task.example()), probes=1
        )
        and secateur.measure(network, task, probes=1).compare(["l1"], 3)
    ),
}


@pytest.fixture(autouse=True)
def nothing_is_raised(monkeypatch):
    monkeypatch.setattr(raising, "WANTED", {"place": "nowhere"})


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("place", ["forward", "loss", "metric", "data", "adapter"])
@pytest.mark.parametrize("error", ["exit", "nothing", "stop", "base", "odd", "zero"])
def test_it_is_one_error_that_names_what_raised(monkeypatch, door, place, error):
    raising.WANTED.update(place=place, left=0, error=error)
    monkeypatch.setitem(raising.ERRORS, error, ERRORS[error])
    with pytest.raises(secateur.SecateurError) as caught:
        DOORS[door](raising.build(), task(place))
    said = str(caught.value)
    assert {"metric": "accuracy"}.get(place, place) in said or f"boom ({raising.__file__}" in said
    assert type(ERRORS[error]).__name__ in said or "sys.exit(" in said
    assert str(ERRORS[error]) in said
    assert caught.value.remedy
    assert raised_by(caught.value) is ERRORS[error]


def raised_by(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


@pytest.mark.parametrize("left", [1, 3, 6, 12])
@pytest.mark.parametrize("place", ["forward", "data"])
def test_at_any_moment(place, left):
    raising.WANTED.update(place=place, left=left, error="exit")
    with pytest.raises(secateur.SecateurError):
        DOORS["prune"](raising.build(), task(place))


@pytest.mark.parametrize("place", ["forward", "loss", "metric", "data", "adapter"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError("full")], ids=repr)
def test_what_goes_through_as_it_is(monkeypatch, place, error):
    monkeypatch.setitem(raising.ERRORS, "through", error)
    raising.WANTED.update(place=place, left=0, error="through")
    with pytest.raises(type(error)) as caught:
        DOORS["prune"](raising.build(), task(place))
    assert caught.value is error


def test_life_after_pruning(tmp_path):
    result = DOORS["prune"](raising.build(), task("nowhere"))
    folder, image = tmp_path / "measured", torch.zeros(1, 1, 8, 8)
    secateur.measure(raising.build(), task("nowhere"), probes=1).save(folder)
    doors = [
        lambda: secateur.finetune(result, raising.Data(raising.own.batches(0))),
        lambda: secateur.export(raising.build(), tmp_path / "a.pt2", example=image),
        lambda: secateur.Measured.load(folder, raising.build(), task("nowhere")),
        lambda: secateur.find_channels(raising.build(), image),
    ]  # fmt: skip
    for door in doors:
        raising.WANTED.update(place="forward", left=0, error="exit")
        with pytest.raises(secateur.SecateurError, match=r"sys\.exit|SystemExit"):
            door()
