"""The figure of a result; matplotlib is imported only when it is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from secateur.metric import run_batch
from secateur.network.device import device_of

if TYPE_CHECKING:
    from secateur.result import PruningResult

CROP = 96
"""Side of the crops in the figure, in pixels."""


def draw(result: PruningResult, network: nn.Module | None, path: Path) -> None:
    """Crops of a test sample where the task is about images, and the channels kept.

    Arguments:
        result: what is shown.
        network: the dense one; its crop is left out without it.
        path: a PNG file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    crops = _crops(result, network)
    figure = Figure(figsize=(12, 6 if crops else 3), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        2 if crops else 1, max(len(crops), 1), height_ratios=[3, 2][: 1 + bool(crops)]
    )
    for number, (title, image) in enumerate(crops):
        axes = figure.add_subplot(grid[0, number])
        axes.imshow(image, interpolation="nearest")
        axes.set_title(title)
        axes.set_axis_off()
    _draw_layers(figure.add_subplot(grid[-1, :]), result)
    figure.savefig(path, dpi=110)


def _draw_layers(axes: Any, result: PruningResult) -> None:
    groups = result.channels.groups
    keep = result.selection.bits == 0
    kept = [int(keep[group.slice].sum()) for group in groups]
    places = np.arange(len(groups))
    axes.bar(places, [group.size for group in groups], color="#d9d9d9", label="dense")
    axes.bar(places, kept, color="#2b6cb0", label=result.rows[-1].method)
    for place, count in zip(places, kept, strict=True):
        axes.annotate(str(count), (place, count), ha="center", va="bottom", fontsize=8)
    axes.set_xticks(places, [group.name for group in groups], rotation=30, ha="right", fontsize=8)
    axes.set_ylabel("channels")
    axes.set_title(f"channels kept in each layer ({result.selection.count} pruned)")
    axes.legend(frameon=False)


def _crops(
    result: PruningResult, network: nn.Module | None
) -> list[tuple[str, NDArray[np.float32]]]:
    """Input, dense, pruned and target of one test sample, if they are images."""
    batch = next(result.task.batches("test", device_of(result.network))).take(0)
    targets = batch.targets
    if len(batch.call.args) != 1 or batch.call.kwargs or not isinstance(targets, torch.Tensor):
        return []
    inputs = batch.call.args[0]
    if inputs.ndim != 4 or inputs.shape != targets.shape or inputs.shape[1] not in (1, 3):
        return []
    pictures = [("noisy", inputs)]
    with torch.no_grad():
        for title, net in (("dense", network), (result.rows[-1].method, result.network)):
            if net is None:
                continue
            outputs = run_batch(net, batch)
            if not isinstance(outputs, torch.Tensor) or outputs.shape != targets.shape:
                return []
            metric = float(result.task.metrics(outputs, targets, size=1)[0])
            unit = f" {result.task.metric_unit}" if result.task.metric_unit else ""
            pictures.append((f"{title}: {metric:.2f}{unit}", outputs))
        pictures.append(("clean", targets))
    return [(title, _image(tensor)) for title, tensor in pictures]


def _image(tensor: torch.Tensor) -> NDArray[np.float32]:
    picture = tensor[0].clamp(0, 1).movedim(0, -1).cpu().float().numpy()
    top, left = ((side - CROP) // 2 if side > CROP else 0 for side in picture.shape[:2])
    crop = picture[top : top + CROP, left : left + CROP]
    return np.repeat(crop, 3, axis=2) if crop.shape[2] == 1 else crop
