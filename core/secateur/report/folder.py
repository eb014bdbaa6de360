"""A result as a folder: result.json, selection.json, network.safetensors, figure.png."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from secateur.errors import FileError
from secateur.network.labels import Origin
from secateur.plainfile import usual_rights
from secateur.report import figure
from secateur.report.output import Saved, cause, places, rescued, try_output
from secateur.surgery.save import SELECTION, WEIGHTS, save_selection, save_weights

if TYPE_CHECKING:
    from secateur.result import PruningResult

__all__ = ["save_or_rescue", "save_result", "save_somehow", "try_output"]

logger = logging.getLogger("secateur")
RESULT, FIGURE = "result.json", "figure.png"


def save_result(
    result: PruningResult, folder: Path | str, network: nn.Module | None = None
) -> None:
    """Write a result; the folder appears complete or not at all, the figure last.

    A figure that cannot be drawn costs only the figure, with a warning.

    Arguments:
        result: from ``prune`` or ``compare``.
        folder: must not exist.
        network: the dense network, for its picture in the figure.

    Raises:
        FileError: the folder exists or cannot be written.
    """
    draft = _Draft(Path(folder))
    try:
        if not (draft.write(result) and draft.move()):
            raise _cannot(draft) from draft.error
    finally:
        draft.remove()
    _draw(result, draft.place, network)


def save_or_rescue(
    result: PruningResult, folder: Path | str, network: nn.Module | None = None
) -> Path:
    """Write a result; if that fails, somewhere else, or what can be written of it.

    Tried in turn: the folder, a new sibling ``NAME-rescued-1``, the current folder, the home, the
    temporary folder.

    Arguments:
        result: from ``prune`` or ``compare``.
        folder: must not exist.
        network: the dense network, for its picture in the figure.

    Returns:
        ``folder``: the result is there, and whole.

    Raises:
        FileError: it is somewhere else, or not whole: the message says where it is, why, and what
            is missing; or nothing of it could be written anywhere.
    """
    saved = save_somehow(result, folder, network)
    if saved.error is not None:
        raise saved.error
    return saved.path


def save_somehow(
    result: PruningResult, folder: Path | str, network: nn.Module | None = None
) -> Saved[tuple[str, ...]]:
    """As ``save_or_rescue``, for those who have more to do before the error is told.

    Returns:
        where it is, the files that are missing there, and the error.

    Raises:
        FileError: nothing of it could be written anywhere.
    """
    folder = Path(folder)
    drafts: list[_Draft] = []
    found: _Draft | None = None
    try:
        for place in (folder, *places(folder, folder=True)):
            drafts.append(_Draft(place))
            if drafts[-1].write(result) and drafts[-1].move():
                found = drafts[-1]
                break
        else:  # what has most of it, the nearest first
            some = sorted((d for d in drafts if d.written), key=lambda draft: len(draft.missing))
            found = next((draft for draft in some if draft.move()), None)
        if found is None:
            raise _cannot(drafts[0]) from drafts[0].error
    finally:  # also Ctrl-C: nothing half-written stays behind
        for draft in drafts:
            draft.remove()
    _draw(result, found.place, network)
    return Saved(found.place, tuple(found.missing), _outcome(drafts[0], found))


def _outcome(first: _Draft, found: _Draft) -> FileError | None:
    """What is not as it should be with a result that was written."""
    lacks = [f"{name} ({cause(error)})" for name, error in found.missing.items()]
    if found is first:
        if not lacks:
            return None
        return FileError(
            f"{found.place} is without {', '.join(lacks)}",
            remedy="the other files are there; in Python, result.network and result.selection "
            "hold all",
        )
    moved = rescued(first.place, found.place, cause(first.error or OSError()))
    if not lacks:
        return moved
    return FileError(f"{moved.message}, without {', '.join(lacks)}", remedy=moved.remedy)


class _Draft:
    """A folder beside the one that it becomes.

    Attributes:
        error: the first thing that went wrong.
        missing: what went wrong, by file.
        written: some file is there.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.error: BaseException | None = None
        self.missing: dict[str, BaseException] = {}
        self.written = False
        self._folder: Path | None = None

    def write(self, result: PruningResult) -> bool:
        """Write every file that can be written; whether all could."""
        with self._noted():
            _refuse_existing(self.place)
            self.place.parent.mkdir(parents=True, exist_ok=True)
            self._folder = Path(
                tempfile.mkdtemp(prefix=f".{self.place.name}-", dir=self.place.parent)
            )
            for name, write in _files(result).items():
                with self._noted(name):
                    write(self._folder)
                    self.written = True
        return self.error is None

    def move(self) -> bool:
        """Give the folder its name; whether it has it."""
        folder = self._folder
        if folder is None:
            return False
        with self._noted():
            usual_rights(folder)
            _refuse_existing(self.place)  # an empty folder would be replaced without a word
            folder.rename(self.place)
            self._folder = None
        return self._folder is None

    def remove(self) -> None:
        """Leave nothing of it, unless it has its name."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @contextlib.contextmanager
    def _noted(self, name: str | None = None) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever it is, the rest of the result is not lost
            self.error = self.error or error
            if name is not None:
                self.missing[name] = error


def _refuse_existing(place: Path) -> None:
    if os.path.lexists(place):
        raise FileError(f"{place} exists already", remedy="choose another name, or remove it")


def _cannot(draft: _Draft) -> FileError:
    if isinstance(draft.error, FileError):
        return draft.error
    return FileError(
        f"{draft.place} cannot be written: {cause(draft.error or OSError())}",
        remedy="choose another folder, on a disk with space",
    )


def _files(result: PruningResult) -> dict[str, Callable[[Path], None]]:
    """What writes each file into a folder; the last one says what the weights are."""
    selection = result.selection
    origin = result.origin or Origin(result.channels, selection.bits == 0)
    digest: list[str] = []

    def write_result(folder: Path) -> None:
        text = json.dumps(result.to_json(), indent=2) + "\n"
        (folder / RESULT).write_text(text, encoding="utf-8")

    def write_weights(folder: Path) -> None:
        digest.append(save_weights(result.network, folder))

    def write_selection(folder: Path) -> None:
        save_selection(
            origin.channels,
            origin.keep,
            folder,
            sha256=digest[0] if digest else None,
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

    return {RESULT: write_result, WEIGHTS: write_weights, SELECTION: write_selection}


def _draw(result: PruningResult, folder: Path, network: nn.Module | None) -> None:
    """Add the figure to a folder that is complete; without it where it cannot be drawn."""
    path = folder / FIGURE
    try:
        figure.draw(result, network, path)
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except BaseException as error:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        why = cause(error)
        if isinstance(error, ModuleNotFoundError) and error.name is not None:
            why = f'{error.name} is missing (pip install "secateur[figures]")'
        logger.warning("%s is not drawn: %s", FIGURE, why)
