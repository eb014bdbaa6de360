"""Fisher probes at outputs of every kind, against the full Hessian of the loss."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import hessian
from torch.nn import functional as F

from secateur.errors import MetricError
from secateur.statistics.probes import fisher_probes
from secateur.tasks import Task
from tests.doors.nets import Output, cross_entropy

SEED = torch.Generator().manual_seed(3)
DATA = [(torch.ones(1), torch.ones(1))]


def mean_square(task: Task, outputs, targets, pick, probes=6000) -> Tensor:
    """``E[vv']`` of each sample's probes at one output, shape (batch, k, k)."""
    generator = torch.Generator().manual_seed(0)
    total = 0
    for probe in fisher_probes(task, outputs, targets, probes, generator):
        (vector,) = [v for tensor, v in probe if tensor is pick(outputs)]
        flat = vector.reshape(len(vector), -1)
        total = total + flat[:, :, None] * flat[:, None, :]
    return total / probes


def exact(loss, logits: Tensor, targets) -> Tensor:
    """The Hessian of each sample's loss at its own outputs."""
    found = []
    for sample in range(len(logits)):
        one = slice(sample, sample + 1)
        matrix = hessian(lambda x, one=one: loss(x, targets[one]).sum(), logits[one])
        size = logits[0].numel()
        found.append(matrix.reshape(size, size))
    return torch.stack(found)


def close(found: Tensor, wanted: Tensor) -> None:
    scale = wanted.abs().amax((1, 2), keepdim=True)
    assert ((found - wanted) / scale).abs().max() < 0.06


def test_language_models_with_padding_and_the_class_in_the_last_dimension():
    """Padding counts nothing, and the softmax is over words: neither is said by the user."""
    logits = torch.randn(2, 4, 3, generator=SEED)
    labels = torch.tensor([[0, 2, -100, -100], [1, 1, 0, 2]])
    task = Task(DATA, cross_entropy, likelihood="categorical")
    wanted = exact(cross_entropy, logits, labels)
    close(mean_square(task, logits, labels, lambda o: o), wanted)
    assert wanted[0, 6:].abs().max() == 0


@pytest.mark.parametrize("wrap", ["dict", "tuple", "dataclass"])
def test_logits_are_found_among_other_outputs(wrap):
    logits = torch.randn(2, 4, 3, generator=SEED)
    labels = torch.tensor([[0, 2, -100, 1], [1, 1, 0, 2]])
    hidden = torch.randn(2, 4, 6, generator=SEED)
    outputs = {
        "dict": {"hidden": hidden, "logits": logits},
        "tuple": (hidden, logits),
        "dataclass": Output(logits, hidden),
    }[wrap]
    task = Task(DATA, cross_entropy, likelihood="categorical")
    close(
        mean_square(task, outputs, labels, lambda _: logits), exact(cross_entropy, logits, labels)
    )


def test_dense_predictions_have_their_class_in_dimension_1():
    logits = torch.randn(2, 3, 2, 2, generator=SEED)
    labels = torch.randint(0, 3, (2, 2, 2), generator=SEED)
    weight = torch.tensor([0.5, 1.0, 3.0])

    def loss(outputs, labels):
        return F.cross_entropy(outputs, labels, weight=weight, reduction="none").flatten(1).sum(1)

    task = Task(DATA, loss, likelihood="categorical")
    close(mean_square(task, logits, labels, lambda o: o), exact(loss, logits, labels))


def test_one_logit_for_every_yes_or_no():
    logits = torch.randn(3, 4, generator=SEED)
    truth = (torch.rand(3, 4, generator=SEED) > 0.5).float()
    task = Task(DATA, F.binary_cross_entropy_with_logits, likelihood="bernoulli")
    wanted = exact(F.binary_cross_entropy_with_logits, logits, truth)
    close(mean_square(task, logits, truth, lambda o: o), wanted)
    single = torch.randn(3, generator=SEED)
    found = mean_square(task, single, truth[:, 0], lambda o: o)
    torch.testing.assert_close(
        found[:, 0, 0], single.sigmoid() * (1 - single.sigmoid()), rtol=0.1, atol=0.01
    )


def test_several_outputs_are_gaussian_each_with_its_own_curvature():
    outputs = {"a": torch.randn(2, 3, generator=SEED), "b": (torch.randn(2, 4, generator=SEED), 3)}
    targets = {"a": torch.zeros(2, 3), "b": torch.zeros(2, 4)}
    outputs["unused"] = torch.randn(2, 5, generator=SEED)

    def loss(o, t):
        return (o["a"] - t["a"]).square().mean(1) + 0.1 * (o["b"][0] - t["b"]).square().sum(1)

    task = Task(DATA, loss)
    found = mean_square(task, outputs, targets, lambda o: o["a"])
    close(found, 2 / 3 * torch.eye(3).expand(2, 3, 3))
    found = mean_square(task, outputs, targets, lambda o: o["b"][0])
    close(found, 0.2 * torch.eye(4).expand(2, 4, 4))
    tensors = {id(t) for t, _ in next(fisher_probes(task, outputs, targets, 1, SEED))}
    assert id(outputs["unused"]) not in tensors


def test_prediction_says_which_outputs_are_meant():
    a, b = torch.randn(2, 3, generator=SEED), torch.randn(2, 3, generator=SEED)
    labels = torch.tensor([0, 2])

    def loss(outputs, labels):
        first, second = outputs
        return F.cross_entropy(first, labels, reduction="none") + F.cross_entropy(
            second, labels, reduction="none"
        )

    unsaid = Task(DATA, loss, likelihood="categorical")
    with pytest.raises(MetricError, match=r"outputs\[0\], outputs\[1\].*\n.*prediction="):
        next(fisher_probes(unsaid, (a, b), labels, 1, SEED))
    said = Task(DATA, loss, likelihood="categorical", prediction=lambda outputs: outputs[1])
    close(
        mean_square(said, (a, b), labels, lambda o: b),
        exact(lambda x, t: F.cross_entropy(x, t, reduction="none"), b, labels),
    )
    both = Task(DATA, loss, likelihood="categorical", prediction=lambda outputs: sum(outputs))
    ((tensor, probe),) = next(fisher_probes(both, (a, b), labels, 1, SEED))
    assert torch.equal(tensor, a + b)
    assert probe.sum(1).abs().max() < 1e-6
    raising = Task(DATA, loss, likelihood="categorical", prediction=lambda o: {}["logits"])
    with pytest.raises(MetricError, match="prediction raised KeyError"):
        next(fisher_probes(raising, (a, b), labels, 1, SEED))
    all_of_it = Task(DATA, loss, likelihood="categorical", prediction=lambda o: o)
    with pytest.raises(MetricError, match="prediction gave a tuple"):
        next(fisher_probes(all_of_it, (a, b), labels, 1, SEED))


def binary(outputs, labels):
    return F.binary_cross_entropy_with_logits(outputs, labels, reduction="none").mean(1)


@pytest.mark.parametrize(
    ("loss", "outputs", "options", "said"),
    [
        (binary, torch.randn(2, 1), {"likelihood": "categorical"}, "no function of the softmax"),
        (binary, torch.randn(2, 3), {"likelihood": "categorical"}, "bernoulli"),
        (lambda o, t: o.abs().sum(1), torch.randn(2, 3), {}, "curvature 0"),
        (lambda o, t: -o.square().sum(1), torch.randn(2, 3), {}, "curvature -2"),
        (lambda o, t: o.detach().sum(1), torch.randn(2, 3), {}, "does not depend"),
        (lambda o, t: t, torch.ones(2, 3, dtype=torch.long), {}, "no floating-point tensor"),
        (
            lambda o, t: o.square().sum(1),
            torch.randn(2, 3),
            {"prediction": lambda o: o[:, :2]},
            "none of the network's outputs itself",
        ),
    ],
)
def test_a_likelihood_that_does_not_fit_is_refused(loss, outputs, options, said):
    targets = torch.ones(2, outputs.shape[1])
    with pytest.raises(MetricError, match=said):
        next(fisher_probes(Task(DATA, loss, **options), outputs, targets, 1, SEED))


def test_log_probabilities_are_logits_too():
    logits = torch.randn(3, 4, generator=SEED)
    labels = torch.tensor([0, 3, 1])
    task = Task(DATA, F.nll_loss, likelihood="categorical")
    found = mean_square(task, logits.log_softmax(1), labels, lambda o: o)
    close(found, exact(lambda x, t: F.cross_entropy(x, t, reduction="none"), logits, labels))


def test_inside_no_grad():
    outputs, targets = torch.randn(2, 3), torch.zeros(2, 3)
    for around in (torch.no_grad, torch.enable_grad):
        with around():
            ((_, probe),) = next(fisher_probes(Task(DATA, F.mse_loss), outputs, targets, 1, SEED))
            assert probe.shape == (2, 3)


def test_a_network_that_is_sure_of_itself():
    """Its derivatives drown in rounding; what the loss is like is found all the same."""
    labels = torch.tensor([[0, 2, -100, -100], [1, 1, 0, 2]])
    logits = 60.0 * F.one_hot(labels.clamp_min(0), 3).float() + torch.randn(2, 4, 3, generator=SEED)
    logits[:, 1] = torch.randn(2, 3, generator=SEED)  # but for one token of each sentence
    task = Task(DATA, cross_entropy, likelihood="categorical")
    found = mean_square(task, logits, labels, lambda o: o)
    close(found, exact(cross_entropy, logits, labels))
    sure = 60.0 * F.one_hot(labels.clamp_min(0), 3).float()
    ((_, probe),) = next(fisher_probes(task, sure, labels, 1, SEED))
    assert probe.abs().max() < 1e-20
