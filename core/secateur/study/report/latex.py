"""Tables as LaTeX with booktabs; every letter of a name is printed, none is obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from secateur.report.columns import Column, cells
from secateur.shown import escaped

_ESCAPED = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "–": "--",
    "—": "---",
    "−": "$-$",
    "×": r"$\times$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "∞": r"$\infty$",
}


def tex(words: str) -> str:
    """Words in one line, as LaTeX prints them; letters beyond ASCII need a font that has them."""
    return "".join(_ESCAPED.get(letter, letter) for letter in escaped(words))


def _minus(words: str) -> str:
    """Numbers with a minus, which is longer than a hyphen."""
    return re.sub(r"(?<!\w)-(?=[\d∞])", "−", words)


def latex(
    columns: Sequence[Column], rows: Iterable[Any], *, caption: str, label: str, notes: str = ""
) -> str:
    """A floating table; the preamble needs ``\\usepackage{booktabs}``.

    Arguments:
        columns: what is not ``shown`` is left out.
        rows: whatever the columns take.
        caption: above it.
        label: to refer to it by.
        notes: below it, in small print.
    """
    shown = [column for column in columns if column.shown]
    head = [f"{c.name} ({c.unit})" if c.unit else c.name for c in shown]
    align = "".join("l" if c.left or k == 0 else "r" for k, c in enumerate(shown))
    body = [
        [tex(cell if c.left else _minus(cell)) for c, cell in zip(shown, line, strict=True)]
        for line in cells(shown, rows)
    ]
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table}",
        "  \\centering",
        f"  \\caption{{{tex(caption)}}}",
        f"  \\label{{{label}}}",
        f"  \\begin{{tabular}}{{{align}}}",
        "    \\toprule",
        "    " + " & ".join(tex(name) for name in head) + " \\\\",
        "    \\midrule",
        # {}: the \\\\ of the line above would take a star or a bracket for its own
        *("    {}" + " & ".join(line) + " \\\\" for line in body),
        "    \\bottomrule",
        "  \\end{tabular}",
        *([f"  \\par\\smallskip\\footnotesize {tex(notes)}"] if notes else []),
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"
