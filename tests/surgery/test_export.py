"""Exported files run in the program that will run them, and give what the network gives."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from secateur.errors import FileError, MissingExtra, NetworkError, OptionError
from secateur.network.call import Call
from secateur.surgery.export import export_network, trace_program
from secateur.zoo import pretrained_halfunet
from tests.nets import Chain, Residual, seeded

X = torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(0))
BOTH = pytest.mark.parametrize("name", ["model.onnx", "model.pt2"])


class Norms(nn.Module):
    """Batch normalisation that can be folded, and such that cannot."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(2, 8, 3, padding=1)
        self.grouped = nn.ConvTranspose2d(8, 6, 2, groups=2, bias=False)
        self.fc = nn.Linear(6, 5)
        self.folded = nn.ModuleList([nn.BatchNorm2d(8), nn.BatchNorm2d(6), nn.BatchNorm1d(5)])
        self.before = nn.BatchNorm2d(8)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.folded[0](self.wide(x)))
        y = self.before(y)
        y = self.folded[1](self.grouped(y))
        return self.folded[2](self.fc(y.mean((2, 3))))


class Twice(nn.Module):
    """One convolution that runs twice, each time before a norm of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Conv2d(2, 2, 3, padding=1, bias=False)
        self.first, self.second = nn.BatchNorm2d(2), nn.BatchNorm2d(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.shared(torch.relu(self.first(self.shared(x)))))


class Read(nn.Module):
    """Norms that must stay: another reads the convolution too, or channels are elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 4, 1), nn.BatchNorm2d(4)
        self.fc, self.places = nn.Linear(64, 6), nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        y = y + self.norm(y)
        return self.places(self.fc(y.flatten(2)))


@dataclass
class Answer:
    classes: Tensor
    more: tuple[Tensor, ...]


