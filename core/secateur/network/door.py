"""The door: what a user passes as a network, made into one that can be pruned, or refused.

Wrappers are taken off and parametrizations baked, each with a note; the user's own network is never
changed.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from secateur.errors import DataError, NetworkError
from secateur.network.bake import bake, parametrized
from secateur.network.call import Call
from secateur.network.trees import describe_tensor, tensors_in

_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
P = ParamSpec("P")
R = TypeVar("R")

WRAPPERS = {
    "DataParallel": ("module", "DataParallel"),
    "DistributedDataParallel": ("module", "DistributedDataParallel"),
    "OptimizedModule": ("_orig_mod", "torch.compile"),
    "AveragedModel": ("module", "AveragedModel"),
}
"""Classes of torch that wrap a network: by name, where it is, and how it is called in notes."""


def unwrap(network: Any) -> tuple[nn.Module, tuple[str, ...]]:
    """The plain network behind what a user passes, and what was done to get at it.

    ``DataParallel``, ``DistributedDataParallel``, ``AveragedModel`` and ``torch.compile`` are taken
    off, the network's own and those inside it. Parametrizations (weight norm, spectral norm, masks
    of ``torch.nn.utils.prune``, any of ``torch.nn.utils.parametrize``) are baked into plain
    weights. Where that needs a change, it is made on a copy.

    Arguments:
        network: an ``nn.Module``, wrapped or not; not changed.

    Returns:
        the network, which may be the very one given, and a sentence for everything that changes it.

    Raises:
        NetworkError: it is no module, a scripted one, has weights that are not there (meta, lazy,
            sharded), on several devices, NaN or infinite.
    """
    bare, outer = _outermost(network)
    notes = [f"the network is wrapped by {name}: what it wraps is pruned" for name in outer]
    _check_present(bare)
    check_weights(bare)
    inner = [(path, name) for path, module in bare.named_modules() if (name := _wrapper(module))]
    norms = parametrized(bare)
    inference = [name for name, tensor in _tensors(bare) if tensor.is_inference()]
    if not inner and not norms and not inference and not _held(bare):
        return bare, tuple(notes)
    twin = copied(bare)  # one that others can copy too
    if inner:
        _take_off(twin)
        notes += [f"{path} is wrapped by {name}: what it wraps is pruned" for path, name in inner]
    if inference:
        notes.append("weights made under inference_mode are copied into ordinary ones")
    if norms:
        bake(twin)
        check_weights(twin)
        kinds = sorted(set(norms.values()))
        more = f" and {len(norms) - 3} more" if len(norms) > 3 else ""
        some = ", ".join(list(norms)[:3]) + more
        notes.append(f"{' and '.join(kinds)} baked into plain weights: {some}")
    return twin, tuple(notes)


def bare_network(network: nn.Module) -> nn.Module:
    """The network inside the outermost wrappers: the same object, never a copy."""
    return _outermost(network)[0]


def copied(network: nn.Module, shared: Iterable[Tensor] = ()) -> nn.Module:
    """A deep copy, also of a network that holds on to tensors of an earlier pass.

    Weights made under ``inference_mode`` come out as ordinary ones.

    Arguments:
        network: not changed.
        shared: parameters that the copy has in common with it.
    """
    with torch.inference_mode(False), torch.no_grad():
        memo: dict[int, Any] = {id(tensor): tensor.detach().clone() for tensor in _held(network)}
        memo.update({id(tensor): tensor for tensor in shared})
        return copy.deepcopy(network, memo)


def check_weights(network: nn.Module) -> None:
    """Refuse a network whose weights cannot be trusted.

    A buffer may be infinite (the mask of an attention is), but not NaN.

    Raises:
        NetworkError: a parameter is NaN or infinite, or a buffer NaN.
    """
    for name, tensor in _tensors(network):
        if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.is_meta:
            continue
        # float8 can be converted and little else
        values = tensor.detach().float() if tensor.element_size() == 1 else tensor.detach()
        whole = isinstance(tensor, nn.Parameter)
        bad = ~torch.isfinite(values) if whole else torch.isnan(values)
        count = int(bad.sum())
        if count:
            raise NetworkError(
                f"{name} has {count} {'value that is' if count == 1 else 'values that are'} "
                f"NaN{' or infinite' if whole else ''} "
                f"(of {tensor.numel()})",
                remedy="load a checkpoint from before the training diverged",
            )


def check_call(network: nn.Module, call: Call) -> None:
    """Refuse inputs that forward does not take, before anything is run.

    Raises:
        DataError: a name that forward does not have, too many inputs, or one that is missing.
    """
    try:
        signature = inspect.signature(network.forward)
    except (TypeError, ValueError):  # compiled code has none
        return
    try:
        signature.bind(*call.args, **call.kwargs)
    except TypeError as error:
        given = [f"{len(call.args)} by position"] if call.args else []
        given += list(call.kwargs)
        raise DataError(
            f"the inputs do not fit {type(network).__name__}.forward{signature}: {error}; "
            f"given: {', '.join(given) or 'nothing'}",
            remedy="name the keys of a batch that are not inputs (Task(targets=(…))), or choose "
            "and order the inputs with Task(adapter=lambda batch: (inputs, targets))",
        ) from error


def differentiable(function: Callable[P, R]) -> Callable[P, R]:
    """Inside, gradients can be had, whatever ``no_grad`` or ``inference_mode`` is around."""

    @functools.wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with torch.inference_mode(False), torch.enable_grad():
            return function(*args, **kwargs)

    return inside


def _kind(module: nn.Module) -> str | None:
    """The class of torch that wraps here, or None."""
    for kind in type(module).__mro__:
        if kind.__name__ in WRAPPERS and kind.__module__.startswith("torch."):
            return kind.__name__
    return None


def _wrapper(module: nn.Module) -> str | None:
    kind = _kind(module)
    return None if kind is None else WRAPPERS[kind][1]


def _wrapped(module: nn.Module) -> nn.Module:
    inside: nn.Module = getattr(module, WRAPPERS[str(_kind(module))][0])
    return inside


def _outermost(network: Any) -> tuple[nn.Module, list[str]]:
    notes = []
    while isinstance(network, nn.Module) and (name := _wrapper(network)):
        notes.append(name)
        network = _wrapped(network)
    if not isinstance(network, nn.Module):
        if isinstance(network, type) and issubclass(network, nn.Module):
            remedy = f"pass an instance: {network.__name__}(…)"
        elif callable(getattr(network, "module", None)):  # torch.export.ExportedProgram
            remedy = "pass the torch.nn.Module that it was made from"
        elif isinstance(network, str):
            remedy = "names are for the command line, --network; pass a torch.nn.Module"
        elif isinstance(network, Mapping):
            remedy = "pass a torch.nn.Module that has loaded them: network.load_state_dict(…)"
        elif inspect.isroutine(network):
            remedy = "if it builds the network, call it; pass a torch.nn.Module"
        else:
            remedy = "pass a torch.nn.Module"
        kind = "class" if isinstance(network, type) else type(network).__name__
        raise NetworkError(f"the network is a {kind}", remedy=remedy)
    if isinstance(network, torch.jit.ScriptModule):
        raise NetworkError(
            f"the network is a {type(network).__name__} (torch.jit), whose forward cannot be seen",
            remedy="prune the module that it was scripted from, and script the result",
        )
    return network, notes


def _take_off(network: nn.Module) -> None:
    """Replace every wrapped module inside by what it wraps."""
    for module in list(network.modules()):
        for name, child in list(module._modules.items()):
            while child is not None and _wrapper(child):
                child = _wrapped(child)
                module._modules[name] = child


def _held(network: nn.Module) -> list[Tensor]:
    """Tensors of an earlier pass that modules hold on to; torch refuses to copy them."""
    return [
        tensor
        for module in network.modules()
        for name, value in vars(module).items()
        if name not in _OF_EVERY_MODULE
        for tensor in tensors_in(value).values()
        if not tensor.is_leaf
    ]


def _tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from network.named_parameters()
    yield from network.named_buffers()


def _check_present(network: nn.Module) -> None:
    """Every weight is there, whole, and on one device."""
    first: tuple[str, torch.device] | None = None
    for name, tensor in _tensors(network):
        if isinstance(tensor, (UninitializedParameter, UninitializedBuffer)):
            raise NetworkError(
                f"{name} has no shape yet: its module is lazy",
                remedy="run the network once on a batch before pruning, network(inputs), and "
                "train it",
            )
        if tensor.is_meta:
            raise NetworkError(
                f"{name} is on the meta device: it has a shape and no values",
                remedy="build the network on a real device and load its weights "
                "(network.to_empty(device='cpu'), then load_state_dict)",
            )
        if any(kind.__name__ in ("DTensor", "FlatParameter") for kind in type(tensor).__mro__):
            raise NetworkError(
                f"{name} is sharded over processes ({type(tensor).__name__})",
                remedy="gather the full state dict, and load it into a plain network",
            )
        if tensor.ndim == 0:  # a scalar may be anywhere
            continue
        if first is None:
            first = name, tensor.device
        elif tensor.device != first[1]:
            raise NetworkError(
                f"{first[0]} is on {first[1]} and {name}, {describe_tensor(tensor)}, "
                f"on {tensor.device}",
                remedy="move the network to one device: network.to('cpu')",
            )
