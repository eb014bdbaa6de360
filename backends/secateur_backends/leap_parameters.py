"""What a quantum computer is told besides the problem, checked before anything is sent.

A solver lists its parameters and their ranges. D-Wave's client passes on whatever it is given, and
a parameter that is spelt wrong or out of range fails on the way, or is charged without effect.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from secateur.errors import BackendOptionError, BackendUnsuitable
from secateur_backends.leap_embedding import Chip, Embedding

OWN = ("num_reads", "annealing_time", "label")
"""Parameters with an option of their own."""
_SWITCHES = (
    "auto_scale",
    "fast_anneal",
    "flux_drift_compensation",
    "reduce_intersample_correlation",
    "reinitialize_state",
)
_MODES = ("histogram", "raw")
_SCHEDULES = {
    "anneal_schedule": ("max_anneal_schedule_points", "annealing_time_range", (0.0, 1.0)),
    "h_gain_schedule": ("max_h_gain_schedule_points", "annealing_time_range", None),
}
"""By name: the property with the most points, that with the range of times, the range of values."""


def from_text(value: Any, name: str, backend: str) -> dict[str, Any] | None:
    """An option that is a mapping, or its JSON, or (an embedding) a file with its JSON.

    Raises:
        BackendOptionError: it is none.
    """
    if value is None:
        return None
    remedy = f'write it as a JSON object, {{"{name}": …}} in Python or on the command line'
    text = value
    if isinstance(value, str) and name == "embedding" and not value.lstrip().startswith("{"):
        try:
            text = Path(value).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BackendOptionError(
                f"backend {backend!r}: the file {value} of the option {name!r} cannot be read "
                f"({type(error).__name__})",
                backend=backend,
                remedy="give a JSON file of labels and their qubits, or a mapping",
            ) from None
    if isinstance(text, str):
        try:
            text = json.loads(text)
        except ValueError:
            text = None
    if not isinstance(text, Mapping):
        what = "a JSON object" if isinstance(value, str) else f"a mapping but {value!r}"
        raise BackendOptionError(
            f"backend {backend!r}: the option {name!r} is not {what}",
            backend=backend,
            remedy=remedy,
        )
    return {str(key): item for key, item in text.items()}


class Wanted:
    """The parameters that were asked for, held against a solver.

    Arguments:
        given: names and values.
        options: of the backend: ``num_reads`` and ``annealing_time``.
        backend: its name.
        solver: the solver's name.
        properties: of the solver.
        names: the parameters that it takes; None: those that its properties list.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        options: Any,
        backend: str,
        solver: str,
        properties: Mapping[str, Any],
        names: Iterable[str] | None = None,
    ) -> None:
        self._given = dict(given)
        self._options = options
        self._backend = backend
        self._solver = solver
        self._has = properties
        self._names = sorted(properties.get("parameters") or () if names is None else names)

    def check(self) -> None:
        """Names, kinds and ranges.

        Raises:
            BackendUnsuitable: the solver does not take one of them; nothing was sent.
        """
        own = {name: getattr(self._options, name) for name in ("num_reads", "annealing_time")}
        for name, value in own.items():
            if value is not None:
                fast = name == "annealing_time" and self._given.get("fast_anneal")
                self._within(name, value, "fast_anneal_time_range" if fast else f"{name}_range")
        for name, value in self._given.items():
            self._known(name)
            self._one(name, value)
        schedule = self._given.get("anneal_schedule")
        if schedule is not None and own["annealing_time"] is not None:
            raise self._wrong(
                "`annealing_time` and the parameter 'anneal_schedule' are both given",
                "leave one of them out: the schedule ends at its own time",
            )
        reverse = schedule is not None and schedule[0][1] == 1
        if reverse and "initial_state" not in self._given:
            raise self._wrong(
                "the parameter 'anneal_schedule' begins at s = 1, and no 'initial_state' is given",
                "give a value of every variable as 'initial_state', or begin at s = 0",
            )
        for name in ("initial_state", "reinitialize_state"):
            if name in self._given and not reverse:
                raise self._wrong(
                    f"the parameter {name!r} has no effect without a reverse anneal",
                    "give an 'anneal_schedule' that begins at s = 1, or leave it out",
                )

    def _known(self, name: str) -> None:
        if name in OWN:
            raise self._wrong(f"the parameter {name!r} is given twice", f"use the option `{name}`")
        if name not in self._names:
            near = difflib.get_close_matches(name, self._names, n=1)
            offers = ", ".join(n for n in self._names if n not in OWN) or "none"
            raise self._wrong(
                f"{self._solver} has no parameter {name!r}",
                (f"did you mean {near[0]!r}? " if near else "") + f"it takes: {offers}",
            )

    def _one(self, name: str, value: Any) -> None:
        if name in _SWITCHES:
            if not isinstance(value, bool):
                raise self._bad(name, value, "true or false")
        elif name == "answer_mode":
            if value not in _MODES:
                raise self._bad(name, value, " or ".join(map(repr, _MODES)))
        elif name in _SCHEDULES:
            self._schedule(name, value)
        elif name in ("flux_biases", "anneal_offsets"):
            self._each_qubit(name, value)
        elif name == "num_spin_reversal_transforms":
            most = self._options.num_reads
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
                raise self._bad(name, value, f"a whole number from 0 to {most}, the reads")
        elif name == "initial_state":
            wrong = not isinstance(value, Mapping) or not set(value.values()) <= {0, 1}
            if wrong or any(isinstance(v, bool) for v in value.values()):
                raise self._bad(name, value, "an object with 0 or 1 for every label")
        elif f"{name}_range" in self._has:
            self._within(name, value, f"{name}_range")

    def _schedule(self, name: str, value: Any) -> None:
        most_name, times, values = _SCHEDULES[name]
        values = values or self._has.get(f"{name}_range")
        wanted = "a list of [time in µs, value]"
        rows = value if _listed(value) else []
        if len(rows) < 2 or not all(_listed(p) and len(p) == 2 and _numbers(p) for p in rows):
            raise self._bad(name, value, wanted + ", at least two of them")
        most = self._has.get(most_name)
        if most is not None and len(rows) > most:
            raise self._bad(name, value, f"at most {most} points")
        if rows[0][0] != 0 or any(b[0] <= a[0] for a, b in pairwise(rows)):
            raise self._bad(name, value, "times that begin at 0 and grow")
        if values and not all(values[0] <= p[1] <= values[1] for p in rows):
            raise self._bad(name, value, f"values from {values[0]:g} to {values[1]:g}")
        if name == "anneal_schedule":
            if rows[0][1] not in (0, 1) or rows[-1][1] != 1:
                raise self._bad(name, value, "a schedule from s = 0 or s = 1 to s = 1")
            fast = self._given.get("fast_anneal")
            longest = self._has.get("fast_anneal_time_range" if fast else times)
            if longest and rows[-1][0] > longest[1]:
                raise self._bad(name, value, f"a schedule that ends at {longest[1]:g} µs or before")

    def _each_qubit(self, name: str, value: Any) -> None:
        n = self._has.get("num_qubits")
        if not _listed(value) or not _numbers(value) or (n is not None and len(value) != n):
            count = "" if n is None else f", {n} of them"
            raise self._bad(name, value, f"a list of numbers, one a qubit{count}")
        ranges = self._has.get("anneal_offset_ranges") if name == "anneal_offsets" else None
        for qubit, (offset, bounds) in enumerate(zip(value, ranges or (), strict=False)):
            if not bounds[0] <= offset <= bounds[1] and offset:
                wanted = f"from {bounds[0]:g} to {bounds[1]:g} at qubit {qubit}"
                raise self._bad(name, offset, wanted)

    def _within(self, name: str, value: Any, range_name: str) -> None:
        if not _numbers([value]):
            raise self._bad(name, value, "a number")
        bounds = self._has.get(range_name)
        if bounds and not bounds[0] <= value <= bounds[1]:
            raise self._wrong(
                f"`{name}` is {value:g}, and {self._solver} takes {bounds[0]:g} to {bounds[1]:g}",
                f"choose a value of `{name}` in this range",
            )

    def _bad(self, name: str, value: Any, wanted: str) -> BackendUnsuitable:
        shown = repr(value)
        shown = shown if len(shown) <= 120 else f"{shown[:120]}…"
        return self._wrong(
            f"the parameter {name!r} is {shown}, and {self._solver} takes {wanted}",
            "change it, or leave it out",
        )

    def _wrong(self, what: str, remedy: str) -> BackendUnsuitable:
        return BackendUnsuitable(
            f"backend {self._backend!r}: {what}; nothing was sent",
            backend=self._backend,
            remedy=remedy,
        )


