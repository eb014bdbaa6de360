"""The directive ``backend-options``: a backend's options as a table, from their declaration."""

from __future__ import annotations

import dataclasses

from docutils import nodes
from docutils.parsers.rst import Directive
from secateur.backends.options import domain

from secateur.solving import load_solver


class BackendOptionsTable(Directive):
    """``{backend-options} NAME``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        kind = load_solver(self.arguments[0]).Options
        table, body = nodes.table(), nodes.tbody()
        group = nodes.tgroup(cols=3)
        for width in (18, 50, 32):
            group += nodes.colspec(colwidth=width)
        head = nodes.thead()
        head += self._row([nodes.Text(text) for text in ("option", "meaning", "values")])
        for field in dataclasses.fields(kind):
            name = nodes.literal(text=field.name)
            body += self._row([name, nodes.Text(field.metadata["text"]), nodes.Text(domain(field))])
        group += [head, body]
        table += group
        return [table]

    @staticmethod
    def _row(cells: list[nodes.Node]) -> nodes.row:
        row = nodes.row()
        for cell in cells:
            entry, paragraph = nodes.entry(), nodes.paragraph()
            paragraph += cell
            entry += paragraph
            row += entry
        return row


def setup(app):
    """Called by Sphinx."""
    app.add_directive("backend-options", BackendOptionsTable)
    return {"parallel_read_safe": True}
