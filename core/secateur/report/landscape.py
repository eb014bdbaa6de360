"""A picture of the curves: what each layer would lose at each width."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from secateur.plainfile import check_new

MOST = 60
"""Layers that are drawn; of more, those with the most channels."""


def draw_curves(curves: Mapping[str, NDArray[np.float64]], path: Path, objective: str) -> None:
    """Small pictures side by side, one a layer, on one scale.

    Arguments:
        curves: by layer, the energy with k channels pruned, shape ``(size + 1,)``.
        path: of the image, a new file; its ending says which kind, PNG without one.
        objective: whose energies these are.

    Raises:
        FileError: something is there already.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    largest = sorted(curves, key=lambda name: -len(curves[name]))[:MOST]
    names = [name for name in curves if name in largest]
    across = min(6, len(names))
    down = -(-len(names) // across)
    figure = Figure(figsize=(2.4 * across, 1.9 * down + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(down, across, squeeze=False, sharey=True)
    for number, axes in enumerate(grid.flat):
        if number >= len(names):
            axes.set_axis_off()
            continue
        curve = curves[names[number]]
        axes.plot(np.arange(len(curve))[::-1], curve, color="#2b6cb0")
        axes.set_title(names[number], fontsize=8)
        axes.tick_params(labelsize=7)
        axes.set_yscale("symlog", linthresh=_threshold(curves))
    figure.supxlabel("channels kept", fontsize=9)
    figure.supylabel(f"energy ({objective})", fontsize=9)
    left_out = f", {len(curves) - len(names)} smaller layers left out" if len(curves) > MOST else ""
    figure.suptitle(f"what each layer would lose at each width{left_out}", fontsize=10)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=110, format=path.suffix[1:] or "png")
    check_new(path)
    try:
        path.write_bytes(drawn.getvalue())
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def _threshold(curves: Mapping[str, NDArray[np.float64]]) -> float:
    """Below it the scale is linear: a hundredth of the largest energy."""
    largest = max((float(np.abs(curve).max()) for curve in curves.values()), default=1.0)
    return 0.01 * largest if largest > 0 else 1.0
