"""Which tensor holds which value: storages told apart for good, and how often each was written."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from secateur.network.run import Op


class Value(NamedTuple):
    """What a tensor holds at a moment: the same memory, read the same way, not written since.

    Arguments:
        storage: its address, of no other storage as long as it is watched.
        offset: of the first element.
        shape: of the tensor.
        stride: of the tensor.
        version: how often the storage had been written in place.
    """

    storage: int
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    version: int

    @property
    def end(self) -> int:
        """Behind its last element, counted in elements of the storage."""
        if 0 in self.shape:
            return self.offset
        steps = zip(self.shape, self.stride, strict=True)
        return self.offset + sum((n - 1) * s for n, s in steps) + 1

    def overlaps(self, other: Value) -> bool:
        """They may share memory."""
        same = self.storage == other.storage
        return same and self.offset < other.end and other.offset < self.end


class Values:
    """Every storage of a run. A weak reference keeps its address from being given out again."""

    def __init__(self) -> None:
        self._watched: dict[int, StorageWeakRef] = {}
        self._bytes: dict[int, int] = {}
        self._versions: dict[int, int] = {}

    def of(self, tensor: Tensor) -> Value:
        """What a tensor holds now."""
        storage = tensor.untyped_storage()
        ref = StorageWeakRef(storage)
        if ref.cdata not in self._watched:
            self._watched[ref.cdata] = ref
            self._bytes[ref.cdata] = storage.nbytes()
        return Value(
            ref.cdata,
            int(tensor.storage_offset()),
            tuple(tensor.shape),
            tensor.stride(),
            self._versions.get(ref.cdata, 0),
        )

    def write(self, tensor: Tensor) -> None:
        """A tensor has been written in place."""
        storage = self.of(tensor).storage
        self._versions[storage] = self._versions.get(storage, 0) + 1

    def live_bytes(self) -> int:
        """The bytes of all storages that still exist."""
        gone = [key for key, ref in self._watched.items() if ref.expired()]
        for key in gone:  # the address stays watched, the bytes are free
            self._bytes[key] = 0
        return sum(self._bytes.values())


def written(op: Op) -> list[Tensor]:
    """The operands that an operation writes to."""
    found = []
    for position, argument in enumerate(op.func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            given = op.args[position] if position < len(op.args) else op.kwargs.get(argument.name)
            tensors = given if isinstance(given, (list, tuple)) else [given]
            found += [t for t in tensors if isinstance(t, Tensor)]
    return found
