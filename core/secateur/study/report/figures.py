"""Plots as SVG and PDF for a paper, without a network or a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from secateur.extras import needed_by


def vega_lite_version() -> str:
    """The version that Altair writes and vl-convert draws, as "6.4"."""
    with needed_by("a report"):
        import altair
    return ".".join(str(altair.SCHEMA_VERSION).removeprefix("v").split(".")[:2])


def write_figures(specs: Mapping[str, Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write each plot as ``NAME.svg``, ``NAME.pdf``, and ``NAME.vl.json`` to be changed.

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
        svg = _renumbered(
            vl_convert.vegalite_to_svg(dict(spec), vl_version=version, allowed_base_urls=[])
        )
        text = json.dumps(spec, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        for path, content in (
            (folder / f"{name}.svg", svg.encode()),
            (folder / f"{name}.pdf", _in_order(vl_convert.svg_to_pdf(svg))),
            (folder / f"{name}.vl.json", text.encode()),
        ):
            path.write_bytes(content)
            written.append(path)
    return written


_NUMBERED = re.compile(
    r'(?<=id=")(?:clip|gradient_)\d+(?=")|(?<=url\(#)(?:clip|gradient_)\d+(?=\))'
)


def _renumbered(svg: str) -> str:
    """The same SVG with its clips and gradients counted from 0, not from the process's first."""
    names: dict[str, str] = {}
    return _NUMBERED.sub(lambda found: names.setdefault(found[0], f"part{len(names)}"), svg)


_RESOURCES = re.compile(rb"(?: +/[a-zA-Z]+[0-9]+ [0-9]+ 0 R\n){2,}")


def _in_order(pdf: bytes) -> bytes:
    """The same PDF with the entries of its resource dictionaries sorted.

    They come in any order, which means nothing; lines of one object change places, so that no
    offset moves.
    """
    return _RESOURCES.sub(lambda found: b"".join(sorted(found[0].splitlines(True))), pdf)


def compiled(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A specification of Vega-Lite as Vega, so that a browser need not compile it; without data.

    Arguments:
        spec: whose data are under ``datasets``; they keep their names.
    """
    with needed_by("a report"):
        import vl_convert

    empty = {**spec, "datasets": {name: [] for name in spec["datasets"]}}
    made: dict[str, Any] = vl_convert.vegalite_to_vega(empty, vl_version=vega_lite_version())
    return made


@cache
def scripts() -> str:
    """Vega, Vega-Lite and vega-embed as one script, ``window.vegaEmbed``; it needs no network."""
    with needed_by("a report"):
        import vl_convert

    exported = "window.vegaEmbed=vegaEmbed;"
    return str(vl_convert.javascript_bundle(exported, vega_lite_version()))
