"""What the rows say of an instance, a method, and a method on an instance, as plain data.

Seconds are without waiting at a service unless something else is said; a number that is infinite is
what it says: not reached by any run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Estimate:
    """A number and what it may be.

    Arguments:
        value: None where the rows hold nothing that tells it.
        low: the lower end of the interval, None where there is no interval.
        high: the upper end; may be infinite.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class InstanceSummary:
    """A problem and the best that is known of it.

    Arguments:
        name: in the study.
        family: what the instances of one table share.
        sha256: of the problem.
        variables: of the problem.
        couplings: of the problem.
        count: exactly so many are one; None: any number.
        best: the least energy that is known; None if nobody knows one.
        source: who knows it: a run, the study's file, or a proven bound alone ("" for nobody).
        bound: the greatest proven bound of all rows, None without one, or where it contradicts
            an energy (``conflict``).
        proven: the bound meets the best.
        size: the greatest energy without its sign, by which rounding is judged.
        conflict: what contradicts what, in words; "" where all agree.
    """

    name: str
    family: str
    sha256: str
    variables: int
    couplings: int
    count: int | None
    best: float | None
    source: Literal["", "run", "study", "bound"]
    bound: float | None
    proven: bool
    size: float
    conflict: str = ""


@dataclass(frozen=True)
class CellSummary:
    """All runs of one method on one instance.

    Arguments:
        method: its name.
        instance: its name.
        runs: that were expected: ``done + failed + cannot + absent``.
        done: with an answer.
        failed: without one.
        cannot: not called.
        absent: there is no row.
        energy: the best of the runs.
        gap: the mean gap to the best known; a run without an answer counts 1.
        gap_best: the least gap.
        gap_worst: the greatest gap, 1 where a run has no answer.
        to_bound: the mean gap to the proven bound of the instance; None without one.
        successes: runs within the threshold of the best known.
        success: their share of the expected runs, with Wilson's interval.
        read_success: the share of the backend's own reads that hit the best known, with Wilson's
            interval; None for what gives no reads.
        seconds: the mean of a run, without queue.
        access: the mean of a device or metered solver, None where nothing was told.
        tts: seconds until one success is 99 % sure when runs are repeated.
        tts_access: the same, of access time alone.
        tts_reads: the same by repeating single reads.
        expected: the expected time to the target, unsuccessful runs paid for (ERT).
    """

    method: str
    instance: str
    runs: int
    done: int
    failed: int
    cannot: int
    absent: int
    energy: float | None
    gap: float
    gap_best: float
    gap_worst: float
    to_bound: float | None
    successes: int
    success: Estimate
    read_success: Estimate | None
    seconds: float | None
    access: float | None
    tts: Estimate
    tts_access: Estimate
    tts_reads: Estimate
    expected: float


@dataclass(frozen=True)
class MethodSummary:
    """A method over all instances.

    Arguments:
        method: its name.
        backends: who was asked, one as a rule.
        runs: that were expected.
        done: with an answer.
        failed: without one.
        cannot: not called.
        absent: there is no row.
        gap: the mean over instances of the mean gap; the interval is of a bootstrap over instances,
            then over runs.
        success: the mean over instances of the share of successes; Wilson's interval over all runs,
            which speaks of these instances, not of others.
        tts: the median over instances of the time to a success that is 99 % sure; the interval is
            of a bootstrap over instances.
        expected: the median over instances of the expected time to the target, likewise.
        primal_integral: the mean gap over the time from 0 to the end of the longest run of any
            method.
        rank: the mean rank over instances, 1 is best.
        solved: instances with a success at least once.
        best_on: instances on which no method is better.
        tuned: trials that its options were chosen by.
        metered: its calls cost money or quota.
    """

    method: str
    backends: tuple[str, ...]
    runs: int
    done: int
    failed: int
    cannot: int
    absent: int
    gap: Estimate
    success: Estimate
    tts: Estimate
    expected: Estimate
    primal_integral: float
    rank: float
    solved: int
    best_on: int
    tuned: int
    metered: bool


@dataclass(frozen=True)
class Spent:
    """Seconds (or what was charged) of one kind over the rows of a method.

    Arguments:
        told: rows that say it; with none, the sum and the median are None.
        total: the sum.
        median: of a row.
    """

    told: int
    total: float | None
    median: float | None


@dataclass(frozen=True)
class MethodTimes:
    """Where the time of a method went.

    Arguments:
        method: whose.
        rows: there are.
        wall: of whole searches, queues included.
        queue: waiting at a service.
        access: of a device or a metered solver.
        cpu: of processes.
        charged: as the service told.
    """

    method: str
    rows: int
    wall: Spent
    queue: Spent
    access: Spent
    cpu: Spent
    charged: Spent
