"""Wrong calls, answered with the nearest right one.

Imported only where a call is wrong: it may import every command to see where an option lives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from secateur.cli.common import wrapped
from secateur.cli.meant import command_meant, key_of, option_meant, safe, value_meant
from secateur.nearest import nearest

Tree = dict[str, click.Command]
"""Every command by what is typed for it, "secateur study report"."""


class _Wrong(click.UsageError):
    """A wrong call, and what to type instead.

    Arguments:
        message: what is wrong, with what was typed.
        ctx: of the command.
        remedy: the nearest right call, and how to see all.
    """

    def __init__(self, message: str, ctx: click.Context, remedy: str) -> None:
        super().__init__(message, ctx)
        self.remedy = remedy


def remedy_of(error: click.ClickException) -> str | None:
    """What to type instead; None of an error that was not explained."""
    return error.remedy if isinstance(error, _Wrong) else None


def explained(
    error: click.UsageError, ctx: click.Context, typed: Sequence[str]
) -> click.UsageError:
    """What click says of a wrong call, with the nearest right one.

    Arguments:
        error: of click.
        ctx: of the command that was called.
        typed: what follows the command's name.
    """
    if isinstance(error, _Wrong) or type(error).__name__ == "NoArgsIsHelpError":
        return error
    if isinstance(error, click.NoSuchOption):
        return _Wrong(
            f"{ctx.command_path} has no option {error.option_name}",
            ctx,
            f"{_option_remedy(error.option_name, ctx, typed)}{_see_all(ctx)}",
        )
    values, left = _parsed(ctx, typed)
    if left and not isinstance(ctx.command, click.Group):
        return _Wrong(
            f"{ctx.command_path} takes no argument {safe(left[0])!r} there",
            ctx,
            f"{_argument_remedy(left[0], ctx, values)}{_see_all(ctx)}",
        )
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return _Wrong(
            f"{ctx.command_path} needs {_shown(error.param, ctx)}", ctx, f"{_example(ctx)}"
        )
    if isinstance(error, click.BadParameter) and error.param is not None:
        return _bad_value(error, error.param, ctx, values)
    if isinstance(error, click.BadOptionUsage):
        option = _option(ctx.command, error.option_name)
        if option is not None and option.is_flag:
            return _Wrong(
                f"{error.option_name} takes no value", ctx, f"write it alone. {_help(option)}"
            )
        if option is not None:
            return _Wrong(
                f"{error.option_name} has no value",
                ctx,
                f"write {_shown(option, ctx)}. {_help(option)}",
            )
    return _Wrong(error.format_message().rstrip("."), ctx, _example(ctx))


def unknown_command(group: click.Group, ctx: click.Context, name: str) -> click.UsageError:
    """No command of a group has that name.

    Arguments:
        group: that was asked.
        ctx: its context.
        name: as it was typed.
    """
    tree = commands(ctx)
    own = [path for path in tree if path.rpartition(" ")[0] == ctx.command_path]
    meant = command_meant(name, ctx.command_path, own, list(tree))
    hint = f"did you mean {' or '.join(f'`{one}`' for one in meant)}? " if meant else ""
    kind = "command" if ctx.parent is None else "subcommand"
    return _Wrong(
        f"{ctx.command_path} has no {kind} {safe(name)!r}",
        ctx,
        f"{hint}`{ctx.command_path} --help` shows all",
    )


def commands(ctx: click.Context) -> Tree:
    """The whole tree below the first command; one that cannot be imported is left out."""
    root = ctx.find_root()

    def walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield path, command
        if isinstance(command, click.Group):
            for name in command.list_commands(root):
                try:
                    found = command.get_command(root, name)
                except ImportError:
                    continue
                if found is not None:
                    yield from walk(f"{path} {name}", found)

    return dict(walk(root.command_path, root.command))


def _option_remedy(flag: str, ctx: click.Context, typed: Sequence[str]) -> str:
    """Which option is meant by one that the command does not have."""
    own = [name for one in _options(ctx.command) for name in (*one.opts, *one.secondary_opts)]
    plain = flag.lower().replace("_", "-")
    known = plain if plain in own else option_meant(flag, own)
    if known:
        return f"did you mean {known}? "
    key = key_of(flag, own, typed, lambda command, name: _keys(ctx, command, name))
    if key:
        return key
    for one in ctx.command.params:
        if isinstance(one, click.Argument) and flag.lstrip("-").replace("-", "_") == one.name:
            return f"write {one.make_metavar(ctx)} without {flag}, as in `{_first(ctx)}`. "
    parts = []
    # without the dashes, which every option has in common with every other
    words = {name.lstrip("-"): name for name in (*own, *ctx.help_option_names)}
    near = nearest(flag.lstrip("-"), words)
    if near is not None:
        parts.append(f"did you mean {words[near]}? ")
    lives = [
        path
        for path, command in commands(ctx).items()
        if any(flag in (*one.opts, *one.secondary_opts) for one in _options(command))
    ]
    root = ctx.find_root().command_path
    if lives == [root]:
        below = ctx.command_path.removeprefix(root)
        parts.append(f"{flag} stands before the command: `{root} {flag}{below} …`. ")
    elif lives:
        parts.append(f"{flag} is an option of {_some(lives)}. ")
    return "".join(parts)


def _some(paths: list[str]) -> str:
    """Commands in a sentence: three, and how many more."""
    shown = [f"`{one}`" for one in (paths if len(paths) < 5 else paths[:3])]
    if len(paths) > len(shown):
        return f"{', '.join(shown)} and {len(paths) - len(shown)} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def _keys(ctx: click.Context, command: str, name: str) -> list[str]:
    """The options of a stage by the command that shows it; none where it cannot be found."""
    from secateur.errors import SecateurError

    group = commands(ctx).get(f"{ctx.find_root().command_path} {command}")
    find = getattr(group, "find", None)  # of a StageGroup
    if find is None:
        return []
    try:
        return [one.name for one in find(name)[2]]
    except (SecateurError, ImportError):  # its name is wrong too: one thing after the other
        return []


def _argument_remedy(value: str, ctx: click.Context, values: dict[str, Any]) -> str:
    """Which option is meant by a value that stands alone."""
    free = {
        name: one
        for one in _options(ctx.command)
        if one.multiple or one.name not in values
        for name in one.opts
    }
    meant = value_meant(value, free)
    if meant is not None:
        return f"did you mean {meant}? "
    taken = [one.make_metavar(ctx) for one in ctx.command.params if isinstance(one, click.Argument)]
    return f"it takes {' '.join(taken) or 'options only'}, as in `{_first(ctx)}`. "


def _bad_value(
    error: click.BadParameter, one: click.Parameter, ctx: click.Context, values: dict[str, Any]
) -> click.UsageError:
    """A value that is no choice, or no number."""
    given = values.get(one.name or "")
    some = list(given) if isinstance(given, (list, tuple)) else [given]
    name = one.opts[0] if isinstance(one, click.Option) else one.make_metavar(ctx)
    if isinstance(one.type, click.Choice):
        choices = [str(choice) for choice in one.type.choices]
        wrong = next((str(value) for value in some if str(value) not in choices), str(given))
        near = nearest(wrong, choices)
        hint = f"did you mean {near}? " if near is not None else ""
        return _Wrong(f"{name} is {wrong!r}", ctx, f"{hint}It is one of: {', '.join(choices)}")
    said = error.message.rstrip(".")
    return _Wrong(f"{name}: {said}", ctx, f"write {_shown(one, ctx)}. {_help(one)}")


def _parsed(ctx: click.Context, typed: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """What was typed for each parameter that was given, and what is left over."""
    try:
        values, left, _ = ctx.command.make_parser(ctx).parse_args(list(typed))
    except click.UsageError:
        return {}, []
    given = {name: value for name, value in values.items() if isinstance(value, (str, list, tuple))}
    return given, left


def _options(command: click.Command) -> list[click.Option]:
    return [one for one in command.params if isinstance(one, click.Option)]


def _option(command: click.Command, flag: str) -> click.Option | None:
    return next((one for one in _options(command) if flag in one.opts), None)


def _shown(one: click.Parameter, ctx: click.Context) -> str:
    """A parameter as it is typed, "--count N"."""
    if not isinstance(one, click.Option):
        return one.make_metavar(ctx)
    return one.opts[0] if one.is_flag else f"{one.opts[0]} {one.make_metavar(ctx)}"


def _help(one: click.Parameter) -> str:
    return getattr(one, "help", None) or "As in the example"


def _see_all(ctx: click.Context) -> str:
    return f"`{ctx.command_path} --help` shows all"


def _first(ctx: click.Context) -> str:
    """The first example of the command that was called, or how its help is had."""
    examples = getattr(ctx.command, "examples", None)  # of a command that is Taught
    return examples[0] if examples else f"{ctx.command_path} --help"


def _example(ctx: click.Context) -> str:
    """The first example, as lines that a shell takes."""
    lines = wrapped(_first(ctx), 76)
    return "for example:\n    " + "\n    ".join(lines) + f"\n  {_see_all(ctx)}"
