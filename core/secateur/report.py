"""A result as a folder: result.json, selection.json, network.safetensors, figure.png."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from secateur.errors import FileError
from secateur.metric import run_batch
from secateur.network.device import device_of
from secateur.network.labels import Origin
from secateur.result import PruningResult
from secateur.surgery import save_slim

logger = logging.getLogger("secateur")
CROP = 96
"""Side of the crops in the figure, in pixels."""


def save_result(result: PruningResult, folder: Path | str, network: nn.Module) -> None:
    """Write a result; the folder appears complete or not at all.

    Arguments:
        result: from ``prune`` or ``compare``.
        folder: must not exist.
        network: the dense network, for the figure.

    Raises:
        FileError: the folder exists or cannot be written.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileError(f"{folder} exists already", remedy="choose another name, or remove it")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise FileError(
            f"{folder} cannot be written: {error.strerror}", remedy="choose another folder"
        ) from error
    try:
        _write(result, draft, network)
        draft.chmod(0o755)
        draft.rename(folder)
    except BaseException:  # also Ctrl-C: no half-written folder stays behind
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _write(result: PruningResult, folder: Path, network: nn.Module) -> None:
    (folder / "result.json").write_text(json.dumps(result.to_json(), indent=2) + "\n")
    selection = result.selection
    origin = result.origin or Origin(result.channels, selection.bits == 0)
    save_slim(
        result.network,
        origin.channels,
        origin.keep,
        folder,
        example=result.task.example(),
        about={
            "count": selection.count,
            "pruned": list(selection.ones),
            "energy": selection.energy,
            "bound": selection.bound,
            "gap": selection.gap,
            "proof": selection.proof,
            "status": selection.status,
            "stopped": selection.stopped,
            "backend": selection.backend,
            "seed": selection.seed,
            "provenance": dict(selection.provenance),
        },
    )
    try:
        draw(result, network, folder / "figure.png")
    except ModuleNotFoundError as error:
        logger.warning(
            'figure.png is not drawn: %s is missing (pip install "secateur[figures]")', error.name
        )


def draw(result: PruningResult, network: nn.Module, path: Path) -> None:
    """The figure: crops of a test sample where the task is about images, and channels kept."""
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


def _crops(result: PruningResult, network: nn.Module) -> list[tuple[str, NDArray[np.float32]]]:
    """Input, dense, pruned and target of one test sample, if they are images."""
    batch = next(result.task.batches("test", device_of(network))).take(0)
    targets = batch.targets
    if len(batch.call.args) != 1 or batch.call.kwargs or not isinstance(targets, torch.Tensor):
        return []
    inputs = batch.call.args[0]
    if inputs.ndim != 4 or inputs.shape != targets.shape or inputs.shape[1] not in (1, 3):
        return []
    pictures = [("noisy", inputs)]
    with torch.no_grad():
        for title, net in (("dense", network), (result.rows[-1].method, result.network)):
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
