"""The strict reader of MATLAB files, against scipy's writer and against damage of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

from secateur.errors import FileError
from secateur.tasks.matlab import read_bytes_array

ARRAY = np.random.default_rng(0).integers(0, 256, (3, 2, 5, 4, 3), dtype=np.uint8)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", ["a", "abcd", "ValidationNoisyBlocksSrgb"])
@pytest.mark.parametrize("array", [ARRAY, ARRAY[0, 0, 0], ARRAY[:1, :1, :1, :1, :1]])
def test_what_scipy_writes_is_read(tmp_path, compressed, name, array):
    path = tmp_path / "a.mat"
    savemat(path, {name: array}, do_compression=compressed)
    read = read_bytes_array(path, name)
    np.testing.assert_array_equal(read, array)
    assert read.dtype == np.uint8


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"other": ARRAY}, "does not hold blocks but 'other'"),
        ({"blocks": ARRAY.astype(np.uint16)}, "no array of uint8"),
        ({"blocks": ARRAY.astype(float)}, "no array of uint8"),
        ({"blocks": "words"}, "no array of uint8"),
        ({"blocks": {"a": ARRAY}}, "no array of uint8|an element"),
    ],
)
def test_another_content_is_named(tmp_path, content, why):
    path = tmp_path / "a.mat"
    savemat(path, content)
    with pytest.raises(FileError, match=why):
        read_bytes_array(path, "blocks")


@pytest.mark.parametrize("compressed", [False, True])
def test_no_damage_goes_unseen_or_further(tmp_path, compressed):
    """Every truncation is an error; a byte that is changed gives an error or an array, no more."""
    path = tmp_path / "a.mat"
    savemat(path, {"blocks": ARRAY}, do_compression=compressed)
    whole = path.read_bytes()
    for length in [*range(0, 260, 3), len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(FileError, match="damaged"):
            read_bytes_array(path, "blocks")
    rng = np.random.default_rng(1)
    for place in range(124, 300):
        data = bytearray(whole)
        data[place] = int(rng.integers(256))
        path.write_bytes(bytes(data))
        try:
            read = read_bytes_array(path, "blocks")
        except FileError:
            continue
        assert read.size == ARRAY.size


def test_a_claimed_size_is_not_believed(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"blocks": ARRAY})
    whole = path.read_bytes()
    sizes = np.array(ARRAY.shape, dtype="<i4").tobytes()
    assert whole.count(sizes) == 1
    for shape in ((2**31 - 1,) * 5, (-3, 2, 5, 4, -3), (3, 2, 5, 4, 4), (0, 2, 5, 4, 3)):
        path.write_bytes(whole.replace(sizes, np.array(shape, dtype="<i4").tobytes()))
        with pytest.raises(FileError, match="of shape"):
            read_bytes_array(path, "blocks")
