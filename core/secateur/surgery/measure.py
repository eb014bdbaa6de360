"""What smaller means: parameters and multiply–accumulates. Time is measured in ``timing``."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.utils.flop_counter import flop_registry

from secateur.network.call import Call
from secateur.network.run import Op, Visitor, run


def count_parameters(network: nn.Module) -> int:
    """The number of parameters; a shared one counts once.

    Arguments:
        network: dense or cut.
    """
    return sum(parameter.numel() for parameter in network.parameters())


def count_macs(network: nn.Module, call: Call) -> int:
    """Multiply–accumulates of convolutions and matrix products for one sample.

    By torch's own formulas, but on the parts of fused operations (attention, recurrent layers),
    which torch's counter does not see.

    Arguments:
        network: is run once.
        call: what forward is given; one sample or more.
    """
    counter = _Counter()
    run(network, call.take(slice(0, 1)), counter)
    return counter.macs


class _Counter(Visitor):
    def __init__(self) -> None:
        self.macs = 0

    def after(self, op: Op, out: Any) -> Any:
        if op.name in ("linear", "matmul"):
            inner = op.shape_of(op.args[0])[-1]
            self.macs += op.outs[0].numel() * inner
        elif op.func.overloadpacket in flop_registry:
            count = flop_registry[op.func.overloadpacket]
            self.macs += count(*op.args, **op.kwargs, out_val=out) // 2
        return out
