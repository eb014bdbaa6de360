"""The methods of a study: every backend found, every option checked, alternatives multiplied."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, time
from typing import Any

from secateur.backends.base import Backend
from secateur.backends.call import check_available, resolve_options
from secateur.backends.metered import is_metered
from secateur.errors import BackendError, BackendNotFound, BackendUnavailable, OptionError
from secateur.solving.chosen import ANNEALING, Chosen, choose
from secateur.solving.names import AUTO, CONTROL
from secateur.solving.solvers import as_solver
from secateur.study.cell import StudyMethod, canonical
from secateur.study.spec.layers import hints_of, multiplied, takes_list
from secateur.study.spec.naming import (
    ENV,
    flattened,
    names_beside,
    owner_and_name,
    secret_names,
    with_secrets,
)
from secateur.study.spec.reading import Table, Tables, checked, within
from secateur.study.spec.tables import MethodsTable, StudyTable
from secateur.study.spec.versions import backend_versions, common_versions

OURS = {"seed": "seeds", "time_limit": "time_limit"}
"""Options of backends that the study gives itself, and where."""


@dataclass(frozen=True)
class Resolved:
    """A method with the backend that runs it.

    Arguments:
        method: as the cells hold it.
        chosen: the backend with its options; None where it cannot be used here.
    """

    method: StudyMethod
    chosen: Chosen | None


def read_methods(tables: Tables, study: StudyTable) -> tuple[Resolved, ...]:
    """Every method of a file.

    Raises:
        OptionError: a key, a value, a name that two have, or a method that is there twice.
        BackendError: a backend that there is not, that cannot be used here, or an option that it
            does not have.
    """
    found: list[Resolved] = []
    for number, table in enumerate(tables.methods, start=1):
        found += _of_table(table, tables.where("methods", number), skip=study.missing == "skip")
    _check_unique([one.method for one in found], tables.path.name)
    return tuple(found)


@dataclass(frozen=True)
class _Draft:
    """One combination of a table's alternatives."""

    given: Mapping[str, Any]
    options: Mapping[str, Any]

    def shown(self, secret: frozenset[str]) -> dict[str, str]:
        """What of it can be part of a name, by key."""
        rest = ("time_limit", "max_calls", "proof")
        told = {key: self.given[key] for key in rest if key in self.given}
        told |= {key: value for key, value in self.options.items() if key not in secret}
        return {key: f"{key}={_text(value)}" for key, value in told.items()}


def _of_table(table: Table, where: str, *, skip: bool) -> list[Resolved]:
    hints = hints_of(MethodsTable)
    layers = multiplied(table, lambda name: takes_list(hints.get(name)), where)
    found: list[Resolved] = []
    shown: list[dict[str, str]] = []
    for layer in layers:
        asked = checked(MethodsTable, layer.values, where)
        with within(where):
            owner, cannot = _owner(asked.backend, skip=skip)
        for options in _alternatives(asked, owner, where):
            secret = frozenset[str]() if owner is None else secret_names(owner, options)
            with within(where):
                found.append(_resolved(asked, options, secret, cannot, skip=skip))
            shown.append(_Draft(layer.values, options).shown(secret))
    varied = _varied(shown)
    several = len({one.method.backend for one in found}) > 1
    return [
        _named(one, told, varied, several=several) for one, told in zip(found, shown, strict=True)
    ]


def _owner(name: str, *, skip: bool) -> tuple[Backend | None, str]:
    """The backend whose options a name takes; and why it cannot be used here, if it may be so."""
    if name == CONTROL:
        return None, ""
    try:
        solver = as_solver(ANNEALING if name == AUTO else name)
        check_available(solver)
    except (BackendNotFound, BackendUnavailable) as error:
        if skip:
            return None, error.message
        raise _with_skip(error) from error
    return solver, ""


def _with_skip(error: BackendError) -> BackendError:
    """The same error, which tells too how to go on without the backend."""
    remedy = f"{error.remedy.rstrip('.')}; or" if error.remedy else "install it, or"
    error.remedy = f'{remedy} write missing = "skip" in [study]: its cells are rows that say so'
    return error


def _alternatives(
    asked: MethodsTable, owner: Backend | None, where: str
) -> list[Mapping[str, Any]]:
    """The options of a backend, one by one."""
    written = asked.options or {}
    if owner is None:
        return [layer.values for layer in multiplied(written, lambda name: False, where)]
    solver = owner

    def listed(name: str) -> bool:
        home, plain = owner_and_name(solver, name)
        return takes_list(hints_of(home.Options).get(plain))

    return [layer.values for layer in multiplied(flattened(solver, written), listed, where)]


