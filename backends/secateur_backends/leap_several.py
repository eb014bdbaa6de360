"""Blocks in several submissions: shared among them once, paid for once each, in turn.

How they are shared is on the disk before the first of them is sent, so that a run that is taken up
again finds the jobs that were paid for.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

from secateur.backends import Price, Solution
from secateur.backends.metering import NOTES, open_bill
from secateur.problem import Problem
from secateur_backends.leap_answer import dry_solution
from secateur_backends.leap_blocks import Positions, Shared, Sharing
from secateur_backends.leap_budget import (
    DEFAULT_S,
    check_budget,
    free_price,
    price_of,
    search_of,
)
from secateur_backends.leap_cost import Estimate
from secateur_backends.leap_jobs import Journal, Unwritable, job_key
from secateur_backends.leap_options import journal_folder, replay_from
from secateur_backends.leap_run import LeapBackend, logger
from secateur_backends.leap_together import narrowed, part, together


class Overfull(Exception):
    """The blocks of a problem need several submissions; caught by ``Several``.

    Arguments:
        groups: positions of each submission.
        estimate: of all together.
    """

    def __init__(self, groups: list[Positions], estimate: Estimate) -> None:
        super().__init__()
        self.groups = groups
        self.estimate = estimate


class Several(LeapBackend):
    """A Leap backend whose plan may raise ``Overfull``."""

    def solve(self, problem: Problem, options: Any) -> Solution:
        """In one submission if the blocks fit, else in as many as they need."""
        if problem.n == 0:
            return super().solve(problem, options)
        began = time.monotonic()
        shared = self._shared(problem, options)
        sharing = None if options.dry_run else self._shares(shared, options)
        if sharing is None:
            try:
                return super().solve(problem, options)
            except Overfull as full:
                groups, estimate = full.groups, full.estimate
            if options.dry_run:
                return dry_solution(problem, options, estimate, began, self.packages)
            self._check_all(problem, options, estimate)
            sharing = Sharing(groups, time.time())
            shared.write(sharing)
        with open_bill(problem):  # all submissions are of one search
            return self._in_turn(problem, options, shared, sharing, began)

    def _in_turn(
        self, problem: Problem, options: Any, shared: Shared, sharing: Sharing, began: float
    ) -> Solution:
        """One submission after the other; what was answered already is not sent again."""
        answers: list[Solution] = []
        try:
            while len(answers) < len(sharing.groups):
                positions = sharing.groups[len(answers)]
                own = part(problem, positions)
                mine = self._of_run(own, options, sharing)
                try:
                    answers.append(super().solve(own, mine))
                except Overfull as full:  # the chip takes less than it did: shared further
                    self._check_all(problem, options, full.estimate)
                    at = len(answers)
                    finer = [positions[group] for group in full.groups]
                    groups = [*sharing.groups[:at], *finer, *sharing.groups[at + 1 :]]
                    sharing = dataclasses.replace(sharing, groups=groups)
                    shared.write(sharing, sent="not the rest of it")
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(
                f"backend {self.name!r}: {len(answers)} of {len(sharing.groups)} submissions are "
                "answered and in the journal; run the same again for the rest"
            )
            raise
        found = together(problem, sharing.groups, answers, options, began)
        if not (sharing.done or replay_from(options)):
            try:
                shared.write(dataclasses.replace(sharing, done=True))
            except Unwritable as failure:  # what was paid for is not thrown away
                note = f"that all submissions were answered could not be noted: {failure.__cause__}"
                found.raw[NOTES].append(note)
                logger.warning(note)
        return found

    def _shared(self, problem: Problem, options: Any) -> Shared:
        """The journal's note of how this problem's blocks are shared."""
        key = job_key(problem, kind="qpu", backend=self.name, **self.determines(options))
        return Shared(self._folder(options), key, self.name)

    def _shares(self, shared: Shared, options: Any) -> Sharing | None:
        """How blocks were shared; None if they were not, or if a whole new sample is wanted."""
        found = shared.read()
        anew = options.again and found is not None and found.done and not replay_from(options)
        return None if anew else found

    def _of_run(self, own: Problem, options: Any, sharing: Sharing) -> Any:
        """The options of one submission: what this very run was answered is taken, always."""
        mine = narrowed(options, own)
        if sharing.done or not options.again or replay_from(options):
            return mine
        asked = self.determines(mine)
        paid = job_key(own, kind="qpu", backend=self.name, **asked)
        answered = Journal(self._folder(options), self.name).answered(paid)
        if answered is not None and answered.created >= sharing.began:
            mine = dataclasses.replace(mine, again=False)
        return mine

    def _check_all(self, problem: Problem, options: Any, estimate: Estimate) -> None:
        """Refuse all submissions before the first, where the budget has no room for them."""
        search, most = search_of(problem, self.name), self.default_budget_s or DEFAULT_S
        journal = Journal(self._folder(options), self.name)
        check_budget(estimate, options, journal, search, self.name, most)

    def _folder(self, options: Any) -> Path:
        replay = replay_from(options)
        return journal_folder(options) if replay in (True, False) else _folder(str(replay))

    def price(self, problem: Problem, options: Any) -> Price:
        """As of every Leap backend; of blocks that need several submissions, of all of them."""
        free = getattr(self, "_sampler", None) is not None
        if problem.n == 0 or free or replay_from(options):
            return super().price(problem, options)
        self.kind(problem, options)
        sharing = None
        if not options.dry_run:
            sharing = self._shares(self._shared(problem, options), options)
        if sharing is not None:
            return self._rest(problem, options, sharing)
        try:
            return super().price(problem, options)
        except Overfull as full:
            return price_of(problem, full.estimate, self._spent(problem, options))

    def _rest(self, problem: Problem, options: Any, sharing: Sharing) -> Price:
        """The price of the submissions that the journal does not have."""
        prices: list[Price] = []
        for positions in sharing.groups:
            own = part(problem, positions)
            try:
                prices.append(super().price(own, self._of_run(own, options, sharing)))
            except Overfull as full:
                prices.append(price_of(own, full.estimate, None))
        left = [one for one in prices if not one.recorded]
        if not left:
            note = f"the journal has all {len(prices)} submissions: nothing more is charged"
            return free_price(problem, prices[0].solver, note, recorded=True)
        charges = [one.charge_s for one in left]
        return dataclasses.replace(
            free_price(problem, left[0].solver),
            charge_s=None if None in charges else float(sum(one or 0.0 for one in charges)),
            note=f"{len(left)} of {len(prices)} submissions; the journal has the others",
        )

    def _spent(self, problem: Problem, options: Any) -> float | None:
        journal = Journal(self._folder(options), self.name)
        return journal.spent(search_of(problem, self.name))


def _folder(replay: str) -> Path:
    path = Path(replay).expanduser()
    return path.parent if path.is_file() else path
