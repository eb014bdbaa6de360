"""``selection.json`` of a folder, read as what it is: somebody's file, every word of it checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from secateur.errors import DataError, FileError
from secateur.network.call import Call, restore_call
from secateur.plainfile import MOST_TEXT, read_plain

FORMAT = 2

_REMEDY = "take the file of a secateur run"


@dataclass(frozen=True, eq=False)
class SelectionFile:
    """What a folder says of its network.

    Arguments:
        kept: indices that stay, ascending, by module path.
        tied: as the channels were found.
        norm_over: as the channels were found.
        example: a call of one sample, of zeros.
        sha256: of the weights' file.
    """

    kept: Mapping[str, tuple[int, ...]]
    tied: bool
    norm_over: Literal["all", "kept"]
    example: Call
    sha256: str


def read_selection(path: Path) -> SelectionFile:
    """The content of ``selection.json``.

    Raises:
        FileError: missing, corrupt, of another format, or with anything in it that no run writes.
    """
    try:
        about = json.loads(read_plain(path, most=MOST_TEXT))
    except (ValueError, RecursionError, MemoryError) as error:
        raise FileError(f"{path} is corrupt: {error}", remedy="fetch or write it again") from error
    if not isinstance(about, dict):
        _wrong(path, f"is a {type(about).__name__}, no object")
    form = about.get("format")
    if isinstance(form, bool) or form != FORMAT:
        raise FileError(
            f"{path} is of format {_short(form)}", remedy=f"this version reads format {FORMAT}"
        )
    for key in ("kept", "tied", "norm_over", "example", "sha256"):
        if key not in about:
            _wrong(path, f"lacks {key!r}")
    if not isinstance(about["tied"], bool):
        _wrong(path, f"says tied: {_short(about['tied'])}")
    if about["norm_over"] not in ("all", "kept"):
        _wrong(path, f"says norm_over: {_short(about['norm_over'])}")
    if not isinstance(about["sha256"], str):
        _wrong(path, f"says sha256: {_short(about['sha256'])}")
    try:
        example = restore_call(about["example"])
    except DataError as error:
        raise FileError(f"{path}: {error.message}", remedy=_REMEDY) from error
    return SelectionFile(
        kept=_kept(path, about["kept"]),
        tied=about["tied"],
        norm_over=about["norm_over"],
        example=example,
        sha256=about["sha256"],
    )


def _kept(path: Path, kept: Any) -> dict[str, tuple[int, ...]]:
    if not isinstance(kept, dict):
        _wrong(path, f"says kept: {_short(kept)}, no object of lists")
    for name, indices in kept.items():
        if not isinstance(indices, list) or not indices:
            _wrong(path, f"keeps {_short(indices)} of {name!r}, no list of indices")
        before = -1
        for index in indices:
            if isinstance(index, bool) or not isinstance(index, int) or index <= before:
                _wrong(path, f"keeps {_short(index)} after {before} of {name!r}: not ascending")
            before = index
    return {name: tuple(indices) for name, indices in kept.items()}


def _wrong(path: Path, what: str) -> NoReturn:
    raise FileError(f"{path} {what}", remedy=_REMEDY)


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deeply, or a number of too many digits
        return f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:60]}…"
