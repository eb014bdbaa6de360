"""Arrays that nobody can write to."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


def frozen(values: NDArray[T]) -> NDArray[T]:
    """A copy over immutable memory: numpy refuses to make it, or a view of it, writeable again.

    A problem is handed to plugins, and their answers are held against the same arrays.
    """
    made: Any = np.frombuffer(np.ascontiguousarray(values).tobytes(), dtype=values.dtype)
    return made.reshape(values.shape)
