"""How the gallery's figures look, and what is said of them to whoever does not see them.

Named in ``conf.py``: ``look`` before each script, ``scrape`` for its figures, and as an extension,
which tells the thumbnails what they are of.
"""

from __future__ import annotations

import logging
import re
from pathlib import PurePosixPath
from typing import Any

from docutils import nodes
from sphinx.errors import ExtensionError

INK = "#7d7d7d"
"""Of text and axes; like all colours here at least three to one against white and near-black."""
COLOURS = ("#0f9d6b", "#3b82f6", "#c2710c", "#a855f7")
THUMBNAIL = re.compile(r"sphx_glr_(\w+)_thumb\.")


def look(_conf: Any = None, _script: Any = None) -> None:
    """Transparent figures with mid-grey ink, so small that a telephone need not shrink them."""
    import matplotlib
    from matplotlib import pyplot

    matplotlib.rcdefaults()
    matplotlib.use("agg")
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    settings: dict[str, Any] = dict.fromkeys(inked, INK)
    settings |= {
        "axes.facecolor": "none",
        "axes.grid": True,
        "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.facecolor": "none",
        "figure.figsize": (4.8, 3.4),
        "grid.alpha": 0.25,
        "grid.color": INK,
        "hatch.color": "white",
        "legend.framealpha": 0,
        "savefig.dpi": 160,
        "savefig.facecolor": "none",
    }
    pyplot.rcParams.update(settings)
    logging.getLogger("secateur").setLevel(logging.WARNING)  # progress is for terminals


def scrape(block: Any, variables: dict[str, Any], conf: dict[str, Any]) -> str:
    """The figures of a block, each with its label as the text for whoever does not see it.

    Raises:
        ExtensionError: a figure has no label.
    """
    from matplotlib import pyplot
    from sphinx_gallery.scrapers import matplotlib_scraper

    said = [str(pyplot.figure(number).get_label()) for number in pyplot.get_fignums()]
    if not all(said):
        raise ExtensionError("a figure says nothing: figure.set_label('what it shows')")
    made = matplotlib_scraper(block, variables, conf)
    labels = iter(said)
    return re.sub(r"(?<=:alt: ).*", lambda _: " ".join(next(labels).split()), made)


def describe_thumbnails(app: Any, doctree: nodes.document, _name: str) -> None:
    """A thumbnail says of which page it is."""
    for image in doctree.findall(nodes.image):
        found = THUMBNAIL.search(image["uri"])
        if found:
            folder = PurePosixPath(app.config.sphinx_gallery_conf["gallery_dirs"])
            title = app.env.titles[str(folder / found[1])].astext()
            image["alt"] = f"A figure of the page “{title}”"


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("doctree-resolved", describe_thumbnails)
    return {"parallel_read_safe": True}
