"""The problem of an instance, made again wherever it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secateur.errors import StaleError
from secateur.problem.model import Bits, Problem
from secateur.study.cell import Instance
from secateur.study.instances.asked import problem_sha256
from secateur.study.instances.cache import kept_problem
from secateur.study.instances.files import read_problem
from secateur.study.instances.generators import draw

if TYPE_CHECKING:
    from secateur.measured import Quality


def make_problem(source: Mapping[str, Any]) -> Problem:
    """The problem that a source describes, whatever it is today.

    Raises:
        SecateurError: it cannot be made.
    """
    if "file" in source:
        return read_problem(source)[0]
    if "generator" in source:
        return draw(source["generator"], source["options"])[0]
    from secateur.study.instances.networks import network_problem

    return network_problem(source)[0]


@lru_cache(maxsize=4)
def load_problem(instance: Instance) -> Problem:
    """The very problem of an instance; a process keeps the last few.

    That of a network is read from the study's cache where it is there, without PyTorch.

    Arguments:
        instance: of a study that was loaded.

    Raises:
        StaleError: what is made of its source is another problem now.
        SecateurError: it cannot be made.
    """
    source = instance.source
    if "network" in source:
        kept = kept_problem(Path(source["cache"]), instance.sha256)
        if kept is not None:
            return kept
    problem = make_problem(source)
    found = problem_sha256(problem)
    if found != instance.sha256:
        what = source.get("file") or source.get("generator") or source.get("network")
        raise StaleError(
            f"{instance.name}: {what} gives another problem than when the study was read "
            f"(sha256 {found[:12]}, then {instance.sha256[:12]})",
            remedy="run the study's file again: it makes other cells of what has changed",
        )
    return problem


def judge(instance: Instance, bits: Bits) -> Quality | None:
    """What a selection is worth: the metric of the network that it leaves.

    Measured once, and kept in a folder beside the study's file; several processes may ask.

    Arguments:
        instance: of a study that was loaded.
        bits: of the selection, in the order of ``load_problem(instance).variables``.

    Returns:
        None for what is no network's.

    Raises:
        SecateurError: the network is another one now, or cannot be built, cut or run.
    """
    if "network" not in instance.source:
        return None
    from secateur.study.instances.networks import judge_network

    return judge_network(instance, bits)
