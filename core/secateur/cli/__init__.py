"""The command line. Each command is a file; none is imported before it is called."""

from __future__ import annotations

import io
import logging
import os
import sys
from typing import Any

import click

from secateur import __version__
from secateur.cli.common import say
from secateur.cli.lazy import LazyGroup
from secateur.cli.streams import Streams, streams
from secateur.errors import FileError, OptionError, SecateurError
from secateur.shown import escaped_lines

COMMANDS = {
    "demo": "Prune the bundled denoiser by several methods and show the table.",
    "prune": "Prune your own network.",
    "measure": "Measure your own network once, for many prunings.",
    "export": "Write a pruned network as ONNX or for torch.export.",
    "qubo": "Write the QUBO of a network to a file and stop.",
    "solve": "Solve a QUBO file with any backend.",
    "convert": "Write a QUBO file in another format.",
    "verify": "Check a proof of a solution in exact arithmetic.",
    "backends": "List, show, check, cite and write backends.",
    "objectives": "List objectives, and show what one is and its options.",
    "refiners": "List refiners, and show what one is and its options.",
    "recoveries": "List recoveries, and show what one is and its options.",
    "study": "Compare solvers on many problems, and report it with intervals.",
    "train": "Train the example network.",
}
"""Names and one-line helps, so that ``--help`` imports nothing."""

_HOMES = {"objectives": "stages", "refiners": "stages", "recoveries": "stages", "study": "studies"}
"""Commands that are not in a file of their name."""

_EXTRAS = {"demo": "demo", "train": "demo", "export": "export", "study": "study"}
"""Commands that need more than PyTorch, so that one line installs it all."""


@click.group(
    cls=LazyGroup,
    home="secateur.cli",
    helps=COMMANDS,
    homes=_HOMES,
    extras=_EXTRAS,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    examples=[
        "secateur demo",
        "secateur prune --network mymodel:build --task mytask:task --amount 36% --output smaller",
        "secateur study new study.toml",
        "secateur backends new my-solver",
    ],
    page="reference/command-line",
)
@click.version_option(__version__, prog_name="secateur")
@click.option("--quiet", "-q", is_flag=True, help="No progress, only results and errors.")
@click.pass_context
def cli(context: click.Context, quiet: bool) -> None:
    """Prune neural networks by solving a QUBO, with the solver of your choice."""
    if context.invoked_subcommand is None:
        from secateur.cli.doors import DOORS

        say(DOORS)
        return
    from secateur import progress

    progress.show("none" if quiet else "auto")


COMPLETE = "_SECATEUR_COMPLETE"
"""A shell asks for completions by this variable: ``bash_source``, ``bash_complete``."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 an error, 2 wrong usage, 130 interrupted."""
    with streams(last=True) as both:
        code = _run(arguments, both)
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    with streams() as both:
        return _run(arguments, both)


def _run(arguments: list[str] | None, both: Streams) -> int:
    logger = logging.getLogger("secateur")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Shown("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        code = _guarded(arguments)
    finally:
        logger.removeHandler(handler)
    failure = both.answer.failure
    if failure is None:
        return code
    if not both.answer.unread:  # else there is nobody to tell
        from secateur.report.output import cause

        say(
            f"FileError: standard output cannot be written: {cause(failure)}; the answer stands "
            "here\n  Mend: give it a terminal, a pipe or a file with space",
            err=True,
        )
    return code or 1


def _guarded(arguments: list[str] | None) -> int:
    try:
        if COMPLETE in os.environ:
            return _completed(os.environ[COMPLETE])
        _refuse_odd(arguments)
        return _exit_code(cli.main(arguments, prog_name="secateur", standalone_mode=False))
    except SecateurError as error:
        say(f"{type(error).__name__}: {error}", err=True)
        return 1
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt) as stop:
        say("interrupted; nothing half-written was left behind", err=True)
        for note in _notes(stop):  # of a paid job that goes on, for instance
            say(note, err=True)
        return 130
    except click.ClickException as error:
        _shown_usage(error)
        return error.exit_code
    except MemoryError:
        say("SecateurError: memory ran out\n  Mend: a smaller problem or batch", err=True)
        return 1
    except BaseException as error:  # a network, a task, data; our own faults keep their traceback
        from secateur.faults import MEND, told

        said = told(error)
        if said is None:
            raise
        say(f"NetworkError: {said}\n  Mend: {MEND}", err=True)
        return 1


def _notes(error: BaseException) -> list[str]:
    """What was noted on an error and on those that it was made from, each once."""
    notes: dict[str, None] = {}
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        notes |= dict.fromkeys(str(note) for note in getattr(one, "__notes__", ()))
        one = one.__cause__ or one.__context__
    return list(notes)


def _completed(asked: str) -> int:
    """What a shell asked for: the script for it, or what may be typed next."""
    from click.shell_completion import shell_complete

    code = shell_complete(cli, {}, "secateur", COMPLETE, asked)
    if code:
        raise OptionError(
            f"{COMPLETE} is {asked!r}",
            remedy="ask for bash_source, zsh_source or fish_source: "
            "docs/how-to/complete-in-the-shell.md",
        )
    return code


def _shown_usage(error: click.ClickException) -> None:
    """What was wrong in the call, and what to type instead."""
    from secateur.cli.wrong import explained, remedy_of

    if isinstance(error, click.UsageError) and error.ctx is not None:
        error = explained(error, error.ctx, [])
    remedy = remedy_of(error)
    if remedy is not None:
        say(f"UsageError: {error.message}\n  Mend: {remedy}", err=True)
        return
    said = io.StringIO()
    error.show(said)
    say(said.getvalue().rstrip("\n"), err=True)


class _Shown(logging.Formatter):
    """Messages without anything that a terminal obeys."""

    def format(self, record: logging.LogRecord) -> str:
        return escaped_lines(super().format(record))


def _refuse_odd(arguments: list[str] | None) -> None:
    """No shell passes these, and click would look for files of such names."""
    for argument in arguments or ():
        try:
            odd = b"\0" in os.fsencode(argument)
        except UnicodeEncodeError:
            odd = True
        if odd:
            raise FileError(f"{argument!r} is no argument", remedy="no file can be called so")


def _exit_code(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
