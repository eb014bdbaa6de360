"""Gate gradients, the Fisher matrix and the Gram against independent computations."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
import torch
from torch import nn

from secateur.errors import DataError, MetricError, NetworkError, OptionError
from secateur.network import Call, GatedNetwork, find_channels
from secateur.objectives import fisher_qubo, hybrid_qubo, residual_qubo
from secateur.statistics import (
    collect_statistics,
    covariance,
    fisher_blocks,
    fisher_matrix,
    reliability,
    similarity,
)
from secateur.tasks import Task
from tests.nets import Chain, Residual, classification, mse, regression, seeded
from tests.statistics.reference import all_rows


def example(task: Task) -> torch.Tensor:
    return next(iter(task.calibration))[0]


def measured(network: nn.Module, task: Task, **options):
    return collect_statistics(network, task, find_channels(network, example(task)), **options)


def gradients(network: nn.Module, task: Task) -> np.ndarray:
    return all_rows(network, task, find_channels(network, example(task))).gradients


@pytest.mark.parametrize(
    ("network", "task"),
    [(seeded(Chain), regression()), (seeded(Residual), classification())],
)
def test_gate_gradients_equal_autograd_through_explicit_masks(network, task):
    statistics = measured(network, task, probes=0)
    gated = GatedNetwork(network, statistics.channels)
    found = gradients(network, task)
    row = 0
    for inputs, targets in task.calibration:
        for sample in range(len(inputs)):
            mask = torch.ones(1, len(statistics.channels), requires_grad=True)
            one = slice(sample, sample + 1)
            loss = task.losses(gated(Call((inputs[one],)), mask), targets[one])
            (expected,) = torch.autograd.grad(loss.sum(), mask)
            np.testing.assert_allclose(found[row], expected[0].numpy(), rtol=1e-4, atol=1e-6)
            row += 1
    assert row == statistics.samples == len(found)


def test_gate_gradients_equal_finite_differences():
    network, task = seeded(Chain).double(), regression(dtype=torch.float64)
    statistics = measured(network, task, probes=0)
    gated = GatedNetwork(network, statistics.channels)
    inputs, targets = (torch.cat(parts) for parts in zip(*task.calibration, strict=True))
    slopes = []
    for i in range(len(statistics.channels)):
        losses = []
        for step in (-1e-5, 1e-5):
            gates = torch.ones(1, len(statistics.channels), dtype=torch.float64)
            gates[0, i] += step
            losses.append(mse(gated(Call((inputs,)), gates), targets).numpy())
        slope = (losses[1] - losses[0]) / 2e-5
        slopes.append(slope)
    np.testing.assert_allclose(gradients(network, task), np.transpose(slopes), 1e-5, 1e-9)
    np.testing.assert_allclose(statistics.taylor, np.abs(slopes).mean(1), rtol=1e-5)
    np.testing.assert_allclose(statistics.gradient, np.mean(slopes, 1), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(statistics.empirical_fisher, np.square(slopes).mean(1), rtol=1e-5)


def jacobian_of(function, point):
    """One backward pass for every output."""
    point = point.clone().requires_grad_()
    outputs = function(point)
    rows = [torch.autograd.grad(out, point, retain_graph=True)[0] for out in outputs]
    return torch.stack(rows)


def exact_gauss_newton(network, task, channels, hessian):
    """Mean over samples of J'SJ with the full Jacobian of every output."""
    gated = GatedNetwork(network, channels)
    total = np.zeros((len(channels),) * 2)
    count = 0
    for inputs, targets in task.calibration:
        for x, _ in zip(inputs, targets, strict=True):

            def outputs(gates, x=x):
                return gated(Call((x[None],)), gates[None])[0].reshape(-1)

            ones = torch.ones(len(channels), dtype=x.dtype)
            jacobian = jacobian_of(outputs, ones)
            total += (jacobian.T @ hessian(outputs(ones).detach()) @ jacobian).numpy()
            count += 1
    return total / count


