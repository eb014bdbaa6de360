"""Which operations keep a channel that is zero at zero, and in its place."""

from __future__ import annotations

from torch import fx, nn

SUMS = frozenset({"add", "iadd", "add_", "sub", "isub", "sub_"})
PRODUCTS = frozenset({"mul", "imul", "mul_", "truediv", "div"})
CONCATENATIONS = frozenset({"cat", "concat", "concatenate"})
REDUCTIONS = frozenset({"mean", "sum", "amax", "amin"})

KEEPING_FUNCTIONS = frozenset(
    {
        "relu",
        "relu_",
        "relu6",
        "leaky_relu",
        "elu",
        "celu",
        "selu",
        "gelu",
        "silu",
        "mish",
        "hardswish",
        "tanh",
        "dropout",
        "dropout2d",
        "contiguous",
        "max_pool2d",
        "boolean_dispatch",
        "avg_pool2d",
        "adaptive_avg_pool2d",
        "adaptive_max_pool2d",
        "interpolate",
        "upsample",
        "neg",
        "clone",
        "detach",
    }
)
"""f(0) = 0 for every channel by itself. torch traces ``F.max_pool2d`` as ``boolean_dispatch``."""

KEEPING_MODULES: tuple[type[nn.Module], ...] = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.CELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Hardswish,
    nn.Hardtanh,
    nn.Tanh,
    nn.Identity,
    nn.Dropout,
    nn.Dropout2d,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.Upsample,
    nn.UpsamplingNearest2d,
    nn.UpsamplingBilinear2d,
    nn.ZeroPad2d,
    nn.ReflectionPad2d,
    nn.ReplicationPad2d,
)
"""The same as modules."""


def keeps_zero(module: nn.Module) -> bool:
    """Whether a module of ``KEEPING_MODULES``, or a normalisation, maps zero to zero."""
    if isinstance(module, nn.Hardtanh):
        return module.min_val <= 0.0 <= module.max_val
    if isinstance(module, nn.InstanceNorm2d):
        return not module.affine and not module.track_running_stats
    return not isinstance(module, nn.BatchNorm2d)


def flattens_from_one(node: fx.Node) -> bool:
    """``flatten(x, 1)``: channels and space into one dimension."""
    start = node.args[1] if len(node.args) > 1 else node.kwargs.get("start_dim", 0)
    end = node.args[2] if len(node.args) > 2 else node.kwargs.get("end_dim", -1)
    return bool(start == 1) and bool(end == -1)


def slices_space_only(node: fx.Node) -> bool:
    """``x[:, :, a:b, c:d]`` or ``x[..., a:b, c:d]``."""
    index = node.args[1]
    if not isinstance(index, tuple):
        return isinstance(index, slice) and bool(index == slice(None))
    if any(isinstance(part, fx.Node) or not isinstance(part, (slice, type(...))) for part in index):
        return False
    if index and index[0] is Ellipsis:
        return len(index) <= 3
    return all(isinstance(part, slice) and bool(part == slice(None)) for part in index[:2])


def reduces_space_only(node: fx.Node, rank: int) -> bool:
    """A mean or sum over some of the dimensions behind the channels."""
    dimensions = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    if isinstance(dimensions, int):
        dimensions = (dimensions,)
    if not isinstance(dimensions, (tuple, list)) or not all(isinstance(d, int) for d in dimensions):
        return False
    return all(int(d) % rank >= 2 for d in dimensions if isinstance(d, int))


def pads_space_with_zeros(node: fx.Node) -> bool:
    """``F.pad`` of the last two dimensions, with zeros or with what is there."""
    widths = node.args[1] if len(node.args) > 1 else node.kwargs.get("pad")
    mode = node.args[2] if len(node.args) > 2 else node.kwargs.get("mode", "constant")
    value = node.args[3] if len(node.args) > 3 else node.kwargs.get("value")
    if not isinstance(widths, (tuple, list)) or len(widths) > 4:
        return False
    return mode != "constant" or value in (None, 0, 0.0)


def reads_space_of_shape(node: fx.Node) -> bool:
    """A shape, read only behind the channels or at the batch: ``x.shape[-2:]``, ``x.size(0)``."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    if name == "size" and len(node.args) == 2:
        return node.args[1] not in (1, -3)
    is_shape = name == "size" or (name == "getattr" and node.args[1] == "shape")
    return is_shape and all(
        getattr(user.target, "__name__", "") == "getitem" and _spatial(user.args[1])
        for user in node.users
    )


def _spatial(index: object) -> bool:
    if isinstance(index, int):
        return index not in (1, -3)
    if isinstance(index, slice):
        return index.start is not None and (index.start >= 2 or index.start in (-1, -2))
    return False
