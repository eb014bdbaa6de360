"""The tables of a study's file, declared: what each may hold is checked and documented from here.

A list multiplies where the value itself is no list; where it is, a list of lists does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Any, Literal

from secateur.limits import LONGEST_SECONDS, MOST_ROUNDS
from secateur.methods.measuring import Measuring
from secateur.methods.ridge import Ridge
from secateur.options import Options, option
from secateur.seeds import LARGEST_SEED

MOST_YEARS = "no more can be done in years"


@dataclass(frozen=True, kw_only=True)
class StudyTable(Options):
    """``[study]``: what holds for every cell."""

    title: str = option(MISSING, "of the study; its rows are found by it")
    time_limit: float | tuple[float, ...] = option(
        MISSING,
        "of the whole search of a cell, the same for all methods; a list multiplies",
        unit="s",
    )
    seeds: tuple[int, ...] = option((0,), "of everything random; each is a cell of its own")
    repetitions: int = option(
        1, "runs of the same seed, which tell how times vary", least=1, most=10_000, why=MOST_YEARS
    )
    store: str | None = option(
        None,
        "where rows are kept: a file, relative to this one, or a URL of SQLAlchemy without a "
        "password; the study's own name with .db unless given",
    )
    budget_s: float | None = option(
        None,
        "that all metered cells may be charged together; they wait for --charge all the same",
        least=0.0,
        most=LONGEST_SECONDS,
        unit="s",
    )
    tuned_from: tuple[str, ...] = option(
        (),
        "titles of studies whose tuning chose the options, as `study tune` writes it: what that "
        "was charged counts against the budget",
    )
    missing: Literal["error", "skip"] = option(
        "error",
        "a backend that cannot be used here: error, or skip, which makes rows of its cells that "
        "say so",
    )


@dataclass(frozen=True, kw_only=True)
class InstancesTable(Options):
    """``[[instances]]``: what every kind of instances takes."""

    family: str = option(
        "", "what the report gathers them by; the folder, generator or network unless given"
    )
    name: str = option("", "of the instance, or what the names of several begin with")
    best_known: float | Mapping[str, Any] | None = option(
        None,
        "the best value known: of a file in its own sense, else an energy; of several instances a "
        "table by name",
    )


@dataclass(frozen=True, kw_only=True)
class FilesTable(InstancesTable):
    """``[[instances]]`` with ``files``."""

    files: str | tuple[str, ...] = option(
        MISSING, "paths and globs, relative to this file, in any format that `solve` reads"
    )
    count: int | float | str | None = option(
        None, "exactly so many are one: 12, 0.36 or 36%; as the file says unless given"
    )
    constraints: str | None = option(None, "a TOML file of further demands, relative to this one")
    format: str | None = option(None, "where suffix and content do not say it: mqlib, biqmac, …")
    maximise: bool = option(False, "the file's objective is to be maximised: it is negated")


@dataclass(frozen=True, kw_only=True)
class NetworkTable(Measuring, InstancesTable):
    """``[[instances]]`` with ``network``: pruning problems, through ``secateur.Measured``."""

    network: str = option(MISSING, "module:factory that builds the network")
    task: str = option("denoising", "denoising, sidd, or module:factory that builds a task")
    weights: str | None = option(None, "trained weights, relative to this file")
    weights_key: str | None = option(None, "where in the weights, if they hold several")
    photos: str | None = option(None, "a folder of images for denoising, relative to this file")
    sidd: str | None = option(None, "the folder of that data set, relative to this file")
    objective: str = option("fisher", "what the QUBO is made of; `secateur objectives` lists them")
    objective_options: Mapping[str, Any] | None = option(None, "its options")
    amount: int | float | str | None = option(None, "what goes: 36, 0.36 or 36% of the channels")
    budget: Mapping[str, Any] | None = option(None, "what may stay at most, by params or macs")
    minimum: Mapping[str, Any] | None = option(None, "channels that a layer keeps at least")
    maximum: Mapping[str, Any] | None = option(None, "channels that a layer keeps at most")
    multiple: int | None = option(None, "of which the widths that stay are multiples", least=1)
    compensated: bool = option(True, "judge selections with compensation too")
    fit_batches: int | None = option(
        None, "batches to re-fit with, first of calibration and then unlabelled", least=1
    )
    ridge: Ridge = option(
        1e-3, "of that fit; auto: the best of a few on the selection split", above=0
    )


@dataclass(frozen=True, kw_only=True)
class MethodsTable(Options):
    """``[[methods]]``: a backend with its options."""

    backend: str = option(
        MISSING,
        "a solver's name (`secateur backends` lists them), auto, greedy, decompose:NAME, "
        "blocks:NAME, or module:attribute",
    )
    name: str = option("", "in the report; the backend and what is given of it unless given")
    options: Mapping[str, Any] | None = option(
        None, 'of the backend; a secret is named, never written: token = { env = "NAME" }'
    )
    time_limit: float | None = option(
        None,
        "of the whole search, where it is another than the study's; the report says so",
        above=0.0,
        most=LONGEST_SECONDS,
        unit="s",
    )
    max_calls: int | None = option(
        None, "most calls of the backend", least=1, most=MOST_ROUNDS, why=MOST_YEARS
    )
    proof: bool = option(
        False, "prove or bound the answer besides, by ourselves, within the time limit"
    )
    tuned: int = option(
        0, "trials that the options were chosen by; `study tune` writes it", least=0
    )


@dataclass(frozen=True, kw_only=True)
class TuneTable(Options):
    """``[tune]``: the same for every method; its ``[[tune.instances]]`` are none of the study's."""

    trials: int = option(20, "of each method", least=1, most=100_000, why=MOST_YEARS)
    seconds: float | None = option(
        None, "that each method's trials may take; as they need unless given", above=0.0, unit="s"
    )
    seed: int = option(0, "of the choice of trials", least=0, most=LARGEST_SEED)
    space: Mapping[str, Any] | None = option(
        None, "by backend or method, what an option may be: from and to, or a list of choices"
    )


@dataclass(frozen=True, kw_only=True)
class ReportTable(Options):
    """``[report]``: what readers are told, in the submitter's words."""

    submitter: str = option("", "who answers for the study")
    reference: str = option("", "a paper, an address")
    hardware: str = option("", "what it runs on")
    tuned_by: str = option("", "who chose the options of which method, and how")
    notes: str = option("", "anything else")
    confidence: float = option(0.95, "of every interval", above=0.0, most=0.9999)
    threshold: float = option(
        0.0,
        "relative gap up to which a run is a success; 0: the best energy, within rounding",
        least=0.0,
        most=1.0,
    )


TABLES: Mapping[str, type[Options]] = {
    "[study]": StudyTable,
    "[[instances]] with files": FilesTable,
    "[[instances]] with network": NetworkTable,
    "[[methods]]": MethodsTable,
    "[report]": ReportTable,
    "[tune]": TuneTable,
}
"""What the reference tells, with the generators of ``secateur.study.instances.generators``."""
