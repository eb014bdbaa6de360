"""``secateur objectives``, ``refiners``, ``recoveries``: which there are, their options."""

from __future__ import annotations

from secateur.cli.showing import Found, stage_group
from secateur.options import declared
from secateur.stages import OBJECTIVES, RECOVERIES, REFINERS, find_stage


def _objective(name: str) -> Found:
    from secateur.objectives import objective_class

    found = objective_class(name)
    return find_stage(OBJECTIVES, name), found, declared(found)


def _refiner(name: str) -> Found:
    from secateur.refine import refiner_class

    found = refiner_class(name)
    return find_stage(REFINERS, name), found, declared(found)


def _recovery(name: str) -> Found:
    from secateur.recover import recovery_class

    found = recovery_class(name)
    return find_stage(RECOVERIES, name), found, declared(found)


objectives = stage_group(OBJECTIVES, _objective, example="residual", page="reference/objectives")
refiners = stage_group(REFINERS, _refiner, example="tt", page="reference/refiners")
recoveries = stage_group(RECOVERIES, _recovery, example="distil", page="reference/recoveries")
