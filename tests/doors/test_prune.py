"""From the data and networks that people have to a smaller network, in one call."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.utils.data import DataLoader, TensorDataset

import secateur
from secateur.errors import DataError, NetworkError
from secateur.methods.measuring import Measuring
from secateur.pruning.subject import look_at
from secateur.statistics import fingerprint_data
from secateur.tasks import Task
from tests.doors.nets import Boxes, Holding, Tokens, TwoInputs, cross_entropy, tokens, two_inputs
from tests.nets import Residual, classification, seeded


def state(network: nn.Module) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in network.state_dict().items()}


def by_hand(network: nn.Module, task: Task, loss: Any) -> float:
    """The mean of a loss over single samples, with none of our slicing."""
    values = []
    with torch.no_grad():
        for batch in task.batches("test"):
            for k in range(batch.size):
                one = batch.take(k)
                values.append(float(loss(network(*one.call.args, **one.call.kwargs), one.targets)))
    return sum(values) / len(values)


def pruned(network: nn.Module, task: Task, amount: int = 3, **options: Any) -> Any:
    """Pruned, and all that is promised of any network held against it."""
    before, modes = state(network), [m.training for m in network.modules()]
    result = secateur.prune(network, task, amount=amount, probes=3, **options)
    assert result.selection.count == amount
    assert [m.training for m in network.modules()] == modes
    assert state(network).keys() == before.keys()
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    row = result.rows[-1]
    told = row.metric if row.metric_compensated is None else row.metric_compensated
    assert told == pytest.approx(-by_hand(result.network, task, task.loss), abs=1e-5)
    assert row.parameters < result.rows[0].parameters
    return result


def mean_cross_entropy(outputs: Any, labels: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(outputs, labels)


@pytest.mark.parametrize("names", [False, True])
def test_two_inputs_and_a_last_batch_of_one(names):
    data: list[Any] = two_inputs()
    if names:
        data = [({"number": pair[1], "image": pair[0]}, labels) for pair, labels in data]
    task = Task(data, mean_cross_entropy, likelihood="categorical")
    result = pruned(seeded(TwoInputs), task)
    assert result.statistics.samples == 4
    assert set(result.channels.keep_by_layer(result.selection.bits == 0)) == {
        "image",
        "number",
    }


def test_how_the_inputs_are_given_changes_nothing():
    pairs = two_inputs()
    ways = [
        Task(pairs, mean_cross_entropy, likelihood="categorical"),
        Task(
            [{"image": x, "number": n, "y": y} for (x, n), y in pairs],
            mean_cross_entropy,
            likelihood="categorical",
            targets="y",
        ),
        Task(
            [(x, n, y) for (x, n), y in pairs],
            mean_cross_entropy,
            likelihood="categorical",
            adapter=lambda batch: (batch[:2], batch[2]),
        ),
    ]
    results = [secateur.prune(seeded(TwoInputs), task, amount=4, probes=3) for task in ways]
    assert len({result.selection.ones for result in results}) == 1
    assert len({result.rows[-1].metric_compensated for result in results}) == 1


@pytest.mark.parametrize("kind", ["tensor", "tuple", "dict", "dataclass"])
def test_language_models_give_what_they_give(kind):
    task = Task(tokens(), cross_entropy, likelihood="categorical", targets="labels")
    result = pruned(seeded(Tokens, kind), task, amount=2)
    with torch.no_grad():
        out = result.network(**task.example().kwargs)
    assert type(out).__name__ == {"tensor": "Tensor", "dataclass": "Output"}.get(kind, kind)
    same = Task(tokens(), cross_entropy, likelihood="categorical", targets="labels")
    tensor = secateur.prune(seeded(Tokens, "tensor"), same, amount=2, probes=3)
    assert result.statistics.loss == pytest.approx(tensor.statistics.loss, rel=1e-6)


def test_a_detector_with_a_list_of_boxes_for_every_image():
    generator = torch.Generator().manual_seed(0)

    def boxes(n: int) -> dict[str, torch.Tensor]:
        return {"boxes": torch.rand(n, 4, generator=generator)}

    # two images, two boxes in each: dimension 0 of the boxes is as long as the batch by chance
    data = [
        (torch.randn(len(counts), 2, 5, 5, generator=generator), [boxes(n) for n in counts])
        for counts in ((2, 2), (0, 3, 1))
    ]

    def loss(outputs, targets):
        total = outputs["scores"].square().mean()
        for k, target in enumerate(targets):
            here = outputs["boxes"][k].mean((1, 2))
            total = total + (target["boxes"] - here).square().sum() / len(targets)
        return total

    result = pruned(seeded(Boxes), Task(data, loss), amount=2)
    assert result.statistics.samples == 5


def test_images_without_labels_of_different_sizes():
    generator = torch.Generator().manual_seed(0)
    images = [torch.randn(n, 2, side, side, generator=generator) for n, side in ((2, 6), (1, 9))]
    network = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 2, 1)).eval()
    bare = Task(images, lambda outputs, _: outputs.square().mean())
    pruned(network, bare, amount=2)
    auto = Task(images, F.mse_loss, adapter=lambda x: (x, x))
    pruned(network, auto, amount=2, refine=secateur.Exchange(evaluations=4))


@pytest.mark.parametrize(
    ("wrap", "said"),
    [
        (nn.DataParallel, "wrapped by DataParallel"),
        (lambda n: torch.compile(n, backend="eager"), "wrapped by torch.compile"),
    ],
)
def test_wrapped_networks(wrap, said, tmp_path):
    task = classification()
    plain = secateur.prune(seeded(Residual), task, "fisher", amount=3, probes=3)
    result = secateur.prune(wrap(seeded(Residual)), task, "fisher", amount=3, probes=3)
    assert result.selection.ones == plain.selection.ones
    assert type(result.network) is Residual
    assert said in str(result).splitlines()[-1]
    assert said in result.to_json()["notes"][0]
    assert plain.notes == ()
    from secateur.report import save_result

    save_result(result, tmp_path / "out", wrap(seeded(Residual)))
    assert said in json.loads((tmp_path / "out" / "result.json").read_text())["notes"][0]
    again = secateur.load_slim(wrap(seeded(Residual)), tmp_path / "out")
    x = torch.randn(2, 2, 5, 5)
    assert torch.equal(again(x), result.network(x))


def test_weight_norm_is_baked_and_the_rest_is_as_without_it():
    task = classification()
    network = seeded(Residual)
    plain = secateur.prune(network, task, amount=3, probes=3)
    normed = seeded(Residual)
    for layer in (normed.stem, normed.inner, normed.out):
        parametrizations.weight_norm(layer)
    result = secateur.prune(normed, task, amount=3, probes=3)
    assert result.selection.ones == plain.selection.ones
    assert set(result.network.state_dict()) == set(network.state_dict())
    assert "weight norm baked into plain weights" in str(result)
    assert nn.utils.parametrize.is_parametrized(normed.stem)
    assert result.rows[0].metric == pytest.approx(plain.rows[0].metric, abs=1e-6)


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_inside_no_grad_and_inference_mode(around):
    plain = secateur.prune(seeded(Residual), classification(), amount=3, probes=3)
    with around():
        result = secateur.prune(seeded(Residual), classification(), amount=3, probes=3)
        assert not torch.is_grad_enabled()
    assert result.selection.ones == plain.selection.ones
    assert result.rows[-1].metric_compensated == plain.rows[-1].metric_compensated
    result.network(torch.randn(2, 2, 5, 5)).sum().backward()  # it can be trained
    assert all(p.grad is not None for p in result.network.parameters())


def test_a_network_that_holds_on_to_what_it_computed():
    generator = torch.Generator().manual_seed(0)
    data = [
        (
            torch.randn(4, 4, generator=generator),
            torch.randint(0, 3, (4,), generator=generator),
        )
    ]
    network = seeded(Holding)
    network(data[0][0]).sum().backward()
    held = network.last
    pruned(network, Task(data, mean_cross_entropy, likelihood="categorical"))
    assert network.last is held
    assert network.seen[0] is held
    assert len(network.seen) == 1


def test_a_loader_with_shuffling_workers_and_a_smaller_last_batch():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(7, 2, 5, 5, generator=generator)
    y = torch.randint(0, 3, (7,), generator=generator)
    loader = DataLoader(TensorDataset(x, y), batch_size=3, shuffle=True)
    task = Task(loader, mean_cross_entropy, likelihood="categorical")
    before = torch.get_rng_state()
    result = pruned(seeded(Residual), task)
    assert result.statistics.samples == 7
    torch.manual_seed(5)  # whatever has been drawn before
    again = secateur.prune(seeded(Residual), task, amount=3, probes=3)
    assert again.selection.energy == result.selection.energy
    assert again.statistics.data == result.statistics.data == fingerprint_data(task)
    pairs = zip(again.statistics.fisher, result.statistics.fisher, strict=True)
    assert all((one == other).all() for one, other in pairs)
    torch.set_rng_state(before)
    secateur.prune(seeded(Residual), task, amount=3, probes=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_couplings_across_groups_are_measured_where_an_objective_wants_them():
    within, across = (
        secateur.prune(
            seeded(Residual),
            classification(),
            "fisher",
            amount=3,
            probes=3,
            objective_options=options,
        )
        for options in ({}, {"across_groups": True})
    )
    assert within.statistics.fisher_across is None
    n = len(across.statistics.channels)
    assert across.statistics.fisher_across.shape == (n, n)


@pytest.mark.parametrize(
    ("network", "task", "error", "said"),
    [
        (Residual, classification(), NetworkError, r"pass an instance: Residual\(…\)"),
        (seeded(Residual), [1, 2], DataError, "the task is a list\n.*secateur.Task"),
        (
            seeded(Tokens),
            Task([{**tokens()[0], "id": ["a", "b", "c"]}], cross_entropy, targets="labels"),
            DataError,
            r"Tokens.forward\(input_ids.*unexpected keyword argument 'id'.*\n.*targets=",
        ),
        (
            seeded(Residual),
            Task([torch.ones(2, 2, 5, 5)], F.cross_entropy, likelihood="categorical"),
            secateur.SecateurError,
            r"the loss raised .*targets None",
        ),
    ],
)
def test_what_is_wrong_at_the_door_is_said_there(network, task, error, said):
    with pytest.raises(error, match=said):
        secateur.prune(network, task, amount=2, probes=2)


def test_what_is_odd_about_a_pruning_is_a_note():
    task = classification()
    kept = secateur.prune(seeded(Residual), task, "l1", budget={"macs": 10**9}, probes=0)
    assert kept.selection.count == 0
    assert kept.notes == (
        "nothing was pruned: the dense network keeps the budget macs = 1000000000 as it is",
    )
    assert kept.notes[0] in str(kept)
    regression = dataclasses.replace(task, loss=F.cross_entropy, likelihood="gaussian")
    (told,) = look_at(seeded(Residual), regression, Measuring(probes=1)).notes
    assert told.startswith("the loss is cross_entropy, and the likelihood gaussian")
    assert look_at(seeded(Residual), regression, Measuring(probes=0)).notes == ()
    assert look_at(seeded(Residual), task, Measuring(probes=1)).notes == ()


def test_where_norms_keep_everything_the_other_way_is_told():
    network = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 2)).eval()
    data = [(torch.randn(8, 4), torch.randn(8, 2))]
    with pytest.raises(NetworkError, match="nothing can be pruned") as caught:
        secateur.prune(network, Task(data, F.mse_loss), "l1", amount=3, probes=0)
    assert 'norm_over="kept" (--norm-over kept)' in caught.value.remedy
    kept = secateur.prune(network, Task(data, F.mse_loss), amount=3, probes=2, norm_over="kept")
    assert kept.selection.count == 3
    with pytest.raises(NetworkError, match="nothing can be pruned") as caught:
        secateur.prune(network[2:], Task([(torch.randn(8, 8), data[0][1])], F.mse_loss), amount=1)
    assert "more than one layer" in caught.value.remedy
