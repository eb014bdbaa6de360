"""Options that several commands have: one name, one text, one place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from secateur.cli.completing import of_stages, of_words
from secateur.cli.demanded import CountType

Command = TypeVar("Command", bound=Callable[..., Any])

FILE_FORMATS = "mqlib, biqmac, max-cut"
"""Those that neither suffix nor content say, for helps."""
BACKEND_HELP = (
    "A solver, `secateur backends` lists them; auto: exact by blocks where that can be had, with "
    "annealing beside it; greedy: the control."
)
OBJECTIVE_HELP = "What the QUBO is made of; `secateur objectives` lists what there is."


def json_option(command: Command) -> Command:
    """``--json``."""
    text = "Print one JSON document instead of text."
    return click.option("--json", "as_json", is_flag=True, help=text)(command)


def output_option(text: str, **more: Any) -> Callable[[Command], Command]:
    """``--output``; the text says what is written."""
    return click.option("--output", type=click.Path(path_type=Path), help=text, **more)


def photos_option(command: Command) -> Command:
    """``--photos``."""
    text = (
        "A folder of images for denoising; photographs that come with scikit-image and "
        "scikit-learn unless given."
    )
    return click.option("--photos", type=click.Path(path_type=Path), help=text)(command)


def network_option(command: Command) -> Command:
    """``--network`` of one's own."""
    return click.option(
        "--network",
        "network_name",
        required=True,
        metavar="MODULE:FACTORY",
        help="A function without arguments (or a class) that builds the network.",
    )(command)


def backend_option(default: str) -> Callable[[Command], Command]:
    """``--backend``."""
    return click.option(
        "--backend",
        default=default,
        show_default=True,
        metavar="NAME",
        help=BACKEND_HELP,
        shell_complete=of_stages("backend", "auto", "greedy"),
    )


def objective_option(command: Command) -> Command:
    """``--objective`` where one QUBO is wanted."""
    return click.option(
        "--objective",
        default="fisher",
        show_default=True,
        metavar="NAME",
        help=OBJECTIVE_HELP,
        shell_complete=of_stages("objective"),
    )(command)


def pairs_option(flag: str, name: str, text: str) -> Callable[[Command], Command]:
    """An option of a stage, ``KEY=VALUE``, as often as wanted."""
    return click.option(flag, name, multiple=True, metavar="KEY=VALUE", help=text)


def seed_option(default: int | None) -> Callable[[Command], Command]:
    """``--seed``."""
    return click.option(
        "--seed",
        type=int,
        default=default,
        show_default=default is not None,
        help="Of everything random; from 0 to 2147483647.",
    )


def dry_run_option(command: Command) -> Command:
    """``--dry-run``."""
    text = "Tell what a metered backend would charge, and call nothing that is charged."
    return click.option("--dry-run", is_flag=True, help=text)(command)


def charge_option(command: Command) -> Command:
    """``--charge`` of one search."""
    text = "Let a metered backend charge without a budget."
    return click.option("--charge", is_flag=True, help=text)(command)


def constraints_option(name: str) -> Callable[[Command], Command]:
    """``--constraints``, under the name that the command has for it."""
    return click.option(
        "--constraints",
        name,
        type=click.Path(path_type=Path),
        help="A TOML file of further demands: limits, tied variables, budgets.",
    )


def problem_options(command: Command) -> Command:
    """How a problem's file is read, and what is demanded of it besides."""
    for one in (
        click.option(
            "--count",
            type=CountType(),
            help="So many variables are 1, exactly, 173 or 36%; as the file says unless given.",
        ),
        constraints_option("demands"),
    ):
        command = one(command)
    return format_options(command)


def format_options(command: Command) -> Command:
    """How a problem's file is read."""
    for one in (
        click.option(
            "--format",
            "file_format",
            metavar="NAME",
            help=f"Of the file, where its suffix and content do not say it: {FILE_FORMATS}.",
            shell_complete=of_words(FILE_FORMATS.split(", ")),
        ),
        click.option(
            "--maximise",
            is_flag=True,
            help="The file's objective is to be maximised: it is negated.",
        ),
    ):
        command = one(command)
    return command


def store_option(command: Command) -> Command:
    """``--store`` of a study."""
    text = "Instead of the study's own: a path or a URL."
    return click.option("--store", metavar="URL", help=text)(command)


def title_option(command: Command) -> Command:
    """``--study``, for who has the store and not the file."""
    text = "One study of the store, where no FILE is given."
    return click.option("--study", "title", metavar="TITLE", help=text)(command)


def workers_option(command: Command) -> Command:
    """``--workers``."""
    text = "Processes of this machine, one numerical thread each; as many as processors unless "
    return click.option("--workers", type=int, help=f"{text}given.")(command)


def study_charge_option(command: Command) -> Command:
    """``--charge`` of a study."""
    text = "Run what is metered too, within the study's budget."
    return click.option("--charge", is_flag=True, help=text)(command)
