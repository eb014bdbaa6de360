"""How methods are told apart: by colour, and by dash and shape for whoever sees no colour.

Colours: Okabe and Ito, "Color Universal Design", 2008, https://jfly.uni-koeln.de/color/. On the
page they are CSS variables (``page/page.css``), which light and dark set apart; in a figure for a
paper they are the numbers below. Yellow is darkened where the ground is white.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PAPER = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B3A400")
"""As printed."""
DASHES = ((1, 0), (6, 3), (2, 2), (8, 2, 2, 2), (10, 3), (4, 1, 1, 1), (1, 3), (12, 2, 4, 2))
"""Drawn and left out, in turn."""
OUTLINES = {
    "circle": "M0,-4A4,4,0,1,1,0,4A4,4,0,1,1,0,-4Z",
    "square": "M-3.5,-3.5h7v7h-7Z",
    "triangle-up": "M0,-4.4L4.2,3.4H-4.2Z",
    "diamond": "M0,-5L4.2,0L0,5L-4.2,0Z",
    "cross": "M-1.4,-4h2.8v2.6h2.6v2.8h-2.6v2.6h-2.8v-2.6h-2.6v-2.8h2.6Z",
    "triangle-down": "M0,4.4L4.2,-3.4H-4.2Z",
    "triangle-right": "M4.4,0L-3.4,-4.2V4.2Z",
    "triangle-left": "M-4.4,0L3.4,-4.2V4.2Z",
}
"""The symbols of Vega, by name, as paths for the page's legends."""
SHAPES = tuple(OUTLINES)


@dataclass(frozen=True)
class Sign:
    """What stands for a method in every plot.

    Arguments:
        method: its name.
        number: of its colour, into ``PAPER``.
        dash: of its lines.
        shape: of its points.
    """

    method: str
    number: int
    dash: tuple[int, ...]
    shape: str

    @property
    def paper(self) -> str:
        """Its colour in print."""
        return PAPER[self.number]

    @property
    def variable(self) -> str:
        """Its colour on the page."""
        return f"var(--m{self.number})"


def signs(methods: Sequence[str]) -> tuple[Sign, ...]:
    """A sign for each method, in order; the first 64 differ in colour, or in dash and shape."""
    made = []
    for number, method in enumerate(methods):
        turn = number + number // len(PAPER)
        made.append(
            Sign(
                method,
                number % len(PAPER),
                DASHES[turn % len(DASHES)],
                SHAPES[turn % len(SHAPES)],
            )
        )
    return tuple(made)
