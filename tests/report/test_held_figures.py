"""What the figures show: the right crops, the right channels, at a size that holds them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from secateur.network import Channels, find_channels
from secateur.report import landscape
from secateur.report.figure import CROP, _crops, _draw_layers, _image, draw
from secateur.tasks import Task
from tests.nets import Chain, mse, seeded


def expected_image(tensor: torch.Tensor) -> np.ndarray:
    """The middle of the first picture, at most CROP to a side, in three colours."""
    _, channels, high, wide = tensor.shape
    top, left = max(0, (high - CROP) // 2), max(0, (wide - CROP) // 2)
    made = np.zeros((min(high, CROP), min(wide, CROP), 3), dtype=np.float32)
    for row in range(made.shape[0]):
        for colour in range(3):
            line = tensor[0, colour if channels == 3 else 0, top + row, left : left + CROP]
            made[row, :, colour] = np.clip(line.numpy(), 0.0, 1.0)
    return made


@pytest.mark.parametrize(
    "shape", [(1, 1, 5, 7), (2, 3, CROP, CROP), (1, 3, CROP + 3, 4), (1, 1, CROP + 10, CROP + 1)]
)
def test_a_crop_is_the_middle_in_three_colours(shape):
    tensor = 2.0 * torch.rand(shape, generator=torch.Generator().manual_seed(0)) - 0.5
    np.testing.assert_array_equal(_image(tensor), expected_image(tensor))


class Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x):
        return self.factor * x


def shown(inputs, targets, network=None, forward=None, unit="dB"):
    task = Task([(inputs, targets)], mse, metric_unit=unit, test=[(inputs, targets)])
    result = SimpleNamespace(
        task=task, network=forward or Times(0.5), rows=[SimpleNamespace(method="mine")]
    )
    return _crops(result, network)


def test_the_pictures_are_input_dense_pruned_and_target():
    inputs, targets = torch.full((2, 3, 4, 4), 0.8), torch.full((2, 3, 4, 4), 0.2)
    found = shown(inputs, targets, Times(1.0))
    assert [title for title, _ in found] == [
        "noisy", "dense: -0.36 dB", "mine: -0.04 dB", "clean",
    ]  # fmt: skip
    assert [float(image.mean()) for _, image in found] == pytest.approx([0.8, 0.8, 0.4, 0.2])
    without = shown(inputs, targets, unit="")
    assert [title for title, _ in without] == ["noisy", "mine: -0.04", "clean"]


class Mean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.tensor(1.0))

    def forward(self, x):
        return self.one * x.mean((2, 3), keepdim=True)


@pytest.mark.parametrize(
    ("inputs", "targets", "forward"),
    [
        (torch.rand(2, 2, 4, 4), torch.rand(2, 2, 4, 4), None),  # no colours
        (torch.rand(2, 4), torch.rand(2, 4), None),
        (torch.rand(2, 3, 4, 4), torch.rand(2, 3, 5, 4), None),
        (torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4), Mean()),
    ],
)
def test_what_is_no_picture_is_not_shown(inputs, targets, forward):
    assert shown(inputs, targets, forward=forward) == []


@pytest.fixture(scope="module")
def channels() -> Channels:
    return find_channels(seeded(Chain), (torch.rand(1, 2, 5, 5)))


def pruned(channels: Channels) -> SimpleNamespace:
    bits = np.zeros(len(channels), dtype=np.int8)
    bits[[0, 1, 5]] = 1
    return SimpleNamespace(
        channels=channels,
        selection=SimpleNamespace(bits=bits, count=3),
        rows=[SimpleNamespace(method="mine")],
    )


def test_the_bars_are_the_channels_and_those_that_stay(channels):
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    result = pruned(channels)
    _draw_layers(axes, result)
    dense, kept = ([bar.get_height() for bar in bars] for bars in axes.containers)
    assert dense == [group.size for group in channels.groups]
    assert kept == [
        int((result.selection.bits[group.slice] == 0).sum()) for group in channels.groups
    ]
    assert sum(dense) - sum(kept) == 3
    assert [text.get_text() for text in axes.texts] == [str(number) for number in kept]
    assert [text.get_position()[1] for text in axes.texts] == kept
    assert [text.get_text() for text in axes.get_xticklabels()] == [g.name for g in channels.groups]
    assert "3 pruned" in axes.get_title()


@pytest.mark.parametrize("pictures", [0, 3])
def test_the_pictures_stand_above_the_bars(channels, monkeypatch, tmp_path, pictures):
    from matplotlib.figure import Figure

    from secateur.report import figure as module

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **how: drawn.append(self))
    made = [(f"p{k}", np.full((2, 2, 3), 0.1 * k)) for k in range(pictures)]
    monkeypatch.setattr(module, "_crops", lambda *_: made)
    draw(pruned(channels), None, tmp_path / "f.png")
    (figure,) = drawn
    *above, below = figure.axes
    assert [axes.get_title() for axes in above] == [title for title, _ in made]
    for axes, (_, image) in zip(above, made, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), image)
        assert not axes.axison
    assert figure.get_size_inches().tolist() == [12, 6 if pictures else 3]
    rows = below.get_gridspec().nrows
    assert rows == (2 if pictures else 1)
    assert below.get_subplotspec().rowspan.stop == rows
    assert below.get_subplotspec().colspan.start == 0
    assert below.get_subplotspec().colspan.stop == below.get_gridspec().ncols
    for number, axes in enumerate(above):
        assert axes.get_subplotspec().colspan.start == number
        assert axes.get_subplotspec().rowspan.start == 0


@pytest.mark.parametrize(
    ("layers", "across", "down"), [(1, 1, 1), (5, 5, 1), (6, 6, 1), (7, 6, 2), (13, 6, 3)]
)
def test_the_curves_stand_in_rows_of_six(monkeypatch, tmp_path, layers, across, down):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **how: drawn.append(self))
    curves = {f"layer{k}": np.linspace(0.0, 4.0 * (k + 1), 3) for k in range(layers)}
    landscape.draw_curves(curves, tmp_path / "c.png", "mine")
    (figure,) = drawn
    grid = figure.axes[0].get_gridspec()
    assert (grid.nrows, grid.ncols) == (down, across)
    wide, high = figure.get_size_inches()
    assert wide == pytest.approx(2.4 * across)
    assert high == pytest.approx(1.9 * down + 0.6)
    assert sum(axes.axison for axes in figure.axes) == layers
    assert [axes.get_title() for axes in figure.axes[:layers]] == list(curves)
    assert {axes.get_ylim() for axes in figure.axes} == {figure.axes[0].get_ylim()}
    scale = figure.axes[0].yaxis.get_transform()
    assert scale.linthresh == pytest.approx(0.01 * 4.0 * layers)


def test_below_a_hundredth_of_the_largest_energy_the_scale_is_linear():
    assert landscape._threshold({"a": np.array([0.0, -5.0]), "b": np.array([3.0])}) == 0.05
    assert landscape._threshold({"a": np.array([0.0])}) == 1.0
    assert landscape._threshold({}) == 0.01
