"""A study as data: problems, methods, and the cells that the two make; nothing is read or run.

A cell is keyed by all that determines it and by nothing else. So a method can be called otherwise,
an instance can move to another folder, and two studies can share what they have in common.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

KEY_FORMAT = 1
"""Of what a key is made of; another number makes other keys."""


@dataclass(frozen=True)
class Instance:
    """A problem of a study, told so that it can be made again anywhere.

    ``secateur.study.instances.load_problem`` makes it.

    Arguments:
        name: in the study; no two have one.
        sha256: of the problem: its biases and demands.
        source: JSON-safe, how to make it: ``{"file": path, …}``, ``{"generator": name, …}`` or
            ``{"network": …, "task": …, …}``.
        variables: of the problem.
        couplings: of the problem.
        count: exactly so many are one; None: any number.
        family: what the instances of one table share; "" where nothing was said.
        best_known: an energy that is known to be reached; None if none is known.
        known_optimal: ``best_known`` is proven to be the lowest.
        sense: "minimise", or "maximise" where the file's own objective is minus the energy.
        judging: JSON-safe, what the metric of a selection depends on; empty for what is no network.
    """

    name: str
    sha256: str
    source: Mapping[str, Any]
    variables: int
    couplings: int
    count: int | None = None
    family: str = ""
    best_known: float | None = None
    known_optimal: bool = False
    sense: str = "minimise"
    judging: Mapping[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.name, self.sha256))


@dataclass(frozen=True)
class StudyMethod:
    """A backend with its options, as a study runs it.

    Arguments:
        name: in the study; no two have one.
        backend: as typed: a name, ``decompose:NAME``, or ``module:attribute``.
        options: to hand on, secrets among them; never shown.
        public: all options as they were resolved, JSON-safe and without secrets.
        time_limit: seconds for the whole search; None: those of the study.
        max_calls: most calls of the backend; None: as many as the search needs.
        proof: ours, besides the backend's: it takes its share of the time.
        metered: a call costs money or quota.
        tuned: the trials that the options were chosen by; 0: as they came.
        versions: of the backend and of what it needs, by distribution.
        cannot: why it cannot be run here; "" if it can.
    """

    name: str
    backend: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    public: Mapping[str, Any] = field(default_factory=dict)
    time_limit: float | None = None
    max_calls: int | None = None
    proof: bool | None = False
    metered: bool = False
    tuned: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    cannot: str = ""

    def __hash__(self) -> int:
        return hash((self.name, self.backend))


@dataclass(frozen=True)
class Cell:
    """One run: an instance, a method, a seed.

    Arguments:
        instance: that is solved.
        method: that solves it.
        seed: of everything random.
        repetition: from 0; tells runs of one seed apart.
        time_limit: seconds for the whole search.
        cannot: why it is not run: the method cannot be used here, or cannot take the instance; ""
            if nothing is known to be in the way.
    """

    instance: Instance
    method: StudyMethod
    seed: int
    repetition: int = 0
    time_limit: float | None = None
    cannot: str = ""

    def __hash__(self) -> int:
        return hash(self.key)

    def determined_by(self) -> dict[str, Any]:
        """All that determines what comes out, JSON-safe and without secrets; no names."""
        about: dict[str, Any] = {
            "format": KEY_FORMAT,
            "instance": self.instance.sha256,
            "backend": self.method.backend,
            "options": dict(self.method.public),
            "max_calls": self.method.max_calls,
            "proof": self.method.proof,
            "versions": dict(self.method.versions),
            "time_limit": None if self.time_limit is None else float(self.time_limit),
            "seed": self.seed,
            "repetition": self.repetition,
        }
        if self.instance.judging:
            about["judging"] = dict(self.instance.judging)
        return about

    @cached_property
    def key(self) -> str:
        """SHA-256 of ``determined_by`` as JSON with sorted names, in hexadecimal."""
        return digest(self.determined_by())


@dataclass(frozen=True)
class Tuning:
    """What ``secateur study tune`` gives every method.

    Arguments:
        instances: to tune on; none of them is one of the study's.
        trials: of each method.
        seconds: that each method may take in all; None: as its trials need.
        seed: of the choice of trials.
        spaces: by backend or method, what each option may be: a list of choices, or its ends,
            ``{"annealing": {"reads": {"from": 10, "to": 1000}}}``.
    """

    instances: tuple[Instance, ...]
    trials: int = 20
    seconds: float | None = None
    seed: int = 0
    spaces: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A study's file, checked and multiplied out.

    Arguments:
        title: of the study.
        path: of its file.
        text: of its file, which holds no secrets.
        sha256: of the text.
        store: a URL of SQLAlchemy.
        instances: every problem.
        methods: every method.
        cells: in the order of running: those of different backends take turns.
        budget_s: seconds that all metered cells may be charged together; None: nothing may be
            charged without ``--charge``.
        confidence: of every interval.
        threshold: a relative gap up to which a run counts as a success; 0: the best energy itself,
            within rounding.
        submitter: who answers for it.
        reference: of the study: a paper, an address.
        hardware: what it runs on, in the submitter's words.
        tuned_by: who chose the options, and how.
        notes: for readers of the report.
        tuning: what every method's options are chosen by; None where nothing is said.
    """

    title: str
    path: Path
    text: str = field(repr=False)
    sha256: str
    store: str = field(repr=False)
    instances: tuple[Instance, ...] = ()
    methods: tuple[StudyMethod, ...] = ()
    cells: tuple[Cell, ...] = field(default=(), repr=False)
    budget_s: float | None = None
    confidence: float = 0.95
    threshold: float = 0.0
    submitter: str = ""
    reference: str = ""
    hardware: str = ""
    tuned_by: str = ""
    notes: str = ""
    tuning: Tuning | None = None


def canonical(data: Any) -> str:
    """Data as JSON that does not depend on the order of names; numbers as Python writes them."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(data: Any) -> str:
    """SHA-256 of data as canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(data).encode()).hexdigest()
