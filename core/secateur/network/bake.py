"""Parametrizations baked: weights that are computed from others become plain parameters.

``torch.nn.utils.parametrize`` (new style) makes the weight a property of a class made for the
module; hooks (old style: weight norm, spectral norm, masks of ``torch.nn.utils.prune``) set it as
an attribute before every forward. Both are baked as they are in evaluation mode.
"""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune

# the functions of torch.nn.utils hide the modules of the same names
_weight_norm = importlib.import_module("torch.nn.utils.weight_norm")
_spectral_norm = importlib.import_module("torch.nn.utils.spectral_norm")


def parametrized(network: nn.Module) -> dict[str, str]:
    """Weights that are computed from others: ``{"stem.weight": "weight norm"}``."""
    found = {}
    for path, module in network.named_modules():
        for name, kind in (*_new_style(module).items(), *_old_style(module).items()):
            found[f"{path}.{name}" if path else name] = kind
    return found


def bake(network: nn.Module) -> None:
    """Make every parametrized weight a plain parameter; the network is changed.

    Arguments:
        network: a copy of the user's.
    """
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    for module, _ in modes:
        if _new_style(module):
            _bake_new(module)
        for name in _old_style(module):
            _bake_old(module, name)
    for module, mode in modes:
        module.training = mode


def _new_style(module: nn.Module) -> dict[str, str]:
    if not parametrize.is_parametrized(module):
        return {}
    lists: Any = module.parametrizations
    return {
        name: " and ".join(_words(type(part).__name__) for part in lists[name]) for name in lists
    }


def _bake_new(module: nn.Module) -> None:
    """Values into parameters, and the class back to the module's own.

    ``parametrize.remove_parametrizations`` would take the property out of the class, which a copy
    shares with the user's network, and makes a frozen weight a buffer.
    """
    lists: Any = module.parametrizations
    baked: dict[str, Tensor] = {}
    for name in lists:
        with torch.no_grad():
            value = getattr(module, name).detach().clone()
        parameters = list(lists[name].parameters(recurse=False))
        trained = any(parameter.requires_grad for parameter in parameters)
        baked[name] = nn.Parameter(value, requires_grad=trained) if parameters else value
    module.__class__ = parametrize.type_before_parametrizations(module)
    del module.parametrizations
    for name, value in baked.items():
        if isinstance(value, nn.Parameter):
            module.register_parameter(name, value)
        else:
            module.register_buffer(name, value)


def _old_style(module: nn.Module) -> dict[str, str]:
    found = {}
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, _weight_norm.WeightNorm):
            found[hook.name] = "weight norm"
        elif isinstance(hook, _spectral_norm.SpectralNorm):
            found[hook.name] = "spectral norm"
        elif isinstance(hook, prune.BasePruningMethod):
            found[str(hook._tensor_name)] = "torch.nn.utils.prune"
    return found


def _bake_old(module: nn.Module, name: str) -> None:
    kind = _old_style(module)[name]
    source = {"weight norm": f"{name}_g"}.get(kind, f"{name}_orig")
    trained = module._parameters[source].requires_grad  # type: ignore[union-attr]
    with torch.no_grad():
        if kind == "weight norm":
            _weight_norm.remove_weight_norm(module, name)
        elif kind == "spectral norm":
            _spectral_norm.remove_spectral_norm(module, name)
        else:
            prune.remove(module, name)
    getattr(module, name).requires_grad_(trained)


def _words(name: str) -> str:
    """``_WeightNorm`` as "weight norm"."""
    spaced = "".join(f" {c.lower()}" if c.isupper() else c for c in name.strip("_"))
    return spaced.strip()
