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
        ConstraintError: a demand cannot be understood, or the file states another count.
        FileError: the file of constraints cannot be read.
    """
    from secateur.problem.counted import demanded_besides

    variables = list(content.bqm.variables)
    more = demanded_besides(
        content.ones, variables, count, constraints, called="--count", owner=str(file)
    )
    return [*content.constraints, *more]
