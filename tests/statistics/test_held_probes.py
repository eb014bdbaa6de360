"""Curvatures and weights of probes, each against its closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from secateur.errors import MetricError
from secateur.statistics.probes import _class_dimension, _weights, fisher_probes
from secateur.tasks import Task
from secateur.tasks.likelihood import Probed

DATA = [(torch.ones(1), torch.ones(1))]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def probes(loss, outputs, targets, number=400, **options) -> Tensor:
    """All probes at one output, shape (probes, …)."""
    task = Task(DATA, loss, **options)
    found = list(fisher_probes(task, outputs, targets, number, generator()))
    assert all(len(probe) == 1 and probe[0][0] is outputs for probe in found)
    return torch.stack([probe[0][1] for probe in found])


def test_no_probes_are_no_work():
    def loss(outputs, targets):
        raise AssertionError

    assert list(fisher_probes(Task(DATA, loss), torch.ones(1), None, 0, generator())) == []


@pytest.mark.parametrize("scale", [0.01, 1.0, 50.0])
def test_gaussian_probes_have_the_variance_of_the_curvature(scale):
    outputs = torch.randn(3, 4, generator=generator())
    found = probes(lambda o, t: scale * (o - t).square().sum(1), outputs, torch.zeros(3, 4), 4000)
    variances = found.square().mean(0)
    torch.testing.assert_close(variances, torch.full_like(variances, 2 * scale), rtol=0.12, atol=0)


def test_each_sample_has_the_curvature_of_its_own():
    outputs = torch.randn(2, 4, generator=generator())
    factor = torch.tensor([1.0, 9.0])
    found = probes(lambda o, t: factor * (o - t).square().sum(1), outputs, torch.zeros(2, 4), 4000)
    torch.testing.assert_close(found.square().mean((0, 2)), 2 * factor, rtol=0.1, atol=0)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda o, t: o.sum(1), "curvature 0 "),
        (lambda o, t: -o.square().sum(1), "curvature -2 "),
        # one of two samples is flat: still no matrix for it
        (lambda o, t: torch.tensor([0.0, -1.0]) * o.square().sum(1), "curvature -2 "),
        (lambda o, t: torch.tensor([0.0, 1.0]) * o.square().sum(1), "curvature 0 "),
    ],
)
def test_a_loss_without_positive_curvature_is_refused(loss, said):
    outputs = torch.randn(2, 3, generator=generator())
    with pytest.raises(MetricError, match=f"has the {said}at the network's output"):
        probes(loss, outputs, torch.zeros(2, 3))


@pytest.mark.parametrize("factors", [[1.0, 2.0, 0.5], [1.0, 0.0, 3.0], [0.0, 0.0, 2.0]])
def test_the_factor_of_every_position_is_found(factors):
    wanted = torch.tensor(factors)
    form = torch.rand(3, 4, generator=generator()) + 0.1
    direction = torch.rand(3, 4, generator=generator()) + 0.1
    found = _weights(wanted[:, None] * form, form, direction, torch.full((3,), -1.0))
    torch.testing.assert_close(found, wanted)


def test_a_position_without_a_form_counts_nothing():
    form = torch.tensor([[0.0, 0.0], [1.0, 2.0]])
    found = _weights(3.0 * form, form, torch.ones(2, 2), torch.full((2,), -1.0))
    torch.testing.assert_close(found, torch.tensor([0.0, 3.0]))


@pytest.mark.parametrize(("off", "fits"), [(0.0, True), (0.005, True), (0.02, False)])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_another_form_than_a_hundredth_off_counts_as_a_mean(off, fits, size):
    """Relative to the product, whatever its size."""
    form = size * torch.tensor([[1.0, 1.0]])
    other = size * torch.tensor([[1.0, -1.0]])  # across the form and the direction
    found = _weights(2 * form + 2 * off * other, form, torch.ones(1, 2), torch.full((1,), 7.0))
    torch.testing.assert_close(found, torch.full((1,), 2.0 if fits else 7.0))


@pytest.mark.parametrize("factors", [[1.0, -1.0], [0.0, 0.0]])
def test_negative_weights_and_none_at_all_count_as_a_mean(factors):
    form = torch.ones(2, 3)
    found = _weights(torch.tensor(factors)[:, None] * form, form, form, torch.full((2,), 0.5))
    torch.testing.assert_close(found, torch.full((2,), 0.5))


def focal(outputs: Tensor, labels: Tensor) -> Tensor:
    logs = F.cross_entropy(outputs, labels, reduction="none")
    return ((1 - (-logs).exp()) ** 2 * logs).flatten(1).mean(1)


def test_a_loss_of_another_form_counts_as_a_mean_over_positions():
    """E[v v'] is diag(p) - pp' divided by the positions of a sample."""
    logits = torch.randn(2, 3, 4, generator=generator())
    labels = torch.tensor([[0, 1, 2, 1], [2, 2, 0, 1]])
    found = probes(focal, logits, labels, 8000, likelihood="categorical")
    p = logits.softmax(1)
    torch.testing.assert_close(found.square().mean(0), p * (1 - p) / 4, rtol=0.15, atol=0)
    assert found.sum(2).abs().max() < 1e-6


def test_a_prediction_that_is_no_output_counts_as_a_mean_over_positions():
    outputs = torch.randn(1, 2, 3, generator=generator())
    labels = torch.tensor([[0, 1, 0]])

    def loss(outputs, labels):
        return F.cross_entropy(2 * outputs, labels, reduction="none").mean(1)

    task = Task(DATA, loss, likelihood="categorical", prediction=lambda o: 2 * o)
    found = torch.stack(
        [v for ((_, v),) in fisher_probes(task, outputs, labels, 8000, generator())]
    )
    p = (2 * outputs).softmax(1)[0, 0]
    torch.testing.assert_close(found[:, 0, 0].square().mean(0), p * (1 - p) / 3, rtol=0.1, atol=0)


def test_one_class_is_no_choice():
    with pytest.raises(MetricError, match="one class only"):
        probes(
            lambda o, t: F.cross_entropy(o, t, reduction="none"),
            torch.ones(2, 1),
            torch.zeros(2, dtype=torch.long),
            likelihood="categorical",
        )


def test_bernoulli_probes_have_their_mean_and_their_variance():
    logits = torch.tensor([[2.0, -1.0, 0.0]])

    def sums(outputs, targets):
        both = F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
        return 5 * both.sum(1)

    found = probes(sums, logits, torch.zeros(1, 3), 8000, likelihood="bernoulli")
    p = logits.sigmoid()
    assert found.mean(0).abs().max() < 0.05
    torch.testing.assert_close(found.square().mean(0), 5 * p * (1 - p), rtol=0.1, atol=0)


def slope_of(logits: Tensor, dim: int) -> Probed:
    return Probed(logits, logits, logits.softmax(dim) - 1.0 / logits.shape[dim])


@pytest.mark.parametrize(("shape", "dim"), [((2, 3), 1), ((2, 3, 4), 1), ((2, 4, 3), 2)])
def test_the_dimension_of_the_classes_is_the_one_along_which_the_loss_is_constant(shape, dim):
    logits = torch.randn(shape, generator=generator())
    assert _class_dimension(slope_of(logits, dim)) == dim


@pytest.mark.parametrize("dim", [1, 2])
def test_logarithms_of_probabilities_say_their_dimension(dim):
    logits = torch.randn(2, 3, 4, generator=generator()).log_softmax(dim)
    assert _class_dimension(Probed(logits, None, None)) == dim


def test_what_is_no_function_of_the_softmax_is_refused():
    logits = torch.randn(2, 3, 4, generator=generator())
    with pytest.raises(MetricError, match="over dimension 1 or 2, as a categorical"):
        _class_dimension(Probed(logits, logits, torch.ones(2, 3, 4)))
    with pytest.raises(MetricError, match="over dimension 1, as a categorical"):
        _class_dimension(Probed(logits[:, :, 0], logits[:, :, 0], torch.ones(2, 3)))
