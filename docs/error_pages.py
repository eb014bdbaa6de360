"""The directives that write the errors down.

``{error-tree}``: a section for each class of the tree, with its meaning, cause and remedy, and
every text that the code has. ``{error-index}``: those texts by their first words.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from docutils import nodes
from docutils.parsers.rst import Directive
from error_texts import Text, errors, taken_over, texts

from secateur.errors import SecateurError

SAID = re.compile(r"^(Cause|Remedy): (.+?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
BEGINNING = re.compile(r"^[\W…]+")


@dataclass(frozen=True)
class Told:
    """What is said of a class of errors.

    Arguments:
        name: of the class.
        above: its base; "" for the root.
        meaning: the first line of its docstring.
        cause: the paragraph of that name.
        remedy: the paragraph of that name.
    """

    name: str
    above: str
    meaning: str
    cause: str
    remedy: str


def told(error: type[SecateurError]) -> Told:
    """What the docstring of a class says."""
    text = inspect.getdoc(error) or ""
    found = {name: " ".join(words.split()) for name, words in SAID.findall(text)}
    base = error.__base__
    return Told(
        error.__name__,
        base.__name__ if base is not None and issubclass(base, SecateurError) else "",
        " ".join(text.split("\n\n")[0].split()),
        found.get("Cause", ""),
        found.get("Remedy", ""),
    )


def beginning(text: Text) -> str:
    """The first words of a text, behind the value that it begins with."""
    return BEGINNING.sub("", text.said)


def anchor(text: Text) -> str:
    """Where a text stands on the page."""
    return f"text-{sha256(f'{text.error} {text.said}'.encode()).hexdigest()[:10]}"


def homes(found: Iterable[Text]) -> list[str]:
    """The parts of the library that say these texts."""
    return sorted({".".join(one.module.split(".")[:2]) for one in found})


def paragraph(*parts: nodes.Node | str) -> nodes.paragraph:
    """A paragraph of these; what stands between backticks is code."""
    made = nodes.paragraph()
    for part in parts:
        made += code(part) if isinstance(part, str) else [part]
    return made


def code(text: str) -> list[nodes.Node]:
    """A text with what stands between backticks as code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # a backtick that is meant as one
        return [nodes.Text(text)]
    return [
        nodes.literal(text=piece) if number % 2 else nodes.Text(piece)
        for number, piece in enumerate(pieces)
        if piece
    ]


class ErrorTree(Directive):
    """``{error-tree}``."""

    def run(self) -> list[nodes.Node]:
        return [self._section(one) for one in errors()]

    def _section(self, error: type[SecateurError]) -> nodes.section:
        about = told(error)
        own = [one for one in texts() if one.error == about.name]
        section = nodes.section(ids=[about.name.lower()], names=[about.name.lower()])
        section += nodes.title("", "", nodes.literal(text=about.name))
        section += paragraph(about.meaning + (f" A `{about.above}`." if about.above else ""))
        section += paragraph(nodes.strong(text="Cause: "), about.cause)
        section += paragraph(nodes.strong(text="Remedy: "), about.remedy)
        if own:
            where = ", ".join(f"`{one}`" for one in homes(own))
            section += paragraph(nodes.strong(text="Comes from: "), where)
        others = sorted(taken_over().get(about.name, set()) - {about.name})
        if others:
            listed_names = ", ".join(f"`{one}`" for one in others)
            section += paragraph(f"It may also say what these say: {listed_names}.")
        listed = nodes.definition_list()
        for text in own:
            item = nodes.definition_list_item()
            item += nodes.term("", "", nodes.literal(text=text.said), ids=[anchor(text)])
            item += nodes.definition("", paragraph(text.mend or "no remedy of its own: see above"))
            listed += item
        if own:
            section += listed
        return section


class ErrorIndex(Directive):
    """``{error-index}``."""

    def run(self) -> list[nodes.Node]:
        listed = nodes.bullet_list()
        for text in sorted(texts(), key=lambda one: (beginning(one).lower(), str(one.error))):
            link = nodes.reference("", "", internal=True, refid=anchor(text))
            link += nodes.literal(text=text.said)
            listed += nodes.list_item("", paragraph(link, f" ({text.error})"))
        return [listed]


def setup(app):
    """Called by Sphinx."""
    app.add_directive("error-tree", ErrorTree)
    app.add_directive("error-index", ErrorIndex)
    return {"parallel_read_safe": True}
