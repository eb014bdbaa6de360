"""The page as one HTML text.

Scripts and styles are inside. A Content-Security-Policy names the two scripts by their hashes and
forbids everything else: no request, no other script, whatever a name may hold.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from secateur.extras import needed_by
from secateur.shown import escaped_lines
from secateur.study.report.figures import compiled
from secateur.study.report.palette import OUTLINES, Sign

with needed_by("a report"):
    import jinja2
    import markupsafe


def render(
    values: Mapping[str, Any],
    *,
    signs: Sequence[Sign],
    plots: Mapping[str, Any],
    instances: Sequence[Mapping[str, str]],
    library: str,
) -> str:
    """Fill the template.

    Arguments:
        values: what it shows, as plain text; all of it is escaped.
        signs: of the methods.
        plots: by name, ``Plot``.
        instances: names and families, for the filter.
        library: Vega, Vega-Lite and vega-embed as one script.
    """
    home = files(__package__)
    style, script, template = (
        (home / name).read_text(encoding="utf-8")
        for name in ("page.css", "page.js", "page.html.j2")
    )
    # a newline is a line feed wherever the page is read, or the hashes are of something else
    library, script = (_inside(text.replace("\r\n", "\n")) for text in (library, script))
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = {
        name: {
            "spec": compiled(plot.spec),
            "data": plot.spec["datasets"],
            "alt": plot.alt,
            "most": plot.most,
        }
        for name, plot in plots.items()
    }
    return environment.from_string(template).render(
        **values,
        signs=signs,
        outlines=OUTLINES,
        plots=plots,
        plots_json=_json(drawn),
        instances_json=_json(list(instances)),
        style=markupsafe.Markup(style),
        library=markupsafe.Markup(library),
        script=markupsafe.Markup(script),
        policy=markupsafe.Markup(policy(library, script)),
    )


def policy(*scripts: str) -> str:
    """A Content-Security-Policy that lets these scripts run and nothing else.

    Styles are free: vega-embed brings some, and no style can ask for anything.
    """
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _plain(value: Any) -> Any:
    """Text without controls: a page may hold none, and some turn the direction of a line."""
    if isinstance(value, str) and not isinstance(value, markupsafe.Markup):
        return escaped_lines(value)
    return value


def _json(data: Any) -> Any:
    """Data for a script block: nothing in it can end the block."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return markupsafe.Markup(text)


def _inside(script: str) -> str:
    """A script that ends where its element ends; such words stand in its strings alone."""
    for word in ("script", "SCRIPT", "!--"):
        script = script.replace(f"</{word}", f"<\\/{word}").replace(f"<{word}", f"\\x3c{word}")
    return script
