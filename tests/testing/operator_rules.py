"""A good rule for three operations, and many that are wrong; the kit is run on each."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from secateur.network.atoms import Made
from secateur.operators import Flow, Op
from secateur.testing import OperatorCase, OperatorConformance

LIBRARY = torch.library.Library("garden", "DEF")
LIBRARY.define("mix(Tensor x, Tensor weight) -> Tensor")
LIBRARY.define("blend(Tensor x, Tensor y) -> Tensor")


class _Mix(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return torch.einsum("bcl,oc->bol", x, weight)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        return torch.einsum("bol,oc->bcl", grad, weight), torch.einsum("bol,bcl->oc", grad, x)


class _Blend(torch.autograd.Function):
    """``x + y²``: no zero where one of both is zero."""

    @staticmethod
    def forward(ctx, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(y)
        return x + y * y

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:
        (y,) = ctx.saved_tensors
        return grad, 2 * y * grad


LIBRARY.impl("mix", lambda x, w: torch.einsum("bcl,oc->bol", x, w), "CPU")
LIBRARY.impl("blend", lambda x, y: x + y * y, "CPU")
LIBRARY.impl("mix", _Mix.apply, "AutogradCPU")
LIBRARY.impl("blend", _Blend.apply, "AutogradCPU")
mix, blend = torch.ops.garden.mix, torch.ops.garden.blend


class Between(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv1d(2, 6, 3, padding=1)
        self.weight = nn.Parameter(torch.randn(5, 6))
        self.head = nn.Conv1d(5, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(mix(torch.relu(self.stem(x)), self.weight)))


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(2, 6, 1), nn.Conv1d(2, 6, 3, padding=1)
        self.weight = nn.Parameter(torch.randn(4, 6))

    def forward(self, x: Tensor) -> Tensor:
        return mix(blend(self.one(x), torch.relu(self.two(x))), self.weight)


class Honest:
    """Both operations, told right."""

    ops = frozenset({"garden::mix", "garden::blend"})

    def flow(self, op: Op, flow: Flow) -> None:
        if op.name == "blend":
            self.blend(op, flow)
        else:
            self.mix(op, flow)

    def blend(self, op: Op, flow: Flow) -> None:
        flow.join(op, [op.args[0], op.args[1]], op.outs[0], "blend")

    def mix(self, op: Op, flow: Flow) -> None:
        x, weight, out = op.args[0], op.args[1], op.outs[0]
        inputs, made = flow.atoms.row(x, 1), flow.atoms.row(weight, 0)
        flow.atoms.tie(inputs, flow.atoms.row(weight, 1), "mixed")
        self.read(op, flow, x, inputs)
        flow.produce(op, made)
        flow.macs(op, "mix", out.numel() * x.shape[1], made, inputs)
        self.give(flow, out, made)

    def read(self, op: Op, flow: Flow, x: Tensor, inputs: np.ndarray) -> None:
        flow.read(op, x, 1, inputs)

    def give(self, flow: Flow, out: Tensor, made: np.ndarray) -> None:
        flow.atoms.give(out, Made({1: made}))


class TiesNothing(Honest):
    """What meets element by element goes each its own way."""

    EXPECTED = "slim_network"

    def blend(self, op: Op, flow: Flow) -> None:
        flow.atoms.give(op.outs[0], flow.atoms.of(op.args[0]))


class ForgetsColumns(Honest):
    EXPECTED = "slim_network"

    def mix(self, op: Op, flow: Flow) -> None:
        made = flow.atoms.row(op.args[1], 0)
        flow.read(op, op.args[0], 1, flow.atoms.row(op.args[0], 1))
        flow.produce(op, made)
        self.give(flow, op.outs[0], made)


class ReadsNothing(Honest):
    EXPECTED = "every_channel_is_read"

    def read(self, op: Op, flow: Flow, x: Tensor, inputs: np.ndarray) -> None:
        pass


class ReadsBackwards(Honest):
    """The mask takes another channel than the cut."""

    EXPECTED = "slim_network"

    def read(self, op: Op, flow: Flow, x: Tensor, inputs: np.ndarray) -> None:
        flow.read(op, x, 1, inputs[::-1])


class TiesBackwards(Honest):
    EXPECTED = "slim_network"

    def blend(self, op: Op, flow: Flow) -> None:
        one, two = (flow.atoms.row(x, 1) for x in op.args)
        flow.atoms.tie(one, two[::-1], "blend")
        flow.atoms.give(op.outs[0], Made({1: one}))


class TiesTooMuch(Honest):
    """Inputs leave in pairs."""

    EXPECTED = "channels_that_can_go"

    def read(self, op: Op, flow: Flow, x: Tensor, inputs: np.ndarray) -> None:
        flow.atoms.tie(inputs[::2], inputs[1::2], "pairs")
        flow.read(op, x, 1, inputs)


class PinsEverything(Honest):
    EXPECTED = "channels_that_can_go"

    def flow(self, op: Op, flow: Flow) -> None:
        flow.opaque(op)


class GivesNothing(Honest):
    """What comes out is of fixed size, so its reader stays."""

    EXPECTED = "channels_that_can_go"

    def give(self, flow: Flow, out: Tensor, made: np.ndarray) -> None:
        pass


class GivesAnotherDimension(Honest):
    EXPECTED = "channels_that_can_go"

    def give(self, flow: Flow, out: Tensor, made: np.ndarray) -> None:
        flow.atoms.give(out, Made({2: made}))


class Touches(Honest):
    """It writes to the activations."""

    EXPECTED = "only_looks"

    def blend(self, op: Op, flow: Flow) -> None:
        super().blend(op, flow)
        op.outs[0].mul_(1.5)


class Gambles(Honest):
    EXPECTED = "only_looks"

    def blend(self, op: Op, flow: Flow) -> None:
        torch.rand(1)
        super().blend(op, flow)


class Misspelt(Honest):
    EXPECTED = "every_operation_of_it_is_seen"
    ops = frozenset({"garden::mix", "garden::blnd"})


class CostsMore(Honest):
    """A number below nothing."""

    EXPECTED = "parameters_are_counted"

    def mix(self, op: Op, flow: Flow) -> None:
        super().mix(op, flow)
        flow.macs(op, "mix", -1e6, flow.atoms.row(op.args[1], 0))


class ByTheBatch(Honest):
    """Only where there is one sample do the two halves of the inputs leave together."""

    EXPECTED = "do_not_depend_on_the_batch"

    def read(self, op: Op, flow: Flow, x: Tensor, inputs: np.ndarray) -> None:
        if len(x) == 1:
            flow.atoms.tie(inputs[:3], inputs[3:], "one sample")
        flow.read(op, x, 1, inputs)


class ListOfNames(Honest):
    EXPECTED = "names_its_operations"
    ops = ["garden::mix", "garden::blend"]  # type: ignore[assignment]  # noqa: RUF012


BAD = [
    TiesNothing, ForgetsColumns, ReadsNothing, ReadsBackwards, TiesBackwards, TiesTooMuch,
    PinsEverything, GivesNothing, GivesAnotherDimension, Touches, Gambles, Misspelt, CostsMore,
    ByTheBatch, ListOfNames,
]  # fmt: skip


def suite(kind: type[Honest]) -> type[OperatorConformance]:
    class Suite(OperatorConformance):
        expected = getattr(kind, "EXPECTED", "")

        @pytest.fixture
        def rule(self):
            return kind()

        @pytest.fixture
        def cases(self):
            with torch.random.fork_rng():
                torch.manual_seed(0)
                x = torch.randn(3, 2, 7)
                return {
                    "between": OperatorCase(Between(), x, {"stem": 6, "weight": 5}),
                    "branches": OperatorCase(Branches(), x, {"one": 6, "two": 6}),
                }

    Suite.__name__ = Suite.__qualname__ = f"Test{kind.__name__}"
    return Suite


for _kind in (Honest, *BAD):
    globals()[f"Test{_kind.__name__}"] = suite(_kind)
