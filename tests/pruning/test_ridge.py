"""``ridge="auto"``: the best of a few on the selection split, where the last fit is made."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import secateur
from secateur.errors import OptionError
from secateur.measured import Quality
from secateur.methods import Method
from secateur.methods.ridge import RIDGES
from secateur.metric import evaluate
from secateur.options import declared
from secateur.pruning import finishing
from secateur.pruning.finishing import Body
from tests.end_to_end.own import batches, deep


def near(outputs, wanted):
    return -(outputs - wanted).square().mean(1)


def task(metric=near, higher_is_better=True):
    """To give the dense network's outputs: a fit is worth something and no two tie."""
    network = deep().eval()
    with torch.no_grad():
        splits = [[(x, network(x)) for x, _ in batches(seed)] for seed in range(3)]
    return secateur.Task(
        splits[0][:1],
        loss=torch.nn.functional.mse_loss,
        metric=metric,
        selection=splits[1],
        test=splits[2],
        metric_name="nearness",
        higher_is_better=higher_is_better,
    )


@pytest.fixture(scope="module")
def measured():
    return secateur.measure(deep(), task(), probes=0)


@pytest.fixture(scope="module")
def keep(measured):
    kept = np.ones(len(measured.channels), dtype=bool)
    kept[::3] = False
    return kept


@pytest.fixture
def asked(monkeypatch):
    """The ridge of every fit that is made."""
    found = []
    real = finishing.fit

    def fit(*given, ridge, **how):
        found.append(ridge)
        return real(*given, ridge=ridge, **how)

    monkeypatch.setattr(finishing, "fit", fit)
    return found


def far(outputs, wanted):
    return -near(outputs, wanted)


@pytest.mark.parametrize("ridges", [(1e3, 1e-3, 1.0), (1e-3, 1e3, 1.0), (1.0, 1e3, 1e-3)])
@pytest.mark.parametrize("less", [False, True])
def test_the_best_on_the_selection_split_is_taken(measured, keep, monkeypatch, ridges, less):
    """Against a body of each ridge; 1000 is as good as no fit."""
    subject = measured.subject
    if less:
        subject = dataclasses.replace(subject, task=task(far, higher_is_better=False))
    alone = {}
    for ridge in ridges:
        body = Body(subject, ridge=ridge, fit_batches=None)
        made = body.made(keep, compensated=True)
        alone[ridge] = made, body.evaluator.slim(made.network, "selection")
    monkeypatch.setattr(finishing, "RIDGES", ridges)
    made = Body(subject, ridge="auto", fit_batches=None).made(keep, compensated=True)
    assert dict(made.ridges) == {ridge: value for ridge, (_, value) in alone.items()}
    assert list(made.ridges) == list(ridges)
    value = {ridge: -value if less else value for ridge, (_, value) in alone.items()}
    assert value[made.ridge] == max(value.values()) > value[1e3]
    same = alone[made.ridge][0]
    for name in ("metric", "metric_compensated", "batch_norm", "fitted", "notes"):
        assert getattr(made, name) == getattr(same, name)
    for name, tensor in made.network.state_dict().items():
        assert torch.equal(tensor, same.network.state_dict()[name])


def test_of_equal_ones_the_first_is_taken(measured, keep, monkeypatch):
    monkeypatch.setattr(finishing, "RIDGES", (0.01, 0.01 * (1 + 1e-12)))
    made = Body(measured.subject, ridge="auto", fit_batches=None).made(keep, compensated=True)
    assert len(set(made.ridges.values())) == 1
    assert made.ridge == 0.01


def test_only_the_last_fit_chooses(measured, keep, asked):
    body = Body(measured.subject, ridge="auto", fit_batches=None)
    body.worth(keep, compensated=True)
    body.fitted(keep)
    body.evaluator.compensating(keep)
    assert set(asked) == {RIDGES[0]}
    assert body.quick.ridge == RIDGES[0]
    asked.clear()
    for _ in range(2):
        body.made(keep, compensated=True)
    assert asked == list(RIDGES[1:]), "each once; the first was made by worth"


def test_nothing_is_chosen_where_nothing_is_fitted(measured, keep, asked):
    body = Body(measured.subject, ridge="auto", fit_batches=None)
    assert not body.made(keep, compensated=False).ridges
    assert asked == []
    whole = body.made(np.ones_like(keep), compensated=True)
    assert (whole.ridge, dict(whole.ridges), asked) == (None, {}, [RIDGES[0]])


def test_a_number_is_no_choice(measured, keep, asked):
    made = Body(measured.subject, ridge=0.5, fit_batches=None).made(keep, compensated=True)
    assert (made.ridge, dict(made.ridges), asked) == (0.5, {}, [0.5])


def test_it_is_said_which(measured):
    result = measured.prune("l1", amount=0.4, ridge="auto")
    about = result.selection.provenance["ridge"]
    best = max(about["candidates"], key=about["candidates"].__getitem__)
    assert list(about["candidates"]) == [f"{ridge:g}" for ridge in RIDGES]
    assert (about["chosen"], about["split"]) == (float(best), "selection")
    (note,) = [note for note in result.notes if "ridge" in note]
    assert note.startswith(f"l1: ridge {best} is the best of 0.001 ")
    assert note.endswith(f"({measured.task.metric_name} on the selection split)")
    row = result.rows[-1]
    assert row.metric_compensated == evaluate(result.network, measured.task)
    assert result.settings["methods"][0]["ridge"] == "auto"
    quality = measured.evaluate(result.selection, ridge="auto")
    dense = result.rows[0].metric
    assert quality == Quality(dense, row.metric, row.metric_compensated, True, float(best))
    assert measured.evaluate(result.selection).ridge is None


def test_it_is_said_if_no_fit_helps(measured, monkeypatch):
    real = finishing.fit

    def spoilt(*given, **how):
        done = real(*given, **how)
        with torch.no_grad():
            done.network.fc[2].bias.add_(5.0)
        return done

    monkeypatch.setattr(finishing, "fit", spoilt)
    result = measured.prune("l1", amount=0.4, ridge="auto")
    about = result.selection.provenance["ridge"]
    assert about["chosen"] is None
    assert len(set(about["candidates"].values())) == 1
    (note,) = [note for note in result.notes if "ridge" in note]
    assert note.startswith("l1: nothing re-fitted is better than the cut alone, with no ridge of ")
    assert measured.evaluate(result.selection, ridge="auto").ridge is None
    assert result.rows[-1].metric == result.rows[-1].metric_compensated


def test_no_other_word_is_a_ridge(measured):
    with pytest.raises(OptionError, match="'autp'") as caught:
        measured.prune("l1", amount=0.4, ridge="autp")
    assert "or auto" in caught.value.remedy


def test_the_help_names_the_ridges():
    (told,) = [one for one in declared(Method) if one.name == "ridge"]
    *some, last = (f"{ridge:g}" for ridge in RIDGES)
    assert f"{', '.join(some)} and {last}" in told.text
