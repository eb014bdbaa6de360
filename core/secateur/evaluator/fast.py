"""One process's way to the metric of masks: cut, folded, channels last, beside the incumbent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.errors import SecateurError
from secateur.evaluator.folding import fast_forwards, laid_over
from secateur.evaluator.incumbent import Kept, Weights, remembered_paths, sharing
from secateur.evaluator.recording import Recording, record
from secateur.metric import mean_metric, run_batch
from secateur.network.call import Call
from secateur.network.channels import Channels
from secateur.network.run import evaluation, input_error
from secateur.network.trial import difference
from secateur.tasks import Task
from secateur.tasks.batches import Batch

logger = logging.getLogger("secateur")
Keep = NDArray[np.bool_]
Maker = Callable[[Keep], nn.Module]
"""Gives the network that a mask leaves; it may be another one after the next call."""
Truth = Callable[[Keep], Callable[[Batch], object]]
"""What the maker's network is held against."""
MOST = 1e-5
"""The largest difference to the plain way, relative to the outputs."""


@dataclass(eq=False)
class _Part:
    """Some batches, and what the incumbent gave on each."""

    batches: list[Batch]
    calls: list[Call]
    share: float
    incumbent: bytes | None = None
    weights: Weights | None = None
    kept: list[Kept] = field(default_factory=list)


