"""Networks whose second layer is one kind of contraction, and its fit computed another way."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Behind(nn.Module):
    """A layer that makes channels, a non-linearity, the layer under test, and a head behind."""

    def __init__(self, first: nn.Module, second: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.first, self.second, self.head = first, second, head

    def middle(self, x: Tensor) -> Tensor:
        return torch.relu(self.first(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.second(self.middle(x))))


class FunctionalConvolution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(4, 6, 3, 3) * 0.2)
        self.b = nn.Parameter(torch.randn(4) * 0.2)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.w, self.b, padding=1)


class Product(nn.Module):
    """``x @ w``, ``x @ w.t()`` or, left, ``w @ x``."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.w = nn.Parameter(
            torch.randn(4, 6) * 0.3 if how != "right" else torch.randn(6, 4) * 0.3
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "left":
            return (self.w @ x.transpose(1, 2)).transpose(1, 2)
        if self.how == "einsum":
            return torch.einsum("btc,oc->bto", x, self.w)
        return x @ (self.w if self.how == "right" else self.w.t())


class Stack(nn.Module):
    """A matrix for each of three experts."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(3, 6, 4) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        return (x.unsqueeze(1) @ self.w).sum(1)


def conv2d(second: nn.Module, out: int, first: int = 6) -> tuple[nn.Module, Tensor]:
    network = Behind(nn.Conv2d(2, first, 3, padding=1), second, nn.Conv2d(out, 2, 1))
    return network, torch.randn(16, 2, 7, 7)


def deep(second: nn.Module, out: int) -> tuple[nn.Module, Tensor]:
    """A depthwise layer loses its inputs with its outputs; what it lacks comes from further up."""
    first = nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.Tanh(), nn.Conv2d(8, 6, 1))
    return Behind(first, second, nn.Conv2d(out, 2, 1)), torch.randn(16, 2, 7, 7)


def linear(second: nn.Module, out: int = 4) -> tuple[nn.Module, Tensor]:
    network = Behind(nn.Linear(5, 6), second, nn.Linear(out, 2))
    return network, torch.randn(20, 7, 5)


def build(kind: str) -> tuple[nn.Module, Tensor]:
    """The network and all its calibration inputs, in double precision."""
    torch.manual_seed(3)
    makers = {
        "conv1d": lambda: (
            Behind(
                nn.Conv1d(2, 6, 3, padding=1),
                nn.Conv1d(6, 4, 3, stride=2, padding=2, dilation=2),
                nn.Conv1d(4, 2, 1),
            ),
            torch.randn(16, 2, 15),
        ),
        "conv2d": lambda: conv2d(nn.Conv2d(6, 4, 3, stride=2, padding=(1, 2)), 4),
        "conv2d reflect": lambda: conv2d(
            nn.Conv2d(6, 4, 3, padding=1, padding_mode="reflect", dilation=(1, 1)), 4
        ),
        "conv2d same": lambda: conv2d(nn.Conv2d(6, 4, 3, padding="same", dilation=(1, 2)), 4),
        "conv2d without bias": lambda: conv2d(nn.Conv2d(6, 4, 3, bias=False), 4),
        "conv3d": lambda: (
            Behind(
                nn.Conv3d(1, 6, 3, padding=1),
                nn.Conv3d(6, 3, (2, 3, 1), stride=(1, 2, 1), padding=(1, 0, 1)),
                nn.Conv3d(3, 2, 1),
            ),
            torch.randn(8, 1, 4, 5, 4),
        ),
        "transposed": lambda: conv2d(
            nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1), 4
        ),
        "transposed dilated": lambda: conv2d(
            nn.ConvTranspose2d(6, 4, (3, 2), stride=(1, 3), padding=(3, 0), dilation=2), 4
        ),
        "transposed grouped": lambda: conv2d(nn.ConvTranspose2d(6, 6, 3, stride=2, groups=3), 6),
        "transposed 1d": lambda: (
            Behind(
                nn.Conv1d(2, 6, 3, padding=1),
                nn.ConvTranspose1d(6, 4, 4, stride=2, padding=1, bias=False),
                nn.Conv1d(4, 2, 1),
            ),
            torch.randn(16, 2, 9),
        ),
        "grouped": lambda: conv2d(nn.Conv2d(6, 6, 3, padding=1, groups=3), 6),
        "depthwise": lambda: deep(nn.Conv2d(6, 6, 3, padding=1, groups=6), 6),
        "depthwise multiplied": lambda: deep(
            nn.Conv2d(6, 12, 3, stride=2, groups=6, bias=False), 12
        ),
        "linear": lambda: linear(nn.Linear(6, 4)),
        "linear without bias": lambda: linear(nn.Linear(6, 4, bias=False)),
        "functional convolution": lambda: conv2d(FunctionalConvolution(), 4),
        "x @ w": lambda: linear(Product("right")),
        "x @ w'": lambda: linear(Product("turned")),
        "w @ x": lambda: linear(Product("left")),
        "einsum": lambda: linear(Product("einsum")),
    }
    network, inputs = makers[kind]()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return network.double().eval(), inputs.double()


KINDS = (
    "conv1d",
    "conv2d",
    "conv2d reflect",
    "conv2d same",
    "conv2d without bias",
    "conv3d",
    "transposed",
    "transposed dilated",
    "transposed grouped",
    "transposed 1d",
    "grouped",
    "depthwise",
    "depthwise multiplied",
    "linear",
    "linear without bias",
    "functional convolution",
    "x @ w",
    "x @ w'",
    "w @ x",
    "einsum",
)


def refit(
    layer: nn.Module, inputs: Tensor, wanted: Tensor, ridge: float, dim: int
) -> dict[str, np.ndarray]:
    """Ridge regression of a layer by ``lstsq``, its columns found by probing it.

    The layer is linear in its weight, so its output with one entry set to 1 is that entry's column,
    whatever kind of layer it is.

    Arguments:
        layer: has one weight, and a bias or none.
        inputs: of it, in the pruned network.
        wanted: what it should compute.
        ridge: in units of the mean square of the columns that are not all zero.
        dim: of the output's channels.
    """
    parameters = dict(layer.named_parameters())
    name = "weight" if "weight" in parameters else "w"
    shift = next((n for n in ("bias", "b") if n in parameters), None)
    zero = {n: torch.zeros_like(p) for n, p in parameters.items()}

    def out(changes: dict[str, Tensor]) -> Tensor:
        with torch.no_grad():
            return torch.func.functional_call(layer, {**zero, **changes}, (inputs,))

    columns = []
    for k in range(parameters[name].numel()):
        probe = torch.zeros_like(parameters[name])
        probe.view(-1)[k] = 1.0
        columns.append(out({name: probe}).movedim(dim, 0).flatten(1).numpy())
    design = np.stack(columns)  # (entries, outputs, positions)
    target = wanted.movedim(dim, 0).flatten(1).numpy()
    energy = np.square(design).sum((1, 2))
    row_of = np.abs(design).sum(2).argmax(1)
    old = parameters[name].detach().flatten().numpy()
    new, shifts = old.copy(), np.zeros(len(target))
    if shift is not None:
        shifts = parameters[shift].detach().numpy().copy()
    for row in range(len(target)):
        mine = np.flatnonzero((row_of == row) & (energy > 0))
        if not len(mine):
            continue
        pull = np.sqrt(ridge * energy[mine].mean())
        left = np.vstack([design[mine, row].T, pull * np.eye(len(mine))])
        right = np.concatenate([target[row], pull * old[mine]])
        if shift is not None:
            ones = np.concatenate([np.ones(target.shape[1]), np.zeros(len(mine))])
            left = np.hstack([left, ones[:, None]])
        found = np.linalg.lstsq(left, right, rcond=None)[0]
        new[mine] = found[: len(mine)]
        if shift is not None:
            shifts[row] = found[-1]
    result = {name: new.reshape(parameters[name].shape)}
    if shift is not None:
        result[shift] = shifts
    return result