def test_the_true_fisher_equals_gauss_newton_for_regression():
    network, task = seeded(Chain).double(), regression(dtype=torch.float64)
    statistics = measured(network, task, probes=4000, across_groups=True)
    exact = exact_gauss_newton(
        network, task, statistics.channels, lambda y: 2.0 / len(y) * torch.eye(len(y)).double()
    )
    estimate = fisher_matrix(statistics, across_groups=True)
    scale = np.sqrt(np.outer(np.diag(exact), np.diag(exact)))
    assert np.abs((estimate - exact) / scale).max() < 0.05
    inside = fisher_matrix(statistics)
    assert np.all(inside[:4, 4:] == 0)
    np.testing.assert_allclose(inside[:4, :4], estimate[:4, :4], rtol=1e-12)


def test_the_true_fisher_equals_gauss_newton_with_all_probes(monkeypatch):
    """With one probe for every output (v = √S e_o), nothing is left to chance."""
    network, task = seeded(Chain).double(), regression(dtype=torch.float64)
    channels = find_channels(network, example(task))
    pixels = example(task)[0].numel()

    def every_output(task, outputs, targets, probes, generator, size):
        assert probes == pixels
        for o in range(pixels):
            probe = torch.zeros_like(outputs).reshape(len(outputs), -1)
            probe[:, o] = (2.0 / pixels) ** 0.5 * pixels**0.5
            yield [(outputs, probe.reshape(outputs.shape))]

    monkeypatch.setattr("secateur.statistics.rows.fisher_probes", every_output)
    statistics = collect_statistics(network, task, channels, probes=pixels, across_groups=True)
    exact = exact_gauss_newton(
        network, task, channels, lambda y: 2.0 / len(y) * torch.eye(len(y)).double()
    )
    np.testing.assert_allclose(
        fisher_matrix(statistics, across_groups=True), exact, rtol=1e-9, atol=1e-12
    )


def test_the_true_fisher_equals_gauss_newton_for_classification():
    network, task = seeded(Residual), classification(batch=6)
    statistics = measured(network, task, probes=6000, across_groups=True)

    def hessian(logits):
        p = logits.softmax(0)
        return torch.diag(p) - torch.outer(p, p)

    exact = exact_gauss_newton(network, task, statistics.channels, hessian)
    estimate = fisher_matrix(statistics, across_groups=True)
    scale = np.sqrt(np.outer(np.diag(exact), np.diag(exact))) + 1e-12
    assert np.abs((estimate - exact) / scale).max() < 0.06


def test_the_curvature_of_log_mse_is_that_of_the_formula():
    """Science: E[vv'] = 2 / (pixels · MSE_s) for log-MSE."""
    network = seeded(Chain).double()
    data = regression(size=12, dtype=torch.float64).calibration
    channels = find_channels(network, data[0][0])
    plain = all_rows(network, Task(data, mse), channels, probes=3, seed=7)
    log = all_rows(network, Task(data, lambda o, t: mse(o, t).log()), channels, probes=3, seed=7)
    gated = GatedNetwork(network, channels)
    errors = torch.cat([mse(gated(Call((x,))), t) for x, t in data]).numpy()
    ratio = np.square(log.fisher).sum(1) / np.square(plain.fisher).sum(1)
    expected = 1.0 / errors[plain.samples]
    np.testing.assert_allclose(ratio, expected, rtol=0.05)


def test_the_gram_equals_the_direct_cosine_and_correlation():
    network, task = seeded(Residual), classification(samples=6, batch=2)
    statistics = measured(network, task, probes=0)
    inputs = torch.cat([x for x, _ in task.calibration])
    with torch.no_grad():
        # read behind the norm and the non-linearity
        inner = network.norm(network.inner(torch.relu(network.stem(inputs))))
        activation = torch.relu(inner).movedim(1, 0).reshape(4, -1).double().numpy()
    unit = activation / np.linalg.norm(activation, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, 0.0)
    np.testing.assert_allclose(similarity(statistics)[1], cosine, atol=1e-5)
    correlation = np.abs(np.corrcoef(activation))
    np.fill_diagonal(correlation, 0.0)
    np.testing.assert_allclose(similarity(statistics, "correlation")[1], correlation, atol=1e-5)
    np.testing.assert_allclose(covariance(statistics)[1], np.cov(activation, bias=True), atol=1e-5)
    np.testing.assert_allclose(statistics.energy[4:], np.square(activation).mean(1), rtol=1e-5)


