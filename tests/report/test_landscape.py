"""The picture of the curves."""

from __future__ import annotations

import numpy as np
import pytest

from secateur.report import landscape


@pytest.mark.parametrize(("number", "drawn"), [(1, 1), (8, 8), (70, landscape.MOST)])
def test_every_layer_has_its_curve_or_is_told_to_be_left_out(tmp_path, monkeypatch, number, drawn):
    from matplotlib.figure import Figure

    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **how: figures.append(self))
    curves = {f"layer{k}": np.linspace(0.0, k - 3.0, k + 3) for k in range(number)}
    landscape.draw_curves(curves, tmp_path / "c.png", "mine")
    (figure,) = figures
    lines = {axes.get_title(): axes.lines[0] for axes in figure.axes if axes.lines}
    assert len(lines) == drawn
    for title, line in lines.items():
        kept, energy = line.get_data()
        assert list(kept) == list(range(len(curves[title])))[::-1]
        np.testing.assert_array_equal(energy, curves[title])
    said = figure.get_suptitle()
    assert ("smaller layers left out" in said) == (drawn < number)
    if drawn < number:
        assert f"{number - drawn} smaller" in said
        assert "layer0" not in lines
