"""Problems that a study finds in files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secateur.errors import ConstraintError, FileError
from secateur.files import read_file
from secateur.problem.model import Problem
from secateur.study.instances.asked import with_demands


def read_problem(source: Mapping[str, Any]) -> tuple[Problem, bool]:
    """The problem of a file, and whether the file's own objective is maximised.

    Arguments:
        source: ``file``, and where they are given ``format``, ``maximise``, ``count``,
            ``constraints`` (a path).

    Raises:
        FileError: as ``secateur.files.read_file``.
        ConstraintError: a demand is wrong; the file is named.
    """
    path = Path(source["file"])
    try:
        content = read_file(
            path, format=source.get("format"), maximise=bool(source.get("maximise", False))
        )
    except FileError as error:  # what is an option of a command is a key here
        remedy = (error.remedy or "").replace("say it, --format ", "say it in its table, format = ")
        raise FileError(error.message, remedy=remedy.replace("--maximise", "maximise")) from error
    demands = source.get("constraints")
    try:
        problem = with_demands(
            Problem(content.bqm, content.constraints),
            source.get("count"),
            None if demands is None else Path(demands),
        )
    except ConstraintError as error:
        raise ConstraintError(f"{path}: {error.message}", remedy=error.remedy) from error
    return problem, content.maximised