def test_a_dead_channel_is_like_no_other():
    network = seeded(Chain)
    with torch.no_grad():
        network.norm.weight[2] = 0.0
        network.norm.bias[2] = -1.0
    statistics = measured(network, regression(), probes=2)
    for measure in ("cosine", "correlation"):
        assert np.all(similarity(statistics, measure)[0][2] == 0)
    assert statistics.taylor[2] == 0


def test_l1_norms_are_the_sums_of_the_filters():
    network = seeded(Chain)
    statistics = measured(network, regression(), probes=0)
    expected = [w.abs().sum().item() for w in (*network.first.weight, *network.second.weight)]
    np.testing.assert_allclose(statistics.l1, expected, rtol=1e-6)


def test_batches_do_not_change_the_result():
    network = seeded(Chain)
    whole = regression(batch=6)
    inputs, targets = whole.calibration[0]
    parts = Task([(inputs[:1], targets[:1]), (inputs[1:], targets[1:])], mse)
    a, b = measured(network, whole, probes=0), measured(network, parts, probes=0)
    np.testing.assert_allclose(a.taylor, b.taylor, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(a.gradient, b.gradient, rtol=1e-4, atol=1e-7)
    for left, right in zip(a.gram, b.gram, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5)


def test_the_pass_leaves_no_trace():
    network = seeded(Residual).train()
    network.norm.eval()
    network.stem.weight.requires_grad_(False)
    network.fc.weight.grad = torch.ones_like(network.fc.weight)
    calls = []
    network.stem.register_forward_hook(lambda *a: calls.append(1))
    task = classification()
    data = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(
            *(torch.cat(p) for p in zip(*task.calibration, strict=True))
        ),
        batch_size=2,
        shuffle=True,
    )
    task = Task(data, task.loss, likelihood="categorical")
    channels = find_channels(network, torch.randn(1, 2, 5, 5))
    before = {
        "state": {k: v.clone() for k, v in network.state_dict().items()},
        "modes": [m.training for m in network.modules()],
        "wanted": [p.requires_grad for p in network.parameters()],
        "modules": [name for name, _ in network.named_modules()],
        "hooks": [len(m._forward_hooks) for m in network.modules()],
    }
    rng = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()

    def check():
        after = network.state_dict()
        assert after.keys() == before["state"].keys()
        assert all(torch.equal(after[k], v) for k, v in before["state"].items())
        assert [m.training for m in network.modules()] == before["modes"]
        assert [p.requires_grad for p in network.parameters()] == before["wanted"]
        assert [name for name, _ in network.named_modules()] == before["modules"]
        assert [len(m._forward_hooks) for m in network.modules()] == before["hooks"]
        assert torch.equal(network.fc.weight.grad, torch.ones_like(network.fc.weight))
        assert network.stem.weight.grad is None
        assert torch.equal(torch.get_rng_state(), rng[0])
        assert np.array_equal(np.random.get_state()[1], rng[1])
        assert random.getstate() == rng[2]

    collect_statistics(network, task, channels, probes=2)
    check()

    def interrupted(outputs, targets):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect_statistics(network, Task(data, interrupted), channels)
    check()


def test_the_same_seed_gives_the_same_statistics_and_another_other_probes():
    network, task = seeded(Chain), regression()
    a, b, c = (measured(network, task, probes=2, seed=s) for s in (3, 3, 4))
    for one, same, other in zip(a.fisher, b.fisher, c.fisher, strict=True):
        np.testing.assert_array_equal(one, same)
        assert np.abs(one - other).max() > 0


