"""Statistics as plain arrays and plain data, and back: an exact round trip, checked.

The arrays go into any file that holds named arrays (safetensors, npz), the rest into JSON.
"""

from __future__ import annotations

import hashlib
import json
import math
import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.errors import FileError
from secateur.network import Channels
from secateur.statistics.data import ChannelStatistics

_VECTORS = ("taylor", "gradient", "empirical_fisher", "l1")
_BY_GROUP = ("fisher", "gram", "mean")
_TOLD = ("samples", "probes", "rows", "loss", "seed", "data", "across_groups", "groups")
_AGAIN = "measure again, and save to another folder"


def to_arrays(statistics: ChannelStatistics) -> dict[str, NDArray[np.float64]]:
    """All arrays by name; those of group 3 are ``"gram.3"`` and so on.

    Arguments:
        statistics: from ``collect_statistics``; nothing is copied.
    """
    arrays = {name: getattr(statistics, name) for name in _VECTORS}
    for name in _BY_GROUP:
        arrays |= {f"{name}.{k}": array for k, array in enumerate(getattr(statistics, name))}
    if statistics.fisher_across is not None:
        arrays["fisher_across"] = statistics.fisher_across
    return arrays


def about_arrays(statistics: ChannelStatistics) -> dict[str, Any]:
    """What is no array, as JSON-safe data; among it a SHA-256 of all.

    Arguments:
        statistics: from ``collect_statistics``.
    """
    about = {
        "samples": statistics.samples,
        "probes": statistics.probes,
        "rows": list(statistics.rows),
        "loss": statistics.loss,
        "seed": statistics.seed,
        "data": statistics.data,
        "across_groups": statistics.fisher_across is not None,
        "groups": _groups(statistics.channels),
    }
    return {**about, "sha256": _digest(to_arrays(statistics), about)}


def from_arrays(
    channels: Channels, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]
) -> ChannelStatistics:
    """The statistics that ``to_arrays`` and ``about_arrays`` were made from.

    Arguments:
        channels: that were measured, found again.
        arrays: as ``to_arrays`` gave them.
        about: as ``about_arrays`` gave it, through JSON too.

    Raises:
        FileError: something is missing, is more than there was, has another shape or type, was
            changed, or was measured of other channels.
    """
    if not isinstance(about, Mapping):
        raise _wrong("the description", about)
    samples, probes, seed = (
        _number(about, name, low) for name, low in (("samples", 1), ("probes", 0), ("seed", 0))
    )
    rows = _rows(about, samples * probes)
    loss = about.get("loss")
    if not isinstance(loss, float) or not math.isfinite(loss):
        raise _wrong("loss", loss)
    across = about.get("across_groups")
    if type(across) is not bool or (across and not probes):
        raise _wrong("across_groups", across)
    if about.get("groups") != _groups(channels):
        raise FileError(
            "the statistics were measured of other channels than the network has",
            remedy="load them with the network, and the choice of channels, that they were "
            "measured with",
        )
    _check(arrays, _shapes(channels, probes, across))
    if _digest(arrays, about) != _text(about, "sha256"):
        raise FileError(
            "the statistics are not those that were saved: their SHA-256 is another", remedy=_AGAIN
        )
    numbers = range(len(channels.groups))
    fisher, gram, mean = (
        tuple(arrays[f"{name}.{k}"] for k in numbers if f"{name}.{k}" in arrays)
        for name in _BY_GROUP
    )
    return ChannelStatistics(
        channels=channels,
        samples=samples,
        probes=probes,
        rows=rows,
        loss=loss,
        seed=seed,
        data=_text(about, "data"),
        taylor=arrays["taylor"],
        gradient=arrays["gradient"],
        empirical_fisher=arrays["empirical_fisher"],
        l1=arrays["l1"],
        fisher=fisher,
        gram=gram,
        mean=mean,
        fisher_across=arrays.get("fisher_across"),
    )


def _groups(channels: Channels) -> list[list[Any]]:
    """Which channels there are: every group with the digest of its channels' labels."""
    return [
        [group.name, group.size, hashlib.sha256(repr(group.indices).encode()).hexdigest()[:16]]
        for group in channels.groups
    ]


def _shapes(channels: Channels, probes: int, across: bool) -> dict[str, tuple[int, ...]]:
    n = len(channels)
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(_VECTORS, (n,))
    for k, group in enumerate(channels.groups):
        if probes:
            shapes[f"fisher.{k}"] = (2, group.size, group.size)
        shapes[f"gram.{k}"] = (group.size, group.size)
        shapes[f"mean.{k}"] = (group.size,)
    if across:
        shapes["fisher_across"] = (n, n)
    return shapes


def _check(arrays: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[int, ...]]) -> None:
    for name in [*shapes, *arrays]:
        if name not in arrays or name not in shapes:
            which = "have no array" if name in shapes else "have an unknown array"
            raise FileError(f"the statistics {which} {name!r}", remedy=_AGAIN)
    for name, shape in shapes.items():
        array = arrays[name]
        if not isinstance(array, np.ndarray) or array.dtype != np.float64 or array.shape != shape:
            found = f"{getattr(array, 'dtype', type(array).__name__)} {np.shape(array)}"
            raise FileError(
                f"the array {name!r} of the statistics is {found}, not float64 {shape}",
                remedy=_AGAIN,
            )
        if not np.isfinite(array).all():
            raise FileError(
                f"the array {name!r} of the statistics has values that are NaN or infinite",
                remedy=_AGAIN,
            )


def _digest(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> str:
    told = {name: about.get(name) for name in _TOLD}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=repr).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def _number(about: Mapping[str, Any], name: str, low: int) -> int:
    value = about.get(name)
    if type(value) is not int or value < low:
        raise _wrong(name, value)
    return value


def _text(about: Mapping[str, Any], name: str) -> str:
    value = about.get(name)
    if type(value) is not str:
        raise _wrong(name, value)
    return value


def _rows(about: Mapping[str, Any], total: int) -> tuple[int, int]:
    value = about.get("rows")
    if (
        not isinstance(value, (list, tuple))
        or len(value) != 2
        or any(type(number) is not int or number < 0 for number in value)
        or sum(value) != total
    ):
        raise _wrong("rows", value)
    return value[0], value[1]


def _wrong(name: str, value: object) -> FileError:
    return FileError(f"{name} of the statistics is {reprlib.repr(value)}", remedy=_AGAIN)
