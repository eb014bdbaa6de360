"""Blocks in several submissions: what each is asked, and what the answers are together."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.backends import Solution, Status, Stopped, Timings
from secateur.backends.metering import NOTES, notes_of
from secateur.problem import Problem
from secateur.problem.subproblem import subproblem
from secateur_backends.leap_answer import sample_set, untyped
from secateur_backends.leap_blocks import Positions, by_rank, components
from secateur_backends.leap_cost import Estimate, shape
from secateur_backends.leap_embedding import Layout
from secateur_backends.leap_jobs import Job


def part(problem: Problem, positions: Positions) -> Problem:
    """Some blocks as a problem of their own."""
    free = problem.with_constraints(())
    return subproblem(free, np.zeros(problem.n, np.int8), positions)


def narrowed(options: Any, part: Problem) -> Any:
    """The options for some of the variables."""
    names = set(map(str, part.variables))
    changed: dict[str, Any] = {}
    if options.embedding is not None:
        changed["embedding"] = {n: c for n, c in options.embedding.items() if n in names}
    given = options.parameters
    if given is not None and isinstance(given.get("initial_state"), Mapping):
        state = {n: s for n, s in given["initial_state"].items() if str(n) in names}
        changed["parameters"] = dict(given) | {"initial_state": state}
    return dataclasses.replace(options, **changed) if changed else options


def over_qubits(params: Mapping[str, Any], problem: Problem, layout: Layout) -> dict[str, Any]:
    """The parameters with the initial state of the qubits in place of the variables'."""
    state = params.get("initial_state")
    if state is None:
        return dict(params)
    by_name = {str(name): int(value) for name, value in state.items()}
    qubits = {
        q: by_name[str(problem.variables[v])]
        for v, chain in layout.embedding.items()
        for q in chain
    }
    return dict(params) | {"initial_state": qubits}


def summed(problem: Problem, each: Sequence[Estimate]) -> Estimate:
    """The estimate of several submissions."""
    charges = [one.charge_s for one in each]
    return Estimate(
        solver=each[0].solver,
        qubits=sum(one.qubits or 0 for one in each),
        charge_s=None if None in charges else float(sum(c or 0.0 for c in charges)),
        note=each[0].note,
        blocks=sum(one.blocks or 0 for one in each),
        submissions=len(each),
        **shape(problem, "qpu"),
    )


def seen(problem: Problem, job: Job, found: Solution) -> dict[str, Any]:
    """What D-Wave's inspector looks for in the ``info`` of samples, by the problem's labels."""
    layout = Layout.from_data(job.extra)
    names = problem.variables
    strength: Any = layout.strength
    if isinstance(strength, dict):  # in the problem's own units
        strength = {names[v]: s / layout.scales.get(v, 1.0) for v, s in strength.items()}
    seen: dict[str, Any] = {
        "embedding_context": {
            "embedding": {names[v]: list(chain) for v, chain in layout.embedding.items()},
            "chain_strength": strength,
            "chain_break_method": "majority_vote",
            "embedding_parameters": dict(job.extra.get("embedding_parameters") or {}),
        },
        "problem_label": job.label,
        "timing": dict(found.raw["info"].get("timing") or {}),
    }
    return seen if job.job_id is None else seen | {"problem_id": job.job_id}


def together(
    problem: Problem,
    groups: Sequence[Positions],
    answers: Sequence[Solution],
    options: Any,
    began: float,
) -> Solution:
    """The answers of all submissions as one."""
    reads = []
    for answer in answers:
        record = answer.samples.record
        rows = np.repeat(record.sample, record.num_occurrences, axis=0).astype(np.int8)
        energies = np.repeat(record.energy, record.num_occurrences)
        reads.append(rows[np.argsort(energies, kind="stable")])
    most = max(map(len, reads))
    bits = np.zeros((most, problem.n), np.int8)
    for positions, rows in zip(groups, reads, strict=True):
        # a submission that was answered with fewer reads lends its best ones again
        bits[:, positions] = rows[np.arange(most) % len(rows)]
    ones = np.ones(most, np.intp)
    rows, occurrences = by_rank(problem, components(problem), bits, ones)
    timings = [answer.timings for answer in answers]

    def total(name: str) -> float | None:
        each = [getattr(one, name) for one in timings]
        return None if None in each else float(sum(each))

    notes = list(dict.fromkeys(note for answer in answers for note in notes_of(answer)))
    samples = sample_set(problem, rows, occurrences)
    samples.info["submissions"] = [dict(answer.samples.info) for answer in answers]
    return Solution(
        samples=samples,
        status=Status.FEASIBLE,
        stopped=Stopped.COMPLETED,
        timings=Timings(
            time.monotonic() - began,
            solve=total("solve"),
            queue=total("queue"),
            access=total("access"),
        ),
        versions=dict(answers[0].versions),
        options=options.public(),
        job_id=answers[-1].job_id,
        raw={
            "submissions": [dict(answer.raw) for answer in answers],
            "jobs": [answer.job_id for answer in answers],
            "reads": list(map(len, reads)),
            "rows": "reads of the blocks, put side by side by rank",
            "resumed": any(answer.raw["resumed"] for answer in answers),
            "replayed": all(answer.raw["replayed"] for answer in answers),
            "reused": all(answer.raw["reused"] for answer in answers),
            NOTES: notes,
        },
    )


def voted(
    layout: Layout, problem: Problem, bits: NDArray[np.int8], occurrences: NDArray[np.intp]
) -> tuple[NDArray[np.int8], NDArray[np.intp], float]:
    """Values of qubits as values of variables: each chain votes.

    Arguments:
        layout: of the problem.
        problem: whose variables they are.
        bits: over the qubits, in the order of ``layout.target(problem)``.
        occurrences: of each row.

    Returns:
        The rows, how often each was read, and the share of broken chains.
    """
    from dwave.embedding import unembed_sampleset

    target, model = layout.target(problem), layout.source(problem)
    over_qubits = untyped.SampleSet.from_samples(
        (bits, list(target.variables)),
        vartype="BINARY",
        energy=target.energies((bits, list(target.variables))),
        num_occurrences=occurrences,
    )
    found = unembed_sampleset(over_qubits, layout.embedding, model, chain_break_fraction=True)
    order = [list(found.variables).index(i) for i in range(problem.n)]
    often = np.asarray(found.record.num_occurrences, np.intp)
    broken = float(np.average(found.record.chain_break_fraction, weights=often))
    return np.asarray(found.record.sample[:, order], np.int8), often, broken
