"""Losses and metrics over any outputs: the same number whether they reduce or not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from secateur.errors import MetricError, NetworkError, OptionError
from secateur.tasks import Task
from secateur.tasks.likelihood import likelihood_note
from secateur.tasks.scores import check_outputs


@dataclass
class Output:
    logits: torch.Tensor
    extra: torch.Tensor


def task(loss, metric=None, **options) -> Task:
    return Task([(torch.ones(1), torch.ones(1))], loss, metric, **options)


WRAPS = {
    "tensor": (lambda t: t, lambda o: o),
    "tuple": (lambda t: (t, t * 2), lambda o: o[0]),
    "dict": (lambda t: {"out": t}, lambda o: o["out"]),
    "dataclass": (lambda t: Output(t, t[:, :1]), lambda o: o.logits),
}


@settings(deadline=None)
@given(st.sampled_from(sorted(WRAPS)), st.integers(1, 4), st.sampled_from(["mean", "sum"]))
def test_a_scalar_of_any_reduction_is_taken_sample_by_sample(kind, size, reduction):
    wrap, open_ = WRAPS[kind]
    logits = torch.randn(size, 3, generator=torch.Generator().manual_seed(size))
    labels = torch.arange(size) % 3
    each = F.cross_entropy(logits, labels, reduction="none")
    scalar = task(lambda o, t: F.cross_entropy(open_(o), t, reduction=reduction))
    vector = task(lambda o, t: F.cross_entropy(open_(o), t, reduction="none"))
    torch.testing.assert_close(scalar.losses(wrap(logits), labels), each)
    torch.testing.assert_close(vector.losses(wrap(logits), labels), each)


def test_ignored_labels_are_averaged_within_each_sample():
    logits = torch.randn(2, 4, 3)
    labels = torch.tensor([[0, 1, -100, -100], [2, 1, 0, -100]])
    losses = task(lambda o, t: F.cross_entropy(o.transpose(1, 2), t)).losses(logits, labels)
    for sample in range(2):
        seen = labels[sample] >= 0
        expected = F.cross_entropy(logits[sample][seen], labels[sample][seen])
        torch.testing.assert_close(losses[sample], expected)


def test_metrics_may_be_python_numbers_and_default_to_the_negative_loss():
    outputs, targets = torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [4.0]])
    squared = task(F.mse_loss)
    assert squared.metrics(outputs, targets).tolist() == [0.0, -4.0]
    within = task(F.mse_loss, lambda o, t: float((o - t).abs().max() < 1))
    assert within.metrics(outputs, targets).tolist() == [1.0, 0.0]
    listed = task(F.mse_loss, lambda o, t: [0.5] * len(o))
    assert listed.metrics(outputs, targets).tolist() == [0.5, 0.5]


def test_a_batch_of_one_that_was_squeezed():
    loss = task(lambda o, t: (o - t[0]).square())
    assert loss.losses(torch.tensor(3.0), torch.tensor([1.0]), size=1).tolist() == [4.0]


def test_targets_with_an_entry_a_sample():
    def count(outputs, targets):
        return sum(
            abs(float(o.sum()) - len(t["boxes"])) for o, t in zip(outputs, targets, strict=True)
        )

    targets = [{"boxes": torch.zeros(n, 4)} for n in (2, 3)]  # as many as samples, by chance
    assert task(count).losses(torch.tensor([[2.0], [5.0]]), targets).tolist() == [0.0, 2.0]


def test_a_scalar_made_for_the_whole_batch_is_refused():
    outputs = {"logits": torch.randn(3, 2), "loss": torch.tensor(0.5)}
    with pytest.raises(MetricError, match=r"depends on outputs\['loss'\], of shape \(\)"):
        task(lambda o, t: o["loss"]).losses(outputs, None)
    with pytest.raises(MetricError, match=r"outputs, of shape \(6, 2\), which is not divided"):
        task(lambda o, t: o.square().mean()).losses(torch.randn(6, 2), None, size=3)
    # it is there, and not used
    fine = task(lambda o, t: o["logits"].square().mean()).losses(outputs, None, size=3)
    torch.testing.assert_close(fine, outputs["logits"].square().mean(1))
    alone = {"logits": torch.randn(1, 2), "loss": torch.tensor(0.5)}
    assert task(lambda o, t: o["loss"]).losses(alone, None).tolist() == [0.5]


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda o, t: o.mean(0), r"of a batch of 3 has the shape \(2,\)"),
        (lambda o, t: o, r"has the shape \(3, 2\)"),
        (lambda o, t: "x", "the loss is a str"),
        (lambda o, t: o["logits"], "the loss raised IndexError: .* the outputs were float32"),
        (lambda o, t: o.sum(1) * float("nan"), "the loss is nan for 3 of 3 samples"),
        (lambda o: o, "the loss raised TypeError"),
        (lambda o, t: 1 / 0, "the loss raised ZeroDivisionError"),
    ],
)
def test_a_bad_loss_is_named(loss, said):
    with pytest.raises(MetricError, match=said):
        task(loss).losses(torch.randn(3, 2), torch.randn(3, 2))


def test_outputs_must_be_finite_but_for_parts_of_several():
    check_outputs((torch.tensor([1.0, float("-inf")]), torch.tensor([1])))
    with pytest.raises(NetworkError, match="NaN or infinite"):
        check_outputs(torch.tensor([1.0, float("-inf")]))
    with pytest.raises(NetworkError, match=r"outputs\.extra"):
        check_outputs(Output(torch.ones(1), torch.tensor([float("nan")])))
    with pytest.raises(MetricError, match="none has a batch dimension"):
        task(F.mse_loss).losses({"loss": torch.tensor(1.0)}, None)


@pytest.mark.parametrize("name", ["loss", "metric", "adapter", "prediction"])
def test_a_class_of_losses_is_no_loss(name):
    with pytest.raises(OptionError) as caught:
        Task([], **{"loss": F.mse_loss, name: torch.nn.CrossEntropyLoss})
    assert caught.value.message == f"{name} is the class CrossEntropyLoss"
    assert caught.value.remedy == "pass an instance: CrossEntropyLoss()"


@pytest.mark.parametrize(
    ("loss", "likelihood", "told"),
    [
        (F.cross_entropy, "gaussian", 'Task(likelihood="categorical")'),
        (torch.nn.CrossEntropyLoss(), "gaussian", 'Task(likelihood="categorical")'),
        (F.binary_cross_entropy_with_logits, "gaussian", 'Task(likelihood="bernoulli")'),
        (torch.nn.BCEWithLogitsLoss(), "gaussian", 'Task(likelihood="bernoulli")'),
        (F.cross_entropy, "categorical", ""),
        (F.mse_loss, "gaussian", ""),
    ],
)
def test_a_likelihood_of_regression_beside_a_loss_of_classes_is_told(loss, likelihood, told):
    notes = likelihood_note(Task([], loss, likelihood=likelihood))
    assert len(notes) == bool(told)
    assert told in "".join(notes)
