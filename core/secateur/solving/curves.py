"""Upper curves: the best choice that can be found quickly, for every number of ones of a block.

Greedy from both ends, the best swaps at each count, and what the neighbouring counts' choices
become by one flip and further swaps. A wide block is polished only near the count that the best
split of all blocks gives it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secateur.problem.junction import Junction
from secateur.problem.minplus import Sharing, best_split
from secateur.problem.parts import Block, InnerCount
from secateur.solving.control import Control
from secateur.solving.curve import Bits, Curve
from secateur.solving.greedy import backward, forward, prefix_energies, prefixes
from secateur.solving.keeping import kept
from secateur.solving.swaps import descend_all, descend_one, energies
from secateur.solving.thin import is_thin, thin_curve
from secateur.solving.workers import Team, shares

_TINY = 10  # up to here all choices are tried
_SMALL = 128  # up to here swaps are made at every count
_NEAR = 4  # counts on each side of a split that are polished in a wide block
_KICKED = 2  # counts on each side of a split at which a small block is kicked
_KICKS = 6  # rounds of them
_ROUNDS = 6  # of split and polish
_WORTH = 2.0  # seconds of one core from which on workers are started
_STARTS = 9  # counts of a wide block with demands that are mended first


def upper_curve(
    block: Block, *, control: Control, around: int | None = None, rounds: int = 2
) -> Curve:
    """The best choices found for every number of ones of a block.

    Arguments:
        block: of w variables; demands within it are kept by all choices.
        control: when it is late, what is found so far is returned.
        around: a number of ones near which a wide block is polished; None: nowhere.
        rounds: most sweeps over the counts in which choices of neighbouring counts are tried, a
            sweep being as many steps as there are variables.
    """
    return _Search(block, rounds).curve_near(around, control)


def upper_curves(
    blocks: Sequence[Block], root: Junction | Sharing, *, control: Control, workers: int = 1
) -> list[Curve]:
    """The upper curves of all blocks; wide ones polished where the best split needs them.

    Arguments:
        blocks: of the problem.
        root: of its junctions, or those with budgets over them.
        control: when it is late, what is found so far is returned.
        workers: most processes at once; small work is done in this one. Unless time runs out, the
            curves do not depend on it.
    """
    costs = [_seconds(block) for block in blocks]
    workers = min(workers, sum(cost > 0.1 for cost in costs))
    if workers <= 1 or sum(costs) < _WORTH:
        return _split_and_polish(blocks, root, _Bench(dict(enumerate(blocks))), control)
    groups = shares(costs, workers)
    benches = [_Bench({number: blocks[number] for number in group}) for group in groups]
    with Team(benches) as team:
        return _split_and_polish(blocks, root, team, control)


def feed(curve: Curve, block: Block, bits: NDArray[np.generic], *, swaps: bool = True) -> bool:
    """Enter choices from elsewhere, as a backend's samples, and what swaps make of them.

    Arguments:
        curve: of the block.
        block: of w variables.
        bits: zeros and ones, shape ``(w,)`` or ``(rows, w)``; demands that they break are mended by
            swaps, if they can be.
        swaps: False enters it as it is.

    Returns:
        The curve has become better.
    """
    control = Control()
    rows = np.unique(np.atleast_2d(bits).astype(np.int8), axis=0)
    improved = _enter(curve, block, rows).size > 0
    if swaps and block.size > 1 and not is_thin(block):
        improved = _enter(curve, block, _descend(block, rows, control)).size > 0 or improved
    return improved


# -- all blocks ------------------------------------------------------------------------------------


class _Bench:
    """The searches of some blocks, by number; in this process or a worker."""

    def __init__(self, blocks: dict[int, Block]) -> None:
        self._searches = {number: _Search(block, 2) for number, block in blocks.items()}
        self.numbers = tuple(blocks)

    def call(self, tasks: dict[int, int | None], control: Control) -> dict[int, Curve]:
        """The curves of some blocks, each polished near a count."""
        made = {}
        for place, (number, around) in enumerate(tasks.items()):
            # every block gets its share of what is left
            part = (
                control if control.seconds is None else control.part(2 / (len(tasks) - place + 1))
            )
            made[number] = self._searches[number].curve_near(around, part)
        return made


def _split_and_polish(
    blocks: Sequence[Block], root: Junction | Sharing, bench: _Bench | Team, control: Control
) -> list[Curve]:
    found = bench.call(dict.fromkeys(range(len(blocks))), control)
    curves = [found[number] for number in range(len(blocks))]
    open_ = [number for number, block in enumerate(blocks) if not _is_done(block)]
    before: dict[int, int | None] = {}
    for _ in range(_ROUNDS if open_ else 0):
        split = best_split(root, [curve.energy for curve in curves])
        tasks: dict[int, int | None] = {number: int(split.counts[number]) for number in open_}
        if control.late or not np.isfinite(split.value) or tasks == before:
            break
        # a block whose count stays where it was has been polished there
        moved = {number: k for number, k in tasks.items() if before.get(number) != k}
        before = tasks
        for number, curve in bench.call(moved, control).items():
            curves[number] = curve
    return curves


def _is_wide(block: Block) -> bool:
    return block.size > _SMALL and (block.couplings is not None or _demanding(block))


def _is_plain(block: Block) -> bool:
    return block.couplings is None and not _demanding(block)


def _demanding(block: Block) -> bool:
    return bool(block.counts or block.sums)


def _is_done(block: Block) -> bool:
    """The first search of it is exact, or all that is done for it."""
    return block.size <= _TINY or _is_plain(block) or is_thin(block)


def _seconds(block: Block) -> float:
    """About how long a block takes one core."""
    if _is_done(block):
        return 0.0
    return 2e-7 * block.size**3 if block.size <= _SMALL else 4e-7 * block.size**2


# -- one block -------------------------------------------------------------------------------------


class _Search:
    """One block's curve and what has been tried for it."""

    def __init__(self, block: Block, rounds: int) -> None:
        self.block = block
        self.rounds = rounds
        self.curve: Curve | None = None
        self._tried: dict[tuple[int, int], float] = {}

    def curve_near(self, around: int | None, control: Control) -> Curve:
        """The curve, made at the first call, polished near a count."""
        if self.curve is None:
            self.curve = self._start(control)
        if around is not None and _is_wide(self.block):
            self._polish(self.curve, around, control)
        elif around is not None and not _is_done(self.block):
            self._kick(self.curve, around, control)
        return self.curve

    def _start(self, control: Control) -> Curve:
        block = self.block
        if is_thin(block):
            return thin_curve(block)
        curve = Curve.empty(block.size)
        if block.size <= _TINY and (block.couplings is not None or _demanding(block)):
            codes = np.arange(1 << block.size)[:, None] >> np.arange(block.size)
            _enter(curve, block, (codes & 1).astype(np.int8))
            return curve
        orders = [forward(block, control)]
        if block.couplings is not None:
            orders.append(backward(block, control))
        for order in orders:
            value = prefix_energies(block, order)
            if _demanding(block):
                good = np.zeros(block.size + 1, np.bool_)
                for some in _parts(block):
                    good[some] = kept(block, prefixes(order, some))
            else:
                good = block.allowed
            curve.offer_order(order, np.where(good, value, np.inf))
        if _is_plain(block):
            return curve
        if block.size <= _SMALL:
            self._thorough(curve, orders, control)
        elif _demanding(block):
            some = np.unique(np.linspace(0, block.size, _STARTS).astype(np.intp))
            for order in orders:
                for ones in some[block.allowed[some]]:
                    row = prefixes(order, np.array([ones]))
                    _enter(curve, block, _descend(block, row, control))
        return curve

    def _thorough(self, curve: Curve, orders: list[NDArray[np.intp]], control: Control) -> None:
        """Swaps at every count, then from the choices of neighbouring counts until none helps."""
        block = self.block
        every = np.arange(block.size + 1)
        starts = np.concatenate([prefixes(order, every) for order in orders])
        found = _enter(curve, block, descend_all(block, starts, control))
        # what the greedy paths gave is a source too
        found = np.flatnonzero(np.isfinite(curve.energy))
        for _ in range(self.rounds * block.size):
            if not len(found) or control.late:
                break
            rows = np.stack([curve.choice(int(ones)) for ones in found])
            tries = np.concatenate([_flipped(block, rows), *_toggled(block, rows)])
            ones = tries.sum(axis=1, dtype=np.intp)
            # a try that is known already needs no descent
            new = ~np.isclose(energies(block, tries), curve.energy[ones], rtol=1e-13, atol=0.0)
            found = _enter(curve, block, descend_all(block, tries[new], control))

    def _kick(self, curve: Curve, around: int, control: Control) -> None:
        """Every variable turned round and held while the others adapt, at the counts near one."""
        block = self.block
        low, high = max(1, around - _KICKED), min(block.size - 1, around + _KICKED)
        waiting = list(range(low, high + 1))
        for _ in range(_KICKS):
            waiting = [
                k
                for k in waiting
                if low <= k <= high
                and np.isfinite(curve.energy[k])
                and self._tried.get((k, -1)) != curve.energy[k]
            ]
            if not waiting or control.late:
                break
            for ones in waiting:
                self._tried[ones, -1] = float(curve.energy[ones])
            starts = np.stack([curve.choice(ones) for ones in waiting])
            rows, held = _kicked(block, starts)
            rows = descend_all(block, rows, control, held=held)
            found = _enter(curve, block, descend_all(block, rows, control))
            waiting = sorted({int(k) + step for k in found for step in (-1, 0, 1)})

    def _polish(self, curve: Curve, around: int, control: Control) -> None:
        """Swaps at the counts near one, from their own and their neighbours' choices."""
        block = self.block
        low, high = max(0, around - _NEAR), min(block.size, around + _NEAR)
        for ones in [*range(low, high + 1), *range(high - 1, low, -1)]:
            for source in (ones, ones - 1, ones + 1):
                if not 0 <= source <= block.size or not np.isfinite(curve.energy[source]):
                    continue
                if control.late:
                    return
                if self._tried.get((ones, source)) == curve.energy[source]:
                    continue
                self._tried[ones, source] = float(curve.energy[source])
                rows = curve.choice(source)[None]
                if source != ones:
                    rows = _flipped(block, rows)
                    rows = rows[rows.sum(axis=1, dtype=np.intp) == ones]
                    if not len(rows):
                        continue
                _enter(curve, block, _descend(block, rows, control))


