"""Problems that a study makes of a network, a task and an objective; and what a selection is worth.

Each network is measured once for each way to measure, and kept in the cache beside the study.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from secateur.errors import FileError, OptionError, StaleError
from secateur.loading import build_network, load_task
from secateur.measured import Measured, Quality, measure_subject
from secateur.methods import Method
from secateur.methods.keywords import measuring_of, wanted_of
from secateur.methods.method import RANDOM
from secateur.methods.resolved import Resolved, resolve
from secateur.methods.wanted import DEVICE
from secateur.network.device import device_of
from secateur.objectives import check_one
from secateur.problem.model import Bits, Problem
from secateur.progress import track
from secateur.pruning.running import prepare
from secateur.pruning.subject import look_at
from secateur.solving import CONTROL
from secateur.statistics.fingerprint import DataFingerprint, fingerprint_network
from secateur.statistics.preserved import preserved_rng
from secateur.study.cell import Instance, canonical, digest
from secateur.study.instances.cache import locked, write_whole
from secateur.tasks.base import Split

SUBJECT = ("network", "weights", "weights_key", "task", "photos", "sidd", "measuring")
"""What of a source says which network is measured, on which data, and how."""
WANTED = ("amount", "budget", "minimum", "maximum", "multiple")
"""What of a source says what a selection has to keep."""


def check_source(source: Mapping[str, Any]) -> None:
    """All that can be said of a source without a network: names, options, amounts.

    Raises:
        SecateurError: with the value that is wrong.
    """
    _method(source)
    wanted = wanted_of(_wanted(source))
    timed = wanted.budget is not None and "time" in wanted.budget
    if timed or wanted.multiple == DEVICE:
        what = "a budget of time" if timed else f"widths in multiples of {DEVICE!r}"
        raise OptionError(
            f"{what} depends on the machine, and an instance must not",
            remedy="give an amount, macs or params, and a number for multiple",
        )


def network_problem(source: Mapping[str, Any]) -> tuple[Problem, dict[str, Any]]:
    """The problem of a source, and what the metric of a selection depends on.

    Arguments:
        source: ``SUBJECT``, ``WANTED``, ``objective``, ``objective_options``, ``judging`` (the
            settings of compensation) and ``cache`` (a folder).

    Raises:
        SecateurError: as ``secateur.measure`` and ``Measured.prune``.
    """
    held = measured(source)
    seed, method = held.measuring.seed, _method(source)
    with preserved_rng(seed):
        job = prepare(held.subject, [wanted_of(_wanted(source))], [method], seed)
        problem = method.objective.problem(held.statistics, job.planners[0].demands)
    return problem, {**source["judging"], **_judged_by(source)}


def measured(source: Mapping[str, Any]) -> Measured:
    """The network of a source, measured now or before."""
    about = {name: source.get(name) for name in SUBJECT}
    return _measured(canonical(about), source["cache"])


@lru_cache(maxsize=4)
def _measured(about: str, cache: str) -> Measured:
    source, folder = json.loads(about), Path(cache)
    network, _ = build_network(source["network"], _path(source["weights"]), source["weights_key"])
    measuring = measuring_of(source["measuring"])
    task = load_task(source["task"], _path(source["photos"]), _path(source["sidd"]), measuring.seed)
    name = digest([source, fingerprint_network(network)])[:32]
    home = folder / "measured" / name
    with locked(folder, "measuring"):
        if home.exists():
            try:
                return Measured.load(home, network, task)
            except (StaleError, FileError):  # other data, or a damaged folder
                shutil.rmtree(home, ignore_errors=True)
        with track(f"measuring {source['network']}"), preserved_rng(measuring.seed):
            made = measure_subject(look_at(network, task, measuring))
        made.save(home)
        return made


def forget() -> None:
    """Drop the networks that this process holds; what is kept in folders stays."""
    _measured.cache_clear()
    _fingerprints.cache_clear()


def _judged_by(source: Mapping[str, Any]) -> dict[str, Any]:
    about = {name: source.get(name) for name in SUBJECT}
    return json.loads(_fingerprints(canonical(about), source["cache"]))


@lru_cache(maxsize=4)
def _fingerprints(about: str, cache: str) -> str:
    """The weights, the data of every split and PyTorch, as JSON."""
    held = measured({**json.loads(about), "cache": cache})
    data = {}
    for split in get_args(Split):
        seen = DataFingerprint()
        with preserved_rng(held.measuring.seed):
            for _ in seen.watch(held.task.batches(split, device_of(held.network))):
                pass
        data[split] = seen.hexdigest()
    return json.dumps(
        {
            "weights": fingerprint_network(held.network),
            "data": data,
            "measuring": held.measuring.public(),
            "torch": torch.__version__,
        }
    )


def judge_network(instance: Instance, bits: Bits) -> Quality:
    """The metric of the network that a selection leaves; measured once, then read.

    Arguments:
        instance: of a network.
        bits: one where a channel is pruned, shape ``(n,)``.

    Raises:
        StaleError: the weights are others than those that the instance was made of.
    """
    folder = Path(instance.source["cache"])
    row = np.asarray(bits, dtype=np.int8).reshape(-1)
    ones = np.flatnonzero(row).tolist()
    name = digest([instance.sha256, instance.judging, len(row), ones])
    path = folder / "judged" / f"{name}.json"
    with locked(folder / "judged", name[:2]):
        found = _read(path)
        if found is not None:
            return found
        held = measured(instance.source)
        weights = fingerprint_network(held.network)
        if weights != instance.judging["weights"]:
            raise StaleError(
                f"{instance.name}: the weights of {instance.source['network']} have changed "
                f"(sha256 {weights[:12]}, then {instance.judging['weights'][:12]})",
                remedy="run the study's file again: it makes other cells of them",
            )
        how = instance.source["judging"]
        with track(f"judging a selection of {instance.name}"):
            quality = held.evaluate(row, **how)
        write_whole(path, json.dumps(asdict(quality)).encode())
    return quality


def _read(path: Path) -> Quality | None:
    try:
        return Quality(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):  # not there, or damaged: it is made again
        return None


def _method(source: Mapping[str, Any]) -> Resolved:
    """The objective with its options; nothing is solved by it."""
    method = Method(
        source["objective"],
        CONTROL,
        objective_options=source.get("objective_options"),
        **source["judging"],
    )
    found = resolve(method)
    check_one(found.objective)
    if found.objective.name == RANDOM:
        raise OptionError(
            f"the objective {RANDOM!r} is no QUBO", remedy="name one that a solver can minimise"
        )
    return found


def _wanted(source: Mapping[str, Any]) -> dict[str, Any]:
    return {name: source[name] for name in WANTED if source.get(name) is not None}


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
