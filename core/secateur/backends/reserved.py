"""Names that mean a strategy and no backend; no plugin can have one of them."""

from __future__ import annotations

from secateur.errors import BackendConflict
from secateur.stages import Entry

CONTROL = "greedy"
"""The control that needs no backend: greedy with updated fields, then swaps."""
AUTO = "auto"
"""Annealing for the answer, branch and bound for the proof."""
DECOMPOSE = "decompose:"
"""Before the name of a backend: that backend, on parts of the problem around a good vector."""
BLOCKS = "blocks:"
"""Before the name of a backend: that backend, on the blocks of the problem one by one."""


def refuse_reserved(entry: Entry) -> None:
    """Refuse a plugin whose name would never reach it, or would hide something else.

    Raises:
        BackendConflict: it is a strategy's, or is written as a strategy or ``module:attribute``.
    """
    if not entry.distribution:
        return
    name = entry.name
    if name in (CONTROL, AUTO):
        what = "is a strategy of secateur's own"
    elif ":" in name:
        what = "has a colon, and stands for a strategy or for module:attribute"
    elif name != name.strip() or not name or name.startswith("-"):
        what = "cannot be typed"
    else:
        return
    raise BackendConflict(
        f"{entry.distribution} calls a backend {name!r}, which {what}",
        backend=name,
        remedy=f"it needs another name: report it to {entry.distribution}, or give {entry.target}",
    )
