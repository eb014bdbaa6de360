"""The integers that torch's own modules hold beside their parameters.

The one place that knows module classes: a cut changes parameters by their atoms, and these
attributes have to follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.network.atoms import Atoms, Ids, Made

Kept = Mapping[str, Mapping[int, NDArray[np.bool_]]]
"""What stays of a module's own parameters that changed: by name and dimension."""

_SIZES: list[tuple[type[nn.Module] | tuple[type[nn.Module], ...], Callable[..., None]]] = []


def _of(*classes: type[nn.Module]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def register(function: Callable[..., None]) -> Callable[..., None]:
        _SIZES.append((classes, function))
        return function

    return register


def resize(module: nn.Module, kept: Kept) -> None:
    """Make a module's attributes agree with its cut parameters.

    Arguments:
        module: its parameters have been cut.
        kept: of those that changed.
    """
    if not kept and not isinstance(module, nn.Transformer):
        return
    for classes, function in _SIZES:
        if isinstance(module, classes):
            function(module, kept)
            return


def sizes_of(
    module: nn.Module, out: Tensor, made: Made, atoms: Atoms
) -> Iterator[tuple[str, int | None, Ids]]:
    """The integers of a module without parameters that follow the size of its output.

    Arguments:
        module: whose forward ends.
        out: its output.
        made: what that is made of.
        atoms: that know what is tied.

    Returns:
        names, the index in a tuple or None, and one atom for each of what is counted.
    """
    if next(iter(module.parameters(recurse=False)), None) is not None:
        return
    if isinstance(module, nn.modules.batchnorm._NormBase) and module.running_mean is None:
        lone = isinstance(module, nn.modules.instancenorm._InstanceNorm)
        dim = 0 if lone and out.ndim == module._get_no_batch_dim() else 1  # type: ignore[operator]
        if dim in made.at:
            yield "num_features", None, made.at[dim]
    elif isinstance(module, nn.GroupNorm) and 1 in made.at:
        yield "num_channels", None, made.at[1]
        rows = atoms.roots(made.at[1].reshape(module.num_groups, -1))
        if (rows == rows[:, :1]).all():  # whole groups leave
            yield "num_groups", None, rows[:, 0]
    elif isinstance(module, (nn.LayerNorm, nn.RMSNorm)):
        for index in range(len(module.normalized_shape)):
            dim = out.ndim - len(module.normalized_shape) + index
            if dim in made.at:
                yield "normalized_shape", index, made.at[dim]


@_of(nn.modules.conv._ConvNd)
def _convolution(module: nn.modules.conv._ConvNd, kept: Kept) -> None:
    rows = kept.get("weight", {}).get(0)
    if module.groups > 1 and rows is not None:
        module.groups = int(rows.reshape(module.groups, -1).any(1).sum())
    first, second = module.weight.shape[:2]
    if module.transposed:
        module.in_channels, module.out_channels = first, second * module.groups
    else:
        module.in_channels, module.out_channels = second * module.groups, first


@_of(nn.Linear)
def _linear(module: nn.Linear, kept: Kept) -> None:
    module.out_features, module.in_features = module.weight.shape


@_of(nn.Bilinear)
def _bilinear(module: nn.Bilinear, kept: Kept) -> None:
    module.out_features, module.in1_features, module.in2_features = module.weight.shape


@_of(nn.modules.batchnorm._NormBase)
def _norm(module: nn.modules.batchnorm._NormBase, kept: Kept) -> None:
    module.num_features = int(next(iter(kept.values()))[0].sum())


@_of(nn.LayerNorm, nn.RMSNorm)
def _layer_norm(module: nn.LayerNorm, kept: Kept) -> None:
    module.normalized_shape = tuple(module.weight.shape)


@_of(nn.GroupNorm)
def _group_norm(module: nn.GroupNorm, kept: Kept) -> None:
    groups = kept["weight"][0].reshape(module.num_groups, -1)
    module.num_groups = int(groups.any(1).sum())
    module.num_channels = len(module.weight)


@_of(nn.Embedding)
def _embedding(module: nn.Embedding, kept: Kept) -> None:
    module.num_embeddings, module.embedding_dim = module.weight.shape


@_of(nn.PReLU)
def _prelu(module: nn.PReLU, kept: Kept) -> None:
    module.num_parameters = len(module.weight)


@_of(nn.RNNBase)
def _recurrent(module: nn.RNNBase, kept: Kept) -> None:
    gates = {"LSTM": 4, "GRU": 3}.get(module.mode, 1)
    module.hidden_size = module.get_parameter("weight_hh_l0").shape[0] // gates
    module.input_size = module.get_parameter("weight_ih_l0").shape[1]
    if module.proj_size:
        module.proj_size = module.get_parameter("weight_hr_l0").shape[0]
    module.flatten_parameters()


@_of(nn.RNNCellBase)
def _cell(module: nn.RNNCellBase, kept: Kept) -> None:
    module.hidden_size = module.weight_hh.shape[1]
    module.input_size = module.weight_ih.shape[1]


@_of(nn.Transformer)
def _transformer(module: nn.Transformer, kept: Kept) -> None:
    first = next((m for m in module.decoder.modules() if isinstance(m, nn.LayerNorm)), None)
    if (
        first is not None and first.weight is not None
    ):  # an encoder or decoder of the user's may have none
        module.d_model = first.weight.shape[-1]


@_of(nn.MultiheadAttention)
def _attention(module: nn.MultiheadAttention, kept: Kept) -> None:
    from secateur.operators.attention import SlimAttention

    if module.in_proj_weight is None:
        width, embed = module.q_proj_weight.shape
    else:
        width, embed = module.in_proj_weight.shape[0] // 3, module.in_proj_weight.shape[1]
    heads = width // module.head_dim
    if (heads, embed) != (module.num_heads, module.embed_dim):
        # torch computes the width of a head as embed_dim // num_heads
        module.__class__ = SlimAttention
        module.num_heads, module.embed_dim = heads, embed
        module.kdim = embed if module.in_proj_weight is not None else module.k_proj_weight.shape[1]
        module.vdim = embed if module.in_proj_weight is not None else module.v_proj_weight.shape[1]
        module._qkv_same_embed_dim = False  # keeps transformer layers off their fused path
    module.out_proj.out_features, module.out_proj.in_features = module.out_proj.weight.shape
