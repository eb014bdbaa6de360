"""Trained weights from a file, whatever they were saved in; nothing is unpickled but tensors."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from secateur.errors import FileError
from secateur.network.door import bare_network, copied
from secateur.plainfile import check_plain
from secateur.surgery.values import check_values

State = Mapping[str, Any]

MOST_WEIGHTS = 2**40
"""Bytes of a file of weights; tensors are mapped or streamed."""
PICKLED = (".pt", ".pth", ".bin", ".ckpt", ".tar")
DEPTH = 3
"""How deep in a checkpoint a state dict is looked for."""
WRAPPERS = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put into names."""


def load_weights(network: nn.Module, path: Path | str, *, key: str | None = None) -> list[str]:
    """Load trained weights into a network, all or none.

    A checkpoint is searched for the state dict that fits: at the top, or under ``"model"``,
    ``"state_dict"`` and the like; names may carry ``module.``, ``_orig_mod.`` or one prefix of
    their own (``model.``).

    Arguments:
        network: changed in place.
        path: ``.safetensors``, or a file of ``torch.save`` (``.pt``, ``.pth``, ``.bin``, ``.ckpt``,
            ``.tar``), read without unpickling anything but tensors.
        key: where in the checkpoint, ``"ema"`` or ``"ema.model"``, if it holds several.

    Returns:
        a sentence for everything that was not as plain as could be.

    Raises:
        FileError: missing, corrupt, truncated, of another kind, not of this architecture, or with
            several state dicts that fit.
        NetworkError: the weights are NaN or infinite.
    """
    path = Path(path)
    network = bare_network(network)
    if path.suffix == ".safetensors":
        content: Any = read_safetensors(path)
    elif path.suffix in PICKLED:
        content = _read_torch(path)
    else:
        raise FileError(
            f"{path} is no weights file that we read",
            remedy=f"give .safetensors, or {', '.join(PICKLED)} with a state dict",
        )
    where, prefix, state = _find(network, content, path, key)
    notes = []
    if where:
        notes.append(f"the weights are those under {where!r} in {path.name}")
    if prefix:
        notes.append(f"their names begin with {prefix!r} there")
    notes += check_values(network, state, path)
    load_state(network, state, path)
    return notes


