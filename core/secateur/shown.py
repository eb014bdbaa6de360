"""Foreign text as a terminal may show it: labels, names of files and plugins, what they raised.

A terminal obeys control characters: a label could clear the screen, change what stands above, or
hide a line. They are shown as Python writes them, ``\\x1b``.
"""

from __future__ import annotations

import unicodedata

_OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of Unicode: controls, formats (which turn the direction of a line), halves of
surrogate pairs (no encoding has them), separators of lines."""


def escaped(text: str) -> str:
    """The text in one line, without anything that a terminal obeys."""
    return _without(text, "")


def escaped_lines(text: str) -> str:
    """The same for text of several lines: line feeds and tabs stay."""
    return _without(text, "\n\t")


def _without(text: str, kept: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter
        if letter in kept or unicodedata.category(letter) not in _OBEYED
        else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )
