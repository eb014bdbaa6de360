"""The one evaluator, against plain loops over the samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import secateur
from secateur.errors import DataError, MetricError
from secateur.metric import Evaluator, evaluate, mean_metric, run_batch
from secateur.network import as_call, find_channels
from secateur.surgery import cut as cut_of
from secateur.tasks.batches import Batch
from tests.end_to_end.own import batches, deep


def data(seed):
    """Batches of unequal sizes: a mean of means would be another number."""
    whole = batches(seed)
    return [whole[0], tuple(part[:3] for part in whole[1]), tuple(part[:1] for part in whole[2])]


@pytest.fixture(scope="module")
def task():
    return secateur.Task(
        data(0), loss=nn.functional.cross_entropy, likelihood="categorical",
        metric=lambda outputs, labels: outputs.softmax(1).gather(1, labels[:, None])[:, 0],
        selection=data(1), test=data(2),
    )  # fmt: skip


@pytest.fixture(scope="module")
def network():
    return deep().eval()


def by_hand(network, task, samples):
    with torch.no_grad():
        values = [task.metric(network(x[None]), y[None]) for xs, ys in samples
                  for x, y in zip(xs, ys, strict=True)]  # fmt: skip
    return float(torch.cat(values).double().mean())


def test_a_mean_is_over_samples_of_the_split(network, task):
    for split, seed in (("calibration", 0), ("selection", 1), ("test", 2)):
        expected = by_hand(network, task, data(seed))
        assert evaluate(network, task, split) == pytest.approx(expected, rel=1e-6)
    assert evaluate(network, task) == evaluate(network, task, "test")


def test_every_state_of_a_network(network, task):
    channels = find_channels(network, as_call(data(0)[0][0][:1]))
    keep = np.arange(len(channels)) % 3 != 0
    other = deep()
    with torch.no_grad():
        other.fc[2].bias += torch.tensor([1.0, 0.0, -1.0])
    evaluator = Evaluator(network, channels, task, compensate=lambda kept: other)
    slim = cut_of(network, channels, keep)
    for split in ("test", "selection"):
        assert evaluator.dense(split) == evaluate(network, task, split)
        assert evaluator.slim(other, split) == evaluate(other, task, split)
        cut = evaluate(slim, task, split)
        assert evaluator.masked(keep, split) == pytest.approx(cut, rel=1e-5)
        runner = evaluator.cutting(keep)
        assert mean_metric(runner, task, task.batches(split, torch.device("cpu"))) == cut
        fitted = evaluate(cut_of(other, channels, keep), task, split)
        assert evaluator.compensated(keep, split) == fitted
    assert evaluator.masked(keep) != evaluator.masked(~keep)
    assert evaluator.masked(np.ones_like(keep)) == pytest.approx(evaluator.dense(), rel=1e-6)
    bare = Evaluator(network, channels, task)
    with pytest.raises(AssertionError, match="made without compensation"):
        bare.compensated(keep)


def test_no_gradient_is_kept_and_modes_are_put_back(task):
    network = deep().train()
    grads = []

    def runner(batch):
        grads.append(torch.is_grad_enabled())
        return network(*batch.call.args)

    mean_metric(runner, task, task.batches("test", torch.device("cpu")))
    assert grads == [False] * 3
    assert network.training
    before = network.stem[1].running_mean.clone()
    evaluate(network, task)
    assert network.training
    assert torch.equal(network.stem[1].running_mean, before), "it was run in evaluation mode"
    assert torch.is_grad_enabled()


class Fails(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def forward(self, x, scale=1.0):
        if self.error is not None:
            raise self.error
        return scale * x


@pytest.mark.parametrize(
    "error",
    [RuntimeError("odd"), TypeError("odd"), ValueError("odd"), IndexError("odd"), KeyError("odd")],
)
def test_a_network_that_fails_on_the_data_is_told(error):
    batch = Batch(as_call(torch.zeros(2, 3)), None, 2)
    with pytest.raises(DataError, match=r"fails on an input of shape \(2, 3\)") as caught:
        run_batch(Fails(error), batch)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("full"), AttributeError("own")])
def test_what_is_no_matter_of_the_data_goes_through(error):
    batch = Batch(as_call(torch.zeros(2, 3)), None, 2)
    with pytest.raises(type(error)) as caught:
        run_batch(Fails(error), batch)
    assert caught.value is error


def test_inputs_by_name_are_given_by_name():
    batch = Batch(as_call({"x": torch.ones(2, 3), "scale": torch.tensor(3.0)}), None, 2)
    assert torch.equal(run_batch(Fails(None), batch), torch.full((2, 3), 3.0))


def test_a_metric_that_is_no_number_a_sample(network):
    for metric in (
        lambda out, labels: out.softmax(1),
        lambda out, labels: out[:, 0] * float("inf"),
    ):
        bad = secateur.Task(
            data(0), loss=nn.functional.cross_entropy, metric=metric, likelihood="categorical"
        )
        with pytest.raises(MetricError):
            evaluate(network, bad)


@pytest.mark.parametrize(
    ("network", "inputs", "remedy"),
    [
        (torch.nn.Linear(3, 2).half(), torch.zeros(2, 3), "network.float(), or convert the inputs"),
        (torch.nn.Linear(3, 2).double(), torch.zeros(2, 3), "the weights are float64 and the inp"),
        (torch.nn.Linear(3, 2), torch.zeros(2, 3).long(), "the inputs int64: give x.float()"),
        (torch.nn.Linear(3, 2), torch.zeros(2, 4), "give inputs of the shape"),
        (torch.nn.Embedding(3, 2), torch.zeros(2).half(), "give inputs of the shape"),
    ],
)
def test_inputs_of_another_type_are_not_told_to_have_another_shape(network, inputs, remedy):
    with pytest.raises(DataError, match="the network fails on an input") as caught:
        run_batch(network, Batch(as_call(inputs), None, 2))
    assert remedy in caught.value.remedy
