"""A plain chain of convolutions of one width, as DnCNN is (Zhang et al. 2017)."""

from __future__ import annotations

from torch import Tensor, nn

from secateur.zoo.layers import block


class Chain(nn.Module):
    """A denoiser that predicts the noise and subtracts it, at one resolution, without skips.

    Convolutions with batch norm and ReLU in a row, behind a head without. Nothing is tied and
    nothing goes round a layer: every filter is a channel of its own, and what is lost is lost.
    Optionally the image is first pixel-unshuffled, as in FFDNet (Zhang et al. 2018).

    Shapes: ``(batch, channels, height, width)`` in and out; height and width are multiples of
    ``unshuffle``.

    Arguments:
        width: filters of every convolution but the head.
        depth: convolutions but the head.
        unshuffle: factor of the pixel unshuffling; 1 for none.
        batch_norm: normalise behind every convolution but the first and the head.
        channels: of the image.
        leak: slope of the non-linearity below zero; with a little of it no filter dies.
    """

    def __init__(
        self,
        width: int = 64,
        depth: int = 8,
        unshuffle: int = 2,
        batch_norm: bool = True,
        channels: int = 3,
        leak: float = 0.0,
    ) -> None:
        super().__init__()
        if min(width, depth, unshuffle, channels) < 1:
            raise ValueError("width, depth, unshuffle and channels are at least 1")
        inner = channels * unshuffle**2
        self.unshuffle = nn.PixelUnshuffle(unshuffle)
        self.shuffle = nn.PixelShuffle(unshuffle)
        self.body = nn.Sequential(
            *(
                block(inner if k == 0 else width, width, batch_norm and k > 0, leak)
                for k in range(depth)
            )
        )
        self.head = nn.Conv2d(width, inner, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """The image without its noise."""
        noise: Tensor = self.shuffle(self.head(self.body(self.unshuffle(image))))
        return image - noise