def load_state(network: nn.Module, state: State, path: Path) -> None:
    """Load a state dict, all or none.

    Raises:
        FileError: it does not fit.
    """
    problems = _problems(network, state)
    if problems:
        raise FileError(
            f"{path} does not fit {type(network).__name__}: {problems[0]}"
            + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""),
            remedy="build the network with the settings that the weights were trained with",
        )
    # a network on the meta device has no values to copy into
    meta = any(parameter.is_meta for parameter in network.parameters())
    network.load_state_dict(state, assign=meta)


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file.

    Raises:
        FileError: missing, corrupt or truncated.
    """
    check_plain(path, most=MOST_WEIGHTS)
    try:
        return load_file(path)
    except Exception as error:  # a header that lies is told in many ways
        raise FileError(
            f"{path} is corrupt or truncated: {error}", remedy="fetch or write it again"
        ) from error


_UNKNOWN_CLASS = re.compile(r"Unsupported global: GLOBAL (\S+) was not an allowed global")
"""What PyTorch says, among much else, of a network that was saved whole."""


def _read_torch(path: Path) -> Any:
    check_plain(path, most=MOST_WEIGHTS)
    _check_unpacked(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds on a bad file
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        whole = _UNKNOWN_CLASS.search(str(error))
        if whole is not None:
            reads = f"torch.load({path.name!r}, weights_only=False)"
            allows = f"torch.serialization.add_safe_globals([{whole[1].rpartition('.')[2]}])"
            raise FileError(
                f"{path} holds an object of the class {whole[1]}, and not tensors alone",
                remedy="save the weights alone, torch.save(network.state_dict(), path); if you "
                f"trust the file, {reads} reads all of it, and {allows} allows the class",
            ) from error
        raise FileError(
            f"{path} is corrupt, truncated, or holds more than tensors: {first_line}",
            remedy="save it again with torch.save(network.state_dict(), path), or, if you trust "
            "the file, allow its classes: torch.serialization.add_safe_globals([…])",
        ) from error


def _check_unpacked(path: Path) -> None:
    """``torch.save`` packs without compressing: what would unpack to more is not of it.

    Raises:
        FileError: the file declares more bytes than it has.
    """
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            declared = sum(entry.file_size for entry in archive.infolist())
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise FileError(
            f"{path} is corrupt or truncated: {error}", remedy="fetch or write it again"
        ) from error
    size = path.stat().st_size
    if declared > size:
        raise FileError(
            f"{path} has {size} bytes and declares {declared}",
            remedy="do not trust it; torch.save writes no such file",
        )


def _problems(network: nn.Module, state: State) -> list[str]:
    """What keeps a state dict from being loaded whole; nothing if it can be."""
    own = network.state_dict()
    wrong = [
        f"{name} is {tuple(state[name].shape)} there and {tuple(own[name].shape)} here"
        for name in own
        if name in state
        and isinstance(own[name], Tensor)
        and isinstance(state[name], Tensor)
        and not is_lazy(own[name])
        and not state[name].is_nested
        and own[name].shape != state[name].shape
    ]
    names = [f"{name} is missing there" for name in sorted(own.keys() - state.keys())]
    names += [f"{name} is unknown here" for name in sorted(state.keys() - own.keys())]
    if names and not wrong and own.keys() & state.keys():
        # modules may rename on loading (weight norm, old style into new), or do without a buffer
        try:
            copied(network).load_state_dict(state)
        except (RuntimeError, KeyError, TypeError, AttributeError):
            return names
        return []
    return names + wrong


def _find(network: nn.Module, content: Any, path: Path, key: str | None) -> tuple[str, str, State]:
    """The one state dict of a file that fits: where it is, its names' prefix, itself."""
    places = dict(_state_dicts(content, "", DEPTH))
    keys = ", ".join(repr(k) for k in content) if isinstance(content, Mapping) else ""
    if key is not None:
        if key not in places:
            raise FileError(
                f"{path} has no state dict under {key!r}; it has "
                + (", ".join(repr(p) for p in places if p) or f"the keys {_short(keys)}"),
                remedy="name one that it has",
            )
        places = {key: places[key]}
    if not places:
        raise FileError(
            f"{path} holds a {type(content).__name__} and no state dict"
            + (f"; its keys are {_short(keys)}" if keys else ""),
            remedy="save it again with torch.save(network.state_dict(), path)",
        )
    fitting = []
    for where, state in places.items():
        for prefix, plain in _plain_names(network, state):
            if not _problems(network, plain):
                fitting.append((where, prefix, plain))
                if plain.keys() == state.keys() or len(plain) == len(state):
                    break
    if len(fitting) > 1:
        names = [
            " ".join([repr(where) if where else "the top", f"({prefix!r})" if prefix else ""])
            for where, prefix, _ in fitting
        ]
        raise FileError(
            f"{path} holds {len(fitting)} sets of weights that fit: "
            f"{', '.join(name.strip() for name in names)}",
            remedy=f"say which: load_weights(network, path, key={fitting[0][0]!r}), or "
            f"--weights-key {fitting[0][0]}"
            if len({where for where, _, _ in fitting}) > 1
            else "save those that are meant by themselves",
        )
    if fitting:
        return fitting[0]
    own = network.state_dict().keys()
    candidates = [
        (where, prefix, plain)
        for where, state in places.items()
        for prefix, plain in _plain_names(network, state)
    ]
    where, prefix, plain = max(candidates, key=lambda c: len(own & c[2].keys()))
    problems = _problems(network, plain)
    at = f" (under {where!r})" if where else ""
    raise FileError(
        f"{path}{at} does not fit {type(network).__name__}: {problems[0]}"
        + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else "")
        + f"; its names are {_short(', '.join(map(repr, plain)))}",
        remedy="build the network with the settings that the weights were trained with",
    )


def _state_dicts(content: Any, where: str, depth: int) -> Iterator[tuple[str, State]]:
    """Every dict of tensors by names in a checkpoint."""
    if not isinstance(content, Mapping) or not content:
        return
    if not all(isinstance(name, str) for name in content):
        return
    tensors = [isinstance(value, Tensor) for value in content.values()]
    if all(
        isinstance(value, Tensor) or name.endswith("_extra_state")
        for name, value in content.items()
    ) and any(tensors):
        yield where, content
        return
    if depth > 0:
        for name, value in content.items():
            yield from _state_dicts(value, f"{where}.{name}" if where else name, depth - 1)


def _plain_names(network: nn.Module, state: State) -> Iterator[tuple[str, State]]:
    """The state dict as it is, without wrappers' names, and what is under one prefix."""
    yield "", state
    bare = {}
    for name, value in state.items():
        for wrapper in WRAPPERS:
            name = _without(name, wrapper)
        bare[name] = value
    if len(bare) == len(state) and bare.keys() != state.keys():
        removed = [w for w in WRAPPERS if any(w in f".{name}" for name in state)]
        yield "".join(removed), bare
    own = network.state_dict().keys()
    first = min(own, default=None)
    if first is None:
        return
    for name in bare:
        if name.endswith(f".{first}"):
            prefix = name[: -len(first)]
            yield prefix, {k[len(prefix) :]: v for k, v in bare.items() if k.startswith(prefix)}


def _without(name: str, wrapper: str) -> str:
    """A name without what a wrapper put in, at the beginning or behind a dot."""
    while name.startswith(wrapper):
        name = name[len(wrapper) :]
    return name.replace(f".{wrapper}", ".")


def _short(text: str, most: int = 300) -> str:
    return text if len(text) <= most else text[:most] + " …"
