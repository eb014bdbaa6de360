"""One cell, from its problem to its row: in a worker's process, and by nothing but what it is sent.

Nothing that a backend does escapes: what it raises is a row with the reason.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from secateur.backends.metered import is_metered
from secateur.backends.metering import one_run
from secateur.errors import (
    BackendBudgetSpent,
    BackendFailed,
    BackendUnavailable,
    BackendUnsuitable,
    SecateurError,
)
from secateur.problem.model import Problem
from secateur.shown import escaped
from secateur.solving import Selection, solve
from secateur.solving.chosen import Chosen, choose
from secateur.study.cell import Cell, Instance, StudyMethod
from secateur.study.reads import Reads
from secateur.study.row import Row, State
from secateur.versions import versions

LONGEST_REASON = 2000
"""Letters."""
MOST = "max_charge_s"
"""The option of metered backends that keep a budget."""


def execute(
    cell: Cell, *, study_title: str, charge: bool = False, most_s: float | None = None
) -> tuple[Row, Reads]:
    """Run a cell and say what came out.

    Arguments:
        cell: to be run.
        study_title: of the study.
        charge: a metered backend may be called.
        most_s: the cell may be charged no more seconds than these, earlier tries among them; None:
            any number.

    Raises:
        BackendBudgetSpent: ``most_s``, and not the method's own budget, does not allow the call.
        KeyboardInterrupt: it was interrupted.
    """
    began = datetime.now(UTC).isoformat()
    row = replace(row_of(cell, study_title), machine=machine(), started=began)
    nothing = Reads.none(cell.instance.variables)
    if cell.cannot or cell.method.cannot:
        return replace(row, reason=cell.cannot or cell.method.cannot), nothing
    before, wall = _cpu(), time.monotonic()
    spent: dict[str, Any] = {}
    try:
        problem = problem_of(cell.instance)
        before, wall = _cpu(), time.monotonic()
        with one_run(cell.key):
            selection = _solved(cell, problem, charge, most_s, spent)
        cpu = _cpu() - before
        found = _found(selection)
        found["versions"] = {**row.versions, **found["versions"]}
        row = replace(row, **found, cpu=cpu, state=State.DONE)
        row = _with_charges(row, selection, spent)
        reads = _reads(selection)
        if selection.calls:
            row = _counted(row, problem, reads)
    except KeyboardInterrupt:
        raise
    except BackendBudgetSpent as error:
        if _binds(most_s, cell.method.options):
            raise
        return _ended(row, cell, State.CANNOT, error, spent), nothing
    except (BackendUnsuitable, BackendUnavailable) as error:
        return _ended(row, cell, State.CANNOT, error, spent), nothing
    except BaseException as error:  # a stranger's solver may raise anything, SystemExit too
        row = replace(row, wall=time.monotonic() - wall, cpu=_cpu() - before)
        return _ended(row, cell, State.FAILED, error, spent), nothing
    return _judged(row, cell, selection), reads


def row_of(cell: Cell, study_title: str) -> Row:
    """What is known of a cell before it is run; its state says that it was not called."""
    instance, method = cell.instance, cell.method
    return Row(
        key=cell.key,
        study=study_title,
        instance=instance.name,
        family=instance.family,
        instance_sha256=instance.sha256,
        variables=instance.variables,
        couplings=instance.couplings,
        count=instance.count,
        method=method.name,
        backend=method.backend,
        options=_safe(method.public),
        metered=method.metered,
        seed=cell.seed,
        repetition=cell.repetition,
        time_limit=cell.time_limit,
        best_known=instance.best_known,
        tuned=method.tuned,
        versions={**versions(), **method.versions},
        state=State.CANNOT,
    )


def failed(cell: Cell, study_title: str, reason: str) -> Row:
    """The row of a cell whose process could not say what became of it."""
    row = replace(row_of(cell, study_title), machine=machine(), state=State.FAILED)
    return replace(row, reason=reason, started=datetime.now(UTC).isoformat())


def problem_of(instance: Instance) -> Problem:
    """The problem of an instance.

    Raises:
        SecateurError: it cannot be made, or is another one than it was.
    """
    from secateur.study.instances import load_problem

    return load_problem(instance)


def _solved(
    cell: Cell, problem: Problem, charge: bool, most_s: float | None, spent: dict[str, Any]
) -> Selection:
    method = cell.method
    chosen = choose(method.backend, options_of(method, most_s))
    metered = chosen.solver is not None and is_metered(chosen.solver, chosen.options)
    if metered and not charge:
        raise BackendFailed(
            f"backend {chosen.name!r} is metered, and its cell was to be free; it was not called",
            backend=chosen.name,
        )
    try:
        return solve(
            problem,
            backend=chosen,
            seed=cell.seed,
            time_limit=cell.time_limit,
            proof=method.proof,
            max_calls=method.max_calls,
            charge=charge,
        )
    finally:
        if metered:
            spent["charged"] = charged_so_far(chosen, problem)


def charged_so_far(chosen: Chosen, problem: Problem) -> float | None:
    """What the journal says that the run under way was charged; None: not known, or no journal."""
    if chosen.solver is None or not chosen.solver.keeps_journal:
        return None
    try:
        return chosen.solver.spent(problem, chosen.options)  # type: ignore[arg-type]
    except SecateurError:  # a record that cannot be read may stand for any charge
        return None


def options_of(method: StudyMethod, most_s: float | None) -> dict[str, Any]:
    """The options to hand on: those of the method, and not more to be charged than is left."""
    options = dict(method.options)
    name = budget_option(method)
    if most_s is not None and name is not None:
        own = options.get(name)
        options[name] = most_s if own is None else min(float(own), most_s)
    return options


def budget_option(method: StudyMethod) -> str | None:
    """The option by which the backend, or the one inside it, keeps a budget, or None."""
    return next((n for n in method.public if n.rpartition("inner.")[2] == MOST), None)


def _binds(most_s: float | None, options: Mapping[str, Any]) -> bool:
    own = [value for name, value in options.items() if name.endswith(MOST) and value is not None]
    return most_s is not None and all(float(value) > most_s for value in own)


def _found(selection: Selection) -> dict[str, Any]:
    """What a selection says, as fields of a row."""
    about = selection.provenance
    return {
        "energy": selection.energy,
        "bound": selection.bound,
        "gap": selection.gap,
        "backend_energy": selection.backend_energy,
        "status": str(selection.status),
        "stopped": str(selection.stopped),
        "calls": selection.calls,
        "wall": selection.seconds,
        "incumbents": tuple((float(s), float(e)) for s, e in about.get("incumbents", ())),
        "ones": tuple(int(k) for k in np.flatnonzero(selection.bits)),
        "versions": _safe(dict(about.get("versions", {}))),
    }


def _with_charges(row: Row, selection: Selection, spent: Mapping[str, Any]) -> Row:
    """Times at a service, apart; those of a journal's answer are the service's own.

    A run that was killed and goes on takes no time for what was answered before: it would look
    faster than it was.
    """
    bill = selection.provenance.get("charged")
    if bill is None:
        return row
    recorded = bill.get("recorded") or {}
    queue = float(bill.get("queued", 0.0)) + float(recorded.get("queued", 0.0))
    access = float(bill["seconds"]) + float(recorded.get("seconds", 0.0))
    told = bill["untold"] == 0
    charged = spent.get("charged")
    return replace(
        row,
        queue=queue,
        access=access if told else None,
        charged=charged if charged is not None or not told else float(bill["seconds"]),
        wall=max(row.wall or 0.0, queue + access),
    )


def _reads(selection: Selection) -> Reads:
    if not selection.calls:
        return Reads.none(len(selection.bits))
    return Reads.of(selection.samples)


def _counted(row: Row, problem: Problem, reads: Reads) -> Row:
    """With how many answers there were, kept every demand, and were the best of these."""
    kept = reads.kept
    best = 0
    if kept.any():
        lowest = float(reads.energies[kept].min())
        near = reads.energies <= lowest + problem.nearly(lowest, 1e-9)
        best = int(reads.occurrences[kept & near].sum())
    return replace(
        row,
        reads=int(reads.occurrences.sum()),
        reads_kept=int(reads.occurrences[kept].sum()),
        reads_best=best,
    )


def _judged(row: Row, cell: Cell, selection: Selection) -> Row:
    """With the metric of the network that is pruned so, where the instance is one's."""
    if not cell.instance.judging:
        return row
    from secateur.study.instances import judge

    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
    try:
        quality = judge(cell.instance, selection.bits)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a stranger's network, task or metric
        reason = f"the network could not be judged: {_reason(error, cell.method)}"
        return replace(row, state=State.FAILED, reason=reason)
    if quality is None:
        return row
    return replace(
        row,
        dense=quality.dense,
        masked=quality.masked,
        compensated=quality.compensated,
        higher_is_better=quality.higher_is_better,
    )


