"""The example network. Nothing in the library knows it: it is pruned like any other."""

from __future__ import annotations

import json
from importlib.resources import as_file, files

from torch import nn

from secateur.errors import FileError
from secateur.zoo.halfunet import HalfUNet

__all__ = ["HalfUNet", "halfunet", "pretrained_halfunet"]

_CHECKPOINT = files("secateur.zoo") / "checkpoints"


def halfunet() -> nn.Module:
    """A new network of the checkpoint's architecture, with random weights."""
    try:
        recipe = json.loads((_CHECKPOINT / "halfunet.json").read_text("utf-8"))["recipe"]
        names = ("width", "levels", "unshuffle", "batch_norm")
        return HalfUNet(**{name: recipe[name] for name in names})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"the checkpoint's halfunet.json is missing or corrupt: {error}",
            remedy="install secateur again",
        ) from error


def pretrained_halfunet() -> nn.Module:
    """The trained denoiser that comes with secateur, in evaluation mode.

    ``checkpoints/halfunet.json`` holds the command, seed, versions and figures that made it.

    Raises:
        FileError: the checkpoint is missing or corrupt.
    """
    from secateur.surgery import load_weights

    network = halfunet()
    with as_file(_CHECKPOINT / "halfunet.safetensors") as path:
        load_weights(network, path)
    return network.eval()
