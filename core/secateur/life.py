"""Life after pruning: the smaller network is trained further, and leaves for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, overload

import torch
from torch import Tensor, nn

from secateur.errors import FileError, OptionError
from secateur.faults import named
from secateur.network.call import Call, as_call
from secateur.network.device import device_of
from secateur.network.door import unwrap
from secateur.result import PruningResult
from secateur.surgery.export import TOLERANCE, Exported, export_network
from secateur.surgery.finetune import OptimiserFactory, ScheduleFactory, tune
from secateur.surgery.save import Pruned, load_pruned
from secateur.tasks import Task

Example = Call | Tensor | Mapping[str, Any] | Iterable[Any]


@overload
def finetune(
    result: PruningResult,
    data: Iterable[Any],
    *,
    task: Task | None = None,
    optimiser: OptimiserFactory | None = None,
    epochs: int = 1,
    seed: int = 0,
    schedule: ScheduleFactory | None = None,
    settled: bool = False,
) -> PruningResult: ...


@overload
def finetune(
    result: Pruned,
    data: Iterable[Any],
    *,
    task: Task | None = None,
    optimiser: OptimiserFactory | None = None,
    epochs: int = 1,
    seed: int = 0,
    schedule: ScheduleFactory | None = None,
    settled: bool = False,
) -> Pruned: ...


@named
def finetune(
    result: PruningResult | Pruned,
    data: Iterable[Any],
    *,
    task: Task | None = None,
    optimiser: OptimiserFactory | None = None,
    epochs: int = 1,
    seed: int = 0,
    schedule: ScheduleFactory | None = None,
    settled: bool = False,
) -> PruningResult | Pruned:
    """Train a smaller network further, and measure it again.

    ``result`` itself is not changed. What comes back can be saved, exported and pruned again.

    Arguments:
        result: from ``prune`` or ``compare``, or from ``load_pruned``.
        data: training data, batches as the task's splits hold them: a list or a ``DataLoader``.
        task: says how batches are read, and gives the loss; the result's own unless given
            (``dataclasses.replace(task, loss=…)`` is one with another). What is loaded has none,
            and needs it.
        optimiser: makes one from the parameters: ``lambda p: torch.optim.SGD(p, lr=0.01)``;
            ``Adam`` with a rate of 3e-4 unless given.
        epochs: how many times through the data.
        seed: of everything random.
        schedule: makes a learning-rate scheduler from the optimiser and the number of steps; it
            steps with the optimiser; ``secateur.surgery.finetune.warm_cosine`` is one that does not
            harm a network that is good already.
        settled: batch normalisation keeps its running statistics.

    Raises:
        OptionError: an option that it cannot have, or no task.
        DataError: a batch cannot be understood.
        MetricError: the loss is not finite.
        NetworkError: nothing can be trained.
    """
    if not isinstance(result, (PruningResult, Pruned)):
        raise OptionError(
            f"the result is of type {type(result).__name__}",
            remedy="give what prune or load_pruned gave, and then the training data",
        )
    if task is None:
        if not isinstance(result, PruningResult):
            raise OptionError(
                "what is loaded from a folder knows no task", remedy="pass task=, as to prune"
            )
        task = result.task
    tuned = tune(
        result.network,
        task,
        data,
        optimiser=optimiser,
        epochs=epochs,
        seed=seed,
        schedule=schedule,
        settled=settled,
    )
    if isinstance(result, PruningResult):
        return result.remeasured(tuned.network)
    return Pruned(tuned.network, result.origin, result.example)


@named
def export(
    what: PruningResult | Pruned | nn.Module | Path | str,
    path: Path | str,
    *,
    network: nn.Module | None = None,
    example: Example | None = None,
    dynamic_batch: bool = True,
    check: bool = True,
    tolerance: float = TOLERANCE,
) -> Exported:
    """Write a network for other programs, and hold the file against it.

    Batch normalisation is folded into the layer before it where that is exact. Nothing of the
    network's code, or of secateur, is needed to run the file.

    Arguments:
        what: a result, what ``load_pruned`` gave, any module, or a folder that was saved.
        path: a new file: ``.onnx`` for onnxruntime and others, ``.pt2`` for ``torch.export.load``.
        network: for a folder: a fresh instance of the dense architecture.
        example: an input of a sample or more; of the task or folder unless given. A module needs
            it.
        dynamic_batch: leave the number of samples free.
        check: run the file, for one and for three samples, and compare.
        tolerance: relative to the greatest value of an output.

    Raises:
        OptionError: something that is needed is not given, or the ending of ``path`` is unknown.
        FileError: ``path`` exists or cannot be written; the folder is none.
        MissingExtra: ONNX needs ``secateur[export]``.
        NetworkError: the network cannot be exported, or the file gives something else.
    """
    if not isinstance(path, (str, Path)):
        raise FileError(
            f"the path is of type {type(path).__name__}",
            remedy='what is exported comes first: export(result, "model.onnx")',
        )
    if isinstance(what, (str, Path)):
        if network is None:
            raise OptionError(
                f"{what} holds weights and no code",
                remedy="pass network=, a fresh instance of the dense architecture",
            )
        what = load_pruned(network, what)
    elif not isinstance(what, (PruningResult, Pruned, nn.Module)):
        raise OptionError(
            f"what is to be exported is of type {type(what).__name__}",
            remedy="give what prune or load_pruned gave, a module, or a saved folder",
        )
    elif network is not None:
        raise OptionError(
            f"network is given with a {type(what).__name__}",
            remedy="leave it out; only a folder needs it",
        )
    module = what if isinstance(what, nn.Module) else what.network
    call = as_call(example) if example is not None else _example(what)
    module, _ = unwrap(module)
    return export_network(
        module,
        path,
        call.to(device_of(module)),
        dynamic_batch=dynamic_batch,
        check=check,
        tolerance=tolerance,
    )


def _example(what: PruningResult | Pruned | nn.Module) -> Call:
    if isinstance(what, PruningResult):
        batches = what.task.batches("calibration")
        try:
            return next(batches).call.take(slice(0, 3))
        finally:
            batches.close()
    if isinstance(what, Pruned):
        generator = torch.Generator().manual_seed(0)

        def drawn(tensor: Tensor) -> Tensor:
            if not tensor.is_floating_point():
                return tensor
            return torch.rand(tensor.shape, generator=generator).to(tensor)

        return what.example.map(drawn)
    raise OptionError(
        f"a {type(what).__name__} does not say what it is given",
        remedy="pass example=, an input of a sample or more",
    )
