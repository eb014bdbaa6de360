"""The order of options: that of use, the same in every command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import click

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "Input": (
        *("--network", "--weights", "--weights-key", "--task", "--photos", "--sidd", "--measured"),
        *("--format", "--maximise", "--study", "--store"),
    ),
    "What is asked": (
        *("--amount", "--budget", "--minimum", "--maximum", "--multiple", "--runtime"),
        *("--untied", "--norm-over", "--ignored"),
        *("--count", "--constraints", "--to", "--numbered", "--fixed-batch"),
        *("--metered", "--again", "--trials"),
    ),
    "How channels are measured": ("--probes", "--measure-batches", "--across-groups"),
    "How it is solved": (
        *("--objective", "--objective-option", "--backend", "--option", "--rounds"),
        *("--refine", "--refine-option", "--evaluations", "--proof"),
    ),
    "How what stays is fitted": (
        *("--no-compensation", "--fit-batches", "--ridge", "--recover", "--recover-option"),
    ),
    "The network": ("--width", "--levels", "--depth", "--unshuffle", "--batch-norm", "--leak"),
    "How it is trained": ("--steps", "--batch", "--patch", "--learning-rate", "--settled"),
    "Output": (
        *("--output", "--resume", "--picture", "--certificate", "--csv", "--parquet"),
        *("--qoblib", "--edition", "--affiliation", "--date", "--no-check", "--open"),
    ),
    "Limits, costs and seed": (
        *("--time-limit", "--max-calls", "--dry-run", "--charge", "--workers", "--engine"),
        *("--threads", "--seed"),
    ),
    "Other": ("--quiet", "--version", "--json", "--help"),
}
"""Every option of the command line, under the heading that it has in a long help."""

_PLACES = {
    flag: (heading, number)
    for number, (heading, flag) in enumerate(
        (heading, flag) for heading, flags in HEADINGS.items() for flag in flags
    )
}


def heading_of(option: click.Parameter) -> str:
    """What an option stands under."""
    return _place(option)[0]


def in_order(parameters: Iterable[click.Parameter]) -> list[click.Parameter]:
    """Arguments as they are given, then the options in the order of use.

    Raises:
        ValueError: an option that has no place in ``HEADINGS``.
    """
    given = list(parameters)
    options = [one for one in given if isinstance(one, click.Option)]
    return [one for one in given if one not in options] + sorted(
        options, key=lambda one: _place(one)[1]
    )


def _place(option: click.Parameter) -> tuple[str, int]:
    for flag in option.opts:
        if flag in _PLACES:
            return _PLACES[flag]
    raise ValueError(f"{option.opts[0]} has no place in secateur.cli.order.HEADINGS")
