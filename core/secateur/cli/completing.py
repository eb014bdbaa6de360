"""What a shell offers for values: names, from the metadata of what is installed; no imports."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def of_words(words: Sequence[str]) -> Complete:
    """Some words that are always there."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


def of_stages(noun: str, *more: str) -> Complete:
    """The names that are registered of a kind of stage.

    Arguments:
        noun: of the kind, "backend".
        more: names that mean something beside them.
    """

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from secateur.stages import KINDS, list_stages

        (kind,) = (one for one in KINDS if one.noun == noun)
        known = dict.fromkeys((*more, *(entry.name for entry in list_stages(kind))))
        return [name for name in known if name.startswith(incomplete)]

    return complete