class Doors(nn.Module):
    """Inputs and outputs of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.fc = nn.Embedding(7, 4), nn.Linear(4, 3)
        self.kind: type = dict

    def forward(
        self, tokens: Tensor, pair: tuple[Tensor, Tensor], *, table: Tensor, double: bool = False
    ) -> object:
        y = self.embed(tokens).mean(1) + pair[0] * pair[1] + table
        y = self.fc(y)
        if double:
            y = 2 * y
        if self.kind is dict:
            return {"logits": y, "nothing": None, "both": (y.sum(1), tokens)}
        if self.kind is Answer:
            return Answer(y, (y.sum(1),))
        return (y, 3)


def doors(kind: type = dict) -> tuple[nn.Module, Call]:
    network = seeded(Doors)
    network.kind = kind
    pair = (torch.rand(2, 4), torch.rand(2, 4))
    return network, Call(
        (torch.tensor([[1, 2, 3], [4, 5, 6]]), pair), {"table": torch.rand(4), "double": True}
    )


def folded(network: nn.Module, call: Call) -> tuple[nn.Module, int]:
    program, number = trace_program(network.eval(), call, dynamic_batch=True)
    return program.module(), number


@pytest.mark.parametrize(
    ("build", "norms", "kept"), [(Norms, 3, 1), (Twice, 2, 0), (Read, 0, 2), (Chain, 1, 0)]
)
def test_batch_norm_goes_where_it_is_exact(build, norms, kept):
    network = seeded(build).double()
    program, number = folded(network, Call((X.double(),)))
    assert number == norms
    left = [n for n in program.graph.nodes if "batch_norm" in str(n.target)]
    assert len(left) == kept
    inputs = torch.randn(5, 2, 8, 8, dtype=torch.double)
    torch.testing.assert_close(program(inputs), network(inputs), rtol=1e-12, atol=1e-12)
    # nothing stays behind that no operation reads
    state = dict(program.named_parameters()) | dict(program.named_buffers())
    used = {n.target for n in program.graph.nodes if n.op == "get_attr"}
    assert {name for name in state if not name.startswith("_guards")} == used


@settings(max_examples=15, deadline=None)
@given(
    dimensions=st.integers(1, 3),
    groups=st.sampled_from([1, 2, 4]),
    transposed=st.booleans(),
    bias=st.booleans(),
    affine=st.booleans(),
    same=st.booleans(),
    seed=st.integers(0, 99),
)
def test_folding_equals_the_norm(dimensions, groups, transposed, bias, affine, same, seed):
    kind = f"{'ConvTranspose' if transposed else 'Conv'}{dimensions}d"
    padding = {} if transposed else {"padding": "same" if same else 1}
    layer = getattr(nn, kind)(4, 8, 3, groups=groups, bias=bias, **padding)
    norm = getattr(nn, f"BatchNorm{dimensions}d")(8, affine=affine)
    generator = torch.Generator().manual_seed(seed)
    for tensor in (*layer.parameters(), *norm.parameters(), norm.running_mean):
        tensor.data.normal_(generator=generator)
    norm.running_var.uniform_(0.1, 2.0, generator=generator)
    network = nn.Sequential(layer, norm).double().eval()
    x = torch.randn(2, 4, *[5] * dimensions, dtype=torch.double, generator=generator)
    program, number = folded(network, Call((x,)))
    assert number == 1
    torch.testing.assert_close(program(x), network(x), rtol=1e-11, atol=1e-11)


@BOTH
def test_a_network_is_written_and_its_file_runs(tmp_path, name):
    network = seeded(Residual)
    network.train()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    done = export_network(network, tmp_path / name, Call((X[:1],)))
    assert network.training
    assert all(p.requires_grad for p in network.parameters())
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert done.folded == 1
    assert done.inputs == (("x", ("batch", 2, 8, 8)),)
    assert done.outputs == ("output",)
    assert done.samples == (1, 3)
    assert done.difference < 1e-6
    assert [p.name for p in tmp_path.iterdir()] == [name]
    # an own look at the file: any number of samples
    x = torch.randn(7, 2, 8, 8)
    if name.endswith("onnx"):
        session = onnxruntime.InferenceSession(tmp_path / name)
        assert session.get_inputs()[0].shape == ["batch", 2, 8, 8]
        assert session.get_outputs()[0].shape == ["batch", 3]
        (found,) = (torch.from_numpy(a) for a in session.run(None, {"x": x.numpy()}))
        operations = {node.op_type for node in onnx.load(tmp_path / name).graph.node}
        assert "BatchNormalization" not in operations
    else:
        found = torch.export.load(tmp_path / name).module()(x)
    torch.testing.assert_close(found, network.eval()(x).detach(), rtol=1e-5, atol=1e-5)


@BOTH
def test_a_fixed_batch_is_as_given(tmp_path, name):
    done = export_network(seeded(Chain), tmp_path / name, Call((X,)), dynamic_batch=False)
    assert done.inputs == (("x", (2, 2, 8, 8)),)
    assert done.samples == (2,)
    if name.endswith("onnx"):
        shape = onnxruntime.InferenceSession(tmp_path / name).get_inputs()[0].shape
        assert shape == [2, 2, 8, 8]


def test_inputs_and_outputs_have_their_names(tmp_path):
    network, call = doors()
    done = export_network(network, tmp_path / "model.onnx", call)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    shapes = {one.name: one.shape for one in session.get_inputs()}
    assert shapes == {
        "tokens": ["batch", 3],
        "pair.0": ["batch", 4],
        "pair.1": ["batch", 4],
        "table": [4],
    }
    assert done.outputs == ("logits", "both.0", "both.1")
    feed = dict(zip(shapes, (t.numpy() for t in call.tensors), strict=True))
    wanted = network(*call.args, **call.kwargs)
    logits, total, tokens = session.run(["logits", "both.0", "both.1"], feed)
    np.testing.assert_allclose(logits, wanted["logits"].detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(total, wanted["both"][0].detach().numpy(), rtol=1e-4)
    assert (tokens == call.args[0].numpy()).all()


@BOTH
def test_an_output_class_is_taken_apart_or_refused(tmp_path, name):
    network, call = doors(Answer)
    if name.endswith("onnx"):
        assert export_network(network, tmp_path / name, call).outputs == ("classes", "more.0")
    else:
        with pytest.raises(NetworkError, match="register_dataclass"):
            export_network(network, tmp_path / name, call)


@BOTH
def test_what_cannot_be_written_leaves_nothing(tmp_path, name):
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.view(2, -1)

    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    path = tmp_path / name
    numbered, call = doors(tuple)
    with pytest.raises(NetworkError, match="no other batch than one of 2"):
        export_network(Constant(), path, Call((X,)))
    with pytest.raises(NetworkError, match="cannot be exported"):
        export_network(Branch(), path, Call((X,)))
    with pytest.raises(NetworkError, match=r"'output\.1' is a int"):
        export_network(numbered, path, call)
    assert not list(tmp_path.iterdir())
    done = export_network(Constant(), path, Call((X,)), dynamic_batch=False)
    assert done.samples == (2,)
    before = path.read_bytes()
    with pytest.raises(FileError, match="exists already"):
        export_network(seeded(Chain), path, Call((X,)))
    assert path.read_bytes() == before


def test_a_file_that_gives_something_else_is_refused(tmp_path):
    class Seldom(nn.Module):
        """What the tracer sees for two samples is another function for three."""

        def forward(self, x: Tensor) -> Tensor:
            return x * (1.0 if torch.compiler.is_exporting() else 1.001)

    for name in ("model.onnx", "model.pt2"):
        with pytest.raises(NetworkError, match=r"'output' differs by 1.0e-03"):
            export_network(Seldom(), tmp_path / name, Call((X,)))
        assert not list(tmp_path.iterdir())
    done = export_network(Seldom(), tmp_path / "model.pt2", Call((X,)), tolerance=2e-3)
    assert done.difference == pytest.approx(1e-3, rel=0.01)
    assert export_network(Seldom(), tmp_path / "b.pt2", Call((X,)), check=False).samples == ()


def test_what_the_runtime_cannot_run_is_told(tmp_path):
    with pytest.raises(NetworkError, match=r"does not run"):
        export_network(seeded(Chain).double(), tmp_path / "model.onnx", Call((X.double(),)))
    assert not list(tmp_path.iterdir())


def test_a_network_in_half_precision_is_measured_by_its_own_rounding(tmp_path):
    network, call = seeded(Residual).bfloat16(), Call((X.bfloat16(),))
    assert export_network(network, tmp_path / "model.pt2", call).difference < 0.05


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"ends with '.tflite'"):
        export_network(seeded(Chain), tmp_path / "model.tflite", Call((X,)))


def test_the_denoiser_is_exported(tmp_path):
    call = Call((torch.rand(1, 3, 32, 32),))
    done = export_network(pretrained_halfunet(), tmp_path / "denoiser.onnx", call)
    assert done.folded > 5
    assert done.difference < 1e-5


def test_without_the_extra_the_line_to_type_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtra, match=r"secateur\[export\]"):
        export_network(seeded(Chain), tmp_path / "model.onnx", Call((X,)))


@pytest.mark.parametrize("name", ["model.onnx", "model.pt2"])
def test_the_file_runs_where_secateur_is_not(tmp_path, name):
    network = seeded(Chain)
    export_network(network, tmp_path / name, Call((X,)))
    np.save(tmp_path / "x.npy", X.numpy())
    forbid = "import sys; sys.modules['secateur'] = sys.modules['tests'] = None\n"
    code = {
        "model.onnx": "import onnxruntime as o, numpy as np\n"
        "y = o.InferenceSession('model.onnx').run(None, {'x': np.load('x.npy')})[0]\n",
        "model.pt2": "import torch, numpy as np\n"
        "x = torch.from_numpy(np.load('x.npy'))\n"
        "y = torch.export.load('model.pt2').module()(x).detach().numpy()\n",
    }[name]
    run = [sys.executable, "-W", "ignore", "-c", forbid + code + "np.save('y.npy', y)"]
    subprocess.run(run, cwd=tmp_path, check=True)
    with torch.no_grad():
        wanted = network(X).numpy()
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), wanted, rtol=1e-4, atol=1e-5)


def test_the_exporter_is_quiet(tmp_path, caplog):
    class Halves(nn.Module):
        """A constant that is split, of which the exporter would say that it does not fold it."""

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(8, 4))

        def forward(self, x):
            one, two = self.weight.chunk(2)
            return nn.functional.linear(x, one) * nn.functional.linear(x, two)

    export_network(Halves().eval(), tmp_path / "quiet.onnx", Call((torch.randn(2, 4),)))
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in told] == []
