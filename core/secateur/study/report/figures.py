"""Plots as SVG and PDF for a paper, without a network or a browser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secateur.extras import needed_by


def vega_lite_version() -> str:
    """The version that Altair writes and vl-convert draws, as "6.4"."""
    with needed_by("a report"):
        import altair
    return ".".join(str(altair.SCHEMA_VERSION).removeprefix("v").split(".")[:2])


def write_figures(specs: Mapping[str, Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write each plot as ``NAME.svg`` and ``NAME.pdf``.

    Text is of one face, so the bytes are the same each time; names in a script that the face does
    not have bring further faces into a PDF, in any order.

    Arguments:
        specs: by name, specifications of Vega-Lite with their data inside.
        folder: that exists.
    """
    with needed_by("a figure"):
        import vl_convert

    version = vega_lite_version()
    written = []
    for name, spec in specs.items():
        # nothing of a specification may be read from elsewhere: all data are inside
        svg = vl_convert.vegalite_to_svg(dict(spec), vl_version=version, allowed_base_urls=[])
        for path, content in (
            (folder / f"{name}.svg", svg.encode()),
            (folder / f"{name}.pdf", vl_convert.svg_to_pdf(svg)),
        ):
            path.write_bytes(content)
            written.append(path)
    return written


def scripts() -> str:
    """Vega, Vega-Lite and vega-embed as one script, ``window.vegaEmbed``; it needs no network."""
    with needed_by("a report"):
        import vl_convert

    exported = "window.vegaEmbed=vegaEmbed;"
    return str(vl_convert.javascript_bundle(exported, vega_lite_version()))