def test_reliability_tells_signal_from_noise():
    network, task = seeded(Chain), regression(samples=60)
    signal = measured(network, task, probes=40)
    assert reliability(signal) > 0.9
    rng = np.random.default_rng(0)
    noise = [rng.normal(size=(2, signal.rows[0], len(both[0]))) for both in signal.fisher]
    noise = tuple(np.swapaxes(rows, 1, 2) @ rows for rows in noise)
    assert reliability(dataclasses.replace(signal, fisher=noise)) < 0.5


@pytest.mark.parametrize(
    ("task", "error", "message"),
    [
        (Task([], mse), DataError, "no batches"),
        (Task([(torch.full((1, 2, 5, 5), float("nan")),) * 2], mse), DataError, "NaN"),
        (Task([(torch.ones(2, 2, 5, 5), torch.ones(1, 2, 5, 5))], mse), DataError, "1 targets"),
        (Task([(torch.ones(1, 7, 5, 5),) * 2], mse), DataError, r"shape \(1, 7, 5, 5\)"),
        (Task([torch.ones(3, 2, 5, 5)], mse), MetricError, "targets None"),
        (
            Task([(torch.ones(2, 2, 5, 5), torch.ones(2, 2, 5, 5))], lambda o, t: (o - t).mean(1)),
            MetricError,
            "shape",
        ),
        (
            Task([(torch.ones(2, 2, 5, 5),) * 2], lambda o, t: mse(o, t) * float("nan")),
            MetricError,
            "nan",
        ),
        (
            Task([(torch.ones(2, 2, 5, 5),) * 2], lambda o, t: (o - t).abs().flatten(1).mean(1)),
            MetricError,
            "curvature",
        ),
    ],
)
def test_bad_data_and_losses_are_named(task, error, message):
    network = seeded(Chain)
    channels = find_channels(network, torch.randn(1, 2, 5, 5))
    with pytest.raises(error, match=message):
        collect_statistics(network, task, channels)


def test_outputs_that_are_not_finite_are_refused():
    network = seeded(Chain)
    channels = find_channels(network, torch.randn(1, 2, 5, 5))
    with torch.no_grad():
        network.head.bias[0] = float("inf")
    with pytest.raises(NetworkError, match="NaN or infinite"):
        collect_statistics(network, regression(), channels)


def test_options_are_checked():
    network, task = seeded(Chain), regression()
    with pytest.raises(OptionError, match="probes is 10001"):
        measured(network, task, probes=10_001)
    with pytest.raises(OptionError, match="probes is -1"):
        measured(network, task, probes=-1)


def test_without_probes_there_is_no_fisher_matrix_of_any_kind():
    network, task = seeded(Chain), regression()
    statistics = measured(network, task, probes=0)
    assert statistics.fisher == ()
    assert statistics.rows == (0, 0)
    for use in (
        fisher_matrix,
        reliability,
        lambda s: list(fisher_blocks(s)),
        lambda s: s.fisher_diagonal,
        fisher_qubo,
        residual_qubo,
        lambda s: hybrid_qubo(s, fisher_kind="true"),
    ):
        with pytest.raises(OptionError, match=r"probes=0.*\n.*probes=20"):
            use(statistics)
    with pytest.raises(OptionError, match="across_groups"):
        measured(network, task, probes=0, across_groups=True)


def test_a_scalar_loss_is_taken_sample_by_sample():
    network, task = seeded(Chain), regression()
    summed = Task(task.calibration, lambda o, t: (o - t).square().sum())
    single = Task(task.calibration, lambda o, t: (o - t).square().flatten(1).sum(1))
    np.testing.assert_allclose(
        gradients(network, summed), gradients(network, single), rtol=1e-5, atol=1e-6
    )


def test_a_generator_is_refused_as_a_split():
    with pytest.raises(DataError, match="only once"):
        Task(((torch.ones(1), torch.ones(1)) for _ in range(2)), mse)
