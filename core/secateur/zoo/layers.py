"""What the example networks are made of."""

from __future__ import annotations

from torch import nn


def block(inputs: int, outputs: int, batch_norm: bool, leak: float) -> nn.Sequential:
    """A convolution of 3 × 3, batch norm or a bias, and a non-linearity that may leak."""
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=not batch_norm)
    active = nn.LeakyReLU(leak) if leak else nn.ReLU()
    if not batch_norm:
        return nn.Sequential(convolution, active)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), active)
