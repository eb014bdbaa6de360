"""The search of the decomposition: which variables are freed, and what is done with the answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.backends.base import Backend, Capabilities, Stopped
from secateur.backends.call import run
from secateur.errors import BackendBudgetSpent, ConstraintError
from secateur.problem.model import Bits, Problem
from secateur.problem.moves import Moves
from secateur.problem.subproblem import subproblem
from secateur.seeds import LARGEST_SEED

Positions = NDArray[np.intp]
_ROWS = 10
"""Of an answer that has to be repaired, so many of the best rows are."""
_KINDS = ("disagreement", "closest", "coupled", "random")
"""What the freed variables have in common, round after round; see ``Search.choose``."""


@dataclass(frozen=True)
class Limits:
    """How long the search may go on.

    Arguments:
        size: most variables of a part.
        rounds: most parts.
        patience: parts without improvement.
        calls: most calls of the inner backend, or None.
        deadline: of ``time.monotonic``, or None.
        metered: calls are charged, so the parts do not depend on the clock: started again, the
            search asks for the same ones, which are paid for. Time ends it between calls.
    """

    size: int
    rounds: int
    patience: int
    calls: int | None
    deadline: float | None
    metered: bool = False


def asked(part: Problem, can: Capabilities) -> tuple[Problem, bool]:
    """What of a part is sent to a backend, and whether its answers need repair.

    A backend that takes no count gets a price for a one instead: between the dearest one and the
    cheapest zero of the best vector so far, where that vector has no reason to change its count.
    """
    kept = part.only(can.native)
    if part.count is None or "count" in can.native:
        return kept, len(kept.constraints) < len(part.constraints)
    assert part.start is not None
    bits = part.start[0]
    price = threshold(part.field(bits), bits)
    return kept.with_linear(part.linear - price), True


def threshold(costs: NDArray[np.float64], bits: Bits) -> float:
    """Between the dearest one and the cheapest zero; 0 if there is only one kind."""
    ones, zeros = costs[bits == 1], costs[bits == 0]
    if len(ones) == 0 or len(zeros) == 0:
        return 0.0
    return 0.5 * float(ones.max() + zeros.min())


@dataclass
class Search:
    """A search of one problem.

    Arguments:
        problem: the whole.
        inner: solves the parts.
        given: options of ``inner``, by name.
        limits: when to stop.
        incumbents: good vectors to begin with.
        seed: of everything random; each call of ``inner`` gets a seed drawn from it.

    Attributes:
        elite: the best vectors and their energies, best first.
        energies: the best energy, before the first call and after each.
        sizes: variables of each part that was sent.
        kinds: what the variables of each part had in common.
        improved: each vector that was the best so far, and when by the monotonic clock.
        improvements: how many answers of ``inner`` led to a better vector.
        inner_seconds: spent in ``inner``.
        jobs: ids of the calls, if it gives some.
        versions: that it reported.
        stopped: why the search ended.
    """

    problem: Problem
    inner: Backend
    given: Mapping[str, Any]
    limits: Limits
    incumbents: int
    seed: int
    elite: list[tuple[float, Bits]] = field(default_factory=list)
    energies: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    improvements: int = 0
    improved: list[tuple[float, Bits]] = field(default_factory=list)
    inner_seconds: float = 0.0
    jobs: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    stopped: Stopped = Stopped.COMPLETED

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self._moves = Moves(self.problem)
        self._seen: set[tuple[bytes, bytes]] = set()

    @property
    def best(self) -> Bits:
        """The best vector so far."""
        return self.elite[0][1]

    def go(self) -> None:
        """Search until a limit is reached, or no part brings an improvement."""
        self._begin()
        self.energies.append(self.elite[0][0])
        vain = 0
        while not self._over(vain):
            kind = _KINDS[len(self.sizes) % len(_KINDS)]
            before = self.elite[0][0]
            positions = self.choose(kind)
            chosen = self.elite[0][0]  # a kick may have found something by itself
            found = self._solve(positions)
            self.kinds.append(kind)
            if found is not None:
                self._keep(found)
            after = self.elite[0][0]
            self.improvements += after < chosen - self._moves.tolerance
            vain = 0 if after < before - self._moves.tolerance else vain + 1
            self.energies.append(self.elite[0][0])

    def _begin(self) -> None:
        """Starts, greedy, and blurred greedy; repaired and descended from.

        Raises:
            ConstraintError: no vector that keeps the demands was found.
        """
        for row in () if self.problem.start is None else self.problem.start:
            fitting = self._moves.repair(row)
            if fitting is not None:
                self._keep(fitting)
                self._keep(self._moves.descend(fitting, late=self._late))
        self._keep(self._first())
        for _ in range(self.incumbents - 1):
            if self._late():
                return
            blurred = self._moves.incumbent(self._random)
            if blurred is not None:
                self._keep(blurred)

    def _first(self) -> Bits:
        start = self._moves.greedy()
        if start is None:
            raise ConstraintError(
                "no choice was found that keeps all demands",
                remedy="relax one of them, or use branch-and-bound, which can prove that there "
                "is none",
            )
        return self._moves.descend(start, late=self._late)

    def _late(self) -> bool:
        """Descents are to end; those between calls that are charged never do."""
        return not self.limits.metered and self._timeout()

    def _timeout(self) -> bool:
        deadline = self.limits.deadline
        return deadline is not None and time.monotonic() >= deadline

    def _over(self, vain: int) -> bool:
        if self.stopped is not Stopped.COMPLETED:
            return True
        done = len(self.sizes)
        if self.problem.n == 0 or done >= self.limits.rounds or vain >= self.limits.patience:
            return True
        if done and self.limits.size >= self.problem.n:  # one part was all of it
            return True
        if self.limits.calls is not None and done >= self.limits.calls:
            self.stopped = Stopped.BUDGET
        elif self._timeout():
            self.stopped = Stopped.TIME_LIMIT
        return self.stopped is not Stopped.COMPLETED

    def _keep(self, bits: Bits) -> None:
        """Into the elite, if it is new; the worst leaves if there are too many."""
        if any(np.array_equal(bits, known) for _, known in self.elite):
            return
        energy = float(self.problem.energies(bits)[0])
        if not self.elite or energy < self.elite[0][0]:
            self.improved.append((time.monotonic(), bits))
        self.elite.append((energy, bits))
        self.elite.sort(key=lambda pair: pair[0])
        del self.elite[self.incumbents :]

    def choose(self, kind: str) -> Positions:
        """The variables to free: at most ``limits.size``.

        - disagreement: that good vectors disagree about; what they agree about is likely right.
        - closest: whose cost is nearest to the threshold between ones and zeros.
        - coupled: an uncertain variable, and what hangs on it by the strongest couplings.
        - random: any.
        """
        positions = np.sort(self._pick(self._scores(kind)))
        key = (self.best.tobytes(), positions.tobytes())
        if key in self._seen:  # it was tried around this vector
            positions = np.sort(self._pick(self._random.random(self.problem.n)))
        self._seen.add((self.best.tobytes(), positions.tobytes()))
        return positions

    def _scores(self, kind: str) -> NDArray[np.float64]:
        """The lower, the sooner a variable is freed."""
        n = self.problem.n
        blur = self._random.random(n)
        costs = self.problem.field(self.best)
        edge = 0.0 if self.problem.count is None else threshold(costs, self.best)
        rank = np.empty(n)
        rank[np.argsort(np.abs(costs - edge), kind="stable")] = np.arange(n) / max(n, 1)
        if kind == "disagreement":
            # one more opinion each time, near the best vector: there they are worth most
            kicked = self._moves.kick(self.best, self._random)
            kicked = self.best if kicked is None else kicked
            share = np.mean([bits for _, bits in self.elite], axis=0, dtype=np.float64)
            self._keep(kicked)
            differs = kicked != self.best
            return -1.0 * differs - 4 * share * (1 - share) + 0.2 * rank + 0.1 * blur
        if kind == "closest":
            return rank + 0.3 * blur
        if kind == "coupled":
            return self._grow(int(np.argmin(rank + 0.5 * blur)), blur)
        return blur

    def _grow(self, first: int, blur: NDArray[np.float64]) -> NDArray[np.float64]:
        """In the order in which variables are reached along the strongest couplings."""
        matrix = self.problem.couplings
        scores = 1.0 + blur
        pull = np.zeros(self.problem.n)
        taken = np.zeros(self.problem.n, dtype=bool)
        steps = min(self.problem.n, 3 * self.limits.size)
        i = first
        for step in range(steps):
            scores[i], taken[i] = step / steps, True
            row = slice(matrix.indptr[i], matrix.indptr[i + 1])
            near = matrix.indices[row]
            pull[near] += np.abs(matrix.data[row]) * (0.5 + blur[near])
            i = int(np.argmax(np.where(taken, -1.0, pull)))
            if taken[i] or pull[i] <= 0:
                break  # all that hangs together is in
        return scores

    def _pick(self, scores: NDArray[np.float64]) -> Positions:
        """The first ones; with a wanted count half of them ones, or nothing could move."""
        order = np.argsort(scores, kind="stable")
        size = min(self.limits.size, self.problem.n)
        if self.problem.count is None:
            return order[:size]
        ones, zeros = order[self.best[order] == 1], order[self.best[order] == 0]
        many = min(len(ones), max(size // 2, size - len(zeros)))
        return np.concatenate([ones[:many], zeros[: size - many]])

    def _solve(self, positions: Positions) -> Bits | None:
        """The best vector with these variables solved for, after a descent of the whole."""
        part = subproblem(self.problem, self.best, positions)
        sent, broken = asked(part, self.inner.capabilities)
        begun = time.monotonic()
        try:
            solution = run(self.inner, sent, self._options())
        except BackendBudgetSpent:
            if not self.sizes:
                raise
            self.stopped = Stopped.BUDGET  # what was paid for is not thrown away
            return None
        self.inner_seconds += time.monotonic() - begun
        self.sizes.append(part.n)
        self.versions.update(solution.versions)
        if solution.job_id is not None:
            self.jobs.append(solution.job_id)
        if solution.stopped is Stopped.INTERRUPTED:
            self.stopped = Stopped.INTERRUPTED
        if len(solution.samples) == 0:
            return None
        samples = solution.samples
        # dimod may have sorted the labels
        columns = [samples.variables.index(variable) for variable in part.variables]
        order = np.argsort(samples.record.energy, kind="stable")
        rows = np.asarray(samples.record.sample, dtype=np.int8)[order][:, columns]
        if broken:
            local = Moves(part)
            closed = [local.repair(row) for row in rows[:_ROWS]]
            rows = np.array(
                [local.descend(row) for row in closed if row is not None], dtype=np.int8
            ).reshape(-1, part.n)
        rows = rows[part.feasible(rows)]
        if len(rows) == 0:
            return None
        whole = self.best.copy()
        whole[positions] = rows[int(np.argmin(part.energies(rows)))]
        return self._moves.descend(whole, late=self._late)

    def _options(self) -> dict[str, Any]:
        """The inner backend's options for one call: a new seed, and at most the time left."""
        options = dict(self.given)
        can = self.inner.capabilities
        if can.takes_seed and options.get("seed") is None:
            declared = {f.name: f.metadata.get("most") for f in fields(self.inner.Options)}
            most = min(declared.get("seed") or LARGEST_SEED, LARGEST_SEED)
            options["seed"] = int(self._random.integers(most))
        # a metered service charges for the time that it is given: that is left to the user
        if can.takes_time_limit and self.limits.deadline is not None and not self.limits.metered:
            left = max(self.limits.deadline - time.monotonic(), 0.01)
            usual = options.get("time_limit", getattr(self.inner.Options(), "time_limit", None))
            options["time_limit"] = left if usual is None else min(float(usual), left)
        return options
