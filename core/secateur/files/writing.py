"""What is written, and whether a format can hold it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dimod

from secateur.errors import FileError
from secateur.files.content import Content
from secateur.files.names import is_name
from secateur.problem.constraints import Constraint
from secateur.problem.cqm import from_cqm, to_cqm


@dataclass(frozen=True, eq=False)
class Writable:
    """A problem on its way into a file.

    Arguments:
        bqm: binary.
        constraints: demanded besides.
    """

    bqm: dimod.BinaryQuadraticModel
    constraints: tuple[Constraint, ...] = ()


Reader = Callable[[Path, bytes], Content]
Writer = Callable[[Writable], bytes]


@dataclass(frozen=True)
class Format:
    """One format of files.

    Arguments:
        name: by which it is asked for.
        title: for people.
        suffixes: that say it; none: it must be asked for, or is found by content.
        read: from path and bytes.
        write: to bytes; None: it is only read.
        labels: which ones it holds: "any", "names" (of LP and MPS), "numbers" (whole ones), or
            "from 0", "from 1".
        offset: it holds one.
        constraints: it holds them.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    read: Reader
    write: Writer | None = None
    labels: str = "any"
    offset: bool = True
    constraints: bool = False


def bare(write: Callable[[dimod.BinaryQuadraticModel], bytes]) -> Callable[[Writable], bytes]:
    """A writer of a QUBO alone as one of a problem; ``fitting`` refuses the rest before."""
    return lambda problem: write(problem.bqm)


def fitting(path: Path, problem: Writable, format: Format, *, numbered: bool) -> Writable:
    """The problem, with labels that the format holds.

    Labels from 0 or from 1 in order are only numbers, and become what the format numbers by.

    Arguments:
        path: for messages.
        problem: to be written.
        format: in which.
        numbered: other labels are numbered too.

    Raises:
        FileError: the format cannot hold its labels, offset or constraints.
    """
    bqm = problem.bqm
    if problem.constraints and not format.constraints:
        names = ", ".join(repr(constraint.name) for constraint in problem.constraints[:3])
        raise FileError(
            f"{path}: {format.title} holds no constraints, and there are "
            f"{len(problem.constraints)}: {names}",
            remedy="write .lp, .mps or .cqm",
        )
    if bqm.offset and not format.offset:
        raise FileError(
            f"{path}: {format.title} holds no offset, and it is {float(bqm.offset):.9g}",
            remedy="write .qs, .coo, .bqm or .lp, or take the offset off yourself",
        )
    labels = list(bqm.variables)
    new = _labels(labels, format.labels, numbered)
    if new is None:
        raise FileError(
            f"{path}: {format.title} cannot hold labels such as {_first(labels, format)!r}",
            remedy="write .bqm, .coo or .cqm; or number the variables (--numbered), and their "
            "labels are kept beside the file",
        )
    if new == labels:
        return problem
    mapping = dict(zip(labels, new, strict=True))
    renamed = bqm.copy()
    renamed.relabel_variables(mapping, inplace=True)
    if not problem.constraints:
        return Writable(renamed)
    cqm = to_cqm(bqm, problem.constraints)
    cqm.relabel_variables(mapping, inplace=True)
    return Writable(renamed, from_cqm(cqm)[1])


def _labels(labels: Sequence[Hashable], kind: str, numbered: bool) -> list[Hashable] | None:
    n = len(labels)
    plain = any(list(labels) == list(range(k, k + n)) for k in (0, 1))
    plain = plain and not any(isinstance(label, bool) for label in labels)
    if kind == "any" or all(_holds(label, kind) for label in labels):
        return list(labels)
    if not plain and not numbered:
        return None
    if kind == "names":
        return [f"x{k}" for k in range(n)] if not plain else [f"x{label}" for label in labels]
    first = 1 if kind == "from 1" else 0
    return list(range(first, first + n))


def _holds(label: Hashable, kind: str) -> bool:
    if kind == "names":
        return isinstance(label, str) and is_name(label)
    return kind == "numbers" and type(label) is int and label >= 0


def _first(labels: Sequence[Hashable], format: Format) -> Hashable:
    return next((label for label in labels if not _holds(label, format.labels)), None)