def _listed(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _numbers(values: Iterable[Any]) -> bool:
    kinds = (int, float)
    return all(
        isinstance(v, kinds) and not isinstance(v, bool) and math.isfinite(v) for v in values
    )


def check_labels(
    given: Mapping[str, Any], variables: Sequence[Hashable], what: str, backend: str
) -> None:
    """Hold the labels of a mapping against those of a problem.

    Raises:
        BackendUnsuitable: labels are missing, unknown, or not told apart as texts.
    """
    names = [str(v) for v in variables]
    missing, unknown = [n for n in names if n not in given], sorted(set(given) - set(names))
    said = ""
    if len(set(names)) < len(names):
        said = "two variables have the same label when it is written down"
    elif missing:
        said = f"it has nothing for {missing[0]!r} ({len(missing)} of {len(names)} are missing)"
    elif unknown:
        near = difflib.get_close_matches(unknown[0], names, n=1)
        said = f"the problem has no variable {unknown[0]!r}"
        said += f"; did you mean {near[0]!r}?" if near else ""
    if said:
        raise BackendUnsuitable(
            f"backend {backend!r}: {what} does not fit the problem: {said}; nothing was sent",
            backend=backend,
            remedy="give one entry for each variable of the problem, by its label",
        )


def check_embedding(
    chains: Mapping[int, Any],
    variables: Sequence[Hashable],
    pairs: Iterable[tuple[int, int]],
    chip: Chip,
    backend: str,
) -> Embedding:
    """A given embedding, held against the chip.

    Arguments:
        chains: position to qubits.
        variables: the labels, for errors.
        pairs: of positions that are coupled.
        chip: the working graph.
        backend: its name.

    Raises:
        BackendUnsuitable: a chain is empty, torn, on qubits that do not work or that another one
            has, or two coupled chains do not touch.
    """

    def wrong(what: str) -> BackendUnsuitable:
        return BackendUnsuitable(
            f"backend {backend!r}: the option 'embedding' cannot be used: {what}; nothing was sent",
            backend=backend,
            remedy="mend it for the chip's working graph, or leave it out to have one found",
        )

    nodes = set(chip.nodes)
    near: dict[int, set[int]] = {q: set() for q in nodes}
    for u, v in chip.edges:
        near[u].add(v)
        near[v].add(u)
    owner: dict[int, int] = {}
    made: Embedding = {}
    for position, chain in chains.items():
        label = variables[position]
        whole = _listed(chain) and all(isinstance(q, int) and q is not True for q in chain)
        if not whole or not chain:
            raise wrong(f"the chain of {label!r} is {chain!r} and no list of qubits")
        if dead := [q for q in chain if q not in nodes]:
            raise wrong(f"qubit {dead[0]} of {label!r} does not work on this chip")
        for qubit in chain:
            if qubit in owner:
                other = variables[owner[qubit]]
                raise wrong(f"qubit {qubit} is in the chains of {other!r} and {label!r}")
            owner[qubit] = position
        reached, todo = {chain[0]}, [chain[0]]
        while todo:
            new = (near[todo.pop()] & set(chain)) - reached
            reached |= new
            todo += new
        if len(reached) < len(chain):
            raise wrong(f"the chain of {label!r} is in pieces")
        made[position] = tuple(chain)
    for a, b in pairs:
        if not any(near[q] & set(made[b]) for q in made[a]):
            raise wrong(f"no coupler joins the chains of {variables[a]!r} and {variables[b]!r}")
    return made
