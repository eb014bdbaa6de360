"""What was measured, as a folder of JSON and safetensors; nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from secateur.errors import FileError, SecateurError, StaleError
from secateur.methods.keywords import measuring_of
from secateur.methods.measuring import Measuring
from secateur.network.device import device_of
from secateur.plainfile import usual_rights
from secateur.progress import track
from secateur.pruning.subject import Prunable, Subject, look_at
from secateur.statistics import ChannelStatistics
from secateur.statistics.fingerprint import fingerprint_data, fingerprint_network
from secateur.statistics.preserved import preserved_rng
from secateur.statistics.store import about_arrays, from_arrays, to_arrays
from secateur.tasks import Task
from secateur.versions import versions

ABOUT, STATISTICS = "measured.json", "statistics.safetensors"
FORMAT = 1


def save_measured(
    folder: Path | str, subject: Subject, statistics: ChannelStatistics, seconds: float
) -> None:
    """Write a measuring; the folder appears complete or not at all.

    Arguments:
        folder: must not exist.
        subject: that was measured.
        statistics: of it.
        seconds: that measuring took.

    Raises:
        FileError: the folder exists or cannot be written.
    """
    about = {
        "format": FORMAT,
        "measuring": subject.measuring.public(),
        "statistics": about_arrays(statistics),
        "task": subject.task.name,
        "labels": _digest(subject.channels.labels),
        "weights": fingerprint_network(subject.network),
        "seconds": seconds,
        "versions": versions(),
    }
    with _new_folder(Path(folder)) as draft:
        save_file(to_arrays(statistics), draft / STATISTICS)
        usual_rights(draft / STATISTICS)
        (draft / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A draft that gets its name when it is complete."""
    if os.path.lexists(folder):
        raise FileError(f"{folder} exists already", remedy="choose another name, or remove it")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as outer:
            draft = Path(outer) / "draft"
            draft.mkdir()
            yield draft
            draft.rename(folder)
    except OSError as error:
        raise FileError(
            f"{folder} cannot be written: {error.strerror or error}",
            remedy="choose another folder, on a disk with space",
        ) from error


def load_measured(
    folder: Path | str, network: Prunable, task: Task
) -> tuple[Subject, ChannelStatistics, float]:
    """What was measured of this network with these data; see ``Measured.load``."""
    if not isinstance(folder, (str, Path)):
        raise FileError(
            f"the folder is of type {type(folder).__name__}",
            remedy="the folder comes first: Measured.load(folder, network, task)",
        )
    folder = Path(folder)
    about = _read(folder)
    measuring = _measuring(about, folder)
    stored = about["statistics"]
    with track("comparing weights and data with those that were measured"):
        with preserved_rng(measuring.seed):
            subject = look_at(network, task, measuring)
        weights = fingerprint_network(subject.network)
        _refuse("weights of the network", about["weights"], weights)
        _refuse("channels of the network", about["labels"], _digest(subject.channels.labels))
        with preserved_rng(measuring.seed):  # a loader that shuffles draws what it drew
            data = fingerprint_data(task, device_of(subject.network), measuring.measure_batches)
        _refuse("calibration data", stored.get("data"), data)
    statistics = from_arrays(subject.channels, _arrays(folder), stored)
    return subject, statistics, float(about["seconds"])


def _arrays(folder: Path) -> dict[str, Any]:
    try:
        return dict(load_file(folder / STATISTICS))
    except (OSError, SafetensorError) as error:
        raise _damaged(folder, f"{STATISTICS} cannot be read: {error}") from error


def _refuse(what: str, then: Any, now: str) -> None:
    if then != now:
        raise StaleError(
            f"the {what} are not those that were measured "
            f"(sha256 {now[:12]}, then {str(then)[:12]})",
            remedy="measure again; data that are drawn anew each time they are read can only be "
            "used at once",
        )


def _digest(labels: Any) -> str:
    return hashlib.sha256("\n".join(map(str, labels)).encode()).hexdigest()


def _read(folder: Path) -> dict[str, Any]:
    try:
        text = (folder / ABOUT).read_text()
        about = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(
            f"{folder} holds nothing that was measured: {ABOUT}: {error}",
            remedy="name a folder that `secateur measure` or Measured.save wrote",
        ) from error
    wanted = {
        "format": int, "measuring": dict, "statistics": dict, "labels": str, "weights": str,
        "seconds": float,
    }  # fmt: skip
    for name, kind in wanted.items():
        if not isinstance(about, dict) or type(about.get(name)) is not kind:
            raise _damaged(folder, f"{name} in {ABOUT} is no {kind.__name__}")
    if about["format"] != FORMAT:
        raise _damaged(folder, f"its format is {about['format']}, and this reads {FORMAT}")
    return dict(about)


def read_settings(folder: Path | str) -> Measuring:
    """The settings that a folder was measured with.

    Raises:
        FileError: it holds nothing that was measured, or is damaged.
    """
    return _measuring(_read(Path(folder)), Path(folder))


def _measuring(about: dict[str, Any], folder: Path) -> Measuring:
    known = {field.name for field in fields(Measuring)}
    if set(about["measuring"]) != known:
        raise _damaged(folder, f"its settings are {', '.join(sorted(about['measuring']))}")
    try:
        return measuring_of(about["measuring"])
    except SecateurError as error:
        raise _damaged(folder, error.message) from error


def _damaged(folder: Path, why: str) -> FileError:
    return FileError(f"{folder} is damaged: {why}", remedy="measure again")
