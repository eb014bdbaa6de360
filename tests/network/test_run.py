"""The stream: every operation once, the same numbers in every run, the gradients of autograd."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from secateur.errors import DataError
from secateur.network import Call
from secateur.network.run import Visitor, evaluation, plain_kernels, run
from tests.nets import Chain, Residual, seeded


class Conv(nn.Module):
    """Every kind of convolution, in-place activations, a view, a slice that is written to."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.ReLU(inplace=True)
        self.up = nn.ConvTranspose2d(4, 3, 2, stride=2)
        self.flat = nn.Conv1d(3, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.norm(self.one(x)))
        y = y.transpose(2, 3).contiguous().view(len(x), 4, -1).reshape(y.shape)
        y += x.mean(1, keepdim=True)
        return self.flat(F.leaky_relu_(self.up(y), 0.2).flatten(2)).tanh()


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.Module] = nn.LSTM) -> None:
        super().__init__()
        self.rnn = kind(5, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x)[0])


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
        self.qkv = nn.Linear(8, 24)
        self.table = nn.Embedding(7, 8)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x) + self.table(torch.arange(x.shape[1]))
        q, k, v = self.qkv(y).chunk(3, dim=-1)
        y = F.scaled_dot_product_attention(q, k, v)
        return torch.einsum("bik,bjk->bij", y, y) @ x


def case(network: nn.Module, *shape: int) -> tuple[nn.Module, Tensor]:
    return network, torch.randn(*shape, generator=torch.Generator().manual_seed(0)).double()


def cases() -> dict[str, tuple[nn.Module, Tensor]]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = {
            "chain": case(seeded(Chain), 2, 2, 6, 6),
            "residual": case(seeded(Residual), 3, 2, 6, 6),
            "conv": case(Conv(), 2, 2, 4, 4),
            "lstm": case(Recurrent(), 2, 4, 5),
            "gru": case(Recurrent(nn.GRU), 2, 4, 5),
            "attention": case(Attention(), 2, 5, 8),
        }
    for network, _ in found.values():
        network.double().eval()
    return found


NAMES = list(cases())


class Recorder(Visitor):
    def __init__(self) -> None:
        self.ops: list[tuple[int, str, str]] = []
        self.outs: list[Tensor] = []
        self.modules: list[tuple[str, str]] = []

    def before(self, op):
        self.ops.append((op.number, op.name, op.path))

    def after(self, op, out):
        assert self.ops[-1] == (op.number, op.name, op.path)
        self.outs += op.outs
        return out

    def enter(self, path, module):
        self.modules.append(("enter", path))

    def leave(self, path, module, out):
        self.modules.append(("leave", path))
        return out


