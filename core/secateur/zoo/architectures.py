"""Which networks there are, and what of a recipe each takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from secateur.zoo.chain import Chain
from secateur.zoo.halfunet import HalfUNet

ARCHITECTURES: Mapping[str, type[nn.Module]] = {"halfunet": HalfUNet, "chain": Chain}
OWN = {"halfunet": "levels", "chain": "depth"}
"""The size that a network has and the others have not."""


def sizes_of(network: str, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What a network takes, from a recipe's data.

    Raises:
        KeyError: it is not there.
    """
    names = ("width", OWN[network], "unshuffle", "batch_norm", "leak")
    return {name: recipe[name] for name in names}
