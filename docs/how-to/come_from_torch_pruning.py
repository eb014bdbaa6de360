"""One network made smaller by secateur and, where it is installed, by Torch-Pruning.

    pip install torch-pruning==1.6.1        # if you want both
    python come_from_torch_pruning.py

Both prune half of the channels of every layer, and nothing is trained afterwards.
"""

from __future__ import annotations

import copy
from importlib.util import find_spec

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

import secateur
from secateur.metric import evaluate
from secateur.problem import exactly


class Net(nn.Module):
    """Digits of 8 × 8: a residual block and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32))
        self.one = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32))
        self.two = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32))
        self.head = nn.Linear(32 * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        x = torch.relu(x + self.two(torch.relu(self.one(x))))
        return self.head(F.adaptive_avg_pool2d(x, 2).flatten(1))


def accuracy(outputs: Tensor, labels: Tensor) -> Tensor:
    return (outputs.argmax(1) == labels).float()


def trained() -> tuple[Net, secateur.Task]:
    """The network, and what it is for."""
    images, labels = load_digits(return_X_y=True)
    x = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 8 - 1
    batches = list(zip(x.split(64), torch.tensor(labels).split(64), strict=True))
    train, choose, test = batches[:17], batches[17:22], batches[22:]
    torch.manual_seed(0)
    network = Net()
    adam = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(6):
        for inputs, classes in train:
            adam.zero_grad()
            F.cross_entropy(network(inputs), classes).backward()
            adam.step()
    task = secateur.Task(
        calibration=train[:8],
        selection=choose,
        test=test,
        loss=F.cross_entropy,
        likelihood="categorical",
        metric=accuracy,
        metric_name="accuracy",
    )
    return network.eval(), task


def by_torch_pruning(network: Net, task: secateur.Task) -> nn.Module:
    """Taylor importance; it changes the network that it is given, so that gets a copy."""
    import torch_pruning as tp

    network = copy.deepcopy(network)
    batches = list(task.calibration)
    example = batches[0][0][:1]
    for inputs, classes in batches:
        (F.cross_entropy(network(inputs), classes) / len(batches)).backward()
    pruner = tp.pruner.BasePruner(
        network,
        example,
        importance=tp.importance.GroupTaylorImportance(),
        pruning_ratio=0.5,
        ignored_layers=[network.head],
    )
    pruner.step()
    network.zero_grad(set_to_none=True)
    return network.eval()


def by_secateur(network: Net, task: secateur.Task) -> secateur.PruningResult:
    """The same share of every layer; the head stays by itself."""
    measured = secateur.measure(network, task, probes=4)
    labels = measured.channels.labels
    halves = [exactly(group.size // 2, labels[group.slice]) for group in measured.channels.groups]
    return measured.prune("taylor", constraints=halves)


def main() -> None:
    network, task = trained()
    result = by_secateur(network, task)
    dense, row = result.rows[0], result.rows[-1]
    print(f"dense                     {dense.macs} MACs  accuracy {dense.metric:.3f}")
    if find_spec("torch_pruning"):
        pruned = by_torch_pruning(network, task)
        print(
            f"Torch-Pruning             {macs(pruned)} MACs  accuracy {evaluate(pruned, task):.3f}"
        )
    print(f"secateur, as it is cut    {row.macs} MACs  accuracy {row.metric:.3f}")
    print(f"secateur, compensated     {row.macs} MACs  accuracy {row.metric_compensated:.3f}")


def macs(network: nn.Module) -> int:
    """Multiply-accumulates of one sample."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 1, 8, 8))
    return counter.get_total_flops() // 2


if __name__ == "__main__":
    main()