def _descend(block: Block, rows: Bits, control: Control) -> Bits:
    if _demanding(block) or block.size <= _SMALL:
        return descend_all(block, rows, control)
    return np.stack([descend_one(block, row, control) for row in rows])


def _enter(curve: Curve, block: Block, rows: Bits) -> NDArray[np.intp]:
    """Enter choices that keep the demands; the counts at which the curve became better."""
    values = energies(block, rows)
    ones = rows.sum(axis=1, dtype=np.intp)
    better = np.flatnonzero(values < curve.energy[ones])
    better = better[kept(block, rows[better])]
    found = set()
    for row in better[np.argsort(values[better], kind="stable")].tolist():
        if curve.offer(rows[row], float(values[row])):
            found.add(int(ones[row]))
    return np.array(sorted(found), np.intp)


def _flipped(block: Block, rows: Bits) -> Bits:
    """Each choice with the best one more, and with the best one less."""
    fields = _fields(block, rows)
    more = np.flatnonzero(~rows.all(axis=1))
    less = np.flatnonzero(rows.any(axis=1))
    grown, shrunk = rows[more], rows[less]
    if len(more):
        enter = np.where(grown == 0, fields[more], np.inf).argmin(axis=1)
        grown[np.arange(len(more)), enter] = 1
    if len(less):
        leave = np.where(shrunk == 1, fields[less], -np.inf).argmax(axis=1)
        shrunk[np.arange(len(less)), leave] = 0
    return np.concatenate([grown, shrunk])


