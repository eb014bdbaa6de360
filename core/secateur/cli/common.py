"""What several commands share: options as ``key=value``, JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from secateur.cli.streams import answer
from secateur.errors import OptionError
from secateur.shown import escaped_lines

if TYPE_CHECKING:
    from secateur.solving import Quote


def key_values(pairs: tuple[str, ...], option: str) -> dict[str, Any]:
    """``("reads=20",)`` as ``{"reads": 20}``; values are read as JSON where they are JSON.

    Raises:
        OptionError: a pair without "=", a key twice, or brackets without end.
    """
    import json  # `--help` of everything need not wait for it

    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            shown, right = _without_value(pair, option)
            raise OptionError(
                f"{option} is {shown!r}", remedy=f"write {option} key=value: {option} {right}"
            )
        if key in values:
            raise OptionError(f"{option} {key}=… is given twice", remedy="give it once")
        try:
            values[key] = json.loads(text)
        except ValueError:
            values[key] = text
        except RecursionError:
            raise OptionError(
                f"{option} {key}=… has brackets in brackets, too many of them",
                remedy="give a number, a word, or a plain list",
            ) from None
    return values


_LIKE = {"--budget": "macs=50%", "--minimum": "conv1=8", "--maximum": "conv1=64"}
"""How options are written whose keys are none of a stage."""


def _without_value(pair: str, option: str) -> tuple[str, str]:
    """What may be shown of a pair without "=", as values may be secrets; and how it is written."""
    key, colon, _ = pair.partition(":")
    if not key.isidentifier():
        return pair, _LIKE.get(option, "reads=50")
    return (f"{key}:…", f"{key}=…") if colon else (key, f"{key}=VALUE")


def say(text: object, *, err: bool = False) -> None:
    """Print for people; whatever is in it, a terminal obeys none of it."""
    click.echo(escaped_lines(str(text)), err=err)


def wrapped(command: str, width: int) -> list[str]:
    """A command in lines that a shell takes for one; no option is parted from its value.

    Arguments:
        command: in one line.
        width: of a line.
    """
    lines: list[str] = []
    for part in re.split(r" (?=--)", command):
        if lines and len(lines[-1]) + 1 + len(part) <= width - 2:
            lines[-1] += f" {part}"
        else:
            lines.append(f"    {part}" if lines else part)
    return [*(f"{line} \\" for line in lines[:-1]), *lines[-1:]]


def show_quote(quote: Quote, as_json: bool) -> None:
    """Print what a search would cost."""
    if as_json:
        print_json(quote.to_json())
    else:
        say(str(quote))


def print_json(data: Mapping[str, Any]) -> None:
    """Data as JSON on standard output."""
    import json

    click.echo(json.dumps(data, indent=2), file=answer())
