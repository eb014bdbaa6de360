"""Networks on disk: safetensors for the weights, JSON for the channels; nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from secateur.errors import FileError, NetworkError
from secateur.network import Channels, find_channels
from secateur.network.call import Call, as_call, describe_call, restore_call
from secateur.network.door import unwrap
from secateur.surgery.slim import slim
from secateur.surgery.weights import load_state, read_safetensors
from secateur.versions import versions

WEIGHTS, SELECTION = "network.safetensors", "selection.json"
FORMAT = 1


def save_slim(
    network: nn.Module,
    channels: Channels,
    keep: NDArray[np.bool_],
    folder: Path | str,
    *,
    example_input: Tensor | Call,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write ``network.safetensors`` and ``selection.json`` of a network made by ``slim``.

    Each file appears complete or not at all.

    Arguments:
        network: the smaller network.
        channels: of the dense network.
        keep: what it was cut with, shape ``(n,)``.
        folder: exists already.
        example_input: one sample, for its shapes, which loading needs.
        about: more for the JSON file.

    Raises:
        FileError: a file cannot be written.
    """
    folder = Path(folder)
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    try:
        _atomically(folder / WEIGHTS, lambda path: save_file(state, path))
        selection = {
            "format": FORMAT,
            **dict(about or {}),
            "coupling": channels.coupling,
            "skipped": [path for path, _ in channels.skipped],
            "kept": channels.keep_by_layer(keep),
            "biases": [
                name
                for name, module in network.named_modules()
                if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None
            ],
            "call": describe_call(as_call(example_input).take(0)),
            "sha256": hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest(),
            "versions": versions(),
        }
        text = json.dumps(selection, indent=2) + "\n"
        _atomically(folder / SELECTION, lambda path: path.write_text(text))
    except OSError as error:
        raise FileError(
            f"{folder} cannot be written: {error}", remedy="check the folder"
        ) from error


def load_slim(network: nn.Module, folder: Path | str) -> nn.Module:
    """The smaller network of a folder, on a fresh instance of the dense architecture.

    Arguments:
        network: of the architecture that was pruned; its weights do not matter, it is not changed.
        folder: with ``network.safetensors`` and ``selection.json``.

    Raises:
        FileError: a file is missing, corrupt, or not of this architecture.
    """
    network, _ = unwrap(network)
    folder = Path(folder)
    about = _read_json(folder / SELECTION)
    weights = folder / WEIGHTS
    state = read_safetensors(weights)
    if hashlib.sha256(weights.read_bytes()).hexdigest() != about.get("sha256"):
        raise FileError(
            f"{weights} is not the file that {SELECTION} describes (its sha256 differs)",
            remedy="take both files from the same run",
        )
    try:
        example = _example(about)
        channels = find_channels(network, example, ignored=())
        kept: dict[str, list[int]] = about["kept"]
        biases = set(about["biases"])
    except (KeyError, TypeError, AttributeError) as error:
        raise FileError(
            f"{folder / SELECTION} lacks {error}", remedy="take the file of a secateur run"
        ) from error
    except NetworkError as error:
        raise _mismatch(folder, network, error.message) from error
    sizes = {member.path: group.size for group in channels.groups for member in group.members}
    for path, indices in kept.items():
        if path not in sizes:
            raise _mismatch(folder, network, f"it has no convolution {path!r} that can be pruned")
        if not indices or min(indices) < 0 or max(indices) >= sizes[path]:
            raise _mismatch(folder, network, f"{path!r} has {sizes[path]} filters")
    keep = np.ones(len(channels), dtype=bool)
    for group in channels.groups:
        if group.path in kept:
            keep[group.slice] = np.isin(np.arange(group.size), kept[group.path])
    small = slim(network, channels, keep, example)
    for name, module in small.named_modules():
        if name in biases and isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is None:
            module.bias = nn.Parameter(module.weight.new_zeros(len(module.weight)))
    load_state(small, state, folder / WEIGHTS)
    return small.eval()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise FileError(f"there is no file {path}", remedy="check the folder") from error
    except (OSError, ValueError) as error:
        raise FileError(f"{path} is corrupt: {error}", remedy="fetch or write it again") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise FileError(
            f"{path} is of format {about.get('format') if isinstance(about, dict) else None}",
            remedy=f"this version reads format {FORMAT}",
        )
    return about


def _example(about: Mapping[str, Any]) -> Call:
    if "call" in about:
        return restore_call(about["call"])
    shape, dtype = about["input"]["shape"], getattr(torch, about["input"]["dtype"])
    return Call((torch.zeros(1, *shape, dtype=dtype),))


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
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
