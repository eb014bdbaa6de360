"""Half-UNet: one width at every level, all levels upsampled and summed (Lu et al. 2022)."""

from __future__ import annotations

from torch import Tensor, nn

from secateur.zoo.layers import block


class HalfUNet(nn.Module):
    """A denoiser that predicts the noise and subtracts it.

    Encoder: at each level two convolutions with batch norm and ReLU, max-pooling in between.
    Decoder: every level upsampled to the first one's resolution and summed, then two convolutions.
    Optionally the image is first pixel-unshuffled (a quarter of the positions, four times the
    channels), which saves most of the computation.

    Shapes: ``(batch, channels, height, width)`` in and out; height and width are multiples of
    ``unshuffle · 2^(levels - 1)``.

    Arguments:
        width: filters of every convolution but the head.
        levels: resolutions.
        unshuffle: factor of the pixel unshuffling; 1 for none.
        batch_norm: normalise behind every convolution but the head.
        channels: of the image.
        leak: slope of the non-linearity below zero; with a little of it no filter dies.
    """

    def __init__(
        self,
        width: int = 48,
        levels: int = 4,
        unshuffle: int = 2,
        batch_norm: bool = True,
        channels: int = 3,
        leak: float = 0.0,
    ) -> None:
        super().__init__()
        if min(width, levels, unshuffle, channels) < 1:
            raise ValueError("width, levels, unshuffle and channels are at least 1")
        inner = channels * unshuffle**2
        self.unshuffle = nn.PixelUnshuffle(unshuffle)
        self.shuffle = nn.PixelShuffle(unshuffle)
        self.pool = nn.MaxPool2d(2)
        self.encoder = nn.ModuleList(
            nn.Sequential(
                block(inner if level == 0 else width, width, batch_norm, leak),
                block(width, width, batch_norm, leak),
            )
            for level in range(levels)
        )
        self.upsample = nn.ModuleList(
            nn.Upsample(scale_factor=2.0**level, mode="bilinear", align_corners=False)
            for level in range(1, levels)
        )
        self.decoder = nn.Sequential(
            block(width, width, batch_norm, leak), block(width, width, batch_norm, leak)
        )
        self.head = nn.Conv2d(width, inner, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """The image without its noise."""
        level = self.encoder[0](self.unshuffle(image))
        total = level
        for encode, upsample in zip(list(self.encoder)[1:], self.upsample, strict=True):
            level = encode(self.pool(level))
            total = total + upsample(level)
        noise: Tensor = self.shuffle(self.head(self.decoder(total)))
        return image - noise
