"""What a study will take: cells, time, charges, and what cannot be run; nothing is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secateur.backends.metering import one_run
from secateur.errors import OptionError, SecateurError
from secateur.progress import track
from secateur.solving import quote
from secateur.study.cell import Cell, Study
from secateur.study.instances import load_problem


@dataclass(frozen=True)
class Part:
    """The cells of a method, or of an instance.

    Arguments:
        name: of it.
        cells: in all.
        done: that have a row already.
        cannot: that are not done and cannot be run.
        seconds: of the time limits of those that are left.
    """

    name: str
    cells: int
    done: int
    cannot: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "name": self.name,
            "cells": self.cells,
            "done": self.done,
            "cannot": self.cannot,
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class Cost:
    """What the cells of a metered method that are left are charged, of one instance and time limit.

    Arguments:
        method: its name.
        instance: its name.
        cells: that are left.
        charge_s: of one cell, at most; None: not known.
        note: why it is not known, or what the service says besides.
    """

    method: str
    instance: str
    cells: int
    charge_s: float | None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "method": self.method,
            "instance": self.instance,
            "cells": self.cells,
            "charge_s": self.charge_s,
            "note": self.note,
        }


@dataclass(frozen=True)
class Outlook:
    """What is left of a study, and what it takes.

    Arguments:
        study: that was checked.
        workers: processes that are at work at once.
        done: keys of the cells that have a row.
        methods: the cells by method, in the order of the file.
        instances: the cells by instance, in the order of the file.
        costs: of the metered cells that are left.
        cannot: reasons, with the number of cells, of those that are not done.
    """

    study: Study
    workers: int
    done: frozenset[str]
    methods: tuple[Part, ...]
    instances: tuple[Part, ...]
    costs: tuple[Cost, ...]
    cannot: tuple[tuple[str, int], ...]

    @property
    def left(self) -> tuple[Cell, ...]:
        """The cells that are to be run, metered ones among them."""
        return _left(self.study, self.done)

    @property
    def seconds(self) -> float:
        """The longest time that the cells left can take, all limits used up.

        Metered cells one after the other, the others on all workers: at most ``S/w + m (1 - 1/w)``
        for limits that add up to S, the longest of which is m (Graham 1966). Starting processes and
        judging networks come on top.
        """
        free = [cell.time_limit or 0.0 for cell in self.left if not cell.method.metered]
        paid = sum(cell.time_limit or 0.0 for cell in self.left if cell.method.metered)
        longest = max(free, default=0.0)
        return paid + sum(free) / self.workers + longest * (1.0 - 1.0 / self.workers)

    @property
    def charge_s(self) -> float | None:
        """Seconds that the metered cells left are charged in all, at most; None: not known."""
        total = 0.0
        for cost in self.costs:
            if cost.charge_s is None:
                return None
            total += cost.cells * cost.charge_s
        return total

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        study = self.study
        return {
            "title": study.title,
            "file": str(study.path),
            "sha256": study.sha256,
            "store": study.store,
            "cells": len(study.cells),
            "done": sum(one.done for one in self.methods),
            "cannot": sum(one.cannot for one in self.methods),
            "left": len(self.left),
            "workers": self.workers,
            "seconds": self.seconds,
            "charge_s": self.charge_s,
            "budget_s": study.budget_s,
            "methods": [one.to_json() for one in self.methods],
            "instances": [one.to_json() for one in self.instances],
            "costs": [one.to_json() for one in self.costs],
            "reasons": [{"reason": reason, "cells": number} for reason, number in self.cannot],
        }


def look_ahead(study: Study, *, workers: int = 1, done: Iterable[str] = ()) -> Outlook:
    """What is left of a study, and what it takes; nothing is run or charged.

    A metered service may be asked for its list of solvers, which is free.

    Arguments:
        study: that was loaded.
        workers: processes that will be at work at once.
        done: keys of the cells that have a row.

    Raises:
        OptionError: no worker.
        SecateurError: an instance of a metered cell cannot be made again.
    """
    if workers < 1:
        raise OptionError(f"workers is {workers}", remedy="use a whole number from 1")
    known = frozenset(done)
    methods = _parts([one.name for one in study.methods], study, known, "method")
    instances = _parts([one.name for one in study.instances], study, known, "instance")
    reasons = Counter(
        f"{cell.method.name}: {cell.cannot}"
        for cell in study.cells
        if cell.cannot and cell.key not in known
    )
    return Outlook(
        study=study,
        workers=workers,
        done=known,
        methods=methods,
        instances=instances,
        costs=_costs(_left(study, known)),
        cannot=tuple(reasons.items()),
    )


def done_cells(study: Study, store: str | None = None) -> frozenset[str]:
    """The keys of the study's cells that have a row; no store is made where there is none.

    Arguments:
        study: that was loaded.
        store: a path or a URL instead of its own.

    Raises:
        StoreError: it cannot be reached, or is none of ours.
    """
    address = study.store if store is None else store
    if "://" not in address and not Path(address).exists():
        return frozenset()
    from secateur.study.opening import url_of
    from secateur.study.store import open_store

    url = url_of(address)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return frozenset()
    with open_store(address) as opened:
        return frozenset(opened.keys([cell.key for cell in study.cells]))


def _left(study: Study, done: frozenset[str]) -> tuple[Cell, ...]:
    return tuple(cell for cell in study.cells if not cell.cannot and cell.key not in done)


def _parts(names: Sequence[str], study: Study, done: frozenset[str], what: str) -> tuple[Part, ...]:
    """The cells by the name of their method or instance."""
    cells, ended, stuck = Counter[str](), Counter[str](), Counter[str]()
    seconds: dict[str, float] = dict.fromkeys(names, 0.0)
    for cell in study.cells:
        name = getattr(cell, what).name
        cells[name] += 1
        if cell.key in done:
            ended[name] += 1
        elif cell.cannot:
            stuck[name] += 1
        else:
            seconds[name] += cell.time_limit or 0.0
    return tuple(Part(one, cells[one], ended[one], stuck[one], seconds[one]) for one in names)


def _costs(left: Iterable[Cell]) -> tuple[Cost, ...]:
    """What the metered cells are charged; those that differ by their seed alone cost the same."""
    alike: dict[tuple[str, str, float | None], list[Cell]] = {}
    for cell in left:
        if cell.method.metered:
            alike.setdefault((cell.method.name, cell.instance.name, cell.time_limit), []).append(
                cell
            )
    found = []
    with track("asking what it costs", len(alike)) as step:
        for cells in alike.values():
            found.append(_cost(cells))
            step.advance()
    return tuple(found)


def _cost(cells: Sequence[Cell]) -> Cost:
    first = cells[0]
    method, instance = first.method, first.instance
    problem = load_problem(instance)
    try:
        with one_run(first.key):
            told = quote(
                problem,
                backend=method.backend,
                options=method.options,
                seed=first.seed,
                time_limit=first.time_limit,
                proof=method.proof,
                max_calls=method.max_calls,
                charge=True,
            )
    except SecateurError as error:
        return Cost(method.name, instance.name, len(cells), None, error.message)
    return Cost(method.name, instance.name, len(cells), told.charge_s, told.call.note)
