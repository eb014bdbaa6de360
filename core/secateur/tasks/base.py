"""What a network is for: data, a loss, a metric.

A task is plain data. The pruning code asks it for batches and for one number a sample; it never
learns what the network does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset

from secateur.errors import DataError, OptionError, SecateurError
from secateur.faults import is_passed_on, stranger
from secateur.network.call import Call
from secateur.tasks.batches import Adapter, Batch, Reader
from secateur.tasks.passes import same_pass
from secateur.tasks.scores import Score, batch_size, per_sample

Split = Literal["calibration", "selection", "test", "unlabelled"]
"""The parts of a task's data, by name."""


@dataclass(frozen=True)
class Task:
    """Data, loss and metric of a trained network.

    Each split is an iterable of batches that can be iterated many times (a list, a ``DataLoader``;
    not a generator). A batch is a pair ``(inputs, targets)``; inputs alone, as one tensor, where
    the loss needs no targets (it gets None); or a dict, with ``targets`` naming the keys that the
    network is not given. Inputs are a tensor, a tuple or list of tensors (by position), or a dict
    (by name). Whatever else the data yield, ``adapter`` makes ``(inputs, targets)`` of it.

    Dimension 0 is the batch: a tensor as long as the batch has one entry for each sample, any other
    belongs to all samples; so does what ``shared`` names. In targets, a list as long as the batch
    may hold one entry a sample (a dict, a word, tensors of any size), and every other tensor must
    have an entry for each sample.

    Arguments:
        calibration: what the statistics are measured on and the compensation is fitted to.
        loss: ``loss(outputs, targets)`` with what the network gives (a tensor, tuple, dict or
            object); one number a sample, shape ``(batch,)``; a loss that returns a scalar
            (``torch.nn.functional.mse_loss``) is called sample by sample.
        metric: what you report, in the same form; the negative loss unless given.
        selection: what choices between candidates are made on (objectives, refinement, recovery,
            batch-norm re-estimation); the calibration split unless given. It should come from other
            sources than calibration does (photographs, patients, days): of parts of the same
            photographs, gains on one part told those on the other (correlation 0.9), and little
            of those on other photographs (0.1 to 0.4).
        test: what is reported, and never used to choose; the selection split unless given.
        unlabelled: what the final fit and a recovery are given besides: inputs whose targets, if
            they have any, nobody looks at; the calibration split unless given.
        metric_name: the metric's column in tables and files.
        metric_unit: printed behind the metric, "dB" for instance.
        higher_is_better: whether more of the metric is better.
        likelihood: what the outputs parametrise, for the true Fisher: "gaussian" (regression),
            "categorical" (logits) or "bernoulli" (a logit for every yes or no).
        name: used in results.
        targets: the key, or keys, of a dict batch that are not inputs; ``()`` where all are. The
            loss gets one value for a key, a dict for a tuple of keys.
        adapter: ``adapter(batch)`` gives ``(inputs, targets)``.
        shared: names or positions of inputs, and names of targets, that belong to all samples even
            if they are as long as the batch.
        prediction: ``prediction(outputs)`` gives the tensor that ``likelihood`` is about, class in
            dimension 1; needed only where ``likelihood_outputs`` cannot tell.

    Raises:
        DataError: a split is a generator, or no iterable.
        OptionError: an option has a value that it cannot have.
    """

    calibration: Iterable[Any]
    loss: Score
    metric: Score | None = None
    selection: Iterable[Any] | None = None
    test: Iterable[Any] | None = None
    metric_name: str = "metric"
    metric_unit: str = ""
    higher_is_better: bool = True
    likelihood: Literal["gaussian", "categorical", "bernoulli"] = "gaussian"
    name: str = "task"
    targets: str | tuple[str, ...] | None = None
    adapter: Adapter | None = None
    shared: tuple[int | str, ...] = ()
    prediction: Callable[[Any], Tensor] | None = None
    unlabelled: Iterable[Any] | None = None

    def __post_init__(self) -> None:
        for split in get_args(Split):
            data = getattr(self, split)
            if data is not None:
                _check_split(data, split)
        if self.likelihood not in ("gaussian", "categorical", "bernoulli"):
            raise DataError(
                f"likelihood is {self.likelihood!r}",
                remedy='use "gaussian" for regression, "categorical" for classification, or '
                '"bernoulli" for one yes or no each',
            )
        for name in ("loss", "metric", "adapter", "prediction"):
            value = getattr(self, name)
            if not callable(value) and not (value is None and name != "loss"):
                raise OptionError(f"{name} is a {type(value).__name__}", remedy="pass a function")
            if isinstance(value, type) and issubclass(value, nn.Module):
                raise OptionError(
                    f"{name} is the class {value.__name__}",
                    remedy=f"pass an instance: {value.__name__}()",
                )
        if isinstance(self.shared, str):
            object.__setattr__(self, "shared", (self.shared,))
        if self.targets is not None and self.adapter is not None:
            raise OptionError(
                "both targets and an adapter are given",
                remedy="leave targets out; the adapter says what they are",
            )

    @property
    def reader(self) -> Reader:
        """How its batches are read."""
        single = isinstance(self.targets, str)
        names = (self.targets,) if isinstance(self.targets, str) else self.targets
        targets = None if names is None else tuple(names)
        return Reader(targets, self.adapter, tuple(self.shared), single)

    def batches(
        self, split: Split, device: torch.device | None = None
    ) -> Generator[Batch, None, None]:
        """The checked batches of a split, on a device, in their own precision.

        Every pass is the same: what shuffles or augments draws from random states of its own.

        Raises:
            DataError: a batch cannot be understood, is empty, or is not finite.
        """
        data = getattr(self, split)
        if data is None and split == "test":
            data = self.selection
        if data is None:
            data = self.calibration
        reader = self.reader
        empty = True
        for number, batch in enumerate(_told(same_pass(data), split)):
            empty = False
            yield reader.read(batch, f"batch {number} of the {split} split", device)
        if empty:
            raise DataError(f"the {split} split has no batches", remedy="give it some data")

    def example(self, device: torch.device | None = None) -> Call:
        """One calibration sample, as the network is given it.

        Raises:
            DataError: as ``batches``.
        """
        batches = self.batches("calibration", device)
        try:
            return next(batches).call.take(0)
        finally:
            batches.close()  # workers of a loader end here

    def size_of(self, outputs: Any) -> int:
        """The number of samples that outputs are of: the length of their first tensor."""
        return batch_size(outputs)

    def losses(self, outputs: Any, targets: Any, *, size: int | None = None) -> Tensor:
        """The loss of each sample, shape ``(batch,)``; differentiable.

        Arguments:
            outputs: what the network gave.
            targets: of the same samples.
            size: the number of samples; the length of the outputs' first tensor unless given.

        Raises:
            MetricError: the loss raises, has another shape, or is not finite.
        """
        return per_sample(self.loss, outputs, targets, "loss", size=size, shared=self.shared)

    def metrics(self, outputs: Any, targets: Any, *, size: int | None = None) -> Tensor:
        """The metric of each sample, shape ``(batch,)``.

        Arguments:
            outputs: as in ``losses``.
            targets: as in ``losses``.
            size: as in ``losses``.

        Raises:
            MetricError: the metric raises, has another shape, or is not finite.
        """
        if self.metric is None:
            return -self.losses(outputs, targets, size=size)
        return per_sample(
            self.metric, outputs, targets, self.metric_name, size=size, shared=self.shared
        )