def _kicked(block: Block, rows: Bits) -> tuple[Bits, NDArray[np.intp]]:
    """Each choice with each variable turned round and the best other one turned back.

    Returns shape ``(R·w, w)``, and the variable that was turned, shape ``(R·w,)``.
    """
    size = block.size
    held = np.tile(np.arange(size), len(rows))
    bits = np.repeat(rows, size, axis=0)
    each = np.arange(len(bits))
    couplings = _couplings(block)
    entered = bits[each, held] == 0
    sign = np.where(entered, 1.0, -1.0)
    fields = np.repeat(_fields(block, rows), size, axis=0) + sign[:, None] * couplings[held]
    fields[each, held] = np.where(entered, -np.inf, np.inf)
    leave = np.where(bits == 1, fields, -np.inf).argmax(axis=1)
    enter = np.where(bits == 0, fields, np.inf).argmin(axis=1)
    bits[each, held] ^= 1
    bits[each, np.where(entered, leave, enter)] ^= 1
    return bits, held


def _toggled(block: Block, rows: Bits) -> list[Bits]:
    """Each choice with the best tied set turned on, and with the best one turned off."""
    tied = [count for count in block.counts if _is_tied(count)]
    if not tied:
        return []
    inside = np.zeros((len(tied), block.size))
    for row, count in zip(inside, tied, strict=True):
        row[count.members] = 1.0
    own = 0.5 * (inside @ _couplings(block) * inside).sum(axis=1)
    fields = _fields(block, rows) @ inside.T
    taken = rows @ inside.T
    out = []
    for state, change in (
        (0.0, fields + own),
        (1.0, own - fields),
    ):
        able = taken == state * inside.sum(axis=1)
        change = np.where(able, change, np.inf)
        best = change.argmin(axis=1)
        some = np.flatnonzero(able.any(axis=1))
        turned = rows[some]
        turned[inside[best[some]] > 0] = int(1 - state)
        out.append(turned)
    return out


def _is_tied(count: InnerCount) -> bool:
    return len(count.members) > 1 and bool(
        count.allowed[[0, -1]].all() and count.allowed.sum() == 2
    )


def _fields(block: Block, rows: Bits) -> NDArray[np.float64]:
    if block.couplings is None:
        return np.broadcast_to(block.linear, rows.shape)
    if len(rows) == 1 and block.size > _SMALL:
        return (block.linear + block.couplings @ rows[0].astype(np.float64))[None]
    return np.asarray(block.linear + rows.astype(np.float64) @ block.couplings)


def _couplings(block: Block) -> NDArray[np.float64]:
    return np.zeros((block.size, block.size)) if block.couplings is None else block.couplings


def _parts(block: Block) -> list[NDArray[np.intp]]:
    """All numbers of ones, in parts whose choices fit in a few megabytes."""
    every = np.arange(block.size + 1)
    return np.array_split(every, 1 + block.size * block.size // (1 << 20))
