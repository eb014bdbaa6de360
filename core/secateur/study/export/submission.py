"""A study as a submission to the Quantum Optimization Benchmarking Library (QOBLIB).

For each instance a folder ``NAME`` with ``NAME_summary.csv``, one row a method;
``NAME_solution.sol``, or ``solutions/NAME_solution_N.sol`` where several methods have one; and
``NAME_objective_time_series.json``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from secateur.errors import OptionError
from secateur.problem import Problem
from secateur.progress import track
from secateur.study.cell import Instance, Study
from secateur.study.export.qoblib import COLUMNS, About, Edition, summary
from secateur.study.export.solutions import (
    is_best,
    solution_file,
    time_series,
    told,
    variable_names,
)
from secateur.study.export.writing import write_folder
from secateur.study.row import Row, State


@dataclass(frozen=True)
class Submission:
    """What was written.

    Arguments:
        folder: of it.
        instances: the names of its folders.
        notes: what is left out or called otherwise, and why.
    """

    folder: Path
    instances: tuple[str, ...]
    notes: tuple[str, ...]


def write_submission(
    study: Study,
    rows: Iterable[Row],
    folder: Path | str,
    *,
    load: Callable[[Instance], Problem],
    edition: Edition = "2025",
    submitted: date | None = None,
    affiliation: str = "",
) -> Submission:
    """Write a new folder that QOBLIB's own checker takes (``misc/ci/check_submission.py``).

    Arguments:
        study: whose file says submitter, reference and hardware.
        rows: of it.
        folder: must not exist.
        load: makes the problem of an instance, ``secateur.study.instances.load_problem``.
        edition: whose columns: "2025", as the library began, or "2026", as its checker asks since.
        submitted: the day; today unless given.
        affiliation: of the submitter, for the columns of 2026.

    Raises:
        OptionError: the study's file says nothing of the submitter, the reference or the hardware;
            no run has a selection; two instances have one name as folders.
        StaleError: a row is not of its instance.
        FileError: the folder exists, or cannot be written.
    """
    _check(study, edition)
    about = About(study, submitted or datetime.now(UTC).date(), affiliation)
    notes: list[str] = []
    files: dict[str, bytes] = {}
    kept = _kept(study, rows, notes)
    names = _folders([one for one in study.instances if kept.get(one.name)], notes)
    made: list[str] = []
    with track("writing instances", total=len(names)) as step:
        for instance in study.instances:
            if instance.name in names:
                name = names[instance.name]
                written = _instance(
                    about, instance, load(instance), kept[instance.name], name, edition, notes
                )
                if written:
                    made.append(name)
                    files |= {f"{name}/{file}": text.encode() for file, text in written.items()}
                step.advance()
    if not made:
        raise OptionError(
            f"no run of {study.title!r} has a selection to submit",
            remedy="run the study first: `secateur study run FILE`",
        )
    return Submission(write_folder(Path(folder), files), tuple(made), tuple(notes))


def _check(study: Study, edition: str) -> None:
    if edition not in COLUMNS:
        raise OptionError(
            f"QOBLIB's columns of {edition!r} are not known",
            remedy=f"choose {' or '.join(COLUMNS)}",
        )
    said = {
        "submitter": study.submitter,
        "reference": study.reference,
        "hardware": study.hardware,
    }
    missing = [name for name, value in said.items() if not value.strip()]
    if missing:
        raise OptionError(
            f"the file of the study says no {' and no '.join(missing)}, which QOBLIB asks for",
            remedy="write under [report] "
            + ", ".join(f'{name} = "…"' for name in missing)
            + ": nothing is invented",
        )


def _kept(study: Study, rows: Iterable[Row], notes: list[str]) -> dict[str, list[Row]]:
    """The rows of each instance of the study as it is now."""
    known = {instance.name: instance.sha256 for instance in study.instances}
    kept: dict[str, list[Row]] = {}
    other = 0
    for row in rows:
        if known.get(row.instance) == row.instance_sha256:
            kept.setdefault(row.instance, []).append(row)
        else:
            other += 1
    if other:
        notes.append(f"{other} rows are left out: they are of instances that the file has no more")
    missing = [name for name in known if name not in kept]
    if missing:
        notes.append(f"nothing was run of: {', '.join(missing)}")
    return kept


def _folders(instances: Sequence[Instance], notes: list[str]) -> dict[str, str]:
    """A folder for each instance: its name, with what no file's name can hold replaced.

    Raises:
        OptionError: two have one, or one has the name of a folder that the checker skips.
    """
    names: dict[str, str] = {}
    for instance in instances:
        name = re.sub(r"[^A-Za-z0-9._+=-]+", "_", instance.name).strip(".") or "_"
        if name.lower() in ("misc", "solutions") or len(name) > 150:
            raise OptionError(
                f"the instance {instance.name!r} cannot be a folder of a submission",
                remedy="call it otherwise in the study's file: shorter, not misc or solutions",
            )
        same = [one for one, taken in names.items() if taken.lower() == name.lower()]
        if same:
            raise OptionError(
                f"the instances {same[0]!r} and {instance.name!r} would be one folder, {name!r}",
                remedy="call one of them otherwise in the study's file",
            )
        if name != instance.name:
            notes.append(f"{instance.name} is called {name}")
        names[instance.name] = name
    return names


def _instance(
    about: About,
    instance: Instance,
    problem: Problem,
    rows: Sequence[Row],
    name: str,
    edition: Edition,
    notes: list[str],
) -> dict[str, str]:
    """The files of one instance by name; none where no run has a selection."""
    by_method: dict[str, list[Row]] = {method.name: [] for method in about.study.methods}
    for row in rows:
        by_method.setdefault(row.method, []).append(row)
    begun: list[tuple[str, list[Row]]] = []
    for method, own in by_method.items():
        if any(row.state is not State.CANNOT for row in own):
            begun.append((method, own))
        elif own:
            notes.append(f"{method} was not run on {name}: {own[0].reason}")
    best = {method: _best(own) for method, own in begun}
    found = [row for row in best.values() if row is not None]
    if not found:
        notes.append(f"{name} is left out: no run has a selection, and QOBLIB asks for one")
        return {}
    sign = -1.0 if instance.sense == "maximise" else 1.0
    files: dict[str, str] = {}
    lines: list[dict[str, str]] = []
    lowest = min(row.energy for row in found if row.energy is not None)
    for method, own in begun:
        chosen, place = best[method], ""
        if chosen is not None:
            place = f"{name}_solution.sol"
            if len(found) > 1:
                place = f"solutions/{name}_solution_{len(files)}.sol"
            files[place] = solution_file(problem, chosen, name=name, sign=sign)
        lines.append(
            summary(about, instance, problem, own, folder=name, lowest=lowest, solution=place)
        )
    if variable_names(problem)[1]:
        notes.append(f"{name}: the variables are numbered, as a line cannot hold their labels")
    files[f"{name}_summary.csv"] = _table(lines, edition)
    runs = [row for _, own in begun for row in own if told(row)]
    if runs:
        files[f"{name}_objective_time_series.json"] = time_series(runs, sign=sign)
    return files


def _best(rows: Iterable[Row]) -> Row | None:
    done = [row for row in rows if row.state is State.DONE and row.energy is not None]
    return min(done, key=is_best, default=None)


def _table(lines: Sequence[dict[str, str]], edition: Edition) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS[edition], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()
