"""A job that is ready to be sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from secateur_backends.leap_cost import Estimate


@dataclass(frozen=True)
class Plan:
    """A job that is ready to be sent.

    Arguments:
        estimate: what it will cost.
        params: what the solver is told.
        send: sends it, given the id of the uploaded data (or None) and the label; the client's
            future.
        payload: the data to upload first, or None.
        extra: what is needed later to read the answer, JSON-safe.
    """

    estimate: Estimate
    params: Mapping[str, Any]
    send: Callable[[str | None, str], Any]
    payload: Callable[[], BinaryIO] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