class Fast:
    """The mean metric of masks over parts of a split; the same numbers as the plain way, in less.

    On first use it looks at a run of the network and holds two masks against the plain way; where
    anything is not exact it says so in the log and goes on without: first as the maker's network
    runs by itself, and at last as ``truth`` does.

    Arguments:
        task: gives the metric.
        channels: of the masks.
        maker: gives networks.
        truth: gives outputs that are right by definition.
        parts: batches, none of them empty.
        memory: bytes, at most, that the incumbent's outputs may take.
    """

    def __init__(
        self,
        task: Task,
        channels: Channels,
        maker: Maker,
        truth: Truth,
        parts: Sequence[Sequence[Batch]],
        *,
        memory: int,
    ) -> None:
        self._task, self._channels, self._maker, self._truth = task, channels, maker, truth
        samples = sum(batch.size for part in parts for batch in part)
        self.memory = memory
        self._parts = [
            _Part(
                list(part),
                [batch.call for batch in part],
                sum(batch.size for batch in part) / max(samples, 1),
            )
            for part in parts
        ]
        self._way: str | None = None
        self._recording = Recording((), {}, False)
        self._paths: tuple[str, ...] = ()
        self._last = False

    @property
    def way(self) -> str | None:
        """How it runs: "fast", "cut" or "plain"; None before the first use."""
        return self._way

    @property
    def held(self) -> int:
        """Bytes of the incumbent's outputs that are kept."""
        return sum(kept.bytes for part in self._parts for kept in part.kept)

    def incumbent(self, part: int) -> bytes | None:
        """The mask whose outputs are kept, as packed bits."""
        return self._parts[part].incumbent

    def value(self, keep: Keep, part: int, *, remember: bool = False) -> float:
        """The mean metric of one mask.

        Arguments:
            keep: the channels that stay, shape ``(n,)``.
            part: which batches.
            remember: it is the incumbent from now on: the next masks are beside it.

        Raises:
            DataError: forward fails.
            MetricError: the metric is not finite, or no number a sample.
        """
        if self._way is None:
            self._way = self._find_way(keep)
        own = self._parts[part]
        if self._way != "fast":
            runner = self._plain(keep) if self._way == "cut" else self._truth(keep)
            return mean_metric(runner, self._task, own.batches)
        network = self._maker(keep)
        forwards = fast_forwards(network, self._recording.folds, self._last)
        same = own.weights.same(network) if own.weights is not None else set()
        keeping: list[Kept] | None = None
        if remember and self._paths and self.memory > 0:
            # while it is made, the one before is still there
            most = int(0.5 * self.memory * own.share)
            sizes = [batch.size for batch in own.batches]
            keeping = [Kept(most * size // sum(sizes)) for size in sizes]
        number = {id(batch): k for k, batch in enumerate(own.batches)}

        def fast(batch: Batch) -> object:
            k = number[id(batch)]
            laid = sharing(
                forwards,
                network,
                self._paths,
                same,
                own.kept[k] if own.kept else None,
                keeping[k] if keeping is not None else None,
            )
            call = own.calls[k]
            with laid_over(network, laid):
                try:
                    return network(*call.args, **call.kwargs)
                except (RuntimeError, TypeError, ValueError, IndexError, KeyError) as error:
                    if isinstance(error, torch.OutOfMemoryError):
                        raise
                    raise input_error(network, call, error) from error

        with evaluation(network):
            value = mean_metric(fast, self._task, own.batches)
        if keeping is not None:
            weights = Weights(network, self._recording, self._paths)
            own.kept, own.weights, own.incumbent = keeping, weights, np.packbits(keep).tobytes()
        return value

    def _plain(self, keep: Keep) -> Callable[[Batch], object]:
        network = self._maker(keep)
        return lambda batch: run_batch(network, batch)

    # -- the first use ---------------------------------------------------------------------------

    def _find_way(self, keep: Keep) -> str:
        """The fastest way that gives the plain one's outputs."""
        batch = next(batch for part in self._parts for batch in part.batches)
        masks = [keep, _beside(keep, self._channels)]
        with torch.no_grad():
            wanted = [self._truth(mask)(batch) for mask in masks]
            why = self._try_fast(masks, batch, wanted)
            if why is None:
                return "fast"
            self._recording, self._paths, self._last = Recording((), {}, False), (), False
            self._forget()
            logger.warning("masks are evaluated the slower way: %s", why)
            gap = max(
                difference(self._plain(mask)(batch), right)
                for mask, right in zip(masks, wanted, strict=True)
            )
        if gap <= MOST:
            return "cut"
        logger.warning("masks are evaluated as masks: the cut network differs by %.2g", gap)
        return "plain"

    def _try_fast(self, masks: list[Keep], batch: Batch, wanted: list[object]) -> str | None:
        """Set up the fast way; why it cannot be gone, or None."""
        try:
            network = self._maker(masks[0])
            self._recording = record(network, batch.call)
            if not self._recording.stateless:
                return "the network remembers something from one call to the next"
            self._paths = remembered_paths(network, self._recording)
            self._last = _lays_channels_last(network, batch.call)
            self._lay_out()
            return self._trial(masks, batch, wanted)
        except SecateurError as error:
            return error.message

    def _trial(self, masks: list[Keep], batch: Batch, wanted: list[object]) -> str | None:
        """Hold the masks one after the other against what is wanted: the second shares."""
        trial = Fast(
            self._task, self._channels, self._maker, self._truth, [[batch]], memory=self.memory
        )
        trial._way, trial._recording, trial._paths = "fast", self._recording, self._paths
        trial._last = self._last
        trial._lay_out()
        seen: list[object] = []
        trial._task = _Seeing(self._task, seen)  # type: ignore[assignment]
        for mask in [*masks, masks[0]]:
            trial.value(mask, 0, remember=True)
        gaps = [difference(a, b) for a, b in zip(seen, [*wanted, wanted[0]], strict=True)]
        if not max(gaps) <= MOST:
            return f"the fast one differs by {max(gaps):.2g} of the outputs"
        return None

    def _lay_out(self) -> None:
        for part in self._parts:
            part.calls = [
                batch.call.map(_channels_last) if self._last else batch.call
                for batch in part.batches
            ]

    def _forget(self) -> None:
        for part in self._parts:
            part.calls = [batch.call for batch in part.batches]
            part.kept, part.weights, part.incumbent = [], None, None


class _Seeing:
    """A task that keeps the outputs it is shown."""

    def __init__(self, task: Task, seen: list[object]) -> None:
        self._task, self._seen = task, seen

    def metrics(self, outputs: object, targets: object, *, size: int | None = None) -> Tensor:
        self._seen.append(outputs)
        return torch.zeros(size or 1)


def _beside(keep: Keep, channels: Channels) -> Keep:
    """Another mask: a channel more or less in the middle of the network."""
    other = keep.copy()
    for group in channels.groups[len(channels.groups) // 2 :]:
        own = np.flatnonzero(keep[group.slice])
        gone = np.flatnonzero(~keep[group.slice])
        if len(gone):
            other[group.start + int(gone[0])] = True
            return other
        if len(own) > 1:
            other[group.start + int(own[-1])] = False
            return other
    return other


def _lays_channels_last(network: nn.Module, call: Call) -> bool:
    """Two-dimensional convolutions of images on a CPU in single precision: it pays there.

    By rule, not by a measurement: the same search must give the same numbers on another day.
    """
    images = any(tensor.ndim == 4 and tensor.is_floating_point() for tensor in call.tensors)
    weights = [m.weight for m in network.modules() if type(m) is nn.Conv2d]
    return (
        images
        and bool(weights)
        and all(w.device.type == "cpu" and w.dtype == torch.float32 for w in weights)
    )


def _channels_last(tensor: Tensor) -> Tensor:
    if tensor.ndim != 4 or tensor.layout != torch.strided:
        return tensor
    return tensor.contiguous(memory_format=torch.channels_last)


__all__ = ["MOST", "Fast", "Keep", "Maker", "Truth"]
