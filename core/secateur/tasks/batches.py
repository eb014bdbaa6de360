"""Batches: from what a user's data yield to one call of the network and its targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence
from torch.utils._pytree import tree_leaves

from secateur.errors import DataError
from secateur.faults import is_passed_on
from secateur.network.call import Call, as_call, sample_slice
from secateur.network.trees import (
    entries_of_samples,
    map_tensors,
    owned,
    take_samples,
    tensors_in,
)

Adapter = Callable[[Any], tuple[Any, Any]]
"""From a batch as the data yield it to ``(inputs, targets)``."""


@dataclass(frozen=True)
class Batch:
    """Some samples.

    Arguments:
        call: what the network is given.
        targets: what the loss is given beside the outputs; any tree of tensors, or None.
        size: the number of samples.
    """

    call: Call
    targets: Any
    size: int

    def take(self, index: int | slice) -> Batch:
        """Some of them; a number is a batch of that one sample.

        Raises:
            DataError: the batch has no such sample.
        """
        index = sample_slice(index, self.size)
        return Batch(
            self.call.take(index),
            take_targets(self.targets, index, self.size, self.call.shared),
            len(range(self.size)[index]),
        )


def take_targets(targets: Any, index: slice, size: int, shared: tuple[int | str, ...]) -> Any:
    """The targets of some samples; entries that ``shared`` names belong to all."""
    if isinstance(targets, Mapping) and shared:
        return {
            name: value if name in shared else take_samples(value, index, size)
            for name, value in targets.items()
        }
    return take_samples(targets, index, size)


@dataclass(frozen=True)
class Reader:
    """How batches are read.

    Arguments:
        targets: keys of a dict batch that are not inputs.
        adapter: makes ``(inputs, targets)`` of a batch.
        shared: positions and names of inputs (and names of targets) that belong to all samples.
    """

    targets: tuple[str, ...] | None = None
    adapter: Adapter | None = None
    shared: tuple[int | str, ...] = ()
    single: bool = True

    def read(self, batch: Any, where: str, device: torch.device | None) -> Batch:
        """A checked batch on a device.

        Raises:
            DataError: it cannot be understood, is empty, or is not finite.
        """
        inputs, targets = self._split(batch, where)
        for side, tree in (("inputs", inputs), ("targets", targets)):
            if any(_packed(leaf) for leaf in tree_leaves(tree, is_leaf=_packed)):
                raise DataError(
                    f"the {side} of {where} are a PackedSequence, whose dimension 0 is no batch",
                    remedy="give the padded tensor and the lengths, and pack inside forward",
                )
        try:
            call = as_call(inputs, self.shared)
            _check(call.inputs, "inputs", where)
            size = call.size
        except DataError as error:
            if where in error.message:
                raise
            raise DataError(f"{where}: {error.message}", remedy=error.remedy) from error
        _check(targets, "targets", where)
        self._check_targets(targets, size, where)

        def ready(tensor: Tensor) -> Tensor:
            # a tensor made under inference_mode cannot be differentiated through
            return (tensor.clone() if tensor.is_inference() else tensor).to(device)

        return Batch(call.map(ready), map_tensors(targets, ready), size)

    def _split(self, batch: Any, where: str) -> tuple[Any, Any]:
        if self.adapter is not None:
            return self._adapted(batch, where)
        if isinstance(batch, Mapping):
            return self._keys(batch, where)
        if self.targets is not None:
            raise DataError(
                f"{where} is a {type(batch).__name__}, and the task names the keys "
                f"{', '.join(map(repr, self.targets)) or '()'} as targets",
                remedy="leave Task(targets=…) out, or yield dicts",
            )
        if isinstance(batch, Tensor):
            return batch, None
        if isinstance(batch, (tuple, list)) and not isinstance(batch, PackedSequence):
            if len(batch) == 1:
                return batch[0], None
            if len(batch) == 2:
                return batch[0], batch[1]
            raise DataError(
                f"{where} is a {type(batch).__name__} of {len(batch)}",
                remedy="yield pairs (inputs, targets), several inputs as ((first, second), "
                "targets), or say how with Task(adapter=lambda batch: (inputs, targets))",
            )
        raise DataError(
            f"{where} is a {type(batch).__name__}",
            remedy="yield pairs (inputs, targets), dicts with Task(targets='labels'), or say how "
            "with Task(adapter=lambda batch: (inputs, targets))",
        )

    def _keys(self, batch: Mapping[Any, Any], where: str) -> tuple[Any, Any]:
        keys = ", ".join(map(repr, batch))
        if self.targets is None:
            raise DataError(
                f"{where} is a dict with the keys {keys}, and it is not said which are targets",
                remedy="name those that the network is not given: Task(targets='labels'), "
                "several as a tuple, or Task(targets=()) where all are inputs",
            )
        missing = [name for name in self.targets if name not in batch]
        if missing:
            raise DataError(
                f"{where} has no key {missing[0]!r}; it has {keys}",
                remedy="name its own keys in Task(targets=…)",
            )
        inputs = {key: value for key, value in batch.items() if key not in self.targets}
        if not self.targets:
            return inputs, None
        if len(self.targets) == 1 and self.single:
            return inputs, batch[self.targets[0]]
        return inputs, {name: batch[name] for name in self.targets}

    def _adapted(self, batch: Any, where: str) -> tuple[Any, Any]:
        assert self.adapter is not None
        try:
            made = self.adapter(batch)
        except BaseException as error:  # the user's code, which may end Python
            if is_passed_on(error):
                raise
            raise DataError(
                f"the adapter raised {type(error).__name__} on {where}, "
                f"a {type(batch).__name__}: {error}",
                remedy="it is called with a batch as the data yield it",
            ) from error
        if not isinstance(made, (tuple, list)) or len(made) != 2:
            raise DataError(
                f"the adapter made a {type(made).__name__}"
                + (f" of {len(made)}" if isinstance(made, (tuple, list)) else "")
                + f" of {where}",
                remedy="return the pair (inputs, targets); targets are None where there are none",
            )
        return made[0], made[1]

    def _check_targets(self, targets: Any, size: int, where: str) -> None:
        """Every tensor of the targets has an entry for each sample, or is named as shared."""
        if targets is not None and not _could_be_targets(targets):
            raise DataError(
                f"the targets of {where} are a {type(targets).__name__}",
                remedy="yield tensors with an entry for each sample; inputs alone, as one tensor, "
                "where there are no targets",
            )
        if isinstance(targets, Mapping):
            targets = {name: part for name, part in targets.items() if name not in self.shared}
        for path, tensor in _whole_tensors(targets, size).items():
            if tensor.ndim > 0 and not owned(tensor, size):
                raise DataError(
                    f"{where} has {size} inputs and {len(tensor)} targets"
                    + (f" in targets{path}" if path else ""),
                    remedy="give every sample its target (dimension 0 is the batch); what belongs "
                    "to all samples is named in Task(shared=…), and a list with one entry a "
                    "sample may hold tensors of any size",
                )


def _whole_tensors(targets: Any, size: int) -> dict[str, Tensor]:
    """The tensors of targets that are not in lists with one entry for each sample."""
    if entries_of_samples(targets, size):
        return {}
    if isinstance(targets, Mapping):
        return {
            f"[{name!r}]{path}": tensor
            for name, part in targets.items()
            for path, tensor in _whole_tensors(part, size).items()
        }
    if type(targets) in (tuple, list):
        return {
            f"[{k}]{path}": tensor
            for k, part in enumerate(targets)
            for path, tensor in _whole_tensors(part, size).items()
        }
    return tensors_in(targets)


def _check(tree: Any, side: str, where: str) -> None:
    """Refuse what is empty, not finite, or of a kind that has no batch.

    Raises:
        DataError: it says which, where.
    """
    if side == "inputs":
        arrays = [name for name, value in tree.items() if isinstance(value, np.ndarray)]
        if arrays:
            raise DataError(
                f"the inputs of {where} are numpy arrays", remedy="yield tensors (torch.as_tensor)"
            )
    for path, tensor in tensors_in(tree).items():
        name = f" (at {path})" if path not in ("", "[0]") else ""
        if tensor.is_nested:
            raise DataError(
                f"the {side} of {where} are a nested tensor{name}",
                remedy="pad them to one tensor: torch.nested.to_padded_tensor",
            )
        if tensor.ndim > 0 and len(tensor) == 0 and side == "inputs":
            raise DataError(f"the {side} of {where} are empty{name}", remedy="drop empty batches")
        values = _stored(tensor)
        if not (values.is_floating_point() or values.is_complex()):
            continue
        finite = torch.isfinite(values)
        if not bool(finite.all()):
            count = int((~finite).sum())
            values_are = "value that is" if count == 1 else "values that are"
            raise DataError(
                f"the {side} of {where} hold {count} {values_are} NaN or infinite{name}",
                remedy="clean the data; a score computed from NaN would be NaN for every channel",
            )


def _packed(node: Any) -> bool:
    return isinstance(node, PackedSequence)


def _stored(tensor: Tensor) -> Tensor:
    """The values that a tensor stores, without making a sparse one dense."""
    if tensor.layout == torch.strided:
        return tensor
    return tensor.coalesce().values() if tensor.layout == torch.sparse_coo else tensor.values()


def _could_be_targets(targets: Any) -> bool:
    return not isinstance(targets, (bool, int, float, complex, str, bytes))
