"""The network is run, not traced: its own forward, seen operation by operation.

One stream serves everything: what is tied to what, the mask, gates that can be differentiated, the
activations that a fit needs. The dispatch mode stands *above* autograd (autograd is left out
around the forward and let in again for each operation), and operations that are made of others
arrive as their parts; so an operation has the same number in every run that goes the same way.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from secateur.errors import DataError
from secateur.network.call import Call
from secateur.network.device import other_type

WHOLE = frozenset({"linear", "matmul", "_pad_circular"})
"""Made of other operations, but seen as one: how they are made depends on the run."""
RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu", "quantized_lstm", "quantized_gru"})
"""Seen as their parts, which fused kernels would hide."""
UNNUMBERED = frozenset({"detach", "detach_"})
"""They come and go with reference counts."""

_MISLAID = frozenset({"native_batch_norm", "cudnn_batch_norm", "_native_batch_norm_legit"})
# PyTorch 2.13 on a CPU: their derivative is wrong by 100 % for one sample if what comes in has
# the strides of channels last and the input has not (a transposed feature map, as in a ViT)
_EXCLUDE = torch._C._SetExcludeDispatchKeyGuard
_AUTOGRAD = (
    torch._C.DispatchKey.AutogradFunctionality,
    torch._C.DispatchKey.ADInplaceOrView,
)
_INTERNAL = frozenset(vars(nn.Module()))
_COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd


def _whole(name: str) -> bool:
    # resizing is made of dozens of indexings otherwise, and is slower than the kernel
    return name in WHOLE or name.startswith(("upsample", "_upsample"))


@dataclass(eq=False)
class Op:
    """One operation of a run.

    Arguments:
        number: its place in the stream, from 0.
        name: of the ATen operation, "convolution".
        func: the overload that runs; may be replaced before it runs.
        args: may be replaced before it runs.
        kwargs: likewise.
        path: of the module that runs it; "" in the network's own forward.
        shapes: of the tensors that it is given, by ``id``, before it runs.
        outs: the tensors that it gives.
    """

    number: int
    name: str
    func: Any
    args: list[Any]
    kwargs: dict[str, Any]
    path: str
    shapes: dict[int, torch.Size] = field(default_factory=dict)
    outs: list[Tensor] = field(default_factory=list)

    @property
    def ins(self) -> list[Tensor]:
        """Every tensor that it is given, nested ones too."""
        return [x for x in tree_leaves((self.args, self.kwargs)) if isinstance(x, Tensor)]

    @property
    def pointwise(self) -> bool:
        """It acts on every element by itself."""
        return torch.Tag.pointwise in self.func.tags

    def shape_of(self, tensor: Tensor) -> torch.Size:
        """Of an operand, as it was before the operation (``transpose_`` changes it)."""
        return self.shapes.get(id(tensor), tensor.shape)

    def argument(self, name: str, default: Any = None) -> Any:
        """An argument by its name in the schema, wherever it was given."""
        if name in self.kwargs:
            return self.kwargs[name]
        for position, argument in enumerate(self.func._schema.arguments):
            if argument.name == name:
                if position < len(self.args):
                    return self.args[position]
                return argument.default_value if argument.has_default_value() else default
        return default


class Visitor:
    """What looks at a run; the methods do nothing unless they are overridden.

    Attributes:
        stream: of the run that it looks at.
    """

    stream: Stream

    def before(self, op: Op) -> None:
        """May replace ``op.args``."""

    def after(self, op: Op, out: Any) -> Any:
        """May return another output."""
        return out

    def alias(self, tensor: Tensor, out: Tensor) -> None:
        """``out`` is another name of a tensor, which was detached."""

    def enter(self, path: str, module: nn.Module) -> None:
        """A module's forward begins."""

    def leave(self, path: str, module: nn.Module, out: Any) -> Any:
        """A module's forward ends; may return another output."""
        return out


