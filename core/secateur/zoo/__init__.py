"""The example networks. Nothing in the library knows them: they are pruned like any other."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from typing import Any

from torch import nn

from secateur.errors import FileError
from secateur.zoo.architectures import sizes_of
from secateur.zoo.chain import Chain
from secateur.zoo.halfunet import HalfUNet

__all__ = [
    "Chain",
    "HalfUNet",
    "chain",
    "halfunet",
    "pretrained_chain",
    "pretrained_halfunet",
    "pretrained_small_halfunet",
    "small_halfunet",
]

_CHECKPOINT = files("secateur.zoo") / "checkpoints"


def halfunet() -> nn.Module:
    """A new network of the checkpoint's architecture, with random weights."""
    return HalfUNet(**_sizes("halfunet"))


def small_halfunet() -> nn.Module:
    """A new network of the checkpoint's architecture, with random weights."""
    return HalfUNet(**_sizes("small-halfunet"))


def chain() -> nn.Module:
    """A new network of the checkpoint's architecture, with random weights."""
    return Chain(**_sizes("chain"))


def pretrained_halfunet() -> nn.Module:
    """The trained Half-UNet that comes with secateur, in evaluation mode.

    ``checkpoints/halfunet.json`` holds the command, seed, versions and figures that made it.

    Raises:
        FileError: the checkpoint is missing or corrupt.
    """
    return _trained("halfunet", halfunet())


def pretrained_small_halfunet() -> nn.Module:
    """A trained Half-UNet of two levels, in evaluation mode: each of its filters works.

    Of the larger one the lower levels carry next to nothing, so that a third of its filters can
    leave unnoticed whatever chooses them. ``checkpoints/small-halfunet.json`` holds the command,
    seed, versions and figures that made it.

    Raises:
        FileError: the checkpoint is missing or corrupt.
    """
    return _trained("small-halfunet", small_halfunet())


def pretrained_chain() -> nn.Module:
    """The trained chain that comes with secateur, in evaluation mode.

    ``checkpoints/chain.json`` holds the command, seed, versions and figures that made it.

    Raises:
        FileError: the checkpoint is missing or corrupt.
    """
    return _trained("chain", chain())


def _sizes(name: str) -> dict[str, Any]:
    try:
        recipe = json.loads((_CHECKPOINT / f"{name}.json").read_text("utf-8"))["recipe"]
        return sizes_of(recipe["network"], recipe)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"the checkpoint's {name}.json is missing or corrupt: {error}",
            remedy="install secateur again",
        ) from error


def _trained(name: str, network: nn.Module) -> nn.Module:
    from secateur.surgery import load_weights

    with as_file(_CHECKPOINT / f"{name}.safetensors") as path:
        load_weights(network, path)
    return network.eval()
