"""``--count`` and ``--constraints``: what a command demands of a problem besides its file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from secateur.files import QuboFile
    from secateur.problem import Constraint

    Texts = click.ParamType[str]
else:
    Texts = click.ParamType  # click 8.2 has no other


class CountType(Texts):
    """A count, or a share of the variables, as texts."""

    name = "count"
    _forms = re.compile(r"[+-]?\d+|0?\.\d+|\d+(\.\d+)?\s*%")

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The text, if it is of one of the forms."""
        if not self._forms.fullmatch(str(value).strip()):
            self.fail(f"{value!r} is not a count: write 12, or a share, 36% or 0.36", param, ctx)
        return str(value)


def demands_of(
    content: QuboFile, file: Path, count: str | None, constraints: Path | None
) -> list[Constraint]:
    """The file's own demands, and those that are given.

    Arguments:
        content: of the file.
        file: its path, for messages.
        count: 12, 0.36 or 36%; None: as the file says.
        constraints: a TOML file.

    Raises:
        OptionError: the file states another count.
        ConstraintError: a demand cannot be understood.
    """
    from secateur.errors import OptionError
    from secateur.problem import read_constraints
    from secateur.problem.counted import read_count

    variables = list(content.bqm.variables)
    demands = list(content.constraints)
    if count is not None:
        wanted = read_count(count, variables)
        if content.ones is None:
            demands.append(wanted)
        elif content.ones != wanted.lower:
            raise OptionError(
                f"--count is {count}, and {file} states {content.ones}",
                remedy="leave --count out, or remove the constraint from the file",
            )
    if constraints is not None:
        demands += read_constraints(constraints, variables)
    return demands