def check_task(task: Any, network: Any = None) -> None:
    """Refuse what is no task.

    Arguments:
        task: as it was given.
        network: that was given before it.

    Raises:
        DataError: it is something else.
    """
    if isinstance(task, Task):
        return
    build = "build one: secateur.Task(calibration=batches, loss=…, metric=…)"
    if isinstance(network, Task):
        build = "they are in each other's place: the network comes first, then the task"
    elif isinstance(task, type) and issubclass(task, Task):
        build = f"that is the class; {build}"
    elif callable(task) and not isinstance(task, nn.Module):
        build = f"if it builds the task, call it: {getattr(task, '__name__', 'task')}(); or {build}"
    elif isinstance(task, str):
        build = f"names are for the command line, --task; {build}"
    raise DataError(f"the task is a {type(task).__name__}", remedy=build)


def _told(items: Iterator[Any], split: str) -> Iterator[Any]:
    """The items of a split; what its own code raises is an error that names it."""
    number = 0
    while True:
        try:
            item = next(items)
        except StopIteration:
            return
        except SecateurError:
            raise
        except BaseException as error:  # the user's code, which may end Python
            if is_passed_on(error):
                raise
            said, where = f": {error}" if str(error) else "", stranger(error)
            raise DataError(
                f"the {split} split raised {type(error).__name__}{said} before its batch {number}"
                + (f", in {where}" if where else ""),
                remedy="mend it there; `for batch in data` alone raises it too",
            ) from error
        yield item
        number += 1


def _check_split(data: Any, split: str) -> None:
    if isinstance(data, Iterator):
        raise DataError(
            f"the {split} split is a {type(data).__name__}: it can be iterated only once",
            remedy="pass a list of batches or a DataLoader",
        )
    if isinstance(data, Dataset) and not isinstance(data, IterableDataset):
        raise DataError(
            f"the {split} split is a {type(data).__name__}, which yields samples, not batches",
            remedy="wrap it: DataLoader(dataset, batch_size=32), or batch_size=None where its "
            "items are batches already",
        )
    if isinstance(data, (Tensor, str, dict)):
        raise DataError(
            f"the {split} split is a {type(data).__name__}",
            remedy="pass a list of batches or a DataLoader",
        )
    if not isinstance(data, Iterable) and not hasattr(data, "__getitem__"):
        raise DataError(
            f"the {split} split is a {type(data).__name__}: it cannot be iterated",
            remedy="pass a list of batches or a DataLoader",
        )
