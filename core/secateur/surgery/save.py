"""Networks on disk: safetensors for the weights, JSON for the channels; nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from secateur.errors import DataError, FileError, NetworkError
from secateur.network import Call, Channels, find_channels
from secateur.network.call import describe_call
from secateur.network.cut import cut
from secateur.network.device import device_of
from secateur.network.door import unwrap
from secateur.network.labels import Origin
from secateur.plainfile import check_new, usual_rights
from secateur.surgery.selection_file import FORMAT, read_selection
from secateur.surgery.values import check_values
from secateur.surgery.weights import load_state, read_safetensors
from secateur.versions import versions

WEIGHTS, SELECTION = "network.safetensors", "selection.json"


def save_slim(
    network: nn.Module,
    channels: Channels,
    keep: NDArray[np.bool_],
    folder: Path | str,
    *,
    example: Call,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write ``network.safetensors`` and ``selection.json`` of a network made by ``cut``.

    Each file appears complete or not at all.

    Arguments:
        network: the smaller network.
        channels: of the dense network.
        keep: what it was cut with, shape ``(n,)``.
        folder: exists already.
        example: for its shapes, which loading needs.
        about: more for the JSON file.

    Raises:
        FileError: a file cannot be written.
    """
    digest = save_weights(network, folder)
    save_selection(channels, keep, folder, sha256=digest, example=example, about=about)


def save_weights(network: nn.Module, folder: Path | str) -> str:
    """Write ``network.safetensors``, complete or not at all; its sha256.

    Raises:
        FileError: it cannot be written.
    """
    path = Path(folder) / WEIGHTS
    with _written(path):
        state = {name: tensor.contiguous().clone() for name, tensor in network.state_dict().items()}
        _atomically(path, lambda draft: save_file(state, draft))
        return hashlib.sha256(path.read_bytes()).hexdigest()


def save_selection(
    channels: Channels,
    keep: NDArray[np.bool_],
    folder: Path | str,
    *,
    sha256: str | None,
    example: Call,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write ``selection.json``, complete or not at all.

    Arguments:
        channels: of the dense network.
        keep: what it was cut with, shape ``(n,)``.
        folder: exists already.
        sha256: of the weights' file; None: it could not be written, and cannot be loaded.
        example: for its shapes, which loading needs.
        about: more for the file.

    Raises:
        FileError: it cannot be written.
    """
    path = Path(folder) / SELECTION
    with _written(path):
        selection = {
            "format": FORMAT,
            **dict(about or {}),
            "tied": channels.tied,
            "norm_over": channels.norm_over,
            "stands": [list(pair) for pair in channels.stands],
            "kept": channels.keep_by_layer(keep),
            "example": describe_call(example.take(0)),
            "sha256": sha256,
            "versions": versions(),
        }
        text = json.dumps(selection, indent=2) + "\n"
        _atomically(path, lambda draft: draft.write_text(text))


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Whatever keeps a file from being written is an error of ours."""
    try:
        yield
    except (OSError, SafetensorError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise FileError(
            f"{path.name} cannot be written: {said or type(error).__name__}",
            remedy="check that the folder can be written to and has space",
        ) from error


@dataclass(frozen=True, eq=False)
class Pruned:
    """A smaller network and where it came from: enough to prune it once more.

    Arguments:
        network: in evaluation mode.
        origin: what is left of the dense network's channels.
        example: a call of one sample, of zeros.
    """

    network: nn.Module
    origin: Origin
    example: Call

    def save(self, folder: Path | str) -> None:
        """Write ``network.safetensors`` and ``selection.json`` to a new folder.

        Raises:
            FileError: it exists, or cannot be written.
        """
        check_new(Path(folder))
        try:
            Path(folder).mkdir(parents=True)
        except OSError as error:
            raise FileError(
                f"{folder} cannot be made: {error.strerror}", remedy="choose another folder"
            ) from error
        origin = self.origin
        save_slim(self.network, origin.channels, origin.keep, folder, example=self.example)


def load_slim(network: nn.Module, folder: Path | str) -> nn.Module:
    """The smaller network of a folder; ``load_pruned`` without where it came from.

    Arguments:
        network: a fresh instance of the dense architecture; its weights do not matter.
        folder: that was saved.

    Raises:
        FileError: as ``load_pruned``.
    """
    return load_pruned(network, folder).network


def load_pruned(network: nn.Module, folder: Path | str) -> Pruned:
    """The smaller network of a folder, on a fresh instance of the dense architecture.

    Arguments:
        network: of the architecture that was pruned; its weights do not matter, it is not changed.
        folder: with ``network.safetensors`` and ``selection.json``.

    Raises:
        FileError: a file is missing, corrupt, or not of this architecture.
    """
    network, _ = unwrap(network)
    folder = Path(folder)
    about = read_selection(folder / SELECTION)
    weights = folder / WEIGHTS
    state = read_safetensors(weights)
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != about.sha256:
        raise FileError(
            f"{weights} is not the file that {SELECTION} describes (its sha256 differs)",
            remedy="take both files from the same run",
        )
    example = about.example.to(device_of(network))
    try:
        channels = find_channels(network, example, tied=about.tied, norm_over=about.norm_over)
    except (NetworkError, DataError) as error:
        raise _mismatch(folder, network, error.message) from error
    keep = _keep_of(channels, about.kept, folder, network)
    small = cut(network, channels, keep)
    for note in check_values(small, state, weights):
        raise FileError(
            f"{weights}: {note}", remedy="pass a network of the precision that was pruned"
        )
    load_state(small, state, weights)
    return Pruned(small.eval(), Origin(channels, keep), example)


def _keep_of(
    channels: Channels, kept: Mapping[str, Sequence[int]], folder: Path, network: nn.Module
) -> NDArray[np.bool_]:
    """What stays, from indices by module path; layers that are not named stay whole."""
    known: dict[str, dict[int, int]] = {}
    for number, label in enumerate(channels.labels):
        path, _, index = label.rpartition(":")
        known.setdefault(path, {})[int(index)] = number
    keep = np.ones(len(channels), dtype=bool)
    for path, indices in kept.items():
        if path not in known:
            raise _mismatch(folder, network, f"it has no layer {path!r} that can be pruned")
        wrong = [k for k in indices if k not in known[path]]
        if wrong:
            raise _mismatch(folder, network, f"{path!r} has no channel {wrong[0]}")
        keep[list(known[path].values())] = False
        keep[[known[path][k] for k in indices]] = True
    return keep


def _mismatch(folder: Path, network: nn.Module, why: str) -> FileError:
    return FileError(
        f"{folder} was not made from a {type(network).__name__} like this one: {why}",
        remedy="pass a fresh instance of the architecture that was pruned",
    )


def _atomically(path: Path, write: Any) -> None:
    """A file appears complete or not at all, whatever interrupts the writing."""
    draft = path.with_name(f".{path.name}.part")
    try:
        write(draft)
        usual_rights(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
