"""What stands below a table: what was tied to what, what was not pruned, and why."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secateur.network import Channels

MOST = 12
"""Lines of each kind that are shown; the files hold all."""


def footer(channels: Channels) -> list[str]:
    """Lines for people."""
    lines = [f"tied: {' = '.join(paths)}" for paths in tied_paths(channels)]
    lines = _shortened(lines, "more sets of tied layers")
    if channels.placed:
        lines.append(
            "not tied: filters that are added up go by themselves, and are put in place behind "
            f"{', '.join(placed.path for placed in channels.placed[:4])}"
            + (" …" if len(channels.placed) > 4 else "")
            + ", which takes time"
        )
    if channels.norm_over == "kept":
        lines.append("norms and softmax over channels are taken over the channels that are kept")
    by_reason: dict[str, list[str]] = defaultdict(list)
    for path, reason in channels.stands:
        by_reason[reason].append(path)
    stands = [
        f"not pruned: {', '.join(paths[:4])}{' …' if len(paths) > 4 else ''}: {reason}"
        for reason, paths in by_reason.items()
    ]
    return lines + _shortened(stands, "more reasons, see result.json")


def tied_paths(channels: Channels) -> list[tuple[str, ...]]:
    """Sets of layers whose channels leave together, each once."""
    found = [group.tied for group in channels.groups if len(group.tied) > 1]
    return list(dict.fromkeys(found))


def _shortened(lines: list[str], what: str) -> list[str]:
    if len(lines) <= MOST:
        return lines
    return [*lines[:MOST], f"({len(lines) - MOST} {what})"]
