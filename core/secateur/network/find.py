"""Find the channels of a network: run it, try the cut, say what stands and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from secateur.errors import NetworkError
from secateur.faults import named
from secateur.network.call import Call, as_call
from secateur.network.channels import Channels, check_ignored
from secateur.network.door import check_call, copied, unwrap
from secateur.network.resolve import resolve
from secateur.network.ties import Ties, find_ties
from secateur.network.trial import kinds, stirred, try_groups
from secateur.operators.flow import COUNTED, OUTER
from secateur.progress import track

CHOICES = 24
"""So many ways to decide folds are tried at most."""


@named
def find_channels(
    network: nn.Module,
    example: Call | Tensor | Mapping[str, Any] | Iterable[Any],
    *,
    ignored: Iterable[str] = (),
    also: Iterable[Call | tuple[Call, bool]] = (),
    tied: bool = True,
    norm_over: Literal["all", "kept"] = "all",
    seed: int = 0,
) -> Channels:
    """The channels of a network that can be pruned.

    The network's own forward is run once; what fails a trial cut is left whole, with the reason.

    Arguments:
        network: any trained ``nn.Module``; not changed.
        example: an input of a sample or more: a tensor, a tuple by position, a dict by name.
        ignored: paths of modules or parameters whose channels stay.
        also: more runs, for forwards with branches: calls, or pairs ``(call, in training mode)``.
        tied: filters that are added up leave together; otherwise each goes by itself.
        norm_over: "all": channels under a LayerNorm, a softmax or a mean over them stay; "kept":
            they go, and the statistic is taken over those that are kept.
        seed: of the trial's masks.

    Raises:
        DataError: the network fails on the example.
        NetworkError: nothing can be pruned, or a path is unknown.
    """
    if not isinstance(network, nn.Module):
        raise NetworkError(
            f"the network is a {type(network).__name__}", remedy="pass a torch.nn.Module"
        )
    bare, notes = unwrap(network)
    if notes:
        raise NetworkError(
            f"the network cannot be cut as it is: {'; '.join(notes)}",
            remedy="network, notes = secateur.network.unwrap(network) gives one that can; "
            "secateur.prune does so by itself",
        )
    network = bare
    if norm_over not in ("all", "kept"):
        raise NetworkError(f"norm_over is {norm_over!r}", remedy='use "all" or "kept"')
    call = as_call(example)
    paths = check_ignored(network, ignored)
    check_call(network, call)
    runs = [(run, False) if isinstance(run, Call) else run for run in also]
    if any(p.device.type != "cpu" for p in network.parameters()):
        # fused kernels of other devices hide operations; names and numbers are the same
        cpu = torch.device("cpu")
        network, call = copied(network).to(cpu), call.to(cpu)
        runs = [(run.to(cpu), training) for run, training in runs]
    search = _Search(network, call, runs, paths, tied, norm_over, seed)
    channels = search.best()
    if not channels.groups:
        why = "; ".join(f"{path}: {reason}" for path, reason in channels.stands[:5])
        remedy = "pass a network with more than one layer; what its output is made of stays"
        if any(COUNTED in reason for _, reason in channels.stands):
            remedy = (
                'norm_over="kept" (--norm-over kept) lets them go, and takes the statistic over '
                "those that are kept"
            )
        raise NetworkError(
            f"nothing can be pruned in {type(network).__name__}: "
            + (why or "it has no layer that makes channels"),
            remedy=remedy,
        )
    return channels


class _Search:
    """The way to decide folds that leaves most to prune."""

    def __init__(
        self,
        network: nn.Module,
        call: Call,
        also: list[tuple[Call, bool]],
        ignored: tuple[str, ...],
        tied: bool,
        norm_over: str,
        seed: int,
    ) -> None:
        self.network, self.call, self.also = network, call, also
        self.ignored, self.tied, self.norm_over, self.seed = ignored, tied, norm_over, seed
        self.stirred: nn.Module | None = None
        self.ties: Ties | None = None
        self.judged: set[object] = set()

    def best(self) -> Channels:
        """The channels that stood the trial."""
        with track("finding channels") as self.step:
            return self._best()

    def _best(self) -> Channels:
        found = self._judge({})
        assert found is not None  # nothing was judged before
        folds = self.ties.folds if self.ties is not None else {}
        if not folds:
            return found
        best: dict[object, int] = {}
        changes: list[dict[object, int]] = [{"all": OUTER}, {"all": 0}]
        changes += [{key: part} for key in folds for part in range(len(key[1]))]
        for change in changes[: self._choices()]:
            choice = {**best, **change}
            other = self._judge(choice)
            if other is not None and _worth(other) > _worth(found):
                found, best = other, choice
        return found

    def _choices(self) -> int:
        """How many are tried: fewer where one takes long, but the same number on every machine."""
        assert self.ties is not None
        weights = sum(parameter.numel() for parameter in self.network.parameters())
        effort = weights / 5e6 + len(self.ties.names) / 2000
        return max(1, min(CHOICES, int(CHOICES / effort)))

    def _judge(self, choice: dict[object, int]) -> Channels | None:
        """Channels under a choice, those that fail a trial pinned; None if it was judged before."""
        self.step.advance()
        ties = find_ties(
            self.network,
            self.call,
            also=self.also,
            choice=choice,
            norm_over=self.norm_over,
            tied=self.tied,
        )
        decided = tuple(ties.folds.items())
        if decided in self.judged:
            return None
        self.judged.add(decided)
        if not choice:
            self.ties = ties
        if ties.depends:
            where = next((path for path in ties.depends if path), type(self.network).__name__)
            raise NetworkError(
                f"forward depends on the values of its input (in {where}): the next input may go "
                "another way",
                remedy="move what is decided by values (if, item(), boolean indices) out of "
                "forward, or prune the parts that have none by themselves",
            )
        if ties.chance:
            where = next((path for path in ties.chance if path), type(self.network).__name__)
            raise NetworkError(
                f"forward draws random numbers in evaluation mode (in {where}): no two results can "
                "be compared",
                remedy="draw them in training mode only (if self.training), or pass them as an "
                "input",
            )
        for loose in (False, True):
            channels = self._resolve(ties, {}, loose)
            if not channels.groups:
                return channels
            if self._try(channels, channels.groups) is None:
                return channels
            if not any(not attribute.sure for attribute in ties.attributes):
                break
        return self._one_by_one(ties)

    def _one_by_one(self, ties: Ties) -> Channels:
        """Pin every kind of group that fails by itself."""
        channels = self._resolve(ties, {}, False)
        options = {False: channels}
        if any(not attribute.sure for attribute in ties.attributes):
            options[True] = self._resolve(ties, {}, True)
        refused: dict[int, str] = {}
        loose = False
        for kind in kinds(channels):
            reason = self._try(channels, kind)
            if reason is not None and True in options:
                other = self._try(options[True], kind)
                if other is None:
                    reason, loose = None, True
            if reason is not None:
                for group in kind:
                    for k in range(group.start, group.start + group.size):
                        name, dim, index = channels.slots[k][0]
                        refused[int(ties.slots[name][dim][index])] = reason
        final = self._resolve(ties, refused, loose)
        if final.groups:
            reason = self._try(final, final.groups)
            if reason is not None:
                everything = {
                    int(ties.slots[s[0][0]][s[0][1]][s[0][2]]): reason for s in final.slots
                }
                return self._resolve(ties, {**refused, **everything}, loose)
        return final

    def _resolve(self, ties: Ties, refused: dict[int, str], loose: bool) -> Channels:
        return resolve(
            self.network,
            ties,
            ignored=self.ignored,
            refused=refused,
            tied=self.tied,
            norm_over=self.norm_over,
            loose=loose,
            samples=self.call.size,
        )

    def _try(self, channels: Channels, groups: Iterable[Any]) -> str | None:
        if self.stirred is None:
            self.stirred = stirred(self.network, self.seed)
        with torch.no_grad():
            return try_groups(self.stirred, self.call, channels, list(groups), seed=self.seed)


def _worth(channels: Channels) -> tuple[int, int]:
    return sum(len(slots) for slots in channels.slots), len(channels)