class Stream(TorchDispatchMode):
    """Numbers the operations and shows them to a visitor.

    Arguments:
        visitor: sees every operation.
        grad: whether operations are recorded for differentiation.
    """

    def __init__(self, visitor: Visitor, *, grad: bool = False) -> None:
        super().__init__()
        self.visitor, self.grad = visitor, grad
        self.count = 0
        self.where: list[str] = []
        self.aside = False
        self.fault: Exception | None = None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return self._show(func, args, kwargs or {})

    def _show(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = func.overloadpacket.__name__
        if self.aside:  # whoever stands aside decides about autograd
            return func(*args, **kwargs)
        if name in UNNUMBERED:
            with self.inside():
                out = func(*args, **kwargs)
            self.visitor.alias(args[0], out)
            return out
        if not _whole(name) and torch._C._dispatch_has_kernel_for_dispatch_key(
            func.name(), _COMPOSITE
        ):
            with ExitStack() as stack:
                if name in RECURRENT:
                    stack.enter_context(without_mkldnn())
                stack.enter_context(self)
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        op = Op(
            self.count, name, func, list(args), dict(kwargs), self.where[-1] if self.where else ""
        )
        self.count += 1
        op.shapes = {id(t): t.shape for t in op.ins}
        with self.inside():
            self._ours(self.visitor.before, op)
            out = op.func(*op.args, **op.kwargs)
            op.outs = [x for x in tree_leaves(out) if isinstance(x, Tensor)]
            if self.grad and name in _MISLAID and op.outs[0].requires_grad:
                op.outs[0].register_hook(_laid_as(op.outs[0]))
            return self._ours(self.visitor.after, op, out)

    def _ours(self, method: Any, *args: Any) -> Any:
        """What a visitor raises is not the network's fault."""
        try:
            return method(*args)
        except Exception as error:
            self.fault = error
            raise

    @contextmanager
    def inside(self) -> Iterator[None]:
        """As an operation runs: differentiably, if asked for."""
        if not self.grad:
            yield
            return
        with (
            torch.inference_mode(False),
            _EXCLUDE(_AUTOGRAD[0], False),
            _EXCLUDE(_AUTOGRAD[1], False),
            torch.enable_grad(),
        ):
            yield

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Operations of our own in between: neither numbered nor shown."""
        before, self.aside = self.aside, True
        try:
            yield
        finally:
            self.aside = before

    @contextmanager
    def hooked(self, network: nn.Module) -> Iterator[None]:
        """Modules tell when they begin and end."""
        handles = []

        def watch(path: str, module: nn.Module) -> None:
            def enter(*_: Any) -> None:
                self.where.append(path)
                with self.unseen():
                    self._ours(self.visitor.enter, path, module)

            def leave(_module: Any, _inputs: Any, out: Any) -> Any:
                with self.unseen(), self.inside():
                    new = self._ours(self.visitor.leave, path, module, out)
                self.where.pop()
                return new

            handles.append(module.register_forward_pre_hook(enter))
            handles.append(module.register_forward_hook(leave))

        for path, module in network.named_modules():
            if not isinstance(module, torch.jit.ScriptModule):
                watch(path, module)
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


class _Quick(Stream):
    """A stream while PyTorch's compiler is not loaded, which takes a second.

    PyTorch keeps its compiler out of every dispatch mode, and loads it to do so.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return self._show(func, args, kwargs or {})


def _laid_as(out: Tensor) -> Callable[[Tensor], Tensor]:
    """Hands a derivative on with the strides of what it is the derivative of."""
    size, stride = out.size(), out.stride()
    return lambda d: d.new_empty_strided(size, stride).copy_(d) if d.stride() != stride else d


@contextmanager
def evaluation(network: nn.Module, *, training: bool = False) -> Iterator[None]:
    """Every module in evaluation mode inside; everything that modules hold comes back as it was.

    Arguments:
        network: its forward may write to its buffers, and remember things.
        training: in training mode instead.
    """
    modules = [m for m in network.modules() if not isinstance(m, torch.jit.ScriptModule)]
    modes = [(module, module.training) for module in network.modules()]
    buffers = [(buffer, buffer.detach().clone()) for buffer in network.buffers()]
    held = [(module, dict(vars(module)), dict(module._buffers)) for module in modules]
    containers = [
        (value, copy.copy(value))
        for module in modules
        for name, value in vars(module).items()
        if type(value) in (list, dict, set) and name not in _INTERNAL
    ]
    for module, _ in modes:
        module.training = training
    try:
        yield
    finally:
        for module, own, slots in held:
            vars(module).clear()
            vars(module).update(own)
            module._buffers.clear()
            module._buffers.update(slots)
        for module, mode in modes:
            module.training = mode
        for value, content in containers:
            if isinstance(value, list):
                value[:] = content
            else:
                value.clear()
                value.update(content)
        for buffer, value in buffers:
            # untouched ones stay as a graph that was kept has seen them
            if buffer.device.type != "meta" and not _same(buffer, value):
                buffer.data = value


def _same(one: Tensor, two: Tensor) -> bool:
    if one.shape != two.shape or one.dtype != two.dtype:
        return False
    both_nan = torch.isnan(one) & torch.isnan(two) if one.is_floating_point() else None
    equal = one == two if both_nan is None else (one == two) | both_nan
    return bool(equal.all())


@contextmanager
def above_autograd() -> Iterator[None]:
    """Operations are run as they are inside a stream: autograd neither sees nor checks them."""
    with torch.no_grad(), _EXCLUDE(_AUTOGRAD[0], True), _EXCLUDE(_AUTOGRAD[1], True):
        yield


@contextmanager
def without_mkldnn() -> Iterator[None]:
    """Its kernels hide what recurrent layers are made of."""
    # torch.backends.mkldnn.flags sets more than that, and warns of devices that are not there
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)


@contextmanager
def plain_kernels() -> Iterator[None]:
    """No fused path hides an operation."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def run(
    network: nn.Module,
    call: Call,
    visitor: Visitor,
    *,
    grad: bool = False,
    training: bool = False,
) -> Any:
    """Run a network's own forward under a visitor; the network comes back as it was.

    Arguments:
        network: any ``nn.Module``.
        call: what its forward is given.
        visitor: sees every operation.
        grad: keep the graph for differentiation.
        training: in training mode; evaluation mode otherwise.

    Returns:
        what forward returned.

    Raises:
        DataError: forward raised something; it is the cause.
    """
    stream = (Stream if "torch._dynamo" in sys.modules else _Quick)(visitor, grad=grad)
    visitor.stream = stream
    with evaluation(network, training=training), plain_kernels(), stream.hooked(network):
        try:
            with stream, above_autograd():
                return network(*call.args, **call.kwargs)
        except (RuntimeError, TypeError, ValueError, IndexError, KeyError) as error:
            if isinstance(error, torch.OutOfMemoryError) or error is stream.fault:
                raise
            raise input_error(network, call, error) from error


def input_error(network: nn.Module, call: Call, error: Exception) -> DataError:
    """What to tell a user whose network raised ``error`` on these inputs."""
    first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
    shapes = ", ".join(f"{tuple(t.shape)} ({t.dtype})".replace("torch.", "") for t in call.tensors)
    return DataError(
        f"the network fails on an input of shape {shapes}: {type(error).__name__}: {first_line}",
        remedy=other_type(network, call)
        or "give inputs of the shape that the network was trained on",
    )
