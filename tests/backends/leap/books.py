"""What the stand-in for the Leap service keeps: its jobs, and what is to go wrong at a step."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

STEPS = (
    "list",
    "upload",
    "upload-status",
    "part",
    "combine",
    "submit",
    "find",
    "poll",
    "answer",
    "answer-data",
    "cancel",
)


@dataclass
class Fault:
    """What goes wrong at one request.

    Arguments:
        status: answer with this code instead of doing what was asked.
        message: with this text.
        drop: close the connection: "before" or "after" doing what was asked.
        hold: wait for this event first; the request is then done as usual.
        junk: answer with these bytes, of the right media type, after doing what was asked.
        redirect: send the client on to this address, as 307, which keeps method and body.
    """

    status: int | None = None
    message: str = "out of order"
    drop: str | None = None
    hold: threading.Event | None = None
    hold_after: threading.Event | None = None
    junk: bytes | None = None
    redirect: str | None = None


@dataclass
class Job:
    id: str
    type: str
    solver: dict[str, Any]
    label: str | None
    params: dict[str, Any]
    data: Any
    status: str = "PENDING"
    answer: dict[str, Any] | None = None
    error: str | None = None
    submitted: float = field(default_factory=time.time)
    solved: float | None = None
    charge_s: float = 0.0