def _resolved(
    asked: MethodsTable,
    written: Mapping[str, Any],
    secret: frozenset[str],
    cannot: str,
    *,
    skip: bool,
) -> Resolved:
    """A combination with its options checked; its name is that of the table."""
    for name, home in OURS.items():
        if name in written:
            raise OptionError(
                f"{name!r} is given among the options of {asked.backend}",
                remedy=f"the study gives it, to all methods alike: {home} in [study]",
            )
    for name, value in written.items():
        if _is_dated(value):
            raise OptionError(
                f"the option {name!r} is {value!r}, a date or a time",
                remedy="write it in quotes, as a text",
            )
    options = with_secrets(written, secret)
    named = {name: str(written[name][ENV]) for name in sorted(secret & written.keys())}
    method = StudyMethod(
        name=asked.name,
        backend=asked.backend,
        options=options,
        secrets=named,
        time_limit=asked.time_limit,
        max_calls=asked.max_calls,
        proof=asked.proof,
        tuned=asked.tuned,
        versions=common_versions(),
        cannot=cannot,
    )
    if cannot:  # nothing is known of its options, so that all are taken as they are written
        shown = {name: _safe(value) for name, value in written.items()}
        return Resolved(replace(method, public=shown), None)
    chosen = choose(asked.backend, options)
    _check_calls(asked, chosen)
    solver, found = chosen.solver, chosen.options
    if asked.backend == AUTO:
        found = resolve_options(as_solver(ANNEALING), options)
    public = {} if found is None else found.public()
    owner = as_solver(ANNEALING) if solver is None and found is not None else solver
    method = replace(
        method,
        public={name: _safe(value) for name, value in public.items() if name not in OURS},
        beside=() if owner is None else names_beside(owner, public),
        metered=solver is not None and is_metered(solver, found),
        versions=common_versions() | backend_versions(asked.backend, solver),
    )
    if solver is not None and found is not None:
        try:
            check_available(solver, licensed=not _has_secret(found))
        except BackendUnavailable as error:
            if not skip:
                raise _with_skip(error) from error
            return Resolved(replace(method, cannot=error.message), None)
    return Resolved(method, chosen)


def _check_calls(asked: MethodsTable, chosen: Chosen) -> None:
    several = chosen.solver is None or hasattr(chosen.solver, "inner")
    if asked.max_calls is not None and several:
        raise OptionError(
            f"max_calls is {asked.max_calls}, and {chosen.name} calls several times by itself",
            remedy="leave it out; decompose: and blocks: have an option of that name",
        )


def _has_secret(options: Any) -> bool:
    """Whether a licence or a token comes with the options."""
    return any(
        field.metadata.get("secret") and getattr(options, field.name) is not None
        for field in fields(options)
    )


def _varied(shown: Sequence[Mapping[str, str]]) -> frozenset[str]:
    """The keys that tell the methods of a table apart."""
    keys = {key for one in shown for key in one}
    return frozenset(key for key in keys if len({one.get(key) for one in shown}) > 1)


def _named(
    resolved: Resolved, shown: Mapping[str, str], varied: frozenset[str], *, several: bool
) -> Resolved:
    """With its name: the one that was given and what tells it apart, or all that was given."""
    method = resolved.method
    if method.name:
        own = [method.backend] if several else []
        parts = [method.name, *own, *(text for key, text in shown.items() if key in varied)]
    else:
        parts = [method.backend, *shown.values()]
    return replace(resolved, method=replace(method, name=" ".join(parts)))


def by_limit(
    methods: Sequence[Resolved], limits: Sequence[float], file: str
) -> tuple[Resolved, ...]:
    """A method under several time limits is several methods: their runs are not of one kind.

    Arguments:
        methods: of a study.
        limits: seconds, of those that have none of their own.
        file: its name.

    Raises:
        OptionError: two have a name then.
    """
    if len(limits) == 1:
        return tuple(methods)
    found: list[Resolved] = []
    for one in methods:
        method = one.method
        if method.time_limit is not None:
            found.append(one)
            continue
        for limit in limits:
            name = f"{method.name} time_limit={_text(float(limit))}"
            found.append(replace(one, method=replace(method, name=name, time_limit=limit)))
    _check_unique([one.method for one in found], file)
    return tuple(found)


def _check_unique(methods: Sequence[StudyMethod], file: str) -> None:
    names: dict[str, StudyMethod] = {}
    same: dict[str, StudyMethod] = {}
    for method in methods:
        about = (
            method.backend,
            method.identifying,
            method.time_limit,
            method.max_calls,
            method.proof,
        )
        twin = same.setdefault(canonical(about), method)
        if twin is not method:
            raise OptionError(
                f"{file}: the methods {twin.name!r} and {method.name!r} are the same",
                remedy="leave one of them out; repetitions = 2 in [study] runs all of them twice",
            )
        if names.setdefault(method.name, method) is not method:
            raise OptionError(
                f"{file}: two methods are called {method.name!r}",
                remedy='give one of them another name = "…"',
            )


def _safe(value: Any) -> Any:
    """An option as JSON, without what is taken from the environment."""
    if isinstance(value, Mapping):
        if set(value) == {ENV}:
            return "from the environment"
        return {str(name): _safe(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_safe(one) for one in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)


def _is_dated(value: Any) -> bool:
    """Whether there is a date or a time of TOML in a value: options as JSON do not show it."""
    if isinstance(value, Mapping):
        return any(map(_is_dated, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_is_dated, value))
    return isinstance(value, (date, time))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)
