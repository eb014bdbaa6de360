"""Files that pages take for granted: the reader's own network, data and problems.

A page names them at its top: ``<!-- needs: mymodel.py, halfunet.bqm -->``. They are small, so that
every page can be run; a file that stands for a real one says so here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

MODEL = '''"""The reader's network."""

import torch
from torch import nn


class Model(nn.Module):
    """Images of 8 × 8, ten classes."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 16, 3, padding=1)
        self.second = nn.Conv2d(16, 16, 3, padding=1)
        self.last = nn.Linear(16, 10)

    def forward(self, x):
        x = torch.relu(self.second(torch.relu(self.first(x))))
        return self.last(x.mean((2, 3)))


def build():
    torch.manual_seed(0)
    return Model()
'''

TASK = '''"""The reader's data, loss and metric."""

import torch
from torch.nn.functional import cross_entropy

import secateur


def batches(seed, number):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(number):
        x = torch.randn(16, 1, 8, 8, generator=generator)
        yield x, (x.mean((1, 2, 3)) * 20).clamp(-4, 5).long() + 4


def accuracy(outputs, targets):
    return (outputs.argmax(1) == targets).float()


def task():
    return secateur.Task(
        name="reader",
        calibration=list(batches(1, 4)),
        selection=list(batches(2, 2)),
        test=list(batches(3, 2)),
        loss=cross_entropy,
        metric=accuracy,
        metric_name="accuracy",
    )
'''


def model(path: Path) -> None:
    """``mymodel:build``."""
    path.write_text(MODEL)


def task(path: Path) -> None:
    """``mytask:task``."""
    path.write_text(TASK)


def weights(path: Path) -> None:
    """Of ``mymodel:build``, trained for a moment."""
    from safetensors.torch import save_file

    save_file(_state(), path)


def checkpoint(path: Path) -> None:
    """As trainings write it, with the running mean of the weights under ``ema``."""
    import torch

    torch.save({"ema": _state(), "epoch": 3}, path)


def _state() -> dict[str, object]:
    import torch

    names: dict[str, object] = {"__name__": "reader"}
    exec(MODEL, names)
    exec(TASK, names)
    network = names["build"]()  # type: ignore[operator]
    adam = torch.optim.Adam(network.parameters(), 1e-2)
    for x, y in names["batches"](1, 20):  # type: ignore[operator]
        adam.zero_grad()
        names["cross_entropy"](network(x), y).backward()  # type: ignore[operator]
        adam.step()
    return {name: tensor.detach() for name, tensor in network.state_dict().items()}


def half(path: Path) -> None:
    """480 variables in layers, as the Half-UNet's QUBO has them; drawn, not measured."""
    import dimod
    import numpy as np

    from secateur.files import save_bqm

    draw = np.random.default_rng(0)
    bqm = dimod.BinaryQuadraticModel("BINARY")
    for layer, width in enumerate([32, 32, 64, 64, 96, 96, 64, 32]):
        names = [f"layer{layer}:{k}" for k in range(width)]
        bqm.add_linear_from(zip(names, draw.exponential(1.0, width), strict=True))
        shares = draw.normal(size=(width, 4)) * 0.1
        bqm.add_quadratic_from(
            (names[i], names[j], float(shares[i] @ shares[j]))
            for i in range(width)
            for j in range(i)
        )
    save_bqm(bqm, path)


def small(path: Path) -> None:
    """Twelve variables."""
    import dimod
    import numpy as np

    from secateur.files import save_bqm

    draw = np.random.default_rng(1)
    bqm = dimod.BinaryQuadraticModel("BINARY")
    names = [f"v{k}" for k in range(12)]
    bqm.add_linear_from(zip(names, draw.normal(size=12).round(2), strict=True))
    bqm.add_quadratic_from(
        (names[i], names[j], float(draw.normal().__round__(2))) for i in range(12) for j in range(i)
    )
    save_bqm(bqm, path)


FILES: dict[str, Callable[[Path], None]] = {
    "mymodel.py": model,
    "mytask.py": task,
    "w.safetensors": weights,
    "checkpoint.pt": checkpoint,
    "halfunet.bqm": half,
    "small.bqm": small,
}


def lay_out(names: Iterable[str]) -> None:
    """Write the files of these names into the current folder.

    Raises:
        KeyError: nothing is known of a name.
    """
    for name in names:
        FILES[name](Path(name))
