"""The sums of a convolution's regression, against patches laid out one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from secateur.network import Call, find_channels
from secateur.surgery.compensation import designs, fit
from secateur.surgery.compensation.rows import row_sums


@settings(deadline=None, max_examples=60)
@given(
    samples=st.integers(1, 3),
    channels=st.integers(1, 3),
    size=st.tuples(st.integers(3, 9), st.integers(3, 9)),
    kernel=st.tuples(st.integers(2, 4), st.integers(1, 3)),
    step=st.integers(1, 2),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    seed=st.integers(0, 99),
)
def test_the_sums_are_those_of_all_patches(
    samples, channels, size, kernel, step, padding, dilation, seed
):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, channels, *size, generator=generator, dtype=torch.float64)
    spans = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if any(n + 2 * p <= s for n, p, s in zip(size, padding, spans, strict=True)):
        return
    columns = F.unfold(x, kernel, dilation=dilation, padding=padding, stride=(1, step))
    columns = columns.transpose(1, 2).flatten(0, 1)
    height = size[0] + 2 * padding[0] - spans[0]
    rest = torch.randn(len(columns), 2, generator=generator, dtype=torch.float64)
    image = rest.view(samples, height, -1, 2).permute(0, 3, 1, 2)
    sums = row_sums(x, image, kernel, step=step, padding=padding, dilation=dilation)
    if sums is None:
        assert height <= spans[0]
        return
    assert height > spans[0]
    close = {"rtol": 1e-12, "atol": 1e-10}
    torch.testing.assert_close(sums.gram, columns.T @ columns, **close)
    torch.testing.assert_close(sums.cross, columns.T @ rest, **close)
    torch.testing.assert_close(sums.mean, columns.sum(0), **close)
    torch.testing.assert_close(sums.lack, rest.sum(0), **close)
    assert sums.count == len(columns)
    assert sums.square == pytest.approx(float(rest.square().sum()), rel=1e-12)


@pytest.mark.parametrize("chunk", [1 << 22, 1500])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_network_is_fitted_alike_either_way(monkeypatch, chunk, dtype):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 6, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(6, 4, (3, 2), stride=(1, 2), dilation=(2, 1)),
    ).to(dtype)
    calls = [Call((torch.randn(5, 3, 9, 8, dtype=dtype),)) for _ in range(2)]
    channels = find_channels(network, calls[0])
    keep = np.arange(len(channels)) % 3 > 0
    monkeypatch.setattr(designs, "CHUNK", chunk)
    seen = []
    monkeypatch.setattr(designs, "row_sums", lambda *a, **k: seen.append(1) or row_sums(*a, **k))
    by_rows = fit(network, channels, keep, calls)
    assert len(seen) >= (4 if chunk > 1 << 20 else 8)
    monkeypatch.setattr(designs, "row_sums", lambda *_, **__: None)
    by_patches = fit(network, channels, keep, calls)
    tolerance = 1e-9 if dtype == torch.float64 else 0.02
    for one, two in zip(by_rows.layers, by_patches.layers, strict=True):
        assert one.path == two.path
        assert one.before == pytest.approx(two.before, rel=tolerance)
        assert one.after == pytest.approx(two.after, rel=tolerance)
    for one, two in zip(by_rows.network.parameters(), by_patches.network.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=tolerance, atol=tolerance)
