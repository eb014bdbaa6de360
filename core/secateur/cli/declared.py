"""Options of a command, made from what is declared once for Python and the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click
from click.core import ParameterSource

from secateur.cli.common import key_values
from secateur.cli.completing import of_stages, of_words
from secateur.options import Declared, Options, declared
from secateur.typed import words

Command = TypeVar("Command", bound=Callable[..., Any])

FLAGS = {
    "tied": "--untied",
    "compensated": "--no-compensation",
    "options": "--option",
    "objective_options": "--objective-option",
    "refine_options": "--refine-option",
    "recover_options": "--recover-option",
}
"""What is called otherwise than ``--its-name``: what turns something off, and pairs one by one."""

TURNED_OFF = {
    "tied": "Filters that are added up go one by one, and modules behind them put the rest in "
    "place: more choice, and slower. Otherwise they leave together.",
    "compensated": "Do not re-fit the layers that read pruned channels.",
}
"""What a flag does that turns off what is on by default."""

SHOWN = {
    "budget": "KIND=UPPER",
    "minimum": "PATH=K",
    "maximum": "PATH=K",
    "ignored": "PATH",
    "amount": "AMOUNT",
    "multiple": "N|device",
    **dict.fromkeys(("objective", "backend", "refine", "recover"), "NAME"),
}
"""What stands for a value where it is no KEY=VALUE or NAME."""

OFFERED = {
    "objective": of_stages("objective", "auto"),
    "backend": of_stages("backend", "auto", "greedy"),
    "refine": of_stages("refiner", "none"),
    "recover": of_stages("recovery", "none"),
    "budget": of_words(("params=", "macs=", "time=")),
}
"""What a shell offers for a value."""

PAIRS = ("budget", "minimum", "maximum")
"""Mappings that are called by their names."""


def flag_of(name: str) -> str:
    """What a declared option is called on the command line."""
    return FLAGS.get(name, f"--{name.replace('_', '-')}")


def declared_options(
    kind: type[Options], *, without: tuple[str, ...] = (), shown: Mapping[str, Any] | None = None
) -> Callable[[Command], Command]:
    """Click options for what a class declares.

    Arguments:
        kind: the declaration.
        without: names that the command has in its own way, or not at all.
        shown: names with another default than the declared one.
    """

    def decorated(command: Command) -> Command:
        for one in reversed(declared(kind)):
            if one.name not in without:
                command = _option(kind, one, (shown or {}).get(one.name, one.default))(command)
        return command

    return decorated


def given(values: Mapping[str, Any], kind: type[Options]) -> dict[str, Any]:
    """What a command was given of a declaration: names and values for ``make_options``.

    Arguments:
        values: the command's parameters.
        kind: the declaration.

    Raises:
        OptionError: a pair without "=".
    """
    made: dict[str, Any] = {}
    for one in declared(kind):
        if _parameter(one) not in values:
            continue
        value = values[_parameter(one)]
        if one.name in PAIRS or one.type.startswith("Mapping"):
            made[one.name] = key_values(value, flag_of(one.name)) or None
        elif one.type == "bool":
            made[one.name] = value != one.default
        elif value is not None:
            made[one.name] = list(value) if isinstance(value, tuple) else value
    return made


def typed(context: click.Context, kind: type[Options]) -> list[str]:
    """The flags of a declaration that were typed."""
    return [
        flag_of(one.name)
        for one in declared(kind)
        if context.get_parameter_source(_parameter(one)) is ParameterSource.COMMANDLINE
    ]


def _parameter(one: Declared) -> str:
    """The command's parameter; of what is on by default, whether it was turned off."""
    return f"not_{one.name}" if one.type == "bool" and one.default else one.name


def _option(kind: type[Options], one: Declared, default: Any) -> Callable[[Command], Command]:
    flag = flag_of(one.name)
    first = one.text.partition(" ")[0]  # a value and its meaning stay as they are typed
    about = one.text if first.endswith(":") else one.text[:1].upper() + one.text[1:]
    if one.type == "bool":
        if one.default and one.name not in TURNED_OFF:
            raise ValueError(f"{one.name} is on by default and needs a flag that turns it off")
        text = TURNED_OFF[one.name] if one.default else f"{about}."
        return click.option(flag, _parameter(one), is_flag=True, help=text)
    hint = get_type_hints(kind)[one.name]
    if one.name in PAIRS or one.type.startswith("Mapping"):
        shown = SHOWN.get(one.name, "KEY=VALUE")
        return click.option(
            flag,
            one.name,
            multiple=True,
            metavar=shown,
            help=f"{about}.",
            shell_complete=OFFERED.get(one.name),
        )
    if one.type == "tuple":
        shown = SHOWN.get(one.name, "NAME")
        text = f"{about}; may be given many times."
        return click.option(flag, one.name, multiple=True, metavar=shown, help=text)
    how: dict[str, Any] = {"default": default, "show_default": default not in (None, "")}
    how |= {"metavar": SHOWN.get(one.name), "shell_complete": OFFERED.get(one.name)}
    if get_origin(hint) is Literal:
        how["type"] = click.Choice([str(choice) for choice in get_args(hint)])
        return click.option(flag, one.name, help=f"{about}.", **how)
    if one.type.startswith(("int", "float")):
        how["metavar"] = "|".join(["S" if one.unit == "s" else "N", *map(str, words(hint))])
        if words(hint):  # else it is taken for the type of the default
            how["type"] = str
    unit = f"in {one.unit}" if one.unit else ""
    domain = ", ".join(part for part in (one.domain, unit) if part)
    return click.option(flag, one.name, help=f"{about}{f'; {domain}' if domain else ''}.", **how)
