"""Files by path or glob, relative to the study; and what their instances are called."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from secateur.errors import FileError, OptionError
from secateur.files.packed import inner
from secateur.files.registry import READ_SUFFIXES
from secateur.files.sidecar import sidecar_of
from secateur.plainfile import check_plain

_SAY_NOTHING = (".txt", ".dat", ".data", ".in")


def find_files(patterns: Sequence[str], folder: Path) -> list[Path]:
    """The files of some paths and globs, each once: as they are listed, those of a glob by name.

    What lies beside a file that secateur wrote, and only tells of it, is none of a glob's.

    Arguments:
        patterns: paths and globs; ``**`` stands for any folders.
        folder: that they are relative to.

    Raises:
        FileError: a path is no file, or a glob matches none.
        OptionError: there is no path, or one is no text.
    """
    if not patterns:
        raise OptionError("files is an empty list", remedy='write files = "instances/*.qubo"')
    found: dict[Path, None] = {}
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise OptionError(f"a file is {pattern!r}", remedy="write a path or a glob in quotes")
        if not glob.has_magic(pattern):
            path = (folder / Path(pattern).expanduser()).absolute()
            check_plain(path)
            found[path] = None
            continue
        matched = _matches(pattern, folder)
        if not matched:
            raise FileError(
                f"no file matches {pattern!r} in {folder}",
                remedy="check the pattern; it is relative to the study's file",
            )
        found |= dict.fromkeys(matched)
    return list(found)


def _matches(pattern: str, folder: Path) -> list[Path]:
    wanted = Path(pattern).expanduser()
    home = Path(wanted.anchor) if wanted.is_absolute() else folder
    relative = str(wanted.relative_to(wanted.anchor)) if wanted.is_absolute() else str(wanted)
    paths = sorted(path.absolute() for path in home.glob(relative))
    hidden = wanted.name.startswith(".")
    beside = {sidecar_of(path) for path in paths}
    return [
        path
        for path in paths
        if path.is_file() and path not in beside and (hidden or not path.name.startswith("."))
    ]


def stems(paths: Sequence[Path]) -> list[str]:
    """What the instances of some files are called: their names without suffixes, each another.

    Folders stand before it, as many as it takes.
    """
    made = [_stem(path) for path in paths]
    depth = 0
    while len(set(made)) < len(made) and depth < max(len(path.parts) for path in paths):
        depth += 1
        often = Counter(made)
        made = [
            "-".join([*path.parts[-1 - depth : -1], _stem(path)]) if often[name] > 1 else name
            for path, name in zip(paths, made, strict=True)
        ]
    return made


def _stem(path: Path) -> str:
    name = inner(path)
    suffix = name.suffix.lower()
    return name.stem if suffix in READ_SUFFIXES or suffix in _SAY_NOTHING else name.name
