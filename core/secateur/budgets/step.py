"""The step of a device: to whose multiples widths may be rounded up for nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from secateur.errors import MetricError

STEPS = (64, 32, 16, 8, 4)
WIDTHS = tuple(range(20, 97, 4))
"""Widths that are timed; below 16 the constant cost of a call hides the step."""
FREE = 0.05
"""Rounding up is free where it costs less than this, which is the noise of a quiet machine."""
MOSTLY = 0.9
"""It has to be free for so many of the widths."""


def step_of(seconds: Mapping[int, float], *, free: float = FREE) -> int:
    """The largest step to whose next multiple nearly every width can be rounded up for nothing.

    Arguments:
        seconds: of one layer by its width.
        free: what may be added, as a share.

    Raises:
        MetricError: no time, or one that is not positive.
    """
    if not seconds or not all(value > 0 for value in seconds.values()):
        raise MetricError(
            f"the times by width are {dict(seconds)}", remedy="give positive seconds by width"
        )
    for step in STEPS:
        pairs = [(width, -(-width // step) * step) for width in seconds if width % step]
        known = [(a, b) for a, b in pairs if b in seconds]
        if not known:
            continue
        # a width that is dearer than a larger one is where a step shows
        good = sum(seconds[b] <= (1.0 + free) * seconds[a] for a, b in known)
        if good >= MOSTLY * len(known):
            return step
    return 1


def measure_step(
    measure: Callable[[Mapping[str, Callable[[], object]]], Mapping[str, float]],
    *,
    widths: Sequence[int] = WIDTHS,
    positions: int = 48,
    free: float = FREE,
) -> int:
    """The step of this device for 3×3 convolutions in PyTorch.

    Arguments:
        measure: seconds of several things that are run in turn, by name.
        widths: channels in and out.
        positions: height and width of the image.
        free: as for ``step_of``.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    runs: dict[str, Callable[[], object]] = {}
    for width in widths:
        layer = torch.nn.Conv2d(width, width, 3, padding=1, bias=False).eval()
        image = torch.randn(1, width, positions, positions, generator=generator)
        runs[str(width)] = _forward(layer, image)
    seconds = measure(runs)
    return step_of({width: float(seconds[str(width)]) for width in widths}, free=free)


def _forward(layer: Callable[[object], object], image: object) -> Callable[[], object]:
    import torch

    def run() -> object:
        with torch.inference_mode():
            return layer(image)

    return run
