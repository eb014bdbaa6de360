"""Formulas as MathML, which browsers draw themselves: nothing is asked of another host."""

from __future__ import annotations

from html import escape
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.errors import ExtensionError


def mathml(formula: str, display: str) -> str:
    """A formula of LaTeX as MathML.

    Raises:
        ExtensionError: a command in it is not known.
    """
    made = convert(formula.replace(r"\arg", r"\operatorname{arg}"), display=display)
    if "\\" in made:
        raise ExtensionError(f"no MathML is known for a command in {formula!r}")
    return made


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def _block(translator: Any, node: nodes.math_block) -> None:
    made = mathml(node.astext(), "block")
    said = escape(" ".join(node.astext().split()))
    translator.body.append(f'<div class="math" role="group" aria-label="{said}">{made}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
