"""A selection as people read it: a line for each thing that there is to know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from secateur.shown import escaped

if TYPE_CHECKING:
    from secateur.solving.selection import Selection

NOTES, SHOWN = 3, 12
"""So many notes, and labels of ones, are shown."""


def table(answer: Selection, rest: str) -> str:
    """Names and values, in two columns.

    Arguments:
        answer: what was found.
        rest: where that is which is cut off, "--json has all".
    """
    return "\n".join(f"{name:8} {text}" for name, text in _rows(answer, rest))


def _rows(answer: Selection, rest: str) -> Iterator[tuple[str, str]]:
    yield "backend", answer.backend
    yield "energy", f"{answer.energy:.9g}"
    yield "bound", "none" if answer.bound is None else f"{answer.bound:.9g}"
    yield "proof", answer.proof
    yield "ones", str(answer.count)
    yield "status", str(answer.status)
    yield "stopped", str(answer.stopped)
    yield "calls", str(answer.calls)
    yield "seconds", f"{answer.seconds:.2f}"
    own = answer.backend_energy
    if own is not None and own > answer.energy:
        yield "own", f"{own:.9g} is the best of the backend's own answers"
    if "charged" in answer.provenance:
        yield "charged", answer.provenance["charged"]["text"]
    notes = answer.provenance.get("notes") or []
    for note in notes[:NOTES]:
        yield "note", note
    if len(notes) > NOTES:
        yield "note", f"and {len(notes) - NOTES} more ({rest})"
    for name, value in (answer.provenance.get("broken") or {}).items():
        yield "broken", f"{name} is {value:g}"
    which = [escaped(str(label)) for label in answer.ones]
    more = f", and {len(which) - SHOWN} more ({rest})" if len(which) > SHOWN else ""
    yield "sample", f"1 for {', '.join(which[:SHOWN])}{more}" if which else "all 0"
