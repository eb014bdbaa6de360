"""Numbers that reach clocks, threads and generators: checked once, for Python and commands."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import Any

from secateur.errors import OptionError
from secateur.seeds import LARGEST_SEED

LONGEST_SECONDS = 2_000_000.0
"""23 days: in milliseconds a signed number of 32 bits, which is how solvers written in C count."""
MOST_READS = 1_000_000
"""Of one call of a backend."""
MOST_SWEEPS = 10_000_000
"""Of one read: the temperatures of a schedule are 80 MB."""
MOST_CELLS = 2**27
"""Bytes of the reads of one call, a byte for each variable: a search holds those of many calls."""
MOST_PROBES = 10_000
"""For each sample; their gradients are held, those of one batch."""
MOST_ROUNDS = 1_000_000_000
"""Of what takes time and no memory; a time limit or Ctrl-C ends it."""

READS_WHY = "every read is held in memory"
SWEEPS_WHY = "the temperature of every sweep is held in memory"
ROUNDS_WHY = "no more can be done in years"


def check_time_limit(value: Any) -> float | None:
    """Seconds for a search, as a float; None: no limit.

    Raises:
        OptionError: no positive number, or more than ``LONGEST_SECONDS``.
    """
    if value is None:
        return None
    seconds = as_number(value)
    if seconds is None or not 0 < seconds <= LONGEST_SECONDS:
        raise OptionError(
            f"the time limit is {value!r}",
            remedy=f"give a positive number of seconds, at most {LONGEST_SECONDS:,.0f}; leave it "
            "out for no limit",
        )
    return seconds


def check_seed(value: Any) -> int | None:
    """A seed as an int; None: a new one each time.

    Raises:
        OptionError: no whole number from 0 to ``LARGEST_SEED``.
    """
    if value is None:
        return None
    try:
        seed = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        seed = -1
    if not 0 <= seed <= LARGEST_SEED:
        raise OptionError(
            f"the seed is {value!r}", remedy=f"use a whole number from 0 to {LARGEST_SEED}"
        )
    return seed


def check_calls(value: Any) -> int | None:
    """The most calls of a backend; None: as many as a search needs.

    Raises:
        OptionError: no whole number from 1 to ``MOST_ROUNDS``.
    """
    if value is None:
        return None
    try:
        calls = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        calls = 0
    if not 1 <= calls <= MOST_ROUNDS:
        raise OptionError(
            f"max_calls is {value!r}", remedy=f"use a whole number from 1 to {MOST_ROUNDS:,}"
        )
    return calls


def refuse_twice(
    options: Mapping[str, Any], *, seed: int | None = None, time_limit: float | None = None
) -> None:
    """What is given by itself must not be among a backend's options too: one would be dropped.

    Arguments:
        options: of the backend.
        seed: None or 0 where it was not given.
        time_limit: None where it was not given.

    Raises:
        OptionError: one is given twice.
    """
    for name, value in (("seed", seed or None), ("time_limit", time_limit)):
        if value is not None and name in options:
            raise OptionError(
                f"the {name.replace('_', ' ')} is given twice: {value}, and {options[name]} among "
                "the backend's options",
                remedy="give one of them",
            )


def names_and_values(options: Any) -> dict[str, Any]:
    """Options as a dict of their own.

    Raises:
        OptionError: they are no mapping from names.
    """
    if options is None:
        return {}
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise OptionError(
            f"the options are {options!r}", remedy='give names and values: {"reads": 50}'
        )
    return dict(options)


def as_number(value: Any) -> float | None:
    """A finite number as a float; None for everything else."""
    if isinstance(value, (bool, str, bytes)):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
