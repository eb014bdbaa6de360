"""The keyword arguments of ``prune``, ``compare`` and ``measure``, for editors and type checkers.

They are declared, with their texts and ranges, in ``Measuring``, ``Wanted`` and ``Method``; a test
holds the names against those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, TypedDict

from secateur.errors import OptionError
from secateur.methods import Method
from secateur.methods.measuring import Measuring
from secateur.methods.ridge import Ridge
from secateur.methods.wanted import Wanted
from secateur.misplaced import is_amount
from secateur.nearest import did_you_mean
from secateur.options import Options, make_options


class MeasuringSettings(TypedDict, total=False):
    """Of ``measure``."""

    tied: bool
    norm_over: Literal["all", "kept"]
    ignored: Any
    probes: int
    seed: int
    measure_batches: int | None
    across_groups: bool


class WantedSettings(TypedDict, total=False):
    """Of a pruning, besides its amount and budget."""

    minimum: Mapping[str, Any] | None
    maximum: Mapping[str, Any] | None
    multiple: int | str | None
    constraints: Any
    runtimes: Any


class MethodSettings(TypedDict, total=False):
    """Of a method."""

    objective: Any
    backend: Any
    refine: Any
    recover: Any
    objective_options: Mapping[str, Any] | None
    options: Mapping[str, Any] | None
    refine_options: Mapping[str, Any] | None
    recover_options: Mapping[str, Any] | None
    time_limit: float | None
    rounds: int
    compensated: bool
    fit_batches: int | None
    ridge: Ridge
    charge: bool
    max_calls: int | None
    name: str


class Pruning(WantedSettings, MethodSettings, total=False):
    """Of ``Measured.prune``."""


class MeasuringAndPruning(MeasuringSettings, Pruning, total=False):
    """Of ``secateur.prune``."""


class MeasuringAndWanted(MeasuringSettings, WantedSettings, total=False):
    """Of ``secateur.compare``."""


def split(given: Mapping[str, Any], *kinds: type[Options]) -> list[dict[str, Any]]:
    """Keyword arguments by the declaration that each belongs to.

    Arguments:
        given: names and values.
        kinds: declarations, none of which share a name.

    Raises:
        OptionError: a name that none declares; the nearest is told.
    """
    parts: list[dict[str, Any]] = [{} for _ in kinds]
    homes = {field.name: number for number, kind in enumerate(kinds) for field in fields(kind)}
    for name, value in given.items():
        if name not in homes:
            raise OptionError(
                f"there is no argument {name!r}",
                remedy=f"{did_you_mean(name, homes)}there are: {', '.join(homes)}",
            )
        parts[homes[name]][name] = value
    return parts


def measuring_of(given: Mapping[str, Any]) -> Measuring:
    """The settings of a measuring.

    Raises:
        OptionError: a value that it cannot have.
    """
    made = make_options(Measuring, given, "measure")
    assert isinstance(made, Measuring)
    return made


def wanted_of(given: Mapping[str, Any]) -> Wanted:
    """What is wanted, with nothing that can be seen to be wrong without a network.

    Raises:
        AmountError: nothing is asked for, or an amount that cannot be understood.
        OptionError: a value that it cannot have.
    """
    for name, inner in (("budget", "macs"), ("minimum", "layer1.*"), ("maximum", "layer1.*")):
        value = given.get(name)
        if is_amount(value):
            goes = f"; or what goes: amount={value!r}" if name == "budget" else ""
            raise OptionError(
                f"the {name} is {value!r}",
                remedy=f'say of what: {name}={{"{inner}": {value!r}}}{goes}',
            )
    made = make_options(Wanted, given, "prune")
    assert isinstance(made, Wanted)
    return made.checked()


def method_of(given: Mapping[str, Any]) -> Method:
    """A method.

    Raises:
        OptionError: a value that it cannot have.
    """
    made = make_options(Method, given, "method")
    assert isinstance(made, Method)
    return made
