"""A forward that waits gives what it gives when it does not."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn

from secateur.errors import DataError
from secateur.network import Call
from secateur.network.paused import PausedRun, sharing
from secateur.network.run import Op, Visitor, run


class Inplace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(2, 4, 3, padding=1)
        self.two = nn.Conv2d(4, 4, 3, padding=1)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        x = self.one(x).relu_()
        y = self.two(x)
        y += x
        return y.view(len(y), -1).t()


class Names(Visitor):
    def __init__(self) -> None:
        self.names: list[str] = []
        self.threads: set[int] = set()

    def before(self, op: Op) -> None:
        self.names.append(op.name)
        self.threads.add(threading.get_ident())


def network() -> Inplace:
    torch.manual_seed(0)
    return Inplace()


def calls(count: int) -> list[Call]:
    generator = torch.Generator().manual_seed(1)
    return [Call((torch.randn(2, 2, 5, 5, generator=generator),)) for _ in range(count)]


def test_many_paused_forwards_in_any_order_are_the_plain_ones():
    net = network()
    batches = calls(5)
    with torch.no_grad():
        wanted = [net(*call.args) for call in batches]
    before = net.count.clone()
    names = Names()
    run(net, batches[0], names)
    runs = [PausedRun(sharing(net), call, Names()) for call in batches]
    last = len(names.names)
    for number in range(0, last + 1, 2):
        for one in reversed(runs):
            op = one.advance(number)
            assert (op is None) == (number >= last)
            assert op is None or op.number == number
    for one, expected in zip(runs, wanted, strict=True):
        assert one.advance() is None
        assert one.visitor.names == names.names
        assert torch.equal(one.output, expected)
        # everything is computed where it was asked for
        assert one.visitor.threads == {threading.get_ident()}
    assert torch.equal(net.count, before)


def test_weights_changed_while_it_waits_are_used():
    net, (call,) = network(), calls(1)
    with PausedRun(sharing(net), call, Names()) as one:
        names = Names()
        run(net, call, names)
        second = [k for k, name in enumerate(names.names) if name == "convolution"][1]
        op = one.advance(second)
        assert op is not None
        before = one.compute().clone()
        with torch.no_grad():
            net.two.bias += 1.0
        torch.testing.assert_close(one.compute(), before + 1.0)
        one.advance()
        with torch.no_grad():
            torch.testing.assert_close(one.output, net(*call.args), rtol=0, atol=1e-6)


def test_closing_ends_the_thread_and_leaves_no_hook():
    net, (call,) = network(), calls(1)
    before = threading.active_count()
    own = sharing(net)
    one = PausedRun(own, call, Names())
    one.advance(2)
    assert threading.active_count() == before + 1
    one.close()
    assert threading.active_count() == before
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in own.modules())


def test_what_forward_raises_is_raised_here():
    one = PausedRun(network(), Call((torch.ones(1, 3, 5, 5),)), Names())
    with pytest.raises(DataError, match=r"\(1, 3, 5, 5\)"):
        one.advance()
    one.close()


class Catching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        try:
            return x @ x
        except RuntimeError:
            return x + 1


def test_forward_may_catch_what_an_operation_raises():
    with PausedRun(Catching(), Call((torch.ones(2, 3),)), Names()) as one:
        one.advance()
        assert torch.equal(one.output, torch.full((2, 3), 2.0))


class Stop(Visitor):
    def before(self, op: Op) -> None:
        raise KeyError(f"at {op.number}")


def test_what_the_visitor_raises_is_raised_here():
    with PausedRun(network(), calls(1)[0], Stop()) as one, pytest.raises(KeyError, match="at 0"):
        one.advance()