@pytest.mark.parametrize("name", NAMES)
def test_operations_have_the_same_numbers_in_every_run(name):
    network, x = cases()[name]
    plain, grad, again, batch = Recorder(), Recorder(), Recorder(), Recorder()
    out = run(network, Call((x,)), plain)
    run(network, Call((x.clone().requires_grad_(),)), grad, grad=True)
    run(network, Call((x,)), again)
    run(network, Call((x[:1],)), batch)
    assert [number for number, _, _ in plain.ops] == list(range(len(plain.ops)))
    assert plain.ops == grad.ops == again.ops == batch.ops
    torch.testing.assert_close(out, network(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_through_the_stream_equal_plain_autograd(name):
    network, x = cases()[name]
    weights = torch.randn(network(x).shape, generator=torch.Generator().manual_seed(1)).double()

    def gradients(forward) -> list[Tensor]:
        given = x.clone().requires_grad_()
        leaves = [given, *network.parameters()]
        found = torch.autograd.grad((forward(given) * weights).sum(), leaves, allow_unused=True)
        return [torch.zeros_like(v) if g is None else g for g, v in zip(found, leaves, strict=True)]

    with plain_kernels():
        wanted = gradients(network)
    streamed = gradients(lambda given: run(network, Call((given,)), Visitor(), grad=True))
    assert sum(float(g.abs().sum()) for g in wanted) > 0
    for found, expected in zip(streamed, wanted, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_composites_arrive_as_their_parts_but_products_as_one():
    seen = {}
    for name in NAMES:
        network, x = cases()[name]
        recorder = Recorder()
        run(network, Call((x,)), recorder)
        seen[name] = [op for _, op, _ in recorder.ops]
    assert [op for op in seen["chain"] if op != "empty"] == [
        "convolution", "native_batch_norm", "relu", "convolution", "relu", "convolution", "add"
    ]  # fmt: skip
    assert seen["conv"].count("convolution") == 3
    assert "batch_norm" not in seen["conv"]
    assert seen["attention"].count("linear") >= 4
    for fused in ("scaled_dot_product_attention", "einsum", "chunk"):
        assert fused not in seen["attention"]
    assert not [op for op in seen["attention"] if "attention" in op or "encoder" in op]
    assert not [op for op in seen["lstm"] if "lstm" in op]
    # two layers, two directions, four steps, of one product with the hidden state each
    assert sum(op in ("linear", "addmm", "mm") for op in seen["lstm"]) >= 2 * 2 * 4


def test_paths_are_of_the_module_that_runs_an_operation():
    network, x = cases()["residual"]
    recorder = Recorder()
    run(network, Call((x,)), recorder)
    paths = [(op, path) for _, op, path in recorder.ops]
    assert ("convolution", "stem") in paths
    assert ("convolution", "out") in paths
    assert ("linear", "fc") in paths
    assert [path for op, path in paths if op == "add"] == [""]
    assert recorder.modules[:3] == [("enter", ""), ("enter", "stem"), ("leave", "stem")]
    assert recorder.modules[-1] == ("leave", "")


def test_a_visitor_may_replace_what_goes_in_and_what_comes_out():
    network, x = cases()["chain"]

    class Twice(Visitor):
        def before(self, op):
            if op.path == "second" and op.name == "convolution":
                op.args[0] = 2.0 * op.args[0]

        def after(self, op, out):
            return out + 1.0 if op.name == "relu" else out

        def leave(self, path, module, out):
            return -out if path == "head" else out

    with torch.no_grad():
        y = network.act(network.norm(network.first(x))) + 1.0
        y = torch.relu(network.second(2.0 * y)) + 1.0
        expected = x - network.head(y)
    torch.testing.assert_close(run(network, Call((x,)), Twice()), expected, rtol=1e-12, atol=1e-12)


class Stateful(nn.Module):
    """Counts its calls, in a buffer in place, in one that is replaced, and in a plain tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 1)
        self.norm = nn.BatchNorm2d(3)
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("last", torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        y = self.norm(self.conv(x))
        self.last = y.detach().mean((0, 2, 3))
        return y * self.calls


@pytest.mark.parametrize("training", [False, True])
def test_buffers_that_forward_changes_come_back(training):
    network = Stateful()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    objects = dict(network.named_buffers())
    out = run(network, Call((torch.randn(4, 2, 3, 3),)), Visitor(), training=training)
    assert out.abs().sum() > 0
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert all(network.get_buffer(name) is buffer for name, buffer in objects.items())
    assert network.training


def hooks(network: nn.Module) -> list[tuple[int, int]]:
    return [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in network.modules()]


@pytest.mark.parametrize("where", ["forward", "before", "after", "enter", "leave"])
def test_errors_leave_nothing_behind(where):
    network, x = Stateful(), torch.randn(1, 2, 3, 3)
    network.norm.eval()
    network.conv.register_forward_hook(lambda module, inputs, out: None)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    held, modes = hooks(network), [m.training for m in network.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()

    class Broken(Visitor):
        pass

    def fail(*_):
        raise ValueError("mine")

    if where == "forward":
        x = torch.randn(1, 5, 3, 3)
        with pytest.raises(DataError, match=r"shape \(1, 5, 3, 3\) \(float32\)") as caught:
            run(network, Call((x,)), Broken())
        assert isinstance(caught.value.__cause__, RuntimeError)
    else:
        setattr(Broken, where, fail)
        # what a visitor raises is not told as the network's fault
        with pytest.raises(ValueError, match="mine"):
            run(network, Call((x,)), Broken())
    assert hooks(network) == held
    assert [m.training for m in network.modules()] == modes
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert torch.backends.mha.get_fastpath_enabled() == fast
    assert torch.is_grad_enabled()


def test_interruption_leaves_nothing_behind():
    network, x = cases()["residual"]
    held = hooks(network)

    class Interrupted(Visitor):
        def after(self, op, out):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(network, Call((x,)), Interrupted())
    assert hooks(network) == held
    recorder = Recorder()
    run(network, Call((x,)), recorder)
    assert recorder.ops[0][0] == 0


def test_a_graph_that_was_kept_can_be_differentiated_after_the_run():
    """Buffers come back by value only where forward has changed them."""
    network, x = cases()["residual"]
    given = x.clone().requires_grad_()
    out = run(network, Call((given,)), Visitor(), grad=True)
    (gradient,) = torch.autograd.grad(out.sum(), given)
    given = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(network(given).sum(), given)
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_grad_is_had_whatever_is_around(around):
    network, x = cases()["chain"]
    gates = torch.ones((), dtype=torch.double, requires_grad=True)

    class Scaled(Visitor):
        def before(self, op):
            if op.name == "convolution":
                op.args[0] = op.args[0] * gates

    with around():
        out = run(network, Call((x,)), Scaled(), grad=True)
    (found,) = torch.autograd.grad(out.sum(), gates)
    (expected,) = torch.autograd.grad(run(network, Call((x,)), Scaled(), grad=True).sum(), gates)
    assert abs(float(expected)) > 0
    torch.testing.assert_close(found, expected)
    # without grad nothing is recorded
    assert not run(network, Call((x,)), Scaled()).requires_grad


def test_evaluation_keeps_every_mode():
    network = seeded(Residual).train()
    network.norm.eval()
    with evaluation(network):
        assert not any(module.training for module in network.modules())
    assert [m.training for m in network.modules()] == [
        m is not network.norm for m in network.modules()
    ]
    with evaluation(network, training=True):
        assert all(module.training for module in network.modules())
    assert not network.norm.training


@pytest.mark.parametrize("compiled", [False, True])
def test_the_compiler_is_loaded_by_whoever_compiles(compiled):
    """And then it is kept out of the stream: it would complain on stderr."""
    code = f"""
import sys
import torch
from torch import nn
from secateur.network import find_channels

def act(x):
    return torch.relu(x) * 2 + torch.sin(x)

if {compiled}:
    act = torch.compile(act, backend="eager")

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 5, 3), nn.Linear(5, 4)

    def forward(self, x):
        return self.c(act(self.b(act(self.a(x)))).mean((2, 3)))

for width in range(7, 17):
    assert len(find_channels(Net(), torch.randn(1, 3, width, width))) == 11
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{compiled}\n", "")


@pytest.mark.parametrize(
    "value", [torch.zeros(3), torch.zeros(1, dtype=torch.double), torch.full((1,), float("nan"))]
)
def test_a_buffer_that_forward_makes_another_comes_back(value):
    class Growing(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("seen", torch.zeros(1))

        def forward(self, x):
            self.seen.data = value.clone()
            return x

    network = Growing()
    before = network.seen
    with evaluation(network):
        network(torch.ones(2))
    assert network.seen is before
    assert (before.shape, before.dtype) == ((1,), torch.float32)
    assert before.tolist() == [0.0]


def test_a_buffer_of_nothing_known_that_stays_is_not_touched():
    network = nn.Module()
    network.register_buffer("mask", torch.tensor([float("nan"), float("-inf"), 1.0]))
    place = network.mask.data_ptr()
    with evaluation(network):
        pass
    assert network.mask.data_ptr() == place