def _ended(
    row: Row, cell: Cell, state: State, error: BaseException, spent: Mapping[str, Any]
) -> Row:
    reason = _reason(error, cell.method)
    return replace(row, state=state, reason=reason, charged=spent.get("charged"))


def _reason(error: BaseException, method: StudyMethod) -> str:
    """What is told of an error, without a secret in it."""
    said = error.message if isinstance(error, SecateurError) else ""
    if not said:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    for secret in secrets_of(method):
        said = said.replace(secret, "…")
    said = escaped(said)
    return said if len(said) <= LONGEST_REASON else said[: LONGEST_REASON - 1] + "…"


def secrets_of(method: StudyMethod) -> list[str]:
    """Values of options that are never shown, the longest first."""

    def texts(options: Mapping[str, Any], before: str = "") -> Iterator[str]:
        for name, value in options.items():
            if isinstance(value, Mapping):
                yield from texts(value, f"{before}{name}.")
            elif isinstance(value, str) and value and before + name not in method.public:
                yield value

    return sorted(texts(method.options), key=len, reverse=True)


def machine() -> dict[str, Any]:
    """Where a cell is run; not by name."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "processors": os.cpu_count(),
        "load": load,
    }


@lru_cache(1)
def _processor() -> str:
    """Its model where the system tells it, else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or platform.machine()


def _cpu() -> float:
    """Seconds of this process and of its children that ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _safe(data: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON takes it: a number that is not finite is told by its name."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(name): plain(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [plain(one) for one in value]
        if isinstance(value, float) and not np.isfinite(value):
            return str(value)
        if value is None or isinstance(value, bool | int | float | str):
            return value
        return str(value)

    return {str(name): plain(value) for name, value in data.items()}
