"""Tables as LaTeX with booktabs; every letter of a name is printed, none is obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from secateur.report.columns import Column, cells
from secateur.shown import escaped

WIDEST = 72
"""Letters of a line in small print that a page has room for: about 4.4 pt each, of 345 pt."""
GAP = 3
"""Letters between two columns."""
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
    """A floating table over the whole width of the page; it needs ``\\usepackage{booktabs}``.

    What is wider than the page stands in parts one below the other; each begins with the first
    column.

    Arguments:
        columns: what is not ``shown`` is left out.
        rows: whatever the columns take.
        caption: above it.
        label: to refer to it by.
        notes: below it, in small print.
    """
    shown = [column for column in columns if column.shown]
    head = [f"{c.name} ({c.unit})" if c.unit else c.name for c in shown]
    lines = cells(shown, list(rows))
    body = [
        [tex(cell if c.left else _minus(cell)) for c, cell in zip(shown, line, strict=True)]
        for line in lines
    ]
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    made = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table*}",
        "  \\centering\\small",
        f"  \\caption{{{tex(caption)}}}",
        f"  \\label{{{label}}}",
    ]
    for number, part in enumerate(_parts(widths)):
        made += ["  \\par\\medskip"] if number else []
        align = "".join("l" if shown[k].left or k == 0 else "r" for k in part)
        made += _tabular(
            align, [tex(head[k]) for k in part], [[one[k] for k in part] for one in body]
        )
    made += [f"  \\par\\smallskip\\footnotesize {tex(notes)}"] if notes else []
    return "\n".join([*made, "\\end{table*}\n"])


def _parts(widths: Sequence[int]) -> list[list[int]]:
    """Which columns stand beside each other, by their widths in letters; 0 in every part."""
    parts, used = [[0]], widths[0]
    for k, width in enumerate(widths[1:], start=1):
        used += GAP + width
        if used > WIDEST and len(parts[-1]) > 1:
            parts.append([0])
            used = widths[0] + GAP + width
        parts[-1].append(k)
    return parts


def _tabular(align: str, head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a part."""
    return [
        f"  \\begin{{tabular}}{{{align}}}",
        "    \\toprule",
        "    " + " & ".join(head) + " \\\\",
        "    \\midrule",
        # {}: the \\\\ of the line above would take a star or a bracket for its own
        *("    {}" + " & ".join(line) + " \\\\" for line in body),
        "    \\bottomrule",
        "  \\end{tabular}",
    ]
