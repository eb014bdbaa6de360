"""A study's file: checked wholly, then multiplied into cells."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from secateur.errors import OptionError
from secateur.limits import as_number, check_seed, check_time_limit
from secateur.problem.globs import nearest
from secateur.study.cell import Instance, Study, Tuning
from secateur.study.spec.cells import limits_of, order_cells, reason_against
from secateur.study.spec.drafts import Draft, draft_instances
from secateur.study.spec.instances import make_instances
from secateur.study.spec.methods import Resolved, read_methods
from secateur.study.spec.naming import known_options
from secateur.study.spec.reading import Tables, checked, list_of_tables, read_tables, within
from secateur.study.spec.tables import ReportTable, StudyTable, TuneTable

TUNED = "tune.instances"
"""The tables of the instances to tune on."""


def load_study(path: Path | str) -> Study:
    """A study with all its cells; nothing is run, and no problem is sent anywhere.

    Everything is looked at: every key and value, every backend and its options, every file. A
    network that was not measured yet is measured, and kept in a folder beside the file.

    Arguments:
        path: of the TOML file.

    Raises:
        FileError: the file, or one that it names, cannot be read.
        OptionError: a table, a key or a value is wrong; the nearest right one is named.
        BackendError: a backend cannot be used here, or has no such option.
        SecateurError: an instance cannot be made.
    """
    path = Path(path)
    tables = read_tables(path)
    where = tables.where("study")
    about = checked(StudyTable, tables.study, where)
    report = checked(ReportTable, tables.report, tables.where("report"))
    with within(where):
        seeds, limits = _seeds(about.seeds), _limits(about.time_limit)
        store = store_of(about.store, path)
        if not about.title.strip():
            raise OptionError("the title is empty", remedy='write title = "…"')
    methods = read_methods(tables, about)
    folder, cache = path.absolute().parent, path.absolute().with_suffix(".cache")
    tune = None if tables.tune is None else _tune(tables, methods)
    drafts = draft_instances(_placed(tables, "instances", tables.instances), folder, cache)
    tuned_on: tuple[Draft, ...] = ()
    if tables.tune is not None:
        own = list_of_tables(tables.tune.get("instances"), f"{path.name}: [[{TUNED}]]")
        tuned_on = draft_instances(_placed(tables, TUNED, own), folder, cache)
    instances: list[Instance] = []
    reasons: dict[tuple[str, str, float], str] = {}
    known: dict[str, str] = {}
    for made in make_instances(drafts, known):
        instances.append(made.instance)
        for method in methods:
            for limit in limits_of(method, limits):
                reason = reason_against(made.problem, method, limit)
                if reason:
                    reasons[made.instance.name, method.method.name, limit] = reason
    tuning = None
    if tune is not None:
        others = tuple(made.instance for made in make_instances(tuned_on, dict(known)))
        tuning = Tuning(others, tune.trials, tune.seconds, tune.seed, tune.space or {})
    with within(where):
        cells = order_cells(
            instances,
            methods,
            reasons,
            seeds=seeds,
            repetitions=about.repetitions,
            limits=limits,
        )
    return Study(
        title=about.title,
        path=path,
        text=tables.text,
        sha256=hashlib.sha256(tables.text.encode()).hexdigest(),
        store=store,
        instances=tuple(instances),
        methods=tuple(one.method for one in methods),
        cells=cells,
        budget_s=about.budget_s,
        confidence=report.confidence,
        threshold=report.threshold,
        submitter=report.submitter,
        reference=report.reference,
        hardware=report.hardware,
        tuned_by=report.tuned_by,
        notes=report.notes,
        tuning=tuning,
    )


def _placed(
    tables: Tables, name: str, found: Sequence[Mapping[str, Any]]
) -> list[tuple[str, Mapping[str, Any]]]:
    return [(tables.where(name, number), table) for number, table in enumerate(found, start=1)]


def _seeds(given: Sequence[Any]) -> tuple[int, ...]:
    if not given:
        raise OptionError("seeds is an empty list", remedy="write seeds = [0, 1, 2]")
    made: list[int] = []
    for value in given:
        seed = check_seed(value)
        if seed is None or seed in made:
            raise OptionError(
                f"seeds has {value!r} twice",
                remedy="give each once; repetitions = 2 runs every seed twice",
            )
        made.append(seed)
    return tuple(made)


def _limits(given: float | Sequence[Any]) -> tuple[float, ...]:
    made: list[float] = []
    for value in given if isinstance(given, tuple) else (given,):
        limit = check_time_limit(value)
        if limit is None or limit in made:
            raise OptionError(f"time_limit has {value!r} twice", remedy="give each once")
        made.append(limit)
    if not made:
        raise OptionError("time_limit is an empty list", remedy="write time_limit = 10, in seconds")
    return tuple(made)


def store_of(given: str | None, path: Path) -> str:
    """A URL as it is, or the whole path of a file."""
    if given is None:
        return str(path.absolute().with_suffix(".db"))
    if "://" not in given:
        if not given.strip():
            raise OptionError("the store is empty", remedy='write store = "study.db"')
        return str((path.absolute().parent / Path(given).expanduser()).absolute())
    try:
        secret = urlsplit(given).password is not None or re.search(r"[?&]password=", given)
    except ValueError as error:
        raise OptionError(f"the store is no URL: {error}", remedy=_URL) from error
    if secret:  # not shown
        raise OptionError("the store's URL holds a password", remedy=_URL)
    return given


_URL = (
    'write store = "postgresql+psycopg://user@host/name"; the password is read from ~/.pgpass or '
    "PGPASSWORD, or give the whole URL with --store"
)


def _tune(tables: Tables, methods: Sequence[Resolved]) -> TuneTable:
    """``[tune]`` but for its instances."""
    assert tables.tune is not None
    where = tables.where("tune")
    given = {name: value for name, value in tables.tune.items() if name != "instances"}
    made = checked(TuneTable, given, where)
    with within(where):
        for name, space in (made.space or {}).items():
            _check_space(name, space, methods)
    return made


def _check_space(name: str, space: Any, methods: Sequence[Resolved]) -> None:
    """One table of a search space: the option exists, and its values are ends or choices."""
    meant = [one for one in methods if name in (one.method.name, one.method.backend)]
    if not meant:
        known = {one.method.backend: None for one in methods} | {
            one.method.name: None for one in methods
        }
        raise OptionError(
            f"space names {name!r}, which is no method or backend of the study",
            remedy=nearest(name, known),
        )
    if not isinstance(space, Mapping):
        raise OptionError(f"space.{name} is {space!r}", remedy=_ENDS.format(name=name))
    if meant[0].chosen is None:  # it cannot be used here, and its options are not known
        return
    options = known_options(meant[0].chosen)
    for option, values in space.items():
        if option not in options:
            raise OptionError(
                f"space.{name} names {option!r}, which {meant[0].method.backend} does not have",
                remedy=nearest(option, options),
            )
        if isinstance(values, list) and values:
            continue
        ends = values if isinstance(values, Mapping) else {}
        if set(ends) != {"from", "to"} or not _ascend(ends["from"], ends["to"]):
            raise OptionError(
                f"space.{name}.{option} is {values!r}", remedy=_ENDS.format(name=name)
            )


_ENDS = (
    "write [tune.space.{name}] with reads = {{ from = 10, to = 1000 }}, or a list of choices: "
    'schedule = ["linear", "geometric"]'
)


def _ascend(*ends: Any) -> bool:
    numbers = [as_number(one) for one in ends]
    return None not in numbers and numbers == sorted(set(ends))
